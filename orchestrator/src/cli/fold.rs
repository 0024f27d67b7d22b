//! `fold`: derives what a batch adds to the state from its facts.

use std::{fmt, path::PathBuf};

use anyhow::Context as _;
use batch_core::{
    decide::{
        fold::{Context as Judging, fold},
        headline::{FailureView, headline},
        merge_policy::MergePolicy,
    },
    io::{FsState, Records, StateError, StateErrorKind, read_facts},
    model::{ActionShape, Delta, Environment, Fact, Outcome, Started},
};
use schemars::JsonSchema;
use serde::Serialize;

use super::{Context, Refusal};
use crate::{
    counted::counted,
    env::Root,
    exit::Exit,
    stage::preflight::{self, Recipes},
};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Folder of the facts, such as the artifacts of a run in several processes; all `*.jsonl` files in
    /// it and in its folders of batches are read
    #[arg(long, value_name = "DIR")]
    artifacts: PathBuf,
}

pub(super) fn run(args: &Args, cx: &Context) -> anyhow::Result<Exit> {
    if !args.artifacts.exists() {
        let message = format!("the folder {} does not exist", args.artifacts.display());
        return Err(Refusal::not_found(message));
    }
    let actions: Vec<ActionShape> = cx.env.registry.recipe_actions().collect();
    // In a root, the names and commands of its recipes are taken. Without a root there are none.
    let (recipes, policy) = match FsState::open(&cx.root) {
        Ok(state) => {
            let Root { state, settings, .. } = Root::of(state)?;
            let recipes = preflight::recipes(&actions, &settings.bundled_recipes, &state)?;
            (recipes, settings.merge.policy())
        }
        Err(StateError { kind: StateErrorKind::NotRoot, .. }) => {
            (Recipes::default(), MergePolicy::default())
        }
        Err(error) => return Err(error.into()),
    };
    let Recipes { name_registry, known, .. } = &recipes;
    let Records { records: facts, quarantined } = read_facts(&args.artifacts)
        .with_context(|| format!("cannot read the facts in {}", args.artifacts.display()))?;
    let unreadable: Vec<String> = quarantined
        .iter()
        .map(|line| format!("{}, line {}: {}", line.file, line.place, line.reason))
        .collect();
    let starts = starts(&facts);
    if starts.is_empty() {
        let dir = args.artifacts.display();
        let mut message = format!("{dir} contains no fact `started`, so it describes no batch");
        for line in unreadable {
            message += "\n";
            message += &line;
        }
        return Err(Refusal::not_found(message));
    }
    let is_started = |fact: &&Fact| starts.iter().any(|it| it.batch_id == *fact.batch_id());
    let mut report = FoldReport {
        batches: vec![],
        without_start: facts.iter().filter(|fact| !is_started(fact)).count(),
        unreadable,
    };
    for &plan in &starts {
        let judging = Judging { plan, actions: &actions, name_registry, known, policy: &policy };
        let own = facts.iter().filter(|fact| *fact.batch_id() == plan.batch_id);
        report.batches.push(fold(own, &judging, cx.env.clock.now()));
    }
    cx.out.show(&report)?;
    Ok(if report.is_whole() { Exit::Ok } else { Exit::NotFound })
}

/// The start of each batch, in the order of their ids. If a batch has several starts, the earliest
/// counts, in whatever file it is; the others are refused.
fn starts(facts: &[Fact]) -> Vec<&Started> {
    let mut starts: Vec<&Started> = facts.iter().filter_map(Fact::started).collect();
    starts.sort_by_cached_key(|it| (it.batch_id.clone(), it.at, format!("{it:?}")));
    starts.dedup_by(|later, earlier| later.batch_id == earlier.batch_id);
    starts
}

/// What `fold --json` prints.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct FoldReport {
    /// What each batch adds to the state according to its facts.
    batches: Vec<Delta>,
    /// Number of facts of batches whose start is missing.
    without_start: usize,
    /// Lines that are not facts, each with file, line and reason.
    unreadable: Vec<String>,
}

impl FoldReport {
    /// Whether every planned package is decided, and no fact was refused.
    fn is_whole(&self) -> bool {
        let is_whole = |delta: &Delta| delta.waiting.is_empty() && delta.refused.is_empty();
        self.batches.iter().all(is_whole) && self.without_start == 0 && self.unreadable.is_empty()
    }
}

impl fmt::Display for FoldReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for delta in &self.batches {
            batch(f, delta)?;
        }
        if self.without_start > 0 {
            let facts = counted(self.without_start, "fact is", "facts are");
            writeln!(f, "problem: {facts} about batches whose start is not among them")?;
        }
        for line in &self.unreadable {
            writeln!(f, "problem: {line}")?;
        }
        Ok(())
    }
}

fn batch(f: &mut fmt::Formatter<'_>, delta: &Delta) -> fmt::Result {
    let is_ok = |outcome: &Outcome| matches!(outcome, Outcome::Succeeded { .. });
    let n_ok = delta.attempts.iter().filter(|attempt| is_ok(&attempt.outcome)).count();
    writeln!(f, "{}: {n_ok} of {} verified", delta.batch, delta.attempts.len())?;
    for attempt in &delta.attempts {
        let package = &attempt.package;
        match &attempt.outcome {
            Outcome::Succeeded { recipe, .. } => writeln!(f, "  ok    {package} -> {recipe}")?,
            Outcome::Failed(failure) => {
                writeln!(f, "  fail  {package}: {}", failure.finding.kind)?;
                writeln!(f, "        {}", headline(&FailureView::of_attempt(failure, package)))?;
            }
        }
    }
    for package in &delta.deferred {
        writeln!(f, "  not attempted: {package}")?;
    }
    for waiting in &delta.waiting {
        let places: Vec<&str> =
            waiting.environments.iter().map(|&it| Environment::as_str(it)).collect();
        let what = match &places[..] {
            [] => "its recipe, or a package of the plan before it".to_owned(),
            places => places.join(", "),
        };
        writeln!(f, "  not decided: {} waits for {what}", waiting.package_id)?;
    }
    for refused in &delta.refused {
        writeln!(f, "  problem: {} counts for nothing: {}", refused.fact, refused.reason)?;
    }
    Ok(())
}
