//! `disambiguation lint`.

use std::fmt;

use batch_core::{
    decide::route::{doubtful_recipes, lint},
    model::PackageId,
};
use schemars::JsonSchema;
use serde::Serialize;

use super::World;
use crate::{
    cli::{Context, damage},
    counted::counted,
    exit::Exit,
    routing::{self, LinkedPlugins},
};

pub(super) fn run(cx: &Context) -> anyhow::Result<Exit> {
    let world = World::read(cx)?;
    let (routing, plugins) = (world.routing(cx)?, LinkedPlugins(&cx.env.registry));
    let queues = routing::queues(&world.files);
    let in_force = (&routing.overrides, routing::reference(&cx.env.registry));
    let found = lint(&routing.sources, in_force, &queues, &plugins);
    let found =
        found.into_iter().map(|it| Found { tool: it.tool.to_string(), problem: it.problem });
    let doubtful = doubtful_recipes(&queues, &plugins).into_iter();
    let report = LintReport {
        n_overrides: routing.sources.len(),
        found: found.collect(),
        doubtful_recipes: doubtful
            .map(|(id, tool)| Doubtful { package: id.clone(), same_name: tool.clone() })
            .collect(),
        problems: routing.problems.clone(),
    };
    let is_clean = report.found.is_empty() && report.problems.is_empty();
    cx.out.show(&report)?;
    Ok(if is_clean { Exit::Ok } else { Exit::Unexpected })
}

/// What `disambiguation lint --json` prints.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "OverrideLintReport")]
pub(crate) struct LintReport {
    /// Number of overrides that can be read.
    n_overrides: usize,
    /// What is wrong with overrides.
    found: Vec<Found>,
    /// Packages with recipes whose names a reviewed registry uses too. They may be other programs.
    doubtful_recipes: Vec<Doubtful>,
    /// What could not be read, each with file, line and reason.
    problems: Vec<String>,
}

/// Something that a person should correct, or know.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "OverrideProblem")]
struct Found {
    /// The tool of the override.
    tool: String,
    /// What it is.
    problem: String,
}

/// A recipe that may install another program than people expect.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "DoubtfulRecipe")]
struct Doubtful {
    /// The package that has a recipe.
    package: PackageId,
    /// The package of a reviewed registry that has the same name.
    same_name: PackageId,
}

impl fmt::Display for LintReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Found { tool, problem } in &self.found {
            writeln!(f, "problem: {tool}: {problem}")?;
        }
        for Doubtful { package, same_name } in &self.doubtful_recipes {
            writeln!(f, "note: {package} has a recipe, and {same_name} has the same name")?;
        }
        damage::write_problems(f, &self.problems)?;
        let n = counted(self.n_overrides, "override", "overrides");
        let n_problems = self.found.len() + self.problems.len();
        writeln!(f, "{n}, {}", counted(n_problems, "problem", "problems"))
    }
}
