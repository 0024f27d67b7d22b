//! The journal of a seeding run that is in progress: one fact on each line.
//!
//! It is not forced to disk. When a process dies, nothing is lost. When a machine stops, only facts
//! are lost that can be requested again.

use std::{
    fs::{File, OpenOptions},
    io::Write as _,
    path::PathBuf,
};

use crate::{
    io::{Layout, StateError, StateErrorKind, atomic, regular, set_aside::set_aside, state_error},
    model::{EcosystemId, SCHEMA_VERSION, SeedLine},
};

/// An open journal.
#[derive(Debug)]
pub struct SeedJournal {
    path: PathBuf,
    file: File,
}

impl SeedJournal {
    /// The journal of `ecosystem`, with the facts that a seeding run which died left in it. Empty
    /// when the last one ended normally. A journal that cannot be read to its end is set aside
    /// unchanged, and its readable beginning is used.
    pub fn open(
        layout: &Layout,
        ecosystem: &EcosystemId,
    ) -> Result<(Self, Vec<SeedLine>), StateError> {
        let path = layout.seed_journal(ecosystem);
        let (content, mut problem) = match regular::read(&path) {
            Ok(content) => (content.unwrap_or_default(), None),
            Err(error) if error.kind.is_about_the_machine() => return Err(error),
            Err(error) => (vec![], Some(error.kind.to_string())),
        };
        let beginning = Beginning::of(&content);
        problem = problem.or(beginning.problem);
        if let Some(problem) = problem {
            let kept = set_aside(layout, &path, &format!("seeding-{ecosystem}.jsonl"))?;
            let (from, to) = (layout.label(&path), layout.label(&kept));
            tracing::warn!("{from} cannot be used as it is and was moved to {to}: {problem}");
        }
        atomic::make_dir(path.parent().unwrap_or(layout.root()))?;
        let failed = |error| StateError::io(&path, error);
        let mut file = OpenOptions::new().append(true).create(true).open(&path).map_err(failed)?;
        file.set_len(0).map_err(failed)?;
        file.write_all(&content[..beginning.n_bytes]).map_err(failed)?;
        Ok((Self { path, file }, beginning.lines))
    }

    /// Adds a fact.
    pub fn append(&mut self, line: &SeedLine) -> Result<(), StateError> {
        let failed = |error| StateError::io(&self.path, error);
        let text =
            serde_json::to_string(line).expect("keys are texts, so each fact can be written");
        self.file.write_all(format!("{text}\n").as_bytes()).map_err(failed)
    }

    /// Empties the journal, because all of it is in the state.
    pub fn clear(&mut self) -> Result<(), StateError> {
        self.file.set_len(0).map_err(|error| StateError::io(&self.path, error))
    }
}

/// What can be used of a journal.
struct Beginning {
    lines: Vec<SeedLine>,
    n_bytes: usize,
    /// Why it ends where it ends, unless that is the end of the journal.
    problem: Option<String>,
}

impl Beginning {
    fn of(content: &[u8]) -> Self {
        let mut beginning = Self { lines: vec![], n_bytes: 0, problem: None };
        for (place, line) in (1..).zip(content.split_inclusive(|&byte| byte == b'\n')) {
            // The machine stopped while this line was written. It says nothing and is not damage.
            let Some(line) = line.strip_suffix(b"\n") else { break };
            // Lines after an unreadable line depend on it.
            match read_line(line, place == 1) {
                Ok(fact) => beginning.lines.push(fact),
                Err(reason) => {
                    beginning.problem = Some(format!("line {place}: {reason}"));
                    break;
                }
            }
            beginning.n_bytes += line.len() + 1;
        }
        beginning
    }
}

/// The error is the reason.
fn read_line(line: &[u8], is_first: bool) -> Result<SeedLine, String> {
    let fact: SeedLine =
        serde_json::from_slice(line).map_err(|error| state_error::reason(&error))?;
    match &fact {
        SeedLine::Start(start) if start.schema_version != SCHEMA_VERSION => {
            let (found, known) = (start.schema_version.into(), SCHEMA_VERSION);
            Err(StateErrorKind::SchemaVersion { found, known }.to_string())
        }
        SeedLine::Start(_) => Ok(fact),
        SeedLine::Page { .. } | SeedLine::Stopped { .. } | SeedLine::Verdict { .. } => {
            if is_first {
                Err("a journal begins with a start".to_owned())
            } else {
                Ok(fact)
            }
        }
    }
}
