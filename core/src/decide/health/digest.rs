//! Collects what the health depends on, record by record, so that the history need not be kept in
//! memory.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::ControlFlow,
};

use chrono::{DateTime, TimeDelta, Utc};

use super::{
    Code, MAX_RUNS_WITHOUT_SUCCESS, OLD_PULL_REQUEST, Reason, WINDOW, coverage::Coverage,
    darwin::DarwinTests, outage::Outages, reason,
};
use crate::{
    decide::ahead,
    model::{
        BreakerTransition, Control, EcosystemId, FailureRecord, Queue, RunName, RunRecord, Status,
    },
};

/// How many damaged files are named. One is enough to start looking.
const N_FILES: usize = 5;

/// Fewer failures of unknown kind in a day are not a trend.
const FEW_UNKNOWN: u64 = 5;

/// Everything that the health depends on.
#[derive(Debug, Clone)]
pub struct Digest {
    now: DateTime<Utc>,
    /// Whether a run is in progress now.
    pub is_under_way: bool,
    n_runs: u64,
    has_run: bool,
    newest: Option<(String, DateTime<Utc>)>,
    last_run: Option<RunRecord>,
    has_success: bool,
    /// Runs without success, with slots in which nothing ran, and without them.
    n_dry: u64,
    n_since_success: u64,
    since: Option<DateTime<Utc>>,
    coverage: Coverage,
    darwin: DarwinTests,
    outages: Outages,
    last_merge_at: Option<DateTime<Utc>>,
    /// The first record of each kind that lies in the future.
    ahead: BTreeMap<&'static str, Reason>,
    /// The ecosystems that have a queue, and whether the queue contains something to attempt.
    queues: BTreeMap<EcosystemId, bool>,
    pull_requests: BTreeMap<String, DateTime<Utc>>,
    damaged: BTreeSet<String>,
    dead_runs: BTreeSet<String>,
    /// Failures of the last day, and of the rest of the window.
    failures: [UnclassifiedShare; 2],
}

/// How many failures have an unknown kind.
#[derive(Debug, Clone, Copy, Default)]
struct UnclassifiedShare {
    n: u64,
    n_unknown: u64,
}

impl Digest {
    /// The state at `now`, before any record is added.
    pub fn new(now: DateTime<Utc>) -> Self {
        Self {
            now,
            is_under_way: false,
            n_runs: 0,
            has_run: false,
            newest: None,
            last_run: None,
            has_success: false,
            n_dry: 0,
            n_since_success: 0,
            since: None,
            coverage: Coverage::default(),
            darwin: DarwinTests::default(),
            outages: Outages::default(),
            last_merge_at: None,
            ahead: BTreeMap::new(),
            queues: BTreeMap::new(),
            pull_requests: BTreeMap::new(),
            damaged: BTreeSet::new(),
            dead_runs: BTreeSet::new(),
            failures: [UnclassifiedShare::default(); 2],
        }
    }

    /// Adds a run. Runs come newest first. Breaks when older runs cannot change the result.
    pub fn run(&mut self, run: &RunRecord) -> ControlFlow<()> {
        self.has_run = true;
        if ahead::is_ahead(run.timestamp, self.now) {
            let command = Some("tsuku-batch runs list".to_owned());
            let is_ahead = reason(Code::ClockAhead, &run.batch_id, Some(run.timestamp), command);
            self.ahead.entry("run").or_insert(is_ahead);
            return ControlFlow::Continue(());
        }
        if MAX_RUNS_WITHOUT_SUCCESS <= self.n_runs && run.timestamp < self.now - WINDOW {
            return ControlFlow::Break(());
        }
        self.n_runs += 1;
        self.darwin.add(run);
        // A duration that leads into the future says nothing either.
        let ended_at = ahead::past(Some(ended_at(run)), self.now).unwrap_or(run.timestamp);
        if self.newest.as_ref().is_none_or(|(_, newest)| *newest < ended_at) {
            self.newest = Some((run.batch_id.clone(), ended_at));
        }
        // A test of existing recipes makes none, so it neither is a success nor lacks one.
        if run.sweep.is_some() {
            return ControlFlow::Continue(());
        }
        self.coverage.add(run, self.now);
        if self.last_run.is_none() && run.ecosystem.is_some() {
            self.last_run = Some(run.clone());
        }
        if run.merged > 0 {
            self.last_merge_at.get_or_insert(ended_at);
        }
        self.has_success |= run.succeeded > 0 || run.merged > 0;
        if !self.has_success {
            self.n_dry += 1;
            self.n_since_success += u64::from(run.ecosystem.is_some());
            self.since = Some(run.timestamp);
        }
        ControlFlow::Continue(())
    }

    /// Adds a line of the log of the breakers. Lines come in their order.
    pub fn transition(&mut self, line: &BreakerTransition) {
        if !ahead::is_ahead(line.at, self.now) {
            self.outages.add(line);
        }
    }

    /// Adds a failure of the window, in any order.
    pub fn failure(&mut self, failure: &FailureRecord) {
        let age = self.now.signed_duration_since(failure.timestamp);
        if age > WINDOW || ahead::is_ahead(failure.timestamp, self.now) {
            return;
        }
        let share = &mut self.failures[usize::from(age > TimeDelta::days(1))];
        share.n += 1;
        share.n_unknown += u64::from(failure.category() == "unknown");
    }

    /// Adds the queue of `ecosystem`.
    pub fn queue(&mut self, ecosystem: &EcosystemId, queue: &Queue) {
        let mut has_work = false;
        for entry in queue.values() {
            has_work |= matches!(entry.status, Status::Pending | Status::Failed);
            if let Status::InProgress { batch } = &entry.status {
                self.pull_requests.insert(batch.to_string(), batch.started_at());
            }
            if let Some(at) = entry.last_attempt_at
                && ahead::is_ahead(at, self.now)
            {
                let is_ahead = reason(Code::ClockAhead, &entry.id.to_string(), Some(at), None);
                self.ahead.entry("entry").or_insert(is_ahead);
            }
        }
        self.queues.insert(ecosystem.clone(), has_work);
    }

    /// Adds that `file`, relative to the root, cannot be read completely. Files that are older than
    /// the window are reported by the commands that show history.
    pub fn damaged(&mut self, file: &str) {
        let name = file.rsplit_once('/').map_or(file, |(_, name)| name);
        let stem = name.strip_suffix(".jsonl").unwrap_or(name);
        let started_at = RunName::parse(stem).and_then(RunName::started_at);
        if started_at.is_none_or(|at| self.now - WINDOW <= at) {
            self.damaged.insert(file.to_owned());
        }
    }

    /// Adds that the run `batch_id` died: it has a journal, and no process works on it.
    pub fn dead_run(&mut self, batch_id: &str) {
        self.dead_runs.insert(batch_id.to_owned());
    }

    /// The newest run that attempted something, without runs in the future.
    pub fn last_run(&self) -> Option<&RunRecord> {
        self.last_run.as_ref()
    }

    /// How many runs attempted something since the newest run with a verified recipe.
    pub fn runs_since_success(&self) -> u64 {
        self.n_since_success
    }

    /// How long ago the newest run that attempted something ended, in whole hours.
    pub fn hours_since_last_run(&self) -> Option<u64> {
        self.last_run.as_ref().map(|run| self.hours_since(ended_at(run)))
    }

    /// How long ago the newest run that merged a recipe ended, in whole hours; `None` if no run that
    /// was added did.
    pub fn hours_since_last_merge(&self) -> Option<u64> {
        self.last_merge_at.map(|at| self.hours_since(at))
    }

    fn hours_since(&self, at: DateTime<Utc>) -> u64 {
        self.now.signed_duration_since(at).num_hours().try_into().unwrap_or(0)
    }

    pub(super) fn now(&self) -> DateTime<Utc> {
        self.now
    }

    pub(super) fn has_run(&self) -> bool {
        self.has_run
    }

    pub(super) fn newest_run(&self) -> Option<(&str, DateTime<Utc>)> {
        self.newest.as_ref().map(|(id, at)| (id.as_str(), *at))
    }

    pub(super) fn newest_record(&self) -> Option<DateTime<Utc>> {
        self.newest.as_ref().map(|(_, at)| *at)
    }

    pub(super) fn reasons(&self, control: &Control) -> Vec<Reason> {
        let mut reasons: Vec<Reason> = self.ahead.values().cloned().collect();
        for batch in &self.dead_runs {
            let since = RunName::parse(batch).and_then(RunName::started_at);
            let command = Some("tsuku-batch run".to_owned());
            reasons.push(reason(Code::DeadRun, batch, since, command));
        }
        for file in self.damaged.iter().take(N_FILES) {
            let command = Some("tsuku-batch status".to_owned());
            reasons.push(reason(Code::StateQuarantined, file, None, command));
        }
        if MAX_RUNS_WITHOUT_SUCCESS <= self.n_dry {
            let command = Some("tsuku-batch runs list".to_owned());
            reasons.push(reason(Code::Drought, "the pipeline", self.since, command));
        } else {
            reasons.extend(self.stuck(control));
        }
        reasons.extend(self.outages.reason(control, self.now));
        reasons.extend(self.darwin.reasons());
        let is_stopped = |id| control.is_stopped_by_itself(id, self.now);
        let empty = self.queues.iter().filter(|&(id, &has_work)| !has_work && !is_stopped(id));
        for (id, _) in empty {
            let command = Some(format!("tsuku-batch seed {id}"));
            reasons.push(reason(Code::QueueEmpty, id.as_str(), None, command));
        }
        let is_old = |at: DateTime<Utc>| OLD_PULL_REQUEST < self.now.signed_duration_since(at);
        for (batch, &at) in self.pull_requests.iter().filter(|&(_, &at)| is_old(at)) {
            let command = Some("tsuku-batch pr list".to_owned());
            reasons.push(reason(Code::PrOld, batch, Some(at), command));
        }
        reasons.extend(self.unclassified());
        reasons
    }

    /// A reason for each ecosystem that is not stopped and has no recipe to show for a week.
    fn stuck(&self, control: &Control) -> impl Iterator<Item = Reason> {
        let all = self.coverage.stuck(self.now);
        let goes_on = all.filter(|(id, _)| !control.is_stopped_by_itself(id, self.now));
        goes_on.map(|(id, since)| {
            let command = Some(format!("tsuku-batch failures top --ecosystem {id}"));
            reason(Code::CoverageStuck, id.as_str(), Some(since), command)
        })
    }

    /// A reason if at least a tenth of the failures of the last day have an unknown kind, and their
    /// share has doubled compared with the days before.
    fn unclassified(&self) -> Option<Reason> {
        let [day, before] = self.failures;
        let is_up = FEW_UNKNOWN <= day.n_unknown
            && day.n <= 10 * day.n_unknown
            && 2 * before.n_unknown * day.n < day.n_unknown * before.n;
        let command = Some("tsuku-batch failures list --category unknown".to_owned());
        let since = Some(self.now - TimeDelta::days(1));
        is_up.then(|| reason(Code::UnclassifiedUp, "unknown", since, command))
    }
}

fn ended_at(run: &RunRecord) -> DateTime<Utc> {
    let seconds = i64::try_from(run.duration_seconds).ok().and_then(TimeDelta::try_seconds);
    let end = seconds.and_then(|span| run.timestamp.checked_add_signed(span));
    end.unwrap_or(run.timestamp)
}
