//! Recipes that contradict each other or the queues.

use std::collections::{BTreeMap, BTreeSet, btree_map::Entry};

use super::{Finding, FindingCode, Place};
use crate::{
    decide::name_registry::commands,
    model::{Recipe, RecipeName},
};

/// Collects the recipes of a root, one by one.
#[derive(Debug, Default)]
pub struct RecipeCheck {
    commands: BTreeMap<String, RecipeName>,
    names: BTreeSet<RecipeName>,
    findings: Vec<Finding>,
}

impl RecipeCheck {
    /// Adds a recipe that can be read. They come in the order of their names.
    pub fn add(&mut self, at: Place<'_>, name: &RecipeName, recipe: &Recipe) {
        self.names.insert(name.clone());
        let own: BTreeSet<String> = commands(recipe).into_iter().collect();
        for command in own {
            match self.commands.entry(command) {
                Entry::Vacant(free) => {
                    free.insert(name.clone());
                }
                Entry::Occupied(taken) => {
                    let (command, other) = (taken.key(), taken.get());
                    let message = format!("{name} installs {command}, which {other} installs too");
                    let code = FindingCode::CommandTwice;
                    self.findings.push(Finding::new(code, at, command, message));
                }
            }
        }
    }

    /// Adds a recipe that cannot be read.
    pub fn add_unreadable(&mut self, name: RecipeName) {
        self.names.insert(name);
    }

    /// What is wrong, given the recipes that runs `made`, each with its run, and the recipes that
    /// entries of queues `have`.
    pub fn end(
        mut self,
        made: &BTreeMap<RecipeName, String>,
        have: &BTreeSet<RecipeName>,
        file_of: &dyn Fn(&RecipeName) -> String,
    ) -> Vec<Finding> {
        for (name, batch) in made {
            if self.names.contains(name) && !have.contains(name) {
                let message = format!("{name} was made by {batch}, and no entry of a queue has it");
                let file = file_of(name);
                let at = Place { file: &file, line: 0 };
                let code = FindingCode::RecipeWithoutEntry;
                self.findings.push(Finding::new(code, at, batch, message));
            }
        }
        self.findings
    }
}
