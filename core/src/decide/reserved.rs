//! What the recipe of a package must not be, although no recipe is in its way. This is known only when
//! its registry says which commands the package provides.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    decide::name_registry::NameConflict,
    model::{
        CommandName, EcosystemId, Executables, FailureKind, PackageFacts, PackageId, RecipeName,
    },
};

/// The commands that belong to packages without recipes, and the packages that may be imitations.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reserved {
    pub(in crate::decide) commands: BTreeMap<String, Reservation>,
    /// The packages that imitate another one if they name no repository, each with the evidence.
    pub(in crate::decide) imitations: BTreeMap<PackageId, String>,
    /// The packages that a person has looked at.
    pub(in crate::decide) looked_at: BTreeSet<PackageId>,
    /// The packages that a person released from all rules.
    pub(in crate::decide) released: BTreeSet<PackageId>,
    /// The names of recipes for which some entry is held back, because another one wants them too.
    pub(in crate::decide) contested: BTreeSet<RecipeName>,
    /// The ecosystems whose packages people review.
    pub(in crate::decide) reviewed: BTreeSet<EcosystemId>,
}

/// To whom a command belongs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::decide) struct Reservation {
    pub(in crate::decide) package: PackageId,
    /// Whether a person said so; otherwise a registry whose packages people review has a package with
    /// the name of the command.
    pub(in crate::decide) by_person: bool,
}

impl Reserved {
    /// Whether some entry is held back because another one wants a recipe called `name` too. It may be
    /// released if the other one does not want it any more.
    pub fn is_contested(&self, name: &RecipeName) -> bool {
        self.contested.contains(name)
    }

    /// Whether a recipe may be made from `facts`. The one who decides otherwise is a person.
    pub fn check(&self, facts: &PackageFacts) -> Result<(), NameConflict> {
        let id = &facts.id;
        if self.released.contains(id) {
            return Ok(());
        }
        let refused = |kind, reason| Err(NameConflict { kind, reason });
        let is_trusted = self.looked_at.contains(id) || self.reviewed.contains(&id.ecosystem);
        let commands: &[CommandName] = match &facts.executables {
            Executables::Known(commands) => commands,
            Executables::Unknown(_) => &[],
        };
        for command in commands {
            let Some(Reservation { package, by_person }) = self.commands.get(command.as_str())
            else {
                continue;
            };
            if package == id || is_trusted && !by_person {
                continue;
            }
            let why = match by_person {
                true => "which a person selected",
                false => "whose registry reviews its packages",
            };
            let reason = format!("command_taken: {command} of {id} belongs to {package}, {why}");
            return refused(FailureKind::RecipeExists, reason);
        }
        match self.imitations.get(id) {
            Some(evidence) if facts.homepage.is_none() && !is_trusted => {
                refused(FailureKind::UnsafeName, format!("imitation: {evidence}"))
            }
            _ => Ok(()),
        }
    }
}
