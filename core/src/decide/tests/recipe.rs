//! What is a recipe, for the package manager and for this program.

use std::fmt::Write as _;

use crate::{
    decide::recipe::{self, Problem, RecipeError, is_generic_step, of_step, verified_by},
    model::{
        ActionShape, Cell, GeneratedRecipe, Os, PackageFacts, PackageId, Recipe, RecipeName,
        Verify, Versions,
    },
    records::{INSTALL, recipe_of},
};

const OWN: &[ActionShape] = &[
    ActionShape::of_commands("eco_install").versioned(Versions::Inferred("eco")),
    ActionShape::new("mac_install", &[]).only_on(Os::Darwin),
    ActionShape::new("ab", &[]),
    ActionShape::new("derived", &[]).versioned(Versions::Derived {
        source: "derived_source",
        from: "module",
        key: "path",
        derive: str::to_owned,
    }),
    ActionShape::new("named", &[]).versioned(Versions::Named("named_source")),
];

/// A recipe with these lines in `[metadata]`, `[version]` and its only step, which does `action`.
fn recipe(metadata: &str, version: &str, action: &str, step: &str) -> String {
    let mut text = format!("[metadata]\nname = \"lion\"\ndescription = \"Roars\"\n{metadata}\n");
    if !version.is_empty() {
        write!(text, "[version]\n{version}\n").unwrap();
    }
    write!(text, "[[steps]]\naction = \"{action}\"\n{step}\n").unwrap();
    text + "[verify]\ncommand = \"lion --version\"\npattern = \"{version}\"\n"
}

/// What makes the package manager refuse `text`, as "field: message" each, and what to write.
fn refused(text: &str) -> Vec<Problem> {
    recipe::check(text, OWN, None)
}

fn fields(problems: &[Problem]) -> String {
    problems.iter().map(|problem| &*problem.field).collect::<Vec<_>>().join(" ")
}

/// What this program never writes.
fn parse(text: &str) -> Result<Recipe, RecipeError> {
    recipe::parse(text, OWN)
}

fn own_rules(text: &str) -> String {
    assert_eq!(refused(text), [], "{text}");
    parse(text).map_or_else(|error| fields(&error.problems), |_| String::new())
}

#[track_caller]
fn check_refused(text: &str, expected: &str) {
    let problems = refused(text);
    assert_eq!(fields(&problems), expected, "{text}\n{problems:?}");
    for problem in problems {
        assert!(!problem.fix.is_empty(), "{problem:?}");
    }
}

fn with_metadata(metadata: &str) -> String {
    recipe(metadata, "", "ab", "")
}

fn with_step(action: &str, step: &str) -> String {
    recipe("", "", action, step)
}

#[test]
fn steps_of_any_ecosystem_are_known_by_name() {
    assert!(is_generic_step("run_command") && is_generic_step("download"));
    assert!(!is_generic_step("eco_install") && !is_generic_step(""));
}

#[test]
fn an_unknown_action_is_told_with_the_nearest_one_if_one_is_near() {
    for (action, nearest) in [
        ("donwload", Some("\"download\"")),
        ("downlo", Some("\"download\"")),
        ("dwnlo", Some("\"download\"")),
        ("eco_instal", Some("\"eco_install\"")),
        ("axb", Some("\"ab\"")),
        ("xy", None),
        ("something_else", None),
    ] {
        let problems = refused(&with_step(action, ""));
        assert_eq!(fields(&problems), "steps[0].action", "{action}");
        let told = problems[0].fix.strip_prefix("write ").filter(|it| it.starts_with('"'));
        assert_eq!(told, nearest, "{action}");
    }
}

#[test]
fn a_key_that_is_nearly_a_known_one_is_refused_and_another_one_only_never_written() {
    for misspelt in ["nmae", "descripton", "homepag", "suported_ox", "teir"] {
        check_refused(
            &with_metadata(&format!("{misspelt} = \"x\"")),
            &format!("metadata.{misspelt}"),
        );
    }
    let problems = refused(&with_metadata("homepag = \"x\""));
    assert_eq!(problems[0].fix, "write homepage");
    // Two slips of four letters are another word, and so are many in a long one.
    for other in ["nabc", "supported_systems", "x"] {
        let text = with_metadata(&format!("{other} = \"x\""));
        assert_eq!(own_rules(&text), format!("metadata.{other}"));
    }
}

#[test]
fn numbers_of_a_step_are_read_as_they_are_unless_they_are_out_of_range() {
    let step =
        "whole = 5\nhex = 0x1f\npart = 1.5\nflag = true\nday = 2026-11-21\nlist = [1, \"a\"]";
    let params = &parse(&with_step("ab", step)).unwrap().steps[0].params;
    assert_eq!(params["whole"].as_integer(), Some(5));
    assert_eq!(params["hex"].as_integer(), Some(31));
    assert_eq!(params["part"].as_float(), Some(1.5));
    assert_eq!(params["flag"].as_bool(), Some(true));
    assert!(params["day"].is_datetime());
    assert_eq!(params["list"].as_array().map(Vec::len), Some(2));
}

#[test]
fn a_description_has_a_thousand_bytes_at_most() {
    let with = |n| with_metadata("").replace("Roars", &"r".repeat(n));
    assert_eq!(own_rules(&with(1000)), "");
    assert_eq!(own_rules(&with(1001)), "metadata.description");
}

#[test]
fn a_name_that_is_no_name_of_a_file_is_refused_and_an_odd_one_never_written() {
    let named = |name: &str| with_metadata("").replace("\"lion\"", &format!("\"{name}\""));
    for name in ["a b", "a/b", "a\\\\b", "Lion", ""] {
        check_refused(&named(name), "metadata.name");
    }
    // What is odd only to this program is found first here, and tells less.
    check_refused(&named("a\\u0007 b"), "metadata.name");
    let error = parse(&with_metadata("").replace("Roars", "\\n")).unwrap_err();
    let messages: Vec<&str> = error.problems.iter().map(|problem| &*problem.message).collect();
    assert_eq!(messages, ["has control characters or line breaks in it"], "the first of two");
    for name in ["a..b", "-a", "a%b", ".a"] {
        assert_eq!(own_rules(&named(name)), "metadata.name", "{name}");
    }
    assert_eq!(own_rules(&named("a.b+c-d_0")), "");
}

#[test]
fn a_download_changes_with_the_version_and_can_be_checked() {
    let with = |url: &str, check: &str| {
        recipe(
            "",
            "source = \"manual\"",
            "download",
            &format!("url = \"https://h.example/{url}\"\n{check}"),
        )
    };
    let checked = "checksum_url = \"https://h.example/{version}.sum\"";
    for url in
        ["{version}", "1.2/{version}", "1.2.3.4/{version}", "1..3/{version}", "v1.x.3/{version}"]
    {
        check_refused(&with(url, checked), "");
    }
    for url in ["fixed", "1.2.3/{version}", "v1.2.3-{os}", "x1.2.3./{version}"] {
        check_refused(&with(url, checked), "steps[0].url");
    }
    check_refused(&with("{version}", ""), "steps[0]");
    for key in ["signature_url", "skip_verification_reason"] {
        check_refused(&with("{version}", &format!("{key} = \"https://h.example\"")), "");
    }
}

#[test]
fn a_platform_is_excluded_only_from_those_that_are_supported() {
    let excluding = |platform: &str, more: &str| {
        with_metadata(&format!("unsupported_platforms = [\"{platform}\"]\n{more}"))
    };
    for platform in ["linux/sparc", "plan9/amd64", "linux", "linux/amd64/musl/x", "darwin/x/y"] {
        check_refused(&excluding(platform, ""), "metadata.unsupported_platforms[0]");
    }
    let mac = "supported_os = [\"darwin\"]";
    check_refused(&excluding("linux/amd64", mac), "metadata.unsupported_platforms[0]");
    check_refused(&excluding("darwin/amd64", mac), "");
    let arm = "supported_arch = [\"arm64\"]";
    check_refused(&excluding("linux/amd64", arm), "metadata.unsupported_platforms[0]");
    check_refused(&excluding("linux/arm64", arm), "");
    assert_eq!(own_rules(&excluding("linux/amd64/glibc", "")), "");
}

#[test]
fn an_action_of_one_system_stands_where_the_recipe_or_the_step_is_for_that_alone() {
    let with = |metadata: &str, when: &str| recipe(metadata, "", "mac_install", when);
    check_refused(&with("", ""), "steps[0]");
    check_refused(&with("supported_os = [\"linux\"]", ""), "steps[0]");
    check_refused(&with("supported_os = [\"darwin\", \"linux\"]", ""), "steps[0]");
    check_refused(&with("supported_os = [\"darwin\"]", ""), "");
    check_refused(&with("", "when = { os = [\"darwin\"] }"), "");
    check_refused(&with("", "when = { os = [\"linux\"] }"), "steps[0]");
}

#[test]
fn a_step_that_sets_variables_is_not_for_libraries() {
    check_refused(&with_step("set_env", "vars = [\"X=1\"]"), "");
    let library = recipe("type = \"library\"", "", "set_env", "vars = [\"X=1\"]");
    check_refused(&library, "steps[0].action");
}

#[test]
fn binaries_are_named_in_one_way() {
    let with = |step: &str| with_step("install_binaries", step);
    let (binaries, outputs) = ("binaries = [\"bin/x\"]\n", "outputs = [\"bin/x\"]\n");
    check_refused(&with(""), "steps[0].binaries");
    check_refused(&with(binaries), "");
    check_refused(&with(outputs), "");
    check_refused(&with("install_mode = \"directory\""), "");
    check_refused(&with(&format!("{binaries}{outputs}")), "steps[0].outputs");
}

#[test]
fn a_version_that_a_step_says_by_itself_is_redundant_and_any_other_is_not() {
    let with =
        |version: &str, action: &str, step: &str| refused(&recipe("", version, action, step));
    let eco = "package = \"p\"\nexecutables = [\"x\"]";
    for (version, action, step, is_redundant) in [
        ("source = \"eco\"", "eco_install", eco, true),
        ("source = \"eco\"\nmore = \"x\"", "eco_install", eco, false),
        ("source = \"manual\"", "eco_install", eco, false),
        ("path = \"a/b\"", "derived", "module = \"a/b\"", true),
        ("source = \"derived_source\"\npath = \"a/b\"", "derived", "module = \"a/b\"", true),
        ("source = \"manual\"\npath = \"a/b\"", "derived", "module = \"a/b\"", false),
        ("path = \"a/c\"", "derived", "module = \"a/b\"", false),
        ("road = \"a/b\"", "derived", "module = \"a/b\"", false),
        ("path = \"a/b\"", "derived", "", false),
        ("source = \"named_source\"", "named", "", false),
    ] {
        let problems = with(version, action, step);
        let found: Vec<bool> = problems.iter().map(|problem| problem.is_redundant).collect();
        let expected = if is_redundant { vec![true] } else { vec![] };
        assert_eq!(found, expected, "{version} {action}: {problems:?}");
    }
    let problems = with("source = \"no_source\"", "ab", "");
    assert_eq!(fields(&problems), "version.source");
}

#[test]
fn an_address_with_a_version_in_it_needs_to_be_told_where_versions_are_asked_for() {
    let archive = "url = \"https://h.example/{version}\"";
    check_refused(&with_step("download_archive", archive), "version");
    check_refused(&recipe("", "source = \"manual\"", "download_archive", archive), "");
    check_refused(&recipe("", "source = \"\"", "download_archive", archive), "version");
    let second =
        |action: &str, step: &str| format!("{archive}\n[[steps]]\naction = \"{action}\"\n{step}");
    let by_step = |action: &str, step: &str| with_step("download_archive", &second(action, step));
    check_refused(&by_step("eco_install", "package = \"p\"\nexecutables = [\"x\"]"), "");
    check_refused(&by_step("derived", ""), "");
    check_refused(&by_step("named", ""), "version");
    check_refused(&by_step("ab", ""), "version");
    check_refused(&with_step("ab", ""), "");
}

#[test]
fn where_a_step_applies_is_said_without_contradiction() {
    let with =
        |metadata: &str, when: &str| recipe(metadata, "", "ab", &format!("[steps.when]\n{when}"));
    for when in
        ["os = [\"darwin\"]\nlibc = [\"glibc\"]", "os = [\"darwin\"]\nlinux_family = \"debian\""]
    {
        check_refused(&with("", when), "steps[0].when");
    }
    check_refused(
        &with("", "platform = [\"linux/amd64\"]\nos = [\"linux\"]"),
        "steps[0].when.platform",
    );
    for when in [
        "os = [\"darwin\"]",
        "os = [\"linux\"]\nlibc = [\"glibc\"]",
        "os = [\"linux\"]\nlinux_family = \"_never\"",
        "libc = [\"glibc\"]",
        "platform = [\"linux/amd64\"]",
        "package_manager = \"apt\"",
        "arch = \"arm64\"",
        "arch = [\"arm64\"]",
    ] {
        assert_eq!(own_rules(&with("", when)), "", "{when}");
    }
    for (when, field) in [
        ("platform = [\"linux/sparc\"]", "platform[0]"),
        ("platform = [\"plan9/amd64\"]", "platform[0]"),
        ("platform = [\"linux\"]", "platform[0]"),
        ("package_manager = \"\"", "package_manager"),
        ("package_manager = \"Apt\"", "package_manager"),
        ("linux_family = \"\"", "linux_family"),
    ] {
        assert_eq!(own_rules(&with("", when)), format!("steps[0].when.{field}"), "{when}");
    }
}

#[test]
fn a_step_for_systems_that_the_recipe_does_not_support_is_never_written() {
    let with = |supported: &str, os: &str| {
        own_rules(&recipe(
            &format!("supported_os = [{supported}]"),
            "",
            "ab",
            &format!("[steps.when]\nos = [{os}]"),
        ))
    };
    assert_eq!(with("\"linux\"", "\"darwin\""), "steps[0].when.os");
    assert_eq!(with("\"linux\"", "\"linux\""), "");
    assert_eq!(with("\"linux\"", "\"linux\", \"darwin\""), "");
    assert_eq!(with("", "\"darwin\""), "");
}

#[test]
fn of_two_things_wrong_with_one_field_the_weightier_is_told_and_of_many_a_hundred() {
    // Not at all what this program writes, and then what the package manager refuses.
    let text = with_step("ab", "url = \"http://h.example/\\u0007\"\nsha256 = \"x\"");
    check_refused(&text, "steps[0].url");
    let error = parse(&text).unwrap_err();
    assert_eq!(fields(&error.problems), "steps[0].url steps[0].sha256");
    assert!(!error.problems[0].is_own_rule && error.problems[1].is_own_rule);
    let many = |n: usize| {
        let lines: Vec<String> = (0..n).map(|i| format!("strange{i:03} = 1\n")).collect();
        parse(&with_metadata(&lines.concat())).unwrap_err()
    };
    for (n, n_told) in [(1, 1), (99, 99), (100, 100), (101, 100), (150, 100)] {
        let error = many(n);
        assert_eq!(error.problems.len(), n_told);
        let more = format!("(and {} more)", n_told - 1);
        assert_eq!(error.to_string().ends_with(&more), n > 1, "{error}");
        let lines: Vec<_> = error.problems.iter().map(|problem| problem.line).collect();
        assert!(lines.is_sorted(), "{lines:?}");
    }
}

#[test]
fn what_only_a_newer_toml_allows_is_found_behind_any_text() {
    let texts = [
        r#""x""#,
        "'x'",
        r#""""#,
        "''",
        r#""a\"{b""#,
        r#""\\""#,
        r"'a\'",
        r#""""x""""#,
        r#""""a"b""c{""""#,
        r#""""x"""""#,
        r#""""x""""""#,
        r#""""\"""""#,
        "'''x'''",
        "'''it's {\n'''",
        "'''x''''",
        "'''x'''''",
        "\"\"\"{\n\"\"\"",
        "[ '{', \"{\" ]",
    ];
    for text in texts {
        let plain = format!("a = {text}\nb = {{ c = 1 }}\n");
        let Err(error) = parse(&plain) else { panic!("no recipe") };
        assert!(!error.to_string().contains("TOML"), "{plain}: {error}");
        for newer in ["{\n c = 1 }", "{ c = 1, }", "{ c = \"\\e\" }"] {
            let message = |text: &str| {
                let problems = parse(text).unwrap_err().problems;
                (problems[0].message.clone(), problems[0].line)
            };
            let (alone, line) = message(&format!("b = {newer}\n"));
            let n_lines = text.matches('\n').count() + 1;
            let found = message(&format!("a = {text}\nb = {newer}\n"));
            assert_eq!(found, (alone, line.map(|line| line + n_lines)), "{text}");
        }
    }
}

#[test]
fn a_recipe_says_of_its_package_what_the_registry_says() {
    let id = PackageId { ecosystem: "eco".parse().unwrap(), name: "lion".parse().unwrap() };
    let facts = PackageFacts {
        description: "Roars".to_owned(),
        homepage: Some("https://lion.example".to_owned()),
        platforms: vec![Cell::DarwinArm],
        ..PackageFacts::of_commands(id, "1".to_owned(), "eco_install", &["roar".to_owned()])
    };
    let name = RecipeName::nearest("lion");
    let recipe = of_step(&facts, &name, "something".to_owned(), Verify::of_version("roar"));
    let metadata = &recipe.metadata;
    assert_eq!((&*metadata.name, &*metadata.description), ("lion", "Roars"));
    assert_eq!(metadata.homepage, "https://lion.example");
    assert_eq!(metadata.llm_validation, "skipped");
    assert_eq!(
        (&metadata.supported_os[..], &metadata.supported_arch[..]),
        (&["darwin".to_owned()][..], &["arm64".to_owned()][..])
    );
    assert_eq!(recipe.steps.len(), 1);
}

#[test]
fn a_recipe_keeps_its_text_unless_another_verification_was_seen() {
    let made = recipe_of("eco:lion".parse().unwrap(), "roar");
    let commented = GeneratedRecipe { toml: format!("# a comment\n{}", made.toml), ..made };
    let own = recipe::parse(&commented.toml, &[INSTALL]).unwrap().verify;
    let kept = |verify: Option<&Verify>| verified_by(&commented, verify, &[INSTALL]);
    assert_eq!(kept(None), commented.toml);
    assert_eq!(kept(own.as_ref()), commented.toml);
    let seen = Verify::of_version("purr");
    let changed = recipe::parse(&kept(Some(&seen)), &[INSTALL]).unwrap();
    assert_eq!(changed.verify, Some(seen));
    let unreadable = GeneratedRecipe { toml: "x = ".to_owned(), ..commented };
    assert_eq!(verified_by(&unreadable, own.as_ref(), &[INSTALL]), "x = ");
}

#[test]
fn what_a_recipe_stands_for_is_told_by_ecosystem() {
    let with = |key: &str, name: &str| {
        own_rules(&with_metadata(&format!("[metadata.satisfies]\n\"{key}\" = [\"{name}\"]")))
    };
    for key in ["eco", "eco_2", "2", "aliases"] {
        assert_eq!(with(key, "@x/lion+1"), "", "{key}");
    }
    for key in ["Eco", "e-co", "e co"] {
        assert_eq!(with(key, "lion"), format!("metadata.satisfies.{key}"));
    }
    for name in ["", "li on", "lién"] {
        assert_eq!(with("eco", name), "metadata.satisfies.eco[0]", "{name}");
    }
}
