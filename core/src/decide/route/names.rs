//! Two packages with one name: a recipe has one path, and a command is one program. Which package is
//! meant is decided by people or by the kind of registry, never by numbers of downloads: each registry
//! counts in its own way, so that a popular library looks greater than any tool.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use crate::{
    decide::route::{Draft, Rules, with_status},
    model::{
        EcosystemId, OperatorAction, PackageId, QueueEntry, RecipeName, SourceAudit, Status, Tier,
    },
};

/// The beginning of the reasons that this module gives and takes back.
const HELD: &str = "command_taken: the name ";

/// How good the claim of an entry to its name is; the best one first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    /// A person selected it in an override.
    Selected,
    /// Its recipe exists.
    Made,
    /// An operator released it.
    Released,
    /// It is on a curated list, or an operator has looked at it.
    LookedAt,
    /// People review the packages of its registry, so that the name of a tool means that tool.
    Reviewed,
    Other,
}

/// The claim of an entry to its name, with whether its registry is not reviewed. The least one counts.
type Claim<'a> = (Rank, bool, Tier, DateTime<Utc>, &'a PackageId);

pub(super) fn apply(draft: &mut Draft<'_>, rules: &Rules<'_>) {
    let mut best: BTreeMap<RecipeName, (Rank, PackageId)> = BTreeMap::new();
    {
        let mut claims: BTreeMap<RecipeName, Claim<'_>> = BTreeMap::new();
        for entry in draft.entries() {
            let Some(rank) = rank(entry, rules) else { continue };
            let is_open = !rules.plugins.is_reviewed(&entry.id.ecosystem);
            let claim = (rank, is_open, entry.tier, entry.added_at, &entry.id);
            // What was made has the name of its recipe.
            let made = entry.recipe.clone().filter(|_| rank == Rank::Made);
            let name = made.unwrap_or_else(|| rules.plugins.usual_name(&entry.id));
            let place = claims.entry(name).or_insert(claim);
            *place = claim.min(*place);
        }
        // The selected package need not be queued yet.
        for source in rules.overrides.iter() {
            if let Some(selected) = rules.overrides.selected(source) {
                let name = RecipeName::nearest(source.tool.as_str());
                best.insert(name, (Rank::Selected, selected.clone()));
            }
        }
        for (name, (rank, .., id)) in claims {
            best.entry(name).or_insert((rank, id.clone()));
        }
    }
    let audits: BTreeMap<&PackageId, &SourceAudit> =
        rules.audits.iter().map(|audit| (&audit.selected, audit)).collect();
    draft.change(|entry| {
        let is_held = is_held(entry);
        let waits =
            matches!(entry.status, Status::Pending | Status::Failed | Status::Blocked { .. })
                && entry.regressed_at.is_none();
        if !is_held && !waits {
            return None;
        }
        let status = match taken(entry, &best, &audits, rules) {
            Some(reason) => Status::RequiresManual { reason },
            None if is_held => Status::Pending,
            None => return None,
        };
        (status != entry.status).then(|| with_status(entry, status))
    });
}

/// Whether this module holds the entry back.
fn is_held(entry: &QueueEntry) -> bool {
    matches!(&entry.status, Status::RequiresManual { reason } if reason.starts_with(HELD))
}

/// The claim of `entry`; `None` if it claims nothing.
fn rank(entry: &QueueEntry, rules: &Rules<'_>) -> Option<Rank> {
    let is_reviewed = rules.plugins.is_reviewed(&entry.id.ecosystem);
    match &entry.status {
        Status::Success | Status::InProgress { .. } => return Some(Rank::Made),
        Status::Excluded { .. } => return None,
        // What waits for a person is not made, but the name of a tool still means the tool.
        Status::RequiresManual { .. } if !is_held(entry) && !is_reviewed => return None,
        Status::RequiresManual { .. }
        | Status::Pending
        | Status::Failed
        | Status::Blocked { .. } => (),
    }
    Some(match entry.operator_change.as_ref().map(|change| change.action) {
        Some(OperatorAction::Unblocked) => Rank::Released,
        _ if rules.looked_at.contains(&entry.id) => Rank::LookedAt,
        _ if is_reviewed => Rank::Reviewed,
        _ => Rank::Other,
    })
}

/// Why a person has to look at `entry`, because its name means something else; `None` if it may have
/// its name.
fn taken(
    entry: &QueueEntry,
    best: &BTreeMap<RecipeName, (Rank, PackageId)>,
    audits: &BTreeMap<&PackageId, &SourceAudit>,
    rules: &Rules<'_>,
) -> Option<String> {
    let name = rules.plugins.usual_name(&entry.id);
    let rank = rank(entry, rules)?;
    if rank == Rank::Released {
        return None;
    }
    if let Some((other, id)) = best.get(&name)
        && *id != entry.id
    {
        let why = match other {
            Rank::Selected => "which a person selected",
            Rank::Made => "whose recipe exists",
            Rank::Released | Rank::LookedAt => "which a person has looked at",
            Rank::Reviewed => "whose registry reviews its packages",
            Rank::Other => "which was queued before it",
        };
        return Some(format!("{HELD}{name} of {} belongs to {id}, {why}", entry.id));
    }
    if rank == Rank::LookedAt || best.get(&name).is_some_and(|(it, _)| *it == Rank::Selected) {
        return None;
    }
    if entry.recipe.is_none() && rules.recipes.has_recipe(&name) {
        return Some(format!("{HELD}{name} of {} is that of a recipe that exists", entry.id));
    }
    let is_reviewed = |ecosystem: &EcosystemId| rules.plugins.is_reviewed(ecosystem);
    if is_reviewed(&entry.id.ecosystem) {
        return None;
    }
    let audit = audits.get(&entry.id)?;
    let other = namesake(audit, &is_reviewed)?;
    Some(format!(
        "{HELD}{name} of {} is also that of {other}, whose registry reviews its packages{}",
        entry.id,
        numbers(audit, other)
    ))
}

/// The package of a reviewed registry that has the name of the tool of `audit`.
fn namesake<'a>(
    audit: &'a SourceAudit,
    is_reviewed: &dyn Fn(&EcosystemId) -> bool,
) -> Option<&'a PackageId> {
    let probed = audit.probes.iter().map(|probe| &probe.source);
    let all = audit.alternatives.iter().chain(&audit.previous_source).chain(probed);
    let is_namesake =
        |id: &&PackageId| is_reviewed(&id.ecosystem) && id.name.as_str() == audit.tool.as_str();
    all.filter(is_namesake).min()
}

/// The numbers that the earlier pipeline compared, for the person who decides.
fn numbers(audit: &SourceAudit, other: &PackageId) -> String {
    let of = |id: &PackageId| audit.probes.iter().find(|probe| probe.source == *id);
    match (of(&audit.selected), of(other)) {
        (Some(ours), Some(theirs)) => format!(
            "; their numbers, {} and {}, count different things and say nothing",
            ours.downloads, theirs.downloads
        ),
        _ => String::new(),
    }
}
