//! The command lines of a container runtime, as lists of arguments. Everything here is pure.

use std::path::{Path, PathBuf};

use super::RuntimeKind;
use crate::{Job, PROXY_VARIABLES, variables::variables};

/// The label of all containers of this program. Its value is the folder of the run that owns the
/// container.
pub(super) const LABEL: &str = "tsuku-batch.work";

/// Nobody: a user who owns no file, neither in the image nor on the machine.
const USER: &str = "65534:65534";

/// The only folder that a job can write to. It is in memory, so it counts against the memory limit.
const TEMPORARY: &str = "/tmp";

/// More variables by which clients pass a proxy of their own on to containers.
const MORE_PROXIES: [&str; 4] = ["ALL_PROXY", "all_proxy", "FTP_PROXY", "ftp_proxy"];

/// A container that runs one job.
#[derive(Debug, Clone, Copy)]
pub(super) struct Container<'a> {
    /// The name of the container.
    pub(super) name: &'a str,
    /// The folder of the run that owns it.
    pub(super) owner: &'a Path,
    /// The image, by digest.
    pub(super) image: &'a str,
    /// The job, which has no network and may not write to its work folder.
    pub(super) job: &'a Job,
}

/// The arguments that run `container` to its end. The error says why the job cannot run in a
/// container.
pub(super) fn run(kind: RuntimeKind, container: &Container<'_>) -> Result<Vec<String>, String> {
    let Container { name, owner, image, job } = *container;
    if job.network.is_some() || job.writable {
        return Err("a container has no network and writes no files of the machine".to_owned());
    }
    let [program, arguments @ ..] = &*job.argv else {
        return Err("a job needs a program".to_owned());
    };
    let limits = job.limits;
    let memory = limits.memory_bytes.to_string();
    let work_dir = text(&job.work_dir)?;
    let mut argv = Argv::of(&["run", "--name", name]);
    argv.add(&["--label", &format!("{LABEL}={}", text(owner)?)]);
    argv.add(&["--pull", "never", "--log-driver", "none", "--sig-proxy=false"]);
    argv.add(&["--network", "none", "--hostname", "sandbox", "--ipc", "private"]);
    argv.add(&["--memory", &memory, "--memory-swap", &memory]);
    argv.add(&["--cpus", &limits.cpus.to_string()]);
    argv.add(&["--pids-limit", &limits.processes.to_string()]);
    // With the limit 1 a crash does not start the crash handler of the machine; with 0 it does.
    argv.add(&["--ulimit", "core=1:1", "--ulimit", "nofile=1024:4096"]);
    argv.add(&["--user", USER, "--cap-drop", "ALL", "--security-opt", "no-new-privileges"]);
    argv.add(&["--read-only"]);
    let size = limits.disk_bytes.min(limits.memory_bytes / 2);
    // Podman would copy the files and the mode of the image's folder.
    let copy = if kind == RuntimeKind::Podman { ",notmpcopyup" } else { "" };
    let options = format!("rw,exec,nosuid,nodev,mode=1777,size={size}{copy}");
    argv.add(&["--tmpfs", &format!("{TEMPORARY}:{options}")]);
    for shown in mounted(job) {
        argv.add(&["--mount", &mount(&shown)?]);
    }
    argv.add(&["--workdir", work_dir]);
    match kind {
        RuntimeKind::Docker => {
            // The client adds the proxies of its own settings unless they are given.
            for proxy in PROXY_VARIABLES.into_iter().chain(MORE_PROXIES) {
                argv.add(&["--env", &format!("{proxy}=")]);
            }
        }
        RuntimeKind::Podman => {
            argv.add(&["--http-proxy=false", "--read-only-tmpfs=false"]);
            // Otherwise root raises the limit, which some machines refuse. It counts all processes of the
            // user; the limit of the container is above.
            argv.add(&["--ulimit", "nproc=4096:4096"]);
        }
    }
    let temporary = Path::new(TEMPORARY);
    for (name, value) in variables(job, temporary, temporary) {
        argv.add(&["--env", &format!("{name}={value}")]);
    }
    argv.add(&["--entrypoint", program, image]);
    argv.0.extend(arguments.iter().cloned());
    Ok(argv.0)
}

/// Prints how the container called `name` ended, see [`super::outcome::State::read`].
pub(super) fn state(name: &str) -> Vec<String> {
    let format = "{{.State.Status}} {{.State.OOMKilled}} {{.State.ExitCode}}";
    Argv::of(&["container", "inspect", "--format", format, name]).0
}

/// Ends and removes containers, with the volumes that their images declare.
pub(super) fn remove(containers: &[String]) -> Vec<String> {
    let mut argv = Argv::of(&["rm", "--force", "--volumes"]);
    argv.0.extend(containers.iter().cloned());
    argv.0
}

/// Prints the ids of all containers of this program, one on each line.
pub(super) fn list() -> Vec<String> {
    Argv::of(&["ps", "--all", "--quiet", "--no-trunc", "--filter", &format!("label={LABEL}")]).0
}

/// Prints the id and the owner of each of `containers`, one container on each line.
pub(super) fn owners(containers: &[String]) -> Vec<String> {
    let format = format!("{{{{.Id}}}} {{{{index .Config.Labels {LABEL:?}}}}}");
    let mut argv = Argv::of(&["container", "inspect", "--format", &format]);
    argv.0.extend(containers.iter().cloned());
    argv.0
}

/// Prints the version of the service that runs containers. It fails if the service does not answer.
pub(super) fn version(kind: RuntimeKind) -> Vec<String> {
    match kind {
        RuntimeKind::Docker => Argv::of(&["version", "--format", "{{.Server.Version}}"]).0,
        RuntimeKind::Podman => Argv::of(&["info", "--format", "{{.Version.Version}}"]).0,
    }
}

/// Succeeds if `image` is on the machine.
pub(super) fn has_image(image: &str) -> Vec<String> {
    Argv::of(&["image", "inspect", "--format", "{{.Id}}", image]).0
}

/// Downloads `image`.
pub(super) fn pull(image: &str) -> Vec<String> {
    Argv::of(&["pull", "--quiet", image]).0
}

struct Argv(Vec<String>);

impl Argv {
    fn of(args: &[&str]) -> Self {
        Self(args.iter().map(|&arg| arg.to_owned()).collect())
    }

    fn add(&mut self, args: &[&str]) {
        self.0.extend(Self::of(args).0);
    }
}

/// What the job can read of the machine. Paths that do not exist are left out.
fn mounted(job: &Job) -> Vec<PathBuf> {
    let shown = job.read_only.iter().filter(|path| path.exists());
    shown.chain([&job.work_dir]).cloned().collect()
}

/// A read-only mount at the same path. Its value is one line of CSV.
fn mount(path: &Path) -> Result<String, String> {
    let path = text(path)?;
    let field = |key: &str| {
        let field = format!("{key}={path}");
        if path.contains([',', '"']) {
            format!("\"{}\"", field.replace('"', "\"\""))
        } else {
            field
        }
    };
    Ok(format!("type=bind,{},{},readonly", field("source"), field("target")))
}

/// An absolute path as an argument.
fn text(path: &Path) -> Result<&str, String> {
    let is_plain = |text: &&str| text.starts_with('/') && !text.contains(char::is_control);
    let text = path.to_str().filter(is_plain);
    text.ok_or_else(|| format!("no container can be given the path {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Limits, NetworkAccess};

    const IMAGE: &str = "docker.io/library/debian@sha256:0123";

    fn job() -> Job {
        Job {
            argv: ["/bin/sh", "-c", "tool --version"].map(str::to_owned).to_vec(),
            env: [("TOOL_HOME", "/w/job/home"), ("HTTPS_PROXY", "http://u:secret@p")]
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into(),
            work_dir: PathBuf::from("/w/job"),
            writable: false,
            network: None,
            read_only: vec![PathBuf::from("/usr"), PathBuf::from("/nothing/here")],
            path_dirs: vec![PathBuf::from("/w/job/bin")],
            separate_stdout: false,
            limits: Limits::default(),
        }
    }

    fn of(kind: RuntimeKind, job: &Job) -> Vec<String> {
        let owner = Path::new("/w");
        run(kind, &Container { name: "tsuku-batch-1", owner, image: IMAGE, job }).unwrap()
    }

    /// Checks that the `flag` is followed by `value`, before the image.
    #[track_caller]
    fn check(argv: &[String], flag: &str, value: &str) {
        let end = argv.iter().position(|arg| arg == IMAGE).unwrap();
        let is_set = |pair: &[String]| pair[0] == flag && pair[1] == value;
        assert!(argv[..end].windows(2).any(is_set), "{flag} {value} in {argv:#?}");
    }

    #[test]
    fn a_container_has_every_limit_and_no_right() {
        for kind in [RuntimeKind::Docker, RuntimeKind::Podman] {
            let argv = of(kind, &job());
            assert_eq!(argv[0], "run");
            for (flag, value) in [
                ("--name", "tsuku-batch-1"),
                ("--label", "tsuku-batch.work=/w"),
                ("--pull", "never"),
                ("--log-driver", "none"),
                ("--network", "none"),
                ("--ipc", "private"),
                ("--memory", "2147483648"),
                ("--memory-swap", "2147483648"),
                ("--cpus", "2"),
                ("--pids-limit", "512"),
                ("--ulimit", "core=1:1"),
                ("--ulimit", "nofile=1024:4096"),
                ("--user", "65534:65534"),
                ("--cap-drop", "ALL"),
                ("--security-opt", "no-new-privileges"),
                ("--workdir", "/w/job"),
                ("--entrypoint", "/bin/sh"),
            ] {
                check(&argv, flag, value);
            }
            let copy = if kind == RuntimeKind::Podman { ",notmpcopyup" } else { "" };
            let tmpfs = format!("/tmp:rw,exec,nosuid,nodev,mode=1777,size=1073741824{copy}");
            check(&argv, "--tmpfs", &tmpfs);
            assert!(argv.iter().any(|arg| arg == "--read-only"));
            assert!(argv.iter().any(|arg| arg == "--sig-proxy=false"));
            assert_eq!(argv[argv.len() - 3..], [IMAGE, "-c", "tool --version"]);
            let nproc = argv.iter().any(|arg| arg == "nproc=4096:4096");
            assert_eq!(nproc, kind == RuntimeKind::Podman);
            let is_wide = |arg: &String| arg.contains("privileged") || arg.contains("docker.sock");
            assert!(!argv.iter().any(is_wide), "{argv:#?}");
        }
    }

    #[test]
    fn files_of_the_machine_can_only_be_read() {
        let argv = of(RuntimeKind::Docker, &job());
        let mounts = argv.windows(2).filter(|pair| pair[0] == "--mount");
        let mounts: Vec<&str> = mounts.map(|pair| &*pair[1]).collect();
        assert_eq!(
            mounts,
            [
                "type=bind,source=/usr,target=/usr,readonly",
                "type=bind,source=/w/job,target=/w/job,readonly"
            ]
        );
        assert!(!argv.iter().any(|arg| arg == "--volume" || arg == "-v"));
        let odd = mount(Path::new("/a,b/\"c\"")).unwrap();
        assert_eq!(odd, "type=bind,\"source=/a,b/\"\"c\"\"\",\"target=/a,b/\"\"c\"\"\",readonly");
        assert!(mount(Path::new("relative")).is_err() && mount(Path::new("/a\nb")).is_err());
    }

    #[test]
    fn a_container_gets_listed_variables_and_no_proxy() {
        for kind in [RuntimeKind::Docker, RuntimeKind::Podman] {
            let argv = of(kind, &job());
            let variables = argv.windows(2).filter(|pair| pair[0] == "--env");
            let variables: Vec<&str> = variables.map(|pair| &*pair[1]).collect();
            let set: Vec<&str> =
                variables.iter().filter(|it| !it.ends_with('=')).copied().collect();
            assert_eq!(
                set,
                [
                    "CI=1",
                    "HOME=/tmp",
                    "LANG=C.UTF-8",
                    "NO_COLOR=1",
                    "PATH=/w/job/bin:/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin",
                    "TERM=dumb",
                    "TMPDIR=/tmp",
                    "TOOL_HOME=/w/job/home"
                ]
            );
            assert!(!argv.iter().any(|arg| arg.contains("secret")), "{argv:#?}");
            let names: Vec<&str> = variables.iter().filter_map(|it| it.strip_suffix('=')).collect();
            let refuses = argv.iter().any(|arg| arg == "--http-proxy=false");
            assert_eq!(names.contains(&"HTTPS_PROXY"), kind == RuntimeKind::Docker);
            assert_eq!(refuses, kind == RuntimeKind::Podman);
        }
    }

    #[test]
    fn limits_are_those_of_the_job() {
        let limits = Limits {
            memory_bytes: 64 << 20,
            cpus: 1,
            processes: 9,
            disk_bytes: 1 << 20,
            ..Limits::default()
        };
        let argv = of(RuntimeKind::Podman, &Job { limits, ..job() });
        check(&argv, "--memory", "67108864");
        check(&argv, "--cpus", "1");
        check(&argv, "--pids-limit", "9");
        check(&argv, "--tmpfs", "/tmp:rw,exec,nosuid,nodev,mode=1777,size=1048576,notmpcopyup");
    }

    #[test]
    fn a_job_with_network_or_with_files_to_write_does_not_run_in_a_container() {
        let refused = |job: &Job| {
            let owner = Path::new("/w");
            run(RuntimeKind::Docker, &Container { name: "n", owner, image: IMAGE, job }).is_err()
        };
        assert!(refused(&Job { network: Some(NetworkAccess::default()), ..job() }));
        assert!(refused(&Job { writable: true, ..job() }));
        assert!(refused(&Job { argv: vec![], ..job() }));
        assert!(!refused(&job()));
    }

    #[test]
    fn owners_are_read_by_a_template() {
        let argv = owners(&["a1".to_owned()]);
        assert_eq!(argv[3], "{{.Id}} {{index .Config.Labels \"tsuku-batch.work\"}}");
        assert_eq!(argv[4], "a1");
    }
}
