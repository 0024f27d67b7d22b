//! The site in a real browser: over http and from files, with and without scripts, light and dark.
//!
//! A test program with its own main function (`harness = false`), so that a missing browser is
//! reported as ignored tests with the reason.
#![expect(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests, helpers included")]

mod cdp;
mod first_screen;
#[path = "../site/hostile_state.rs"]
mod hostile_state;
#[path = "../site/memory.rs"]
mod memory;
#[path = "../site/sample.rs"]
mod sample;
mod security;
mod server;
mod usage;

use std::{collections::BTreeSet, path::Path, process::ExitCode};

use analytics::Circumstances;
use chrono::{DateTime, Utc};
use libtest_mimic::{Arguments, Failed, Trial};

use crate::memory::MemoryState;

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let browser = cdp::find();
    let mut trials = first_screen::trials();
    trials.extend(security::trials());
    trials.extend(usage::trials());
    let trials = match browser {
        Some(_) => trials,
        None => trials
            .into_iter()
            .map(|trial| trial.with_kind("no Chromium on PATH").with_ignored_flag(true))
            .collect(),
    };
    libtest_mimic::run(&arguments, trials).exit_code()
}

/// A test that gets a browser of its own.
fn trial(name: &str, test: fn(&mut cdp::Browser)) -> Trial {
    Trial::test(name, move || {
        let program = cdp::find().ok_or_else(|| Failed::from("there is no browser"))?;
        test(&mut cdp::Browser::start(&program));
        Ok(())
    })
}

/// The site of `state` in a folder of its own.
fn written(state: &MemoryState, as_of: DateTime<Utc>) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    analytics::write(folder.path(), state, &Circumstances::at(as_of)).unwrap();
    folder
}

/// One page of each type: the first of each folder, and all at the top.
fn page_types(folder: &Path) -> Vec<String> {
    let mut types = BTreeSet::new();
    let mut pages = vec![];
    let mut folders = vec![folder.to_owned()];
    while let Some(dir) = folders.pop() {
        let mut entries: Vec<_> =
            std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
        entries.sort();
        for path in entries {
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let name = path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned();
            let kind = name.split_once('/').map_or(&*name, |(kind, _)| kind).to_owned();
            if name.rsplit('.').next() == Some("html") && types.insert(kind) {
                pages.push(name);
            }
        }
    }
    pages
}
