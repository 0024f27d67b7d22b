use proptest::prelude::*;

use super::*;
use crate::{
    decide::recipe::{of_tool, with_binaries},
    model::{PackageId, RecipeName, VersionSource, Versions},
};

const STEP: ActionShape = ActionShape::of_commands("zoo_install")
    .with_implied_dependencies(&["keeper"])
    .versioned(Versions::Inferred("zoo"));

const WRITTEN: &str = "# written by a program\n[metadata]\n  name = \"lion\" # a cat\n  \
    description = \"Roars\"\n  homepage = \"https://lion.example\"\n  version_format = \"\"\n  \
    requires_sudo = false\n  tier = 0\n  type = \"\"\n  llm_validation = \"skipped\"\n\n[[steps]]\n  \
    action = \"zoo_install\"\n  executables = [\"roar\", \"purr\"]\n  package = \"lion\"\n\n[verify]\n  \
    command = \"roar --version\"\n  pattern = \"{version}\"\n";

fn facts(commands: &[&str]) -> PackageFacts {
    let id = PackageId { ecosystem: "zoo".parse().unwrap(), name: "lion".parse().unwrap() };
    let commands: Vec<String> = commands.iter().map(|&it| it.to_owned()).collect();
    PackageFacts {
        homepage: Some("https://zoo.example/lion".to_owned()),
        ..PackageFacts::of_commands(id, "1.0".to_owned(), STEP.name, &commands)
    }
}

fn of(written: &str, facts: &PackageFacts, ours: &Recipe) -> Result<Corrected, Refused> {
    let identity = |text: &str| text.to_ascii_lowercase();
    let actions = &[STEP];
    corrected(written, &Asked { facts, ours, actions, identity: &identity, is_guessed: false })
}

/// The result for `written` if the package has the commands `roar` and `purr`.
fn lion(written: &str) -> Result<Corrected, Refused> {
    let facts = facts(&["roar", "purr"]);
    let ours = of_tool(&facts, &RecipeName::nearest("lion")).unwrap();
    of(written, &facts, &ours)
}

#[track_caller]
fn check(before: &str, after: &str, notes: &[&str]) {
    let corrected = lion(before).unwrap();
    assert_eq!(corrected.notes, notes, "{before}");
    assert_eq!(corrected.toml, after);
}

#[track_caller]
fn check_refused(written: &str, kind: FailureKind, reason: &str) {
    let refused = lion(written).unwrap_err();
    assert_eq!(refused.kind, kind, "{refused:?}");
    assert!(refused.reason.contains(reason), "{refused:?}");
}

#[test]
fn what_agrees_with_the_facts_stays_as_it_is() {
    check(WRITTEN, WRITTEN, &[]);
}

#[test]
fn names_homepages_and_commands_follow_from_facts_and_comments_stay() {
    let named = WRITTEN.replace("\"lion\" #", "\"@zoo/Lion\" #");
    check(&named, WRITTEN, &["tsuku called the recipe \"@zoo/Lion\""]);
    let home = |url: &str| WRITTEN.replace("https://lion.example", url);
    let noted = "tsuku wrote the homepage \"http://lion.example\"";
    check(&home("http://lion.example"), &home("https://zoo.example/lion"), &[noted]);
    check(&home(""), &home("https://zoo.example/lion"), &[]);
    let script = "tsuku wrote the homepage \"javascript:alert(1)\"";
    check(&home("javascript:alert(1)"), &home("https://zoo.example/lion"), &[script]);
}

#[test]
fn the_order_of_commands_is_ours_and_no_matter_for_a_note() {
    check(&WRITTEN.replace("\"roar\", \"purr\"", "\"purr\", \"roar\""), WRITTEN, &[]);
}

#[test]
fn other_commands_are_corrected_and_verified_by_what_is_there() {
    let other = WRITTEN.replace("\"roar\", \"purr\"", "\"lion\"").replace("roar --", "lion --");
    let verified = WRITTEN.replace(
        "\n[verify]\n  command = \"roar --version\"\n  pattern = \"{version}\"\n",
        "\n[verify]\ncommand = \"roar --version\"\npattern = \"{version}\"\n",
    );
    check(&other, &verified, &["tsuku wrote \"lion\" for the executables roar, purr"]);
}

#[test]
fn a_pattern_that_checks_no_version_is_replaced() {
    check(&WRITTEN.replace("{version}", ""), WRITTEN, &[]);
    let other = WRITTEN.replace("{version}", "v{version}");
    check(&other, &other, &[]);
}

#[test]
fn a_verification_stays_if_its_command_is_installed() {
    let installed = WRITTEN.replace("roar --version", "purr -V");
    check(&installed, &installed, &[]);
    for line in ["lion --version", "", "roar-er --version"] {
        let verify = lion(&WRITTEN.replace("roar --version", line)).unwrap().toml;
        let verify = parse(&verify, &[STEP]).unwrap().verify.unwrap();
        assert_eq!(verify.command, "roar --version", "in place of {line:?}");
    }
}

#[test]
fn a_description_that_is_empty_or_not_of_one_line_is_ours() {
    for description in ["", "two\\nlines", "\\u202Eback"] {
        let written = WRITTEN.replace("\"Roars\"", &format!("\"{description}\""));
        let corrected = lion(&written).unwrap();
        let described = parse(&corrected.toml, &[STEP]).unwrap().metadata.description;
        assert_eq!(described, "lion from zoo", "in place of {description:?}");
    }
}

#[test]
fn values_that_say_nothing_are_no_problem() {
    let version =
        "\n[version]\n  source = \"\"\n  github_repo = \"\"\n  tag_prefix = \"\"\n\n[[steps]]";
    let written = WRITTEN.replace("\n[[steps]]", version);
    check(&written, &written, &[]);
}

#[test]
fn a_missing_list_of_binaries_is_added() {
    let facts = facts(&["roar", "purr"]);
    let ours = of_tool(&facts, &RecipeName::nearest("lion")).unwrap();
    let ours = with_binaries(ours, &facts);
    let corrected = of(WRITTEN, &facts, &ours).unwrap();
    assert!(corrected.toml.contains("binaries = [\"bin/roar\", \"bin/purr\"]"), "{corrected:?}");
    assert_eq!(corrected.notes, ["tsuku did not write which commands reach PATH"]);
    let again = of(&corrected.toml, &facts, &ours).unwrap();
    assert_eq!((again.toml, again.notes), (corrected.toml, vec![]));
}

#[test]
fn what_is_redundant_is_removed() {
    let redundant = WRITTEN.replace("  tier = 0\n", "  tier = 0\n  dependencies = [\"keeper\"]\n");
    check(&redundant, WRITTEN, &[]);
}

#[test]
fn another_package_is_refused_and_both_are_named() {
    let other = WRITTEN.replace("package = \"lion\"", "package = \"tiger\"");
    check_refused(&other, FailureKind::AmbiguousSource, "asked for zoo:lion");
    check_refused(&other, FailureKind::AmbiguousSource, "\"tiger\"");
    let elsewhere = WRITTEN.replace("zoo_install", "sea_install");
    check_refused(&elsewhere, FailureKind::AmbiguousSource, "\"sea_install\"");
    let nameless = WRITTEN.replace("package = \"lion\"", "");
    check_refused(&nameless, FailureKind::AmbiguousSource, "no package that it names");
    // The registry treats both spellings as one package.
    assert!(lion(&WRITTEN.replace("package = \"lion\"", "package = \"Lion\"")).is_ok());
}

#[test]
fn a_quotation_in_a_message_has_a_limit_and_says_where_it_is_cut() {
    let other = |name: &str| WRITTEN.replace("package = \"lion\"", &format!("package = {name:?}"));
    let longest = "x".repeat(MAX_QUOTED);
    let end = |name: &str| {
        lion(&other(name)).unwrap_err().reason.split(' ').next_back().map(str::to_owned)
    };
    assert_eq!(end(&longest), Some(format!("{longest:?}")));
    assert_eq!(end(&format!("{longest}y")), Some(format!("{longest:?}…")));
}

#[test]
fn a_step_that_names_no_package_is_checked_by_the_source_of_its_version() {
    let facts = facts(&["roar", "purr"]);
    let mut ours = of_tool(&facts, &RecipeName::nearest("lion")).unwrap();
    ours.steps[0].params.remove("package");
    let source = |text: &str| toml::Value::String(text.to_owned());
    let keys = [("source", source("zoo")), ("zoo_package", source("lion"))];
    ours.version = Some(VersionSource(keys.map(|(key, it)| (key.to_owned(), it)).into()));
    let of = |package: &str| {
        let version = format!("[version]\n  source = \"zoo\"\n  {package}\n\n[[steps]]");
        let written = WRITTEN.replace("  package = \"lion\"\n", "");
        let written = written.replace("[[steps]]", &version);
        let identity = |text: &str| text.to_ascii_lowercase();
        let action = ActionShape::new("zoo_install", &["executables"]);
        let asked = Asked {
            facts: &facts,
            ours: &ours,
            actions: &[action.versioned(Versions::Named("zoo"))],
            identity: &identity,
            is_guessed: false,
        };
        corrected(&written, &asked).map_err(|refused| (refused.kind, refused.reason))
    };
    let same = of("zoo_package = \"Lion\"");
    assert!(same.is_ok(), "{same:?}");
    for (package, named) in [
        ("zoo_package = \"tiger\"", "\"tiger\""),
        ("", "no package that it names"),
        ("zoo_package = \"\"", "\"\""),
    ] {
        let (kind, reason) = of(package).unwrap_err();
        assert_eq!(kind, FailureKind::AmbiguousSource);
        assert!(reason.contains(named), "{reason}");
    }
}

#[test]
fn half_a_recipe_is_no_recipe() {
    let invalid = FailureKind::SchemaInvalid;
    check_refused("", invalid, "has no step");
    check_refused(&WRITTEN[..WRITTEN.len() / 2], invalid, "cannot be read");
    check_refused(&"#".repeat(MAX_RECIPE + 1), invalid, "larger than any recipe");
    let longest = format!("{WRITTEN}{}", "#".repeat(MAX_RECIPE - WRITTEN.len()));
    assert!(lion(&longest).is_ok(), "the largest possible recipe");
    check_refused(&WRITTEN.replace("tier = 0", "teir = 0"), invalid, "teir");
}

#[test]
fn a_library_has_no_command_whatever_the_program_made_up() {
    let facts = facts(&[]);
    let tool = self::facts(&["roar"]);
    let ours = of_tool(&tool, &RecipeName::nearest("lion")).unwrap();
    let identity = |text: &str| text.to_owned();
    let asked = Asked {
        facts: &facts,
        ours: &ours,
        actions: &[STEP],
        identity: &identity,
        is_guessed: true,
    };
    let refused = corrected(WRITTEN, &asked).unwrap_err();
    assert_eq!(refused.kind, FailureKind::LibraryOnly);
    assert_eq!(refused.reason, "lion has no command; tsuku made one up");
    let asked = Asked { facts: &tool, ..asked };
    let corrected = corrected(WRITTEN, &asked).unwrap();
    assert!(corrected.notes.iter().any(|note| note.contains("found no command")), "{corrected:?}");
}

proptest! {
    #[test]
    fn any_text_is_corrected_or_refused(text: String, at in 0..WRITTEN.len()) {
        let _ = lion(&text);
        let (before, after) = WRITTEN.split_at(at);
        if let Ok(corrected) = lion(&format!("{before}{text}{after}")) {
            prop_assert!(parse(&corrected.toml, &[STEP]).is_ok());
        }
    }
}
