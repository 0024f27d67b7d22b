//! From the registry's files to recipes, through the real gates: a host that is not declared would
//! be refused here.

use std::{io::Write as _, sync::Arc, time::Duration};

use batch_core::{
    decide::recipe as reader,
    io::{Origins, PoliteConfig, PoliteHttp},
    model::{
        Cell, CommandName, Environment, Executables, FailureKind, InstallStep, PackageFacts,
        PackageKind, Recipe,
    },
    plugin::{NativeInstaller as _, RateLimit as _, RecipeBuilder as _, Seeder as _, SourceError},
};
use batch_sim::{Answer, Shelf, SimClock, SimTransport};

use crate::{RubyGems, recipe};

const SITE: &str = "https://rubygems.org";

/// What [`RubyGems`] makes of a registry with `files`, and what it asked for.
fn ask(
    gem: &str,
    files: Vec<(String, Vec<u8>)>,
) -> (Result<Option<PackageFacts>, SourceError>, Vec<String>) {
    ask_shelf(gem, Shelf::new(files))
}

fn ask_shelf(gem: &str, shelf: Shelf) -> (Result<Option<PackageFacts>, SourceError>, Vec<String>) {
    let clock = SimClock::default();
    let shelf = Arc::new(shelf);
    let cache = tempfile::tempdir().unwrap();
    let quotas = RubyGems.quotas().iter().copied();
    let config = PoliteConfig::new(Arc::new(clock.clone()), shelf.clone(), quotas, cache.path());
    let http = PoliteHttp::new(config);
    let facts = clock.run(RubyGems.inspect(&http, &gem.parse().unwrap()));
    (facts, shelf.asked())
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
enum Era {
    /// Since RubyGems 2: the specification comes first.
    New,
    /// Before: the files come first.
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
fn gem(name: &str, version: &str, fields: &str, era: Era) -> Vec<u8> {
    let spec = format!(
        "--- !ruby/object:Gem::Specification\nname: {name}\nversion: !ruby/object:Gem::Version\n  \
         version: {version}\nplatform: ruby\n{fields}\n"
    );
    let (metadata, data) = (("metadata.gz", gzip(&spec)), ("data.tar.gz", vec![7; 1 << 20]));
    let sums = ("checksums.yaml.gz", gzip("---\n"));
    match era {
        Era::New => gem_file(&[metadata, data, sums]),
        Era::Old => gem_file(&[data, metadata]),
    }
}

fn files(name: &str, fields: &str) -> Vec<(String, Vec<u8>)> {
    let file = gem(name, "1.2.3", fields, Era::New);
    vec![index(name, &["1.2.3 |checksum:00"]), (format!("{SITE}/gems/{name}-1.2.3.gem"), file)]
}

fn facts(name: &str, fields: &str) -> PackageFacts {
    ask(name, files(name, fields)).0.unwrap().unwrap()
}

fn read(recipe: &Recipe) -> Result<Recipe, reader::RecipeError> {
    reader::parse(&recipe.to_toml(), &[recipe::STEP])
}

/// Gem, fields of its specification, and what the recipe says.
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
    // The name of the gem says nothing about its commands.
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
fn what_cannot_become_a_recipe_says_why() {
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
fn a_damaged_gem_is_a_verdict_on_the_gem_and_no_error_of_the_registry() {
    let whole = gem("x", "1.2.3", "executables:\n- x", Era::Old);
    let bomb = gem_file(&[("metadata.gz", gzip(&" ".repeat(9 << 20)))]);
    for (file, reason) in [
        (whole[..whole.len() / 2].to_vec(), "ends before its end"),
        (vec![b'x'; 5000], "cannot be read"),
        (gem_file(&[("data.tar.gz", vec![1])]), "no metadata.gz"),
        (gem_file(&[("metadata.gz", b"a text, and no gzip".to_vec())]), "damaged"),
        (gem_file(&[("metadata.gz", gzip("a: ["))]), "cannot be read"),
        (bomb, "more than"),
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
fn the_specification_is_found_wherever_it_lies_without_the_rest_of_the_gem() {
    for era in [Era::New, Era::Old] {
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
                gem("x", version, "executables:\n- x", Era::New),
            )
        };
        versions.iter().map(file).chain([index("x", &lines)]).collect()
    };
    let newest = ask("x", files(&["2.0.0.rc1", "1.10", "1.9"])).0.unwrap().unwrap();
    assert_eq!((&*newest.version, newest.notes.len()), ("1.10", 0));
    let older = ask("x", files(&["1.9"])).0.unwrap().unwrap();
    assert_eq!(older.version, "1.9");
    assert_eq!(older.notes, ["version 1.10 is listed, and its file is not there"]);
    let denied = |there: &[&str], denied: &[&str]| {
        let body = b"<?xml version=\"1.0\"?><Error><Code>AccessDenied</Code></Error>";
        let url = |version: &&str| format!("{SITE}/gems/x-{version}.gem");
        let deny = |shelf: Shelf, version| shelf.with(&url(version), 403, body);
        denied.iter().fold(Shelf::new(files(there)), deny)
    };
    assert_eq!(ask_shelf("x", denied(&["1.9"], &["1.10"])).0.unwrap().unwrap(), older);
    let none = [ask("x", files(&["2.0.0.rc1"])), ask_shelf("x", denied(&[], &["1.10", "1.9"]))];
    for (facts, _) in none {
        let error = facts.unwrap_err();
        let finding = error.finding();
        assert_eq!(finding.kind, FailureKind::UpstreamUnavailable, "{error:?}");
        assert_eq!(finding.service.as_deref(), Some("rubygems.org"));
    }
}

#[test]
fn what_nobody_could_install_is_not_there() {
    assert_eq!(ask("x", vec![]).0.unwrap(), None);
    for lines in [&[][..], &["1.0.0.rc1 |checksum:00"], &["1.0-java |checksum:00"]] {
        let (facts, asked) = ask("x", vec![index("x", lines)]);
        assert_eq!(facts.unwrap(), None, "{lines:?}");
        assert_eq!(asked, ["https://rubygems.org/info/x"]);
    }
}

#[test]
fn what_the_site_has_given_up_is_asked_for_by_nothing() {
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
            let page = clock.run(RubyGems.discover(&http, source, cursor.as_deref(), 100));
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
fn an_answer_that_is_not_understood_is_an_error_and_no_verdict() {
    for body in ["<html>login</html>", r#"{"error":"x"}"#, "---\nnonsense\n"] {
        let files = vec![(format!("{SITE}/info/x"), body.as_bytes().to_vec())];
        assert!(ask("x", files).0.is_err(), "{body}");
    }
}

/// Of x 1.2.3 with these lines in the index; of its files those that have `executables`.
fn of_platforms(lines: &[&str], executables: &[(&str, &str)]) -> PackageFacts {
    let file = |(platform, executables): &(&str, &str)| {
        let file = gem("x", "1.2.3", &format!("executables: {executables}"), Era::New);
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
fn commands_are_those_of_the_file_that_the_machine_installs() {
    let lines = [
        "1.2.3 |checksum:00",
        "1.2.3-x86_64-linux-gnu |checksum:00",
        "1.2.3-arm64-darwin |checksum:00",
    ];
    // The file for ruby is empty: cells without a compiled one have nothing to run.
    let empty = [("", "[]"), ("-x86_64-linux-gnu", "[tool]"), ("-arm64-darwin", "[tool]")];
    let facts = of_platforms(&lines, &empty);
    assert_eq!(commands(&facts), "tool");
    assert_eq!(facts.platforms, [Cell::LinuxGlibcX86, Cell::DarwinArm]);
    assert_eq!(facts.artifacts.len(), 2);
    assert!(facts.notes.iter().any(|note| note.contains("for ruby has other commands")));
    assert_eq!(read(&RubyGems.build(&facts).unwrap()).unwrap().metadata.supported_os.len(), 0);
    // Where all have the same, every cell can install it.
    let same = [("", "[x]"), ("-x86_64-linux-gnu", "[x]"), ("-arm64-darwin", "[x]")];
    let facts = of_platforms(&lines, &same);
    assert_eq!((commands(&facts), facts.platforms.len(), facts.notes.len()), ("x".into(), 0, 0));
    assert_eq!(facts.artifacts.len(), 3);
    // What the first machine installs goes before what others do.
    let other = [("", "[b]"), ("-x86_64-linux-gnu", "[a]"), ("-arm64-darwin", "[a, b]")];
    let facts = of_platforms(&lines, &other);
    assert_eq!((commands(&facts), facts.platforms), ("a".into(), vec![Cell::LinuxGlibcX86]));
    // The compiled file is empty, and the others do the work.
    let reversed = [("", "[x]"), ("-x86_64-linux-gnu", "[]"), ("-arm64-darwin", "[x]")];
    let facts = of_platforms(&lines, &reversed);
    assert_eq!((commands(&facts), facts.platforms.len()), ("x".into(), 5));
    // A file that is not there can be installed by nobody.
    let facts = of_platforms(&lines, &[("", "[x]"), ("-arm64-darwin", "[x]")]);
    assert_eq!((commands(&facts), facts.platforms.len()), ("x".into(), 5));
    let missing = "version 1.2.3 for x86_64-linux-gnu is listed, and its file is not there";
    assert_eq!(facts.notes, [missing]);
    // All of them are a library.
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
fn what_a_person_should_know_is_noted() {
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
fn the_order_of_fields_changes_no_byte() {
    let fields = ["executables:\n- b\n- x\n- a", "summary: does", "homepage: https://x.example/"];
    let text = |order: [usize; 3]| {
        let fields: Vec<&str> = order.iter().map(|&i| fields[i]).collect();
        RubyGems.build(&facts("x", &fields.join("\n"))).unwrap().to_toml()
    };
    assert_eq!(text([0, 1, 2]), text([2, 1, 0]));
    assert_eq!(text([0, 1, 2]), text([1, 2, 0]));
}

#[test]
fn the_whole_recipe_is_these_bytes() {
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
    assert!(plan.runs_package_code);
}
