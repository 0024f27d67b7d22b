//! The strict reader: one valid recipe of each kind, and errors after single changes.

use batch_core::{
    decide::recipe::{self, RecipeError},
    model::{ActionShape, KnownRecipes, Recipe, Versions},
};

const OWN: &[ActionShape] = &[ActionShape::of_commands("eco_install")
    .with_implied_dependencies(&["eco"])
    .versioned(Versions::Inferred("eco"))];

const TOOL: &str = r#"[metadata]
name = "a-tool"
description = "Does things"
homepage = "https://tool.example/"
runtime_dependencies = ["libfoo"]
llm_validation = "skipped"
binaries = ["bin/a-tool"]
supported_os = ["linux"]
supported_libc = ["glibc"]
unsupported_platforms = ["linux/arm64"]

[metadata.satisfies]
aliases = ["tool"]

[version]
github_repo = "x/a-tool"

[[steps]]
action = "eco_install"
executables = ["a-tool", "a-tool-2"]
package = "@x/a-tool"

[[steps]]
action = "download_archive"
url = "https://tool.example/{version}"
sha256 = "0000000000000000000000000000000000000000000000000000000000000000"
phase = "post-install"

[steps.when]
os = ["linux"]
arch = "amd64"
libc = ["glibc"]
linux_family = "debian"

[verify]
command = "a-tool --version"
pattern = "{version}"
exit_code = 0
"#;

const LIBRARY: &str = r#"[metadata]
name = "libfoo"
description = "Is linked"
type = "library"

[[steps]]
action = "install_binaries"
install_mode = "directory"
outputs = ["lib/libfoo.so", "include/foo.h"]
"#;

fn parse(text: &str) -> Result<Recipe, RecipeError> {
    recipe::parse(text, OWN)
}

/// Checks that `recipe` with `from` replaced by `to` has exactly one problem: at `field`, at the
/// line of `marker`.
#[track_caller]
fn refuse(recipe: &str, from: &str, to: &str, field: &str) {
    assert!(recipe.contains(from), "{from:?} is not in the recipe");
    let mutated = recipe.replacen(from, to, 1);
    let error = parse(&mutated).expect_err(to);
    let fields: Vec<&str> = error.problems.iter().map(|problem| &*problem.field).collect();
    assert_eq!(fields, [field], "{to:?}: {error}");
}

#[test]
fn valid_recipes_are_accepted() {
    assert_eq!(parse(TOOL).unwrap().steps.len(), 2);
    assert_eq!(parse(LIBRARY).unwrap().metadata.kind, "library");
    let tested_library = format!("{LIBRARY}\n[verify]\ncommand = \"ls lib\"\n");
    assert!(parse(&tested_library).unwrap().verify.is_some());
    let script =
        TOOL.replace("\"download_archive\"", "\"run_command\"\ncommand = \"\"\"\nmake\n\"\"\"");
    assert_eq!(parse(&script).unwrap().steps[1].action, "run_command");
}

#[test]
fn the_metadata_is_strict() {
    for (from, to, field) in [
        ("name = \"a-tool\"\n", "", "metadata.name"),
        ("\"a-tool\"\n", "\"A-Tool\"\n", "metadata.name"),
        ("\"a-tool\"\n", "\"../tool\"\n", "metadata.name"),
        ("\"a-tool\"\n", "\"a tool\"\n", "metadata.name"),
        ("\"a-tool\"\n", "\"-tool\"\n", "metadata.name"),
        ("\"a-tool\"\n", "7\n", "metadata.name"),
        ("description = \"Does things\"\n", "", "metadata.description"),
        ("Does things", " ", "metadata.description"),
        ("Does things", "Does\\nthings", "metadata.description"),
        ("Does things", "Does \\u001b[31mthings", "metadata.description"),
        ("Does things", "Does \\u202esgniht", "metadata.description"),
        ("https://tool.example/\"", "http://tool.example/\"", "metadata.homepage"),
        ("https://tool.example/\"", "https://\"", "metadata.homepage"),
        ("https://tool.example/\"", "https://tool.example/ x\"", "metadata.homepage"),
        ("https://tool.example/\"", "https://t.example/#javascript:x\"", "metadata.homepage"),
        ("llm_validation = \"skipped\"", "llm_validation = \"done\"", "metadata.llm_validation"),
        ("llm_validation = \"skipped\"", "type = \"plugin\"", "metadata.type"),
        ("llm_validation = \"skipped\"", "tier = 4", "metadata.tier"),
        ("llm_validation = \"skipped\"", "curated = \"yes\"", "metadata.curated"),
        ("llm_validation = \"skipped\"", "version_format = \"x\"", "metadata.version_format"),
        ("llm_validation = \"skipped\"", "licence = \"MIT\"", "metadata.licence"),
        ("[\"libfoo\"]", "[\"lib/foo\"]", "metadata.runtime_dependencies[0]"),
        ("[\"libfoo\"]", "[\"a\", \"a\"]", "metadata.runtime_dependencies[1]"),
        ("[\"libfoo\"]", "\"libfoo\"", "metadata.runtime_dependencies"),
        ("[\"bin/a-tool\"]", "[\"/bin/a-tool\"]", "metadata.binaries[0]"),
        ("[\"bin/a-tool\"]", "[\"bin/../../a-tool\"]", "metadata.binaries[0]"),
        ("[\"tool\"]", "[\"a tool\"]", "metadata.satisfies.aliases[0]"),
        ("aliases", "Aliases", "metadata.satisfies.Aliases"),
    ] {
        refuse(TOOL, from, to, field);
    }
}

#[test]
fn constraints_are_of_one_vocabulary_and_do_not_contradict() {
    for (from, to, field) in [
        (
            "[\"linux\"]\nsupported_libc",
            "[\"linux\", \"windows\"]\nsupported_libc",
            "metadata.supported_os[1]",
        ),
        ("supported_os = [\"linux\"]", "supported_os = \"linux\"", "metadata.supported_os"),
        (
            "[\"linux\"]\nsupported_libc",
            "[\"linux\", \"linux\"]\nsupported_libc",
            "metadata.supported_os[1]",
        ),
        ("[\"glibc\"]\nunsupported", "[\"uclibc\"]\nunsupported", "metadata.supported_libc[0]"),
        (
            "supported_libc",
            "supported_arch = [\"amd64\", \"arm64\", \"x86_64\"]\nsupported_libc",
            "metadata.supported_arch[2]",
        ),
        ("[\"linux/arm64\"]", "[\"linux\"]", "metadata.unsupported_platforms[0]"),
        ("[\"linux/arm64\"]", "[\"darwin/arm64/musl\"]", "metadata.unsupported_platforms[0]"),
        ("[\"linux/arm64\"]", "[\"linux/arm64/glibc/x\"]", "metadata.unsupported_platforms[0]"),
        ("[\"linux/arm64\"]", "[\"darwin/arm64\"]", "metadata.unsupported_platforms[0]"),
        ("[\"linux/arm64\"]", "[\"linux/amd64/musl\"]", "metadata.unsupported_platforms[0]"),
        ("[\"linux/arm64\"]", "[\"linux/arm64\", \"linux/amd64\"]", "metadata"),
    ] {
        refuse(TOOL, from, to, field);
    }
}

#[test]
fn steps_are_strict() {
    for (from, to, field) in [
        ("\"eco_install\"", "\"other_install\"", "steps[0].action"),
        ("action = \"eco_install\"\n", "", "steps[0].action"),
        ("package = \"@x/a-tool\"\n", "", "steps[0].package"),
        ("\"@x/a-tool\"", "\"\"", "steps[0].package"),
        ("\"@x/a-tool\"", "\"a\\u0007b\"", "steps[0].package"),
        ("[\"a-tool\", \"a-tool-2\"]", "[]", "steps[0].executables"),
        ("[\"a-tool\", \"a-tool-2\"]", "[\"../a-tool\"]", "steps[0].executables[0]"),
        ("[\"a-tool\", \"a-tool-2\"]", "[\"a\", \"/usr/bin/b\"]", "steps[0].executables[1]"),
        ("[\"a-tool\", \"a-tool-2\"]", "[\"a\\\\b\"]", "steps[0].executables[0]"),
        ("[\"a-tool\", \"a-tool-2\"]", "[\"--help\"]", "steps[0].executables[0]"),
        ("[\"a-tool\", \"a-tool-2\"]", "[1]", "steps[0].executables[0]"),
        ("url = \"https:", "url = \"http:", "steps[1].url"),
        ("url = \"https://tool.example/{version}\"\n", "", "steps[1].url"),
        ("sha256 = \"00", "sha256 = \"0", "steps[1].sha256"),
        ("\"post-install\"", "\"later\"", "steps[1].phase"),
        ("phase = \"post-install\"", "dest = \"../x\"", "steps[1].dest"),
        ("os = [\"linux\"]\narch", "os = [\"plan9\"]\narch", "steps[1].when.os[0]"),
        ("arch = \"amd64\"", "arch = \"x86_64\"", "steps[1].when.arch"),
        ("arch = \"amd64\"", "arch = [\"amd64\", \"arm64\"]", "steps[1].when.arch"),
        ("arch = \"amd64\"", "cpu = \"amd64\"", "steps[1].when.cpu"),
        ("arch = \"amd64\"", "gpu = [\"voodoo\"]", "steps[1].when.gpu[0]"),
        ("arch = \"amd64\"", "package_manager = \"a b\"", "steps[1].when.package_manager"),
        ("arch = \"amd64\"", "platform = [\"linux/amd64\"]", "steps[1].when.platform"),
        ("libc = [\"glibc\"]\nlinux", "libc = [\"bionic\"]\nlinux", "steps[1].when.libc[0]"),
        ("\"debian\"", "\"ubuntu\"", "steps[1].when.linux_family"),
    ] {
        refuse(TOOL, from, to, field);
    }
    refuse(LIBRARY, "outputs = [\"lib/libfoo.so\"", "outputs = [\"/lib/x\"", "steps[0].outputs[0]");
    let no_steps = &LIBRARY[..LIBRARY.find("[[steps]]").unwrap()];
    assert_eq!(parse(no_steps).unwrap_err().problems[0].field, "steps");
}

#[test]
fn a_tool_is_verified_by_a_harmless_command() {
    for (from, to, field) in [
        ("command = \"a-tool --version\"\n", "", "verify.command"),
        ("a-tool --version", " ", "verify.command"),
        ("a-tool --version", "rm -r x", "verify.command"),
        ("a-tool --version", "a-tool || true", "verify.command"),
        ("a-tool --version", "a-tool $(id)", "verify.command"),
        ("a-tool --version", "a-tool | sh", "verify.command"),
        ("a-tool --version", "a-tool;eval x", "verify.command"),
        ("a-tool --version", "a-tool\\nid", "verify.command"),
        ("\"{version}\"", "\"a-tool\"", "verify.pattern"),
        ("pattern = \"{version}\"", "mode = \"functional\"", "verify.mode"),
        ("pattern = \"{version}\"", "mode = \"output\"", "verify.reason"),
        ("pattern = \"{version}\"", "patterns = []", "verify.patterns"),
        ("pattern = \"{version}\"", "patterns = [\"{version}\", \"\"]", "verify.patterns"),
        ("exit_code = 0", "patterns = [\"{version}\"]", "verify.patterns"),
        ("exit_code = 0", "exit_code = 256", "verify.exit_code"),
        ("exit_code = 0", "exit_code = \"0\"", "verify.exit_code"),
        ("exit_code = 0", "timeout = 1", "verify.timeout"),
        ("exit_code = 0", "additional = [{ command = \"x\" }]", "verify.additional[0].pattern"),
    ] {
        refuse(TOOL, from, to, field);
    }
    let unverified = &TOOL[..TOOL.find("[verify]").unwrap()];
    assert_eq!(parse(unverified).unwrap_err().problems[0].field, "verify");
}

#[test]
fn texts_that_are_not_recipes_are_refused_with_the_line() {
    for (from, to, line) in [
        ("description = ", "description ", 3),
        ("[metadata]", "[metadata", 1),
        ("name = \"a-tool\"", "name = \"a-tool\"\nname = \"b\"", 3),
        ("[version]", "[packages]\nx = 1\n[version]", 15),
        ("[version]", "[version]\nnumber = 1", 16),
        ("[version]", "[version]\nurl = \"ftp://x\"", 16),
    ] {
        let error = parse(&TOOL.replacen(from, to, 1)).expect_err(to);
        assert_eq!(error.problems.len(), 1, "{error}");
        assert_eq!(error.problems[0].line, Some(line), "{to:?}: {error}");
    }
    assert!(parse("").is_err());
}

#[test]
fn all_problems_are_reported_together() {
    let text = TOOL
        .replacen("\"a-tool\"", "\"A\"", 1)
        .replacen("https://", "http://", 1)
        .replace("amd64\"", "mips\"");
    let error = parse(&text).unwrap_err();
    let problems: Vec<String> = error.problems.iter().map(ToString::to_string).collect();
    assert_eq!(problems.len(), 3);
    assert!(problems[0].starts_with("line 2: metadata.name must be"), "{problems:?}");
    assert!(problems[1].starts_with("line 4: metadata.homepage must"), "{problems:?}");
    assert_eq!(problems[2], "line 31: steps[1].when.arch must be amd64 or arm64");
    assert!(error.to_string().ends_with("(and 2 more)"));
}

#[test]
fn a_written_recipe_is_read_back_and_written_identically() {
    for text in [TOOL, LIBRARY] {
        let recipe = parse(text).unwrap();
        let written = recipe.to_toml();
        assert_eq!(parse(&written).unwrap(), recipe);
        assert_eq!(parse(&written).unwrap().to_toml(), written);
    }
}

/// The package manager accepts these, but this program never writes them.
#[test]
fn house_rules_are_for_recipes_of_this_program() {
    for (from, to) in [
        ("\"a-tool\"\n", "\"a..tool\"\n"),
        ("\"a-tool\"\n", "\"a-tool@3\"\n"),
        ("Does things", " "),
        ("Does things", "Does\\nthings"),
        ("Does things", "Does \\u001b[31mthings"),
        ("https://tool.example/\"", "https://tool.example/ x\""),
        ("llm_validation = \"skipped\"", "tier = 9"),
        ("llm_validation = \"skipped\"", "version_format = \"x\""),
        ("[\"libfoo\"]", "[\"a-tool\"]"),
        ("[\"bin/a-tool\"]", "[\"/bin/a-tool\"]"),
        ("[\"tool\"]", "[\"a tool\"]"),
        ("[\"a-tool\", \"a-tool-2\"]", "[]"),
        ("[\"a-tool\", \"a-tool-2\"]", "[1]"),
        ("[\"a-tool\", \"a-tool-2\"]", "\"a b\""),
        ("\"post-install\"", "\"later\""),
        ("os = [\"linux\"]\narch", "os = [\"plan9\"]\narch"),
        ("exit_code = 0", "exit_code = -1"),
        ("exit_code = 0", "version_format = \"loose\""),
        ("exit_code = 0", "timeout = 1"),
        ("llm_validation = \"skipped\"", "licence = \"MIT\""),
        ("[version]", "[extra]\nx = 1\n[version]"),
    ] {
        assert!(TOOL.contains(from), "{from:?} is not in the recipe");
        let text = TOOL.replacen(from, to, 1);
        assert!(parse(&text).is_err() || to == "\"a b\"", "{to}");
        if let Err(error) = recipe::read(&text, OWN) {
            panic!("{to}: {error}");
        }
    }
}

/// Neither accepts these, in addition to the errors above.
#[test]
fn the_package_manager_and_the_reader_refuse_the_same() {
    for (from, to, field) in [
        ("[\"libfoo\"]", "[\"libfoo@3\"]", "metadata.runtime_dependencies[0]"),
        ("[\"libfoo\"]", "[\"a..b\"]", "metadata.runtime_dependencies[0]"),
        ("[\"libfoo\"]", "[\"gtk+3\"]", "metadata.runtime_dependencies[0]"),
        ("[\"libfoo\"]", "[\"libfoo\", \"eco\"]", "metadata.runtime_dependencies[1]"),
        ("github_repo = \"x/a-tool\"", "source = \"eco\"", "version"),
        ("github_repo = \"x/a-tool\"", "source = \"foo\"", "version.source"),
        ("github_repo = \"x/a-tool\"", "source = \"hashicorp:x\"", "version.source"),
        ("github_repo = \"x/a-tool\"", "source = \"github_tags\"", "version.github_repo"),
        ("github_repo = \"x/a-tool\"", "github_repo = \"x\"", "version.github_repo"),
        (
            "github_repo = \"x/a-tool\"",
            "source = \"http_json\"\nversion_path = \"v\"",
            "version.url",
        ),
        (
            "phase = \"post-install\"",
            "fallback_urls = \"https://x.example\"",
            "steps[1].fallback_urls",
        ),
        ("\"download_archive\"", "\"set_envs\"", "steps[1].action"),
        ("a-tool --version", "curl | x", "verify.command"),
        ("a-tool --version", "wget | x", "verify.command"),
        ("Does things", "Does \\x41", ""),
        ("supported_libc", "suported_libc", "metadata.suported_libc"),
        ("exit_code = 0", "exitcode = 0", "verify.exitcode"),
        ("[version]", "[versions]", "versions"),
    ] {
        refuse(TOOL, from, to, field);
        let text = TOOL.replacen(from, to, 1);
        assert!(recipe::read(&text, OWN).is_err(), "{to}");
    }
    for (from, to, field) in [
        ("outputs = [", "binaries = [\"bin/x\"]\noutputs = [", "steps[0].outputs"),
        ("[[steps]]", "[[steps]]\naction = \"set_env\"\nvars = []\n\n[[steps]]", "steps[0].action"),
        (
            "[\"lib/libfoo.so\", \"include/foo.h\"]\n",
            "[\"lib/x\"]\n[[verify.additional]]\ncommand = \"x\"\npattern = \"y\"\n",
            "verify.additional",
        ),
    ] {
        let text = LIBRARY.replacen(from, to, 1);
        let error = recipe::read(&text, OWN).expect_err(to);
        assert_eq!(error.problems[0].field, field, "{error}");
    }
}

#[test]
fn a_dependency_without_a_recipe_is_reported_if_the_recipes_are_known() {
    let mut known = KnownRecipes::default();
    let fields = |known: &KnownRecipes| -> Vec<String> {
        let problems = recipe::check(TOOL, OWN, Some(known));
        problems.into_iter().map(|problem| problem.field).collect()
    };
    assert_eq!(fields(&known), ["metadata.runtime_dependencies[0]"]);
    known.add_named(&"libfoo".parse().unwrap(), &[].into());
    assert_eq!(fields(&known), [""; 0]);
    assert_eq!(recipe::check(TOOL, OWN, None), []);
}

#[test]
fn a_download_changes_with_the_version_and_is_checked() {
    let step = "action = \"download_archive\"\nurl = \"https://tool.example/{version}\"";
    for (to, field) in [
        (
            "url = \"https://x.example/a\"\nchecksum_url = \"https://x.example/{version}\"",
            "steps[1].url",
        ),
        (
            "url = \"https://x.example/1.2.3/{os}\"\nsignature_url = \"https://x.example/\"",
            "steps[1].url",
        ),
        ("url = \"https://x.example/{version}\"", "steps[1]"),
    ] {
        refuse(TOOL, step, &format!("action = \"download\"\n{to}"), field);
    }
}

/// Recipes, changed at random. `core/fuzz/README.md` says how to search for longer.
#[test]
fn fuzz_recipe() {
    let words = ["[[steps]]", "[verify]", "{version}", "\"\"\"", "'''", "= ", "[a.b]"];
    batch_fuzz::run("recipe", &[TOOL], &words, |input| {
        let Ok(text) = std::str::from_utf8(input) else { return };
        let _ = recipe::read(text, OWN);
        if let Ok(read) = recipe::parse(text, OWN) {
            assert_eq!(recipe::parse(&read.to_toml(), OWN).unwrap(), read, "{text}");
        }
    });
}
