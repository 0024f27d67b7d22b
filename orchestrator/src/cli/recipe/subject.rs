//! What a recipe file installs, as far as this program can test it.

use std::path::{Path, PathBuf};

use batch_core::{
    decide::{gate, recipe},
    io::StateReader as _,
    model::{ActionShape, Environment, PackageId, Recipe, RecipeName},
    plugin::EcosystemPlugin,
};

use super::check::text;
use crate::{
    cli::Context,
    env::Root,
    machine::{Tester, can_test_hosted, is_unfinished},
};

/// A recipe that can be tested.
pub(super) struct Subject {
    pub(super) file: PathBuf,
    pub(super) name: RecipeName,
    pub(super) toml: String,
    pub(super) plugin: &'static EcosystemPlugin,
    pub(super) package: PackageId,
    recipe: Recipe,
}

/// A recipe that this program does not test, and why.
pub(super) struct Untested {
    pub(super) file: PathBuf,
    pub(super) why: String,
}

impl Subject {
    /// What the recipe in `file` installs. It is told by the queue that has the recipe, or else by the
    /// step that installs a package.
    pub(super) fn read(file: &Path, (root, cx): (&Root, &Context)) -> Result<Self, Untested> {
        let untested = |why: String| Untested { file: file.to_owned(), why };
        let toml = text(file).map_err(|problem| untested(problem.to_string()))?;
        let actions: Vec<ActionShape> = cx.env.registry.recipe_actions().collect();
        let recipe = recipe::parse(&toml, &actions).map_err(|error| {
            untested(format!("it is not a recipe as this program makes them: {error}"))
        })?;
        gate::run_command(&recipe).map_err(|refusal| untested(refusal.reason))?;
        let name = file.file_stem().and_then(|stem| stem.to_str()?.parse().ok());
        let name: RecipeName =
            name.ok_or_else(|| untested("its name is not that of a recipe".to_owned()))?;
        let found = recipe::installed(&recipe, &actions).and_then(|(action, package)| {
            let makes = |plugin: &&EcosystemPlugin| {
                plugin.recipe_actions.iter().any(|own| own.name == action)
            };
            let plugin = cx.env.registry.iter().find(makes)?;
            Some((plugin, plugin.names.normalise(package)))
        });
        let Some((plugin, spelled)) = found else {
            return Err(untested("no ecosystem of this program installs it".to_owned()));
        };
        let package = match queued(root, plugin, &name) {
            Some(id) => id,
            None => PackageId {
                ecosystem: plugin.id.clone(),
                name: spelled.map_err(|error| untested(error.to_string()))?,
            },
        };
        Ok(Self { file: file.to_owned(), name, toml, plugin, package, recipe })
    }

    /// Whether the recipe supports `environment`, and this program can test it there on some machine.
    pub(super) fn is_for(&self, environment: Environment) -> bool {
        let Self { plugin, recipe, .. } = self;
        recipe::allowed_cells(&recipe.metadata).contains(&environment.cell())
            && !is_unfinished(plugin)
            && plugin.local_os.is_none_or(|os| os == environment.cell().os())
            && can_test_hosted(plugin, Tester::Ecosystem, environment)
    }
}

/// The package of the entry whose recipe is `name`. A queue that cannot be read names none.
fn queued(root: &Root, plugin: &EcosystemPlugin, name: &RecipeName) -> Option<PackageId> {
    let queue = root.state.queue(&plugin.id).ok()??;
    let mut entries = queue.entries.values();
    entries.find(|entry| entry.recipe.as_ref() == Some(name)).map(|entry| entry.id.clone())
}
