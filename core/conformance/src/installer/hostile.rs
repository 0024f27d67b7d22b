//! Hostile text that the ecosystem's own tool would obey.

use super::{arguments::names_local_path, runs};
use crate::harness::{Run, Subject};
use batch_core::{
    decide::recipe::allowed_cells, io::Origins, model::Environment, model::is_hidden,
};

/// A problem in the plan for `run`, which used answers with hostile texts: an option that no other
/// plan has, an invisible character, or a path of this machine.
pub(crate) fn obeyed(subject: &Subject, run: &Run) -> Option<String> {
    let (installer, facts, recipe) =
        (subject.plugin.installer?, run.facts.as_ref()?, run.recipe.as_ref()?);
    let cells = allowed_cells(&recipe.metadata);
    let environment = Environment::ALL.iter().find(|it| cells.contains(&it.cell()))?;
    let plan = installer.install(recipe, facts, *environment, &Origins::default());
    runs(&plan).find_map(|(argv, env, _)| {
        let (options, operands) = match argv.iter().position(|word| word == "--") {
            Some(end) => argv.split_at(end),
            None => (argv, &argv[argv.len()..]),
        };
        let as_option = options.iter().find(|word| is_hostile_option(word));
        let all = || options.iter().chain(operands).chain(env.values());
        let odd = as_option.or_else(|| all().find(|word| word.chars().any(is_hidden)));
        let odd = odd.or_else(|| all().find(|word| names_local_path(word)))?;
        Some(format!(
            "{odd:?} of an answer reaches the command line of {}; read it into a type that cannot \
             hold it",
            argv.first().map_or("a tool", String::as_str)
        ))
    })
}

/// Whether the word is a hostile text that begins like an option.
fn is_hostile_option(word: &str) -> bool {
    ["--help", "--config=", "-99.9"].iter().any(|option| word.starts_with(option))
}
