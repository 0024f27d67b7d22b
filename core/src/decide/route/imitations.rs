//! Entries that may live off the name of another package. A person looks at them before anything is
//! attempted; an entry that a person has looked at is left alone.

use std::collections::BTreeMap;

use crate::{
    decide::{
        imitation::{Popular, Suspect},
        route::{Draft, Rules, is_undecided, names, with_status},
    },
    model::{PackageId, QueueEntry, Status, Tier},
};

/// The beginning of the reasons that this module gives. Nothing takes them back but a person: an
/// imitation that becomes popular is none the better for it.
const HELD: &str = "imitation: ";

pub(super) fn apply(draft: &mut Draft<'_>, rules: &Rules<'_>) {
    let changed = {
        let Some(suspects) = Suspects::of(draft, rules) else { return };
        draft.changed(|entry| {
            let evidence = suspects.evidence(entry)?;
            let reason = format!("{HELD}{evidence}");
            Some(with_status(entry, Status::RequiresManual { reason }))
        })
    };
    draft.put(changed);
}

/// The entries that nobody has looked at, and the names that they may imitate.
pub(super) struct Suspects<'a> {
    popular: Popular,
    /// What the audits of the earlier pipeline say about repositories.
    has_repository: BTreeMap<&'a PackageId, bool>,
    rules: &'a Rules<'a>,
}

impl<'a> Suspects<'a> {
    /// `None` if there is nothing to look at.
    pub(super) fn of(draft: &Draft<'_>, rules: &'a Rules<'a>) -> Option<Self> {
        if !draft.entries().any(|entry| is_suspect(entry, rules)) {
            return None;
        }
        let mut popular = Popular::default();
        for entry in draft.entries() {
            let is_trusted =
                !matches!(entry.status, Status::RequiresManual { .. } | Status::Excluded { .. });
            if entry.tier <= Tier::POPULAR && is_trusted {
                let name = rules.recipe_name(&entry.id);
                popular.add(name.as_str(), entry.popularity.as_ref());
            }
        }
        for id in rules.looked_at {
            popular.add(rules.recipe_name(id).as_str(), None);
        }
        for source in rules.overrides.iter() {
            popular.add(&source.tool.as_str().to_lowercase(), None);
        }
        for name in rules.recipes.names() {
            popular.add_look(name.as_str());
        }
        let probes = rules.audits.iter().flat_map(|audit| &audit.probes);
        let has_repository = probes.map(|probe| (&probe.source, probe.has_repository)).collect();
        Some(Self { popular, has_repository, rules })
    }

    /// Why a person should look at `entry`; `None` if there is no reason.
    fn evidence(&self, entry: &QueueEntry) -> Option<String> {
        if !is_suspect(entry, self.rules) {
            return None;
        }
        self.popular.imitated(&self.suspect(entry, self.rules.recipe_name(&entry.id).as_str()))
    }

    /// The evidence against `entry` if its registry should say that it names no repository; `None` if
    /// there is none, or if something is known about its repository.
    pub(super) fn evidence_without_repository(&self, entry: &QueueEntry) -> Option<String> {
        if !is_suspect(entry, self.rules) || self.has_repository.contains_key(&entry.id) {
            return None;
        }
        let name = self.rules.recipe_name(&entry.id);
        let suspect = Suspect { has_repository: Some(false), ..self.suspect(entry, name.as_str()) };
        self.popular.imitated(&suspect)
    }

    fn suspect<'e>(&self, entry: &'e QueueEntry, name: &'e str) -> Suspect<'e> {
        Suspect {
            name,
            commands: &[],
            popularity: entry.popularity.as_ref(),
            has_repository: self.has_repository.get(&entry.id).copied(),
            threshold: self.rules.plugins.popular(&entry.id.ecosystem),
        }
    }
}

/// Whether anybody may have published the package, and nobody has looked at it.
fn is_suspect(entry: &QueueEntry, rules: &Rules<'_>) -> bool {
    (is_undecided(entry) || names::is_held(entry))
        && !rules.plugins.is_reviewed(&entry.id.ecosystem)
        && !rules.looked_at.contains(&entry.id)
        && !rules.overrides.is_selected(&entry.id)
}
