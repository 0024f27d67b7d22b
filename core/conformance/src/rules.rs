//! The rules, in the order in which a plugin is written.

use super::{
    Clause, Rule, asking, blocking, classifier, facts, guesses, hostile, identity, installer,
    lists, names, quotas, recipes, rule, seeder, versions,
};

/// Every rule.
pub static RULES: &[Rule] = &[
    rule(
        "words-well-formed",
        Clause::registry("EcosystemPlugin", "One ecosystem, as its crate hands it to"),
        identity::words_are_well_formed,
    ),
    rule(
        "spellings-unique",
        Clause::registry(
            "EcosystemPlugin::aliases",
            "Other accepted names. They are never stored.",
        ),
        identity::spellings_are_its_own,
    ),
    rule(
        "rank-unique",
        Clause::registry("EcosystemPlugin::rotation_rank", "The place in the rotation."),
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
        Clause::quota("Quota::period", "The mean time between two requests. Zero is not a quota"),
        quotas::are_sane,
    ),
    rule(
        "quotas-agree",
        Clause::quota(
            "Quota::stricter",
            "The quota that satisfies both. Two plugins that declare the same host and path",
        ),
        quotas::agree_with_others,
    ),
    asking(
        "hosts-declared",
        Clause::contract(
            "RateLimit::quotas",
            "Every host that this plugin asks. Requests to other hosts are refused.",
        ),
        quotas::cover_every_host,
    ),
    rule(
        "names-refused",
        Clause::contract("Names::normalise", "Invalid names are refused."),
        names::hostile_ones_are_refused,
    ),
    rule(
        "names-idempotent",
        Clause::contract(
            "Names::normalise",
            "The registry's own spelling of a name that a person wrote.",
        ),
        names::are_read_the_same_again,
    ),
    rule(
        "classifier-total",
        Clause::contract("FailureClassifier::classify", "It must accept any text"),
        classifier::reads_any_text,
    ),
    rule(
        "classifier-cautious",
        Clause::contract(
            "FailureClassifier::classify",
            "`None` means that the shared patterns decide.",
        ),
        classifier::takes_no_warning_for_a_failure,
    ),
    rule(
        "classifier-linear",
        Clause::contract(
            "FailureClassifier::classify",
            "in time proportional to the length of the text.",
        ),
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
        "async-never-blocks",
        Clause::contract("RecipeBuilder", "No method may block its thread"),
        blocking::never_in_async_code,
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
        "versions-ordered",
        Clause::contract("RecipeBuilder::inspect", "1.10 comes after 1.9."),
        versions::are_compared_by_number,
    ),
    rule(
        "digests-read",
        Clause::package("Artifact::digest_verified", "and has this digest."),
        facts::digests_were_compared,
    ),
    rule(
        "facts-storable",
        Clause::package(
            "PackageFacts",
            "Everything from which a recipe is built, in the same form for every ecosystem.",
        ),
        facts::are_fit_to_store,
    ),
    asking(
        "recipes-deterministic",
        Clause::contract(
            "RecipeBuilder::build",
            "The recipe that follows from `facts`. Equal facts give equal recipes.",
        ),
        recipes::do_not_depend_on_order,
    ),
    rule(
        "recipes-strict",
        Clause::contract(
            "RecipeBuilder::build",
            "Asks a registry about a package, and builds the recipe from the answers.",
        ),
        recipes::pass_the_strict_reader,
    ),
    rule(
        "executables-exact",
        Clause::package("PackageFacts::executables", "The commands that it installs on `PATH`."),
        recipes::have_the_executables_of_the_facts,
    ),
    asking(
        "executables-never-guessed",
        Clause::executables(
            "Executables",
            "The commands that a package installs on `PATH`. They are never guessed from the name",
        ),
        guesses::are_never_made,
    ),
    rule(
        "recipe-name-stable",
        Clause::contract(
            "RecipeBuilder::recipe_name",
            "The name of the recipe, unless an override gives another one.",
        ),
        recipes::have_a_stable_name,
    ),
    rule(
        "plan-no-shell",
        Clause::install("InstallStep::Run", "Runs a program. No shell is involved."),
        installer::run_no_shell,
    ),
    rule(
        "plan-inside-work-folder",
        Clause::install("InstallPlan", "Paths are relative to the work folder"),
        installer::name_no_local_path,
    ),
    rule(
        "plan-hosts-declared",
        Clause::contract(
            "NativeInstaller",
            "States how the ecosystem's own tool installs a recipe.",
        ),
        installer::ask_only_declared_hosts,
    ),
    rule(
        "plan-fetches-checked",
        Clause::install(
            "InstallStep::Fetch",
            "Downloads a file outside the sandbox and within the quotas, and checks its digest.",
        ),
        installer::fetch_what_can_be_checked,
    ),
    rule(
        "plan-network-needed",
        Clause::contract(
            "NativeInstaller::install",
            "Steps that ask a registry use the addresses in `origins`.",
        ),
        installer::use_the_network_only_to_ask,
    ),
    rule(
        "plan-deterministic",
        Clause::install(
            "InstallPlan::steps",
            "The steps in their order. The first step that fails ends the installation.",
        ),
        installer::are_the_same_again,
    ),
    rule(
        "plan-looks",
        Clause::install(
            "InstallStep::Inspect",
            "Checks that the commands exist and can be executed.",
        ),
        installer::inspect_the_commands,
    ),
    rule(
        "sources-declared",
        Clause::contract(
            "Seeder::sources",
            "The lists that [`Seeder::read`] reads, the best one first.",
        ),
        seeder::reads_declared_sources,
    ),
    rule(
        "estimates-complete",
        Clause::contract(
            "Source::per_candidate",
            "The addresses that are asked about each candidate whose commands are not in the list",
        ),
        seeder::estimates_are_complete,
    ),
    asking(
        "seeder-total",
        Clause::contract("Seeder::read", "Finds packages in one registry."),
        seeder::reads_any_answer,
    ),
    asking(
        "lists-golden",
        Clause::contract("Seeder::read", "The same answers give the same rows."),
        lists::are_golden,
    ),
    asking(
        "lists-paged",
        Clause::contract("Seeder::read", "asked to end after `wanted.limit` candidates."),
        lists::are_paged,
    ),
    asking(
        "lists-failures-told",
        Clause::source_error("SourceError", "The error of a registry that could not be read."),
        lists::are_told,
    ),
    asking(
        "hostile-answers",
        Clause::source_error("SourceError::finding", "What it says about registry and machine."),
        hostile::answers_are_survived,
    ),
    asking(
        "hostile-shapes",
        Clause::source_error(
            "SourceErrorKind::Schema",
            "unexpected shape of answer from {host}: {reason}",
        ),
        hostile::shapes_are_survived,
    ),
    asking(
        "hostile-absences",
        Clause::source_error(
            "SourceErrorKind::Unserved",
            "a store only decides which files it serves.",
        ),
        hostile::absences_are_told,
    ),
    asking(
        "hostile-versions",
        Clause::package("PackageFacts::version", "Installers ask for it."),
        hostile::versions_are_survived,
    ),
    asking(
        "hostile-depth",
        Clause::contract("RecipeBuilder", "Parsers limit the depth of nesting"),
        hostile::nesting_is_survived,
    ),
    asking(
        "hostile-archives",
        Clause::source_error(
            "SourceErrorKind::Remote",
            "An error in an archive of the package, or in its download.",
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
