//! Where the programs of a validation run: in the sandbox of this machine, or in a container of another
//! Linux distribution.

use std::path::{Path, PathBuf};

use batch_core::model::{
    Environment, Failure, FailureKind, Finding, InstallPlan, InstallStep, PackageFacts, Stage,
};
use batch_sandbox::{Job, Report, Sandbox, SandboxError};
use tokio_util::sync::CancellationToken;

use crate::{
    containers::{Container, NotOpened, NotRunnable},
    failure::Source,
    validator::NativeValidator,
};

/// The name of a container in results if it was not opened.
const CONTAINER: &str = "container";

/// Where the programs of one validation run.
pub(super) enum Place<'a> {
    Sandbox(&'a Sandbox),
    Container(Container<'a>),
}

impl Place<'_> {
    /// Its name, as in records.
    pub(super) fn name(&self) -> String {
        match self {
            Self::Sandbox(sandbox) => sandbox.backend().to_string(),
            Self::Container(container) => container.name().to_owned(),
        }
    }

    /// The service that failed if no job can run.
    pub(super) fn service(&self) -> &'static str {
        match self {
            Self::Sandbox(_) => "sandbox",
            Self::Container(container) => container.name(),
        }
    }

    pub(super) async fn run(
        &self,
        job: &Job,
        cancel: impl Future<Output = ()>,
    ) -> Result<Report, SandboxError> {
        match self {
            Self::Sandbox(sandbox) => sandbox.run(job, cancel).await,
            Self::Container(container) => container.run(job, cancel).await,
        }
    }

    /// Whether the programs of this machine are there.
    pub(super) fn is_here(&self) -> bool {
        matches!(self, Self::Sandbox(_))
    }

    /// The folder for the installation below `dir`, which only this user may enter. A container has
    /// another user, who must be able to read the folder.
    pub(super) fn folder(&self, dir: &Path) -> std::io::Result<PathBuf> {
        match self {
            Self::Sandbox(_) => Ok(dir.to_owned()),
            Self::Container(_) => {
                let folder = dir.join("files");
                std::fs::create_dir(&folder).map(|()| folder)
            }
        }
    }

    /// The first program of `plan` that does not exist here.
    pub(super) fn missing_tool<'p>(&self, plan: &'p InstallPlan) -> Option<&'p str> {
        let tool = |step: &'p InstallStep| match step {
            InstallStep::Run { argv, .. } => argv.first().map(String::as_str),
            InstallStep::Fetch { .. }
            | InstallStep::Unpack { .. }
            | InstallStep::Link { .. }
            | InstallStep::LinkEntries { .. }
            | InstallStep::Substitute { .. }
            | InstallStep::Export { .. }
            | InstallStep::Inspect { .. }
            | InstallStep::Present { .. } => None,
        };
        if self.is_here() { None } else { plan.steps.iter().find_map(tool) }
    }
}

impl NativeValidator<'_> {
    /// The place for `environment`.
    pub(super) async fn place(
        &self,
        environment: Environment,
        cancel: &CancellationToken,
    ) -> Result<Place<'_>, NotOpened> {
        if self.environment == Some(environment) {
            return Ok(Place::Sandbox(self.sandbox));
        }
        let owner = std::fs::create_dir_all(&self.work).and_then(|()| self.work.canonicalize());
        let owner =
            owner.map_err(|error| NotOpened::Fault(format!("{}: {error}", self.work.display())))?;
        self.containers.open(environment, owner, cancel).await.map(Place::Container)
    }

    /// The sandbox and the failure where no place was found. It never blames the package.
    pub(super) fn without_place(
        &self,
        facts: &PackageFacts,
        environment: Environment,
        why: &NotOpened,
    ) -> (String, Box<Failure>) {
        let (kind, why) = match why {
            NotOpened::NotRunnable(why) => (FailureKind::ToolMissing, why.to_string()),
            NotOpened::Fault(why) => (FailureKind::ToolCrashed, why.clone()),
            NotOpened::Cancelled => (FailureKind::RunnerLost, "it was cancelled".to_owned()),
        };
        let finding = Finding::stated(kind).of_service(CONTAINER);
        let message = format!("{environment} cannot be used on this machine: {why}");
        let package = &facts.id;
        let source = Source { package, cleaner: self.cleaner, works: Some(&self.work) };
        let failure = Box::new(source.failure(Stage::Validate, finding, &message));
        (CONTAINER.to_owned(), failure)
    }
}

/// Why a recipe that `tool` installs is not validated in a container.
pub(super) fn needs(tool: &str) -> String {
    NotRunnable::NeedsTool(tool.to_owned()).to_string()
}
