//! Batches that earlier CI runs could not push, from the folders that these runs have uploaded.
//!
//! A CI run uploads its folder of unpushed batches before it pushes them, because its machine is forgotten.
//! The next run takes over what did not get into the state, and what has no pull request yet.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    ops::ControlFlow,
};

use batch_core::{
    io::{FactSink as _, FsState, HistoryFilter, Layout, Outbox, StateReader as _, Visited},
    model::BatchId,
};
use chrono::{DateTime, TimeDelta, Utc};

use super::{KeptSlots, Pulls, kept::keep};

/// The artifact of the run `run-<time>` is called `run-<time>-outbox`.
const SUFFIX: &str = "-outbox";

/// For how long folders are looked at. They are kept at least as long.
const KEPT: TimeDelta = TimeDelta::days(14);

/// Keeps in `unpushed` and `slots` what runs have uploaded that is not in `state`, and the batches
/// of `missing`, whose pull requests do not exist. Returns what could not be taken over: one folder that
/// cannot be read does not affect the others.
pub(super) async fn adopt(
    pulls: &Pulls<'_>,
    state: &FsState,
    missing: &[BatchId],
    (unpushed, slots): (&Outbox, &KeptSlots),
) -> anyhow::Result<Vec<String>> {
    let since = pulls.clock.now() - KEPT;
    let recorded = recorded(state, since)?;
    let kept: BTreeSet<String> =
        unpushed.pending()?.iter().filter_map(|it| it.started()?.run_id.clone()).collect();
    let is_wanted = |name: &str| {
        let Some(run) = name.strip_suffix(SUFFIX) else { return false };
        let Some(at) = run.strip_prefix("run-") else { return false };
        let is_slot = matches!(state.run(&format!("slot-{at}")), Ok(Some(_)));
        let batches = recorded.get(run);
        !is_slot
            && !kept.contains(run)
            && batches.is_none_or(|batches| batches.iter().any(|it| missing.contains(it)))
    };
    let mut problems = vec![];
    // One after the other, so that only one is in memory.
    for uploaded in pulls.forge.uploaded(since).await? {
        if !is_wanted(&uploaded.name) {
            continue;
        }
        let adopted = match pulls.forge.download(&uploaded).await {
            Ok(files) => one(files, &uploaded.name, (state, missing), (unpushed, slots)),
            Err(error) => Err(error.into()),
        };
        if let Err(error) = adopted {
            problems.push(format!("{} cannot be taken over: {error:#}", uploaded.name));
        }
    }
    Ok(problems)
}

/// The batches of the runs that are recorded since `since`.
fn recorded(
    state: &FsState,
    since: DateTime<Utc>,
) -> anyhow::Result<BTreeMap<String, Vec<BatchId>>> {
    let mut batches: BTreeMap<String, Vec<BatchId>> = BTreeMap::new();
    // A run that began shortly before has a folder of later.
    let filter =
        HistoryFilter { since: Some(since - TimeDelta::days(1)), ..HistoryFilter::default() };
    state.visit_runs(&filter, &mut |visited| {
        if let Visited::Record(run) = visited
            && let (Some(run_id), Ok(batch)) = (run.run_id.clone(), run.batch_id.parse())
        {
            batches.entry(run_id).or_default().push(batch);
        }
        ControlFlow::Continue(())
    })?;
    Ok(batches)
}

/// Keeps what the folder `name` has in its `files`.
#[expect(clippy::disallowed_methods, reason = "a copy for this call, which is no state")]
fn one(
    files: Vec<(String, Vec<u8>)>,
    name: &str,
    (state, missing): (&FsState, &[BatchId]),
    (unpushed, slots): (&Outbox, &KeptSlots),
) -> anyhow::Result<()> {
    let dir = tempfile::tempdir()?;
    for (file, content) in files {
        fs::write(dir.path().join(file), content)?;
    }
    let layout = Layout::new(dir.path());
    for journal in Outbox::in_folder(&layout, dir.path().to_owned()).pending()? {
        let batch = &journal.batch_id;
        if state.run(&batch.to_string())?.is_none() || missing.contains(batch) {
            tracing::warn!("{batch} is taken over from {name}");
            keep(unpushed, &journal)?;
        }
    }
    for record in KeptSlots::in_folder(dir.path()).all()? {
        if state.run(&record.batch_id)?.is_none() {
            slots.keep(&record)?;
        }
    }
    Ok(())
}
