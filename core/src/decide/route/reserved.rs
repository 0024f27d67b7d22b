//! What a package may turn out to be when its registry is asked, and must not be.

use std::collections::BTreeMap;

use crate::{
    decide::{
        reserved::{Reservation, Reserved},
        route::{Draft, Queues, Rules, imitations::Suspects, is_released, names},
    },
    model::Status,
};

/// The commands that belong to packages in `queues` although they have no recipes yet, and the packages
/// that are imitations if they name no repository.
#[must_use]
pub fn reserved(queues: &Queues<'_>, rules: &Rules<'_>) -> Reserved {
    let draft = Draft { queues, changes: BTreeMap::new() };
    let mut reserved = Reserved::default();
    for source in rules.overrides.iter() {
        if let Some(selected) = rules.overrides.selected(source) {
            let by_person = Reservation { package: selected.clone(), by_person: true };
            reserved.commands.insert(source.tool.to_string(), by_person);
        }
    }
    let suspects = Suspects::of(&draft, rules);
    for entry in draft.entries() {
        if names::is_held(entry) {
            reserved.contested.insert(rules.recipe_name(&entry.id));
        }
        if is_released(entry) {
            reserved.released.insert(entry.id.clone());
        }
        if rules.plugins.is_reviewed(&entry.id.ecosystem) {
            reserved.reviewed.insert(entry.id.ecosystem.clone());
            if !matches!(entry.status, Status::Excluded { .. }) {
                let of_entry = Reservation { package: entry.id.clone(), by_person: false };
                reserved.commands.entry(entry.id.name.to_string()).or_insert(of_entry);
            }
        } else if let Some(evidence) =
            suspects.as_ref().and_then(|it| it.evidence_without_repository(entry))
        {
            reserved.imitations.insert(entry.id.clone(), evidence);
        }
    }
    reserved.looked_at.clone_from(rules.looked_at);
    reserved
}
