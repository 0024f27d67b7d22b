//! Which names and commands are taken.

use crate::{
    decide::name_registry::{Installed, NameRegistry},
    model::{
        Action, ActionShape, Executables, Metadata, PackageFacts, PackageKind, Parameter, Recipe,
        RecipeStep, VersionSource, Versions,
    },
};

/// A recipe of one step `action`, which says these things, each a text or a list.
fn recipe(action: &str, parameters: &[(&str, toml::Value)]) -> Recipe {
    let parameters = parameters.iter().map(|(key, value)| ((*key).to_owned(), value.clone()));
    let step = RecipeStep {
        action: action.to_owned(),
        params: parameters.collect(),
        ..RecipeStep::default()
    };
    Recipe { metadata: Metadata::default(), version: None, steps: vec![step], verify: None }
}

/// A package that is installed by `action` with these texts, and provides these commands.
fn facts(action: &str, texts: &[(&str, &str)], commands: &[&str]) -> PackageFacts {
    let text =
        |(key, text): &(&str, &str)| ((*key).to_owned(), Parameter::Text((*text).to_owned()));
    let parameters = texts.iter().map(text).collect();
    PackageFacts {
        executables: Executables::Known(commands.iter().map(|it| it.parse().unwrap()).collect()),
        kind: PackageKind::Tool,
        install: Action { name: action.to_owned(), parameters },
        ..PackageFacts::of_commands("eco:p".parse().unwrap(), "1".to_owned(), action, &[])
    }
}

fn list(texts: &[&str]) -> toml::Value {
    toml::Value::from(texts.iter().map(|&it| toml::Value::from(it)).collect::<Vec<_>>())
}

fn is_free(name_registry: &NameRegistry, name: &str, facts: &PackageFacts) -> bool {
    name_registry.check(&name.parse().unwrap(), facts).is_ok()
}

#[test]
fn a_recipe_provides_what_it_puts_into_bin_and_nothing_else() {
    for key in ["executables", "binaries"] {
        let mut name_registry = NameRegistry::default();
        let files = list(&["a", "bin/b", "lib/c", "bin/sub/d"]);
        name_registry.add(&"taken".parse().unwrap(), &recipe("eco_install", &[(key, files)]));
        for (command, expected) in
            [("a", false), ("b", false), ("c", true), ("d", true), ("e", true)]
        {
            let facts = facts("eco_install", &[], &[command]);
            assert_eq!(is_free(&name_registry, "other", &facts), expected, "{key} {command}");
        }
    }
}

#[test]
fn of_two_recipes_that_are_there_the_first_keeps_a_command() {
    let mut name_registry = NameRegistry::default();
    let with = |package: &str| {
        let of = [("package", toml::Value::from(package)), ("executables", list(&["x"]))];
        recipe("eco_install", &of)
    };
    name_registry.add(&"first".parse().unwrap(), &with("first"));
    name_registry.add(&"second".parse().unwrap(), &with("second"));
    let of = |package| facts("eco_install", &[("package", package)], &["x"]);
    assert!(is_free(&name_registry, "first", &of("first")));
    assert!(!is_free(&name_registry, "second", &of("second")));
}

#[test]
fn a_recipe_is_of_the_package_whose_action_and_texts_it_has() {
    let mut name_registry = NameRegistry::default();
    let says = [
        ("package", toml::Value::from("p")),
        ("more", toml::Value::from("m")),
        ("executables", list(&["x"])),
    ];
    name_registry.add(&"p".parse().unwrap(), &recipe("eco_install", &says));
    let is_replaced = |action: &str, texts: &[(&str, &str)]| {
        is_free(&name_registry, "p", &facts(action, texts, &["x"]))
    };
    assert!(is_replaced("eco_install", &[("package", "p")]), "what else a step says may change");
    assert!(is_replaced("eco_install", &[("package", "p"), ("more", "m")]));
    assert!(!is_replaced("eco_install", &[("package", "q")]));
    assert!(!is_replaced("eco_install", &[("package", "p"), ("more", "n")]));
    assert!(!is_replaced("other_install", &[("package", "p")]));
}

#[test]
fn what_is_installed_is_told_by_action_and_parameter() {
    let mut name_registry = NameRegistry::default();
    let says = [("package", toml::Value::from("p")), ("module", toml::Value::from("m"))];
    name_registry.add(&"a".parse().unwrap(), &recipe("eco_install", &says));
    name_registry.add(&"b".parse().unwrap(), &recipe("other_install", &says));
    let installed = |actions: &[(&'static str, &'static str)]| {
        let shape = |&(name, package): &(_, _)| ActionShape::new(name, &[]).naming(package);
        let actions: Vec<ActionShape> = actions.iter().map(shape).collect();
        let installed = name_registry.installed(&actions);
        let is_installed = |name: &&str| installed.recipe_of(&name.parse().unwrap()).is_some();
        ["m", "p", "x"].into_iter().filter(is_installed).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(installed(&[("eco_install", "package")]), "p");
    assert_eq!(installed(&[("eco_install", "module")]), "m");
    assert_eq!(installed(&[("eco_install", "package"), ("other_install", "module")]), "m p");
    assert_eq!(installed(&[("eco_install", "nothing")]), "");
    assert_eq!(installed(&[("no_install", "package")]), "");
}

#[test]
fn a_step_of_files_is_of_the_package_that_version_names() {
    let version = |says: &[(&str, &str)]| {
        let says = says.iter().map(|&(key, text)| (key.to_owned(), toml::Value::from(text)));
        Some(VersionSource(says.collect()))
    };
    let of_files = |says: &[(&str, &str)]| Recipe {
        version: version(says),
        ..recipe("eco_files", &[("file", toml::Value::from("a.zip"))])
    };
    let mut name_registry = NameRegistry::default();
    let mut add = |name: &str, says: &[(&str, &str)]| {
        name_registry.add(&name.parse().unwrap(), &of_files(says));
    };
    add("first", &[("source", "eco"), ("eco", "p")]);
    add("second", &[("source", "eco"), ("eco", "p")]);
    add("third", &[("source", "other"), ("other", "q"), ("eco", "r")]);
    add("fourth", &[("source", "eco")]);
    add("fifth", &[]);
    let files = ActionShape::new("eco_files", &["file"]).versioned(Versions::Named("eco"));
    let installed = name_registry.installed(&[files]);
    let recipe_of = |installed: &Installed<'_>, package: &str| {
        installed.recipe_of(&package.parse().unwrap()).map(ToString::to_string)
    };
    assert_eq!(recipe_of(&installed, "p").as_deref(), Some("first"));
    for package in ["q", "r", "a.zip"] {
        assert_eq!(recipe_of(&installed, package), None, "{package}");
    }
    let named_by_step = name_registry.installed(&[files.naming("file")]);
    assert_eq!(recipe_of(&named_by_step, "a.zip").as_deref(), Some("fifth"), "the step names it");
    assert_eq!(recipe_of(&named_by_step, "p"), None, "[version] is not read");
}

#[test]
fn a_recipe_that_is_replaced_installs_what_it_says_now() {
    let mut name_registry = NameRegistry::default();
    let mut add = |name: &str, package: &str| {
        let says = [("package", toml::Value::from(package))];
        name_registry.add(&name.parse().unwrap(), &recipe("eco_install", &says));
    };
    add("b", "p");
    add("a", "p");
    add("c", "q");
    add("c", "r");
    let installed = name_registry.installed(&[ActionShape::of_commands("eco_install")]);
    let recipe_of =
        |package: &str| installed.recipe_of(&package.parse().unwrap()).map(ToString::to_string);
    assert_eq!(recipe_of("p").as_deref(), Some("a"), "the name that comes first");
    assert_eq!((recipe_of("q"), recipe_of("r").as_deref()), (None, Some("c")));
}
