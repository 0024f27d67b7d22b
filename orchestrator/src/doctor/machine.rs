//! What processes left on this machine.

use std::collections::BTreeSet;

use batch_core::{
    decide::doctor::{self, FileKind, LeftOver, left_over},
    io::{FactSink as _, FoundFile, FoundKind, FsState, Outbox},
};

use super::{Examiner, Mend, Subject};
use crate::machine::is_alive;

/// The batches that are still to be recorded: their journals are in the outbox, or kept for a push.
pub(super) fn kept(state: &FsState) -> anyhow::Result<BTreeSet<String>> {
    let unpushed = Outbox::unpushed(state.layout()).pending()?;
    let unpushed = unpushed.into_iter().map(|journal| journal.batch_id.to_string());
    Ok(state.journals()?.into_iter().chain(unpushed).collect())
}

impl Examiner<'_> {
    /// Looks for what processes left.
    pub(super) fn machine(&mut self) -> anyhow::Result<()> {
        let Subject { state, now, .. } = self.subject;
        let layout = state.layout();
        for (label, day) in self.settings.hosted()?.retirements() {
            self.findings.extend(doctor::runner(&label.to_string(), day, now));
        }
        let mut found = vec![];
        state.survey(&mut |file| found.push(file))?;
        for file in found {
            self.found(&file);
        }
        for lock in [layout.lock(), layout.write_lock()] {
            if let Err(error) = state.check_lock(&lock) {
                self.unreadable_file(FileKind::Journal, error)?;
            }
        }
        for (path, holder) in state.named_locks()? {
            if !is_alive(holder.pid) {
                self.left(&layout.label(&path), LeftOver::Lock);
                self.mends.push(Mend::Release { path });
            }
        }
        for file in state.set_aside()? {
            self.left(&file, LeftOver::SetAside);
        }
        let (outbox, unpushed) = (Outbox::new(layout), Outbox::unpushed(layout));
        for journal in outbox.pending()? {
            if !self.is_under_way {
                self.left(&layout.label(&layout.journal(&journal.batch_id)), LeftOver::Journal);
            }
            for damaged in &journal.unreadable {
                self.damaged(FileKind::Journal, damaged, None);
            }
        }
        for journal in unpushed.pending()? {
            let name = format!("{}.jsonl", journal.batch_id);
            let file = layout.label(&layout.unpushed().join(name));
            let started_at = journal.batch_id.started_at();
            self.findings.extend(left_over(&file, LeftOver::Unpushed { started_at }, now));
            for damaged in &journal.unreadable {
                self.damaged(FileKind::Journal, damaged, None);
            }
        }
        Ok(())
    }

    fn found(&mut self, found: &FoundFile) {
        let FoundFile { file, kind, changed_at } = found;
        let path = self.subject.state.layout().root().join(file);
        match kind {
            FoundKind::Known => (),
            FoundKind::Unknown => self.left(file, LeftOver::Unknown),
            FoundKind::Draft => {
                self.left(file, LeftOver::Draft);
                self.mends.push(Mend::Remove { path });
            }
            FoundKind::Work if self.is_under_way => (),
            FoundKind::Work => {
                self.left(file, LeftOver::Work);
                self.mends.push(Mend::RemoveFolder { path });
            }
            FoundKind::Artifacts => {
                if let Some(changed_at) = *changed_at {
                    self.left(file, LeftOver::Artifacts { changed_at });
                }
            }
        }
    }

    fn left(&mut self, file: &str, left: LeftOver) {
        self.findings.extend(left_over(file, left, self.subject.now));
    }
}
