//! What a person does after a run.

use super::{BatchSummary, Recording, Summary};

/// What a person does after the run of `summary`, as a command to paste.
pub(super) fn next_step(summary: &Summary) -> String {
    let is_kept = |batch: &BatchSummary| batch.recorded == Recording::Kept;
    let failed = summary.batches.iter().find(|batch| 0 < batch.failed + batch.blocked);
    match (summary.batches.iter().any(is_kept), failed) {
        (true, _) => "tsuku-batch merge --push --resume".to_owned(),
        (false, Some(batch)) => format!("tsuku-batch failures list --batch {}", batch.batch_id),
        (false, None) if summary.batches.is_empty() => "tsuku-batch plan --slots 12".to_owned(),
        (false, None) => "tsuku-batch status".to_owned(),
    }
}
