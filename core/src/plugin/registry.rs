//! The plugins that are linked into this program.

use crate::{
    model::{DuplicateName, EcosystemId, EcosystemNames, FailureKind, Os, Quota},
    plugin::{
        ActionShape, FailureClassifier, Names, NativeInstaller, RateLimit, RecipeBuilder, Seeder,
        Toolchain,
    },
};

/// Words that cannot be the id of an ecosystem, because they mean something else where people name
/// one.
pub const RESERVED_WORDS: [&str; 4] = ["all", "auto", "help", "status"];

/// One ecosystem, as its crate hands it to [`register_ecosystem!`](crate::register_ecosystem).
#[expect(missing_docs, reason = "the traits say it")]
pub struct EcosystemPlugin {
    pub id: EcosystemId,
    /// The place in the rotation.
    pub rotation_rank: u16,
    /// Other accepted names. They are never stored.
    pub aliases: &'static [&'static str],
    pub display_name: &'static str,
    pub toolchain: Option<Toolchain>,
    /// The only system on which its packages are installed; `None` means any.
    pub local_os: Option<Os>,
    pub seeder: Option<&'static dyn Seeder>,
    pub rate_limit: &'static dyn RateLimit,
    pub classifier: &'static dyn FailureClassifier,
    pub recipe_builder: Option<&'static dyn RecipeBuilder>,
    pub installer: Option<&'static dyn NativeInstaller>,
    /// The recipe steps that only its recipes use.
    pub recipe_actions: &'static [ActionShape],
    pub names: &'static dyn Names,
}

inventory::collect!(EcosystemPlugin);

/// Registers an [`EcosystemPlugin`] as soon as the crate is linked.
///
/// The program must mention the crate once (`use eco_x as _;`), because a dependency that no code
/// mentions is not linked.
#[macro_export]
macro_rules! register_ecosystem {
    ($plugin:expr) => {
        $crate::__inventory::submit! { $plugin }
    };
}

/// The plugins in rotation order, without ambiguous names. The order of the linker has no
/// influence.
pub struct Registry {
    by_rank: Vec<&'static EcosystemPlugin>,
    names: EcosystemNames,
}

/// The linked plugins do not form a valid registry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the messages say it")]
pub enum RegistryError {
    #[error(transparent)]
    DuplicateName(#[from] DuplicateName),
    #[error("{0} and {1} have the same rotation rank")]
    DuplicateRank(EcosystemId, EcosystemId),
    #[error("no ecosystem is linked into this program")]
    Empty,
}

impl Registry {
    /// Every plugin linked into this program.
    pub fn linked() -> Result<Self, RegistryError> {
        Self::new(inventory::iter::<EcosystemPlugin>)
    }

    /// A registry of exactly `plugins`, in any order.
    pub fn new(
        plugins: impl IntoIterator<Item = &'static EcosystemPlugin>,
    ) -> Result<Self, RegistryError> {
        let mut by_rank: Vec<_> = plugins.into_iter().collect();
        by_rank.sort_by_key(|plugin| plugin.rotation_rank);
        if by_rank.is_empty() {
            return Err(RegistryError::Empty);
        }
        let names = EcosystemNames::new(by_rank.iter().map(|plugin| (&plugin.id, plugin.aliases)))?;
        for pair in by_rank.windows(2) {
            if pair[0].rotation_rank == pair[1].rotation_rank {
                return Err(RegistryError::DuplicateRank(pair[0].id.clone(), pair[1].id.clone()));
            }
        }
        Ok(Self { by_rank, names })
    }

    /// The plugins, in rotation order.
    pub fn iter(&self) -> impl Iterator<Item = &'static EcosystemPlugin> {
        self.by_rank.iter().copied()
    }

    /// The plugin that has `spelling` as its id or as an alias.
    pub fn resolve(&self, spelling: &str) -> Option<&'static EcosystemPlugin> {
        let id = self.names.resolve(spelling)?;
        self.get(id)
    }

    /// The plugin of `id`; `None` for an ecosystem that is not linked.
    pub fn get(&self, id: &EcosystemId) -> Option<&'static EcosystemPlugin> {
        self.iter().find(|plugin| plugin.id == *id)
    }

    /// The reason of a failure as the classifier of `ecosystem` reads it in `message`; `None` if the
    /// ecosystem is not linked, or its classifier leaves the choice to the rules for any tool.
    pub fn reason(
        &self,
        ecosystem: &EcosystemId,
        kind: FailureKind,
        message: &str,
    ) -> Option<String> {
        self.get(ecosystem)?.classifier.reason(kind, message)
    }

    /// Every id and alias, for code that does not know plugins.
    pub fn names(&self) -> &EcosystemNames {
        &self.names
    }

    /// The recipe steps of all plugins.
    pub fn recipe_actions(&self) -> impl Iterator<Item = ActionShape> {
        self.iter().flat_map(|plugin| plugin.recipe_actions).copied()
    }

    /// The quotas of all plugins, for [`PoliteHttp`](crate::io::PoliteHttp).
    pub fn quotas(&self) -> impl Iterator<Item = Quota> {
        self.iter().flat_map(|plugin| plugin.rate_limit.quotas()).copied()
    }
}
