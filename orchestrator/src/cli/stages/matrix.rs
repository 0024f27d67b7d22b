//! `matrix`: the environments of a rung in which something is left to test.

use std::fmt;

use batch_core::{
    io::ArtifactFolder,
    model::{Environment, Rung},
};
use schemars::JsonSchema;
use serde::Serialize;

use super::ArtifactArgs;
use crate::{
    cli::{Context, programs::ProgramArgs, session::Session, stops::Stops},
    containers::{Family, Images},
    exit::Exit,
    run::Stages,
};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    artifacts: ArtifactArgs,
    /// Rung of the ladder: 1 Debian on Intel, 2 other Linux on Intel, 3 Linux on arm64, 4 macOS
    #[arg(long, value_name = "1|2|3|4")]
    rung: Rung,
}

pub(crate) async fn run(args: &Args, cx: &Context) -> anyhow::Result<Exit> {
    let root = cx.open_root()?;
    let session = Session::new(cx, &root, &ProgramArgs::none(), None, Stops::new()).await?;
    let owned = session.parts()?;
    let folder = ArtifactFolder::new(&args.artifacts.artifacts);
    let (ports, config) = (session.ports(&owned), session.config());
    let stages =
        Stages { ports: &ports, config: &config, root: &cx.root, folder: &folder, jobs: 1 };
    let images = Images::new(&root.settings.containers.images);
    let due = stages.due_on(args.rung)?.into_iter();
    let include = due.map(|environment| Job::of(environment, &images)).collect();
    cx.out.show(&Matrix { include })?;
    Ok(Exit::Ok)
}

/// What `matrix --json` prints: the matrix of a job of GitHub Actions.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Matrix {
    /// One job for each environment; empty when nothing is left to test.
    include: Vec<Job>,
}

/// A job that tests in one environment.
#[derive(Debug, Serialize, JsonSchema)]
struct Job {
    /// The environment.
    environment: Environment,
    /// The label of the hosted machine.
    runner: &'static str,
    /// The image of the container in which recipes are tested; `null` when they are tested on the
    /// machine itself.
    image: Option<String>,
    /// What a minute costs, as a multiple of a minute on Linux.
    cost: u32,
}

impl Job {
    fn of(environment: Environment, images: &Images) -> Self {
        let runner = match environment {
            Environment::MacArm => "macos-15",
            Environment::MacX86 => "macos-15-intel",
            Environment::DebianArm
            | Environment::RhelArm
            | Environment::SuseArm
            | Environment::AlpineArm => "ubuntu-24.04-arm",
            Environment::DebianX86
            | Environment::RhelX86
            | Environment::ArchX86
            | Environment::SuseX86
            | Environment::AlpineX86 => "ubuntu-24.04",
        };
        // The hosted machines with Linux are of this family themselves.
        let is_own = Family::of(environment) == Some(Family::Debian);
        let image = images.of(environment).filter(|_| !is_own).map(ToString::to_string);
        Self { environment, runner, image, cost: Rung::of(environment).cost() }
    }
}

impl fmt::Display for Matrix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Job { environment, runner, cost, .. } in &self.include {
            writeln!(f, "{environment} on {runner}, cost {cost}")?;
        }
        if self.include.is_empty() {
            writeln!(f, "nothing is left to test")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn the_image_is_that_of_the_one_table() {
        let images = Images::new(&BTreeMap::new());
        for environment in Environment::ALL.iter().copied() {
            let job = Job::of(environment, &images);
            let is_mac = job.runner.starts_with("macos");
            let is_debian = environment.as_str().contains("debian");
            assert_eq!(job.image.is_none(), is_mac || is_debian, "{environment}");
            assert!(job.image.is_none_or(|image| image.contains("@sha256:")), "{environment}");
        }
    }
}
