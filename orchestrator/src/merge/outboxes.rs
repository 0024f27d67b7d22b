//! Batches that earlier CI runs could not push, from the folders that these runs have uploaded.
//!
//! A CI run uploads its folder of unpushed batches before it pushes them, because its machine is forgotten.
//! The next run takes over what did not get into the state, and what has no pull request yet.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    ops::ControlFlow,
};

use anyhow::Context as _;
use batch_core::{
    io::{FactSink as _, FsState, HistoryFilter, Layout, Outbox, StateReader as _, Visited},
    model::BatchId,
};
use batch_forge::Archive;
use chrono::{DateTime, TimeDelta, Utc};

use super::{KeptSlots, Pulls, kept::keep};

/// The artifact of the run `run-<time>` is called `run-<time>-outbox`.
const SUFFIX: &str = "-outbox";

/// For how long folders are looked at. They are kept at least as long.
const KEPT: TimeDelta = TimeDelta::days(14);

/// Keeps in `unpushed` and `slots` what runs have uploaded that is not in `state`, and the batches
/// of `missing`, whose pull requests do not exist. Returns the number of batches.
pub(super) async fn adopt(
    pulls: &Pulls<'_>,
    state: &FsState,
    missing: &[BatchId],
    (unpushed, slots): (&Outbox, &KeptSlots),
) -> anyhow::Result<usize> {
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
    let archives = pulls.forge.archives(since, &is_wanted).await?;
    let mut n_adopted = 0;
    for archive in archives {
        let name = archive.name.clone();
        let adopted = one(archive, state, missing, (unpushed, slots));
        n_adopted += adopted.with_context(|| format!("the artifact {name}"))?;
    }
    Ok(n_adopted)
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

/// Keeps what `archive` has. Returns the number of batches.
#[expect(clippy::disallowed_methods, reason = "a copy for this call, which is no state")]
fn one(
    archive: Archive,
    state: &FsState,
    missing: &[BatchId],
    (unpushed, slots): (&Outbox, &KeptSlots),
) -> anyhow::Result<usize> {
    let dir = tempfile::tempdir()?;
    for (name, content) in archive.files {
        fs::write(dir.path().join(name), content)?;
    }
    let layout = Layout::new(dir.path());
    let mut n_adopted = 0;
    for journal in Outbox::in_folder(&layout, dir.path().to_owned()).pending()? {
        let batch = &journal.batch_id;
        if state.run(&batch.to_string())?.is_none() || missing.contains(batch) {
            tracing::warn!("{batch} is taken over from {}", archive.name);
            keep(unpushed, &journal)?;
            n_adopted += 1;
        }
    }
    for record in KeptSlots::in_folder(dir.path()).all()? {
        if state.run(&record.batch_id)?.is_none() {
            slots.keep(&record)?;
        }
    }
    Ok(n_adopted)
}
