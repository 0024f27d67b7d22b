//! `fold`: what the facts of a batch come to.

use std::{collections::BTreeMap, fmt, path::PathBuf};

use anyhow::Context as _;
use batch_core::{
    decide::{
        claims::Claims,
        fold::{Context as Judging, fold},
    },
    io::{FsState, Records, StateError, StateErrorKind, read_facts},
    model::{ActionShape, Delta, Environment, Fact, Outcome, Started},
};
use schemars::JsonSchema;
use serde::Serialize;

use super::{Context, Refusal};
use crate::{exit::Exit, stage::preflight};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Folder of the facts; each of its `*.jsonl` files is read
    #[arg(long, value_name = "DIR")]
    artifacts: PathBuf,
}

pub(super) fn run(args: &Args, cx: &Context) -> anyhow::Result<Exit> {
    let actions: Vec<ActionShape> = cx.env.registry.recipe_actions().collect();
    // Recipes of a root have their names and commands; without a root there are none.
    let claims = match FsState::open(&cx.root) {
        Ok(state) => preflight::recipes(&actions, &BTreeMap::new(), &state)?.claims,
        Err(StateError { kind: StateErrorKind::NotRoot, .. }) => Claims::default(),
        Err(error) => return Err(error.into()),
    };
    let Records { records: facts, quarantined } = read_facts(&args.artifacts)
        .with_context(|| format!("cannot read the facts in {}", args.artifacts.display()))?;
    let starts = starts(&facts);
    if starts.is_empty() {
        let dir = args.artifacts.display();
        let message = format!("{dir} has no facts of a batch with its start, the fact `started`");
        return Err(Refusal::not_found(message));
    }
    let is_started = |fact: &&Fact| starts.iter().any(|it| it.batch_id == *fact.batch_id());
    let mut report = FoldReport {
        batches: vec![],
        without_start: facts.iter().filter(|fact| !is_started(fact)).count(),
        unreadable: quarantined
            .iter()
            .map(|line| format!("{}, line {}: {}", line.file, line.place, line.reason))
            .collect(),
    };
    for &plan in &starts {
        let judging = Judging { plan, actions: &actions, claims: &claims };
        let own = facts.iter().filter(|fact| *fact.batch_id() == plan.batch_id);
        report.batches.push(fold(own, &judging, cx.env.clock.now()));
    }
    cx.out.show(&report)?;
    Ok(if report.is_whole() { Exit::Ok } else { Exit::NotFound })
}

/// The start of each batch, in the order of their ids. Of several the earliest counts, whatever
/// file it is in; the others are refused.
fn starts(facts: &[Fact]) -> Vec<&Started> {
    let mut starts: Vec<&Started> = facts.iter().filter_map(Fact::started).collect();
    starts.sort_by_cached_key(|it| (it.batch_id.clone(), it.at, format!("{it:?}")));
    starts.dedup_by(|later, earlier| later.batch_id == earlier.batch_id);
    starts
}

/// What `fold --json` prints.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct FoldReport {
    /// What each batch adds to the state, as far as its facts tell.
    batches: Vec<Delta>,
    /// Facts of batches whose start is not among them.
    without_start: usize,
    /// Lines that are no facts: file, line and reason.
    unreadable: Vec<String>,
}

impl FoldReport {
    /// Whether everything that was planned is decided, and every fact counts.
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
            let n = self.without_start;
            writeln!(f, "problem: {n} facts are about batches whose start is not among them")?;
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
                let last = failure.message.lines().last().unwrap_or_default();
                writeln!(f, "        {last}")?;
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
