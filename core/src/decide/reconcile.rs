//! Updates a queue according to the recipes that exist.

use crate::{
    decide::name_registry::NameRegistry,
    model::{KnownRecipes, PackageId, PackageName, Queue, QueueEntry, RecipeName, Status},
};

/// How many entries changed because a recipe exists, or exists no longer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Changes {
    /// Entries whose recipe exists now.
    pub merged: usize,
    /// Entries whose recipe exists no longer.
    pub vanished: usize,
    /// Entries that waited for recipes that exist now.
    pub released: usize,
    /// Entries that are done, of which only the name of the recipe was learnt.
    pub named: usize,
}

/// The recipes that exist, as far as the queue of one ecosystem needs them.
#[derive(Clone, Copy)]
pub struct Recipes<'a> {
    /// All of them by name, those that cannot be read included.
    pub name_registry: &'a NameRegistry,
    /// The recipe that installs a package, among the readable ones.
    pub installed: &'a dyn Fn(&PackageName) -> Option<&'a RecipeName>,
    /// The recipes that can be dependencies.
    pub known: &'a KnownRecipes,
    /// The name of the recipe of a package, as far as the name of the package determines it. It is
    /// for entries that were written before entries contained the names of their recipes.
    pub usual: &'a dyn Fn(&PackageId) -> RecipeName,
}

/// The entries of `queue` that change because of the existing recipes, as they are afterwards. As
/// long as no forge is used, a written recipe counts as merged, and the package of a recipe whose
/// file is gone is wanted again. The content of the file decides nothing, because a person may have
/// edited it, or it may be damaged. An entry that waited for recipes is due as soon as all of them
/// exist. Decisions of a person are kept.
pub fn changed_entries(queue: &Queue, recipes: Recipes<'_>) -> (Queue, Changes) {
    let (mut changed, mut counts) = (Queue::new(), Changes::default());
    for entry in queue.values() {
        let Some(change) = recipes.change(entry) else { continue };
        let mut after = entry.clone();
        match change {
            Change::Merged(recipe) => {
                counts.merged += 1;
                set_status(&mut after, Status::Success, Some(recipe));
            }
            Change::Vanished => {
                counts.vanished += 1;
                set_status(&mut after, Status::Pending, None);
            }
            Change::Released => {
                counts.released += 1;
                set_status(&mut after, Status::Pending, None);
            }
            Change::Named(recipe) => {
                counts.named += 1;
                after.recipe = Some(recipe);
            }
        }
        changed.insert(after.id.clone(), after);
    }
    (changed, counts)
}

/// What changes in an entry.
enum Change {
    /// Its recipe exists now.
    Merged(RecipeName),
    /// Its recipe exists no longer.
    Vanished,
    /// All recipes for which it waited exist now.
    Released,
    /// Its recipe existed before, and only its name is new.
    Named(RecipeName),
}

/// What became of the recipe of an entry.
enum Found {
    There(RecipeName),
    Gone,
    /// The entry does not say what its recipe is called, and one that cannot be read may be it.
    Unknown,
}

impl Recipes<'_> {
    /// What changes in `entry`; `None` if nothing does.
    fn change(&self, entry: &QueueEntry) -> Option<Change> {
        let is_free = match &entry.status {
            Status::RequiresManual { .. } | Status::Excluded { .. } => return None,
            Status::Success => {
                return match self.of(entry) {
                    Found::There(name) if entry.recipe.as_ref() == Some(&name) => None,
                    Found::There(name) => Some(Change::Named(name)),
                    Found::Gone => Some(Change::Vanished),
                    Found::Unknown => None,
                };
            }
            // Its recipe is there, and does not work. Another one may be in a pull request.
            Status::Failed | Status::InProgress { .. } if entry.regressed_at.is_some() => {
                return None;
            }
            Status::Pending | Status::Failed | Status::InProgress { .. } => false,
            Status::Blocked { by } => by.iter().all(|name| self.known.provides(name.as_str())),
        };
        match self.of(entry) {
            Found::There(name) => Some(Change::Merged(name)),
            Found::Gone | Found::Unknown => is_free.then_some(Change::Released),
        }
    }

    fn of(&self, entry: &QueueEntry) -> Found {
        let own = entry.recipe.as_ref().filter(|name| self.name_registry.has_recipe(name));
        let installed = || (self.installed)(&entry.id.name);
        // A recipe may provide a package of another name, or in another way.
        let (ecosystem, package) = (entry.id.ecosystem.as_str(), entry.id.name.as_str());
        let satisfied = || self.known.satisfied_by(ecosystem, package);
        if let Some(name) = own.or_else(installed).or_else(satisfied) {
            return Found::There(name.clone());
        }
        if entry.recipe.is_some() || entry.status != Status::Success {
            return Found::Gone;
        }
        let usual = (self.usual)(&entry.id);
        if self.name_registry.has_recipe(&usual) {
            Found::There(usual)
        } else if self.name_registry.has_unreadable() {
            Found::Unknown
        } else {
            Found::Gone
        }
    }
}

fn set_status(entry: &mut QueueEntry, status: Status, recipe: Option<RecipeName>) {
    entry.status = status;
    entry.recipe = recipe;
    entry.next_retry_at = None;
    (entry.consecutive_failures, entry.consecutive_faults) = (0, 0);
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::{
        model::{Metadata, Recipe},
        records,
    };

    /// Claims of these recipes: "a b! c", where `!` says that one cannot be read.
    fn name_registry(names: &str) -> NameRegistry {
        let (metadata, steps) = (Metadata::default(), vec![]);
        let empty = Recipe { metadata, version: None, steps, verify: None };
        let mut name_registry = NameRegistry::default();
        for name in names.split_whitespace() {
            match name.strip_suffix('!') {
                Some(name) => name_registry.add_unreadable(name.parse().unwrap()),
                None => name_registry.add(&name.parse().unwrap(), &empty),
            }
        }
        name_registry
    }

    fn usual(id: &PackageId) -> RecipeName {
        RecipeName::nearest(id.name.as_str())
    }

    /// An entry called `a` with this status and recipe, after it was brought up to date with the
    /// recipes `there`, of which one called `r` says that it installs `a`.
    fn after(status: &Status, recipe: Option<&str>, there: &str) -> QueueEntry {
        let mut entries = records::queue([("a", 1, 0)]);
        for entry in entries.values_mut() {
            entry.status = status.clone();
            entry.recipe = recipe.map(|name| name.parse().unwrap());
        }
        let name_registry = name_registry(there);
        let installing = there.split_whitespace().filter(|name| *name == "r");
        let installed = installing.map(|name| ("a".parse().unwrap(), name.parse().unwrap()));
        let installed: BTreeMap<PackageName, RecipeName> = installed.collect();
        let recipes = Recipes {
            name_registry: &name_registry,
            installed: &|package| installed.get(package),
            known: &KnownRecipes::default(),
            usual: &usual,
        };
        entries.extend(changed_entries(&entries, recipes).0);
        assert_eq!(changed_entries(&entries, recipes), Default::default(), "repeatable");
        entries.into_values().next().unwrap()
    }

    #[track_caller]
    fn check(
        (status, recipe): (&Status, Option<&str>),
        there: &str,
        expected: (&Status, Option<&str>),
    ) {
        let entry = after(status, recipe, there);
        let recipe = entry.recipe.as_ref().map(RecipeName::as_str);
        assert_eq!((&entry.status, recipe), expected, "{there:?}");
    }

    const DONE: &Status = &Status::Success;
    const WANTED: &Status = &Status::Pending;

    #[test]
    fn an_entry_that_is_done_stays_so_as_long_as_the_file_of_its_recipe_is_there() {
        // Edited so that it says something else, or unreadable: the file decides, not what it says.
        check((DONE, Some("x")), "x", (DONE, Some("x")));
        check((DONE, Some("x")), "x!", (DONE, Some("x")));
        check((DONE, Some("x")), "y! z", (WANTED, None));
        check((DONE, Some("x")), "", (WANTED, None));
        // A person gave it another name.
        check((DONE, Some("x")), "r", (DONE, Some("r")));
    }

    #[test]
    fn an_entry_that_does_not_know_its_recipe_learns_it_and_is_not_wanted_again_on_a_guess() {
        check((DONE, None), "r", (DONE, Some("r")));
        check((DONE, None), "a", (DONE, Some("a")));
        check((DONE, None), "a!", (DONE, Some("a")));
        check((DONE, None), "z!", (DONE, None));
        check((DONE, None), "z", (WANTED, None));
    }

    #[test]
    fn a_recipe_that_is_there_is_merged_and_what_a_person_decided_stands() {
        let blocked = Status::Blocked { by: vec!["missing".parse().unwrap()] };
        for status in [WANTED, &Status::Failed, &blocked] {
            check((status, None), "r", (DONE, Some("r")));
            // Its name alone does not say whose it is.
            check((status, None), "a", (status, None));
        }
        let excluded = Status::Excluded { reason: "operator".to_owned() };
        check((&excluded, None), "r", (&excluded, None));
    }

    #[test]
    fn an_entry_is_due_when_all_its_blockers_have_recipes() {
        let mut entries = records::queue([("a", 1, 0)]);
        let by = vec!["ssl@3".parse().unwrap(), "z".parse().unwrap()];
        let waiting = Status::Blocked { by };
        for entry in entries.values_mut() {
            entry.status = waiting.clone();
        }
        let mut known = KnownRecipes::default();
        let satisfies = [("zoo".to_owned(), vec!["ssl@3".to_owned()])].into();
        known.add_named(&"ssl".parse().unwrap(), &satisfies);
        let name_registry = NameRegistry::default();
        let mut reconcile = |known: &KnownRecipes| {
            let recipes = Recipes {
                name_registry: &name_registry,
                installed: &|_| None,
                known,
                usual: &usual,
            };
            let (changed, counts) = changed_entries(&entries, recipes);
            entries.extend(changed);
            (counts, entries.values().next().unwrap().status.clone())
        };
        assert_eq!(reconcile(&known), (Changes::default(), waiting));
        known.add_named(&"z".parse().unwrap(), &[].into());
        let released = Changes { released: 1, ..Changes::default() };
        assert_eq!(reconcile(&known), (released, Status::Pending));
    }
}
