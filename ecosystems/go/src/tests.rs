//! Makes recipes from answers of a proxy. For every special case the test generates a module.

use std::{
    collections::BTreeMap,
    io::{Cursor, Write as _},
};

use async_trait::async_trait;
use batch_core::{
    decide::recipe as reader,
    io::{CachedFile, Headers, Http, HttpError, Origins, Request, Response},
    model::{
        CommandName, Confidence, Environment, Executables, FailureKind, InstallStep, PackageFacts,
        PackageKind, WORK_DIR,
    },
    plugin::{NativeInstaller as _, RecipeBuilder as _, SourceError},
};
use batch_sim::SimClock;
use zip::{ZipWriter, write::SimpleFileOptions};

use crate::{Go, recipe};

const MAIN: &str = "package main\n";

/// A proxy with these answers by path, and 404 for all other paths.
#[derive(Default)]
struct Proxy {
    answers: BTreeMap<String, (u16, Vec<u8>)>,
}

impl Proxy {
    fn with(mut self, path: &str, status: u16, body: impl Into<Vec<u8>>) -> Self {
        self.answers.insert(path.to_owned(), (status, body.into()));
        self
    }

    /// Adds `module` at `version` with these files; the go.mod has `go_mod` after the module line.
    fn module(self, module: &str, version: &str, go_mod: &str, files: &[(&str, &str)]) -> Self {
        let escaped = crate::paths::escaped(module);
        let zip = zipped(&format!("{module}@{version}/"), files);
        self.with(&format!("/{escaped}/@v/list"), 200, format!("{version}\n"))
            .with(
                &format!("/{escaped}/@v/{version}.mod"),
                200,
                format!("module {module}\n{go_mod}"),
            )
            .with(&format!("/{escaped}/@v/{version}.zip"), 200, zip)
    }

    fn ask(&self, name: &str) -> Result<Option<PackageFacts>, Box<SourceError>> {
        let name = name.parse().unwrap();
        SimClock::default().run(Go.inspect(self, &name)).map_err(Box::new)
    }

    fn facts(&self, name: &str) -> PackageFacts {
        self.ask(name).unwrap().unwrap()
    }
}

#[async_trait]
impl Http for Proxy {
    async fn send(&self, request: Request) -> Result<Response, HttpError> {
        assert_eq!(request.url.host_str(), Some("proxy.golang.org"));
        let missing = (404, b"not found".to_vec());
        let (status, body) = self.answers.get(request.url.path()).unwrap_or(&missing).clone();
        Ok(Response { url: request.url, status, headers: Headers::new(), body })
    }

    async fn fetch_to_cache(&self, _: Request) -> Result<CachedFile, HttpError> {
        panic!("nothing here is that large")
    }
}

fn zipped(root: &str, files: &[(&str, &str)]) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(vec![]));
    for (name, content) in files {
        zip.start_file(format!("{root}{name}"), SimpleFileOptions::default()).unwrap();
        zip.write_all(content.as_bytes()).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

/// The result for a module with these files when `name` is requested: its commands, or the failure.
fn outcome(module: &str, name: &str, go_mod: &str, files: &[(&str, &str)]) -> String {
    let facts = Proxy::default().module(module, "v1.2.3", go_mod, files).facts(name);
    match Go.build(&facts) {
        Ok(recipe) => {
            let text = recipe.to_toml();
            assert_eq!(reader::parse(&text, &[recipe::STEP]).unwrap(), recipe, "{text}");
            let step = &recipe.steps[0].params;
            format!("{} = {}", step[recipe::EXECUTABLES], step[recipe::MODULE].as_str().unwrap())
        }
        Err(missing) => format!("{}: {missing}", missing.kind.row().subcategory),
    }
}

/// Module, requested name, files, and the expected result.
type Shape = (&'static str, &'static str, &'static [(&'static str, &'static str)], &'static str);

const SHAPES: &[Shape] = &[
    ("x.org/tool", "x.org/tool", &[("main.go", MAIN)], "[\"tool\"] = x.org/tool"),
    (
        "x.org/tool",
        "x.org/tool",
        &[("other.go", MAIN), ("lib/a.go", "package lib\n")],
        "[\"tool\"] = x.org/tool",
    ),
    // A main package in the top folder takes precedence; the others have paths of their own.
    (
        "x.org/tool",
        "x.org/tool",
        &[("main.go", MAIN), ("cmd/b/main.go", MAIN)],
        "[\"tool\"] = x.org/tool",
    ),
    ("x.org/tool/v2", "x.org/tool/v2", &[("main.go", MAIN)], "[\"tool\"] = x.org/tool/v2"),
    (
        "github.com/BurntSushi/Tool",
        "github.com/BurntSushi/Tool",
        &[("main.go", MAIN)],
        "[\"Tool\"] = github.com/BurntSushi/Tool",
    ),
    (
        "gopkg.in/tool.v1",
        "gopkg.in/tool.v1",
        &[("main.go", MAIN)],
        "[\"tool.v1\"] = gopkg.in/tool.v1",
    ),
    // A folder with the name of the command, whatever the names of its files are.
    (
        "x.org/tool",
        "x.org/tool",
        &[("lib.go", "package tool\n"), ("cmd/tool/x.go", MAIN), ("cmd/b/main.go", MAIN)],
        "[\"tool\"] = x.org/tool/cmd/tool",
    ),
    ("x.org/sh/v3", "x.org/sh/v3", &[("cmd/sh/main.go", MAIN)], "[\"sh\"] = x.org/sh/v3/cmd/sh"),
    (
        "x.org/lib",
        "x.org/lib",
        &[("lib.go", "package lib\n"), ("cmd/only/main.go", MAIN)],
        "[\"only\"] = x.org/lib/cmd/only",
    ),
    (
        "x.org/lib",
        "x.org/lib",
        &[("lib.go", "package lib\n"), ("deep/er/main.go", MAIN)],
        "[\"er\"] = x.org/lib/deep/er",
    ),
    (
        "x.org/lib",
        "x.org/lib",
        &[("cmd/only/main.go", MAIN), ("other/main.go", MAIN)],
        "[\"only\"] = x.org/lib/cmd/only",
    ),
    // Programs that `./...` would build in addition to the module's own command.
    (
        "x.org/tool/v2",
        "x.org/tool/v2",
        &[
            ("m.go", MAIN),
            ("extra/a/main.go", MAIN),
            ("internal/b/main.go", MAIN),
            ("_c/c.go", MAIN),
        ],
        "[\"tool\"] = x.org/tool/v2",
    ),
    // In `cmd` every program is a command, whatever its name is.
    ("x.org/t", "x.org/t", &[("cmd/gen/main.go", MAIN)], "[\"gen\"] = x.org/t/cmd/gen"),
    ("x.org/t", "x.org/t", &[("cmd/doc/main.go", MAIN)], "[\"doc\"] = x.org/t/cmd/doc"),
    ("x.org/t", "x.org/t", &[("cmd/test/main.go", MAIN)], "[\"test\"] = x.org/t/cmd/test"),
    (
        "x.org/lib",
        "x.org/lib",
        &[("cmd/only/main.go", MAIN), ("cmd/gen/main.go", MAIN), ("tools/x/main.go", MAIN)],
        "[\"only\"] = x.org/lib/cmd/only",
    ),
    // In other folders with names of developer tools, the programs may be for users or not.
    (
        "x.org/lib",
        "x.org/lib",
        &[("lib.go", "package lib\n"), ("tools/x/main.go", MAIN), ("hack/b.go", MAIN)],
        "binary_discovery_failed: x.org/lib has commands only in folders that usually contain internal tools; \
         name the intended one: hack, tools/x",
    ),
    (
        "x.org/lib",
        "x.org/lib",
        &[("tools/x.go", "package tools\n"), ("internal/tools/x/main.go", MAIN)],
        "library_only: x.org/lib v1.2.3 has no main package for users",
    ),
    // Packages named by path.
    (
        "x.org/tools",
        "x.org/tools/cmd/b",
        &[("cmd/a/main.go", MAIN), ("cmd/b/b.go", MAIN)],
        "[\"b\"] = x.org/tools/cmd/b",
    ),
    ("x.org/t", "x.org/t/hack/gen", &[("hack/gen/main.go", MAIN)], "[\"gen\"] = x.org/t/hack/gen"),
    (
        "x.org/t",
        "x.org/t/internal/b",
        &[("internal/b/main.go", MAIN)],
        "[\"b\"] = x.org/t/internal/b",
    ),
    ("x.org/t", "x.org/t/cmd/b/v2", &[("cmd/b/v2/main.go", MAIN)], "[\"b\"] = x.org/t/cmd/b/v2"),
    (
        "x.org/t",
        "x.org/t/lib",
        &[("main.go", MAIN), ("lib/a.go", "package lib\n")],
        "library_only: x.org/t/lib v1.2.3 has no main package for users",
    ),
    // Several programs, none of which is the main one.
    (
        "x.org/tools",
        "x.org/tools",
        &[("cmd/b/main.go", MAIN), ("cmd/a/main.go", MAIN)],
        "ambiguous_source: x.org/tools v1.2.3 has several commands, each with a path of its own: a b",
    ),
    // Nothing for users.
    (
        "x.org/lib",
        "x.org/lib",
        &[("lib.go", "package lib\n")],
        "library_only: x.org/lib v1.2.3 has no main package for users",
    ),
    (
        "x.org/lib",
        "x.org/lib",
        &[("internal/cmd/x/main.go", MAIN)],
        "library_only: x.org/lib v1.2.3 has no main package for users",
    ),
    (
        "x.org/lib",
        "x.org/lib",
        &[("testdata/main.go", MAIN), ("_x/main.go", MAIN), ("vendor/y/main.go", MAIN)],
        "library_only: x.org/lib v1.2.3 has no main package for users",
    ),
    (
        "x.org/lib",
        "x.org/lib",
        &[("lib.go", "package lib\n"), ("examples/x/main.go", MAIN)],
        "library_only: x.org/lib v1.2.3 has no main package for users",
    ),
    (
        "x.org/lib",
        "x.org/lib",
        &[("n/go.mod", "module x.org/lib/n\n"), ("n/main.go", MAIN)],
        "library_only: x.org/lib v1.2.3 has no main package for users",
    ),
    (
        "x.org/lib",
        "x.org/lib",
        &[("main_test.go", MAIN), ("lib.go", "package lib\n")],
        "library_only: x.org/lib v1.2.3 has no main package for users",
    ),
    ("x.org/lib", "x.org/lib", &[], "library_only: x.org/lib v1.2.3 has no main package for users"),
    // Constraints.
    (
        "x.org/lib",
        "x.org/lib",
        &[("gen.go", "//go:build ignore\n\npackage main\n"), ("lib.go", "package lib\n")],
        "library_only: x.org/lib v1.2.3 has no main package for users",
    ),
    (
        "x.org/lib",
        "x.org/lib",
        &[("gen.go", "// +build ignore\n\npackage main\n"), ("lib.go", "package lib\n")],
        "library_only: x.org/lib v1.2.3 has no main package for users",
    ),
    (
        "x.org/win",
        "x.org/win",
        &[("main_windows.go", MAIN)],
        "library_only: x.org/win v1.2.3 has no main package for users",
    ),
    (
        "x.org/tool",
        "x.org/tool",
        &[("a.go", "//go:build windows\n\npackage other\n"), ("b.go", MAIN)],
        "[\"tool\"] = x.org/tool",
    ),
    (
        "x.org/tool",
        "x.org/tool",
        &[("a.go", "package documentation\n"), ("b.go", MAIN)],
        "[\"tool\"] = x.org/tool",
    ),
    // A name that is not safe to type.
    ("x.org/t", "x.org/t", &[("cmd/~x/main.go", MAIN)], "unsafe_name: invalid command name \"~x\""),
];

#[test]
fn every_kind_of_module_gives_its_command_or_the_reason_why_not() {
    for (module, name, files, expected) in SHAPES {
        assert_eq!(outcome(module, name, "", files), *expected, "{name}: {files:?}");
    }
}

#[test]
fn modules_that_go_install_refuses_are_refused_with_the_reason() {
    let files = &[("main.go", MAIN)];
    for (go_mod, reason) in [
        ("replace a.org/b => ../b\n", "its go.mod has replace directives"),
        ("replace (\n\ta.org/b v1.0.0 => c.org/d v1.0.0\n)\n", "its go.mod has replace directives"),
        ("exclude a.org/b v1.0.0\n", "its go.mod has exclude directives"),
    ] {
        let outcome = outcome("x.org/t", "x.org/t", go_mod, files);
        assert!(outcome.starts_with("build_from_source: "), "{outcome}");
        assert!(outcome.contains(reason), "{outcome}");
    }
    let renamed = Proxy::default().module("x.org/t", "v1.2.3", "", files);
    let renamed = renamed.with("/x.org/t/@v/v1.2.3.mod", 200, "module new.org/t\n");
    let missing = Go.build(&renamed.facts("x.org/t")).unwrap_err();
    assert_eq!(missing.kind, FailureKind::BuildFromSource);
    assert!(missing.reason.contains("declares its path as new.org/t"), "{missing}");
    let without_major = Proxy::default().module("x.org/t/v2", "v2.0.0", "", files);
    let without_major = without_major.with("/x.org/t/v2/@v/v2.0.0.mod", 200, "module x.org/t\n");
    let missing = Go.build(&without_major.facts("x.org/t/v2")).unwrap_err();
    assert!(missing.reason.contains("declares its path as x.org/t"), "{missing}");
}

/// A module with one command at each of `versions`; its newest go.mod contains `go_mod`.
fn versioned(list: &str, versions: &[&str], newest: &str, go_mod: &str) -> Proxy {
    let mut proxy = Proxy::default();
    for version in versions {
        proxy = proxy.module("x.org/t", version, "", &[("main.go", MAIN)]);
    }
    let path = format!("/x.org/t/@v/{newest}.mod");
    let proxy = proxy.with(&path, 200, format!("module x.org/t\n{go_mod}"));
    proxy.with("/x.org/t/@v/list", 200, list)
}

#[test]
fn the_version_is_the_highest_release_that_is_not_retracted() {
    let check = |list: &str, versions: &[&str], newest, go_mod, expected| {
        let facts = versioned(list, versions, newest, go_mod).facts("x.org/t");
        assert_eq!(facts.version, expected, "{list:?}");
        facts.notes
    };
    let both = &["v1.9.0", "v1.10.0"];
    check("v1.10.0\nv1.9.0\nv2.0.0-rc.1\n", both, "v1.10.0", "", "v1.10.0");
    check("v1.9.0\nv1.10.0\n", both, "v1.10.0", "retract v1.10.0\n", "v1.9.0");
    check("v1.9.0\nv1.10.0\n", both, "v1.10.0", "retract [v1.10.0, v1.11.0]\n", "v1.9.0");
    let notes = check("v1.9.0\nv1.10.0\n", both, "v1.10.0", "retract v1.10.0\n", "v1.9.0");
    assert_eq!(notes, ["its author has retracted v1.10.0"]);
    let notes = check("v1.0.0-rc.1\n", &["v1.0.0-rc.1"], "v1.0.0-rc.1", "", "v1.0.0-rc.1");
    assert!(notes.iter().any(|note| note.contains("is a prerelease")), "{notes:?}");
    let notes = check("v1.9.0\n", &["v1.9.0"], "v1.9.0", "go 1.99\n", "v1.9.0");
    assert_eq!(notes, ["needs Go 1.99 or later"]);
}

#[test]
fn a_module_with_only_retracted_versions_cannot_be_installed() {
    const COMMIT: &str = "v1.9.1-0.20190907113008-ad855c713046";
    let list = "v1.8.0\nv1.9.0\n";
    let all = "retract [v1.0.0, v1.9.0]\n";
    let withdrawn = || versioned(list, &["v1.8.0", "v1.9.0"], "v1.9.0", all);
    let missing = Go.build(&withdrawn().facts("x.org/t")).unwrap_err();
    assert_eq!(missing.kind, FailureKind::PackageNotFound);
    assert!(missing.reason.contains("retracted every version"), "{missing}");
    // The go command then asks for the newest commit, which may exist or not.
    let info = format!("{{\"Version\":\"{COMMIT}\"}}");
    let zip = zipped(&format!("x.org/t@{COMMIT}/"), &[("main.go", MAIN)]);
    let left = withdrawn().with("/x.org/t/@latest", 200, info);
    let left = left.with(&format!("/x.org/t/@v/{COMMIT}.zip"), 200, zip);
    let left = left.with(&format!("/x.org/t/@v/{COMMIT}.mod"), 200, "module x.org/t\n");
    assert_eq!(left.facts("x.org/t").version, COMMIT);
    let taken = withdrawn().with("/x.org/t/@latest", 200, "{\"Version\":\"v1.9.0\"}");
    assert!(taken.facts("x.org/t").artifacts.is_empty());
    // A package that was temporarily a module of its own is found in the module above it.
    let above = withdrawn().module("x.org", "v0.1.0", "", &[("t/main.go", MAIN)]);
    assert_eq!(above.facts("x.org/t").version, "v0.1.0");
}

#[test]
fn a_later_major_version_is_named() {
    let noted = |name: &str, majors: &[u64]| {
        let files = &[("main.go", MAIN)];
        let mut proxy = Proxy::default();
        for major in majors {
            let module = if *major < 2 { "x.org/t".into() } else { format!("x.org/t/v{major}") };
            proxy = proxy.module(&module, &format!("v{major}.1.0"), "", files);
        }
        proxy.facts(name).notes.join("; ")
    };
    assert_eq!(noted("x.org/t", &[1]), "");
    let of = |path: &str, version: &str| {
        format!("a later major version is published as {path}, now {version}")
    };
    assert_eq!(noted("x.org/t", &[1, 2]), of("x.org/t/v2", "v2.1.0"));
    assert_eq!(noted("x.org/t", &[0, 2, 3]), of("x.org/t/v3", "v3.1.0"));
    assert_eq!(noted("x.org/t/v2", &[1, 2, 3, 4, 5, 6, 7]), of("x.org/t/v7", "v7.1.0"));
    assert_eq!(noted("x.org/t/v2", &[1, 2]), "");
    // Numbers of any size are accepted.
    let most = "v1.0.0\nv18446744073709551615.0.0+incompatible\n";
    let huge = Proxy::default().module("x.org/t", "v1.0.0", "go 1.20\n", &[("main.go", MAIN)]);
    let facts = huge.with("/x.org/t/@v/list", 200, most).facts("x.org/t");
    assert_eq!(facts.notes, ["needs Go 1.20 or later"]);
    // A later module that is withheld, or that has no release, does not count.
    let own = || Proxy::default().module("x.org/t", "v1.0.0", "", &[("main.go", MAIN)]);
    for (status, body) in [(403, "not available"), (200, ""), (200, "v2.0.0-rc.1\nv3.0.0\n")] {
        let proxy = own().with("/x.org/t/v2/@v/list", status, body);
        assert!(proxy.facts("x.org/t").notes.is_empty(), "{status} {body}");
    }
}

#[test]
fn a_withheld_module_comes_with_an_alternative_path() {
    let told = |proxy: Proxy, name: &str| {
        let error = proxy.ask(name).unwrap_err();
        let finding = error.finding();
        assert_eq!(finding.kind, FailureKind::AuthRequired);
        assert_eq!(finding.service.as_deref(), Some("proxy.golang.org"));
        assert!(!finding.blames(&["proxy.golang.org"].into()), "it is about one module");
        error.kind.to_string()
    };
    let withheld =
        || Proxy::default().with("/x.org/t/@v/list", 403, "This module is not available.\n");
    let general = told(withheld(), "x.org/t");
    assert!(general.contains("withheld: This module is not available."), "{general}");
    assert!(general.ends_with("such as x.org/t/v2"), "{general}");
    let next = withheld().module("x.org/t/v2", "v2.0.0", "", &[("main.go", MAIN)]);
    assert!(told(next, "x.org/t").ends_with("x.org/t/v2 is served, now v2.0.0"));
    // If the go.mod is served, it names the declared path.
    let renamed = Proxy::default().module("x.org/t", "v1.0.0", "", &[]);
    let renamed = renamed.with("/x.org/t/@v/v1.0.0.mod", 200, "module new.org/t\n");
    let renamed = renamed.with("/x.org/t/@v/v1.0.0.zip", 403, "not available");
    assert!(told(renamed, "x.org/t").ends_with("its go.mod declares its path as new.org/t"));
    // A folder is not a module, whatever the proxy answers for its path.
    let folder = Proxy::default().module("x.org/t", "v1.0.0", "", &[("cmd/a/main.go", MAIN)]);
    let folder = folder.with("/x.org/t/cmd/a/@v/list", 403, "not available");
    assert_eq!(folder.facts("x.org/t/cmd/a").version, "v1.0.0");
}

/// The version source in a recipe for `package` in `module`.
fn version_source(module: &str, package: &str) -> Option<String> {
    let dir = package[module.len()..].trim_start_matches('/');
    let file = if dir.is_empty() { "main.go".to_owned() } else { format!("{dir}/main.go") };
    let version = match crate::paths::major(module) {
        Some((_, major)) => format!("v{major}.0.0"),
        None => "v1.0.0".to_owned(),
    };
    let proxy = Proxy::default().module(module, &version, "", &[(&file, MAIN)]);
    let recipe = Go.build(&proxy.facts(package)).unwrap();
    recipe.version.map(|version| version.0["module"].as_str().unwrap().to_owned())
}

#[test]
fn the_module_is_named_where_the_package_manager_would_infer_another() {
    for (module, package, named) in [
        ("github.com/a/b", "github.com/a/b", false),
        ("github.com/a/b", "github.com/a/b/cmd/c", false),
        ("github.com/a/b", "github.com/a/b/c/d", false),
        ("github.com/a/b/v2", "github.com/a/b/v2", true),
        ("github.com/a/b/v2", "github.com/a/b/v2/cmd/c", true),
        ("github.com/a/b/c", "github.com/a/b/c", true),
        ("x.org/t", "x.org/t", false),
        ("x.org/t/v2", "x.org/t/v2", false),
        ("x.org/t", "x.org/t/cmd/c", false),
        ("x.org/t/v3", "x.org/t/v3/cmd/c", false),
        ("x.org/t", "x.org/t/c", true),
        ("x.org/t", "x.org/t/c/cmd/d", true),
        ("gitlab.com/a/b/c", "gitlab.com/a/b/c", false),
        ("gitlab.com/a/b", "gitlab.com/a/b/c", true),
    ] {
        let expected = named.then(|| module.to_owned());
        assert_eq!(version_source(module, package), expected, "{package} in {module}");
    }
}

#[test]
fn incompatible_versions_count_unless_the_newest_has_a_go_mod() {
    let (both, old) = (&["v1.13.1", "v28.0.0+incompatible"], "v28.0.0+incompatible");
    let list = "v28.0.0+incompatible\nv1.13.1\n";
    let check = |go_mod: &str, expected: &str| {
        let facts = versioned(list, both, "v1.13.1", go_mod).facts("x.org/t");
        assert_eq!(facts.version, expected, "{go_mod:?}");
    };
    check("", old);
    check("go 1.12\n", "v1.13.1");
    // If the proxy withholds the deciding go.mod, the go command stops too.
    let unread = versioned(list, both, old, "").with("/x.org/t/@v/v1.13.1.mod", 404, "not found");
    assert_eq!(unread.ask("x.org/t").unwrap(), None);
    // The deciding version is one of those that are not retracted.
    let kept = &["v1.0.0", "v1.13.1", "v28.0.0+incompatible"];
    let list = "v1.0.0\nv1.13.1\nv28.0.0+incompatible\n";
    let facts = versioned(list, kept, "v1.13.1", "retract v1.13.1\n").facts("x.org/t");
    assert_eq!(facts.version, old);
}

#[test]
fn a_deprecated_module_is_built_and_the_reason_noted() {
    let proxy = Proxy::default().module("x.org/t", "v1.0.0", "", &[("main.go", MAIN)]);
    let go_mod = "// Deprecated: use x.org/u instead.\nmodule x.org/t\n";
    let facts = proxy.with("/x.org/t/@v/v1.0.0.mod", 200, go_mod).facts("x.org/t");
    assert_eq!(facts.notes, ["deprecated: use x.org/u instead."]);
    assert!(Go.build(&facts).is_ok());
}

#[test]
fn versions_are_encoded_for_the_proxy() {
    let facts = |version: &str, escaped: &str| {
        let zip = zipped(&format!("x.org/T@{version}/"), &[("main.go", MAIN)]);
        let go_mod = format!("/x.org/!t/@v/{escaped}.mod");
        let proxy = Proxy::default().with("/x.org/!t/@v/list", 200, format!("{version}\r\n"));
        let proxy = proxy.with(&go_mod, 200, "module x.org/T\n");
        proxy.with(&format!("/x.org/!t/@v/{escaped}.zip"), 200, zip).facts("x.org/T")
    };
    let prerelease = facts("v1.0.0-RC1", "v1.0.0-!r!c1");
    assert_eq!(prerelease.version, "v1.0.0-RC1");
    assert!(prerelease.artifacts[0].url.ends_with("/@v/v1.0.0-!r!c1.zip"), "{prerelease:?}");
    let old = facts("v2.0.0+incompatible", "v2.0.0+incompatible");
    assert_eq!(old.notes, ["v2.0.0+incompatible was published before Go modules existed"]);
    assert!(Go.build(&old).is_ok());
}

#[test]
fn an_untagged_module_has_the_version_of_the_latest_endpoint() {
    const COMMIT: &str = "v0.0.0-20190907113008-ad855c713046";
    let proxy = Proxy::default().module("x.org/t", COMMIT, "", &[("main.go", MAIN)]);
    let untagged = |proxy: Proxy| proxy.with("/x.org/t/@v/list", 200, "");
    let info = format!("{{\"Version\":\"{COMMIT}\",\"Time\":\"2019-09-07T11:30:08Z\"}}");
    let facts = untagged(proxy).with("/x.org/t/@latest", 200, info).facts("x.org/t");
    assert_eq!(facts.version, COMMIT);
    assert_eq!(facts.notes, [format!("nothing is tagged; {COMMIT} is a commit")]);
    let nothing = untagged(Proxy::default()).with("/x.org/t/@latest", 404, "");
    assert_eq!(nothing.ask("x.org/t").unwrap(), None);
    let withheld = untagged(Proxy::default()).with("/x.org/t/@latest", 403, "not available");
    assert_eq!(withheld.ask("x.org/t").unwrap_err().finding().kind, FailureKind::AuthRequired);
    for body in ["{}", "<html>", "{\"Version\":\"v1 -x\"}"] {
        let proxy = untagged(Proxy::default()).with("/x.org/t/@latest", 200, body);
        let finding = proxy.ask("x.org/t").unwrap_err().finding();
        assert_eq!(finding.kind, FailureKind::UnexpectedResponse, "{body}");
    }
}

#[test]
fn latest_is_not_needed_where_versions_are_listed() {
    let proxy = Proxy::default().module("x.org/t", "v1.0.0", "", &[("main.go", MAIN)]);
    let proxy = proxy.with("/x.org/t/@latest", 403, "This path is not available.");
    assert_eq!(proxy.facts("x.org/t").version, "v1.0.0");
}

#[test]
fn withheld_modules_are_distinguished_from_refused_requests() {
    for (status, body) in [
        (404, "not found: x.org/t: no matching versions"),
        (404, "bad request: invalid escaped module path \"x\""),
        (410, "not found: x.org/t@v1.0.0: invalid version"),
    ] {
        let proxy = Proxy::default().with("/x.org/t/@v/list", status, body);
        assert_eq!(proxy.ask("x.org/t").unwrap(), None, "{status} {body}");
    }
    for (status, body, kind) in [
        (403, "", FailureKind::AuthRequired),
        (403, "<html>Your request is not available</html>", FailureKind::AuthRequired),
        (429, "", FailureKind::RateLimited),
        (503, "", FailureKind::UpstreamUnavailable),
        (400, "", FailureKind::UnexpectedResponse),
    ] {
        let proxy = Proxy::default().with("/x.org/t/@v/list", status, body);
        let finding = proxy.ask("x.org/t").unwrap_err().finding();
        assert_eq!(finding.kind, kind, "{status} {body}");
        assert_eq!(finding.service.as_deref(), Some("proxy.golang.org"));
    }
}

#[test]
fn a_withheld_zip_is_distinguished_from_a_refused_request() {
    let zip = |status, body: &str| {
        let proxy = Proxy::default().module("x.org/t", "v1.0.0", "", &[("main.go", MAIN)]);
        proxy.with("/x.org/t/@v/v1.0.0.zip", status, body)
    };
    for (status, body) in [(404, "not found"), (410, ""), (200, "")] {
        let finding = zip(status, body).ask("x.org/t").unwrap_err().finding();
        assert_eq!(finding.kind, FailureKind::UpstreamUnavailable, "{status} {body}");
    }
    for (body, confidence) in [
        ("", Confidence::Stated),
        ("<html>Your request is not available</html>", Confidence::Stated),
        ("This module version is not available.", Confidence::Inferred),
    ] {
        let finding = zip(403, body).ask("x.org/t").unwrap_err().finding();
        assert_eq!((finding.kind, finding.confidence), (FailureKind::AuthRequired, confidence));
    }
}

#[test]
fn the_longest_module_path_with_the_folder_is_chosen() {
    let nested = Proxy::default()
        .module("x.org/t", "v1.0.0", "", &[("cmd/a/main.go", MAIN)])
        .module("x.org/t/lsp", "v0.9.0", "", &[("main.go", MAIN)]);
    assert_eq!(nested.facts("x.org/t/lsp").version, "v0.9.0");
    assert_eq!(nested.facts("x.org/t/cmd/a").version, "v1.0.0");
    // A folder that was once a module may no longer exist.
    let gone = nested.module("x.org/t/cmd", "v0.1.0", "", &[("b/b.go", MAIN)]);
    assert_eq!(gone.facts("x.org/t/cmd/a").version, "v1.0.0");
    assert_eq!(gone.ask("x.org/t/cmd/nothing").unwrap(), None);
}

#[test]
fn a_damaged_zip_counts_as_a_failure_of_the_package() {
    let proxy = Proxy::default().module("x.org/t", "v1.0.0", "", &[]);
    let proxy = proxy.with("/x.org/t/@v/v1.0.0.zip", 200, "PK no zip");
    let finding = proxy.ask("x.org/t").unwrap_err().finding();
    assert_eq!(finding.kind, FailureKind::ArchiveExtractionFailed);
    let hostile = zipped("../", &[("main.go", MAIN)]);
    let proxy = proxy.with("/x.org/t/@v/v1.0.0.zip", 200, hostile);
    let finding = proxy.ask("x.org/t").unwrap_err().finding();
    assert_eq!(finding.kind, FailureKind::ArchiveExtractionFailed);
}

#[test]
fn a_module_with_too_many_folders_is_not_guessed() {
    let names: Vec<String> = (0..70).map(|n| format!("lib{n}/a.go")).collect();
    let files: Vec<_> = names.iter().map(|name| (name.as_str(), "package lib\n")).collect();
    let proxy = Proxy::default().module("x.org/t", "v1.0.0", "", &files);
    let missing = Go.build(&proxy.facts("x.org/t")).unwrap_err();
    assert_eq!(missing.kind, FailureKind::BinaryDiscoveryFailed);
    // If it is requested by its path, one folder is enough.
    assert_eq!(proxy.facts("x.org/t/lib3").kind, PackageKind::Library);
}

#[test]
fn the_package_clause_is_found_below_a_long_licence() {
    let licence = format!("/*\n{}*/\n\npackage main\n", "All rights reserved.\n".repeat(1000));
    let proxy = Proxy::default().module("x.org/t", "v1.0.0", "", &[("main.go", &licence)]);
    assert!(
        matches!(proxy.facts("x.org/t").executables, Executables::Known(names) if names.len() == 1)
    );
}

#[test]
fn a_recipe_contains_description_and_homepage() {
    let files = &[("cmd/fmt/main.go", "// Fmt formats\u{1b} things. Well.\npackage main\n")];
    let proxy = Proxy::default().module("github.com/A/b", "v1.0.0", "", files);
    let facts = proxy.facts("github.com/A/b/cmd/fmt");
    let text = Go.build(&facts).unwrap().to_toml();
    for part in [
        "name = \"fmt\"",
        "description = \"Fmt formats things.\"",
        "homepage = \"https://github.com/A/b\"",
        "binaries = [\"bin/fmt\"]",
        "module = \"github.com/A/b/cmd/fmt\"",
        "command = \"fmt --version\"",
        "pattern = \"{version}\"",
    ] {
        assert!(text.contains(part), "{part:?} is not in\n{text}");
    }
    assert_eq!(Go.build(&facts).unwrap().to_toml(), text, "twice");
    let own = Proxy::default().module("x.org/t", "v1.0.0", "", &[("main.go", MAIN)]);
    let text = Go.build(&own.facts("x.org/t")).unwrap().to_toml();
    assert!(text.contains("homepage = \"https://pkg.go.dev/x.org/t\""), "{text}");
}

#[test]
fn the_order_of_files_in_the_zip_changes_nothing() {
    let mut files = vec![("cmd/b/main.go", MAIN), ("lib.go", "package t\n"), ("cmd/a/z.go", MAIN)];
    let facts = |files: &[(&str, &str)]| {
        Proxy::default().module("x.org/t", "v1.0.0", "", files).facts("x.org/t")
    };
    let one = serde_json::to_string(&facts(&files)).unwrap();
    files.reverse();
    assert_eq!(serde_json::to_string(&facts(&files)).unwrap(), one);
}

#[test]
fn the_installation_uses_only_permitted_hosts_and_its_own_folder() {
    let proxy = Proxy::default().module("x.org/t", "v1.0.0", "", &[("cmd/t/main.go", MAIN)]);
    let facts = proxy.facts("x.org/t");
    let recipe = Go.build(&facts).unwrap();
    let environment: Environment = "linux-debian-glibc-x86_64".parse().unwrap();
    let plan = |pairs: &[(&str, &str)]| {
        let origins = Origins::new(pairs.iter().copied()).unwrap();
        Go.install(&recipe, &facts, environment, &origins)
    };
    let own = plan(&[]);
    assert_eq!(Go.longest_step().unwrap().as_secs(), 10 * 60);
    assert_eq!(own.bin_dirs, ["bin"]);
    let [InstallStep::Run { argv, env, network: true }, InstallStep::Inspect { executables, .. }] =
        own.steps.as_slice()
    else {
        panic!("{own:?}")
    };
    assert_eq!(*argv, ["go", "install", "x.org/t/cmd/t@v1.0.0"]);
    assert_eq!(executables.iter().map(CommandName::as_str).collect::<Vec<_>>(), ["t"]);
    for name in ["GOBIN", "GOCACHE", "GOMODCACHE", "GOPATH"] {
        assert!(env[name].starts_with(&format!("{WORK_DIR}/")), "{name}={}", env[name]);
    }
    let expected = [
        ("CGO_ENABLED", "0"),
        ("GOTOOLCHAIN", "local"),
        ("GOPROXY", "https://proxy.golang.org"),
        ("GOSUMDB", "sum.golang.org"),
        ("GOENV", "off"),
    ];
    for (name, value) in expected {
        assert_eq!(env[name], value, "{name}");
    }
    let sums = |pairs: &[(&str, &str)]| {
        let plan = plan(pairs);
        let InstallStep::Run { env, .. } = &plan.steps[0] else { panic!("{plan:?}") };
        (env["GOPROXY"].clone(), env["GOSUMDB"].clone())
    };
    let mirror = ("https://proxy.golang.org", "http://127.0.0.1:1/go");
    assert_eq!(sums(&[mirror]), (mirror.1.to_owned(), "off".to_owned()));
    let database = ("https://sum.golang.org", "http://127.0.0.1:1/sum");
    let both = sums(&[mirror, database]);
    assert_eq!(both.1, "sum.golang.org http://127.0.0.1:1/sum");
}

#[test]
fn a_list_with_invalid_bytes_is_an_invalid_answer() {
    for garbage in [&b"\xEF\xBB\xBFv1.0.0\n"[..], b"\xFF\xFE", b"\0\0\0"] {
        let proxy = Proxy::default().with("/x.org/tool/@v/list", 200, garbage);
        let error = proxy.ask("x.org/tool").unwrap_err();
        assert_eq!(error.finding().kind, FailureKind::UnexpectedResponse, "{garbage:?}");
    }
    let empty = Proxy::default().with("/x.org/tool/@v/list", 200, "\n");
    assert!(empty.ask("x.org/tool").unwrap().is_none());
}
