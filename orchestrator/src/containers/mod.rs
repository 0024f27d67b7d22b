//! Containers, in which recipes are validated for other Linux distributions than that of this machine.
//!
//! [`batch_sandbox::container`] runs them. This module knows which image belongs to which environment.

mod images;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use batch_core::model::Environment;
use batch_sandbox::{
    Job, Report, SandboxError,
    container::{ContainerRuntime, NoRuntime},
};
use tokio::sync::OnceCell;
use tokio_util::sync::CancellationToken;

pub use images::{Family, ImageReference, Images, InvalidImage, needs_container};

use crate::os_release;

/// The containers that can run on this machine.
pub struct Containers {
    runtime: Result<ContainerRuntime, NoRuntime>,
    images: Images,
    /// The environment of this machine.
    here: Option<Environment>,
    /// What came of the preparation of each image, once for each process.
    prepared: BTreeMap<Environment, OnceCell<Result<(), String>>>,
}

/// Why recipes cannot be validated in an environment on this machine.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotRunnable {
    /// It is not Linux.
    #[error("it needs a machine with this system")]
    OtherSystem,
    /// It has another processor.
    #[error("it needs a machine with this processor")]
    OtherProcessor,
    /// Nothing on this machine runs containers.
    #[error("it needs a container runtime: {0}")]
    NoRuntime(NoRuntime),
    /// There is no image.
    #[error("it has no image; set one under `[containers.images]` in pipeline.toml")]
    NoImage,
    /// The ecosystem's own tool installs the recipe, and the images do not contain it.
    #[error(
        "its image does not contain {0}, which installs the recipe; the package manager's own program \
         installs it there (`--validator tsuku`)"
    )]
    NeedsTool(String),
}

/// No container of an environment could be opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotOpened {
    /// It was cancelled.
    Cancelled,
    /// This machine cannot do it.
    NotRunnable(NotRunnable),
    /// The runtime or the image does not work, in words.
    Fault(String),
}

/// An environment in containers of this machine.
#[derive(Debug, Clone)]
pub struct Container<'a> {
    runtime: &'a ContainerRuntime,
    image: &'a ImageReference,
    owner: PathBuf,
}

impl Containers {
    /// The containers of `runtime` with `images` on a machine that is `here`.
    pub fn new(
        runtime: Result<ContainerRuntime, NoRuntime>,
        images: Images,
        here: Option<Environment>,
    ) -> Self {
        let prepared = Environment::ALL.iter().map(|&it| (it, OnceCell::new())).collect();
        Self { runtime, images, here, prepared }
    }

    /// The runtime, or why there is none.
    pub fn runtime(&self) -> Result<&ContainerRuntime, &NoRuntime> {
        self.runtime.as_ref()
    }

    /// The image of `environment`, if its containers can run on this machine.
    pub fn image(&self, environment: Environment) -> Result<&ImageReference, NotRunnable> {
        if Family::of(environment).is_none() {
            return Err(NotRunnable::OtherSystem);
        }
        if self.here.is_none_or(|here| processor(here) != processor(environment)) {
            return Err(NotRunnable::OtherProcessor);
        }
        self.runtime().map_err(|why| NotRunnable::NoRuntime(why.clone()))?;
        self.images.of(environment).ok_or(NotRunnable::NoImage)
    }

    /// Prepares containers of `environment` for the run that works in the folder `owner`, which must exist.
    /// The image is downloaded if the machine does not have it, and it must describe itself as a system of
    /// the environment.
    pub async fn open(
        &self,
        environment: Environment,
        owner: PathBuf,
        cancel: &CancellationToken,
    ) -> Result<Container<'_>, NotOpened> {
        let image = self.image(environment).map_err(NotOpened::NotRunnable)?;
        let runtime = self.runtime().map_err(|why| NotRunnable::NoRuntime(why.clone()));
        let runtime = runtime.map_err(NotOpened::NotRunnable)?;
        let prepare = async {
            let prepared = prepare(runtime, (environment, image), &owner, cancel).await;
            if cancel.is_cancelled() { Err(NotOpened::Cancelled) } else { Ok(prepared) }
        };
        let prepared = match self.prepared.get(&environment) {
            Some(cell) => cell.get_or_try_init(|| prepare).await?.clone(),
            None => prepare.await?,
        };
        prepared.map_err(NotOpened::Fault)?;
        Ok(Container { runtime, image, owner })
    }

    /// Removes the containers that an earlier run in the folder `owner` left.
    pub async fn remove_left(&self, owner: &Path) -> Result<(), SandboxError> {
        match self.runtime() {
            Ok(runtime) => runtime.remove_left(owner).await,
            Err(_) => Ok(()),
        }
    }
}

async fn prepare(
    runtime: &ContainerRuntime,
    (environment, image): (Environment, &ImageReference),
    owner: &Path,
    cancel: &CancellationToken,
) -> Result<(), String> {
    let system = runtime.prepare(image.as_str(), owner, cancel.cancelled()).await;
    let system = system.map_err(|error| error.to_string())?;
    let found = os_release::environment("linux", &system.machine, &system.os_release);
    if found == Some(environment) {
        return Ok(());
    }
    let found = found.map_or("none of the known environments", Environment::as_str);
    Err(format!("the image {image} is {found}, not {environment}"))
}

/// The last word of the name.
fn processor(environment: Environment) -> &'static str {
    environment.as_str().rsplit('-').next().unwrap_or_default()
}

impl Container<'_> {
    /// The name of the runtime, as in records.
    pub fn name(&self) -> &'static str {
        self.runtime.kind().as_str()
    }

    /// Runs `job`, see [`ContainerRuntime::run`].
    pub async fn run(
        &self,
        job: &Job,
        cancel: impl Future<Output = ()>,
    ) -> Result<Report, SandboxError> {
        self.runtime.run(job, self.image.as_str(), &self.owner, cancel).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn without_runtime(here: Option<Environment>) -> Containers {
        let none = NoRuntime(vec!["docker is not on PATH".to_owned()]);
        Containers::new(Err(none), Images::new(&BTreeMap::new()), here)
    }

    #[test]
    fn an_environment_that_cannot_run_here_says_why() {
        let containers = without_runtime(Some(Environment::DebianX86));
        let why = |environment| containers.image(environment).unwrap_err();
        assert_eq!(why(Environment::MacArm), NotRunnable::OtherSystem);
        assert_eq!(why(Environment::AlpineArm), NotRunnable::OtherProcessor);
        assert!(why(Environment::AlpineX86).to_string().ends_with("docker is not on PATH"));
        let unknown = without_runtime(None);
        assert_eq!(unknown.image(Environment::DebianX86), Err(NotRunnable::OtherProcessor));
    }

    #[test]
    fn processors_are_read_from_the_names() {
        let found: Vec<&str> = Environment::ALL.iter().map(|&it| processor(it)).collect();
        assert!(found.iter().all(|it| ["x86_64", "arm64"].contains(it)), "{found:?}");
        assert_eq!(processor(Environment::MacArm), processor(Environment::SuseArm));
    }
}
