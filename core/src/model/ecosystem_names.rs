//! The names that people use for ecosystems.

use std::collections::BTreeMap;

use crate::model::EcosystemId;

/// Every accepted name of every ecosystem (ids and aliases), for code that does not know the
/// plugins.
#[derive(Debug, Clone, Default)]
pub struct EcosystemNames(BTreeMap<String, EcosystemId>);

/// Two ecosystems have the same name or alias.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("two ecosystems are called {0:?}")]
pub struct DuplicateName(String);

impl EcosystemNames {
    /// Collects ids and their aliases.
    pub fn new<'a>(
        ecosystems: impl IntoIterator<Item = (&'a EcosystemId, &'a [&'a str])>,
    ) -> Result<Self, DuplicateName> {
        let mut names = BTreeMap::new();
        for (id, aliases) in ecosystems {
            for spelling in aliases.iter().copied().chain([id.as_str()]) {
                if names.insert(spelling.to_owned(), id.clone()).is_some() {
                    return Err(DuplicateName(spelling.to_owned()));
                }
            }
        }
        Ok(Self(names))
    }

    /// The ecosystem that has `spelling` as its id or as an alias.
    pub fn resolve(&self, spelling: &str) -> Option<&EcosystemId> {
        self.0.get(spelling)
    }
}
