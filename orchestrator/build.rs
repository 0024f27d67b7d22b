//! Embeds all curated lists under `data/seeds/`, so that a new list needs no code, and the commit that
//! the program is made of.
#![expect(clippy::disallowed_methods, reason = "a build script reads files and asks git")]

use std::{env, fs, io, path::Path, process::Command};

fn main() -> io::Result<()> {
    // The folder of this build, and not that of the checkout in which this script was compiled
    // first.
    let own = env::var_os("CARGO_MANIFEST_DIR");
    let own = own.ok_or_else(|| io::Error::other("cargo sets CARGO_MANIFEST_DIR"))?;
    let top = Path::new(&own).join("..");
    let out = env::var_os("OUT_DIR").ok_or_else(|| io::Error::other("cargo sets OUT_DIR"))?;
    fs::write(Path::new(&out).join("seeds.rs"), seeds(&top.join("data/seeds"))?)?;
    // Each commit changes it, and builds for development would begin anew after each.
    let is_release = env::var("PROFILE").is_ok_and(|profile| profile == "release");
    let commit = is_release.then(|| commit(&top)).flatten();
    println!("cargo::rustc-env=TSUKU_BATCH_COMMIT={}", commit.as_deref().unwrap_or("unknown"));
    Ok(())
}

/// A Rust expression with the texts of all lists in `folder`.
fn seeds(folder: &Path) -> io::Result<String> {
    println!("cargo::rerun-if-changed={}", folder.display());
    let mut lists = vec![];
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "json") {
            println!("cargo::rerun-if-changed={}", path.display());
            let path = path.canonicalize()?.into_os_string().into_string();
            let path = path.map_err(|_| io::Error::other("this folder's name is no text"))?;
            lists.push(format!("include_str!({path:?})"));
        }
    }
    lists.sort();
    Ok(format!("&[{}]", lists.join(", ")))
}

/// The commit of the checkout at `top` and its day; `None` without git, and in an unpacked archive,
/// also if that lies in the checkout of something else.
fn commit(top: &Path) -> Option<String> {
    let git = |args: &[&str]| {
        let output = Command::new("git").arg("-C").arg(top).args(args).output().ok()?;
        let text = output.status.success().then(|| String::from_utf8(output.stdout).ok())??;
        Some(text.trim().to_owned())
    };
    let checkout = Path::new(&git(&["rev-parse", "--show-toplevel"])?).canonicalize().ok()?;
    if checkout != top.canonicalize().ok()? {
        return None;
    }
    // A commit changes one of these. A file that is not there would make every build run this again.
    let branch = git(&["symbolic-ref", "-q", "HEAD"]);
    for name in [Some("HEAD"), branch.as_deref(), Some("packed-refs")].into_iter().flatten() {
        let path = top.join(git(&["rev-parse", "--git-path", name])?);
        if path.exists() {
            println!("cargo::rerun-if-changed={}", path.display());
        }
    }
    git(&["log", "-1", "--format=%h, %cs"])
}
