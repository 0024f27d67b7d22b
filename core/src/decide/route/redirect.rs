//! Redirects entries to the sources that people selected.

use std::collections::BTreeMap;

use crate::{
    decide::route::{Draft, Rules, with_status},
    model::{OperatorAction, PackageId, QueueEntry, Status, Tier},
};

/// The beginning of the reason of a redirected entry.
const ROUTED: &str = "routed_to";
/// The beginning of the reason of an entry that no plugin builds.
const UNSUPPORTED: &str = "unsupported_source";
/// The continuation of that reason if the entry is redirected to such a source.
const BY_OVERRIDE: &str = ": an override selects ";

/// How an entry is wanted that others are redirected to.
struct Wanted {
    tier: Tier,
    from: PackageId,
}

pub(super) fn apply(draft: &mut Draft<'_>, rules: &Rules<'_>) {
    let mut wanted: BTreeMap<PackageId, Wanted> = BTreeMap::new();
    for entry in draft.entries().filter(|entry| is_open(entry)) {
        let Some(target) = rules.overrides.target(&entry.id) else { continue };
        if rules.plugins.unsupported(target).is_none() {
            let (tier, from) = (entry.tier, entry.id.clone());
            let place = wanted.entry(target.clone()).or_insert(Wanted { tier, from });
            place.tier = place.tier.min(entry.tier);
        }
    }
    let changed = draft.changed(|entry| {
        let status = status(entry, rules)?;
        let target = rules.overrides.target(&entry.id).cloned();
        let is_routed = matches!(&status, Status::Excluded { .. });
        let routed_to = target.filter(|_| is_routed);
        let changed = QueueEntry { routed_to, ..with_status(entry, status) };
        (changed != *entry).then_some(changed)
    });
    draft.put(changed);
    for (id, Wanted { tier, from }) in wanted {
        let found = draft.get(&id);
        let new = || QueueEntry::new(id.clone(), tier, rules.now);
        let before = found.cloned().unwrap_or_else(new);
        let routed_from = before.routed_from.clone().or(Some(from));
        let after = QueueEntry { tier: before.tier.min(tier), routed_from, ..before.clone() };
        if found.is_none() || after != before {
            draft.changes.insert(id, after);
        }
    }
}

/// Whether overrides decide about the entry. What has a recipe keeps it, and what an operator excluded
/// stays so.
fn is_open(entry: &QueueEntry) -> bool {
    let action = entry.operator_change.as_ref().map(|change| change.action);
    match &entry.status {
        Status::Success | Status::InProgress { .. } => false,
        Status::Excluded { .. } => action != Some(OperatorAction::Excluded),
        Status::Pending
        | Status::Failed
        | Status::Blocked { .. }
        | Status::RequiresManual { .. } => entry.regressed_at.is_none(),
    }
}

/// The status that the rules give to `entry`; `None` if they say nothing about it.
fn status(entry: &QueueEntry, rules: &Rules<'_>) -> Option<Status> {
    if !is_open(entry) {
        return None;
    }
    // It was excluded for another reason, which still holds.
    let is_excluded = matches!(entry.status, Status::Excluded { .. }) && entry.routed_to.is_none();
    let target = rules.overrides.target(&entry.id);
    if let (Some(target), false) = (target, is_excluded) {
        let why = rules.overrides.of(&entry.id).map_or("", |source| &source.selection_reason);
        return Some(match rules.plugins.unsupported(target) {
            None => Status::Excluded { reason: format!("{ROUTED}: {target}: {why}") },
            Some(reason) => Status::RequiresManual {
                reason: format!("{UNSUPPORTED}{BY_OVERRIDE}{target}: {reason}"),
            },
        });
    }
    let is_complete = rules.overrides.is_complete();
    match &entry.status {
        // The override has ended.
        Status::Excluded { .. } => {
            entry.routed_to.as_ref().filter(|_| is_complete).map(|_| Status::Pending)
        }
        Status::RequiresManual { reason } => {
            let was_held =
                reason.strip_prefix(UNSUPPORTED).is_some_and(|it| it.starts_with(BY_OVERRIDE));
            (was_held && is_complete).then_some(Status::Pending)
        }
        Status::Pending | Status::Failed | Status::Blocked { .. } => {
            let reason = rules.plugins.unsupported(&entry.id)?;
            Some(Status::RequiresManual { reason: format!("{UNSUPPORTED}: {reason}") })
        }
        Status::Success | Status::InProgress { .. } => None,
    }
}
