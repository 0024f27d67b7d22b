//! Two packages that want one recipe: it has one path, and people install it by its name. Which package
//! is meant is decided by people or by the kind of registry, never by numbers of downloads: each registry
//! counts in its own way, so that a popular library looks greater than any tool.
//!
//! Nothing is known here about commands. Packages of different names whose commands turn out to be the
//! same are told apart when their recipes are made (see [`crate::decide::reserved`]).

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use crate::{
    decide::route::{Draft, Rules, is_released, is_undecided, with_status},
    model::{EcosystemId, PackageId, QueueEntry, RecipeName, SourceAudit, Status, Tier},
};

/// The beginnings of the reasons that this module gives and takes back: a person has said from which
/// package the command is taken, or another package wants the recipe of the same name.
const HELD: [&str; 2] = ["command_taken: the name ", "name_taken: the name "];

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
    let changed = {
        let best = best(draft, rules);
        let audits: BTreeMap<&PackageId, &SourceAudit> =
            rules.audits.iter().map(|audit| (&audit.selected, audit)).collect();
        draft.changed(|entry| {
            let is_held = is_held(entry);
            if !is_held && !is_undecided(entry) {
                return None;
            }
            let status = match taken(entry, &best, &audits, rules) {
                Some(reason) => Status::RequiresManual { reason },
                None if is_held => Status::Pending,
                None => return None,
            };
            (status != entry.status).then(|| with_status(entry, status))
        })
    };
    draft.put(changed);
}

/// The best claim to each name.
fn best<'a>(draft: &'a Draft<'_>, rules: &Rules<'a>) -> BTreeMap<RecipeName, Claim<'a>> {
    let mut best: BTreeMap<RecipeName, Claim<'a>> = BTreeMap::new();
    let mut claim = |name: RecipeName, claim: Claim<'a>| {
        let place = best.entry(name).or_insert(claim);
        *place = claim.min(*place);
    };
    for entry in draft.entries() {
        let Some(rank) = rank(entry, rules) else { continue };
        let is_open = !rules.plugins.is_reviewed(&entry.id.ecosystem);
        // What was made has the name of its recipe.
        let made = entry.recipe.clone().filter(|_| rank == Rank::Made);
        let name = made.unwrap_or_else(|| rules.recipe_name(&entry.id));
        claim(name, (rank, is_open, entry.tier, entry.added_at, &entry.id));
    }
    // The selected package need not be queued yet. What people install is the name of the tool,
    // whatever its package is called.
    for source in rules.overrides.iter() {
        if let Some(selected) = rules.overrides.selected(source) {
            let curated = rules.overrides.recipe_name(selected).cloned();
            for name in
                [Some(RecipeName::nearest(source.tool.as_str())), curated].into_iter().flatten()
            {
                claim(name, (Rank::Selected, false, Tier::CURATED, rules.now, selected));
            }
        }
    }
    best
}

/// Whether this module holds the entry back.
pub(super) fn is_held(entry: &QueueEntry) -> bool {
    matches!(&entry.status, Status::RequiresManual { reason } 
        if HELD.iter().any(|held| reason.starts_with(held)))
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
    Some(if is_released(entry) {
        Rank::Released
    } else if rules.looked_at.contains(&entry.id) {
        Rank::LookedAt
    } else if is_reviewed {
        Rank::Reviewed
    } else {
        Rank::Other
    })
}

/// Why a person has to look at `entry`, because its name means something else; `None` if it may have
/// its name.
fn taken(
    entry: &QueueEntry,
    best: &BTreeMap<RecipeName, Claim<'_>>,
    audits: &BTreeMap<&PackageId, &SourceAudit>,
    rules: &Rules<'_>,
) -> Option<String> {
    let name = rules.recipe_name(&entry.id);
    let rank = rank(entry, rules)?;
    if rank == Rank::Released {
        return None;
    }
    if let Some((other, .., id)) = best.get(&name)
        && **id != entry.id
    {
        let why = match other {
            Rank::Selected => "which a person selected",
            Rank::Made => "whose recipe exists",
            Rank::Released | Rank::LookedAt => "which a person has looked at",
            Rank::Reviewed => "whose registry reviews its packages",
            Rank::Other => "which was queued before it",
        };
        let [command, recipe] = HELD;
        let held = if *other == Rank::Selected { command } else { recipe };
        return Some(format!("{held}{name} of {} belongs to {id}, {why}", entry.id));
    }
    if rank == Rank::LookedAt || best.get(&name).is_some_and(|(it, ..)| *it == Rank::Selected) {
        return None;
    }
    if entry.recipe.is_none() && rules.recipes.has_recipe(&name) {
        let [_, held] = HELD;
        return Some(format!("{held}{name} of {} is that of a recipe that exists", entry.id));
    }
    let is_reviewed = |ecosystem: &EcosystemId| rules.plugins.is_reviewed(ecosystem);
    if is_reviewed(&entry.id.ecosystem) {
        return None;
    }
    let audit = audits.get(&entry.id)?;
    let other = namesake(audit, &is_reviewed)?;
    let [_, held] = HELD;
    Some(format!(
        "{held}{name} of {} is also that of {other}, whose registry reviews its packages{}",
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
