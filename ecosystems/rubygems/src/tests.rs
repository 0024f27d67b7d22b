//! Makes recipes from the registry's files, with the real checks of requests: a request to a host
//! that the plugin does not declare would be refused.

use std::{io::Write as _, sync::Arc, time::Duration};

use batch_core::{
    decide::recipe as reader,
    io::{Origins, PoliteConfig, PoliteHttp},
    model::{
        Cell, CommandName, Environment, Executables, FailureKind, InstallStep, PackageFacts,
        PackageKind, Recipe,
    },
    plugin::{
        NativeInstaller as _, PageRequest, RateLimit as _, RecipeBuilder as _, Seeder as _,
        SourceError,
    },
};
use batch_sim::{Answer, SimClock, SimTransport, StaticTransport};

use crate::{ID, RubyGems, recipe};

const SITE: &str = "https://rubygems.org";

/// The result of [`RubyGems`] for a registry with `files`, and its requests.
fn ask(
    gem: &str,
    files: Vec<(String, Vec<u8>)>,
) -> (Result<Option<PackageFacts>, SourceError>, Vec<String>) {
    ask_static(gem, StaticTransport::new(files))
}

fn ask_static(
    gem: &str,
    static_transport: StaticTransport,
) -> (Result<Option<PackageFacts>, SourceError>, Vec<String>) {
    let clock = SimClock::default();
    let static_transport = Arc::new(static_transport);
    let cache = tempfile::tempdir().unwrap();
    let quotas = RubyGems.quotas().iter().copied();
    let config =
        PoliteConfig::new(Arc::new(clock.clone()), static_transport.clone(), quotas, cache.path());
    let http = PoliteHttp::new(config);
    let facts = clock.run(RubyGems.inspect(&http, &gem.parse().unwrap()));
    (facts, static_transport.asked())
}

fn index(gem: &str, lines: &[&str]) -> (String, Vec<u8>) {
    (format!("{SITE}/info/{gem}"), format!("---\n{}\n", lines.join("\n")).into_bytes())
}

fn gzip(text: &str) -> Vec<u8> {
    let mut gzip = flate2::write::GzEncoder::new(vec![], flate2::Compression::fast());
    gzip.write_all(text.as_bytes()).unwrap();
    gzip.finish().unwrap()
}

/// The order of a gem's members.
#[derive(Clone, Copy)]
enum MemberOrder {
    /// Since RubyGems 2, the specification comes first.
    New,
    /// Before RubyGems 2, the files come first.
    Old,
}

fn gem_file(members: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut archive = tar::Builder::new(vec![]);
    for (path, bytes) in members {
        let mut entry = tar::Header::new_gnu();
        entry.set_size(u64::try_from(bytes.len()).unwrap());
        entry.set_mode(0o444);
        entry.set_cksum();
        archive.append_data(&mut entry, path, bytes.as_slice()).unwrap();
    }
    archive.into_inner().unwrap()
}

/// A gem whose specification has `fields`, with a megabyte of files.
fn gem(name: &str, version: &str, fields: &str, era: MemberOrder) -> Vec<u8> {
    let spec = format!(
        "--- !ruby/object:Gem::Specification\nname: {name}\nversion: !ruby/object:Gem::Version\n  \
         version: {version}\nplatform: ruby\n{fields}\n"
    );
    let (metadata, data) = (("metadata.gz", gzip(&spec)), ("data.tar.gz", vec![7; 1 << 20]));
    let sums = ("checksums.yaml.gz", gzip("---\n"));
    match era {
        MemberOrder::New => gem_file(&[metadata, data, sums]),
        MemberOrder::Old => gem_file(&[data, metadata]),
    }
}

fn files(name: &str, fields: &str) -> Vec<(String, Vec<u8>)> {
    let file = gem(name, "1.2.3", fields, MemberOrder::New);
    vec![index(name, &["1.2.3 |checksum:00"]), (format!("{SITE}/gems/{name}-1.2.3.gem"), file)]
}

fn facts(name: &str, fields: &str) -> PackageFacts {
    ask(name, files(name, fields)).0.unwrap().unwrap()
}

fn read(recipe: &Recipe) -> Result<Recipe, reader::RecipeError> {
    reader::parse(&recipe.to_toml(), &[recipe::STEP])
}

/// Gem, fields of its specification, and parts of the recipe.
const SHAPES: &[(&str, &str, &[&str])] = &[
    (
        "fpm",
        "summary: Packaging made simple\nhomepage: https://fpm.example/\nbindir: bin\nexecutables:\n- fpm",
        &[
            "name = \"fpm\"",
            "description = \"Packaging made simple\"",
            "homepage = \"https://fpm.example/\"",
            "executables = [\"fpm\"]",
            "gem = \"fpm\"",
            "command = \"fpm --version\"",
            "pattern = \"{version}\"",
        ],
    ),
    // The name of the gem does not tell its commands.
    (
        "bundler",
        "bindir: exe\nexecutables:\n- bundle\n- bundler",
        &["executables = [\"bundler\", \"bundle\"]", "command = \"bundler --version\""],
    ),
    ("cocoapods", "executables:\n- pod\n- sandbox-pod", &["command = \"pod --version\""]),
    (
        "CFPropertyList",
        "executables:\n- plutil.rb",
        &["name = \"cfpropertylist\"", "gem = \"CFPropertyList\"", "executables = [\"plutil.rb\"]"],
    ),
    (
        "3scale_toolbox",
        "executables:\n- 3scale",
        &["name = \"3scale_toolbox\"", "executables = [\"3scale\"]"],
    ),
    ("jekyll-theme.x", "executables:\n- x", &["name = \"jekyll-theme.x\""]),
    (
        "x",
        "executables:\n- x",
        &["description = \"x from RubyGems\"", "llm_validation = \"skipped\""],
    ),
    ("x", "executables:\n- z\n- x\n- a", &["executables = [\"x\", \"a\", \"z\"]"]),
    ("x", "executables:\n- b\n- a", &["command = \"a --version\""]),
    ("x", "default_executable: x\nexecutables: \n- x\n", &["executables = [\"x\"]"]),
    ("x", "executables: [x]\nsummary: \"one\\ntwo \\e[1m\"", &["description = \"one\""]),
    ("x", "executables: [x]\nsummary: |-\n  folded\n  text", &["description = \"folded\""]),
    ("x", "executables: [x]\nsummary: ''\ndescription: of the long text", &["of the long text"]),
    ("x", "executables: [x]\nextensions:\n- ext/extconf.rb", &["executables = [\"x\"]"]),
    ("x", "executables: [x]\nmetadata:\n  executables: evil\n", &["executables = [\"x\"]"]),
    (
        "x",
        "dependencies:\n- !ruby/object:Gem::Dependency\n  name: y\n  requirement: &1 !ruby/object:Gem::Requirement\n    requirements:\n    - - \">=\"\n      - !ruby/object:Gem::Version\n        version: '0'\n  version_requirements: *1\nexecutables:\n- x",
        &["executables = [\"x\"]"],
    ),
];

#[test]
fn documented_shapes_become_recipes() {
    for (name, fields, parts) in SHAPES {
        let recipe = RubyGems.build(&facts(name, fields)).unwrap();
        let text = recipe.to_toml();
        for part in *parts {
            assert!(text.contains(part), "{part:?} is not in\n{text}");
        }
        assert_eq!(read(&recipe).unwrap(), recipe);
        assert_eq!(read(&recipe).unwrap().to_toml(), text);
    }
}

#[test]
fn packages_without_a_recipe_state_the_reason() {
    for (fields, kind, reason) in [
        ("executables: []", FailureKind::LibraryOnly, "x 1.2.3 has no executables"),
        ("summary: a library", FailureKind::LibraryOnly, "x 1.2.3 has no executables"),
        ("executables: ", FailureKind::LibraryOnly, "x 1.2.3 has no executables"),
        ("executables:\n- ../x", FailureKind::UnsafeName, "invalid command name \"../x\""),
        ("executables:\n- x\n- -rf", FailureKind::UnsafeName, "invalid command name \"-rf\""),
        (
            "executables:\n- [x]",
            FailureKind::BinaryDiscoveryFailed,
            "its list of executables holds what is no text",
        ),
        ("executables: [", FailureKind::ArchiveExtractionFailed, "x 1.2.3 cannot be read: "),
        ("name: y", FailureKind::ArchiveExtractionFailed, "its metadata is of y 1.2.3"),
        ("version: 9", FailureKind::ArchiveExtractionFailed, "its metadata is of x 9"),
    ] {
        let missing = RubyGems.build(&facts("x", fields)).unwrap_err();
        assert_eq!(missing.kind, kind, "{fields}: {}", missing.reason);
        assert!(missing.reason.contains(reason), "{}", missing.reason);
    }
    assert_eq!(facts("x", "executables: []").kind, PackageKind::Library);
}

#[test]
fn a_damaged_gem_is_a_verdict_and_not_an_error_of_the_registry() {
    let whole = gem("x", "1.2.3", "executables:\n- x", MemberOrder::Old);
    let bomb = gem_file(&[("metadata.gz", gzip(&" ".repeat(9 << 20)))]);
    for (file, reason) in [
        (whole[..whole.len() / 2].to_vec(), "is incomplete"),
        (vec![b'x'; 5000], "cannot be read"),
        (gem_file(&[("data.tar.gz", vec![1])]), "no metadata.gz"),
        (gem_file(&[("metadata.gz", b"a text, and no gzip".to_vec())]), "damaged"),
        (gem_file(&[("metadata.gz", gzip("a: ["))]), "cannot be read"),
        (bomb, "larger than"),
    ] {
        let files =
            vec![index("x", &["1.2.3 |checksum:00"]), (format!("{SITE}/gems/x-1.2.3.gem"), file)];
        let facts = ask("x", files).0.unwrap().unwrap();
        let missing = RubyGems.build(&facts).unwrap_err();
        assert_eq!(missing.kind, FailureKind::ArchiveExtractionFailed, "{}", missing.reason);
        assert!(missing.reason.contains(reason), "{reason}: {}", missing.reason);
    }
}

#[test]
fn the_specification_is_found_at_any_position_without_the_rest_of_the_gem() {
    for era in [MemberOrder::New, MemberOrder::Old] {
        let file = gem("x", "1.2.3", "executables:\n- x", era);
        let files =
            vec![index("x", &["1.2.3 |checksum:00"]), (format!("{SITE}/gems/x-1.2.3.gem"), file)];
        let (facts, asked) = ask("x", files);
        assert_eq!(facts.unwrap().unwrap().kind, PackageKind::Tool);
        assert!(asked.len() <= 4, "{asked:?}");
    }
}

#[test]
fn the_newest_release_that_has_its_file_is_taken() {
    let lines = ["2.0.0.rc1 |checksum:00", "1.10 |checksum:00", "1.9 |checksum:00"];
    let files = |versions: &[&str]| {
        let file = |version: &&str| {
            (
                format!("{SITE}/gems/x-{version}.gem"),
                gem("x", version, "executables:\n- x", MemberOrder::New),
            )
        };
        versions.iter().map(file).chain([index("x", &lines)]).collect()
    };
    let newest = ask("x", files(&["2.0.0.rc1", "1.10", "1.9"])).0.unwrap().unwrap();
    assert_eq!((&*newest.version, newest.notes.len()), ("1.10", 0));
    let older = ask("x", files(&["1.9"])).0.unwrap().unwrap();
    assert_eq!(older.version, "1.9");
    assert_eq!(older.notes, ["version 1.10 is listed, but its file does not exist"]);
    let denied = |there: &[&str], denied: &[&str]| {
        let body = b"<?xml version=\"1.0\"?><Error><Code>AccessDenied</Code></Error>";
        let url = |version: &&str| format!("{SITE}/gems/x-{version}.gem");
        let deny = |static_transport: StaticTransport, version| {
            static_transport.with(&url(version), 403, body)
        };
        denied.iter().fold(StaticTransport::new(files(there)), deny)
    };
    assert_eq!(ask_static("x", denied(&["1.9"], &["1.10"])).0.unwrap().unwrap(), older);
    let none = [ask("x", files(&["2.0.0.rc1"])), ask_static("x", denied(&[], &["1.10", "1.9"]))];
    for (facts, _) in none {
        let error = facts.unwrap_err();
        let finding = error.finding();
        assert_eq!(finding.kind, FailureKind::UpstreamUnavailable, "{error:?}");
        assert_eq!(finding.service.as_deref(), Some("rubygems.org"));
    }
}

#[test]
fn packages_that_cannot_be_installed_count_as_missing() {
    assert_eq!(ask("x", vec![]).0.unwrap(), None);
    for lines in [&[][..], &["1.0.0.rc1 |checksum:00"], &["1.0-java |checksum:00"]] {
        let (facts, asked) = ask("x", vec![index("x", lines)]);
        assert_eq!(facts.unwrap(), None, "{lines:?}");
        assert_eq!(asked, ["https://rubygems.org/info/x"]);
    }
}

#[test]
fn removed_endpoints_of_the_site_are_not_used() {
    const GONE: Answer = (410, &[], "This endpoint is not supported anymore");
    let clock = SimClock::default();
    let transport =
        SimTransport::new(clock.clone(), Duration::ZERO, |request| match request.url.path() {
            path if path.contains("/downloads") => GONE,
            "/api/v1/search.json" => (200, &[("date", "Fri, 20 Nov 2026 10:00:00 GMT")], "[]"),
            _ => (404, &[], "This rubygem could not be found."),
        });
    let (transport, cache) = (Arc::new(transport), tempfile::tempdir().unwrap());
    let quotas = RubyGems.quotas().iter().copied();
    let port = Arc::new(clock.clone());
    let http = PoliteHttp::new(PoliteConfig::new(port, transport.clone(), quotas, cache.path()));
    for source in RubyGems.sources() {
        let (n_before, mut cursor) = (transport.sent().len(), None);
        for _ in 0..100 {
            let (ecosystem, names, http) = (&ID, &RubyGems, &http);
            let (place, limit): (Option<String>, _) = (cursor.take(), 100);
            let cursor_before = place.as_deref();
            let wanted =
                PageRequest { ecosystem, names, http, source, cursor: cursor_before, limit };
            let page = clock.run(wanted.page(&RubyGems));
            cursor = page.ok().and_then(|page| page.next_cursor);
            if cursor.is_none() {
                break;
            }
        }
        assert_eq!(cursor, None, "{} ends", source.name);
        assert!(n_before < transport.sent().len(), "{} asks", source.name);
    }
    assert_eq!(clock.run(RubyGems.inspect(&http, &"x".parse().unwrap())).unwrap(), None);
    let asked: Vec<String> = transport.sent().into_iter().map(|sent| sent.url).collect();
    assert!(asked.contains(&format!("{SITE}/info/x")), "{asked:?}");
    let given_up = asked.iter().filter(|url| url.contains("/downloads"));
    assert_eq!(given_up.collect::<Vec<_>>(), [""; 0]);
}

#[test]
fn an_invalid_answer_is_an_error_and_not_a_verdict() {
    for body in ["<html>login</html>", r#"{"error":"x"}"#, "---\nnonsense\n"] {
        let files = vec![(format!("{SITE}/info/x"), body.as_bytes().to_vec())];
        assert!(ask("x", files).0.is_err(), "{body}");
    }
}

/// The facts of the gem x, version 1.2.3, with these lines in the index; only the files with
/// `executables` exist.
fn of_platforms(lines: &[&str], executables: &[(&str, &str)]) -> PackageFacts {
    let file = |(platform, executables): &(&str, &str)| {
        let file = gem("x", "1.2.3", &format!("executables: {executables}"), MemberOrder::New);
        (format!("{SITE}/gems/x-1.2.3{platform}.gem"), file)
    };
    let files = executables.iter().map(file).chain([index("x", lines)]);
    ask("x", files.collect()).0.unwrap().unwrap()
}

fn commands(facts: &PackageFacts) -> String {
    let Executables::Known(names) = &facts.executables else { panic!("{facts:?}") };
    names.iter().map(CommandName::as_str).collect::<Vec<_>>().join(" ")
}

#[test]
fn commands_are_those_of_the_chosen_file() {
    let lines = [
        "1.2.3 |checksum:00",
        "1.2.3-x86_64-linux-gnu |checksum:00",
        "1.2.3-arm64-darwin |checksum:00",
    ];
    // The file for ruby is empty, so cells without a compiled file have no commands.
    let empty = [("", "[]"), ("-x86_64-linux-gnu", "[tool]"), ("-arm64-darwin", "[tool]")];
    let facts = of_platforms(&lines, &empty);
    assert_eq!(commands(&facts), "tool");
    assert_eq!(facts.platforms, [Cell::LinuxGlibcX86, Cell::DarwinArm]);
    assert_eq!(facts.artifacts.len(), 2);
    assert!(facts.notes.iter().any(|note| note.contains("for ruby has other commands")));
    assert_eq!(read(&RubyGems.build(&facts).unwrap()).unwrap().metadata.supported_os.len(), 0);
    // If all files have the same commands, every cell can install it.
    let same = [("", "[x]"), ("-x86_64-linux-gnu", "[x]"), ("-arm64-darwin", "[x]")];
    let facts = of_platforms(&lines, &same);
    assert_eq!((commands(&facts), facts.platforms.len(), facts.notes.len()), ("x".into(), 0, 0));
    assert_eq!(facts.artifacts.len(), 3);
    // The commands of the first cell take precedence.
    let other = [("", "[b]"), ("-x86_64-linux-gnu", "[a]"), ("-arm64-darwin", "[a, b]")];
    let facts = of_platforms(&lines, &other);
    assert_eq!((commands(&facts), facts.platforms), ("a".into(), vec![Cell::LinuxGlibcX86]));
    // The compiled file is empty, and the other files have the content.
    let reversed = [("", "[x]"), ("-x86_64-linux-gnu", "[]"), ("-arm64-darwin", "[x]")];
    let facts = of_platforms(&lines, &reversed);
    assert_eq!((commands(&facts), facts.platforms.len()), ("x".into(), 5));
    // A missing file cannot be installed.
    let facts = of_platforms(&lines, &[("", "[x]"), ("-arm64-darwin", "[x]")]);
    assert_eq!((commands(&facts), facts.platforms.len()), ("x".into(), 5));
    let missing = "version 1.2.3 for x86_64-linux-gnu is listed, but its file does not exist";
    assert_eq!(facts.notes, [missing]);
    // If all files are empty, the gem is a library.
    let none = [("", "[]"), ("-x86_64-linux-gnu", "[]"), ("-arm64-darwin", "[]")];
    assert_eq!(of_platforms(&lines, &none).kind, PackageKind::Library);
}

#[test]
fn a_name_that_is_written_as_binary_is_read() {
    let facts = facts("x", "executables:\n- !binary |-\n  eA==\n- !binary |-\n  Y2Fw");
    assert_eq!(commands(&facts), "x cap");
    let unsafe_name = "executables:\n- !binary |-\n  Li4veA==";
    let missing = RubyGems.build(&self::facts("x", unsafe_name)).unwrap_err();
    assert_eq!(missing.kind, FailureKind::UnsafeName, "{missing}");
}

#[test]
fn compiled_gems_alone_constrain_the_recipe() {
    let lines = [
        "1.2.3-x86_64-linux |checksum:00",
        "1.2.3-arm64-darwin |checksum:00",
        "1.2.3-java |checksum:00",
    ];
    let facts = of_platforms(&lines, &[("-x86_64-linux", "[x]"), ("-arm64-darwin", "[x]")]);
    assert_eq!(facts.platforms, [Cell::LinuxGlibcX86, Cell::LinuxMuslX86, Cell::DarwinArm]);
    assert_eq!(facts.artifacts.len(), 2);
    assert_eq!(facts.artifacts[1].url, "https://rubygems.org/gems/x-1.2.3-arm64-darwin.gem");
    assert_eq!(facts.notes, ["compiled gems only, which no other platform can install"]);
    let recipe = RubyGems.build(&facts).unwrap();
    assert!(recipe.to_toml().contains("unsupported_platforms"), "{}", recipe.to_toml());
    assert_eq!(read(&recipe).unwrap(), recipe);
}

#[test]
fn important_properties_are_noted() {
    let notes = |fields: &str| facts("x", &format!("executables: [x]\n{fields}")).notes;
    assert_eq!(notes("extensions: []"), [""; 0]);
    assert!(notes("extensions:\n- ext/extconf.rb")[0].starts_with("compiles native code"));
    assert!(notes("files:\n- lib/rubygems_plugin.rb")[0].starts_with("extends gem itself"));
}

#[test]
fn only_a_homepage_by_https_is_kept() {
    for (homepage, kept) in [
        ("https://x.example/", true),
        ("http://x.example/", false),
        ("'javascript:alert(1)'", false),
        ("[]", false),
        ("", false),
    ] {
        let facts = facts("x", &format!("executables: [x]\nhomepage: {homepage}"));
        assert_eq!(facts.homepage.is_some(), kept, "{homepage}");
        assert!(read(&RubyGems.build(&facts).unwrap()).is_ok(), "{homepage}");
    }
}

#[test]
fn the_order_of_fields_does_not_change_the_recipe() {
    let fields = ["executables:\n- b\n- x\n- a", "summary: does", "homepage: https://x.example/"];
    let text = |order: [usize; 3]| {
        let fields: Vec<&str> = order.iter().map(|&i| fields[i]).collect();
        RubyGems.build(&facts("x", &fields.join("\n"))).unwrap().to_toml()
    };
    assert_eq!(text([0, 1, 2]), text([2, 1, 0]));
    assert_eq!(text([0, 1, 2]), text([1, 2, 0]));
}

#[test]
fn the_whole_recipe_is_as_expected() {
    let fields = "summary: The Cocoa manager\nhomepage: https://pods.example\nexecutables:\n- pod";
    let recipe = RubyGems.build(&facts("cocoapods", fields)).unwrap();
    assert_eq!(
        recipe.to_toml(),
        r#"[metadata]
name = "cocoapods"
description = "The Cocoa manager"
homepage = "https://pods.example"
llm_validation = "skipped"

[[steps]]
action = "gem_install"
executables = ["pod"]
gem = "cocoapods"

[verify]
command = "pod --version"
pattern = "{version}"
"#
    );
}

#[test]
fn the_plan_installs_one_version_from_the_mirror_into_its_own_folder() {
    let facts = facts("x", "executables:\n- x\n- y");
    let recipe = RubyGems.build(&facts).unwrap();
    let origins = Origins::new([("https://rubygems.org", "http://127.0.0.1:9292/")]).unwrap();
    let plan = RubyGems.install(&recipe, &facts, Environment::DebianX86, &origins);
    let [
        InstallStep::Run { argv, env, network: true },
        InstallStep::Inspect { dir, executables },
        InstallStep::Export { folders },
    ] = &*plan.steps
    else {
        panic!("{plan:?}")
    };
    assert_eq!(
        argv.join(" "),
        "gem install --norc --no-document --no-user-install --no-post-install-message \
         --minimal-deps --install-dir=gems --bindir=bin --clear-sources \
         --source=http://127.0.0.1:9292/ --version=1.2.3 x"
    );
    assert_eq!((&*env["GEM_HOME"], &*folders["GEM_PATH"]), ("gems", "gems"));
    let names: Vec<&str> = executables.iter().map(CommandName::as_str).collect();
    assert_eq!((names, dir), (vec!["x", "y"], &plan.bin_dirs[0]));
}
