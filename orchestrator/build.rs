//! Embeds all curated lists under `data/seeds/`, so that a new list needs no code.
#![expect(clippy::disallowed_methods, reason = "a build script reads and writes files")]

use std::{env, fs, io, path::Path};

fn main() -> io::Result<()> {
    // The folder of this build, and not that of the checkout in which this script was compiled
    // first.
    let own = env::var_os("CARGO_MANIFEST_DIR");
    let own = own.ok_or_else(|| io::Error::other("cargo sets CARGO_MANIFEST_DIR"))?;
    let seeds = Path::new(&own).join("../data/seeds");
    println!("cargo::rerun-if-changed={}", seeds.display());
    let mut lists = vec![];
    for entry in fs::read_dir(&seeds)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "json") {
            println!("cargo::rerun-if-changed={}", path.display());
            let path = path.canonicalize()?.into_os_string().into_string();
            let path = path.map_err(|_| io::Error::other("this folder's name is no text"))?;
            lists.push(format!("include_str!({path:?})"));
        }
    }
    lists.sort();
    let out = env::var_os("OUT_DIR").ok_or_else(|| io::Error::other("cargo sets OUT_DIR"))?;
    fs::write(Path::new(&out).join("seeds.rs"), format!("&[{}]", lists.join(", ")))
}
