//! The curated lists, which are embedded in the program. They are tier 1 of every queue.

use std::collections::BTreeSet;

use anyhow::{Context as _, ensure};
use batch_core::{
    io::QueueFile,
    model::{
        EcosystemId, PackageId, Queue, QueueEntry, QueueHeader, SCHEMA_VERSION, Tier, TierMeanings,
    },
    plugin::{EcosystemPlugin, Seeder},
};
use chrono::{DateTime, Utc};
use serde::Deserialize;

use crate::settings::Settings;

/// All files of `data/seeds/`. An ecosystem without a list has no queue until it is seeded.
const LISTS: &[&str] = include!(concat!(env!("OUT_DIR"), "/seeds.rs"));

/// One list: `data/seeds/<ecosystem>.json`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct List {
    schema_version: u32,
    ecosystem: EcosystemId,
    packages: Vec<Listed>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Listed {
    name: String,
    tier: Tier,
    #[serde(default)]
    #[expect(dead_code, reason = "for the person who reads the list")]
    note: Option<String>,
}

/// The first queue of `plugin`, which is its curated list; `None` when there is no list.
pub fn queue(plugin: &EcosystemPlugin, now: DateTime<Utc>) -> anyhow::Result<Option<QueueFile>> {
    for text in LISTS {
        let list: List = serde_json::from_str(text).context("a curated list is not readable")?;
        ensure!(list.schema_version == SCHEMA_VERSION, "a curated list has another version");
        if list.ecosystem == plugin.id {
            return entries(plugin, list, now).map(Some);
        }
    }
    Ok(None)
}

fn entries(plugin: &EcosystemPlugin, list: List, now: DateTime<Utc>) -> anyhow::Result<QueueFile> {
    let mut entries = Queue::new();
    for Listed { name, tier, .. } in list.packages {
        let name = plugin.names.normalise(&name).context("a curated list holds a bad name")?;
        let id = PackageId { ecosystem: plugin.id.clone(), name };
        entries.insert(id.clone(), QueueEntry::new(id, tier, now));
    }
    Ok(QueueFile { entries, ..empty(plugin, now) })
}

/// The packages of `plugin` that a person has looked at: those on the curated list, and those in
/// `settings`.
pub fn looked_at(
    plugin: &EcosystemPlugin,
    settings: &Settings,
) -> anyhow::Result<BTreeSet<PackageId>> {
    let curated = queue(plugin, DateTime::UNIX_EPOCH)?.map(|queue| queue.entries);
    let curated = curated.unwrap_or_default().into_keys();
    Ok(curated.chain(settings.reviewed_packages.iter().cloned()).collect())
}

/// An empty queue of `plugin`.
pub fn empty(plugin: &EcosystemPlugin, now: DateTime<Utc>) -> QueueFile {
    let popular = plugin.seeder.and_then(Seeder::popular);
    let tiers = TierMeanings {
        curated: "on the curated list".to_owned(),
        popular: popular.map_or("none: no source publishes numbers".to_owned(), |it| it.describe()),
        rest: "everything else".to_owned(),
    };
    let header = QueueHeader { ecosystem: plugin.id.clone(), updated_at: now, tiers };
    QueueFile { header, entries: Queue::new(), quarantined: vec![] }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_list_belongs_to_a_plugin_and_holds_good_names_once_in_order() {
        let registry = crate::plugins::registry().unwrap();
        assert!(!LISTS.is_empty());
        for text in LISTS {
            let list: List = serde_json::from_str(text).unwrap();
            let plugin = registry.get(&list.ecosystem).unwrap();
            let names: Vec<&str> = list.packages.iter().map(|listed| &*listed.name).collect();
            assert!(names.is_sorted_by(|one, next| one < next), "{}: {names:?}", plugin.id);
            for name in &names {
                assert_eq!(plugin.names.normalise(name).unwrap().as_str(), *name);
            }
            let queue = queue(plugin, DateTime::UNIX_EPOCH).unwrap().unwrap();
            assert_eq!(queue.entries.len(), names.len(), "{}: a name in two spellings", plugin.id);
            assert!(queue.entries.len() >= 60, "{}: too short to fill a rotation", plugin.id);
        }
    }
}
