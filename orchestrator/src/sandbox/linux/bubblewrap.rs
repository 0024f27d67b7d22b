//! The arguments of `bwrap`.

use std::{
    ffi::OsStr,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use super::view::{Scratch, View};
use crate::{
    process,
    sandbox::{
        Job,
        toolchain::{SYSTEM_DIRS, find_program},
    },
};

/// Where the sandbox shows this program, which takes the last steps inside.
pub(super) const INNER_PROGRAM: &str = "/run/sandbox-confine";

/// `--disable-userns` came with this version.
const DISABLES_NAMESPACES: [u32; 3] = [0, 8, 0];

/// A `bwrap` that was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Bubblewrap {
    pub(crate) program: PathBuf,
    pub(crate) version: [u32; 3],
}

impl Bubblewrap {
    /// The one on `path`; the error says why there is none.
    pub(crate) async fn find(path: &OsStr) -> Result<Self, String> {
        let program = find_program("bwrap", path).ok_or("bwrap is not on PATH")?;
        let said = process::probe(&program, &["--version"], &[]).await;
        let said = said.map_err(|error| error.to_string())?;
        let version = parse_version(&said.stdout)
            .ok_or_else(|| format!("bwrap says {:?} for its version", said.stdout))?;
        Ok(Self { program, version })
    }

    pub(crate) fn version(&self) -> String {
        self.version.map(|part| part.to_string()).join(".")
    }

    /// The command line that runs `inner` as `job` may run.
    pub(super) fn argv(
        &self,
        job: &Job,
        view: &View,
        scratch: &Scratch,
        inner: &Inner,
    ) -> Vec<String> {
        let mut args = Args(vec![text(&self.program)]);
        args.add(["--unshare-all", "--unshare-user", "--die-with-parent", "--cap-drop", "ALL"]);
        if job.network {
            args.add(["--share-net"]);
        }
        if self.version >= DISABLES_NAMESPACES {
            args.add(["--disable-userns"]);
        }
        args.add(["--uid", "1000", "--gid", "1000", "--hostname", "sandbox"]);
        args.system();
        args.add(["--proc", "/proc", "--dev", "/dev"]);
        args.bind("--bind", &scratch.shm, Path::new("/dev/shm"));
        args.bind("--bind", &scratch.tmp, Path::new("/tmp"));
        for name in ["passwd", "group"] {
            args.bind("--ro-bind", &scratch.etc.join(name), &Path::new("/etc").join(name));
        }
        for path in &view.read_only {
            args.bind("--ro-bind", path, path);
        }
        for path in &view.read_write {
            args.bind("--bind", path, path);
        }
        args.bind("--ro-bind", &inner.program, Path::new(INNER_PROGRAM));
        // Both are memory that nothing would limit.
        args.add(["--remount-ro", "/dev", "--remount-ro", "/", "--"]);
        args.0.push(INNER_PROGRAM.to_owned());
        args.0.extend(inner.args.iter().cloned());
        args.0
    }
}

/// This program, as it is started inside.
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

    /// Where `/bin` is a link into `/usr` it is one inside, too.
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
