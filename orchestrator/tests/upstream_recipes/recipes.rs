//! Reads the recipes that people wrote.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use batch_core::{
    decide::recipe,
    model::ActionShape,
    plugin::{EcosystemPlugin, Registry},
};

pub(crate) const FOLDER: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/corpus/tsuku/recipes");
const EXECUTABLES: &str = "executables";

/// The commands of one package in a recipe; steps for several systems are combined.
pub(crate) struct Written {
    /// The name of its file.
    pub(crate) recipe: String,
    pub(crate) package: String,
    pub(crate) commands: BTreeSet<String>,
}

/// The recipes that install by a step of `plugin`, sorted.
pub(crate) fn written(
    plugin: &EcosystemPlugin,
    registry: &Registry,
) -> anyhow::Result<Vec<Written>> {
    let actions: Vec<ActionShape> = registry.recipe_actions().collect();
    let mut paths = vec![];
    find(Path::new(FOLDER), &mut paths)?;
    let mut found: BTreeMap<(String, String), BTreeSet<String>> = BTreeMap::new();
    for path in paths {
        let text = fs::read_to_string(&path)?;
        let recipe = recipe::parse(&text, &actions).with_context(|| path.display().to_string())?;
        let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        for step in &recipe.steps {
            let is_this = |shape: &&ActionShape| shape.name == step.action;
            let Some(shape) = plugin.recipe_actions.iter().find(is_this) else { continue };
            // The other required parameter.
            let mut names = shape.required.iter().filter(|name| **name != EXECUTABLES);
            let package = names.find_map(|name| step.params.get(*name)?.as_str());
            let package = package.context("a step that installs no package")?;
            let commands = step.params.get(EXECUTABLES).and_then(|it| it.as_array());
            let commands = commands.into_iter().flatten().filter_map(|name| name.as_str());
            let all = found.entry((stem.clone(), package.to_owned())).or_default();
            all.extend(commands.map(str::to_owned));
        }
    }
    let written = |((recipe, package), commands)| Written { recipe, package, commands };
    Ok(found.into_iter().map(written).collect())
}

fn find(folder: &Path, paths: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            find(&path, paths)?;
        } else if path.extension().is_some_and(|extension| extension == "toml") {
            paths.push(path);
        }
    }
    Ok(())
}
