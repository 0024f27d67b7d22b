//! Makes recipes from a project's files, with the real checks of requests: a request to a host that
//! the plugin does not declare would be refused.

use std::{
    io::{Cursor, Write as _},
    sync::Arc,
};

use batch_core::{
    decide::recipe as reader,
    io::{Origins, PoliteConfig, PoliteHttp},
    model::{
        Cell, CommandName, Environment, Executables, FailureKind, Finding, InstallStep,
        PackageFacts, PackageKind, Recipe,
    },
    plugin::{
        Missing, Names as _, NativeInstaller as _, RateLimit as _, RecipeBuilder as _, SourceError,
    },
};
use batch_sim::{SimClock, StaticTransport};
use zip::{CompressionMethod, ZipWriter, write::SimpleFileOptions};

use crate::{Pypi, recipe};

const FILES: &str = "https://files.pythonhosted.org/packages";
const PURE: &str = "x-1.2.3-py3-none-any.whl";
const POINTS: &str = "x-1.2.3.dist-info/entry_points.txt";

/// A file of a wheel: path, Unix permissions, content.
type Member<'a> = (&'a str, u32, &'a str);

/// One file of a project, as the registry describes it.
struct Published {
    name: String,
    content: Vec<u8>,
    /// More fields of the registry.
    more: &'static str,
}

fn published(name: &str, content: Vec<u8>) -> Published {
    Published { name: name.to_owned(), content, more: "" }
}

fn sha256(bytes: &[u8]) -> String {
    use sha2::{Digest as _, Sha256};
    let digest = Sha256::digest(bytes);
    let digits = digest.iter().map(|byte| format!("{byte:02x}"));
    digits.collect::<Vec<_>>().concat()
}

fn wheel_of(folder: &str, members: &[Member<'_>], padding: usize) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(vec![]));
    let plain = SimpleFileOptions::default();
    if 0 < padding {
        let stored = plain.compression_method(CompressionMethod::Stored);
        zip.start_file("x/data.bin", stored).unwrap();
        zip.write_all(&vec![7; padding]).unwrap();
    }
    for (path, mode, content) in members {
        zip.start_file(*path, plain.unix_permissions(*mode)).unwrap();
        zip.write_all(content.as_bytes()).unwrap();
    }
    for file in ["METADATA", "WHEEL"] {
        zip.start_file(format!("{folder}/{file}"), plain).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

/// A wheel of the project x, version 1.2.3.
fn wheel(members: &[Member<'_>]) -> Vec<u8> {
    wheel_of("x-1.2.3.dist-info", members, 0)
}

fn console(entries: &str) -> Vec<u8> {
    wheel(&[(POINTS, 0o644, &format!("[console_scripts]\n{entries}\n"))])
}

fn file_json(file: &Published) -> String {
    let Published { name, content, more } = file;
    let (digest, size) = (sha256(content), content.len());
    let more = if more.is_empty() { String::new() } else { format!(",{more}") };
    format!(
        r#"{{"filename":"{name}","url":"{FILES}/{name}","size":{size},"packagetype":"bdist_wheel",
        "digests":{{"blake2b_256":"0","md5":"0","sha256":"{digest}"}}{more}}}"#
    )
}

/// `/pypi/{name}/json` about `releases`; `info` describes the last one.
fn project_json(name: &str, info: &str, releases: &[(&str, Vec<String>)]) -> String {
    let info = if info.is_empty() { String::new() } else { format!(",{info}") };
    let (version, urls) = releases.last().unwrap();
    let urls = urls.join(",");
    let table: Vec<String> =
        releases.iter().map(|(it, files)| format!("\"{it}\":[{}]", files.join(","))).collect();
    let table = table.join(",");
    format!(
        r#"{{"info":{{"name":"{name}","version":"{version}"{info}}},"last_serial":7,
        "ownership":{{}},"releases":{{{table}}},"urls":[{urls}],"vulnerabilities":[]}}"#
    )
}

fn api(name: &str) -> String {
    format!("https://pypi.org/pypi/{name}/json")
}

/// A registry with `files` of the project x, version 1.2.3.
fn static_transport(info: &str, files: &[Published]) -> StaticTransport {
    let listed = files.iter().map(file_json).collect();
    let answer = project_json("x", info, &[("1.2.3", listed)]);
    let contents = files.iter().map(|it| (format!("{FILES}/{}", it.name), it.content.clone()));
    StaticTransport::new(contents.chain([(api("x"), answer.into_bytes())]))
}

/// The result of [`Pypi`] for the registry `static_transport`, and its requests.
fn asked(
    name: &str,
    static_transport: StaticTransport,
) -> (Result<Option<PackageFacts>, Finding>, Vec<String>) {
    let (clock, static_transport) = (SimClock::default(), Arc::new(static_transport));
    let quotas = Pypi.quotas().iter().copied();
    let cache = tempfile::tempdir().unwrap();
    let config =
        PoliteConfig::new(Arc::new(clock.clone()), static_transport.clone(), quotas, cache.path());
    let http = PoliteHttp::new(config);
    let facts = clock.run(Pypi.inspect(&http, &Pypi.normalise(name).unwrap()));
    (facts.map_err(|error: SourceError| error.finding()), static_transport.asked())
}

fn ask(static_transport: StaticTransport) -> Result<Option<PackageFacts>, Finding> {
    asked("x", static_transport).0
}

/// The facts of the project x, version 1.2.3, with one wheel for all machines.
fn facts(info: &str, content: Vec<u8>) -> PackageFacts {
    ask(static_transport(info, &[published(PURE, content)])).unwrap().unwrap()
}

fn of_members(members: &[Member<'_>]) -> PackageFacts {
    facts("", wheel(members))
}

fn commands(facts: &PackageFacts) -> String {
    let Executables::Known(names) = &facts.executables else { panic!("{facts:?}") };
    names.iter().map(CommandName::as_str).collect::<Vec<_>>().join(" ")
}

fn missing(facts: &PackageFacts) -> Missing {
    Pypi.build(facts).unwrap_err()
}

/// The recipe and its text; checks that the strict reader reads the same recipe back.
fn recipe(facts: &PackageFacts) -> (Recipe, String) {
    let recipe = Pypi.build(facts).unwrap();
    let text = recipe.to_toml();
    let read = reader::parse(&text, &[recipe::STEP]).unwrap();
    assert_eq!((&read.to_toml(), &read), (&text, &recipe));
    (recipe, text)
}

/// Fields of the project, entries of `console_scripts`, and parts of the recipe.
const SHAPES: &[(&str, &str, &[&str])] = &[
    (
        r#""summary":"modern HTTP client","home_page":"https://x.example/","license":"BSD",
        "classifiers":["Environment :: Console"],"provides_extra":["dev"],"requires_python":">=3.7""#,
        "http = x.__main__:main\nx = x.__main__:main\nhttps = x.__main__:main",
        &[
            "name = \"x\"",
            "description = \"modern HTTP client\"",
            "homepage = \"https://x.example/\"",
            "executables = [\"x\", \"http\", \"https\"]",
            "package = \"x\"",
            "command = \"x --version\"",
            "pattern = \"{version}\"",
        ],
    ),
    // The name of the project does not tell its commands.
    (
        "",
        "pip-sync = a:b\npip-compile = a:b",
        &["[\"pip-compile\", \"pip-sync\"]", "\"pip-compile --"],
    ),
    ("", "BlackD = a:b\nblackd = a:b", &["executables = [\"BlackD\", \"blackd\"]"]),
    ("", "a = a:b [d]\nz = a:b", &["executables = [\"z\", \"a\"]", "command = \"z --version\""]),
    ("", "rst2html.py = a:b", &["executables = [\"rst2html.py\"]"]),
    ("", "z = a:b\nx = a:b", &["binaries = [\"bin/x\", \"bin/z\"]"]),
    // If every command needs an extra, the recipe includes the extra.
    ("", "x = a:b [cli]", &["package = \"x[cli]\"", "executables = [\"x\"]"]),
    (
        r#""provides_extra":["CLI","web"]"#,
        "x = a:b [cli]\ny = a:b [ web, cli ]",
        &["package = \"x[cli,web]\""],
    ),
    (r#""provides_extra":["web"]"#, "x = a:b [cli]", &["package = \"x\""]),
    ("", "x = a:b [cli]\ny = a:b", &["package = \"x\"", "command = \"y --version\""]),
    ("", "x = a:b [--index-url=evil]", &["package = \"x\""]),
    ("", "x = a:b", &["description = \"x from PyPI\"", "llm_validation = \"skipped\""]),
    (r#""summary":"one\ntwo \u001b[1m""#, "x = a:b", &["description = \"one\""]),
    (r#""summary":["no text"],"keywords":7"#, "x = a:b", &["x from PyPI"]),
    (r#""summary":null,"description":null,"author":7"#, "x = a:b", &["x from PyPI"]),
];

#[test]
fn documented_shapes_become_recipes() {
    for (info, entries, parts) in SHAPES {
        let (_, text) = recipe(&facts(info, console(entries)));
        for part in *parts {
            assert!(text.contains(part), "{part:?} is not in\n{text}");
        }
    }
}

#[test]
fn the_homepage_is_the_first_https_address() {
    for (info, homepage) in [
        (r#""home_page":null,"project_urls":null"#, None),
        (
            r#""home_page":"","project_urls":{"Source":"https://s.example/","Homepage":"https://h.example/"}"#,
            Some("https://h.example/"),
        ),
        (
            r#""home_page":"http://x.example/","project_urls":{"GitHub":"https://g.example/"}"#,
            Some("https://g.example/"),
        ),
        (
            r#""home_page":"UNKNOWN","project_urls":{"Homepage":"javascript:alert(1)","Docs":"git@x:y"}"#,
            None,
        ),
        (r#""home_page":7,"project_urls":["https://x.example/"]"#, None),
    ] {
        let facts = facts(info, console("x = a:b"));
        assert_eq!(facts.homepage.as_deref(), homepage, "{info}");
        assert_eq!(recipe(&facts).1.contains("homepage"), homepage.is_some(), "{info}");
    }
}

#[test]
fn the_whole_recipe_is_as_expected() {
    let info = r#""summary":"Fast","home_page":"https://x.example/""#;
    assert_eq!(
        recipe(&facts(info, console("y = x:main\nx = x:main"))).1,
        r#"[metadata]
name = "x"
description = "Fast"
homepage = "https://x.example/"
llm_validation = "skipped"
binaries = ["bin/x", "bin/y"]

[[steps]]
action = "pipx_install"
executables = ["x", "y"]
package = "x"

[verify]
command = "x --version"
pattern = "{version}"
"#
    );
}

#[test]
fn a_name_is_requested_in_the_registrys_spelling() {
    let content = wheel_of("Friendly_Bard-1.0.dist-info", &[], 0);
    let file = published("Friendly_Bard-1.0-py3-none-any.whl", content.clone());
    let answer = project_json("Friendly.Bard", "", &[("1.0", vec![file_json(&file)])]);
    let url = format!("{FILES}/{}", file.name);
    let static_transport =
        StaticTransport::new([(api("friendly-bard"), answer.into_bytes()), (url.clone(), content)]);
    let (facts, asked) = asked("Friendly-._.-Bard", static_transport);
    assert_eq!(facts.unwrap().unwrap().id.to_string(), "pypi:friendly-bard");
    assert_eq!(asked, [api("friendly-bard"), url]);
}

#[test]
fn files_that_pip_copies_are_commands_beside_those_that_it_writes() {
    let script = |name: &str| format!("x-1.2.3.data/scripts/{name}");
    let (aws, cmd, sh) = (script("aws"), script("aws.cmd"), script("aws_completer.sh"));
    // The same situation as in awscli: there are no entry points.
    let only: [Member<'_>; 3] = [(&aws, 0o755, "#!python"), (&cmd, 0o755, ""), (&sh, 0o755, "")];
    assert_eq!(commands(&of_members(&only)), "aws aws.cmd aws_completer.sh");
    let both: Vec<Member<'_>> = vec![only[0], (POINTS, 0o644, "[console_scripts]\nx = a:b")];
    assert_eq!(commands(&of_members(&both)), "x aws");
    let (_, text) = recipe(&of_members(&only));
    assert!(text.contains("command = \"aws --version\""), "{text}");
    // Other folders with a similar path put nothing on PATH.
    let others: [Member<'_>; 3] = [
        ("x-1.2.3.data/data/bin/a", 0o755, ""),
        ("x-1.2.3.data/scripts/deep/b", 0o755, ""),
        ("x/x-1.2.3.data/scripts/c", 0o755, ""),
    ];
    assert_eq!(commands(&of_members(&others)), "");
}

#[test]
fn a_file_without_execute_permission_is_a_note_and_not_a_command() {
    let members: [Member<'_>; 2] =
        [("x-1.2.3.data/scripts/x", 0o755, ""), ("x-1.2.3.data/scripts/x.sh", 0o644, "")];
    let facts = of_members(&members);
    assert_eq!(commands(&facts), "x");
    assert_eq!(facts.notes, ["x.sh is installed beside its commands, but is not executable"]);
}

#[test]
fn similar_groups_put_nothing_on_path() {
    for group in ["pytest11", "scripts", "Console_Scripts", "console_scripts.x", "gui-scripts"] {
        let facts = of_members(&[(POINTS, 0o644, &format!("[{group}]\nx = a:b\n"))]);
        assert_eq!(missing(&facts).kind, FailureKind::LibraryOnly, "{group}");
    }
    let text = "[flake8.extension]\nF = a:b\n[gui_scripts]\nw = a:b\n[console_scripts]\nc = a:b";
    assert_eq!(commands(&of_members(&[(POINTS, 0o644, text)])), "c w");
}

#[test]
fn a_library_and_a_meta_package_install_no_command() {
    let meta = facts(r#""requires_dist":["tool==1.0"]"#, wheel(&[]));
    let library = of_members(&[("x/__init__.py", 0o644, ""), (POINTS, 0o644, "")]);
    for facts in [meta, library] {
        assert_eq!(facts.kind, PackageKind::Library);
        let missing = missing(&facts);
        assert_eq!(
            (missing.kind, &*missing.reason),
            (FailureKind::LibraryOnly, "x 1.2.3: it installs no command")
        );
    }
}

#[test]
fn the_record_is_read_if_nothing_else_lists_commands() {
    let record = "x-1.2.3.dist-info/RECORD";
    let rows = "../../../bin/y,sha256=a,1\nx/__init__.py,,\n";
    assert_eq!(commands(&of_members(&[(record, 0o644, rows)])), "y");
    let points = (POINTS, 0o644, "[console_scripts]\nx = a:b");
    assert_eq!(commands(&of_members(&[(record, 0o644, rows), points])), "x");
}

#[test]
fn an_unsafe_name_makes_all_commands_unknown() {
    for name in ["a b", "../x", "-rf", "x;id", "é", "sh/x"] {
        let facts = facts("", console(&format!("x = a:b\n{name} = a:b")));
        let missing = missing(&facts);
        assert_eq!(missing.kind, FailureKind::UnsafeName, "{name}");
        assert!(missing.reason.contains("invalid command name"), "{}", missing.reason);
    }
}

#[test]
fn without_a_wheel_the_commands_are_unknown() {
    let source = published("x-1.2.3.tar.gz", vec![]);
    let (facts, asked) = asked("x", static_transport(r#""summary":"s""#, &[source]));
    let facts = facts.unwrap().unwrap();
    assert!(facts.needs_discovery());
    assert_eq!((facts.kind, facts.artifacts.len()), (PackageKind::Tool, 1));
    assert_eq!(facts.artifacts[0].digest_verified, None);
    assert_eq!(asked, [api("x")], "the source is not fetched");
    let missing = missing(&facts);
    assert_eq!(
        (missing.kind, &*missing.reason),
        (
            FailureKind::BuildFromSource,
            "x 1.2.3: it is published as source only, and only running it tells its commands"
        )
    );
}

#[test]
fn wheels_for_unsupported_systems_do_not_count() {
    for name in ["x-1.2.3-py3-none-win_amd64.whl", "x-1.2.3-cp27-cp27mu-manylinux1_x86_64.whl"] {
        let facts =
            ask(static_transport("", &[published(name, console("x = a:b"))])).unwrap().unwrap();
        assert_eq!(missing(&facts).kind, FailureKind::NoBottle, "{name}");
        let source = published("x-1.2.3.zip", vec![]);
        let files = [published(name, console("x = a:b")), source];
        let facts = ask(static_transport("", &files)).unwrap().unwrap();
        assert_eq!(missing(&facts).kind, FailureKind::BuildFromSource, "{name}");
    }
}

#[test]
fn wheels_of_some_systems_constrain_the_recipe() {
    let names = [
        "x-1.2.3-py3-none-manylinux_2_17_x86_64.manylinux2014_x86_64.whl",
        "x-1.2.3-py3-none-macosx_11_0_arm64.whl",
        "x-1.2.3-py3-none-win_amd64.whl",
        "x-1.2.3.tar.gz",
    ];
    let files = names.map(|name| published(name, console("x = a:b")));
    let facts = ask(static_transport("", &files)).unwrap().unwrap();
    assert_eq!(facts.platforms, [Cell::LinuxGlibcX86, Cell::DarwinArm]);
    let cells: Vec<&[Cell]> = facts.artifacts.iter().map(|it| &*it.cells).collect();
    assert_eq!(cells, [&[Cell::LinuxGlibcX86][..], &[Cell::DarwinArm]]);
    let verified: Vec<_> = facts.artifacts.iter().map(|it| it.digest_verified).collect();
    assert_eq!(verified, [Some(true), None], "only one is read");
    let (recipe, text) = recipe(&facts);
    let metadata = recipe.metadata;
    assert!(text.contains("unsupported_platforms") || !metadata.supported_os.is_empty(), "{text}");
}

/// The version chosen from `releases`, each with the fields of its one file.
#[track_caller]
fn newest(releases: &[(&str, &'static str)]) -> Option<PackageFacts> {
    let file = |version: &str, more| {
        let members: &[Member<'_>] = &[(
            &format!("x-{version}.dist-info/entry_points.txt"),
            0o644,
            "[console_scripts]\nx=a:b",
        )];
        let content = wheel_of(&format!("x-{version}.dist-info"), members, 0);
        Published { name: format!("x-{version}-py3-none-any.whl"), content, more }
    };
    let files: Vec<(&str, Published)> =
        releases.iter().map(|&(version, more)| (version, file(version, more))).collect();
    let listed: Vec<(&str, Vec<String>)> =
        files.iter().map(|(version, file)| (*version, vec![file_json(file)])).collect();
    let answer = project_json("x", "", &listed);
    let contents = files.into_iter().map(|(_, it)| (format!("{FILES}/{}", it.name), it.content));
    ask(StaticTransport::new(contents.chain([(api("x"), answer.into_bytes())]))).unwrap()
}

const YANKED: &str = r#""yanked":true,"yanked_reason":"broken""#;

#[test]
fn the_newest_release_that_a_bare_name_installs_is_taken() {
    let version = |releases: &[(&str, &'static str)]| newest(releases).unwrap().version;
    assert_eq!(version(&[("1.9", ""), ("1.10", ""), ("1.2", "")]), "1.10");
    assert_eq!(version(&[("1.9", ""), ("2.0", YANKED)]), "1.9");
    assert_eq!(version(&[("1.9", ""), ("2.0rc1", "")]), "1.9");
    assert_eq!(version(&[("2024.1", ""), ("1!0.1", "")]), "1!0.1");
    assert_eq!(version(&[("1.0.post1", ""), ("1.0", r#""requires_python":null"#)]), "1.0.post1");
}

#[test]
fn a_prerelease_is_taken_with_a_note_if_there_is_no_release() {
    let facts = newest(&[("1.0b1", ""), ("1.0b2", ""), ("1.0b3", YANKED)]).unwrap();
    assert_eq!(facts.version, "1.0b2");
    assert_eq!(facts.notes, ["every version is a prerelease, and 1.0b2 the newest"]);
    assert!(recipe(&facts).1.contains("command = \"x --version\""));
}

#[test]
fn packages_that_cannot_be_installed_count_as_missing() {
    for releases in [&[("1.0", YANKED), ("2.0", YANKED)][..], &[("2.0b1", YANKED)]] {
        assert_eq!(missing(&newest(releases).unwrap()).kind, FailureKind::PackageNotFound);
    }
    assert_eq!(newest(&[("no version", "")]), None);
    let no_files = project_json("x", "", &[("1.0", vec![])]);
    assert_eq!(
        ask(StaticTransport::default().with(&api("x"), 200, no_files.as_bytes())).unwrap(),
        None
    );
    // The registry answers for a quarantined project as for one that never existed.
    for status in [404, 410, 451] {
        let body = br#"{"message": "Not Found"}"#;
        assert_eq!(ask(StaticTransport::default().with(&api("x"), status, body)).unwrap(), None);
    }
}

#[test]
fn an_invalid_answer_is_an_error_and_not_a_verdict() {
    let other = project_json("y", "", &[("1.0", vec![])]);
    for (status, body) in [
        (200, "<!doctype html><html><body>Checking your browser</body></html>"),
        (200, r#"{"info":{"name":"x","version":"1"#),
        (200, r#"{"message":"Not Found"}"#),
        (200, "[]"),
        (200, &*other),
        (403, "blocked"),
        (429, "slow down"),
        (503, "backend read error"),
    ] {
        let finding =
            ask(StaticTransport::default().with(&api("x"), status, body.as_bytes())).unwrap_err();
        assert!(finding.kind.row().breaker, "{status} {body}: {finding:?}");
    }
}

#[test]
fn a_missing_file_of_a_listed_release_blames_the_store() {
    let file = published(PURE, console("x = a:b"));
    let answer = project_json("x", "", &[("1.2.3", vec![file_json(&file)])]);
    let listed = || StaticTransport::default().with(&api("x"), 200, answer.as_bytes());
    for status in [200, 403, 404, 410, 416, 451] {
        let static_transport = listed().with(&format!("{FILES}/{PURE}"), status, b"");
        let finding = ask(static_transport).unwrap_err();
        assert_eq!(finding.kind, FailureKind::UpstreamUnavailable, "{status}");
        assert_eq!(finding.service.as_deref(), Some("files.pythonhosted.org"), "{status}");
    }
    let finding = ask(listed().with(&format!("{FILES}/{PURE}"), 401, b"")).unwrap_err();
    assert_eq!(finding.kind, FailureKind::AuthRequired);
}

#[test]
fn files_on_undeclared_hosts_are_not_requested() {
    for url in ["https://evil.example/x.whl", "http://files.pythonhosted.org/x.whl", "file:///x"] {
        let json = file_json(&published(PURE, vec![])).replace(&format!("{FILES}/{PURE}"), url);
        let answer = project_json("x", "", &[("1.2.3", vec![json])]);
        let (facts, asked) = asked("x", StaticTransport::new([(api("x"), answer.into_bytes())]));
        assert!(facts.is_err(), "{url}");
        assert_eq!(asked, [api("x")]);
    }
}

#[test]
fn a_wheel_with_another_digest_is_refused() {
    let kind = |static_transport: StaticTransport| ask(static_transport).unwrap_err().kind;
    let url = format!("{FILES}/{PURE}");
    let listed = || static_transport("", &[published(PURE, console("x = a:b"))]);
    assert!(ask(listed()).is_ok());
    let other = console("y = a:b");
    assert_eq!(kind(listed().with(&url, 200, &other)), FailureKind::ArchiveExtractionFailed);
    assert_eq!(kind(listed().with(&url, 200, b"no zip")), FailureKind::ArchiveExtractionFailed);
    for folders in [&["y-1.2.3.dist-info"][..], &[], &["x-1.2.3.dist-info", "x-1.dist-info"]] {
        let members: Vec<String> = folders.iter().map(|it| format!("{it}/RECORD")).collect();
        let members: Vec<Member<'_>> = members.iter().map(|it| (&**it, 0o644, "")).collect();
        let content = wheel_of("z", &members, 0);
        let static_transport = static_transport("", &[published(PURE, content)]);
        assert_eq!(kind(static_transport), FailureKind::ArchiveExtractionFailed, "{folders:?}");
    }
}

#[test]
fn an_unusual_spelling_of_the_metadata_folder_is_accepted_if_it_is_the_only_one() {
    let ask = |folders: &[&str]| {
        let text = "[console_scripts]\nx = a:b\n";
        let members: Vec<String> =
            folders.iter().map(|it| format!("{it}.dist-info/entry_points.txt")).collect();
        let members: Vec<Member<'_>> = members.iter().map(|it| (&**it, 0o644, text)).collect();
        let file = published("foo_bar-1.0-py3-none-any.whl", wheel_of("z", &members, 0));
        let answer = project_json("foo-bar", "", &[("1.0", vec![file_json(&file)])]);
        let url = format!("{FILES}/{}", file.name);
        let static_transport =
            StaticTransport::new([(url, file.content), (api("foo-bar"), answer.into_bytes())]);
        asked("foo-bar", static_transport).0.map(Option::unwrap).map_err(|finding| finding.kind)
    };
    let commands = ["x".parse().unwrap()];
    for folders in [
        &["foo_bar-1.0"][..],
        &["foo-bar-1.0"],
        &["Foo.Bar-1.0"],
        &["Foo--bar-1.0.post1"],
        // The one with the correct spelling takes precedence at any position.
        &["foo-bar-1.0", "foo_bar-1.0"],
    ] {
        let facts = ask(folders).unwrap();
        assert_eq!(facts.executables, Executables::Known(commands.to_vec()), "{folders:?}");
    }
    for folders in
        [&["foo-1.0"][..], &["foo-barn-1.0"], &["foo-bar-1.0", "foo-bar-1.1"], &["foo-bar"]]
    {
        assert_eq!(ask(folders), Err(FailureKind::ArchiveExtractionFailed), "{folders:?}");
    }
}

#[test]
fn complete_downloads_are_verified_and_partial_ones_are_marked() {
    let points = (POINTS, 0o644, "[console_scripts]\nx = a:b");
    let large = wheel_of("x-1.2.3.dist-info", &[points], 1 << 20);
    let verified = |static_transport: StaticTransport| {
        let facts = ask(static_transport).unwrap().unwrap();
        assert_eq!(commands(&facts), "x");
        facts.artifacts[0].digest_verified
    };
    let shelf_of = |content: &[u8]| static_transport("", &[published(PURE, content.to_vec())]);
    assert_eq!(verified(shelf_of(&console("x = a:b"))), Some(true));
    assert_eq!(verified(shelf_of(&large)), Some(false));
    assert_eq!(verified(shelf_of(&large).without_parts()), Some(true));
    let answer =
        project_json("x", "", &[("1.2.3", vec![file_json(&published(PURE, large.clone()))])]);
    let without = answer.replace(&sha256(&large), "");
    let unstated = shelf_of(&large).without_parts().with(&api("x"), 200, without.as_bytes());
    assert_eq!(verified(unstated), Some(false));
}

#[test]
fn only_small_parts_of_a_large_wheel_are_fetched() {
    let points = (POINTS, 0o644, "[console_scripts]\nx = a:b");
    let content = wheel_of("x-1.2.3.dist-info", &[points], 8 << 20);
    let (facts, asked) = asked("x", static_transport("", &[published(PURE, content)]));
    assert_eq!(commands(&facts.unwrap().unwrap()), "x");
    // Two ranges of 64 KiB, or three if the end of the file crosses a block.
    assert!((3..=4).contains(&asked.len()), "{asked:?}");
}

#[test]
fn a_list_of_files_may_be_long() {
    let file = file_json(&published(PURE, console("x = a:b")));
    let old = file.replace(PURE, "x-0.1-py3-none-any.whl");
    let versions: Vec<String> = (0..30_000).map(|n| format!("0.0.{n}")).collect();
    let mut releases: Vec<(&str, Vec<String>)> =
        versions.iter().map(|it| (&**it, vec![old.clone(), old.clone()])).collect();
    releases.push(("1.2.3", vec![file]));
    let answer = project_json("x", "", &releases);
    assert!(answer.len() > 15_000_000, "{}", answer.len());
    let listed = static_transport("", &[published(PURE, console("x = a:b"))]);
    let facts = ask(listed.with(&api("x"), 200, answer.as_bytes())).unwrap().unwrap();
    assert_eq!((&*facts.version, &*commands(&facts)), ("1.2.3", "x"));
}

#[test]
fn important_properties_are_noted() {
    let mut file = published(PURE, console("x = a:b\nd = a:b [server]"));
    file.more = r#""requires_python":">=3.12""#;
    let info = r#""classifiers":["Development Status :: 7 - Inactive",7]"#;
    let facts = ask(static_transport(info, &[file])).unwrap().unwrap();
    assert_eq!(
        facts.notes,
        [
            "needs Python >=3.12",
            "its authors call it inactive",
            "d works only with the extra server"
        ]
    );
}

#[test]
fn the_extra_that_a_command_needs_is_named() {
    let notes = |info: &str| facts(info, console("x = a:b [cli]")).notes;
    assert_eq!(notes(""), ["x works only with the extra cli, which is installed with it"]);
    let missing = "x works only with the extra cli, which the project does not have";
    assert_eq!(notes(r#""provides_extra":[]"#), [missing]);
}

#[test]
fn a_project_with_only_yanked_releases_cannot_be_installed() {
    let file = |version: &str, more: &'static str| {
        let name = format!("x-{version}-py3-none-any.whl");
        file_json(&Published { name, content: console("x = a:b"), more })
    };
    let yanked = file("1.0", r#""yanked":true,"yanked_reason":"broken\u001b""#);
    let answer =
        project_json("x", "", &[("1.0", vec![yanked]), ("2.0a1", vec![file("2.0a1", "")])]);
    let facts = ask(StaticTransport::new([(api("x"), answer.into_bytes())])).unwrap().unwrap();
    let missing = missing(&facts);
    assert_eq!(missing.kind, FailureKind::PackageNotFound);
    assert!(missing.reason.starts_with("x 1.0: every release is yanked (broken)"), "{missing}");
}

#[test]
fn the_order_of_keys_entries_and_files_does_not_change_the_recipe() {
    let entries = ["b = a:b", "x = a:b [d]", "a = a:b"];
    let urls = [
        r#""Source":"https://s.example/""#,
        r#""Docs":"https://d.example/""#,
        r#""GitHub":"https://g.example/""#,
    ];
    let names = [
        "x-1.2.3-cp311-cp311-manylinux_2_17_x86_64.whl",
        "x-1.2.3-cp312-cp312-manylinux_2_17_x86_64.whl",
        "x-1.2.3-cp312-cp312-macosx_11_0_arm64.whl",
    ];
    let text = |order: [usize; 3]| {
        let [entries, urls] = [entries, urls].map(|it| order.map(|i| it[i]));
        let content = console(&entries.join("\n"));
        let files = order.map(|i| published(names[i], content.clone()));
        let info = format!(r#""project_urls":{{{}}},"summary":"s""#, urls.join(","));
        let mut facts = ask(static_transport(&info, &files)).unwrap().unwrap();
        // The entries of the wheel itself have another order, so its digest differs.
        facts.artifacts.iter_mut().for_each(|it| it.digest.clear());
        (recipe(&facts).1, serde_json::to_string(&facts).unwrap())
    };
    let first = text([0, 1, 2]);
    for order in [[2, 1, 0], [1, 2, 0], [0, 2, 1]] {
        assert_eq!(text(order), first);
    }
    assert!(first.0.contains("[\"a\", \"b\", \"x\"]"), "{}", first.0);
    assert!(first.1.contains("cp312-manylinux"), "{}", first.1);
}

#[test]
fn a_project_without_a_wheel_is_installed_from_its_source_once_its_commands_are_known() {
    let source = published("x-1.2.3.tar.gz", vec![]);
    let facts = ask(static_transport("", &[source])).unwrap().unwrap();
    let (here, origins) = (Environment::DebianX86, Origins::default());
    let discovery = Pypi.discovery(&facts, here, &origins).unwrap();
    let [InstallStep::Run { .. }, InstallStep::Run { argv, network: true, .. }] =
        &*discovery.install.steps
    else {
        panic!("{discovery:?}")
    };
    let flags = "--prefer-binary --no-input --disable-pip-version-check --no-compile";
    let pip = format!("venv/bin/pip install {flags} --index-url=https://pypi.org/simple/ x==1.2.3");
    assert_eq!(argv.join(" "), pip);
    assert_eq!(discovery.listing.last().map(String::as_str), Some("x"));
    let names = ["b", "X", "a"].map(|name| name.parse().unwrap()).into();
    let facts = Pypi.discovered(facts, names);
    let (recipe, text) = recipe(&facts);
    assert!(text.contains("executables = [\"X\", \"a\", \"b\"]"), "{text}");
    assert!(text.contains("binaries = [\"bin/X\", \"bin/a\", \"bin/b\"]"), "{text}");
    let plan = Pypi.install(&recipe, &facts, here, &origins);
    let InstallStep::Run { argv, .. } = &plan.steps[1] else { panic!("{plan:?}") };
    assert_eq!(argv.join(" "), pip, "it is verified as it was discovered");
    let nothing = Pypi.discovered(facts, [].into());
    assert_eq!(missing(&nothing).kind, FailureKind::LibraryOnly);
}

#[test]
fn the_plan_installs_one_version_from_the_mirror_into_an_environment_of_its_own() {
    let facts = facts("", console("x = a:b\ny = a:b"));
    let recipe = Pypi.build(&facts).unwrap();
    let argv = |origins: &Origins| {
        let plan = Pypi.install(&recipe, &facts, Environment::DebianX86, origins);
        let [
            InstallStep::Run { argv: venv, network: false, .. },
            InstallStep::Run { argv, env, network: true },
            InstallStep::Inspect { dir, executables },
        ] = &*plan.steps
        else {
            panic!("{plan:?}")
        };
        assert_eq!(venv.join(" "), "python3 -m venv venv");
        assert_eq!((&*env["PIP_CONFIG_FILE"], &*env["PYTHONNOUSERSITE"]), ("/dev/null", "1"));
        let names: Vec<&str> = executables.iter().map(CommandName::as_str).collect();
        assert_eq!((names, dir), (vec!["x", "y"], &plan.bin_dirs[0]));
        argv.join(" ")
    };
    let flags = "venv/bin/pip install --only-binary=:all: --no-input --disable-pip-version-check \
                 --no-compile";
    assert_eq!(
        argv(&Origins::default()),
        format!("{flags} --index-url=https://pypi.org/simple/ x==1.2.3")
    );
    let carried = |package: &str| {
        let mut recipe = recipe.clone();
        recipe.steps[0].params.insert(recipe::PACKAGE.to_owned(), package.into());
        let plan = Pypi.install(&recipe, &facts, Environment::DebianX86, &Origins::default());
        let InstallStep::Run { argv, .. } = &plan.steps[1] else { panic!("{plan:?}") };
        argv.last().unwrap().clone()
    };
    assert_eq!(carried("x[cli,web]"), "x[cli,web]==1.2.3");
    for other in ["evil", "evil[cli]", "x[;rm]", "x]", "x[", "x @ file:///etc"] {
        assert_eq!(carried(other), "x==1.2.3", "{other}");
    }
    let mirror = Origins::new([("https://pypi.org", "http://127.0.0.1:3141/root/pypi/")]).unwrap();
    assert_eq!(
        argv(&mirror),
        format!("{flags} --index-url=http://127.0.0.1:3141/root/pypi/simple/ x==1.2.3")
    );
}
