//! Compares the builders' results with the recipes that people wrote for the package manager's
//! registry. It sends some hundreds of requests to the real registries, within their limits: only
//! if `TSUKU_BATCH_LIVE=1` is set and the recipes are present; otherwise it is reported as ignored.
//!
//! Prints one row for each recipe. Fails on a difference that `known.rs` does not explain, and on
//! an explanation that is no longer needed.
#![expect(clippy::disallowed_methods, reason = "a test that reads files of a corpus")]

mod known;
mod recipes;

use std::{collections::BTreeSet, fmt, path::Path, process::ExitCode};

use batch_core::{
    io::Http,
    model::{Control, Executables, PackageName},
    plugin::{EcosystemPlugin, Registry},
};
use futures_util::future::join_all;
use libtest_mimic::{Arguments, Failed, Trial};
use orchestrator::{
    env::{Env, TestOverrides},
    net,
    settings::Settings,
};

use crate::{
    known::{CorrectSide, KNOWN, KnownDifference},
    recipes::{Written, written},
};

/// The ecosystems whose recipes name their commands in the same step as the package.
const COMPARED: &[&str] = &["cargo", "npm", "pypi", "go"];
/// With fewer recipes, the corpus is the wrong one or was not read.
const MIN_RECIPES: usize = 90;

fn main() -> ExitCode {
    let is_asked_for = std::env::var("TSUKU_BATCH_LIVE").is_ok_and(|value| value == "1");
    let has_recipes = Path::new(recipes::FOLDER).is_dir();
    let trial = |name: &str, test: fn() -> Result<(), Failed>, obstacle: Option<&str>| {
        let trial = Trial::test(name, test).with_ignored_flag(obstacle.is_some());
        match obstacle {
            Some(reason) => trial.with_kind(reason),
            None => trial,
        }
    };
    let no_recipes =
        (!has_recipes).then_some("needs the recipes of the package manager's registry");
    let not_asked = (!is_asked_for).then_some("asks the network; TSUKU_BATCH_LIVE=1");
    let trials = vec![
        trial("every_judgement_is_about_a_recipe", judgements_are_about_recipes, no_recipes),
        trial("our_commands_are_those_of_the_recipes", compare_all, no_recipes.or(not_asked)),
    ];
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

fn compared(registry: &Registry) -> Result<Vec<&'static EcosystemPlugin>, Failed> {
    let find = |id: &&str| registry.resolve(id).ok_or(format!("{id} is not registered"));
    Ok(COMPARED.iter().map(find).collect::<Result<_, _>>()?)
}

fn judgements_are_about_recipes() -> Result<(), Failed> {
    let registry = orchestrator::plugins::registry()?;
    let mut names = BTreeSet::new();
    let mut n_recipes = 0;
    for plugin in compared(&registry)? {
        let written = written(plugin, &registry)?;
        n_recipes += written.len();
        names.extend(written.into_iter().map(|written| (written.recipe, written.package)));
    }
    if n_recipes < MIN_RECIPES {
        return Err(format!("only {n_recipes} recipes to compare with").into());
    }
    for known in KNOWN {
        if !names.remove(&(known.recipe.to_owned(), known.package.to_owned())) {
            return Err(format!("{} is judged twice, or is no recipe", known.recipe).into());
        }
    }
    Ok(())
}

#[expect(clippy::print_stdout, reason = "the rows are for whoever asked for them")]
fn compare_all() -> Result<(), Failed> {
    let runtime = tokio::runtime::Runtime::new()?;
    let env = Env::of_process(TestOverrides::default())?;
    let cache = tempfile::tempdir()?;
    let rows = runtime.block_on(async {
        let http = net::polite(&env, &Settings::default(), cache.path(), &Control::default())?;
        let plugins =
            compared(&env.registry).map_err(|_| anyhow::anyhow!("a plugin is missing"))?;
        let all = plugins.into_iter().map(|plugin| rows_of(plugin, &env.registry, &*http));
        join_all(all).await.into_iter().collect::<anyhow::Result<Vec<_>>>()
    });
    let rows: Vec<Row> = rows?.into_iter().flatten().collect();
    for row in &rows {
        println!("{row}");
    }
    let n_known = rows.iter().filter(|row| row.is_judged()).count();
    println!("{} recipes, {n_known} known differences", rows.len());
    let wrong: Vec<String> =
        rows.iter().filter(|row| !row.is_as_expected()).map(ToString::to_string).collect();
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n").into()) }
}

/// One package at a time: each waits for the quota of its host anyway.
async fn rows_of(
    plugin: &EcosystemPlugin,
    registry: &Registry,
    http: &dyn Http,
) -> anyhow::Result<Vec<Row>> {
    let mut rows = vec![];
    for written in written(plugin, registry)? {
        let ours = found(plugin, http, &written.package).await;
        rows.push(Row { ecosystem: plugin.id.to_string(), written, ours });
    }
    Ok(rows)
}

/// The commands that the builder finds, or why there are none.
async fn found(
    plugin: &EcosystemPlugin,
    http: &dyn Http,
    package: &str,
) -> Result<BTreeSet<String>, String> {
    let name: PackageName =
        plugin.names.normalise(package).map_err(|error| format!("no name: {error}"))?;
    let builder = plugin.recipe_builder.ok_or("no builder")?;
    match builder.inspect(http, &name).await {
        Err(error) => Err(format!("{}: {error}", error.finding().kind.row().subcategory)),
        Ok(None) => Err("package_not_found".to_owned()),
        Ok(Some(facts)) => match facts.executables {
            Executables::Unknown(unknown) => Err(format!("unknown: {}", unknown.reason)),
            Executables::Known(names) => Ok(names.iter().map(ToString::to_string).collect()),
        },
    }
}

/// One recipe and the result for its package.
struct Row {
    ecosystem: String,
    written: Written,
    ours: Result<BTreeSet<String>, String>,
}

impl Row {
    /// `""` if both are equal; otherwise commands only in the recipe as `-a`, commands only in our
    /// result as `+b`, or why there is no result.
    fn difference(&self) -> String {
        let ours = match &self.ours {
            Ok(ours) => ours,
            Err(why) => return why.clone(),
        };
        let theirs = &self.written.commands;
        let missing = theirs.difference(ours).map(|name| format!("-{name}"));
        let more = ours.difference(theirs).map(|name| format!("+{name}"));
        missing.chain(more).collect::<Vec<_>>().join(" ")
    }

    fn judgement(&self) -> Option<&'static KnownDifference> {
        let is_this = |known: &&KnownDifference| {
            known.recipe == self.written.recipe && known.package == self.written.package
        };
        KNOWN.iter().find(is_this)
    }

    fn is_judged(&self) -> bool {
        self.judgement().is_some_and(|known| known.difference == self.difference())
    }

    fn is_as_expected(&self) -> bool {
        let may_be_same = self.judgement().is_none_or(|known| known.right == CorrectSide::Untold);
        self.is_judged() || may_be_same && self.difference().is_empty()
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let joined = |names: &BTreeSet<String>| {
            names.iter().map(String::as_str).collect::<Vec<_>>().join(" ")
        };
        let Written { recipe, package, commands } = &self.written;
        let ours = self.ours.as_ref().map_or_else(|_| "?".to_owned(), joined);
        write!(f, "{recipe} | {}:{package} | {} | {ours} | ", self.ecosystem, joined(commands))?;
        let difference = self.difference();
        match self.judgement() {
            Some(known) if self.is_judged() => {
                write!(f, "{difference}; {:?}: {}", known.right, known.why)
            }
            Some(known) if !self.is_as_expected() => {
                write!(f, "JUDGED AS {:?}, IS {difference:?}", known.difference)
            }
            _ if difference.is_empty() => f.write_str("same"),
            _ => write!(f, "NEW: {difference}"),
        }
    }
}
