//! A folder for one job, and checks of what it leaves behind.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    future::{Future, pending},
    path::{Path, PathBuf},
    time::Duration,
};

use batch_sandbox::{
    Backend, Ended, Host, Job, LimiterKind, Limits, Report, Sandbox, SandboxError,
};
use libtest_mimic::Completion;

/// A test with one sandbox.
pub(crate) type Check = fn(&TestSandbox) -> Completion;

/// The machine as the tests use it.
#[expect(clippy::disallowed_methods, reason = "the tests use the machine as it is")]
pub(crate) fn host() -> Host {
    Host {
        executable: std::env::current_exe().expect("this program"),
        path: std::env::var_os("PATH").unwrap_or_default(),
        namespaces: true,
    }
}

/// A backend, and whether this program may create namespaces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Layers(pub(crate) Backend, pub(crate) bool);

impl Layers {
    pub(crate) const ALL: [Self; 4] = [
        Self(Backend::Both, true),
        Self(Backend::Bubblewrap, true),
        Self(Backend::Landlock, true),
        Self(Backend::Landlock, false),
    ];

    pub(crate) fn name(self) -> String {
        let Self(backend, namespaces) = self;
        if namespaces { backend.to_string() } else { format!("{backend} without namespaces") }
    }

    /// The sandbox, or why it is not available.
    pub(crate) fn open(self, limiter: LimiterKind) -> Result<Sandbox, String> {
        let Self(backend, namespaces) = self;
        let host = Host { namespaces, ..host() };
        block_on(Sandbox::open(&host, backend, limiter)).map_err(|error| error.to_string())
    }
}

pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(future)
}

/// A sandbox with a folder.
pub(crate) struct TestSandbox {
    pub(crate) sandbox: Sandbox,
    _dir: tempfile::TempDir,
    outside: PathBuf,
}

impl TestSandbox {
    pub(crate) fn new(sandbox: Sandbox) -> Self {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let outside = dir.path().canonicalize().expect("its real path");
        std::fs::create_dir(outside.join("work")).expect("a work folder");
        Self { sandbox, _dir: dir, outside }
    }

    /// A folder that a job cannot see.
    pub(crate) fn outside(&self) -> &Path {
        &self.outside
    }

    pub(crate) fn work_dir(&self) -> PathBuf {
        self.outside.join("work")
    }

    /// A small job without network and with write access.
    pub(crate) fn job(&self, argv: &[&str]) -> Job {
        Job {
            argv: argv.iter().map(ToString::to_string).collect(),
            env: BTreeMap::new(),
            work_dir: self.work_dir(),
            writable: true,
            network: None,
            read_only: vec![std::env::current_exe().expect("this program")],
            path_dirs: Vec::new(),
            separate_stdout: false,
            limits: Limits {
                memory_bytes: 128 << 20,
                cpus: 2,
                processes: 64,
                disk_bytes: 64 << 20,
                files: 2_000,
                // Also where the machine does much else: another limit is to end the job.
                wall_time: Duration::from_secs(100),
                output_bytes: 8 << 20,
            },
        }
    }

    pub(crate) fn shell(&self, script: &str) -> Job {
        self.job(&["sh", "-c", script])
    }

    /// A job that runs this program as a hostile one.
    pub(crate) fn hostile(&self, args: &[&str]) -> Job {
        let this = std::env::current_exe().expect("this program");
        let line: Vec<&str> = [this.to_str().expect("a name in UTF-8"), super::hostile::MODE]
            .into_iter()
            .chain(args.iter().copied())
            .collect();
        self.job(&line)
    }

    pub(crate) fn run(&self, job: &Job) -> Report {
        let report = self.run_until(job, pending());
        report.expect("the sandbox opened, so it runs jobs")
    }

    pub(crate) fn run_until(
        &self,
        job: &Job,
        cancel: impl Future<Output = ()>,
    ) -> Result<Report, SandboxError> {
        let report = block_on(self.sandbox.run(job, cancel));
        self.assert_clean();
        report
    }

    /// Checks that no scratch folder is left. Control groups are checked in other tests, which know
    /// the supervisors.
    pub(crate) fn assert_clean(&self) {
        let left: Vec<OsString> = names(self.outside())
            .into_iter()
            .filter(|name| name.to_string_lossy().starts_with(".scratch-"))
            .collect();
        assert!(left.is_empty(), "scratch is left: {left:?}");
    }
}

/// Checks how a job ended.
pub(crate) fn ended(report: &Report, ended: Ended) -> Completion {
    assert_eq!(report.ended, ended, "{report:?}");
    Completion::Completed
}

#[expect(clippy::disallowed_methods, reason = "tests look at the machine as it is")]
pub(crate) fn names(dir: &Path) -> Vec<OsString> {
    std::fs::read_dir(dir).into_iter().flatten().flatten().map(|entry| entry.file_name()).collect()
}

/// Running processes with `token` in their command line.
pub(crate) fn processes_with(token: &str) -> Vec<String> {
    let pids = names(Path::new("/proc")).into_iter().filter_map(|name| name.into_string().ok());
    pids.filter(|pid| pid.bytes().all(|byte| byte.is_ascii_digit()))
        .filter(|pid| {
            let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            String::from_utf8_lossy(&line).contains(token)
        })
        .collect()
}

/// An argument of `sleep` that no other process uses.
pub(crate) fn unique_sleep() -> String {
    let nanos = std::time::UNIX_EPOCH.elapsed().map_or(0, |since| since.subsec_nanos());
    format!("300.{nanos:09}{}", std::process::id())
}
