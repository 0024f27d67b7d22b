//! The native validator: the ecosystem's own tool, in the sandbox.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use crate::{
    failure::Source,
    progress::Phase,
    toolchain::FoundToolchain,
    validator::{Onlookers, Validation, Validator, steps},
};
use anyhow::Context as _;
use async_trait::async_trait;
use batch_core::{
    decide::{clean::Cleaner, gate, recipe},
    io::{Http, Origins},
    model::{
        ActionShape, CommandName, Environment, Failure, FailureKind, Finding, GeneratedRecipe,
        InstallPlan, InstallStep, PackageId, Recipe, Stage, Verify, WORK_DIR, slug,
    },
    plugin::{EcosystemPlugin, NativeInstaller},
};
use batch_sandbox::{
    Ended, Job, Limits, PROXY_VARIABLES, Reach, Report, Sandbox, SandboxError, inspect, remove_tree,
};

/// Installs with the ecosystem's own tool and runs the verify command, both contained.
pub struct NativeValidator<'a> {
    /// What contains package code.
    pub sandbox: &'a Sandbox,
    /// The ecosystems' own tools.
    pub toolchains: &'a BTreeMap<batch_core::model::EcosystemId, FoundToolchain>,
    /// What cleans all that tools say.
    pub cleaner: &'a Cleaner,
    /// Variables of this machine that tools may see.
    pub passed_on: &'a BTreeMap<String, String>,
    /// Mirrors, for the tools too.
    pub origins: Origins,
    /// What downloads artifacts, within the quotas.
    pub http: Arc<dyn Http>,
    /// The steps that a recipe may use besides the common ones.
    pub actions: Vec<ActionShape>,
    /// Of the install steps.
    pub install_limits: Limits,
    /// How long the verify command may take.
    pub verify_wall: Duration,
    /// Folder for the installations; each is removed when its validation ends.
    pub work: PathBuf,
}

/// Why a validation went no further: a failure of the package, or an interruption.
pub(super) enum Stop {
    Failed(Box<Failure>),
    Interrupted,
}

#[async_trait]
impl Validator for NativeValidator<'_> {
    async fn clean_up(&self) -> anyhow::Result<()> {
        let work = self.work.clone();
        if !work.exists() {
            return Ok(());
        }
        // Whatever lies there is hostile, and may be tens of thousands of files.
        let removed = tokio::task::spawn_blocking({
            let work = work.clone();
            move || remove_tree(&work)
        });
        removed.await?.with_context(|| format!("cannot clear {}", work.display()))
    }

    async fn validate(
        &self,
        plugin: &EcosystemPlugin,
        generated: &GeneratedRecipe,
        environment: Environment,
        onlookers: Onlookers<'_>,
    ) -> Option<Validation> {
        let attempt = Attempt { validator: self, plugin, generated, onlookers };
        let sandbox = self.sandbox.backend().to_string();
        match attempt.run(environment).await {
            Ok(verify) => Some(Validation::Passed { sandbox, verify }),
            Err(Stop::Failed(failure)) => Some(Validation::Failed { sandbox, failure }),
            Err(Stop::Interrupted) => None,
        }
    }
}

/// One validation.
pub(super) struct Attempt<'a> {
    pub(super) validator: &'a NativeValidator<'a>,
    pub(super) plugin: &'a EcosystemPlugin,
    pub(super) generated: &'a GeneratedRecipe,
    onlookers: Onlookers<'a>,
}

impl Attempt<'_> {
    async fn run(&self, environment: Environment) -> Result<Option<Verify>, Stop> {
        let recipe = recipe::parse(&self.generated.toml, &self.validator.actions)
            .map_err(|error| self.stop(FailureKind::SchemaInvalid, &error.to_string()))?;
        gate::cell(&recipe, environment.cell()).map_err(|it| self.stop(it.kind, &it.reason))?;
        let none = || self.stop(FailureKind::UnsupportedSource, "installer not available yet");
        let installer = self.plugin.installer.ok_or_else(none)?;
        let origins = &self.validator.origins;
        let plan = installer.install(&recipe, &self.generated.facts, environment, origins);
        let dir = self.work_dir()?;
        let done = self.install_and_verify(&plan, &recipe, dir.path()).await;
        // Tens of thousands of hostile files: not on a thread that drives others.
        let _ = tokio::task::spawn_blocking(move || remove_tree(&dir.keep())).await;
        done
    }

    async fn install_and_verify(
        &self,
        plan: &InstallPlan,
        recipe: &Recipe,
        dir: &Path,
    ) -> Result<Option<Verify>, Stop> {
        self.tell(Phase::Install);
        for step in &plan.steps {
            if let InstallStep::Run { argv, env, network } = step {
                let job = self.job(argv.clone(), env, dir, plan);
                let mut job = Job { writable: true, ..job };
                if *network {
                    self.connect(&mut job);
                }
                self.install_step(&job).await?;
            } else if let InstallStep::Inspect { dir: bin, executables } = step {
                self.inspect(dir, bin, executables)?;
            } else if !matches!(step, InstallStep::Export { .. }) {
                // `Export` is for the verify command only.
                self.own_step(step, dir).await?;
            }
        }
        match &recipe.verify {
            None => Ok(None),
            Some(verify) => {
                self.tell(Phase::Verify);
                self.verify(plan, verify, dir).await.map(Some)
            }
        }
    }

    async fn install_step(&self, job: &Job) -> Result<(), Stop> {
        let report = self.sandboxed(job).await?;
        if report.succeeded() {
            return Ok(());
        }
        let tool = job.argv.first().map_or("", String::as_str);
        Err(Stop::Failed(Box::new(self.source().of_install(self.plugin, tool, &report))))
    }

    /// A step that this program does itself.
    async fn own_step(&self, step: &InstallStep, dir: &Path) -> Result<(), Stop> {
        let done = tokio::select! {
            done = steps::run(step, dir, &*self.validator.http) => done,
            () = self.onlookers.cancel.cancelled() => return Err(Stop::Interrupted),
        };
        // A step of a later version of the contract must not pass for done.
        let unknown = || self.stop(FailureKind::InstallFailed, &format!("unknown step {step:?}"));
        done.ok_or_else(unknown)?.map_err(|error| {
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

    pub(super) fn job(
        &self,
        argv: Vec<String>,
        env: &BTreeMap<String, String>,
        dir: &Path,
        plan: &InstallPlan,
    ) -> Job {
        let toolchain = self.toolchain();
        let bins = plan.bin_dirs.iter().map(|bin| dir.join(bin));
        let tools = toolchain.into_iter().flat_map(|found| found.path_dirs.iter().cloned());
        let place = dir.to_string_lossy();
        let variables = env.iter().map(|(k, v)| (k.clone(), v.replace(WORK_DIR, &place)));
        let limits = self.validator.install_limits;
        let longest = self.plugin.installer.and_then(NativeInstaller::longest_step);
        let wall = longest.map_or(limits.wall, |longest| longest.max(limits.wall));
        Job {
            argv,
            env: variables.collect(),
            work_dir: dir.to_owned(),
            writable: false,
            network: None,
            read_only: toolchain.map(|found| found.read_only.clone()).unwrap_or_default(),
            path_dirs: bins.chain(tools).collect(),
            limits: Limits { wall, ..limits },
        }
    }

    /// Lets `job` reach the network, the proxies and mirrors of this machine among it, and gives it
    /// the variables that this takes; what the plan says of a variable holds.
    fn connect(&self, job: &mut Job) {
        let passed_on = self.validator.passed_on;
        let is_proxy =
            |name: &str| PROXY_VARIABLES.contains(&name) && name.to_lowercase() != "no_proxy";
        let proxies =
            passed_on.iter().filter(|(name, _)| is_proxy(name)).map(|(_, url)| url.as_str());
        let hosts: Vec<&str> = self.plugin.rate_limit.quotas().iter().map(|it| it.host).collect();
        let mut reach = Reach::default();
        for url in proxies.chain(self.validator.origins.mirrors_of(&hosts)) {
            if !reach.add(url) {
                tracing::warn!("no sandboxed step can reach the proxy or mirror {url:?}");
            }
        }
        job.network = Some(reach);
        for (name, value) in passed_on {
            job.env.entry(name.clone()).or_insert_with(|| value.clone());
        }
    }

    pub(super) async fn sandboxed(&self, job: &Job) -> Result<Report, Stop> {
        let report = self.validator.sandbox.run(job, self.onlookers.cancel.cancelled()).await;
        match report {
            Ok(Report { ended: Ended::Cancelled, .. }) => Err(Stop::Interrupted),
            Ok(report) => Ok(report),
            Err(error) => Err(self.machine_fault(&error)),
        }
    }

    /// The sandbox itself does not work: nobody's package is to blame.
    fn machine_fault(&self, error: &SandboxError) -> Stop {
        let finding = Finding::stated(FailureKind::ToolCrashed).of_service("sandbox");
        let failure = self.source().failure(Stage::Validate, finding, &error.to_string());
        Stop::Failed(Box::new(failure))
    }

    fn work_dir(&self) -> Result<tempfile::TempDir, Stop> {
        let work = &self.validator.work;
        // Without symbolic links: a job sees real paths only.
        let made = std::fs::create_dir_all(work).and_then(|()| work.canonicalize());
        let made = made.and_then(|work| {
            let prefix = format!("{}-", slug(self.package().name.as_str()));
            tempfile::Builder::new().prefix(&prefix).tempdir_in(work)
        });
        made.map_err(|error| {
            let finding = Finding::stated(FailureKind::DiskFull).of_service("sandbox");
            let message = format!("cannot make a work folder in {}: {error}", work.display());
            Stop::Failed(Box::new(self.source().failure(Stage::Validate, finding, &message)))
        })
    }

    fn toolchain(&self) -> Option<&FoundToolchain> {
        self.validator.toolchains.get(&self.plugin.id)
    }

    pub(super) fn source(&self) -> Source<'_> {
        let NativeValidator { cleaner, work, .. } = self.validator;
        Source { package: self.package(), cleaner, works: Some(work) }
    }

    fn package(&self) -> &PackageId {
        &self.generated.facts.id
    }

    pub(super) fn stop(&self, kind: FailureKind, message: &str) -> Stop {
        let failure = self.source().failure(Stage::Validate, Finding::stated(kind), message);
        Stop::Failed(Box::new(failure))
    }

    fn tell(&self, phase: Phase) {
        self.onlookers.progress.phase(self.package(), phase);
    }
}
