//! The decisions of people about the sources of tools.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};

use crate::model::{CuratedSource, EcosystemId, PackageId, PackageName, RecipeName};

/// The overrides that are in force.
#[derive(Debug, Clone, Default)]
pub struct Overrides {
    by_tool: BTreeMap<PackageName, CuratedSource>,
    /// The packages that are redirected, each with the tool.
    concerned: BTreeMap<PackageId, PackageName>,
    /// The packages that people selected, each with the name that they gave to its recipe.
    selected: BTreeMap<PackageId, Option<RecipeName>>,
    /// Whether some of them cannot be read.
    has_damage: bool,
}

impl Overrides {
    /// Those of `sources` that are in force at `now`. If there are several of one tool, the last one
    /// counts. An override concerns its alternatives, and the package of `reference` that has the
    /// name of the tool; `reference` is the ecosystem in which packages are called like their tools.
    #[must_use]
    pub fn in_force(
        sources: &[CuratedSource],
        reference: Option<&EcosystemId>,
        now: DateTime<Utc>,
    ) -> Self {
        let is_in_force = |source: &&CuratedSource| source.expires_at.is_none_or(|at| now < at);
        let by_tool: BTreeMap<PackageName, CuratedSource> = sources
            .iter()
            .filter(is_in_force)
            .map(|source| (source.tool.clone(), source.clone()))
            .collect();
        let concerned = by_tool.values().flat_map(|source| {
            let ids = concerned(source, reference).into_iter();
            ids.map(|id| (id, source.tool.clone()))
        });
        let concerned = concerned.collect();
        let mut selected: BTreeMap<PackageId, Option<RecipeName>> = BTreeMap::new();
        for source in by_tool.values() {
            let name = selected.entry(source.selected.clone()).or_default();
            *name = name.take().or_else(|| source.recipe_name.clone());
        }
        Self { concerned, selected, by_tool, has_damage: false }
    }

    /// The same, where others exist that cannot be read. An entry that they may have redirected stays
    /// as it is.
    #[must_use]
    pub fn with_damage(self) -> Self {
        Self { has_damage: true, ..self }
    }

    /// Whether all overrides are known.
    pub fn is_complete(&self) -> bool {
        !self.has_damage
    }

    /// The override that concerns `id`; `None` if there is none.
    pub fn of(&self, id: &PackageId) -> Option<&CuratedSource> {
        self.by_tool.get(self.concerned.get(id)?)
    }

    /// The name that a person gave to the recipe of `id`; `None` if it has the usual one.
    pub fn recipe_name(&self, id: &PackageId) -> Option<&RecipeName> {
        self.selected.get(id)?.as_ref()
    }

    /// Whether a person selected `id`.
    pub fn is_selected(&self, id: &PackageId) -> bool {
        self.selected.contains_key(id)
    }

    /// The overrides, by tool.
    pub fn iter(&self) -> impl Iterator<Item = &CuratedSource> {
        self.by_tool.values()
    }

    /// The package that the tool of `source` is taken from in the end; `None` if the overrides lead in
    /// a circle.
    pub fn selected<'a>(&'a self, source: &'a CuratedSource) -> Option<&'a PackageId> {
        match self.of(&source.selected) {
            None => Some(&source.selected),
            Some(_) => self.target(&source.selected),
        }
    }

    /// The package that is taken instead of `id`. The selected package of one override may be
    /// redirected by another one. `None` if `id` is not redirected, or if the overrides lead back to
    /// a package that was passed.
    pub fn target(&self, id: &PackageId) -> Option<&PackageId> {
        let mut passed = BTreeSet::from([id]);
        let mut target = &self.of(id)?.selected;
        while let Some(next) = self.of(target) {
            if !passed.insert(target) {
                return None;
            }
            target = &next.selected;
        }
        (!passed.contains(target)).then_some(target)
    }
}

/// The packages that `source` redirects.
pub(super) fn concerned(
    source: &CuratedSource,
    reference: Option<&EcosystemId>,
) -> BTreeSet<PackageId> {
    let of_tool = reference
        .map(|ecosystem| PackageId { ecosystem: ecosystem.clone(), name: source.tool.clone() });
    let all = source.alternatives.iter().cloned().chain(of_tool);
    all.filter(|id| *id != source.selected).collect()
}
