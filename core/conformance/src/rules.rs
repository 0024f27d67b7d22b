//! The rules, in the order in which a plugin is written.

use super::{
    Bench, Clause, Outcome, Rule, classifier, facts, hostile, identity, installer, lists, names,
    quotas, recipes, seeder,
};

const fn rule(id: &'static str, clause: Clause, check: fn(&Bench) -> Outcome) -> Rule {
    Rule { id, clause, check }
}

/// Every rule.
pub static RULES: &[Rule] = &[
    rule(
        "words-well-formed",
        Clause::registry("EcosystemPlugin", "One ecosystem, as its crate hands it to"),
        identity::words_are_well_formed,
    ),
    rule(
        "spellings-unique",
        Clause::registry("EcosystemPlugin::aliases", "Other spellings, accepted at every edge"),
        identity::spellings_are_its_own,
    ),
    rule(
        "rank-unique",
        Clause::registry("EcosystemPlugin::rotation_rank", "Place in the rotation."),
        identity::rank_is_its_own,
    ),
    rule(
        "steps-unique",
        Clause::registry(
            "EcosystemPlugin::recipe_actions",
            "The recipe steps that only its recipes use.",
        ),
        identity::steps_are_its_own,
    ),
    rule(
        "readme-present",
        Clause::readme("README of an ecosystem", "Its README says which addresses are asked"),
        identity::readme_tells,
    ),
    rule(
        "quotas-sane",
        Clause::quota("Quota::period", "Mean time between requests; zero is no quota"),
        quotas::are_sane,
    ),
    rule(
        "quotas-agree",
        Clause::quota("Quota::stricter", "What keeps to both: two plugins that declare one place"),
        quotas::agree_with_others,
    ),
    rule(
        "hosts-declared",
        Clause::contract(
            "RateLimit::quotas",
            "Every place this plugin asks; a host left out is refused.",
        ),
        quotas::cover_every_host,
    ),
    rule(
        "names-refused",
        Clause::contract("Names::normalise", "Knows how its registry spells."),
        names::hostile_ones_are_refused,
    ),
    rule(
        "names-idempotent",
        Clause::contract("Names::normalise", "The registry's own spelling of what a person wrote."),
        names::are_read_the_same_again,
    ),
    rule(
        "classifier-total",
        Clause::contract(
            "FailureClassifier::classify",
            "`None` leaves it to the shared patterns. Total: any text may come.",
        ),
        classifier::reads_any_text,
    ),
    rule(
        "classifier-linear",
        Clause::contract("FailureClassifier::classify", "Total: any text may come."),
        classifier::takes_time_as_long_as_the_text,
    ),
    rule(
        "fixtures-present",
        Clause::readme(
            "Fixtures",
            "At least three cases: a tool, a library, and a package that is not there.",
        ),
        recipes::fixtures_are_enough,
    ),
    rule(
        "fixtures-golden",
        Clause::contract(
            "RecipeBuilder::inspect",
            "What the registry says about the newest release of `name`",
        ),
        recipes::are_golden,
    ),
    rule(
        "facts-storable",
        Clause::package(
            "PackageFacts",
            "All that a recipe is built from, in one shape for every ecosystem.",
        ),
        facts::are_fit_to_store,
    ),
    rule(
        "recipes-deterministic",
        Clause::contract(
            "RecipeBuilder::build",
            "The recipe that follows from `facts`: equal facts, equal recipe.",
        ),
        recipes::do_not_depend_on_order,
    ),
    rule(
        "recipes-strict",
        Clause::contract("RecipeBuilder::build", "Asks a registry, then builds from what it said."),
        recipes::pass_the_strict_reader,
    ),
    rule(
        "executables-exact",
        Clause::package("PackageFacts::executables", "What it puts on `PATH`."),
        recipes::have_the_executables_of_the_facts,
    ),
    rule(
        "executables-never-guessed",
        Clause::package(
            "Executables",
            "What a package puts on `PATH`. Never guessed from its name.",
        ),
        recipes::are_never_guessed,
    ),
    rule(
        "recipe-name-stable",
        Clause::contract(
            "RecipeBuilder::recipe_name",
            "What the recipe is called unless an override says otherwise.",
        ),
        recipes::have_a_stable_name,
    ),
    rule(
        "plan-no-shell",
        Clause::install("InstallStep::Run", "Runs a program; never a shell line."),
        installer::run_no_shell,
    ),
    rule(
        "plan-inside-work-folder",
        Clause::install("InstallPlan", "Paths are relative to the sandbox's work folder."),
        installer::name_no_place_of_this_machine,
    ),
    rule(
        "plan-hosts-declared",
        Clause::contract("NativeInstaller", "Says how to install with the ecosystem's own means"),
        installer::ask_only_declared_hosts,
    ),
    rule(
        "plan-fetches-checked",
        Clause::install(
            "InstallStep::Fetch",
            "Downloads a file, outside the sandbox and within the quotas, and checks its digest.",
        ),
        installer::fetch_what_can_be_checked,
    ),
    rule(
        "plan-network-needed",
        Clause::contract(
            "NativeInstaller::install",
            "A step that asks a registry asks where `origins` say.",
        ),
        installer::use_the_network_only_to_ask,
    ),
    rule(
        "plan-deterministic",
        Clause::install(
            "InstallPlan::steps",
            "To be done in order; the first that fails ends the installation.",
        ),
        installer::are_the_same_again,
    ),
    rule(
        "plan-looks",
        Clause::install(
            "InstallStep::Inspect",
            "Checks that the commands are there and can be started.",
        ),
        installer::look_for_the_commands,
    ),
    rule(
        "sources-declared",
        Clause::contract("Seeder::sources", "What [`Seeder::discover`] reads, the best first."),
        seeder::reads_declared_sources,
    ),
    rule(
        "seeder-total",
        Clause::contract("Seeder::discover", "Finds packages in one registry."),
        seeder::reads_any_answer,
    ),
    rule(
        "lists-golden",
        Clause::contract(
            "Seeder::discover",
            "the most popular first where the source knows. The same answers give the same page.",
        ),
        lists::are_golden,
    ),
    rule(
        "lists-paged",
        Clause::contract(
            "Seeder::discover",
            "The page of `source` at `cursor` (`None` is the first), at most `limit` candidates",
        ),
        lists::are_paged,
    ),
    rule(
        "lists-failures-told",
        Clause::contract("SourceError", "A registry could not be read."),
        lists::are_told,
    ),
    rule(
        "hostile-answers",
        Clause::contract("SourceError::finding", "What it says about registry and machine."),
        hostile::answers_are_survived,
    ),
    rule(
        "hostile-shapes",
        Clause::contract(
            "SourceErrorKind::Schema",
            "unexpected shape of answer from {host}: {reason}",
        ),
        hostile::shapes_are_survived,
    ),
    rule(
        "hostile-archives",
        Clause::contract(
            "SourceErrorKind::Remote",
            "Something in an archive of the package, or on the way to it.",
        ),
        hostile::archives_are_survived,
    ),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_rule_quotes_words_that_the_contract_has() {
        for rule in RULES {
            assert!(rule.clause.line().is_some(), "{rule} quotes what is not there");
        }
        let ids: BTreeSet<&str> = RULES.iter().map(|rule| rule.id).collect();
        assert_eq!(ids.len(), RULES.len());
    }
}
