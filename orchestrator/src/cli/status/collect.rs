//! Collects what the status depends on.

use std::{collections::BTreeMap, ops::ControlFlow, sync::Arc};

use batch_core::{
    decide::{
        ahead,
        health::{Digest, WINDOW},
        shares::{self, EvidenceShares},
        slo::SloDigest,
    },
    io::{
        FactSink as _, HistoryFilter, Outbox, Quarantined, QueueFile, StateError, StateReader as _,
        Visited,
    },
    model::{BatchId, EcosystemId, StatusLabel},
    plugin::EcosystemPlugin,
};
use chrono::{DateTime, Utc};

use crate::{cli::damage::Damage, env::Root, machine};

/// What a person can do about a file that was set aside.
const SET_ASIDE: &str = "could not be used and was set aside; nothing of it is in the state. Look at \
    it, then delete it, or move it back to where it was once it is mended";

/// Everything that the status depends on, except for the control file.
pub(super) struct StatusCollector {
    pub(super) digest: Digest,
    pub(super) slos: SloDigest,
    pub(super) shares: BTreeMap<EcosystemId, EvidenceShares>,
    /// The id of the newest record of a run.
    pub(super) newest: Option<String>,
    /// The queues that can be read.
    pub(super) queues: BTreeMap<EcosystemId, Arc<QueueFile>>,
    /// The batches that are kept for a push, oldest first.
    pub(super) unpushed: Vec<BatchId>,
    pub(super) damage: Damage,
}

impl StatusCollector {
    pub(super) fn new(now: DateTime<Utc>) -> Self {
        Self {
            digest: Digest::new(now),
            slos: SloDigest::new(now),
            shares: BTreeMap::new(),
            newest: None,
            queues: BTreeMap::new(),
            unpushed: vec![],
            damage: Damage::default(),
        }
    }

    pub(super) fn file(&mut self, root: &Root, error: &StateError) {
        self.digest.damaged(&root.layout.label(&error.path));
        self.damage.note(error);
    }

    fn damaged(&mut self, damaged: &Quarantined) {
        self.digest.damaged(&damaged.file);
        self.damage.note(damaged);
    }

    /// Adds the queue of `plugin`, and counts its entries.
    pub(super) fn queue(
        &mut self,
        root: &Root,
        plugin: &EcosystemPlugin,
    ) -> BTreeMap<StatusLabel, u64> {
        let (id, mut counts) = (&plugin.id, BTreeMap::new());
        match root.state.queue(id) {
            Ok(Some(queue)) => {
                for entry in queue.entries.values() {
                    *counts.entry(entry.status.label()).or_default() += 1;
                }
                self.digest.queue(id, &queue.entries);
                // What nobody can attempt need not be there.
                if plugin.recipe_builder.is_some() {
                    self.slos.queue(id, &queue.entries);
                }
                queue.quarantined.iter().for_each(|damaged| self.damaged(damaged));
                self.queues.insert(id.clone(), queue);
            }
            Ok(None) => (),
            Err(error) => self.file(root, &error),
        }
        counts
    }

    /// Adds runs and failures of the window, and the logs.
    pub(super) fn history(&mut self, root: &Root, now: DateTime<Utc>) -> Result<(), StateError> {
        let state = &root.state;
        state.visit_runs(&HistoryFilter::default(), &mut |visited| match visited {
            Visited::Record(run) => {
                self.newest.get_or_insert_with(|| run.batch_id.clone());
                self.slos.run(&run);
                self.digest.run(&run)
            }
            Visited::Damaged(damaged) => {
                self.damaged(&damaged);
                ControlFlow::Continue(())
            }
        })?;
        let recent = HistoryFilter { since: Some(now - WINDOW), ..HistoryFilter::default() };
        state.visit_failures(&recent, &mut |visited| {
            match visited {
                Visited::Record(failure) => {
                    self.digest.failure(&failure);
                    self.slos.failure(&failure);
                    if !ahead::is_ahead(failure.timestamp, now) {
                        shares::add(&mut self.shares, &failure);
                    }
                }
                Visited::Damaged(damaged) => self.damaged(&damaged),
            }
            ControlFlow::Continue(())
        })?;
        let log = state.breaker_log()?;
        log.records.iter().for_each(|line| self.digest.transition(line));
        log.quarantined.iter().for_each(|damaged| self.damaged(damaged));
        let seedings = state.seeding_runs()?;
        seedings.records.iter().for_each(|seeding| self.slos.seeding(seeding));
        seedings.quarantined.iter().for_each(|damaged| self.damaged(damaged));
        Ok(())
    }

    /// Adds journals. They belong to the run that is in progress; if there is none, their run has
    /// died. Journals that could not be used wait for a person, and others for a push.
    pub(super) fn journals(&mut self, root: &Root) -> Result<(), StateError> {
        for file in root.state.set_aside()? {
            self.digest.damaged(&file);
            self.damage.note(format!("{file}: {SET_ASIDE}"));
        }
        let holder = root.state.lock_holder();
        self.digest.is_under_way = holder.is_some_and(|holder| machine::is_alive(holder.pid));
        if !self.digest.is_under_way {
            root.state.journals()?.iter().for_each(|batch| self.digest.dead_run(batch));
        }
        let kept = Outbox::unpushed(&root.layout).pending()?;
        self.unpushed = kept.into_iter().map(|journal| journal.batch_id).collect();
        self.unpushed.sort_by_key(BatchId::started_at);
        Ok(())
    }
}
