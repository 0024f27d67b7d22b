//! Makes recipes from an index and a crate, with the real checks of requests: a request to a host
//! that the plugin does not declare would be refused.

use std::sync::Arc;

use batch_core::{
    decide::recipe as reader,
    io::{Origins, PoliteConfig, PoliteHttp},
    model::{
        CommandName, Environment, Executables, FailureKind, Finding, InstallStep, PackageFacts,
        PackageKind,
    },
    plugin::{Names as _, NativeInstaller as _, RateLimit as _, RecipeBuilder as _, SourceError},
};
use batch_sim::{SimClock, StaticTransport};
use flate2::{Compression, write::GzEncoder};

use crate::{Cargo, recipe};

fn checksum(archive: &[u8]) -> String {
    use sha2::{Digest as _, Sha256};
    let digest = Sha256::digest(archive);
    let digits = digest.iter().map(|byte| format!("{byte:02x}"));
    digits.collect::<Vec<_>>().concat()
}

/// A `.crate` of `name` with `files`, each below the crate's own folder.
fn archive(folder: &str, files: &[(&str, &str)]) -> Vec<u8> {
    let mut tar = tar::Builder::new(GzEncoder::new(vec![], Compression::fast()));
    for (path, content) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        tar.append_data(&mut header, format!("{folder}/{path}"), content.as_bytes()).unwrap();
    }
    tar.into_inner().unwrap().finish().unwrap()
}

fn line(name: &str, version: &str, checksum: &str) -> String {
    format!(
        r#"{{"name":"{name}","vers":"{version}","deps":[],"cksum":"{checksum}","features":{{}},"yanked":false}}"#
    )
}

/// A registry with one crate `name` of one version.
fn static_transport(name: &str, version: &str, files: &[(&str, &str)]) -> StaticTransport {
    let folder = format!("{name}-{version}");
    let archive = archive(&folder, files);
    let lines = line(name, version, &checksum(&archive));
    let path = crate::index::path(name).join("/");
    StaticTransport::new([
        (format!("https://index.crates.io/{path}"), lines.into_bytes()),
        (crate_url(name, version), archive),
    ])
}

fn crate_url(name: &str, version: &str) -> String {
    format!("https://static.crates.io/crates/{name}/{name}-{version}.crate")
}

/// What [`Cargo`] makes of the registry `static_transport`.
fn ask(name: &str, static_transport: StaticTransport) -> Result<Option<PackageFacts>, Finding> {
    let clock = SimClock::default();
    let quotas = Cargo.quotas().iter().copied();
    let cache = tempfile::tempdir().unwrap();
    let clock_port = Arc::new(clock.clone());
    let config = PoliteConfig::new(clock_port, Arc::new(static_transport), quotas, cache.path());
    let http = PoliteHttp::new(config);
    let facts = clock.run(Cargo.inspect(&http, &Cargo.normalise(name).unwrap()));
    facts.map_err(|error: SourceError| error.finding())
}

#[test]
fn only_the_index_and_one_crate_are_requested() {
    let clock = SimClock::default();
    let manifest = ("Cargo.toml", "[package]\nname = \"tool\"\nversion = \"1.2.3\"");
    let static_transport = Arc::new(static_transport("tool", "1.2.3", &[manifest, MAIN_RS]));
    let quotas = Cargo.quotas().iter().copied();
    let cache = tempfile::tempdir().unwrap();
    let port = Arc::new(clock.clone());
    let http =
        PoliteHttp::new(PoliteConfig::new(port, static_transport.clone(), quotas, cache.path()));
    let facts = clock.run(Cargo.inspect(&http, &Cargo.normalise("Tool").unwrap()));
    assert!(facts.is_ok_and(|facts| facts.is_some()));
    let index = "https://index.crates.io/to/ol/tool".to_owned();
    assert_eq!(static_transport.asked(), [index, crate_url("tool", "1.2.3")]);
}

fn facts(name: &str, manifest: &str, others: &[&str]) -> PackageFacts {
    let manifest = format!("[package]\nname = \"{name}\"\nversion = \"1.2.3\"\n{manifest}");
    let mut files = vec![("Cargo.toml", &*manifest)];
    files.extend(others.iter().map(|&path| (path, "fn main() {}")));
    ask(name, static_transport(name, "1.2.3", &files)).unwrap().unwrap()
}

const MAIN: &[&str] = &["src/main.rs"];

/// Name, manifest, further files, and what the recipe says.
const SHAPES: &[(&str, &str, &[&str], &[&str])] = &[
    (
        "diskus",
        "description = \"A minimal, fast alternative to 'du -sh'\"\nhomepage = \"https://github.com/sharkdp/diskus\"",
        MAIN,
        &[
            "name = \"diskus\"",
            "description = \"A minimal, fast alternative to 'du -sh'\"",
            "homepage = \"https://github.com/sharkdp/diskus\"",
            "crate = \"diskus\"",
            "executables = [\"diskus\"]",
            "command = \"diskus --version\"",
            "pattern = \"{version}\"",
        ],
    ),
    (
        "ripgrep",
        "autobins = false\n[[bin]]\nname = \"rg\"\npath = \"crates/core/main.rs\"",
        MAIN,
        &["executables = [\"rg\"]", "command = \"rg --version\""],
    ),
    (
        "cargo-hack",
        "",
        MAIN,
        &["executables = [\"cargo-hack\"]", "command = \"cargo hack --version\""],
    ),
    (
        "cargo-edit",
        "",
        &["src/bin/add/main.rs", "src/bin/cargo-add.rs"],
        &["executables = [\"add\", \"cargo-add\"]", "command = \"add --version\""],
    ),
    // Cargo has a subcommand `add` of its own, so it would never start this one.
    ("x", "", &["src/bin/cargo-add.rs"], &["command = \"cargo-add add --version\""]),
    (
        "x",
        "",
        &["src/bin/cargo-add.rs", "src/bin/cargo-upgrade.rs"],
        &["[\"cargo-upgrade\", \"cargo-add\"]", "command = \"cargo upgrade --version\""],
    ),
    // Old normalised manifests name the program that wrote them, and list no binary.
    (
        "x",
        "# THIS FILE IS AUTOMATICALLY GENERATED BY CARGO\nauthors = [\"a\"]\nedition = \"2018\"",
        MAIN,
        &["executables = [\"x\"]"],
    ),
    // Without an edition the listed binaries are all; with a later edition the ones that cargo
    // finds are added.
    (
        "x",
        "[[bin]]\nname = \"y\"\npath = \"src/y.rs\"",
        &["src/main.rs", "src/y.rs", "src/bin/z.rs"],
        &["executables = [\"y\"]"],
    ),
    (
        "x",
        "edition = \"2024\"\n[[bin]]\nname = \"y\"",
        &["src/main.rs", "src/bin/y.rs", "src/bin/z/main.rs", "src/bin/z/more.rs"],
        &["executables = [\"x\", \"y\", \"z\"]"],
    ),
    // One feature that another feature turns on, and one that is off.
    (
        "x",
        "edition = \"2021\"\n[features]\ndefault = [\"full\"]\nfull = [\"cli\"]\ncli = []\ngui = []\n\
         [[bin]]\nname = \"y\"\nrequired-features = [\"cli\"]\n\
         [[bin]]\nname = \"z\"\nrequired-features = [\"cli\", \"gui\"]",
        &["src/bin/y.rs", "src/bin/z.rs"],
        &["executables = [\"y\"]"],
    ),
    // A library that installs an example.
    (
        "x",
        "autobins = false\n[lib]\npath = \"src/lib.rs\"\n[[bin]]\nname = \"e\"\npath = \"examples/e.rs\"\n\
         [[example]]\nname = \"f\"\npath = \"examples/f.rs\"",
        &["src/lib.rs", "examples/e.rs", "examples/f.rs"],
        &["executables = [\"e\"]"],
    ),
    ("x", "", &["src/bin/cargo-.rs"], &["command = \"cargo- --version\""]),
    ("x", "", &["src/bin/b.rs", "src/bin/x.rs"], &["executables = [\"x\", \"b\"]"]),
    ("x", "", MAIN, &["description = \"x from crates.io\"", "llm_validation = \"skipped\""]),
    ("x", "description = \"one\\ntwo\"", MAIN, &["description = \"one\""]),
    ("x", "description = [\"no\", \"text\"]", MAIN, &["x from crates.io"]),
    ("Foo_Bar", "", MAIN, &["name = \"foo_bar\"", "crate = \"Foo_Bar\"", "[\"Foo_Bar\"]"]),
    ("x", "license = 7\nbuild = false\ninclude = 3\nrust-version = \"1.80\"", MAIN, &["[\"x\"]"]),
    ("x", "[lib]\nname = \"y\"\n[profile.release]\nlto = true", MAIN, &["executables = [\"x\"]"]),
    ("x", "[target.'cfg(windows)'.dependencies]\nw = \"1\"", MAIN, &["executables = [\"x\"]"]),
    ("x", "[badges]\na = { b = 1 }\n[workspace]\nmembers = []", MAIN, &["executables = [\"x\"]"]),
];

#[test]
fn documented_shapes_become_recipes() {
    for (name, manifest, files, parts) in SHAPES {
        let recipe = Cargo.build(&facts(name, manifest, files)).unwrap();
        let text = recipe.to_toml();
        for part in *parts {
            assert!(text.contains(part), "{part:?} is not in\n{text}");
        }
        let read = reader::parse(&text, &[recipe::STEP]).unwrap();
        assert_eq!((read.to_toml(), read), (text, recipe));
    }
}

#[test]
fn the_homepage_is_the_first_https_address() {
    for (addresses, homepage) in [
        ("homepage = \"https://x.example/\"\nrepository = \"https://r.example/\"", Some("x")),
        ("homepage = \"http://x.example/\"\nrepository = \"https://r.example/\"", Some("r")),
        ("repository = \"https://r.example/\"", Some("r")),
        ("homepage = \"javascript:alert(1)\"\nrepository = \"git@r.example:r\"", None),
        ("homepage = 7", None),
        ("", None),
    ] {
        let found = facts("x", addresses, MAIN).homepage;
        let host = homepage.map(|host| format!("https://{host}.example/"));
        assert_eq!(found, host, "{addresses}");
    }
}

#[test]
fn packages_without_a_recipe_state_the_reason() {
    for (manifest, files, kind, reason) in [
        ("", &["src/lib.rs"][..], FailureKind::LibraryOnly, "x 1.2.3 installs no command"),
        ("", &["examples/x.rs"], FailureKind::LibraryOnly, "x 1.2.3 installs no command"),
        ("autobins = false", MAIN, FailureKind::LibraryOnly, "x 1.2.3 installs no command"),
        (
            "[[bin]]\nname = \"x\"\nrequired-features = [\"cli\"]\n[features]\ncli = []",
            MAIN,
            FailureKind::LibraryOnly,
            "x 1.2.3 installs no command: x is not installed: it needs the features cli",
        ),
        (
            "[[bin]]\nname = \"a b\"\npath = \"src/main.rs\"",
            MAIN,
            FailureKind::UnsafeName,
            "invalid command name \"a b\"",
        ),
        (
            "edition = \"2021\"\n[[bin]]\nname = \"x\"\nrequired-features = [\"d/e\"]",
            &[],
            FailureKind::BinaryDiscoveryFailed,
            "x needs the feature d/e of a dependency",
        ),
    ] {
        let missing = Cargo.build(&facts("x", manifest, files)).unwrap_err();
        assert_eq!((missing.kind, &*missing.reason), (kind, reason));
    }
    assert_eq!(facts("x", "", &["src/lib.rs"]).kind, PackageKind::Library);
    assert_eq!(facts("x", "", MAIN).kind, PackageKind::Tool);
}

#[test]
fn an_unreadable_manifest_makes_the_commands_unknown() {
    let bad = ask(
        "x",
        static_transport("x", "1.2.3", &[("Cargo.toml", "[package\nname"), ("src/main.rs", "")]),
    );
    let facts = bad.unwrap().unwrap();
    assert!(matches!(&facts.executables, Executables::Unknown(_)), "{facts:?}");
    let missing = Cargo.build(&facts).unwrap_err();
    assert_eq!(missing.kind, FailureKind::BinaryDiscoveryFailed);
    assert!(missing.reason.starts_with("Cargo.toml is no manifest: "), "{}", missing.reason);
}

#[test]
fn the_newest_release_is_asked_for_with_its_build_metadata() {
    let manifest = "[package]\nname = \"x\"\nversion = \"1.0.0+2024\"";
    let static_transport =
        static_transport("x", "1.0.0+2024", &[("Cargo.toml", manifest), ("src/main.rs", "")]);
    let facts = ask("x", static_transport).unwrap().unwrap();
    assert_eq!(facts.version, "1.0.0+2024");
    assert!(facts.artifacts[0].url.ends_with("/x-1.0.0+2024.crate"), "{:?}", facts.artifacts);
}

#[test]
fn yanked_versions_above_the_newest_release_are_skipped() {
    let archive = archive("x-1.2.3", &[("Cargo.toml", "[package]\nname = \"x\""), MAIN_RS]);
    let (sum, other) = (checksum(&archive), "a".repeat(64));
    let lines = [
        line("x", "0.9.0", &other),
        line("x", "2.0.0", &other).replace("false", "true"),
        line("x", "1.2.3", &sum),
        line("x", "3.0.0-rc.1", &other),
        line("x", "1.2.2", &other),
        line("x", "4.0.0", &other).replacen('{', r#"{"v":3,"#, 1),
    ];
    let index = ("https://index.crates.io/1/x".to_owned(), lines.join("\n").into_bytes());
    let facts = ask("x", StaticTransport::new([index, (crate_url("x", "1.2.3"), archive)]));
    assert_eq!(facts.unwrap().unwrap().version, "1.2.3");
}

#[test]
fn important_properties_are_noted() {
    let manifest = "[[bin]]\nname = \"y\"\npath = \"src/y.rs\"\nrequired-features = [\"z\"]";
    let files = [
        ("Cargo.toml", &*format!("[package]\nname = \"Ab\"\nedition = \"2021\"\n{manifest}")),
        ("src/main.rs", ""),
    ];
    let archive = archive("Ab-1.2.3", &files);
    let line =
        line("Ab", "1.2.3", &checksum(&archive)).replacen('{', r#"{"rust_version":"1.99","#, 1);
    let static_transport = StaticTransport::new([
        ("https://index.crates.io/2/ab".to_owned(), line.into_bytes()),
        (crate_url("Ab", "1.2.3"), archive),
    ]);
    let facts = ask("ab", static_transport).unwrap().unwrap();
    assert_eq!(
        facts.notes,
        [
            "the registry spells it Ab",
            "needs rustc 1.99 or newer",
            "y is not installed: it needs the features z"
        ]
    );
    assert!(Cargo.build(&facts).unwrap().to_toml().contains("crate = \"Ab\""));
}

#[test]
fn code_that_runs_at_installation_is_noted() {
    let notes = |fields: &str, more: &[(&str, &str)]| {
        let manifest = format!("[package]\nname = \"x\"\n{fields}");
        let files = [&[("Cargo.toml", &*manifest), MAIN_RS], more].concat();
        ask("x", static_transport("x", "1.2.3", &files)).unwrap().unwrap().notes
    };
    let script = [("build.rs", "fn main() {}")];
    let expected = ["its build script runs when it is installed"];
    assert_eq!(notes("", &[]), [""; 0]);
    assert_eq!(notes("", &script), expected);
    assert_eq!(notes("build = true", &script), expected);
    assert_eq!(notes("build = \"src/b.rs\"", &[]), expected);
    assert_eq!(notes("build = false", &script), [""; 0]);
}

#[test]
fn packages_that_cannot_be_installed_count_as_missing() {
    let index = "https://index.crates.io/1/x";
    let sum = "a".repeat(64);
    for status in [404, 410, 451] {
        assert_eq!(ask("x", StaticTransport::default().with(index, status, b"")).unwrap(), None);
    }
    for lines in [
        line("x", "1.0.0", &sum).replace("false", "true"),
        line("x", "1.0.0-beta.1", &sum),
        String::new(),
    ] {
        let static_transport = StaticTransport::default().with(index, 200, lines.as_bytes());
        assert_eq!(ask("x", static_transport).unwrap(), None, "{lines}");
    }
}

#[test]
fn a_crate_with_another_digest_is_refused() {
    let index = "https://index.crates.io/1/x";
    let whole =
        || static_transport("x", "1.2.3", &[("Cargo.toml", "[package]\nname = \"x\""), MAIN_RS]);
    assert!(ask("x", whole()).is_ok());
    let kind = |static_transport: StaticTransport| ask("x", static_transport).unwrap_err().kind;
    let other_digest = line("x", "1.2.3", &"a".repeat(64));
    let other_digest = whole().with(index, 200, other_digest.as_bytes());
    assert_eq!(kind(other_digest), FailureKind::ArchiveExtractionFailed);
    let other_crate = line("y", "1.2.3", &"a".repeat(64));
    let other_crate = whole().with(index, 200, other_crate.as_bytes());
    assert_eq!(kind(other_crate), FailureKind::UnexpectedResponse);
    let elsewhere = archive("y-1.2.3", &[("Cargo.toml", "[package]\nname = \"x\"")]);
    let lines = line("x", "1.2.3", &checksum(&elsewhere));
    let elsewhere =
        whole().with(index, 200, lines.as_bytes()).with(&crate_url("x", "1.2.3"), 200, &elsewhere);
    assert_eq!(kind(elsewhere), FailureKind::ArchiveExtractionFailed);
}

#[test]
fn a_missing_file_of_a_listed_crate_blames_the_store() {
    let finding = |status, body: &[u8]| {
        let static_transport =
            static_transport("x", "1.2.3", &[("Cargo.toml", "[package]\nname = \"x\""), MAIN_RS]);
        ask("x", static_transport.with(&crate_url("x", "1.2.3"), status, body)).unwrap_err()
    };
    let denied: &[u8] = b"<Error><Code>AccessDenied</Code></Error>";
    let absent = [(404, &b""[..]), (410, b""), (451, b""), (200, b"")];
    for (status, body) in [(403, denied), (403, b"")].into_iter().chain(absent) {
        let found = finding(status, body);
        assert_eq!(found.kind, FailureKind::UpstreamUnavailable, "{status}");
        assert_eq!(found.service.as_deref(), Some("static.crates.io"), "{status}");
    }
    assert_eq!(finding(401, b"").kind, FailureKind::AuthRequired);
    assert_eq!(finding(403, b"<!doctype html>Forbidden").kind, FailureKind::AuthRequired);
    assert_eq!(finding(403, b"Too many requests").kind, FailureKind::RateLimited);
}

const MAIN_RS: (&str, &str) = ("src/main.rs", "fn main() {}");

#[test]
fn an_invalid_answer_is_an_error_and_not_a_verdict() {
    for (status, body) in [
        (200, "<html>login</html>"),
        (200, "{\"name\":\"x\",\"ver"),
        (403, "blocked"),
        (429, "slow down"),
        (503, "This route is temporarily blocked."),
    ] {
        let static_transport =
            StaticTransport::default().with("https://index.crates.io/1/x", status, body.as_bytes());
        assert!(ask("x", static_transport).is_err(), "{status} {body}");
    }
}

#[test]
fn the_order_of_keys_and_files_does_not_change_the_recipe() {
    let bin = |name: &str| format!("[[bin]]\nname = \"{name}\"\npath = \"src/{name}.rs\"\n");
    let text = |bins: [&str; 3], package: [&str; 3], reverse: bool| {
        let manifest = format!("[package]\n{}\n{}", package.join("\n"), bins.map(bin).concat());
        let mut files = [("Cargo.toml", &*manifest), ("src/main.rs", ""), ("src/bin/q.rs", "")];
        if reverse {
            files.reverse();
        }
        let facts = ask("x", static_transport("x", "1.2.3", &files)).unwrap().unwrap();
        (Cargo.build(&facts).unwrap().to_toml(), facts.notes)
    };
    let (name, edition, about) = ("name = \"x\"", "edition = \"2021\"", "description = \"d\"");
    let first = text(["a", "b", "c"], [name, edition, about], false);
    assert_eq!(first, text(["c", "b", "a"], [about, edition, name], true));
    assert_eq!(first, text(["b", "a", "c"], [edition, name, about], false));
    assert!(first.0.contains("[\"x\", \"a\", \"b\", \"c\", \"q\"]"), "{}", first.0);
}

#[test]
fn the_whole_recipe_is_as_expected() {
    let manifest = "description = \"Fast\"\nrepository = \"https://github.com/x/cargo-x\"";
    let recipe = Cargo.build(&facts("cargo-x", manifest, MAIN)).unwrap();
    assert_eq!(
        recipe.to_toml(),
        r#"[metadata]
name = "cargo-x"
description = "Fast"
homepage = "https://github.com/x/cargo-x"
llm_validation = "skipped"

[[steps]]
action = "cargo_install"
crate = "cargo-x"
executables = ["cargo-x"]

[verify]
command = "cargo x --version"
pattern = "{version}"
"#
    );
}

#[test]
fn the_plan_compiles_one_version_from_the_mirror() {
    let facts = facts("x", "", &["src/bin/y.rs", "src/main.rs"]);
    let recipe = Cargo.build(&facts).unwrap();
    let argv = |origins: &Origins| {
        let plan = Cargo.install(&recipe, &facts, Environment::DebianX86, origins);
        let steps = &*plan.steps;
        let [
            InstallStep::Run { argv, env, network: true },
            InstallStep::Inspect { dir, executables },
        ] = steps
        else {
            panic!("{steps:?}")
        };
        assert_eq!((&*env["CARGO_HOME"], &*env["CARGO_TARGET_DIR"]), ("cargo-home", "target"));
        let names: Vec<&str> = executables.iter().map(CommandName::as_str).collect();
        assert_eq!((names, dir), (vec!["x", "y"], &plan.bin_dirs[0]));
        argv.join(" ")
    };
    assert_eq!(
        argv(&Origins::default()),
        "cargo install --locked --root prefix --version =1.2.3 x"
    );
    let mirror = Origins::new([("https://index.crates.io", "http://127.0.0.1:4873/index/")]);
    assert_eq!(
        argv(&mirror.unwrap()),
        "cargo install --locked --root prefix --version =1.2.3 \
         --config source.crates-io.replace-with=\"mirror\" \
         --config source.mirror.registry=\"sparse+http://127.0.0.1:4873/index/\" x"
    );
    assert!(Cargo.longest_step().unwrap().as_secs() == 20 * 60);
}
