//! Seeding: adds packages from the lists of a registry to a queue.
//!
//! Core decides what to do next; this module does it. Every fact is written to a journal, so that a
//! seeding that dies can be continued.

mod cost;
mod progress;
mod target;
mod visit;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use batch_core::{
    decide::seeding::{self as decide, Merging, Walk},
    io::{Clock, FsState, PoliteHttp, SeedJournal, StateReader as _, Traffic as _},
    model::{
        EcosystemId, HostUsage, PackageId, PackageName, Remembered, SCHEMA_VERSION, SeedLine,
        SeedStart, SeedVerdict, SeedingRecord, SourceRun, Tier,
    },
    persist::{SeedingTraffic, persist_seeding},
    plugin::{EcosystemPlugin, Seeder},
};
use chrono::{DateTime, SubsecRound as _, TimeDelta, Utc};
use tokio_util::sync::CancellationToken;

pub use cost::{Bucket, Cost, cost};
pub use progress::Progress;
pub use target::{SeedTarget, Write};
pub use visit::{FactLog, SeedContext, visit};

use crate::{
    env::{Env, Root},
    seeds,
};

/// What a seeding is asked to do.
#[derive(Debug, Clone, Copy, Default)]
pub struct Request {
    /// Maximal number of candidates to look at.
    pub limit: Option<usize>,
    /// Continue where the last seeding ended.
    pub resume: bool,
    /// Ask and decide, but write nothing.
    pub dry_run: bool,
    /// Trust a list that is much shorter than before.
    pub accept_shrunk: bool,
}

/// What the seeding of every ecosystem needs.
#[derive(Clone, Copy)]
#[expect(missing_docs, reason = "the types say it")]
pub struct Tools<'a> {
    pub env: &'a Env,
    pub root: &'a Root,
    pub http: &'a Arc<PoliteHttp>,
    /// Where the results go.
    pub target: &'a dyn SeedTarget,
    pub request: Request,
    pub progress: &'a Progress,
    pub cancel: &'a CancellationToken,
}

/// What is known before the first request.
struct PriorState {
    curated: BTreeMap<PackageId, Tier>,
    queued: BTreeSet<String>,
    /// When entries of the queue were added.
    added_at: BTreeSet<DateTime<Utc>>,
    remembered: BTreeMap<PackageName, Remembered>,
    runs: Vec<SeedingRecord>,
    /// Whether a list that became much shorter is not trusted.
    doubts: bool,
}

/// Seeds the queue of `plugin`, whose seeder is `seeder`.
pub async fn run(
    plugin: &'static EcosystemPlugin,
    seeder: &'static dyn Seeder,
    tools: &Tools<'_>,
) -> anyhow::Result<SeedingRecord> {
    let Tools { env, root, request, .. } = *tools;
    let now = env.clock.now().trunc_subsecs(0);
    let _lock = root.state.lock_seeding(&plugin.id, now)?;
    let (mut journal, mut lines) = if request.dry_run {
        (None, vec![])
    } else {
        let (journal, lines) = SeedJournal::open(&root.layout, &plugin.id)?;
        (Some(journal), lines)
    };
    let mut before = PriorState::look(tools, plugin, now)?;
    let is_recorded = before.has_record_of(&lines);
    if is_recorded || !lines.is_empty() && !request.resume {
        let lines = std::mem::take(&mut lines);
        if !is_recorded {
            tracing::info!("{}: the results of an interrupted seeding are kept", plugin.id);
            finish(plugin, seeder, tools, &before, lines).await?;
        }
        journal.iter_mut().try_for_each(SeedJournal::clear)?;
        before = PriorState::look(tools, plugin, now)?;
    }
    let goes_on = !lines.is_empty();
    if !goes_on {
        let left = if request.resume { before.left(seeder) } else { vec![] };
        let (schema_version, ecosystem) = (SCHEMA_VERSION, plugin.id.clone());
        let (limit, started_at) = (request.limit, before.free_second(&*env.clock).await);
        let start =
            SeedLine::Start(SeedStart { schema_version, ecosystem, started_at, limit, left });
        journal.iter_mut().try_for_each(|journal| journal.append(&start))?;
        lines.push(start);
    }
    let identity = |name: &PackageName| plugin.names.identity(name);
    let known = |id: &PackageId| before.known(plugin, id, now);
    let mut walk = before.walk(seeder, lines, &identity, &known)?;
    if let Some(limit) = request.limit.filter(|_| goes_on) {
        walk.limit_to(limit);
    }
    let notes = FactLog { journal: journal.as_mut(), progress: tools.progress };
    let account = tools.http.account();
    let seed_context = SeedContext { plugin, seeder, http: &*account };
    visit(&mut walk, seed_context, notes, tools.cancel).await?;
    let usage = account.usage();
    let record = before.persist(&walk, (plugin, seeder), usage, tools).await?;
    journal.iter_mut().try_for_each(SeedJournal::clear)?;
    Ok(record)
}

/// Writes the facts of a dead seeding into the state, without further requests.
async fn finish(
    plugin: &'static EcosystemPlugin,
    seeder: &'static dyn Seeder,
    tools: &Tools<'_>,
    before: &PriorState,
    lines: Vec<SeedLine>,
) -> anyhow::Result<SeedingRecord> {
    let now = tools.env.clock.now();
    let identity = |name: &PackageName| plugin.names.identity(name);
    let known = |id: &PackageId| before.known(plugin, id, now);
    let walk = before.walk(seeder, lines, &identity, &known)?;
    before.persist(&walk, (plugin, seeder), BTreeMap::new(), tools).await
}

impl PriorState {
    fn look(
        tools: &Tools<'_>,
        plugin: &EcosystemPlugin,
        now: DateTime<Utc>,
    ) -> anyhow::Result<Self> {
        let state = &tools.root.state;
        let curated = seeds::queue(plugin, now)?.map(|file| file.entries).unwrap_or_default();
        let queue = state.queue(&plugin.id)?;
        let quarantined = queue.as_ref().map(|file| file.quarantined_ids()).unwrap_or_default();
        let queue = queue.map(|file| Arc::unwrap_or_clone(file).entries).unwrap_or_default();
        let mut runs = state.seeding_runs()?.records;
        runs.retain(|run| run.ecosystem == plugin.id);
        Ok(Self {
            curated: curated.into_iter().map(|(id, entry)| (id, entry.tier)).collect(),
            queued: queue
                .keys()
                .chain(&quarantined)
                .map(|id| plugin.names.identity(&id.name))
                .collect(),
            added_at: queue.values().map(|entry| entry.added_at).collect(),
            remembered: state.remembered(&plugin.id)?,
            runs,
            doubts: !tools.request.accept_shrunk,
        })
    }

    /// What the last seeding left to do; empty when it left nothing.
    fn left(&self, seeder: &dyn Seeder) -> Vec<SourceRun> {
        let last = self.runs.last().map(|run| run.sources.clone()).unwrap_or_default();
        let is_left = |source: &SourceRun| !source.is_done();
        let is_new = |name: &str| !last.iter().any(|source| source.name == name);
        let has_more = last.iter().any(is_left)
            || seeder.sources().iter().any(|source| !last.is_empty() && is_new(source.name));
        if has_more { last } else { vec![] }
    }

    /// Whether the seeding with the facts `lines` died after all of it was in the state, so that
    /// only its journal was left.
    fn has_record_of(&self, lines: &[SeedLine]) -> bool {
        let Some(SeedLine::Start(start)) = lines.first() else { return false };
        self.runs.iter().any(|run| run.started_at == start.started_at)
    }

    /// The start of this run. Runs and their entries are distinguished by their starts in seconds,
    /// so this waits for a second in which no other run started.
    async fn free_second(&self, clock: &dyn Clock) -> DateTime<Utc> {
        loop {
            let now = clock.now();
            let second = now.trunc_subsecs(0);
            let is_taken = self.added_at.contains(&second)
                || self.runs.iter().any(|run| run.started_at == second);
            if !is_taken {
                return second;
            }
            let rest = second + TimeDelta::seconds(1) - now;
            clock.sleep(rest.to_std().unwrap_or_default()).await;
        }
    }

    fn known(
        &self,
        plugin: &EcosystemPlugin,
        id: &PackageId,
        now: DateTime<Utc>,
    ) -> Option<SeedVerdict> {
        if self.queued.contains(&plugin.names.identity(&id.name)) {
            return Some(SeedVerdict::Queued);
        }
        let remembered = self.remembered.get(&id.name)?;
        let Remembered { reason, why, .. } = remembered.clone();
        decide::is_fresh(remembered, now.date_naive()).then_some(SeedVerdict::Not { reason, why })
    }

    /// The progress after `lines`, which begin with a start.
    fn walk<'a>(
        &self,
        seeder: &dyn Seeder,
        lines: Vec<SeedLine>,
        identity: decide::Identity<'a>,
        known: decide::Known<'a>,
    ) -> anyhow::Result<Walk<'a>> {
        let mut lines = lines.into_iter();
        let Some(SeedLine::Start(start)) = lines.next() else {
            anyhow::bail!("the journal of the seeding does not begin with a start");
        };
        let last = self.runs.last().filter(|_| self.doubts);
        let trusted_size = |name: &str| last.map(|run| run.trusted_size(name)).unwrap_or_default();
        let sources =
            seeder.sources().iter().map(|source| (source.name, trusted_size(source.name)));
        let sources: Vec<_> = sources.collect();
        let mut walk = Walk::new(start, &sources, identity, known);
        lines.for_each(|line| walk.take(line));
        Ok(walk)
    }

    async fn persist(
        &self,
        walk: &Walk<'_>,
        (plugin, seeder): (&'static EcosystemPlugin, &dyn Seeder),
        usage: BTreeMap<String, HostUsage>,
        tools: &Tools<'_>,
    ) -> anyhow::Result<SeedingRecord> {
        let identity = |name: &PackageName| plugin.names.identity(name);
        let started_at = walk.started_at();
        let merging = Merging {
            curated: &self.curated,
            threshold: seeder.popular(),
            identity: &identity,
            started_at,
        };
        let pauses = tools.http.pauses();
        let traffic = SeedingTraffic { ended_at: tools.env.clock.now(), usage, pauses };
        let empty = || seeds::empty(plugin, started_at);
        if tools.request.dry_run {
            let queue =
                tools.root.state.queue(&plugin.id)?.map_or_else(empty, Arc::unwrap_or_clone);
            let quarantined = queue.quarantined_ids();
            let merged = decide::merge(queue.entries, &quarantined, walk, &merging);
            return Ok(decide::record(walk, &merged, traffic.ended_at, traffic.usage));
        }
        let write = |state: &FsState| match recorded(state, &plugin.id, started_at)? {
            // The answer to an earlier push was lost.
            Some(record) => Ok(record),
            None => Ok(persist_seeding(state, walk, &merging, empty(), traffic.clone())?),
        };
        tools.target.write(&write).await
    }
}

/// The record of the seeding of `ecosystem` that started at `started_at`, if `state` has it.
fn recorded(
    state: &FsState,
    ecosystem: &EcosystemId,
    started_at: DateTime<Utc>,
) -> anyhow::Result<Option<SeedingRecord>> {
    let runs = state.seeding_runs()?.records.into_iter();
    let mut own = runs.filter(|run| run.ecosystem == *ecosystem);
    Ok(own.find(|run| run.started_at == started_at))
}
