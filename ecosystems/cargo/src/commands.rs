//! Which commands `cargo install` links: cargo's own rules for binaries and features.

use std::collections::{BTreeMap, BTreeSet};

use batch_core::model::{CommandName, Executables};

use crate::{
    manifest::{Manifest, Target},
    subcommand,
};

/// What a crate has to run.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Commands {
    pub(crate) executables: Executables,
    /// Not installed: the features that each needs and that are off, by name.
    pub(crate) withheld: BTreeMap<String, Vec<String>>,
}

/// What installing the crate of `manifest` links, `files` being the paths in it: the command that
/// is called like the crate first, the others in order.
///
/// A name that could not be typed safely makes all of them unknown: to leave one out would be a
/// silent lie about the crate.
pub(crate) fn of(manifest: &Manifest, files: &BTreeSet<String>) -> Commands {
    let on = manifest.default_features();
    let mut linked = BTreeSet::new();
    let mut withheld = BTreeMap::new();
    for (name, required) in binaries(manifest, files) {
        let off: Vec<String> = required.iter().filter(|it| !on.contains(*it)).cloned().collect();
        if let Some(foreign) = off.iter().find(|feature| feature.contains('/')) {
            // Only resolving its dependencies would tell.
            let why = format!("{name} needs the feature {foreign} of a dependency");
            return Commands { executables: Executables::Unknown(why), withheld };
        }
        if off.is_empty() {
            linked.insert(name);
        } else {
            withheld.insert(name, off);
        }
    }
    Commands { executables: in_order(&manifest.package.name, &linked), withheld }
}

/// Every binary with the features that it needs: those listed, and those found by their place.
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

/// Binaries that cargo finds where no manifest names them.
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

/// What cargo would never start, because it has a subcommand of that name itself, comes last.
fn in_order(first: &str, names: &BTreeSet<String>) -> Executables {
    let mut names: Vec<&String> = names.iter().collect();
    // Stable: what is equal in both stays in the order of names.
    names.sort_by_key(|name| (*name != first, subcommand::is_shadowed(name)));
    let parsed: Result<Vec<CommandName>, _> = names.into_iter().map(|name| name.parse()).collect();
    match parsed {
        Ok(names) => Executables::Known(names),
        Err(invalid) => Executables::Unknown(invalid.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest;

    const MAIN: &[&str] = &["src/main.rs"];

    fn commands(manifest: &str, files: &[&str]) -> Commands {
        let manifest = manifest::read(manifest).unwrap();
        of(&manifest, &files.iter().map(|&file| file.to_owned()).collect())
    }

    /// What a crate `x` of edition 2021 with `more` links.
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
    fn the_crates_own_command_comes_first_and_what_cargo_has_itself_last() {
        check("", &["src/main.rs", "src/bin/a.rs"], "x a");
        check(
            "",
            &["src/bin/cargo-add.rs", "src/bin/cargo-set-version.rs"],
            "cargo-set-version cargo-add",
        );
        check("", &["src/bin/cargo-add.rs", "src/bin/cargo-rm.rs"], "cargo-add cargo-rm");
    }

    #[test]
    fn a_normalised_manifest_lists_all() {
        let bins = "autobins = false\n[[bin]]\nname = \"b\"\npath = \"src/b.rs\"\n[[bin]]\nname = \"x\"\npath = \"src/main.rs\"\n[[bin]]\nname = \"a\"\npath = \"src/a.rs\"";
        check(bins, &["src/main.rs", "src/bin/more.rs"], "x a b");
        check("autobins = false", MAIN, "");
        check("autobins = false\n[lib]\nname = \"x\"", &["src/lib.rs", "src/bin/y.rs"], "");
    }

    #[test]
    fn where_nothing_is_listed_the_files_decide() {
        check("", MAIN, "x");
        check("", &["src/lib.rs"], "");
        check("", &["src/bin/a.rs", "src/bin/b/main.rs", "src/bin/b/more.rs", "src/lib.rs"], "a b");
        check("", &["src/bin/c/d/main.rs", "src/bin/.rs", "src/bin/.h.rs", "src/bin/n.txt"], "");
        check("", &["examples/e.rs", "tests/t.rs", "benches/b.rs", "main.rs", "src/x.rs"], "");
        check("edition = \"2015\"", MAIN, "x");
        check("autobins = true", &["src/main.rs", "src/bin/y.rs"], "x y");
    }

    #[test]
    fn what_is_listed_stands_beside_what_is_found() {
        let listed = "[[bin]]\nname = \"y\"\npath = \"src/y.rs\"";
        check(listed, &["src/main.rs", "src/y.rs"], "x y");
        check(&format!("edition = \"2015\"\n{listed}"), &["src/main.rs", "src/y.rs"], "y");
        check(&format!("edition = \"2015\"\nautobins = true\n{listed}"), MAIN, "x y");
        check("[[bin]]\nname = \"renamed\"\npath = \"src/main.rs\"", MAIN, "renamed");
        check("[[bin]]\nname = \"x\"", MAIN, "x");
        check(&format!("edition = \"2018\"\n{listed}"), MAIN, "x y");
    }

    #[test]
    fn a_manifest_before_editions_lists_all_that_it_lists() {
        let old = "[package]\nname = \"x\"\nversion = \"0.1.0\"\n[[bin]]\nname = \"y\"";
        let Executables::Known(names) = commands(old, MAIN).executables else { panic!() };
        assert_eq!(names.len(), 1);
        let older = "[project]\nname = \"x\"\nversion = \"0.1.0\"\nauthors = []";
        let Executables::Known(names) = commands(older, MAIN).executables else { panic!() };
        assert_eq!(names[0].as_str(), "x");
    }

    #[test]
    fn an_example_is_a_binary_only_where_it_is_listed_as_one() {
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
    fn what_is_withheld_is_told() {
        let only = "[package]\nname = \"x\"\n[[bin]]\nname = \"x\"\nrequired-features = [\"z\"]";
        let commands = commands(only, MAIN);
        assert_eq!(commands.executables, Executables::Known(vec![]));
        assert_eq!(commands.withheld["x"], ["z"]);
    }

    #[test]
    fn what_nobody_can_tell_or_type_is_not_guessed() {
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
            assert_eq!(commands.executables, Executables::Unknown(why.to_owned()));
        }
    }
}
