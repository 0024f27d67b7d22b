//! The native validator: it uses the ecosystem's own tool in the sandbox.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    time::Duration,
};

use crate::{
    containers::{Containers, NotOpened},
    failure::Source,
    progress::Phase,
    ran::RanSteps,
    toolchain::FoundToolchain,
    validator::{
        Discovery, NoVerdict, Validation, ValidationContext, Validator,
        place::{Place, needs},
        steps,
        work::{clear, discard},
    },
};
use async_trait::async_trait;
use batch_core::{
    decide::{clean::Cleaner, gate, recipe},
    io::Origins,
    model::{
        ActionShape, CommandName, Environment, Failure, FailureKind, Finding, GeneratedRecipe,
        InstallPlan, InstallStep, PackageFacts, PackageId, Recipe, Stage, Verify,
    },
    plugin::EcosystemPlugin,
};
use batch_sandbox::{Job, Limits, Sandbox, inspect};

/// Installs with the ecosystem's own tool and runs the verify command, both in the sandbox.
pub struct NativeValidator<'a> {
    /// The sandbox for package code.
    pub sandbox: &'a Sandbox,
    /// The environment of this machine, in which recipes are validated in the sandbox.
    pub environment: Option<Environment>,
    /// The containers for other environments.
    pub containers: &'a Containers,
    /// The tools of the ecosystems.
    pub toolchains: &'a BTreeMap<batch_core::model::EcosystemId, FoundToolchain>,
    /// Cleans the output of tools.
    pub cleaner: &'a Cleaner,
    /// Variables of this machine that tools may see.
    pub passed_on: &'a BTreeMap<String, String>,
    /// Mirrors, which the tools use too.
    pub origins: Origins,
    /// The steps that only some recipes may use.
    pub actions: Vec<ActionShape>,
    /// The limits of install steps.
    pub install_limits: Limits,
    /// How long the verify command may take.
    pub verify_wall: Duration,
    /// The folder for the installations. Each is removed at the end of its validation.
    pub work: PathBuf,
}

/// Why a validation ended early.
pub(super) enum Stop {
    Failed(Box<Failure>),
    NoVerdict(NoVerdict),
}

#[async_trait]
impl Validator for NativeValidator<'_> {
    async fn clean_up(&self) -> anyhow::Result<()> {
        if let Ok(owner) = self.work.canonicalize()
            && let Err(error) = self.containers.remove_left(&owner).await
        {
            tracing::warn!("containers of an earlier run may be left: {error}");
        }
        clear(&self.work).await
    }

    async fn validate(
        &self,
        plugin: &EcosystemPlugin,
        generated: &GeneratedRecipe,
        environment: Environment,
        context: ValidationContext<'_>,
    ) -> Result<Validation, NoVerdict> {
        let facts = &generated.facts;
        let place = match self.place(environment, context.cancel).await {
            Ok(place) => place,
            Err(NotOpened::Cancelled) => return Err(NoVerdict::Cancelled),
            Err(why) => {
                let (sandbox, failure) = self.without_place(facts, environment, &why);
                return Ok(Validation::Failed { sandbox, failure });
            }
        };
        let (sandbox, ran) = (place.name(), &RanSteps::default());
        let attempt = Attempt { validator: self, plugin, facts, context, place, ran };
        let tried = attempt.run(&generated.toml, environment).await;
        Validation::of(sandbox, tried, ran)
    }

    async fn discover(
        &self,
        plugin: &EcosystemPlugin,
        facts: &PackageFacts,
        environment: Environment,
        context: ValidationContext<'_>,
    ) -> Result<Discovery, NoVerdict> {
        let place = match self.place(environment, context.cancel).await {
            Ok(place) => place,
            Err(NotOpened::Cancelled) => return Err(NoVerdict::Cancelled),
            Err(why) => {
                let (sandbox, failure) = self.without_place(facts, environment, &why);
                return Ok(Discovery::Failed { sandbox, failure });
            }
        };
        let (sandbox, ran) = (place.name(), &RanSteps::default());
        let attempt = Attempt { validator: self, plugin, facts, context, place, ran };
        match attempt.discover(environment).await {
            Ok(installations) => Ok(Discovery::Installed { sandbox, installations }),
            Err(Stop::Failed(failure)) => {
                Ok(Discovery::Failed { sandbox, failure: Box::new(ran.before(*failure)) })
            }
            Err(Stop::NoVerdict(why)) => Err(why),
        }
    }
}

/// One validation, or one discovery.
pub(super) struct Attempt<'a> {
    pub(super) validator: &'a NativeValidator<'a>,
    pub(super) plugin: &'a EcosystemPlugin,
    pub(super) facts: &'a PackageFacts,
    pub(super) context: ValidationContext<'a>,
    pub(super) place: Place<'a>,
    /// Receives everything that is carried out.
    pub(super) ran: &'a RanSteps,
}

impl Attempt<'_> {
    async fn run(&self, toml: &str, environment: Environment) -> Result<Option<Verify>, Stop> {
        let recipe = recipe::parse(toml, &self.validator.actions)
            .map_err(|error| self.stop(FailureKind::SchemaInvalid, &error.to_string()))?;
        gate::cell(&recipe, environment.cell()).map_err(|it| self.stop(it.kind, &it.reason))?;
        let none = || self.stop(FailureKind::UnsupportedSource, "installer not available yet");
        let installer = self.plugin.installer.ok_or_else(none)?;
        let origins = &self.validator.origins;
        let plan = installer.install(&recipe, self.facts, environment, origins);
        self.look_for_tools(&plan)?;
        let dir = self.work_dir()?;
        let done = match self.place.folder(dir.path()) {
            Ok(folder) => self.install_and_verify(&plan, &recipe, &folder).await,
            Err(error) => Err(self.no_folder(&error)),
        };
        discard(dir).await;
        done
    }

    /// Whether every program of `plan` exists where it would run.
    pub(super) fn look_for_tools(&self, plan: &InstallPlan) -> Result<(), Stop> {
        let Some(tool) = self.place.missing_tool(plan) else { return Ok(()) };
        let finding = Finding::stated(FailureKind::ToolMissing).of_service(tool);
        let failure = self.source().failure(Stage::Validate, finding, &needs(tool));
        Err(Stop::Failed(Box::new(failure)))
    }

    async fn install_and_verify(
        &self,
        plan: &InstallPlan,
        recipe: &Recipe,
        dir: &Path,
    ) -> Result<Option<Verify>, Stop> {
        self.install(plan, dir).await?;
        match &recipe.verify {
            None => Ok(None),
            Some(verify) => {
                self.report_phase(Phase::Verify);
                self.verify(plan, verify, dir).await.map(Some)
            }
        }
    }

    /// Carries out `plan` in the folder `dir`.
    pub(super) async fn install(&self, plan: &InstallPlan, dir: &Path) -> Result<(), Stop> {
        self.report_phase(Phase::Install);
        for step in &plan.steps {
            if let InstallStep::Run { argv, env, network } = step {
                let job = self.job(argv.clone(), env, dir, plan);
                let mut job = Job { writable: true, ..job };
                if *network {
                    self.connect(&mut job);
                }
                self.install_step(&job).await?;
            } else if let InstallStep::Inspect { dir: bin, executables } = step {
                self.ran.own(step, &self.source());
                self.inspect(dir, bin, executables)?;
            } else if !matches!(step, InstallStep::Export { .. }) {
                // `Export` is only for the verify command.
                self.own_step(step, dir).await?;
            }
        }
        Ok(())
    }

    async fn install_step(&self, job: &Job) -> Result<(), Stop> {
        let report = self.sandboxed(job).await?;
        if report.succeeded() {
            return Ok(());
        }
        let tool = job.argv.first().map_or("", String::as_str);
        Err(Stop::Failed(Box::new(self.source().of_install(self.plugin, tool, &report))))
    }

    /// A step that this program carries out itself.
    async fn own_step(&self, step: &InstallStep, dir: &Path) -> Result<(), Stop> {
        self.ran.own(step, &self.source());
        let done = tokio::select! {
            done = steps::run(step, dir, self.context.http) => done,
            () = self.context.cancel.cancelled() => {
                return Err(Stop::NoVerdict(NoVerdict::Cancelled));
            }
        };
        // An unknown step of a later version of the contract must not be ignored.
        let unknown = || self.stop(FailureKind::InstallFailed, &format!("unknown step {step:?}"));
        done.ok_or_else(unknown)?.map_err(|error| {
            if let Some((host, until)) = error.unsent_for_pause() {
                return Stop::NoVerdict(NoVerdict::Paused { host: host.to_owned(), until });
            }
            let message = format!("error: {}", error.chain());
            let failure = self.source().failure(Stage::Validate, error.finding(), &message);
            Stop::Failed(Box::new(failure))
        })
    }

    fn inspect(&self, dir: &Path, bin: &str, executables: &[CommandName]) -> Result<(), Stop> {
        let roots = self.toolchain().map_or(&[][..], |found| &found.read_only);
        let names: Vec<&str> = executables.iter().map(CommandName::as_str).collect();
        inspect(dir, Path::new(bin), &names, roots).map_err(|error| {
            let message = format!("installed, but an expected executable is missing: {error}");
            self.stop(FailureKind::ExecutableMissing, &message)
        })
    }

    pub(super) fn toolchain(&self) -> Option<&FoundToolchain> {
        self.validator.toolchains.get(&self.plugin.id)
    }

    pub(super) fn source(&self) -> Source<'_> {
        let NativeValidator { cleaner, work, .. } = self.validator;
        Source { package: self.package(), cleaner, works: Some(work) }
    }

    pub(super) fn package(&self) -> &PackageId {
        &self.facts.id
    }

    pub(super) fn stop(&self, kind: FailureKind, message: &str) -> Stop {
        let failure = self.source().failure(Stage::Validate, Finding::stated(kind), message);
        Stop::Failed(Box::new(failure))
    }

    fn report_phase(&self, phase: Phase) {
        self.context.progress.phase(self.package(), phase);
    }
}
