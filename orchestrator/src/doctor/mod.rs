//! Reads everything of a root, and lets core say what is wrong with it.

mod fix;
mod forge;
mod history;
mod logs;
mod machine;
mod queues;
mod recipes;
mod restore;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use batch_core::{
    decide::doctor::{self, FileKind, Finding, FindingCode, Findings, Place, unreadable},
    io::{EntryLines, FsState, Quarantined, QueueFile, StateError, StateErrorKind},
    model::{Control, EcosystemId, RecipeName},
    plugin::Registry,
};
use chrono::{DateTime, Utc};

pub use fix::{Mend, apply};
pub use forge::examine_forge;
pub use restore::{NotRestored, Restored, restore};

use crate::{env, machine::is_alive, settings::Settings, stage::preflight::Recipes};

/// What is examined.
#[derive(Clone, Copy)]
pub struct Subject<'a> {
    /// The state.
    pub state: &'a FsState,
    /// All ecosystems.
    pub registry: &'a Registry,
    /// The time of the examination.
    pub now: DateTime<Utc>,
}

/// What was found.
#[derive(Debug, Default)]
pub struct Examined {
    /// The findings, by kind, file and line.
    pub findings: Vec<Finding>,
    /// The number of all findings of each kind, also of those that are not kept.
    pub counts: BTreeMap<FindingCode, u64>,
    /// What a repair would change.
    pub mends: Vec<Mend>,
}

/// Examines a root. The error means that something cannot be read because of the machine.
pub fn examine(subject: Subject<'_>) -> anyhow::Result<Examined> {
    let mut examiner = Examiner::new(subject)?;
    examiner.settings();
    examiner.control()?;
    examiner.recipes()?;
    let history = examiner.history()?;
    examiner.queues(&history)?;
    examiner.logs()?;
    let is_kept = |batch: &str| examiner.kept.contains(batch);
    let made = history.made().clone();
    let contradictions = history.end(&is_kept);
    examiner.findings.absorb(contradictions);
    examiner.machine()?;
    Ok(examiner.end(&made))
}

/// An examination in progress.
struct Examiner<'a> {
    subject: Subject<'a>,
    settings: Settings,
    settings_error: Option<String>,
    control: Control,
    recipes: Recipes,
    recipe_check: doctor::RecipeCheck,
    /// The recipes that entries have.
    have: BTreeSet<RecipeName>,
    queues: BTreeMap<EcosystemId, (String, Arc<QueueFile>)>,
    /// Whether every entry of every queue can be read.
    are_queues_whole: bool,
    /// The batches that are still to be recorded.
    kept: BTreeSet<String>,
    /// Whether a run is in progress.
    is_under_way: bool,
    findings: Findings,
    mends: Vec<Mend>,
}

impl<'a> Examiner<'a> {
    fn new(subject: Subject<'a>) -> anyhow::Result<Self> {
        let state = subject.state;
        let (settings, settings_error) = match env::settings(state.layout()) {
            Ok(settings) => (settings, None),
            Err(error) => (Settings::default(), Some(error.reason)),
        };
        // A repair holds the lock itself.
        let holder = state.lock_holder().filter(|holder| holder.pid != std::process::id());
        Ok(Self {
            subject,
            settings,
            settings_error,
            control: Control::default(),
            recipes: Recipes::default(),
            recipe_check: doctor::RecipeCheck::default(),
            have: BTreeSet::new(),
            queues: BTreeMap::new(),
            are_queues_whole: true,
            kept: machine::kept(state)?,
            is_under_way: holder.is_some_and(|holder| is_alive(holder.pid)),
            findings: Findings::default(),
            mends: vec![],
        })
    }

    fn settings(&mut self) {
        let Some(reason) = self.settings_error.take() else { return };
        let after = reason.split_once("line ").map_or("", |(_, after)| after);
        let digits: String = after.chars().take_while(char::is_ascii_digit).collect();
        let line = digits.parse().unwrap_or(0);
        let at = Place { file: "pipeline.toml", line };
        self.findings.add(unreadable(FileKind::Settings, at, "", &reason));
    }

    fn control(&mut self) -> anyhow::Result<()> {
        let Subject { state, registry, now } = self.subject;
        match env::control(state, registry) {
            Ok(control) => self.control = control,
            Err(error) => self.unreadable_file(FileKind::Control, error)?,
        }
        // A file that cannot be read was named just now.
        let Ok(Some((text, value))) = state.control_value() else { return Ok(()) };
        let file = state.layout().label(&state.layout().control());
        let found = doctor::control((&file, &text), &value, registry.names(), now);
        self.findings.extend(found);
        if let Some(mended) = doctor::mended_control(&value, registry.names(), now) {
            let text = serde_json::to_string_pretty(&mended)? + "\n";
            self.mends.push(Mend::Replace { path: state.layout().control(), text });
        }
        Ok(())
    }

    /// Adds that a file of this kind cannot be read. An error of the machine is returned.
    fn unreadable_file(&mut self, kind: FileKind, error: StateError) -> Result<(), StateError> {
        if error.kind.is_about_the_machine() {
            return Err(error);
        }
        #[expect(clippy::wildcard_enum_match_arm, reason = "the others are about the whole file")]
        let line = match &error.kind {
            StateErrorKind::Malformed { line, .. } => u64::try_from(*line).unwrap_or(0),
            StateErrorKind::DamagedArchive { line, .. } => *line,
            _ => 0,
        };
        let label = self.subject.state.layout().label(&error.path);
        let at = Place { file: &label, line };
        self.findings.add(unreadable(kind, at, "", &error.kind.to_string()));
        Ok(())
    }

    /// Adds a part of a file that cannot be read. `lines` are those of the entries of a queue.
    fn damaged(&mut self, kind: FileKind, damaged: &Quarantined, lines: Option<&EntryLines>) {
        let Quarantined { file, place, reason, raw } = damaged;
        let line = lines.map_or(*place, |lines| lines.of_number(*place));
        let kind = if file.starts_with("data/archive/") { FileKind::Archive } else { kind };
        let found = unreadable(kind, Place { file, line }, raw, reason);
        if found.code != FindingCode::NotOneRecordALine {
            return self.findings.add(found);
        }
        let path = self.subject.state.layout().root().join(file);
        match self.subject.state.as_lines(&path) {
            Ok(Some(text)) => {
                self.mends.push(Mend::Replace { path, text });
                self.findings.add(found);
            }
            Ok(None) | Err(_) => self.findings.add(found.not_fixable()),
        }
    }

    fn end(mut self, made: &BTreeMap<RecipeName, String>) -> Examined {
        // An entry that cannot be read may be the one that a recipe belongs to.
        let nothing = BTreeMap::new();
        let made = if self.are_queues_whole { made } else { &nothing };
        let layout = self.subject.state.layout();
        let file_of = |name: &RecipeName| layout.label(&layout.recipe(name));
        self.findings.extend(self.recipe_check.end(made, &self.have, &file_of));
        let (findings, counts) = self.findings.end();
        Examined { findings, counts, mends: self.mends }
    }
}
