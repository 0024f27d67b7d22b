//! The arguments of `bwrap`.

use std::{
    ffi::OsStr,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use super::{
    landlock::DEVICES,
    view::{Scratch, View},
};
use crate::{
    Job, process,
    program::{SYSTEM_DIRS, find_program},
};

/// The path of this program inside the sandbox, where it takes the last steps.
pub(super) const INNER_PROGRAM: &str = "/run/sandbox-confine";

/// The oldest version that can be used, because it introduced `--add-seccomp-fd`.
const OLDEST: [u32; 3] = [0, 5, 0];

/// A `bwrap` that was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Bubblewrap {
    pub(crate) program: PathBuf,
    pub(crate) version: [u32; 3],
}

impl Bubblewrap {
    /// Finds `bwrap` on `path`. The error says why there is none.
    pub(crate) async fn find(path: &OsStr) -> Result<Self, String> {
        let program = find_program("bwrap", path).ok_or("bwrap is not on PATH")?;
        let said = process::probe(&program, &["--version"], &[]).await;
        let said = said.map_err(|error| error.to_string())?;
        let version = parse_version(&said.stdout)
            .ok_or_else(|| format!("bwrap prints {:?} as its version", said.stdout))?;
        if version < OLDEST {
            return Err(format!("bwrap {version:?} is too old: {OLDEST:?} is needed"));
        }
        Ok(Self { program, version })
    }

    pub(crate) fn version(&self) -> String {
        self.version.map(|part| part.to_string()).join(".")
    }

    /// The command line that runs `inner` as the job is allowed to run. `other_user` says that
    /// `inner` becomes another user itself, so that no user namespace is needed.
    pub(super) fn argv(
        &self,
        job: &Job,
        view: &View,
        scratch: &Scratch,
        (inner, other_user): (&Inner, bool),
    ) -> Vec<String> {
        let mut args = Args(vec![text(&self.program)]);
        args.namespaces(job.network.is_some(), other_user);
        args.system();
        args.add(["--proc", "/proc"]);
        args.folder(Path::new("/run"));
        args.devices();
        args.bind("--bind", &scratch.shm, Path::new("/dev/shm"));
        args.bind("--bind", &scratch.tmp, Path::new("/tmp"));
        args.folders(view);
        for (file, at) in &view.replaced {
            args.bind("--ro-bind", file, at);
        }
        for path in &view.read_only {
            args.bind("--ro-bind", path, path);
        }
        for path in &view.read_write {
            args.bind("--bind", path, path);
        }
        args.bind("--ro-bind", &inner.program, Path::new(INNER_PROGRAM));
        // The kernel settings belong to the machine. Then memory that no limit covers.
        for path in ["/proc", "/"] {
            args.add(["--remount-ro", path]);
        }
        args.add(["--", INNER_PROGRAM]);
        args.0.extend(inner.args.iter().cloned());
        args.0
    }
}

/// This program as it is started inside.
pub(super) struct Inner {
    pub(super) program: PathBuf,
    pub(super) args: Vec<String>,
}

struct Args(Vec<String>);

impl Args {
    fn add<const N: usize>(&mut self, args: [&str; N]) {
        self.0.extend(args.map(str::to_owned));
    }

    fn bind(&mut self, how: &str, from: &Path, to: &Path) {
        self.0.extend([how.to_owned(), text(from), text(to)]);
    }

    /// If this program is root, the inner program becomes another user outside. Otherwise it is a
    /// user of a user namespace, in which it may open low ports for the supervisor.
    fn namespaces(&mut self, network: bool, other_user: bool) {
        self.add(["--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts"]);
        self.add(["--unshare-cgroup-try", "--die-with-parent", "--hostname", "sandbox"]);
        // The first process is one of this program, because the job could read and write the one of
        // `bwrap`.
        self.add(["--as-pid-1"]);
        self.add(["--cap-drop", "ALL"]);
        if network {
            self.add(["--cap-add", "CAP_NET_BIND_SERVICE"]);
        }
        if other_user {
            for capability in ["CAP_SETUID", "CAP_SETGID", "CAP_SETPCAP"] {
                self.add(["--cap-add", capability]);
            }
        } else {
            self.add(["--unshare-user", "--uid", "1000", "--gid", "1000"]);
        }
    }

    /// Not those of `--dev`, whose terminals need a second user namespace, in which the job's side
    /// could not listen for the supervisor.
    fn devices(&mut self) {
        self.folder(Path::new("/dev"));
        for device in DEVICES {
            self.bind("--dev-bind", Path::new(device), Path::new(device));
        }
        for (target, link) in [
            ("/proc/self/fd", "/dev/fd"),
            ("/proc/self/fd/0", "/dev/stdin"),
            ("/proc/self/fd/1", "/dev/stdout"),
            ("/proc/self/fd/2", "/dev/stderr"),
        ] {
            self.add(["--symlink", target, link]);
        }
    }

    /// Folders above the visible ones. Those that `bwrap` creates by itself can be entered only by
    /// root.
    fn folders(&mut self, view: &View) {
        let shown = view.read_only.iter().chain(&view.read_write);
        let shown = shown.chain(view.replaced.iter().map(|(_, at)| at));
        let above: std::collections::BTreeSet<&Path> =
            shown.flat_map(|path| path.ancestors().skip(1)).collect();
        for dir in above.into_iter().filter(|dir| *dir != Path::new("/")) {
            self.folder(dir);
        }
    }

    fn folder(&mut self, dir: &Path) {
        self.add(["--perms", "0755", "--dir"]);
        self.0.push(text(dir));
    }

    /// If `/bin` is a link into `/usr`, it is one inside too.
    fn system(&mut self) {
        for dir in SYSTEM_DIRS {
            let path = Path::new(dir);
            if let Ok(target) = path.read_link() {
                self.add(["--symlink"]);
                self.0.extend([text(&target), dir.to_owned()]);
            } else if path.is_dir() {
                self.bind("--ro-bind", path, path);
            }
        }
    }
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

/// `bubblewrap 0.8.0`
fn parse_version(said: &str) -> Option<[u32; 3]> {
    let mut parts = said.split_whitespace().last()?.split('.').map(|part| part.parse().ok());
    Some([parts.next()??, parts.next()??, parts.next().flatten().unwrap_or(0)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_has_two_or_three_numbers() {
        assert_eq!(parse_version("bubblewrap 0.8.0"), Some([0, 8, 0]));
        assert_eq!(parse_version("bubblewrap 0.11"), Some([0, 11, 0]));
        assert_eq!(parse_version("bwrap: unknown option"), None);
        assert_eq!(parse_version(""), None);
    }
}
