//! Finds out which commands `cargo install` installs, by cargo's own rules for binaries and
//! features.

use std::collections::{BTreeMap, BTreeSet};

use batch_core::model::{Executables, FailureKind};

use crate::{
    manifest::{Manifest, Target},
    subcommand,
};

/// The commands of a crate.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Commands {
    pub(crate) executables: Executables,
    /// Commands that are not installed, by name, each with the required features that are off.
    pub(crate) withheld: BTreeMap<String, Vec<String>>,
}

/// The commands that installing the crate of `manifest` puts on `PATH`; `files` are the paths in
/// the crate. The command with the crate's name comes first, the others are sorted.
///
/// If one name is unsafe to type, all commands are unknown: a list without it would be wrong
/// without a sign of that.
pub(crate) fn of(manifest: &Manifest, files: &BTreeSet<String>) -> Commands {
    let on = manifest.default_features();
    let mut linked = BTreeSet::new();
    let mut withheld = BTreeMap::new();
    for (name, required) in binaries(manifest, files) {
        let off: Vec<String> = required.iter().filter(|it| !on.contains(*it)).cloned().collect();
        if let Some(foreign) = off.iter().find(|feature| feature.contains('/')) {
            // Only the resolution of its dependencies could tell whether the feature is on.
            let why = format!("{name} needs the feature {foreign} of a dependency");
            let executables = Executables::unknown(FailureKind::BinaryDiscoveryFailed, why);
            return Commands { executables, withheld };
        }
        if off.is_empty() {
            linked.insert(name);
        } else {
            withheld.insert(name, off);
        }
    }
    Commands { executables: in_order(&manifest.package.name, &linked), withheld }
}

/// Every binary with the features that it requires: the listed ones, and those that cargo finds by
/// their path.
fn binaries(manifest: &Manifest, files: &BTreeSet<String>) -> BTreeMap<String, Vec<String>> {
    let listed = &manifest.bin;
    let name_of = |target: &Target| target.name.clone().unwrap_or_default();
    let mut binaries: BTreeMap<String, Vec<String>> =
        listed.iter().map(|it| (name_of(it), it.required_features.clone())).collect();
    let package = &manifest.package;
    let finds =
        if listed.is_empty() { package.finds_binaries() } else { package.finds_more_than_listed() };
    if finds {
        let paths: BTreeSet<&str> = listed.iter().filter_map(|it| it.path.as_deref()).collect();
        for (name, path) in found(&package.name, files) {
            if !paths.contains(path) {
                binaries.entry(name).or_default();
            }
        }
    }
    binaries
}

/// The binaries that cargo finds by their path, without an entry in the manifest.
fn found<'a>(package: &str, files: &'a BTreeSet<String>) -> Vec<(String, &'a str)> {
    let binary = |path: &'a str| {
        if path == "src/main.rs" {
            return Some((package.to_owned(), path));
        }
        let rest = path.strip_prefix("src/bin/")?;
        let name = rest.strip_suffix("/main.rs").or_else(|| rest.strip_suffix(".rs"))?;
        let is_name = !name.is_empty() && !name.contains('/') && !name.starts_with('.');
        is_name.then(|| (name.to_owned(), path))
    };
    files.iter().filter_map(|path| binary(path)).collect()
}

/// Sorts the commands. A command that has the name of one of cargo's own subcommands comes last,
/// because cargo would never start it.
fn in_order(first: &str, names: &BTreeSet<String>) -> Executables {
    let mut names: Vec<&String> = names.iter().collect();
    // The sort is stable, so names that are equal in both keys stay in alphabetical order.
    names.sort_by_key(|name| (*name != first, subcommand::is_shadowed(name)));
    Executables::named(names)
}

#[cfg(test)]
mod tests {
    use batch_core::model::CommandName;

    use super::*;
    use crate::manifest;

    const MAIN: &[&str] = &["src/main.rs"];

    fn commands(manifest: &str, files: &[&str]) -> Commands {
        let manifest = manifest::read(manifest).unwrap();
        of(&manifest, &files.iter().map(|&file| file.to_owned()).collect())
    }

    /// Checks which commands a crate `x` of edition 2021 with the manifest lines `more` installs.
    #[track_caller]
    fn check(more: &str, files: &[&str], expected: &str) {
        let package = "[package]\nname = \"x\"\nversion = \"1.0.0\"\n";
        let edition = if more.contains("edition") { "" } else { "edition = \"2021\"\n" };
        let commands = commands(&format!("{package}{edition}{more}"), files);
        let Executables::Known(names) = &commands.executables else { panic!("{commands:?}") };
        let names: Vec<&str> = names.iter().map(CommandName::as_str).collect();
        assert_eq!(names.join(" "), expected, "{more}");
    }

    #[test]
    fn the_crates_own_command_is_first_and_hidden_subcommands_are_last() {
        check("", &["src/main.rs", "src/bin/a.rs"], "x a");
        check(
            "",
            &["src/bin/cargo-add.rs", "src/bin/cargo-set-version.rs"],
            "cargo-set-version cargo-add",
        );
        check("", &["src/bin/cargo-add.rs", "src/bin/cargo-rm.rs"], "cargo-add cargo-rm");
    }

    #[test]
    fn a_normalised_manifest_lists_all_binaries() {
        let bins = "autobins = false\n[[bin]]\nname = \"b\"\npath = \"src/b.rs\"\n[[bin]]\nname = \"x\"\npath = \"src/main.rs\"\n[[bin]]\nname = \"a\"\npath = \"src/a.rs\"";
        check(bins, &["src/main.rs", "src/bin/more.rs"], "x a b");
        check("autobins = false", MAIN, "");
        check("autobins = false\n[lib]\nname = \"x\"", &["src/lib.rs", "src/bin/y.rs"], "");
    }

    #[test]
    fn without_listed_binaries_the_files_decide() {
        check("", MAIN, "x");
        check("", &["src/lib.rs"], "");
        check("", &["src/bin/a.rs", "src/bin/b/main.rs", "src/bin/b/more.rs", "src/lib.rs"], "a b");
        check("", &["src/bin/c/d/main.rs", "src/bin/.rs", "src/bin/.h.rs", "src/bin/n.txt"], "");
        check("", &["examples/e.rs", "tests/t.rs", "benches/b.rs", "main.rs", "src/x.rs"], "");
        check("edition = \"2015\"", MAIN, "x");
        check("autobins = true", &["src/main.rs", "src/bin/y.rs"], "x y");
    }

    #[test]
    fn listed_binaries_are_added_to_found_ones() {
        let listed = "[[bin]]\nname = \"y\"\npath = \"src/y.rs\"";
        check(listed, &["src/main.rs", "src/y.rs"], "x y");
        check(&format!("edition = \"2015\"\n{listed}"), &["src/main.rs", "src/y.rs"], "y");
        check(&format!("edition = \"2015\"\nautobins = true\n{listed}"), MAIN, "x y");
        check("[[bin]]\nname = \"renamed\"\npath = \"src/main.rs\"", MAIN, "renamed");
        check("[[bin]]\nname = \"x\"", MAIN, "x");
        check(&format!("edition = \"2018\"\n{listed}"), MAIN, "x y");
    }

    #[test]
    fn before_edition_2018_the_listed_binaries_are_all() {
        let old = "[package]\nname = \"x\"\nversion = \"0.1.0\"\n[[bin]]\nname = \"y\"";
        let Executables::Known(names) = commands(old, MAIN).executables else { panic!() };
        assert_eq!(names.len(), 1);
        let older = "[project]\nname = \"x\"\nversion = \"0.1.0\"\nauthors = []";
        let Executables::Known(names) = commands(older, MAIN).executables else { panic!() };
        assert_eq!(names[0].as_str(), "x");
    }

    #[test]
    fn an_example_is_a_binary_only_if_it_is_listed_as_one() {
        check("[[example]]\nname = \"e\"\npath = \"examples/e.rs\"", &["examples/e.rs"], "");
        check(
            "[[bin]]\nname = \"e\"\npath = \"examples/e.rs\"",
            &["examples/e.rs", "src/lib.rs"],
            "e",
        );
    }

    #[test]
    fn a_binary_whose_features_are_off_is_not_linked() {
        let needs = |feature: &str, features: &str| {
            format!(
                "[[bin]]\nname = \"x\"\npath = \"src/main.rs\"\n[[bin]]\nname = \"y\"\npath = \"src/y.rs\"\nrequired-features = [\"{feature}\"]\n[dependencies]\nd = {{ version = \"1\", optional = true }}\n{features}"
            )
        };
        check(&needs("cli", ""), MAIN, "x");
        check(&needs("cli", "[features]\ncli = []"), MAIN, "x");
        check(&needs("cli", "[features]\ncli = []\ndefault = [\"cli\"]"), MAIN, "x y");
        let chain =
            "[features]\ndefault = [\"a\"]\na = [\"b\"]\nb = [\"cli\", \"a\"]\ncli = [\"dep:d\"]";
        check(&needs("cli", chain), MAIN, "x y");
        check(&needs("d", "[features]\ndefault = [\"d\"]"), MAIN, "x y");
        check(&needs("d", "[features]\ndefault = [\"d/std\"]"), MAIN, "x y");
        check(&needs("d", "[features]\ndefault = [\"d?/std\"]"), MAIN, "x");
        check(&needs("d", "[features]\ndefault = [\"d/std\"]\ne = [\"dep:d\"]"), MAIN, "x");
        check(&needs("d/std", "[features]\ndefault = [\"d/std\"]"), MAIN, "x y");
        check(&needs("d", "[features]\ndefault = [\"d/std\"]\nd = [\"dep:d\"]"), MAIN, "x y");
        check(&needs("f", "[features]\ndefault = [\"f/std\"]\nf = []"), MAIN, "x");
        let build = "[build-dependencies]\ne = { version = \"1\", optional = true }\n";
        let default = "[features]\ndefault = [\"e/std\"]";
        check(&needs("e", &format!("{build}{default}")), MAIN, "x y");
        check(&needs("default", "[features]\ndefault = []"), MAIN, "x y");
    }

    #[test]
    fn commands_that_are_not_installed_are_reported() {
        let only = "[package]\nname = \"x\"\n[[bin]]\nname = \"x\"\nrequired-features = [\"z\"]";
        let commands = commands(only, MAIN);
        assert_eq!(commands.executables, Executables::Known(vec![]));
        assert_eq!(commands.withheld["x"], ["z"]);
    }

    #[test]
    fn unknown_and_unsafe_commands_are_not_guessed() {
        let package = "[package]\nname = \"x\"\nedition = \"2021\"\n";
        for (more, why) in [
            (
                "[[bin]]\nname = \"x\"\nrequired-features = [\"d/cli\"]",
                "x needs the feature d/cli of a dependency",
            ),
            ("[[bin]]\nname = \"a b\"", "invalid command name \"a b\""),
            ("[[bin]]\npath = \"src/main.rs\"", "invalid command name \"\""),
            ("[[bin]]\nname = \"../x\"", "invalid command name \"../x\""),
        ] {
            let commands = commands(&format!("{package}{more}"), &[]);
            let kind = if why.starts_with("invalid") {
                FailureKind::UnsafeName
            } else {
                FailureKind::BinaryDiscoveryFailed
            };
            assert_eq!(commands.executables, Executables::unknown(kind, why));
        }
    }
}
