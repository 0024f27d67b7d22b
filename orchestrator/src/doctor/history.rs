//! Runs, failures and outputs.

use std::{collections::BTreeMap, ops::ControlFlow};

use batch_core::{
    decide::{
        archive::{self, Digest},
        doctor::{FileKind, Finding, FindingCode, HistoryCheck, Place, Placed},
    },
    io::{Located, Quarantined, Visited},
};
use chrono::TimeDelta;

use super::{Examiner, Mend, Subject};

/// An output that is not referred to is kept for so long, because a run may be about to refer to it.
const ORPHANS_STAY: TimeDelta = TimeDelta::days(30);

impl Examiner<'_> {
    /// Reads all runs and failures, and then all outputs.
    pub(super) fn history(&mut self) -> anyhow::Result<HistoryCheck> {
        let Subject { state, now, .. } = self.subject;
        let mut check = HistoryCheck::new(now);
        let mut damage = vec![];
        state.visit_located_runs(&mut |visited| {
            match visited {
                Visited::Record(located) => check.run(&placed(&located)),
                Visited::Damaged(damaged) => damage.push(damaged),
            }
            ControlFlow::Continue(())
        })?;
        // Failures of a run whose record is there, but cannot be read, are not lost.
        let batch = |file: &str| {
            let name = file.rsplit_once('/').map_or(file, |(_, name)| name);
            let stem = name.strip_prefix("batch-runs-")?.strip_suffix(".jsonl")?;
            Some(stem.to_owned())
        };
        self.kept.extend(damage.iter().filter_map(|damaged| batch(&damaged.file)));
        self.all_damaged(FileKind::Run, &mut damage);

        // Whether anything refers to an output.
        let live = state.live_outputs()?.into_iter();
        let mut outputs: BTreeMap<Digest, bool> = live.map(|digest| (digest, false)).collect();
        let archived = state.archived_digests(&mut damage)?;
        self.all_damaged(FileKind::Archive, &mut damage);
        let mut is_stored = |sha256: &str| {
            let Some(digest) = archive::digest(sha256) else { return false };
            let live = outputs.get_mut(&digest).map(|is_used| *is_used = true).is_some();
            live || archived.contains(&digest)
        };
        state.visit_located_failures(&mut |visited| {
            match visited {
                Visited::Record(located) => check.failure(&placed(&located), &mut is_stored),
                Visited::Damaged(damaged) => damage.push(damaged),
            }
            ControlFlow::Continue(())
        })?;
        // A failure that cannot be read may refer to any output.
        let are_all_known = damage.is_empty();
        self.all_damaged(FileKind::Failures, &mut damage);
        self.outputs(&outputs, are_all_known)?;
        Ok(check)
    }

    fn all_damaged(&mut self, kind: FileKind, damage: &mut Vec<Quarantined>) {
        damage.drain(..).for_each(|damaged| self.damaged(kind, &damaged, None));
    }

    fn outputs(
        &mut self,
        outputs: &BTreeMap<Digest, bool>,
        are_all_known: bool,
    ) -> anyhow::Result<()> {
        let Subject { state, now, .. } = self.subject;
        for (digest, &is_used) in outputs {
            if let Err(damaged) = state.checked_output(digest)? {
                self.damaged(FileKind::Output, &damaged, None);
                continue;
            }
            if !are_all_known || is_used {
                continue;
            }
            let file = state.output_file(digest);
            let at = Place { file: &file.file, line: 0 };
            let message = "no failure refers to it".to_owned();
            let found = Finding::new(FindingCode::OutputOrphan, at, &file.file, message);
            let age = file.written_at.map(|at| now.signed_duration_since(at));
            if age.is_some_and(|age| ORPHANS_STAY < age) {
                self.mends.push(Mend::Remove { path: state.layout().root().join(&file.file) });
                self.findings.add(found);
            } else {
                self.findings.add(found.not_fixable());
            }
        }
        Ok(())
    }
}

fn placed<T>(located: &Located<T>) -> Placed<'_, T> {
    let Located { file, line, is_archived, is_at_home, record } = located;
    let (line, is_archived, is_at_home) = (*line, *is_archived, *is_at_home);
    Placed { record, file, line, is_archived, is_at_home }
}
