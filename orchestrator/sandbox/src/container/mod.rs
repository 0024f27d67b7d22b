//! Containers: jobs in an image of another Linux distribution.
//!
//! A container runtime (docker or podman) runs them. The runtime belongs to the operator and is called as
//! a trusted program. Its containers have no network and no right, and they can only read the files that
//! they get. [`ContainerRuntime::run`] removes its container, however the job ends. A container of a
//! process that was killed is removed by [`ContainerRuntime::remove_left`] at the next start.

mod argv;
mod image;
mod outcome;
mod readable;

use std::{
    collections::BTreeMap,
    future::{Future, pending},
    hash::{BuildHasher as _, Hasher as _},
    path::{Path, PathBuf},
    time::Duration,
};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    Call, CallReport, Ended, Host, Job, Report, SandboxError, call, program::find_program,
};
use argv::Container;
pub use image::ImageSystem;
use outcome::State;

/// Variables of this process that a client needs to find its service and its settings.
pub const CLIENT_VARIABLES: [&str; 13] = [
    "CONTAINERS_CONF",
    "CONTAINERS_REGISTRIES_CONF",
    "CONTAINERS_STORAGE_CONF",
    "CONTAINER_HOST",
    "DOCKER_CERT_PATH",
    "DOCKER_CONFIG",
    "DOCKER_CONTEXT",
    "DOCKER_HOST",
    "DOCKER_TLS_VERIFY",
    "HOME",
    "XDG_CONFIG_HOME",
    "XDG_DATA_HOME",
    "XDG_RUNTIME_DIR",
];

/// The time for an answer of the service.
const ANSWER: Duration = Duration::from_secs(60);
/// The time for the answer to the first question. A service that does not answer must not delay a run.
const FIRST_ANSWER: Duration = Duration::from_secs(10);
/// The time between TERM and KILL of a client.
const GRACE: Duration = Duration::from_secs(2);
/// The most bytes of an answer.
const ANSWER_BYTES: u64 = 8 << 20;

/// A program that runs containers.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "proper names")]
pub enum RuntimeKind {
    Docker,
    Podman,
}

impl RuntimeKind {
    /// All of them, in the order in which they are searched.
    pub const ALL: [Self; 2] = [Self::Docker, Self::Podman];

    /// The name of the program, also in records.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Docker => "docker",
            Self::Podman => "podman",
        }
    }
}

impl std::fmt::Display for RuntimeKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// No container can run on this machine: for each runtime the reason, in words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.join("; "))]
pub struct NoRuntime(pub Vec<String>);

/// A container runtime whose service has answered.
#[derive(Debug, Clone)]
pub struct ContainerRuntime {
    kind: RuntimeKind,
    version: String,
    program: PathBuf,
    host: Host,
    env: BTreeMap<String, String>,
}

impl ContainerRuntime {
    /// Searches the programs of `kinds` on the host's `PATH` and takes the first whose service answers.
    /// `variables` are those of [`CLIENT_VARIABLES`] that this process has.
    pub async fn find(
        host: &Host,
        kinds: &[RuntimeKind],
        variables: &BTreeMap<String, String>,
    ) -> Result<Self, NoRuntime> {
        let mut env = variables.clone();
        env.insert("PATH".to_owned(), host.path.to_string_lossy().into_owned());
        let mut reasons = vec![];
        for &kind in kinds {
            let Some(program) = find_program(kind.as_str(), &host.path) else {
                reasons.push(format!("{kind} is not on PATH"));
                continue;
            };
            let (version, host, env) = (String::new(), host.clone(), env.clone());
            let found = Self { kind, version, program, host, env };
            match found.ask(argv::version(kind), FIRST_ANSWER).await {
                Ok(version) if !version.is_empty() => return Ok(Self { version, ..found }),
                Ok(_) => reasons.push(format!("{kind} prints no version of its service")),
                Err(why) => reasons.push(format!("{kind} does not work: {why}")),
            }
        }
        Err(NoRuntime(reasons))
    }

    /// Which runtime it is.
    pub fn kind(&self) -> RuntimeKind {
        self.kind
    }

    /// The version of its service.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Runs `job` in a new container of `image`, which must be on the machine. The job has no network and
    /// does not write to its work folder, which becomes readable for every user. `owner` is the folder of
    /// the caller's run, see [`Self::remove_left`].
    ///
    /// The time limit of the job includes the start of the container. As for [`crate::Sandbox::run`], a job
    /// that fails is not an error.
    pub async fn run(
        &self,
        job: &Job,
        image: &str,
        owner: &Path,
        cancel: impl Future<Output = ()>,
    ) -> Result<Report, SandboxError> {
        let work_dir = job.work_dir.clone();
        let made = tokio::task::spawn_blocking(move || readable::make_readable(&work_dir)).await;
        made.map_err(std::io::Error::other)
            .flatten()
            .map_err(|error| self.fault(format!("{}: {error}", job.work_dir.display())))?;
        let name = format!("tsuku-batch-{}", unique_word());
        let container = Container { name: &name, owner, image, job };
        let args = argv::run(self.kind, &container).map_err(SandboxError::Job)?;
        let limits = job.limits;
        let ended = self.client(args, limits.wall_time, limits.output_bytes, cancel).await;
        let state = self.ask(argv::state(&name), ANSWER).await;
        let removed = self.ask(argv::remove(std::slice::from_ref(&name)), ANSWER).await;
        let client = ended?;
        let state = state.ok().as_deref().and_then(State::read);
        if state.is_some() {
            removed.map_err(|why| self.fault(format!("{name} cannot be removed: {why}")))?;
        }
        let (exit_code, ended) =
            outcome::read(&client, state.as_ref()).map_err(|why| self.fault(why))?;
        Ok(CallReport { exit_code, ended, ..client }.of_job(job, None))
    }

    /// Removes the containers that `owner` left, and those whose owner's folder does not exist any more.
    /// To be called while nobody else runs containers for `owner`.
    pub async fn remove_left(&self, owner: &Path) -> Result<(), SandboxError> {
        let fault = |why| self.fault(why);
        let listed = self.ask(argv::list(), ANSWER).await.map_err(fault)?;
        let ids: Vec<String> = listed.lines().map(str::to_owned).collect();
        if ids.is_empty() {
            return Ok(());
        }
        let owners = self.ask(argv::owners(&ids), ANSWER).await.map_err(fault)?;
        let is_left = |folder: &Path| folder == owner || !folder.exists();
        let pairs = owners.lines().filter_map(|line| line.split_once(' '));
        let left = pairs.filter(|(_, folder)| is_left(Path::new(folder)));
        let left: Vec<String> = left.map(|(id, _)| id.to_owned()).collect();
        if left.is_empty() {
            return Ok(());
        }
        self.ask(argv::remove(&left), ANSWER).await.map(drop).map_err(fault)
    }

    /// The trimmed answer of the client. The error says why there is none.
    async fn ask(&self, args: Vec<String>, deadline: Duration) -> Result<String, String> {
        let answer = self.client(args, deadline, ANSWER_BYTES, pending()).await;
        let answer = answer.map_err(|error| error.to_string())?;
        match (answer.ended, answer.exit_code) {
            (Ended::Exited, Some(0)) => Ok(answer.stdout.trim().to_owned()),
            (Ended::TimedOut, _) => Err(format!("no answer within {} s", deadline.as_secs())),
            _ => Err(outcome::said(&answer)),
        }
    }

    async fn client(
        &self,
        words: Vec<String>,
        deadline: Duration,
        output_bytes: u64,
        cancel: impl Future<Output = ()>,
    ) -> Result<CallReport, SandboxError> {
        let program = self.program.to_string_lossy().into_owned();
        let argv = [program].into_iter().chain(words).collect();
        let (env, dir) = (self.env.clone(), PathBuf::from("/"));
        let of_client = Call { argv, env, dir, deadline, grace: GRACE, output_bytes };
        call(&self.host, &of_client, cancel).await
    }

    fn fault(&self, reason: String) -> SandboxError {
        SandboxError::Container { runtime: self.kind.as_str(), reason }
    }
}

/// A word that no other process and no other call has.
fn unique_word() -> String {
    // The hasher of the standard library starts with random keys.
    format!("{:016x}", std::hash::RandomState::new().build_hasher().finish())
}
