//! Finds the folders of a toolchain, so that they can be shown to a job.

use std::{
    collections::BTreeSet,
    ffi::OsStr,
    os::unix::ffi::OsStrExt as _,
    path::{Path, PathBuf},
};

use batch_core::plugin::{RootProbe, Toolchain};

use batch_sandbox::{
    process::{ProbeError, probe},
    program::{SYSTEM_DIRS, find_program, is_executable},
};

/// A toolchain that is on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundToolchain {
    /// The path of its program, as a job sees it.
    pub program: PathBuf,
    /// For [`batch_sandbox::Job::read_only`]. Empty when all of it is in folders of the system.
    pub read_only: Vec<PathBuf>,
    /// For [`batch_sandbox::Job::path_dirs`].
    pub path_dirs: Vec<PathBuf>,
}

/// A toolchain exists but cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the messages say it")]
pub enum ToolchainError {
    #[error(transparent)]
    Probe(#[from] ProbeError),
    #[error("{program} did not print a folder: {said}")]
    NoRoot { program: PathBuf, said: String },
    #[error("{program} is a script that starts another program, which was not found")]
    Shim { program: PathBuf },
    #[error("{root} contains more than a toolchain, so it must not be visible to jobs")]
    TooWide { root: PathBuf },
}

/// Finds `toolchain`; `None` when its program is not on `path`. `env` are the variables for its
/// commands besides `PATH`, because version managers need `HOME` and their own variables.
pub async fn find_toolchain(
    toolchain: &Toolchain,
    path: &OsStr,
    env: &[(&str, &OsStr)],
) -> Result<Option<FoundToolchain>, ToolchainError> {
    let Some(program) = find_program(toolchain.program, path) else { return Ok(None) };
    let home = env.iter().find(|(name, _)| *name == "HOME").map(|(_, home)| Path::new(home));
    let Some(root) = probed_root(toolchain.root_probe, path, env, home).await? else {
        return Ok(None);
    };
    // The program of a version manager on `PATH` only points to the real one in the root.
    let bin = [root.join("bin"), root.clone()];
    let inside = bin.into_iter().find(|bin| is_executable(&bin.join(toolchain.program)));
    let mut roots = BTreeSet::from([root]);
    let bin = if let Some(bin) = inside {
        bin
    } else {
        let bin = program.parent().unwrap_or(Path::new("/")).to_owned();
        roots.insert(not_too_wide(bin.clone(), home)?);
        bin
    };
    let program = bin.join(toolchain.program);
    roots.insert(root_of(&program, home)?);
    let read_only = roots.into_iter().filter(|root| !is_of_the_system(root)).collect();
    Ok(Some(FoundToolchain { program, read_only, path_dirs: vec![bin] }))
}

/// Whether [`find_toolchain`] may find `toolchain`. No program is started for it: of one that prints its
/// folder only the file is searched, so that what it prints is not known.
pub async fn may_be_found(toolchain: &Toolchain, path: &OsStr, env: &[(&str, &OsStr)]) -> bool {
    match toolchain.root_probe {
        RootProbe::Printed(command) => {
            let mut programs = [toolchain.program].into_iter().chain(command.first().copied());
            programs.all(|program| find_program(program, path).is_some())
        }
        RootProbe::RealPath(_) => matches!(find_toolchain(toolchain, path, env).await, Ok(Some(_))),
    }
}

async fn probed_root(
    root_probe: RootProbe,
    path: &OsStr,
    env: &[(&str, &OsStr)],
    home: Option<&Path>,
) -> Result<Option<PathBuf>, ToolchainError> {
    match root_probe {
        RootProbe::Printed([name, args @ ..]) => {
            let Some(program) = find_program(name, path) else { return Ok(None) };
            let env: Vec<_> = env.iter().copied().chain([("PATH", path)]).collect();
            let said = probe(&program, args, &env).await?;
            let printed = PathBuf::from(&said.stdout);
            if !said.succeeded || !printed.is_absolute() {
                let said = format!("{}{}", said.stdout, said.stderr);
                return Err(ToolchainError::NoRoot { program, said });
            }
            if printed.is_dir() {
                return not_too_wide(printed, home).map(Some);
            }
            root_of(&printed, home).map(Some)
        }
        RootProbe::Printed([]) => Ok(None),
        RootProbe::RealPath(name) => {
            let Some(program) = find_program(name, path) else { return Ok(None) };
            if is_script(&program) {
                return Err(ToolchainError::Shim { program });
            }
            root_of(&program, home).map(Some)
        }
    }
}

/// The folder above `bin/<program>`, or else the folder that contains the program, after following
/// all links.
fn root_of(program: &Path, home: Option<&Path>) -> Result<PathBuf, ToolchainError> {
    let no_root = || ToolchainError::NoRoot { program: program.to_owned(), said: String::new() };
    let real = program.canonicalize().map_err(|_| no_root())?;
    let dir = real.parent().ok_or_else(no_root)?;
    let above = dir.parent().filter(|_| dir.file_name() == Some(OsStr::from_bytes(b"bin")));
    match above.map(|above| not_too_wide(above.to_owned(), home)) {
        Some(Ok(root)) => Ok(root),
        Some(Err(_)) | None => not_too_wide(dir.to_owned(), home),
    }
}

/// Refuses a folder directly below the root folder of the machine, and a folder that contains
/// somebody's home.
fn not_too_wide(root: PathBuf, home: Option<&Path>) -> Result<PathBuf, ToolchainError> {
    let is_wide = root.components().count() < 3 || home.is_some_and(|home| home.starts_with(&root));
    if is_wide && !is_of_the_system(&root) {
        return Err(ToolchainError::TooWide { root });
    }
    Ok(root)
}

fn is_of_the_system(path: &Path) -> bool {
    SYSTEM_DIRS.iter().any(|dir| path.starts_with(dir))
}

fn is_script(path: &Path) -> bool {
    use std::io::Read as _;
    let mut start = [0; 2];
    std::fs::File::open(path).and_then(|mut file| file.read_exact(&mut start)).is_ok()
        && start == *b"#!"
}

#[cfg(test)]
mod tests {
    use std::{ffi::OsString, os::unix::fs::PermissionsExt as _};

    use super::*;

    /// Creates a folder with programs; `-> target` creates a link.
    fn layout(files: &[(&str, &str)]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for (name, content) in files {
            let path = dir.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            if let Some(target) = content.strip_prefix("-> ") {
                std::os::unix::fs::symlink(target, &path).unwrap();
                continue;
            }
            let mut file = std::fs::File::create(&path).unwrap();
            std::io::Write::write_all(&mut file, content.as_bytes()).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        }
        dir
    }

    /// `home/…` is the user's home, `bins` is the `PATH`. All paths are relative, also in the
    /// result.
    async fn found(
        files: &[(&str, &str)],
        bins: &[&str],
        toolchain: Toolchain,
    ) -> Result<Option<(Vec<String>, Vec<String>)>, String> {
        let dir = layout(files);
        let top = dir.path().canonicalize().unwrap();
        let path = std::env::join_paths(
            bins.iter().map(|bin| top.join(bin)).chain(["/usr/bin".into(), "/bin".into()]),
        )
        .unwrap();
        let home: OsString = top.join("home").into();
        let found = find_toolchain(&toolchain, &path, &[("HOME", &home)]).await;
        let found = found.map_err(|error| error.to_string())?;
        let relative = |paths: Vec<PathBuf>| -> Vec<String> {
            paths
                .iter()
                .map(|path| path.strip_prefix(&top).unwrap_or(path).display().to_string())
                .collect()
        };
        Ok(found.map(|found| (relative(found.read_only), relative(found.path_dirs))))
    }

    const TOOL: Toolchain =
        Toolchain { program: "toolx", root_probe: RootProbe::RealPath("langx") };

    #[tokio::test]
    async fn a_toolchain_in_its_own_folder_is_mounted_completely() {
        let files = [
            ("home/.vm/v20/bin/langx", "ELF"),
            ("home/.vm/v20/bin/toolx", "-> ../lib/toolx/bin/toolx.js"),
            ("home/.vm/v20/lib/toolx/bin/toolx.js", "#!/usr/bin/env langx"),
        ];
        let (roots, dirs) = found(&files, &["home/.vm/v20/bin"], TOOL).await.unwrap().unwrap();
        assert_eq!(roots, ["home/.vm/v20", "home/.vm/v20/lib/toolx"]);
        assert_eq!(dirs, ["home/.vm/v20/bin"]);
    }

    #[tokio::test]
    async fn a_shim_is_replaced_by_the_program_that_it_starts() {
        let files = [
            ("home/shims/langx", "#!/bin/sh\necho \"${0%/shims/*}/real/bin/langx\""),
            ("home/shims/toolx", "#!/bin/sh"),
            ("home/real/bin/langx", "ELF"),
            ("home/real/bin/toolx", "ELF"),
        ];
        let printed = Toolchain { root_probe: RootProbe::Printed(&["langx"]), ..TOOL };
        let (roots, dirs) = found(&files, &["home/shims"], printed).await.unwrap().unwrap();
        assert_eq!(roots, ["home/real"]);
        assert_eq!(dirs, ["home/real/bin"]);
        let error = found(&files, &["home/shims"], TOOL).await.unwrap_err();
        assert!(error.contains("is a script"), "{error}");
    }

    #[tokio::test]
    async fn a_home_is_never_a_toolchain() {
        let files = [("home/bin/langx", "ELF"), ("home/bin/toolx", "ELF")];
        let (roots, _) = found(&files, &["home/bin"], TOOL).await.unwrap().unwrap();
        assert_eq!(roots, ["home/bin"]);
        let files = [("home/langx", "ELF"), ("home/toolx", "ELF")];
        let error = found(&files, &["home"], TOOL).await.unwrap_err();
        assert!(error.contains("more than a toolchain"), "{error}");
    }

    #[tokio::test]
    async fn programs_of_the_system_need_no_extra_mount() {
        let shell = Toolchain { program: "sh", root_probe: RootProbe::RealPath("sh") };
        let (roots, dirs) = found(&[], &[], shell).await.unwrap().unwrap();
        assert!(roots.is_empty(), "{roots:?}");
        assert_eq!(dirs, ["/usr/bin"]);
    }

    #[tokio::test]
    async fn a_first_look_starts_no_program() {
        let dir = layout(&[
            ("home/bin/langx", "#!/bin/sh\ntouch \"$0.started\""),
            ("home/bin/toolx", "ELF"),
            ("empty/other", "ELF"),
        ]);
        let is_seen = async |bin: &str, root_probe: RootProbe| {
            let toolchain = Toolchain { root_probe, ..TOOL };
            may_be_found(&toolchain, dir.path().join(bin).as_os_str(), &[]).await
        };
        let language = RootProbe::Printed(&["langx", "--root"]);
        assert!(is_seen("home/bin", language).await, "what it prints is not known");
        assert!(!is_seen("home/bin", RootProbe::Printed(&["other"])).await);
        assert!(!is_seen("empty", language).await);
        assert!(is_seen("home/bin", RootProbe::RealPath("toolx")).await);
        assert!(!is_seen("home/bin", TOOL.root_probe).await, "a script needs no start to be one");
        assert!(!dir.path().join("home/bin/langx.started").exists());
    }

    #[tokio::test]
    async fn a_missing_toolchain_is_not_an_error() {
        assert_eq!(found(&[], &[], TOOL).await, Ok(None));
    }
}
