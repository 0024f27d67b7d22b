//! Makes recipes from the documented formats.

use std::{sync::Arc, time::Duration};

use batch_core::{
    decide::recipe as reader,
    io::{Origins, PoliteConfig, PoliteHttp},
    model::{
        Cell, CommandName, Environment, Executables, FailureKind, Finding, InstallStep,
        KnownRecipes, PackageFacts, Recipe,
    },
    plugin::{Missing, Names as _, NativeInstaller as _, RateLimit as _, RecipeBuilder as _},
};
use batch_sim::{Answer, SimClock, SimTransport};
use serde_json::{Map, Value, json};

use crate::{Cask, recipe, registry};

/// A digest that begins with `c`.
fn digest(c: char) -> String {
    c.to_string().repeat(64)
}

/// The cask `x` with an app and a command in it, and `more` fields.
fn cask(more: &Value) -> Value {
    let mut cask = json!({
        "token": "x", "full_token": "x", "old_tokens": [], "name": ["X"], "desc": "Does it",
        "homepage": "https://example.org/", "url": "https://dl.example.org/x-arm64.zip",
        "url_specs": {}, "version": "1.2", "sha256": digest('a'),
        "artifacts": [
            { "uninstall": [{ "quit": "org.example.x" }] },
            { "app": ["X.app"], "target": "/Applications/X.app" },
            { "binary": ["$APPDIR/X.app/Contents/bin/x"], "target": "$HOMEBREW_PREFIX/bin/x" },
            { "zap": [{ "trash": "~/.x" }] },
        ],
        "depends_on": { "macos": {} }, "deprecated": false, "disabled": false, "variations": {},
        "unknown_key": null,
    });
    for (key, value) in more.as_object().unwrap() {
        cask[key] = value.clone();
    }
    cask
}

/// [`cask`] with these artifacts.
fn with(artifacts: &Value) -> Value {
    let mut all = vec![json!({ "app": ["X.app"], "target": "/Applications/X.app" })];
    all.extend(artifacts.as_array().unwrap().clone());
    json!({ "artifacts": all })
}

fn facts(more: &Value) -> PackageFacts {
    registry::facts(&"x".parse().unwrap(), cask(more).to_string().as_bytes()).unwrap()
}

fn build(facts: &PackageFacts) -> Result<Recipe, Missing> {
    Cask.build(facts)
}

/// Checks that the recipe's text contains all of `parts`, and that the strict reader reads the same
/// recipe back.
#[track_caller]
fn check(more: &Value, parts: &[&str]) -> PackageFacts {
    let facts = facts(more);
    let recipe = build(&facts).unwrap();
    let text = recipe.to_toml();
    for part in parts {
        assert!(text.contains(part), "{part:?} is not in\n{text}");
    }
    assert_eq!(reader::parse(&text, &[recipe::STEP]).unwrap(), recipe);
    facts
}

#[track_caller]
fn check_missing(more: &Value, kind: FailureKind, reason: &str) {
    let missing = build(&facts(more)).unwrap_err();
    assert_eq!((missing.kind, &*missing.reason), (kind, reason), "{more}");
}

/// The commands of a cask with these artifacts, and its notes.
#[track_caller]
fn check_commands(artifacts: &Value, expected: &[&str], notes: &[&str]) {
    let facts = check(&with(artifacts), &[]);
    let Executables::Known(names) = &facts.executables else { panic!("{facts:?}") };
    assert!(names.iter().map(CommandName::as_str).eq(expected.iter().copied()), "{names:?}");
    assert_eq!(facts.notes, notes);
}

#[test]
fn an_app_with_a_command_is_installed_and_verified_by_version() {
    let facts = check(
        &json!({}),
        &[
            "name = \"x\"",
            "description = \"Does it\"",
            "homepage = \"https://example.org/\"",
            "supported_os = [\"darwin\"]",
            "[version]\ncask = \"x\"\nsource = \"cask\"",
            "action = \"app_bundle\"\napp_name = \"X.app\"\nbinaries = [\"Contents/bin/x\"]\n\
         checksum = \"{version.checksum}\"\nurl = \"{version.url}\"",
            "command = \"x --version\"\npattern = \"{version}\"",
        ],
    );
    assert_eq!(facts.platforms, [Cell::DarwinArm, Cell::DarwinX86]);
}

#[test]
fn an_app_without_commands_is_verified_by_its_presence() {
    let parts = ["command = \"test -d $TSUKU_HOME/apps/x-*.app\"", "mode = \"output\""];
    check(&with(&json!([])), &parts);
    // No program prints the vendor's build number in its version.
    check(&json!({ "version": "3.0,30000" }), &["x --version", "mode = \"output\""]);
}

#[test]
fn only_formats_that_the_package_manager_unpacks_have_a_recipe() {
    let refused = |more: &Value, why: &str| {
        let reason = format!("x cannot be unpacked by the package manager: {why}");
        check_missing(more, FailureKind::UnsupportedSource, &reason);
    };
    for end in ["x.tar.gz", "x.tbz", "x.pkg", "x", "x.zip?v=1", "latest?platform=mac", "x.ZIP"] {
        let url = format!("https://dl.example.org/{end}");
        refused(&json!({ "url": url }), &format!("{url} ends in neither .zip nor .dmg"));
    }
    let inside = "it is inside another container";
    refused(&json!({ "container": { "nested": "x.dmg" } }), inside);
    refused(&json!({ "container": { "type": "naked" } }), inside);
    let renamed = json!({ "rename": [{ "from": "X*.app", "to": "X.app" }] });
    refused(&renamed, "the app has another name in the download");
    for url in ["https://dl.example.org/x.dmg", "https://dl.example.org/x?file=x.zip"] {
        check(&json!({ "url": url, "container": null, "rename": [] }), &[]);
    }
}

#[test]
fn a_processor_whose_download_cannot_be_unpacked_is_left_out() {
    let other = json!({ "url": "https://dl.example.org/x.pkg", "sha256": digest('b') });
    let facts = check(&json!({ "variations": { "tahoe": other } }), &[]);
    assert_eq!(facts.platforms, [Cell::DarwinArm]);
    let note = "not for darwin-x86_64: cannot be unpacked by the package manager: \
                https://dl.example.org/x.pkg ends in neither .zip nor .dmg";
    assert_eq!(facts.notes, [note]);
}

#[test]
fn a_needed_formula_is_resolved_to_the_recipe_that_satisfies_it() {
    let facts = facts(&json!({ "depends_on": { "formula": ["openssl@3", "y"] } }));
    let missing = build(&facts).unwrap_err();
    assert_eq!(missing.kind, FailureKind::RecipeMissing);
    assert_eq!(missing.blocked_by, facts.runtime_dependencies);
    let mut known = KnownRecipes::default();
    let satisfies = [("homebrew".to_owned(), vec!["openssl@3".to_owned()])].into();
    known.add_named(&"openssl".parse().unwrap(), &satisfies);
    known.add_named(&"y".parse().unwrap(), &[].into());
    let recipe = build(&Cask.resolve(facts, &known)).unwrap();
    assert_eq!(recipe.metadata.runtime_dependencies, ["openssl", "y"]);
    assert_eq!(reader::parse(&recipe.to_toml(), &[recipe::STEP]).unwrap(), recipe);
}

#[test]
fn a_command_has_the_name_of_its_target() {
    let renamed = json!([{ "binary": ["$APPDIR/X.app/Contents/MacOS/X", { "target": "x" }],
        "target": "$HOMEBREW_PREFIX/bin/x" }]);
    check_commands(&renamed, &[], &["x is called X inside the app and is not linked"]);
    let in_table = json!([{ "binary": ["$APPDIR/X.app/bin/x", { "target": "x" }] }]);
    check_commands(&in_table, &["x"], &[]);
    check_commands(&json!([{ "binary": ["X.app/bin/x"] }]), &["x"], &[]);
    check_commands(&json!([{ "binary": "/Applications/X.app/bin/x" }]), &["x"], &[]);
}

#[test]
fn only_targets_in_bin_and_sbin_are_commands() {
    let of = |target: &str| json!([{ "binary": ["$APPDIR/X.app/etc/x"], "target": target }]);
    check_commands(&of("$HOMEBREW_PREFIX/sbin/x"), &["x"], &[]);
    check_commands(&of("/usr/local/bin/x"), &["x"], &[]);
    check_commands(&of("$HOMEBREW_PREFIX/share/zsh/site-functions/_x"), &[], &[]);
    check_commands(&of("$HOMEBREW_PREFIX/etc/bash_completion.d/x"), &[], &[]);
    check_commands(&of("/$HOME/.docker/cli-plugins/x"), &[], &[]);
}

#[test]
fn a_wrapper_that_only_starts_a_program_counts_as_the_program() {
    let wrapper = |settings: &Value| {
        let target = "$HOMEBREW_PREFIX/bin/x";
        json!([{ "command_wrapper": ["x", settings], "target": target }])
    };
    check_commands(&wrapper(&json!({ "executable": "$APPDIR/X.app/Contents/x" })), &["x"], &[]);
    let own = "x is a wrapper with settings of its own and is not linked";
    let settings = json!({ "executable": "$APPDIR/X.app/x", "args": ["-y"] });
    check_commands(&wrapper(&settings), &[], &[own]);
    check_commands(&wrapper(&json!(null)), &[], &[own]);
}

#[test]
fn files_outside_of_the_app_are_not_linked() {
    for path in [
        "$HOMEBREW_PREFIX/share/x/x",
        "bin/x",
        "$APPDIR/Y.app/bin/x",
        "$APPDIR/X.app/../../bin/x",
        "$APPDIR/X.app/",
    ] {
        let artifact = json!([{ "binary": [path], "target": "$HOMEBREW_PREFIX/bin/x" }]);
        check_commands(&artifact, &[], &["x is not inside the app and is not linked"]);
    }
    check_commands(
        &json!([{ "binary": null }]),
        &[],
        &["a binary of an unknown shape is not linked"],
    );
}

#[test]
fn commands_are_sorted_and_named_once() {
    let binary = |path: &str| json!({ "binary": [format!("$APPDIR/X.app/{path}")] });
    let all = json!([binary("b/z"), binary("b/a"), binary("c/a"), binary("b/a")]);
    check_commands(&all, &["a", "z"], &[]);
}

#[test]
fn an_app_may_be_renamed_when_it_is_installed() {
    let artifacts = json!({ "artifacts": [
        { "app": ["X 2.app", { "target": "X.app" }], "target": "/Applications/X.app" },
        { "binary": ["$APPDIR/X.app/bin/x"], "target": "$HOMEBREW_PREFIX/bin/x" },
    ] });
    check(&artifacts, &["app_name = \"X 2.app\"", "binaries = [\"bin/x\"]"]);
    let nested = json!({ "artifacts": [{ "app": ["folder/X.app"] }] });
    check(&nested, &["app_name = \"X.app\""]);
}

#[test]
fn casks_that_run_code_of_the_vendor_are_refused() {
    for (key, value) in [
        ("pkg", json!(["x.pkg"])),
        ("installer", json!([{ "script": { "executable": "x" } }])),
        ("preflight", json!(null)),
        ("postflight", json!(null)),
        ("preflight_steps", json!([{ "steps": [] }])),
        ("postflight_steps", json!([])),
        ("install_steps", json!([])),
        ("some_newer_steps", json!([])),
    ] {
        let reason = format!("x runs code of the vendor's to install: {key}");
        let artifact = json!([{ (key): value }]);
        check_missing(&with(&artifact), FailureKind::UnsupportedSource, &reason);
    }
    // Steps that run at the removal do not matter.
    for key in ["uninstall_preflight", "uninstall_postflight_steps", "uninstall", "zap", "manpage"]
    {
        check(&with(&json!([{ (key): null }])), &["app_name"]);
    }
}

#[test]
fn casks_without_exactly_one_app_are_refused() {
    let refused = |artifacts: Value, reason: &str| {
        let more = json!({ "artifacts": artifacts });
        check_missing(&more, FailureKind::UnsupportedSource, reason);
    };
    refused(json!([{ "font": ["X.ttf"] }, { "zap": [] }]), "x has no app, only font");
    refused(json!([{ "suite": ["X"] }]), "x has no app, only suite");
    refused(json!([{ "binary": ["op"] }]), "x has no app, only binary");
    refused(json!([{ "app": ["X.app"] }, { "app": ["Y.app"] }]), "x has several apps: 2");
    for odd in ["X", ".app", "-X.app", "a\u{1b}.app"] {
        let more = json!({ "artifacts": [{ "app": [odd] }] });
        check_missing(&more, FailureKind::UnsafeName, "x has an app of an odd name");
    }
}

#[test]
fn downloads_that_cannot_be_pinned_are_refused() {
    let unpinned = "x has no checksum, so what is downloaded could not be checked";
    for more in [
        json!({ "sha256": "no_check" }),
        json!({ "sha256": null }),
        json!({ "version": "latest" }),
        json!({ "version": null }),
        json!({ "sha256": "00" }),
    ] {
        check_missing(&more, FailureKind::UnsupportedSource, unpinned);
    }
    let more = json!({ "url": "http://dl.example.org/x.zip" });
    let reason = "x is not downloaded by https: http://dl.example.org/x.zip";
    check_missing(&more, FailureKind::UnsupportedSource, reason);
}

#[test]
fn disabled_and_renamed_casks_are_reported() {
    let more = json!({ "disabled": true, "disable_reason": "discontinued",
        "disable_replacement_cask": "y" });
    check_missing(
        &more,
        FailureKind::PackageNotFound,
        "x is disabled: discontinued; y replaces it",
    );
    let more = json!({ "token": "y", "old_tokens": ["x"] });
    check_missing(&more, FailureKind::PackageNotFound, "x is an old name of y: queue that");
    let other = cask(&json!({ "token": "y" })).to_string();
    assert!(registry::facts(&"x".parse().unwrap(), other.as_bytes()).is_err());
}

#[test]
fn each_processor_gets_its_own_download() {
    let more = json!({ "variations": {
        "sonoma": { "url": "https://dl.example.org/old.zip", "sha256": digest('c') },
        "tahoe": { "url": "https://dl.example.org/x-intel.zip", "sha256": digest('b') },
        "x86_64_linux": { "url": "https://dl.example.org/linux.zip", "sha256": digest('d') },
    } });
    let facts = check(&more, &["supported_os = [\"darwin\"]"]);
    let found: Vec<(&[Cell], &str)> =
        facts.artifacts.iter().map(|it| (&*it.cells, &*it.url)).collect();
    assert_eq!(
        found,
        [
            (&[Cell::DarwinArm][..], "https://dl.example.org/x-arm64.zip"),
            (&[Cell::DarwinX86][..], "https://dl.example.org/x-intel.zip"),
        ]
    );
    assert_eq!(facts.artifacts[1].digest, format!("sha256-{}", digest('b')));
}

#[test]
fn supported_platforms_take_precedence_over_variations() {
    let only = |tags: &[&str]| json!({ "supported_platforms": tags });
    let facts = check(&only(&["arm64_tahoe", "arm64_linux"]), &["supported_arch = [\"arm64\"]"]);
    assert_eq!(facts.platforms, [Cell::DarwinArm]);
    check(&only(&["sonoma", "tahoe"]), &["supported_arch = [\"amd64\"]"]);
    check_missing(&only(&["x86_64_linux"]), FailureKind::NoBottle, "x is not for macOS");
    check_missing(&only(&[]), FailureKind::NoBottle, "x is not for macOS");
    let arch = json!({ "depends_on": { "arch": [{ "type": "intel", "bits": 64 }] } });
    check(&arch, &["supported_arch = [\"amd64\"]"]);
    // An unknown name of a macOS release is treated like the others.
    check(&only(&["arm64_a_newer_one", "a_newer_one"]), &["supported_os = [\"darwin\"]"]);
}

#[test]
fn variations_override_artifacts_versions_and_deprecation() {
    let other = json!({ "variations": { "tahoe": {
        "artifacts": [{ "app": ["Other.app"] }], "version": "1.0" } } });
    let facts = check(&other, &["supported_arch = [\"arm64\"]"]);
    assert_eq!(facts.notes, ["not for darwin-x86_64: it installs something else there"]);
    let disabled = json!({ "variations": { "tahoe": { "disabled": true } } });
    let facts = check(&disabled, &["supported_arch = [\"arm64\"]"]);
    assert_eq!(facts.notes, ["not for darwin-x86_64: is disabled: no reason given"]);
    let older = json!({ "variations": { "tahoe": { "version": "1.1", "sha256": digest('b') } } });
    assert_eq!(check(&older, &[]).version, "1.2");
    let unpinned = json!({ "variations": { "tahoe": { "sha256": null } } });
    assert_eq!(check(&unpinned, &[]).platforms, [Cell::DarwinArm]);
}

#[test]
fn variations_of_old_releases_do_not_affect_the_newest() {
    let old = json!({ "version": "1.1", "url": "https://dl.example.org/old.zip",
        "sha256": digest('b') });
    let more = json!({ "variations": { "monterey": old, "arm64_monterey": old, "catalina": old } });
    let facts = check(&more, &["supported_os = [\"darwin\"]"]);
    assert_eq!(facts.version, "1.2");
    let old = facts.artifacts.iter().filter(|it| it.url.ends_with("old.zip"));
    assert_eq!(old.count(), 0, "{:?}", facts.artifacts);
}

#[test]
fn important_properties_are_noted() {
    let more = json!({ "deprecated": true, "deprecation_reason": "unmaintained",
        "caveats_rosetta": true, "depends_on": { "cask": ["temurin"], "formula": ["jq", "m@4"] } });
    let facts = facts(&more);
    let draft = build(&facts).unwrap_err().draft.unwrap();
    assert_eq!(draft.metadata.runtime_dependencies, ["jq", "m-4"]);
    assert_eq!(
        facts.notes,
        [
            "deprecated: unmaintained",
            "needs Rosetta on Apple's processors",
            "needs the cask temurin",
        ]
    );
}

#[test]
fn texts_of_the_registry_are_made_safe() {
    let more = json!({ "desc": "a\u{1b}[31m\nb\u{202e}", "homepage": "http://example.org/" });
    let recipe = build(&facts(&more)).unwrap();
    assert_eq!((&*recipe.metadata.description, &*recipe.metadata.homepage), ("a[31mb", ""));
    check(&json!({ "desc": null }), &["description = \"X\""]);
    check(&json!({ "desc": null, "name": [] }), &["description = \"x\""]);
}

#[test]
fn equal_answers_in_any_order_make_equal_bytes() {
    let more = json!({ "variations": { "tahoe": { "sha256": digest('b') },
        "sonoma": { "sha256": digest('c') } } });
    let reversed = |value: Value| -> Map<String, Value> {
        let Value::Object(map) = value else { panic!("it is an object") };
        let mut reversed = Map::new();
        for (key, value) in map.into_iter().rev() {
            reversed.insert(key, value);
        }
        reversed
    };
    let mut shuffled = reversed(cask(&more));
    shuffled["variations"] = Value::Object(reversed(shuffled["variations"].clone()));
    let text = Value::Object(shuffled).to_string();
    let shuffled = registry::facts(&"x".parse().unwrap(), text.as_bytes()).unwrap();
    assert_eq!(facts(&more), shuffled);
    assert_eq!(build(&facts(&more)).unwrap().to_toml(), build(&shuffled).unwrap().to_toml());
}

#[test]
fn an_answer_of_another_shape_is_an_error_of_the_registry() {
    for body in ["[]", "{}", "<html>", r#"{"token":"x","artifacts":{}}"#] {
        assert!(registry::facts(&"x".parse().unwrap(), body.as_bytes()).is_err(), "{body}");
    }
}

/// The result of [`Cask`] for a site that gives every request `answer`, and its requests.
fn ask(name: &str, answer: Answer) -> (Result<Option<PackageFacts>, Finding>, Vec<String>) {
    let clock = SimClock::default();
    let always = move |_: &batch_core::io::Request| answer;
    let transport = Arc::new(SimTransport::new(clock.clone(), Duration::ZERO, always));
    let cache = tempfile::tempdir().unwrap();
    let port = Arc::new(clock.clone());
    let quotas = Cask.quotas().iter().copied();
    let http = PoliteHttp::new(PoliteConfig::new(port, transport.clone(), quotas, cache.path()));
    let facts = clock.run(Cask.inspect(&http, &Cask.normalise(name).unwrap()));
    let asked = transport.sent().into_iter().map(|sent| sent.url).collect();
    (facts.map_err(|error| error.finding()), asked)
}

#[test]
fn one_address_is_requested_and_a_missing_cask_is_reported() {
    for status in [404, 410, 451] {
        let (facts, asked) = ask("X@beta", (status, &[], "<!DOCTYPE html>"));
        assert_eq!(facts.unwrap(), None, "{status}");
        assert_eq!(asked, ["https://formulae.brew.sh/api/cask/x@beta.json"], "{status}");
    }
}

#[test]
fn a_site_that_does_not_answer_is_never_taken_for_a_missing_cask() {
    let html = &[("content-type", "text/html; charset=utf-8")];
    for (answer, kind) in [
        ((429, &[] as &[_], "slow down"), FailureKind::RateLimited),
        ((429, html, "<!DOCTYPE html>not found"), FailureKind::RateLimited),
        ((403, &[("retry-after", "1")], "not found"), FailureKind::RateLimited),
        ((403, html, "<html>Attention Required!</html>"), FailureKind::RateLimited),
        ((200, html, "<html>Too many requests</html>"), FailureKind::RateLimited),
        (
            (200, html, "<!DOCTYPE html><title>404 Not Found</title>"),
            FailureKind::UnexpectedResponse,
        ),
        ((200, &[], "not found"), FailureKind::UnexpectedResponse),
        ((200, &[], ""), FailureKind::UnexpectedResponse),
        ((403, &[], "not found"), FailureKind::AuthRequired),
        ((500, &[], "404 not found"), FailureKind::UpstreamUnavailable),
        ((503, html, "<html>404 not found</html>"), FailureKind::UpstreamUnavailable),
    ] {
        let finding = ask("x", answer).0.unwrap_err();
        assert_eq!(finding.kind, kind, "{answer:?}");
        assert_eq!(finding.service.as_deref(), Some("formulae.brew.sh"), "{answer:?}");
    }
}

#[test]
fn texts_like_errors_in_a_cask_are_not_errors() {
    let more = json!({ "desc": "429 too many requests, rate limit, 404 not found" });
    let body = cask(&more).to_string().leak();
    let (facts, asked) = ask("x", (200, &[("content-type", "application/json")], body));
    assert_eq!((facts.unwrap().unwrap(), asked.len()), (self::facts(&more), 1));
}

#[test]
fn an_app_is_installed_on_macos_only() {
    let plan = |facts: &PackageFacts, environment| {
        let recipe = build(facts).unwrap();
        Cask.install(&recipe, facts, environment, &Origins::default())
    };
    let zip = facts(&json!({}));
    let on_mac = plan(&zip, Environment::MacArm);
    assert_eq!(on_mac.bin_dirs, ["apps/X.app/Contents/bin"]);
    assert!(matches!(&on_mac.steps[0], InstallStep::Fetch { artifact, .. }
        if artifact.url.ends_with("x-arm64.zip")));
    let image = facts(&json!({ "url": "https://dl.example.org/x.dmg" }));
    let program = |step: &InstallStep| {
        let InstallStep::Run { argv, network: false, .. } = step else { return None };
        argv.first().cloned()
    };
    let plan = |environment| plan(&image, environment).steps;
    let programs: Vec<String> = plan(Environment::MacX86).iter().filter_map(program).collect();
    assert_eq!(programs, ["/usr/bin/hdiutil", "/usr/bin/ditto", "/usr/bin/hdiutil"]);
    // Elsewhere the plan has only the check for the app, which cannot pass.
    let elsewhere = plan(Environment::DebianX86);
    assert!(matches!(&*elsewhere, [InstallStep::Present { paths, .. }] if paths[0] == "X.app"));
}
