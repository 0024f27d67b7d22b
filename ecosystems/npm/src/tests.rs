//! Makes recipes from recorded formats, with the real checks of requests: a request to a host that
//! the plugin does not declare would be refused.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use batch_core::{
    decide::recipe as reader,
    io::{Origins, PoliteConfig, PoliteHttp, Request},
    model::{
        Cell, CommandName, Environment, FailureKind, InstallStep, PackageFacts, PackageKind,
        Parameter, Recipe,
    },
    plugin::{Names as _, NativeInstaller as _, RateLimit as _, RecipeBuilder as _, SourceError},
};
use batch_sim::{Answer, SimClock, SimTransport};

use crate::{Npm, recipe};

const GONE: Answer = (404, &[], r#"{"error":"Not found"}"#);
const DIST: &str = r#""dist":{"tarball":"https://registry.npmjs.org/t.tgz","integrity":"sha512-x",
    "shasum":"00","fileCount":3,"signatures":[]}"#;

/// The result of [`Npm`] for a registry in which `answer` maps paths to answers, and the requested
/// paths.
fn ask(
    name: &str,
    answer: impl Fn(&str) -> Answer + Send + Sync + 'static,
) -> (Result<Option<PackageFacts>, SourceError>, Vec<String>) {
    let clock = SimClock::default();
    let by_path = move |request: &Request| answer(request.url.path());
    let transport = Arc::new(SimTransport::new(clock.clone(), Duration::ZERO, by_path));
    let quotas = Npm.quotas().iter().copied();
    let cache = tempfile::tempdir().unwrap();
    let clock_port = Arc::new(clock.clone());
    let http =
        PoliteHttp::new(PoliteConfig::new(clock_port, transport.clone(), quotas, cache.path()));
    let facts = clock.run(Npm.inspect(&http, &name.parse().unwrap()));
    let asked = transport.sent().into_iter().map(|sent| sent.url).collect();
    (facts, asked)
}

/// The manifest of `name`, with `more` fields.
fn manifest(name: &str, version: &str, more: &str) -> &'static str {
    let more = if more.is_empty() { String::new() } else { format!("{more},") };
    let text = format!(r#"{{"name":"{name}","version":"{version}",{more}{DIST}}}"#);
    Box::leak(text.into_boxed_str())
}

pub(crate) fn facts(name: &str, more: &str) -> PackageFacts {
    let body = manifest(name, "1.2.3", more);
    ask(name, move |_| (200, &[], body)).0.unwrap().unwrap()
}

fn read(recipe: &Recipe) -> Result<Recipe, reader::RecipeError> {
    reader::parse(&recipe.to_toml(), &[recipe::STEP])
}

/// Checks that a package with `fields` becomes a recipe whose text contains all of `parts`, and
/// which the strict reader reads back unchanged.
#[track_caller]
fn check_recipe(name: &str, fields: &str, parts: &[&str]) {
    let recipe = Npm.build(&facts(name, fields)).unwrap();
    let text = recipe.to_toml();
    for part in parts {
        assert!(text.contains(part), "{part:?} is not in\n{text}");
    }
    assert_eq!(read(&recipe).unwrap(), recipe);
    assert_eq!(read(&recipe).unwrap().to_toml(), text);
}

const CLI: &str = r#""bin":{"x":"cli.js"}"#;

/// Name, fields of the manifest, and what the recipe says.
const SHAPES: &[(&str, &str, &[&str])] = &[
    (
        "prettier",
        r#""bin":"./bin/prettier.cjs","description":"Formats","homepage":"https://prettier.io""#,
        &[
            "name = \"prettier\"",
            "description = \"Formats\"",
            "homepage = \"https://prettier.io\"",
            "executables = [\"prettier\"]",
            "command = \"prettier --version\"",
            "pattern = \"{version}\"",
        ],
    ),
    (
        "@angular/cli",
        r#""bin":{"ng":"bin/ng.js"}"#,
        &[
            "name = \"angular-cli\"",
            "package = \"@angular/cli\"",
            "executables = [\"ng\"]",
            "command = \"ng --version\"",
        ],
    ),
    ("@scope/tool", r#""bin":"cli.js""#, &["name = \"scope-tool\"", "executables = [\"tool\"]"]),
    (
        "JSONStream",
        r#""bin":"./bin.js""#,
        &["name = \"jsonstream\"", "package = \"JSONStream\"", "executables = [\"JSONStream\"]"],
    ),
    (
        "npm-check-updates",
        r#""bin":{"ncu":"build/cli.js","npm-check-updates":"build/cli.js"}"#,
        &[
            "executables = [\"npm-check-updates\", \"ncu\"]",
            "command = \"npm-check-updates --version\"",
        ],
    ),
    (
        "typescript",
        r#""bin":{"tsserver":"./bin/tsserver","tsc":"./bin/tsc"}"#,
        &["executables = [\"tsc\", \"tsserver\"]", "command = \"tsc --version\""],
    ),
    ("x", r#""bin":["./bin/b","./bin/a"]"#, &["executables = [\"a\", \"b\"]"]),
    ("x", r#""bin":{"../../x":"cli.js","empty":""}"#, &["executables = [\"x\"]"]),
    ("x", r#""bin":{"x":"cli.js"},"directories":{"bin":"./other"}"#, &["executables = [\"x\"]"]),
    ("x", CLI, &["description = \"x from the npm registry\"", "llm_validation = \"skipped\""]),
    ("x", r#""bin":{"x":"cli.js"},"description":"one\ntwo \u001b[1m""#, &["description = \"one\""]),
    ("x", r#""bin":{"x":"cli.js"},"description":["no","text"]"#, &["x from the npm registry"]),
    ("x", r#""bin":{"x":"cli.js"},"description":"say \"hi\" \\o/ '''""#, &["hi"]),
    (
        "x",
        r#""bin":{"x":"cli.js"},"os":["darwin","linux"],"cpu":["x64"]"#,
        &["supported_arch = [\"amd64\"]"],
    ),
    ("x", r#""bin":{"x":"cli.js"},"os":["!win32"]"#, &[]),
    (
        "x",
        r#""bin":{"x":"cli.js"},"os":"linux","libc":["glibc"]"#,
        &["supported_os = [\"linux\"]", "supported_libc = [\"glibc\"]"],
    ),
    (
        "x",
        r#""bin":{"x":"cli.js"},"license":{"type":"MIT"},"repository":["a"],"engines":["node"]"#,
        &["[metadata]"],
    ),
];

#[test]
fn documented_shapes_become_recipes() {
    for (name, fields, parts) in SHAPES {
        check_recipe(name, fields, parts);
    }
}

#[test]
fn only_a_homepage_by_https_is_kept() {
    for (homepage, kept) in [
        (r#""https://x.example/#readme""#, true),
        (r#""http://x.example/""#, false),
        (r#""HTTPS://x.example/""#, false),
        (r#""https://""#, false),
        (r#""https://x.example/ y""#, false),
        (r#""javascript:alert(1)""#, false),
        (r#""https://x.example/?q=javascript:alert(1)""#, false),
        (r#"["https://x.example/"]"#, false),
        ("null", false),
        (r#"null,"repository":"git+https://github.com/x/x.git""#, true),
        (r#""http://x.example/","repository":{"type":"git","url":"git@github.com:x/x"}"#, true),
        (r#"null,"repository":"javascript:alert(1)""#, false),
    ] {
        let facts = facts("x", &format!(r#""bin":"x","homepage":{homepage}"#));
        assert_eq!(facts.homepage.is_some(), kept, "{homepage}");
        assert!(read(&Npm.build(&facts).unwrap()).is_ok(), "{homepage}");
    }
}

#[test]
fn important_properties_are_noted() {
    for (fields, note) in [
        (r#""deprecated":"use y""#, "deprecated: use y"),
        (r#""deprecated":false"#, ""),
        (r#""deprecated":"""#, ""),
        (r#""scripts":{"postinstall":"node get.js"}"#, "has scripts for its installation"),
        (r#""hasInstallScript":true"#, "has scripts for its installation"),
        (r#""scripts":{"test":"x","prepare":"y"}"#, ""),
    ] {
        let facts = facts("x", &format!(r#""bin":"x",{fields}"#));
        assert!(Npm.build(&facts).is_ok(), "{fields}");
        let expected = usize::from(!note.is_empty());
        assert_eq!(facts.notes.len(), expected, "{fields}: {:?}", facts.notes);
        assert!(facts.notes.iter().all(|it| it.starts_with(note)), "{:?}", facts.notes);
    }
    let body = manifest("x", "2.0.0-rc.1", r#""bin":"x""#);
    let prerelease = ask("x", move |_| (200, &[], body)).0.unwrap().unwrap();
    assert_eq!(prerelease.notes, ["the newest version 2.0.0-rc.1 is a prerelease"]);
    assert_eq!(prerelease.version, "2.0.0-rc.1");
}

#[test]
fn packages_without_a_recipe_state_the_reason() {
    for (fields, kind, reason) in [
        (r#""main":"index.js""#, FailureKind::LibraryOnly, "x 1.2.3 links no command"),
        (r#""directories":{"bin":"./bin"}"#, FailureKind::LibraryOnly, "x 1.2.3 links no command"),
        (
            r#""bin":{"a b":"cli.js","x":"x.js"}"#,
            FailureKind::UnsafeName,
            "invalid command name \"a b\"",
        ),
        (
            r#""bin":{"x":"x.js","-rf":"x.js"}"#,
            FailureKind::UnsafeName,
            "invalid command name \"-rf\"",
        ),
        (
            r#""bin":"x","os":["win32"]"#,
            FailureKind::NoBottle,
            "x 1.2.3 supports neither linux nor macOS here",
        ),
    ] {
        let missing = Npm.build(&facts("x", fields)).unwrap_err();
        assert_eq!((missing.kind, &*missing.reason), (kind, reason));
    }
    let facts = facts("x", r#""directories":{"bin":"./bin"}"#);
    assert_eq!(facts.kind, PackageKind::Library);
    assert!(facts.notes[0].contains("does not link"));
}

#[test]
fn facts_contain_the_download_and_its_cells() {
    let anywhere = facts("x", r#""bin":"x""#);
    assert_eq!((&*anywhere.artifacts[0].digest, &*anywhere.platforms), ("sha512-x", &[][..]));
    let mac = facts("x", r#""bin":"x","os":["darwin"]"#);
    assert_eq!(mac.platforms, [Cell::DarwinArm, Cell::DarwinX86]);
    assert_eq!(mac.artifacts[0].cells, mac.platforms);
    let old = r#"{"name":"x","version":"0.1.0","bin":"x","dist":{"tarball":"https://registry.npmjs.org/t.tgz","shasum":"ab"}}"#;
    let old = ask("x", move |_| (200, &[], old)).0.unwrap().unwrap();
    assert_eq!(old.artifacts[0].digest, "sha1-ab");
}

#[test]
fn a_name_is_asked_for_as_one_segment() {
    let (_, asked) = ask("@angular/cli", |_| GONE);
    assert_eq!(asked[0], "https://registry.npmjs.org/@angular%2Fcli/latest");
    assert_eq!(asked[1], "https://registry.npmjs.org/@angular%2Fcli");
}

#[test]
fn packages_that_cannot_be_installed_count_as_missing() {
    let held = manifest("x", "0.0.1-security", r#""description":"security holding package""#);
    for (answer, n_asked) in [
        (GONE, 2),
        ((410, &[][..], ""), 2),
        ((401, &[], r#"{"error":"private"}"#), 1),
        ((402, &[], r#""pay""#), 1),
        ((403, &[], r#"{"error":"blocked"}"#), 1),
        ((451, &[], r#"{"error":"legal"}"#), 1),
        ((200, &[], held), 1),
    ] {
        let (facts, asked) = ask("x", move |_| answer);
        assert_eq!(facts.unwrap(), None, "{answer:?}");
        assert_eq!(asked.len(), n_asked, "{answer:?}");
    }
}

#[test]
fn without_a_latest_version_the_list_decides() {
    let list = |versions: &'static str| {
        move |path: &str| match path {
            "/x" => (200, &[][..], versions),
            "/x/1.10.0" => (200, &[][..], manifest("x", "1.10.0", r#""bin":"x""#)),
            _ => GONE,
        }
    };
    let tagged_otherwise = r#"{"name":"x","dist-tags":{"next":"2.0.0-rc.1"},
        "versions":{"1.9.0":{},"1.10.0":{"bin":{}},"1.11.0":{"deprecated":"no"},"2.0.0-rc.1":{}}}"#;
    let (facts, asked) = ask("x", list(tagged_otherwise));
    assert_eq!(
        facts.unwrap().unwrap().notes,
        ["no version is tagged latest, and 1.10.0 is the highest"]
    );
    assert_eq!(asked.len(), 3);
    for nothing_left in [
        r#"{"name":"x","dist-tags":{},"versions":{}}"#,
        r#"{"name":"x","time":{"unpublished":{"time":"2020-01-01T00:00:00Z"}}}"#,
        r#"{"name":"x","dist-tags":{"beta":"1.0.0-beta"},"versions":{"1.0.0-beta":{}}}"#,
    ] {
        assert_eq!(ask("x", list(nothing_left)).0.unwrap(), None, "{nothing_left}");
    }
}

#[test]
fn an_invalid_answer_is_an_error_and_not_a_verdict() {
    for answer in [
        (200, &[][..], "<html>login</html>"),
        (200, &[], "{\"name\":\"x\",\"versi"),
        (200, &[], "\"version not found: latest\""),
        (200, &[], r#"{"name":"x","version":"1.0.0","bin":"x"}"#),
        (200, &[], manifest("y", "1.0.0", "")),
        (200, &[], manifest("x", "1.0.0 --registry=evil", "")),
        (200, &[], ""),
        (403, &[], "<html>are you a robot?</html>"),
        (429, &[], "<html>error 1015</html>"),
        (503, &[], r#"{"error":"down"}"#),
    ] {
        assert!(ask("x", move |_| answer).0.is_err(), "{answer:?}");
    }
}

#[test]
fn the_order_of_keys_does_not_change_the_recipe() {
    let fields = [
        r#""name":"@s/x""#,
        r#""version":"1.2.3""#,
        r#""bin":{"b":"b.js","a":"a.js","x":"x.js"}"#,
        r#""os":["linux","darwin"]"#,
        r#""cpu":["arm64"]"#,
        r#""description":"d""#,
        DIST,
    ];
    let text = |order: &[usize]| {
        let fields: Vec<&str> = order.iter().map(|&i| fields[i]).collect();
        let body: &'static str = Box::leak(format!("{{{}}}", fields.join(",")).into_boxed_str());
        let facts = ask("@s/x", move |_| (200, &[], body)).0.unwrap().unwrap();
        Npm.build(&facts).unwrap().to_toml()
    };
    let first = text(&[0, 1, 2, 3, 4, 5, 6]);
    assert_eq!(first, text(&[6, 5, 4, 3, 2, 1, 0]));
    assert_eq!(first, text(&[3, 6, 0, 5, 2, 4, 1]));
}

#[test]
fn the_whole_recipe_is_as_expected() {
    let fields = r#""bin":{"ng":"bin/ng.js"},"description":"CLI tool for Angular","homepage":"https://angular.dev""#;
    let recipe = Npm.build(&facts("@angular/cli", fields)).unwrap();
    assert_eq!(
        recipe.to_toml(),
        r#"[metadata]
name = "angular-cli"
description = "CLI tool for Angular"
homepage = "https://angular.dev"
llm_validation = "skipped"

[[steps]]
action = "npm_install"
executables = ["ng"]
package = "@angular/cli"

[verify]
command = "ng --version"
pattern = "{version}"
"#
    );
}

#[test]
fn the_plan_installs_one_version_from_the_mirror_and_runs_nothing_of_the_package() {
    let facts = facts("@s/x", r#""bin":{"x":"x.js","y":"y.js"}"#);
    let recipe = Npm.build(&facts).unwrap();
    let origins = Origins::new([("https://registry.npmjs.org", "http://127.0.0.1:4873/")]).unwrap();
    let plan = Npm.install(&recipe, &facts, Environment::DebianX86, &origins);
    let [InstallStep::Run { argv, env, network: true }, InstallStep::Inspect { dir, executables }] =
        &*plan.steps
    else {
        panic!("{plan:?}")
    };
    assert_eq!(
        argv.join(" "),
        "npm install --prefix=prefix --global --ignore-scripts --no-audit --no-fund --omit=dev \
         --loglevel=error --registry=http://127.0.0.1:4873 @s/x@1.2.3"
    );
    assert_ne!(env["npm_config_userconfig"], env["npm_config_globalconfig"]);
    assert_eq!(env["npm_config_cache"], "cache");
    let names: Vec<&str> = executables.iter().map(CommandName::as_str).collect();
    assert_eq!((names, dir), (vec!["x", "y"], &plan.bin_dirs[0]));
}

#[test]
fn the_step_has_the_shape_that_the_plugin_states() {
    let facts = facts("x", r#""bin":"x""#);
    let keys: BTreeMap<&str, &Parameter> =
        facts.install.parameters.iter().map(|(key, it)| (key.as_str(), it)).collect();
    assert_eq!(facts.install.name, recipe::STEP.name);
    assert!(recipe::STEP.required.iter().all(|key| keys.contains_key(key)));
}

#[test]
fn the_curated_list_is_of_names_sorted_and_without_a_second() {
    let list = include_str!("../../../data/seeds/npm.json");
    let list: serde_json::Value = serde_json::from_str(list).unwrap();
    let packages = list["packages"].as_array().unwrap();
    let names: Vec<&str> = packages.iter().map(|it| it["name"].as_str().unwrap()).collect();
    assert!(names.len() >= 60 && names.is_sorted_by(|a, b| a < b), "{names:?}");
    for name in names {
        assert_eq!(Npm.normalise(name).unwrap().as_str(), name);
    }
}
