//! What becomes of entries whose recipes appear or disappear.

use std::collections::BTreeMap;

use super::*;
use crate::{
    decide::{
        name_registry::NameRegistry,
        reconcile::{self, Changes, Recipes},
    },
    model::{KnownRecipes, PackageId, RecipeName, Status},
    records::queue,
};

fn usual(id: &PackageId) -> RecipeName {
    RecipeName::nearest(id.name.as_str())
}

#[test]
fn every_entry_that_changed_is_counted_once() {
    let names = ["free1", "free2", "gone1", "gone2", "made1", "made2", "named1", "named2"];
    let also = ["waited1", "waited2", "worse"];
    let mut entries = queue(names.into_iter().chain(also).map(|name| (name, 1, 0)));
    let mut installed = BTreeMap::new();
    for entry in entries.values_mut() {
        let name = entry.id.name.as_str();
        let missing = || vec!["missing".parse().unwrap()];
        entry.status = match name.trim_end_matches(['1', '2']) {
            "free" => Status::Blocked { by: vec![] },
            "gone" | "named" => Status::Success,
            "made" => Status::Pending,
            "waited" => Status::Blocked { by: missing() },
            _ => Status::Failed,
        };
        entry.recipe = name.starts_with("gone").then(|| usual(&entry.id));
        entry.regressed_at = name.starts_with("worse").then(|| second(1));
        if !name.starts_with("free") && !name.starts_with("gone") {
            installed.insert(entry.id.name.clone(), usual(&entry.id));
        }
    }
    let (name_registry, known) = (NameRegistry::default(), KnownRecipes::default());
    let recipes = Recipes {
        name_registry: &name_registry,
        installed: &|package| installed.get(package),
        known: &known,
        usual: &usual,
    };
    let (changed, counts) = reconcile::changed_entries(&entries, recipes);
    entries.extend(changed);
    assert_eq!(counts, Changes { merged: 4, vanished: 2, released: 2, named: 2 });
    let status = |name: &str| &entries[&format!("eco:{name}").parse().unwrap()].status;
    assert_eq!(status("worse"), &Status::Failed, "its recipe is there, and does not work");
    for name in ["made1", "made2", "named1", "named2", "waited1", "waited2"] {
        assert_eq!(status(name), &Status::Success, "{name}");
    }
    for name in ["free1", "free2", "gone1", "gone2"] {
        assert_eq!(status(name), &Status::Pending, "{name}");
    }
}
