//! Queues.

use std::{collections::BTreeMap, sync::Arc};

use batch_core::{
    decide::doctor::{EntryCheck, FileKind, HistoryCheck, Place, may_reset, mended_entry},
    io::{EntryLines, QueueFile, StateReader as _},
    model::{BatchId, EcosystemId, Queue, QueueEntry, StatusLabel},
};
use chrono::TimeDelta;

use super::{Examiner, Mend, Subject};
use crate::upkeep;

/// A queue, and how its entries would change if a run started now.
struct Compared {
    ecosystem: EcosystemId,
    file: Arc<QueueFile>,
    lines: EntryLines,
    reconciled: Queue,
}

impl Examiner<'_> {
    /// Reads all queues, and compares their entries with recipes and runs.
    pub(super) fn queues(&mut self, history: &HistoryCheck) -> anyhow::Result<()> {
        let Subject { state, registry, .. } = self.subject;
        let (mut queues, mut n_done, mut n_without) = (vec![], 0, 0);
        for ecosystem in state.queued_ecosystems()? {
            match state.located_queue(&ecosystem) {
                Ok(Some((file, lines))) => {
                    let (reconciled, counts) =
                        upkeep::reconciled_queue(&file, &self.recipes, registry);
                    let is_done = |it: &&QueueEntry| it.status.label() == StatusLabel::Success;
                    n_done += file.entries.values().filter(is_done).count();
                    n_without += counts.vanished;
                    queues.push(Compared { ecosystem, file, lines, reconciled });
                }
                Ok(None) => (),
                Err(error) => {
                    self.are_queues_whole = false;
                    self.unreadable_file(FileKind::Queue, error)?;
                }
            }
        }
        let may_reset = may_reset(n_done, n_without);
        for queue in queues {
            self.queue(queue, may_reset, history);
        }
        Ok(())
    }

    fn queue(&mut self, queue: Compared, may_reset: bool, history: &HistoryCheck) {
        let Compared { ecosystem, file, lines, reconciled } = queue;
        let Subject { state, now, .. } = self.subject;
        self.are_queues_whole &= file.quarantined.is_empty();
        for damaged in &file.quarantined {
            self.damaged(FileKind::Queue, damaged, Some(&lines));
        }
        let label = state.layout().label(&state.layout().queue(&ecosystem));
        let kept = self.kept.clone();
        let is_known = |batch: &BatchId| {
            let batch = batch.to_string();
            history.has_run(&batch) || kept.contains(&batch)
        };
        let longest_wait = longest_wait(self);
        let check = EntryCheck { now, longest_wait, may_reset, is_known: &is_known };
        let mut mended = Queue::new();
        for (id, entry) in &file.entries {
            let after = reconciled.get(id);
            let at = Place { file: &label, line: lines.of_package(id) };
            self.findings.extend(check.entry(at, entry, after));
            self.have.extend(after.unwrap_or(entry).recipe.clone());
            mended.extend(mended_entry(&check, entry, after).map(|entry| (id.clone(), entry)));
        }
        if !mended.is_empty() {
            self.mends.push(Mend::Entries { ecosystem: ecosystem.clone(), changed: mended });
        }
        self.queues.insert(ecosystem, (label, file));
    }

    /// The entries of each queue that a plugin fills, with the name of its file.
    pub(super) fn entries(&self) -> BTreeMap<EcosystemId, (&str, &Queue)> {
        let seeded = self.queues.iter().filter(|(id, _)| self.subject.registry.get(id).is_some());
        seeded.map(|(id, (label, file))| (id.clone(), (label.as_str(), &file.entries))).collect()
    }
}

/// The longest time for which a package may wait.
fn longest_wait(examiner: &Examiner<'_>) -> TimeDelta {
    let policy = examiner.settings.backoff_policy();
    let longest = policy.structural.into_iter().chain([policy.structural_longest]);
    let longest = longest.chain([policy.fault, policy.fault_longest]).max().unwrap_or_default();
    TimeDelta::from_std(longest).unwrap_or(TimeDelta::MAX)
}
