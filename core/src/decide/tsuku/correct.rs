//! Correction of a recipe that the program wrote, with the facts of the registry.
//!
//! Values that follow from facts are corrected in place, so that all other values and comments remain.
//! Each correction is noted. A recipe that cannot be corrected is refused.

mod document;

use std::collections::BTreeSet;

use toml_edit::{DocumentMut, Item};

use super::PROGRAM;
use crate::{
    decide::recipe::{MAX_RECIPE, is_homepage, one_line, parse, without_redundant},
    model::{ActionShape, Executables, FailureKind, PackageFacts, Recipe},
};

use document::{first_action, is_action, position, put, step, step_mut, steps, strings, texts};

/// Lists in `[metadata]` that are taken from our own recipe if it has them.
const LISTS: [&str; 6] = [
    "binaries",
    "runtime_dependencies",
    "supported_os",
    "supported_arch",
    "supported_libc",
    "unsupported_platforms",
];
/// The longest quotation in a note, in characters.
const MAX_QUOTED: usize = 80;

/// The request for the recipe, and the facts about its package.
pub struct Asked<'a> {
    /// The facts of the registry.
    pub facts: &'a PackageFacts,
    /// The recipe of our own builder.
    pub ours: &'a Recipe,
    /// The steps that the recipe may use besides the common ones.
    pub actions: &'a [ActionShape],
    /// Returns the same text for all spellings of one package.
    pub identity: &'a dyn Fn(&str) -> String,
    /// Whether the program guessed the command.
    pub is_guessed: bool,
}

/// A recipe that can be validated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Corrected {
    /// Its text.
    pub toml: String,
    /// The corrections, one line each.
    pub notes: Vec<String>,
}

/// A recipe that cannot be corrected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// The failure to record.
    pub kind: FailureKind,
    /// The reason, as a sentence without a full stop.
    pub reason: String,
}

impl Refused {
    fn because(kind: FailureKind, reason: String) -> Self {
        Self { kind, reason }
    }
}

/// Corrects `written`. The strict reader accepts the result.
pub fn corrected(written: &str, asked: &Asked<'_>) -> Result<Corrected, Refused> {
    let invalid = |why: &str| {
        let reason = format!("the recipe that {PROGRAM} wrote cannot be read: {why}");
        Refused::because(FailureKind::SchemaInvalid, reason)
    };
    if matches!(&asked.facts.executables, Executables::Known(commands) if commands.is_empty()) {
        let guess =
            if asked.is_guessed { format!("; {PROGRAM} made one up") } else { String::new() };
        let reason = format!("{} has no command{guess}", asked.facts.id.name);
        return Err(Refused::because(FailureKind::LibraryOnly, reason));
    }
    if MAX_RECIPE < written.len() {
        return Err(invalid("it is larger than any recipe"));
    }
    let parsed = |text: &str| text.parse::<DocumentMut>().map_err(|error| invalid(error.message()));
    let mut correction = Correction {
        recipe: parsed(written)?,
        ours: parsed(&asked.ours.to_toml())?,
        notes: vec![],
    };
    correction.check_package(asked)?;
    correction.correct_metadata();
    let changed = correction.correct_steps()?;
    correction.correct_verify(asked, changed);
    if asked.is_guessed {
        correction.note(&format!("{PROGRAM} found no command; the registry names them"));
    }
    let text = correction.recipe.to_string();
    let text = without_redundant(&text, asked.actions).unwrap_or(text);
    parse(&text, asked.actions).map_err(|error| invalid(&error.to_string()))?;
    let notes = correction.notes;
    Ok(Corrected { toml: text, notes })
}

struct Correction {
    recipe: DocumentMut,
    ours: DocumentMut,
    notes: Vec<String>,
}

impl Correction {
    fn note(&mut self, note: &str) {
        self.notes.push(one_line(note));
    }

    /// Checks that the recipe installs the requested package. Most sources of the program use the name of
    /// the tool as the package, whatever was requested.
    fn check_package(&self, asked: &Asked<'_>) -> Result<(), Refused> {
        let PackageFacts { id, install, .. } = asked.facts;
        let same = |text: &str| (asked.identity)(text) == (asked.identity)(id.name.as_str());
        let other = |what: &str| {
            let reason = format!(
                "asked for {id}, and the recipe that {PROGRAM} wrote is for {}",
                quoted(what)
            );
            Err(Refused::because(FailureKind::AmbiguousSource, reason))
        };
        let Some(theirs) = step(&self.recipe, &install.name, 0) else {
            if let Some(action) = first_action(&self.recipe) {
                return other(action);
            }
            let reason = format!("the recipe that {PROGRAM} wrote has no step");
            return Err(Refused::because(FailureKind::SchemaInvalid, reason));
        };
        let ours = step(&self.ours, &install.name, 0);
        let named = ours.and_then(|ours| texts(ours).find(|(_, value)| same(value)));
        let found = match named {
            Some((key, _)) => theirs.get(key).and_then(Item::as_str),
            // Some steps name files and not the package. `[version]` names it then.
            None => self.version_of_package(&same),
        };
        match found {
            Some(found) if same(found) => Ok(()),
            Some(found) => other(found),
            None => other("no package that it names"),
        }
    }

    /// The value of the key in `[version]` that names the package in our recipe.
    fn version_of_package(&self, same: &dyn Fn(&str) -> bool) -> Option<&str> {
        let ours = self.ours.get("version")?.as_table()?;
        let (key, _) = texts(ours).find(|(_, value)| same(value))?;
        self.recipe.get("version")?.get(key)?.as_str()
    }

    fn correct_metadata(&mut self) {
        let theirs = |correction: &Self, key: &str| {
            let value = correction.recipe.get("metadata").and_then(|table| table.get(key));
            value.and_then(Item::as_str).unwrap_or_default().to_owned()
        };
        let name = theirs(self, "name");
        if self.take_over(&["metadata", "name"]) {
            self.note(&format!("{PROGRAM} called the recipe {}", quoted(&name)));
        }
        let homepage = theirs(self, "homepage");
        if !is_homepage(&homepage) {
            self.take_over(&["metadata", "homepage"]);
            if !homepage.is_empty() {
                self.note(&format!("{PROGRAM} wrote the homepage {}", quoted(&homepage)));
            }
        }
        let description = theirs(self, "description");
        if description.is_empty() || one_line(&description) != description {
            self.take_over(&["metadata", "description"]);
        }
        for key in LISTS {
            let is_ours = self.ours.get("metadata").is_some_and(|table| table.get(key).is_some());
            if is_ours && self.take_over(&["metadata", key]) && key == "binaries" {
                self.note(&format!("{PROGRAM} did not write which commands reach PATH"));
            }
        }
    }

    /// Copies all lists from the steps of our recipe. Returns whether they contained other names.
    fn correct_steps(&mut self) -> Result<bool, Refused> {
        let mut lists = vec![];
        for (n, ours) in steps(&self.ours).enumerate() {
            let action = ours.get("action").and_then(Item::as_str).unwrap_or_default();
            let before = steps(&self.ours).take(n);
            let nth = before.filter(|step| is_action(step, action)).count();
            let Some(at) = position(&self.recipe, action, nth) else {
                let reason = format!("the recipe that {PROGRAM} wrote has no step {action}");
                return Err(Refused::because(FailureKind::BinaryDiscoveryFailed, reason));
            };
            let arrays = ours.iter().filter(|(_, value)| value.is_array());
            lists.extend(arrays.map(|(key, value)| (at, key.to_owned(), value.clone())));
        }
        let mut are_others = false;
        for (at, key, ours) in lists {
            let Some(step) = step_mut(&mut self.recipe, at) else { continue };
            let before = step.get(&key).map(strings).unwrap_or_default();
            let after = strings(&ours);
            put(step, &key, &ours);
            let set = |names: &[String]| names.iter().cloned().collect::<BTreeSet<_>>();
            if set(&before) != set(&after) {
                are_others = true;
                let (before, after) = (quoted(&before.join(", ")), after.join(", "));
                self.note(&format!("{PROGRAM} wrote {before} for the {key} {after}"));
            }
        }
        Ok(are_others)
    }

    /// Replaces the verification if its command is not installed, and its pattern if that does not check
    /// the version.
    fn correct_verify(&mut self, asked: &Asked<'_>, commands_changed: bool) {
        let Some(ours) = self.ours.get("verify").cloned() else { return };
        let Executables::Known(commands) = &asked.facts.executables else { return };
        let command = self.recipe.get("verify").and_then(|verify| verify.get("command"));
        let program =
            command.and_then(Item::as_str).and_then(|line| line.split_whitespace().next());
        let is_installed =
            program.is_some_and(|it| commands.iter().any(|name| name.as_str() == it));
        let is_same = ours.get("command").and_then(Item::as_str) == command.and_then(Item::as_str);
        if commands_changed || !(is_installed || is_same) {
            self.recipe.insert("verify", ours);
            return;
        }
        // The program often writes an empty pattern, which proves no version.
        let proves = |verify: &Item| {
            let pattern = verify.get("pattern").and_then(Item::as_str);
            pattern.is_some_and(|pattern| pattern.contains("{version}"))
        };
        if proves(&ours) && !self.recipe.get("verify").is_some_and(proves) {
            self.take_over(&["verify", "pattern"]);
        }
    }

    /// Copies the value at `path` from our recipe, or removes it if our recipe has none. Returns whether
    /// the value changed.
    fn take_over(&mut self, path: &[&str; 2]) -> bool {
        let [table, key] = *path;
        let ours = self.ours.get(table).and_then(|table| table.get(key)).cloned();
        let Some(theirs) = self.recipe.get_mut(table).and_then(Item::as_table_mut) else {
            return false;
        };
        match ours {
            None => theirs.remove(key).is_some(),
            Some(ours) => {
                let is_same =
                    theirs.get(key).is_some_and(|theirs| strings(theirs) == strings(&ours));
                if !is_same {
                    put(theirs, key, &ours);
                }
                !is_same
            }
        }
    }
}

fn quoted(text: &str) -> String {
    let short: String = text.chars().take(MAX_QUOTED).collect();
    let more = if short.len() < text.len() { "…" } else { "" };
    format!("{short:?}{more}")
}

#[cfg(test)]
mod tests;
