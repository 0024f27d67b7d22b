//! Rewrites failures, archived or not, whose classification changes.

use serde_json::Value;

use super::batches::{Archived, ArchivedBatches};
use crate::{
    io::{
        ArchiveKind, FsState, HistoryFilter, Records, StateError, atomic,
        fs_state::{history_files::names, history_record::HistoryRecord as _, lines},
        regular,
    },
    model::{FailureRecord, Month},
};

/// The fields that a classification yields.
const CLASSIFIED: [&str; 5] = ["category", "subcategory", "service", "confidence", "fingerprint"];

impl FsState {
    /// Replaces the failures that fit `filter` and for which `renew` returns another record. Each
    /// file is replaced as a whole. A file that cannot be read completely stays as it is. Returns
    /// the number of files that changed.
    pub(crate) fn renew_failures(
        &self,
        filter: &HistoryFilter,
        renew: &dyn Fn(&FailureRecord) -> Option<FailureRecord>,
    ) -> Result<u64, StateError> {
        let renewed = |line: &[u8]| renewed(line, filter, renew);
        let dir = FailureRecord::dir(&self.layout);
        let mut n_files = 0;
        for name in names::<FailureRecord>(&dir, filter)? {
            let path = dir.join(name);
            let mut found = Records::<FailureRecord>::default();
            lines::read(&path, &self.layout.label(&path), &mut found)?;
            if !found.quarantined.is_empty() {
                continue;
            }
            let content = regular::read(&path)?.unwrap_or_default();
            let (mut text, mut is_changed) = (vec![], false);
            for (_, line) in lines::lines(&content) {
                let new = renewed(line);
                is_changed |= new.is_some();
                text.extend_from_slice(new.as_deref().unwrap_or(line));
                text.push(b'\n');
            }
            if is_changed {
                atomic::write(&path, &text)?;
                n_files += 1;
            }
        }
        for month in self.archived_months()? {
            if filter.takes_month(month) && self.is_renewable(month, &renewed)? {
                self.renew_archive(month, &renewed)?;
                n_files += 1;
            }
        }
        Ok(n_files)
    }

    /// Whether the archive of `month` is whole and has a line that is renewed.
    fn is_renewable(
        &self,
        month: Month,
        renewed: &dyn Fn(&[u8]) -> Option<Vec<u8>>,
    ) -> Result<bool, StateError> {
        let Some(Ok(mut archived)) = self.archived_batches(month, ArchiveKind::Failures)? else {
            return Ok(false);
        };
        let mut is_changed = false;
        while let Some(next) = archived.next() {
            let Archived::Batch(batch) = next else { return Ok(false) };
            for (_, line) in &batch.lines {
                if lines::record::<FailureRecord>(line).is_err() {
                    return Ok(false);
                }
                is_changed = is_changed || renewed(line).is_some();
            }
        }
        Ok(is_changed)
    }

    fn renew_archive(
        &self,
        month: Month,
        renewed: &dyn Fn(&[u8]) -> Option<Vec<u8>>,
    ) -> Result<(), StateError> {
        let archived = self.archived_batches(month, ArchiveKind::Failures)?;
        let mut archived = archived.and_then(Result::ok);
        self.put_archived(month, ArchiveKind::Failures, |archive| {
            // It was read completely before.
            while let Some(Archived::Batch(batch)) =
                archived.as_mut().and_then(ArchivedBatches::next)
            {
                for (_, line) in &batch.lines {
                    archive.add(renewed(line).as_deref().unwrap_or(line))?;
                }
            }
            Ok(())
        })
    }
}

/// The line with the new record; `None` if nothing changes. Only the fields of the classification
/// are replaced, and fields that this version does not know are kept.
fn renewed(
    line: &[u8],
    filter: &HistoryFilter,
    renew: &dyn Fn(&FailureRecord) -> Option<FailureRecord>,
) -> Option<Vec<u8>> {
    let before: FailureRecord = lines::record(line).ok()?;
    let after = renew(&before).filter(|_| filter.takes_failure(&before))?;
    let (before, after) =
        (serde_json::to_string(&before).ok()?, serde_json::to_string(&after).ok()?);
    if before.as_bytes() == line.trim_ascii() {
        return Some(after.into_bytes());
    }
    let mut stored: Value = serde_json::from_slice(line).ok()?;
    let mut after: Value = serde_json::from_str(&after).ok()?;
    let (stored_fields, new) = (stored.as_object_mut()?, after.as_object_mut()?);
    for field in CLASSIFIED {
        match new.remove(field) {
            Some(value) => {
                stored_fields.insert(field.to_owned(), value);
            }
            None => {
                stored_fields.shift_remove(field);
            }
        }
    }
    serde_json::to_vec(&stored).ok()
}
