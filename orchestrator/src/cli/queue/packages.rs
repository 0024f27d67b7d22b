//! The packages that a command is for: words of the command line, or lines of a file.

use std::{
    collections::BTreeSet,
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use batch_core::{
    io::{FsState, StateReader as _, read_within},
    model::PackageId,
};

use crate::cli::{Context, Refusal, names};

/// Maximal size of a list in bytes.
const MAX_LIST: u64 = 16 << 20;
/// Stands for standard input.
const STDIN: &str = "-";

/// Which packages.
#[derive(Debug, clap::Args)]
pub(super) struct PackageArgs {
    /// Packages, each written `<ecosystem>:<name>`; `-` reads them from standard input
    #[arg(value_name = "PACKAGE ID", required_unless_present = "file")]
    packages: Vec<String>,
    /// Read packages from this file, one on each line; what follows a `#` is a comment
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
}

/// A package that is asked for.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) id: PackageId,
    /// File and line; `None` for a word of the command line.
    pub(super) place: Option<String>,
}

impl Asked {
    /// What is wrong with it: an error if it is a word of the command line, because nothing is
    /// changed then; otherwise a line of the report, because one bad line of a long list costs
    /// nothing else.
    pub(super) fn refuse(
        place: Option<&str>,
        error: anyhow::Error,
        problems: &mut Vec<String>,
    ) -> anyhow::Result<()> {
        let Some(place) = place else { return Err(error) };
        problems.push(format!("{place}: {error}"));
        Ok(())
    }
}

/// The words that name packages, each with its file and line. Standard input can be read only once, so
/// they are read before a change, which may be made several times.
pub(super) struct Words(Vec<(String, Option<String>)>);

impl PackageArgs {
    /// The words in the order in which they are written.
    pub(super) fn words(&self) -> anyhow::Result<Words> {
        let mut words = vec![];
        for word in &self.packages {
            if word == STDIN {
                words.extend(lines("standard input", &of_stdin()?));
            } else {
                words.push((word.clone(), None));
            }
        }
        if let Some(path) = &self.file {
            let is_stdin = path == Path::new(STDIN);
            let text = if is_stdin { of_stdin()? } else { of_file(path)? };
            words.extend(lines(&path.display().to_string(), &text));
        }
        Ok(Words(words))
    }
}

impl Words {
    /// The packages that they name, each once. Bad lines are added to `problems`.
    pub(super) fn read(
        &self,
        state: &FsState,
        cx: &Context,
        problems: &mut Vec<String>,
    ) -> anyhow::Result<Vec<Asked>> {
        let mut seen = BTreeSet::new();
        let mut asked = vec![];
        for (word, place) in &self.0 {
            match package(word, state, cx) {
                Err(error) => Asked::refuse(place.as_deref(), error, problems)?,
                Ok(id) if seen.insert(id.clone()) => {
                    asked.push(Asked { id, place: place.clone() });
                }
                Ok(_) => (),
            }
        }
        Ok(asked)
    }
}

/// The package that `word` means. Queues may also have entries of ecosystems that no plugin builds.
fn package(word: &str, state: &FsState, cx: &Context) -> anyhow::Result<PackageId> {
    names::package(&cx.env.registry, word).map(|(_, id)| id).or_else(|error| {
        let foreign: Option<PackageId> = word.parse().ok();
        let Some(id) = foreign else { return Err(error) };
        let is_queued =
            state.queue(&id.ecosystem)?.is_some_and(|queue| queue.entries.contains_key(&id));
        if is_queued { Ok(id) } else { Err(error) }
    })
}

/// The lines of `text` that are not empty, each with its place.
fn lines(file: &str, text: &str) -> Vec<(String, Option<String>)> {
    let word = |line: &str| line.split('#').next().unwrap_or_default().trim().to_owned();
    let numbered = text.lines().map(word).zip(1..);
    let numbered = numbered.filter(|(word, _)| !word.is_empty());
    numbered.map(|(word, n)| (word, Some(format!("{file}, line {n}")))).collect()
}

fn of_file(path: &Path) -> anyhow::Result<String> {
    match read_within(path, MAX_LIST)? {
        Some(bytes) => Ok(String::from_utf8_lossy(&bytes).into_owned()),
        None => Err(Refusal::not_found(format!("there is no file {}", path.display()))),
    }
}

fn of_stdin() -> anyhow::Result<String> {
    let mut bytes = vec![];
    let read = io::stdin().lock().take(MAX_LIST + 1).read_to_end(&mut bytes);
    let n_read = read.context("cannot read standard input")?;
    let is_too_long = u64::try_from(n_read).map_or(true, |n| MAX_LIST < n);
    anyhow::ensure!(!is_too_long, "standard input has more than {MAX_LIST} bytes");
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_lines_and_comments_are_no_packages_and_lines_keep_their_numbers() {
        let found = lines("list.txt", "npm:a\r\n\n# why\n  cargo:b  # because\n");
        let place = |n: u32| Some(format!("list.txt, line {n}"));
        assert_eq!(found, [("npm:a".to_owned(), place(1)), ("cargo:b".to_owned(), place(4))]);
    }
}
