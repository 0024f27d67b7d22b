//! One validation by the package manager's own program: the checks, and the installation in a container.

use std::{path::Path, sync::atomic::Ordering, time::Duration};

use batch_core::{
    decide::{
        gate, recipe,
        tsuku::{self, Cause, Installed, Output, PROGRAM, Subcommand},
    },
    model::{
        Environment, Evidence, Failure, FailureKind, Finding, GeneratedRecipe, Recipe, Stage,
        Verify,
    },
    plugin::EcosystemPlugin,
};
use batch_sandbox::{CallReport, Ended};

use super::TsukuValidator;
use crate::{
    failure::Source,
    progress::Phase,
    ran::RanSteps,
    tsuku::{Container, PrivateFolder, Target, Tsuku, eval, install, validate},
    validator::{NoVerdict, ValidationContext, native::Stop},
};

/// The name of the program's containers in results.
const CONTAINER: &str = "container";
/// The missing service of a machine that cannot contain an installation.
const CONTAINER_RUNTIME: &str = "container runtime";

/// One validation.
pub(super) struct Trial<'a> {
    pub(super) validator: &'a TsukuValidator<'a>,
    pub(super) program: &'a Tsuku,
    pub(super) plugin: &'a EcosystemPlugin,
    pub(super) generated: &'a GeneratedRecipe,
    pub(super) environment: Environment,
    pub(super) context: ValidationContext<'a>,
    pub(super) source: Source<'a>,
    /// Receives everything that is carried out.
    pub(super) ran: &'a RanSteps,
}

impl Trial<'_> {
    /// The container or sandbox, and the result.
    pub(super) async fn run(&self) -> (String, Result<Option<Verify>, Stop>) {
        let name = self.program.name();
        let folder = match PrivateFolder::new_in(&self.validator.work) {
            Ok(folder) => folder,
            Err(error) => {
                let message = format!("cannot make a work folder: {error}");
                return (name, Err(self.fault(FailureKind::DiskFull, "sandbox", &message)));
            }
        };
        let tried = self.try_in(&folder).await;
        folder.remove().await;
        let (contained, tried) = tried;
        (contained.map_or(name.clone(), |by| format!("{by}, {name}")), tried)
    }

    async fn try_in(
        &self,
        folder: &PrivateFolder,
    ) -> (Option<String>, Result<Option<Verify>, Stop>) {
        let checked = async {
            let recipe = recipe::parse(&self.generated.toml, &self.validator.actions)
                .map_err(|error| self.stop(FailureKind::SchemaInvalid, &error.to_string()))?;
            gate::cell(&recipe, self.environment.cell())
                .map_err(|refusal| self.stop(refusal.kind, &refusal.reason))?;
            let name = format!("{}.toml", self.generated.name);
            let file = folder.put(&name, &self.generated.toml).map_err(|error| {
                self.fault(FailureKind::DiskFull, "sandbox", &error.to_string())
            })?;
            self.check_strictly(&file, folder).await?;
            Ok((recipe, file))
        };
        let (recipe, file) = match checked.await {
            Ok(checked) => checked,
            Err(stop) => return (None, Err(stop)),
        };
        match self.in_container(&file, folder).await {
            Ok(true) => (Some(CONTAINER.to_owned()), Ok(recipe.verify)),
            Err(stop) => (Some(CONTAINER.to_owned()), Err(stop)),
            Ok(false) => self.without_container(&recipe, &file, folder).await,
        }
    }

    async fn without_container(
        &self,
        recipe: &Recipe,
        file: &Path,
        folder: &PrivateFolder,
    ) -> (Option<String>, Result<Option<Verify>, Stop>) {
        let is_here = self.validator.environment == Some(self.environment);
        match &self.validator.native {
            Some(native) if is_here => {
                let backend = native.sandbox.backend().to_string();
                (Some(backend), self.in_sandbox(native, recipe, file, folder).await)
            }
            Some(_) | None => {
                let message = format!(
                    "nothing was installed: there is nothing to run a container with, and no sandbox that \
                     is {}",
                    self.environment
                );
                (None, Err(self.fault(FailureKind::ToolMissing, CONTAINER_RUNTIME, &message)))
            }
        }
    }

    /// Checks the recipe with all rules of the program, which knows the other recipes of the registry.
    async fn check_strictly(&self, file: &Path, folder: &PrivateFolder) -> Result<(), Stop> {
        let argv = validate(&self.program.program, file);
        let report = self.call(argv, folder, self.program.wanted.limits.check).await?;
        if report.exit_code == Some(0) {
            return Ok(());
        }
        let output = output_of(Subcommand::Validate, &report);
        Err(self
            .caused(tsuku::failed(&output, &|evidence| self.classify(evidence)), report.exit_code))
    }

    /// Installs in a container of the environment's family, which the program starts outside our sandbox.
    /// Returns `false` if there can be no such container here.
    async fn in_container(&self, file: &Path, folder: &PrivateFolder) -> Result<bool, Stop> {
        let target = Target::of(self.environment);
        let is_near = |here: Environment| target.has_machine_of(Target::of(here));
        let is_near = self.validator.environment.is_some_and(is_near);
        let has_none = self.validator.has_no_container.load(Ordering::Relaxed);
        let Some(family) = target.family().filter(|_| is_near && !has_none) else {
            return Ok(false);
        };
        self.report_phase(Phase::Install);
        let Tsuku { program, wanted, .. } = self.program;
        let report = self.call(eval(program, file, target), folder, wanted.limits.create).await?;
        tsuku::planned(&output_of(Subcommand::Eval, &report), &|it| self.classify(it))
            .map_err(|cause| self.caused(cause, report.exit_code))?;
        let argv = install(program, file, Container::Of(family));
        let report = self.call(argv, folder, wanted.limits.container).await?;
        let output = output_of(Subcommand::Install, &report);
        match tsuku::in_container(&output, &|evidence| self.classify(evidence)) {
            Installed::Verified => Ok(true),
            Installed::Failed(cause) => Err(self.caused(cause, report.exit_code)),
            Installed::NoContainer => {
                self.validator.has_no_container.store(true, Ordering::Relaxed);
                Ok(false)
            }
        }
    }

    /// A call outside the sandbox, of a command that does not run package code on this machine.
    async fn call(
        &self,
        argv: Vec<String>,
        folder: &PrivateFolder,
        deadline: Duration,
    ) -> Result<CallReport, Stop> {
        let cancel = self.context.cancel.cancelled();
        let report = self.program.call(argv.clone(), folder, deadline, cancel).await;
        let exit_code = report.as_ref().ok().and_then(|report| report.exit_code);
        self.ran.call(&argv, &self.program.environment(folder), exit_code, &self.source);
        let report = report
            .map_err(|error| self.fault(FailureKind::ToolCrashed, PROGRAM, &error.to_string()))?;
        match report.ended {
            Ended::Exited => Ok(report),
            Ended::Cancelled => Err(Stop::NoVerdict(NoVerdict::Cancelled)),
            Ended::TimedOut => {
                let message = format!("{PROGRAM} did not end within {} s", deadline.as_secs());
                Err(self.fault(FailureKind::BuildTimeout, PROGRAM, &message))
            }
            Ended::OutputFlood
            | Ended::OutOfMemory
            | Ended::TooManyProcesses
            | Ended::TooManyFiles
            | Ended::DiskFull => {
                let message = format!("{PROGRAM} printed too much");
                Err(self.fault(FailureKind::ToolCrashed, PROGRAM, &message))
            }
        }
    }

    pub(super) fn classify(&self, evidence: &Evidence) -> Option<Finding> {
        self.plugin.classifier.classify(evidence)
    }

    pub(super) fn caused(&self, cause: Cause, exit_code: Option<i32>) -> Stop {
        Stop::Failed(Box::new(self.source.of_call(Stage::Validate, cause, exit_code)))
    }

    pub(super) fn stop(&self, kind: FailureKind, message: &str) -> Stop {
        self.failed(Finding::stated(kind), message)
    }

    /// A failure of this machine, not of the package.
    fn fault(&self, kind: FailureKind, service: &str, message: &str) -> Stop {
        self.failed(Finding::stated(kind).of_service(service), message)
    }

    fn failed(&self, finding: Finding, message: &str) -> Stop {
        let failure: Failure = self.source.failure(Stage::Validate, finding, message);
        Stop::Failed(Box::new(failure))
    }

    pub(super) fn report_phase(&self, phase: Phase) {
        self.context.progress.phase(&self.generated.facts.id, phase);
    }
}

fn output_of(of: Subcommand, report: &CallReport) -> Output<'_> {
    let CallReport { exit_code, stdout, stderr, .. } = report;
    Output { of, exit_code: *exit_code, stdout, stderr }
}
