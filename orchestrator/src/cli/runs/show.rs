//! `runs show`.

use std::{
    collections::{BTreeMap, btree_map},
    fmt,
};

use batch_core::{
    decide::shell_word::shell_word,
    io::{HistoryFilter, StateReader as _},
    model::{FailureRecord, RunRecord},
};
use schemars::JsonSchema;
use serde::Serialize;

use super::{environments::write_environments, find, remark};
use crate::{
    cli::{
        Context,
        damage::{self, Damage},
    },
    counted::counted,
    env::Root,
    exit::Exit,
    explained::ExplainedFailure,
};

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    /// Id of the run, as `runs list` prints it
    #[arg(value_name = "BATCH ID")]
    id: String,
    /// Show also the whole output of each failure
    #[arg(long)]
    output: bool,
}

pub(super) fn run(args: &Args, root: &Root, cx: &Context) -> anyhow::Result<Exit> {
    let (record, damaged) = find(&args.id, root)?;
    let failures = root.state.failures(&HistoryFilter::of_batch(&args.id))?;
    let mut damage = Damage::default();
    damaged.iter().chain(&failures.quarantined).for_each(|damaged| damage.note(damaged));
    let failures = failures.records;
    let outputs =
        if args.output { outputs(&failures, root, &mut damage)? } else { BTreeMap::new() };
    let explained = |record| ExplainedFailure::new(record, &cx.env.registry);
    let failures = failures.into_iter().map(explained).collect();
    cx.out.show(&RunReport { record, failures, outputs, problems: damage.into_problems() })?;
    Ok(Exit::Ok)
}

/// The outputs of `failures` by their digests. What cannot be read is added to `damage`.
fn outputs(
    failures: &[FailureRecord],
    root: &Root,
    damage: &mut Damage,
) -> anyhow::Result<BTreeMap<String, String>> {
    let mut outputs = BTreeMap::new();
    for output in failures.iter().filter_map(|failure| failure.output.as_ref()) {
        let btree_map::Entry::Vacant(place) = outputs.entry(output.sha256.clone()) else {
            continue;
        };
        match root.state.output(&output.sha256) {
            Ok(Some(text)) => {
                place.insert(text);
            }
            Ok(None) => (),
            Err(error) if error.kind.is_about_the_file() => damage.note(&error),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(outputs)
}

/// What `runs show --json` prints.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::cli) struct RunReport {
    /// As stored.
    record: RunRecord,
    /// Each as stored, with its headline.
    failures: Vec<ExplainedFailure>,
    /// The whole outputs of the failures, by the digests that `output` of a failure names; only with
    /// `--output`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    outputs: BTreeMap<String, String>,
    /// What could not be read, each with file, position, reason and remedy.
    problems: Vec<String>,
}

impl fmt::Display for RunReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let RunRecord { batch_id, total, succeeded, duration_seconds, generator, .. } =
            &self.record;
        writeln!(f, "{batch_id}: {succeeded} of {total} verified in {duration_seconds} s")?;
        let remark = remark(&self.record);
        if !remark.is_empty() {
            writeln!(f, "  {remark}")?;
        }
        writeln!(f, "  generator  {generator}")?;
        write_environments(f, &self.record.environments)?;
        for (host, usage) in &self.record.requests {
            let (sent, throttled, waited) = (usage.sent, usage.throttled, usage.waited_ms);
            let sent = counted(sent, "request", "requests");
            writeln!(f, "  {host}  {sent}, {throttled} throttled, {waited} ms waited")?;
        }
        for recipe in &self.record.recipes_generated {
            match self.record.executables_from.get(recipe) {
                Some(from) => writeln!(f, "  recipe  {recipe}  commands from {from}")?,
                None => writeln!(f, "  recipe  {recipe}")?,
            }
        }
        for ExplainedFailure { record: failure, headline, .. } in &self.failures {
            let kind = format!("{}/{}", failure.category(), failure.subcategory());
            writeln!(f, "  failed  {}  {kind}", failure.package_id)?;
            writeln!(f, "          {headline}")?;
            writeln!(f, "          tsuku-batch failures show {}", shell_word(&failure.id))?;
            let output = failure.output.as_ref().and_then(|it| self.outputs.get(&it.sha256));
            for line in output.into_iter().flat_map(|output| output.lines()) {
                writeln!(f, "          | {line}")?;
            }
        }
        damage::write_problems(f, &self.problems)
    }
}
