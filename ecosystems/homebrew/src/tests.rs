//! Makes recipes from the documented formats, with the real checks of requests: a request to a host
//! that the plugin does not declare would be refused.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use batch_core::{
    decide::recipe as reader,
    io::{Origins, PoliteConfig, PoliteHttp, Request},
    model::{
        Access, Cell, CommandName, Environment, Executables, FailureKind, InstallStep,
        KnownRecipes, Metadata, PackageFacts, PackageKind, Recipe, RecipeName,
    },
    plugin::{
        Missing, Names as _, NativeInstaller as _, RateLimit as _, RecipeBuilder as _, SourceError,
    },
};
use batch_sim::{Answer, SimClock, SimTransport};
use serde_json::{Value, json};

use crate::{Homebrew, recipe};

const PAGE: &[(&str, &str)] = &[("content-type", "text/html")];
const NOT_FOUND: Answer = (404, PAGE, "<!DOCTYPE html>");
const ANYONE: &str = r#"{"token":"anyone"}"#;

/// A digest that begins with `c`.
fn digest(c: char) -> String {
    c.to_string().repeat(64)
}

/// The answers of a server by path. A path belongs to the host that is asked for it.
#[derive(Default)]
struct Server(BTreeMap<String, Answer>);

impl Server {
    fn with(mut self, path: &str, status: u16, body: &Value) -> Self {
        let body: &'static str = body.to_string().leak();
        self.0.insert(path.to_owned(), (status, &[("content-type", "application/json")], body));
        self
    }

    fn formula(self, formula: &Value) -> Self {
        let path = format!("/api/formula/{}.json", formula["name"].as_str().unwrap());
        self.with(&path, 200, formula)
    }

    /// An image index that lists these commands for the digest that begins with `c`.
    fn index(self, image: &str, tag: &str, c: char, commands: &str) -> Self {
        let entry = |digest: String, commands: &str| {
            json!({ "annotations": { "sh.brew.bottle.digest": digest,
                "sh.brew.path_exec_files": commands } })
        };
        let other = entry(digest('0'), "bin/not-this");
        let index = json!({ "schemaVersion": 2, "manifests": [other, entry(digest(c), commands)] });
        self.with(&format!("/v2/homebrew/core/{image}/manifests/{tag}"), 200, &index)
    }

    fn bottle(mut self, image: &str, sha256: &str, body: &'static str) -> Self {
        let path = format!("/v2/homebrew/core/{image}/blobs/sha256:{sha256}");
        self.0.insert(path, (200, &[], body));
        self
    }

    /// The result of [`Homebrew`] for this server, and the requested addresses.
    fn ask(self, name: &str) -> (Result<Option<PackageFacts>, SourceError>, Vec<String>) {
        let clock = SimClock::default();
        let answer = move |request: &Request| {
            let path = request.url.path().replace("%40", "@").replace("%2B", "+");
            if path == "/token" {
                return (200, &[] as &[_], ANYONE);
            }
            let is_secret = path.starts_with("/v2/");
            assert_eq!(request.auth.as_deref(), is_secret.then_some("anyone"), "{path}");
            self.0.get(path.as_str()).copied().unwrap_or(NOT_FOUND)
        };
        let transport = Arc::new(SimTransport::new(clock.clone(), Duration::ZERO, answer));
        let quotas = Homebrew.quotas().iter().copied();
        let cache = tempfile::tempdir().unwrap();
        let port = Arc::new(clock.clone());
        let config = PoliteConfig::new(port, transport.clone(), quotas, cache.path());
        let http = PoliteHttp::new(config);
        let facts = clock.run(Homebrew.inspect(&http, &name.parse().unwrap()));
        (facts, transport.sent().into_iter().map(|sent| sent.url).collect())
    }

    fn facts(self, name: &str) -> PackageFacts {
        self.ask(name).0.unwrap().unwrap()
    }
}

fn file(image: &str, c: char, cellar: &str) -> Value {
    let sha256 = digest(c);
    let url = format!("https://ghcr.io/v2/homebrew/core/{image}/blobs/sha256:{sha256}");
    json!({ "cellar": cellar, "url": url, "sha256": sha256 })
}

/// The formula `name` 1.0 with bottles for both systems, and `more` fields.
fn formula(name: &str, more: &Value) -> Value {
    let image = name.replace('@', "/").replace('+', "x");
    let mut formula = json!({
        "name": name, "full_name": name, "tap": "homebrew/core", "aliases": [], "oldnames": [],
        "desc": "Does it", "homepage": "https://example.org/", "revision": 0,
        "versions": { "stable": "1.0", "head": "HEAD", "bottle": true },
        "bottle": { "stable": { "rebuild": 0, "root_url": "https://ghcr.io/v2/homebrew/core",
            "files": {
                "sonoma": file(&image, 'a', ":any"), "arm64_sonoma": file(&image, 'b', ":any"),
                "arm64_tahoe": file(&image, 'c', ":any"), "tahoe": file(&image, 'd', ":any"),
                "x86_64_linux": file(&image, 'e', ":any"), "arm64_linux": file(&image, 'f', ":any"),
            } } },
        "keg_only": false, "dependencies": [], "uses_from_macos": [], "requirements": [],
        "deprecated": false, "disabled": false, "variations": {}, "unknown_key": [1, 2],
    });
    for (key, value) in more.as_object().unwrap() {
        formula[key] = value.clone();
    }
    formula
}

/// A server with that formula, whose image lists `commands` for Linux and macOS.
fn server(name: &str, commands: &str, more: &Value) -> Server {
    let image = name.replace('@', "/").replace('+', "x");
    let entry = |c| {
        json!({ "annotations": { "sh.brew.bottle.digest": digest(c),
            "sh.brew.path_exec_files": commands } })
    };
    let index = json!({ "manifests": [entry('c'), entry('e')] });
    let server = Server::default().formula(&formula(name, more));
    server.with(&format!("/v2/homebrew/core/{image}/manifests/1.0"), 200, &index)
}

/// Recipes, each with the formula that it satisfies; the formula is empty if it has the recipe's
/// name.
fn known(recipes: &[(&str, &str)]) -> KnownRecipes {
    let mut known = KnownRecipes::default();
    for (name, formula) in recipes {
        let formulae = formula.split_whitespace().map(str::to_owned).collect();
        let satisfies = BTreeMap::from([("homebrew".to_owned(), formulae)]);
        known.add_named(&name.parse().unwrap(), &satisfies);
    }
    known
}

/// One recipe for every dependency in `facts`, with the name that this plugin would give it.
fn complete(facts: &PackageFacts) -> KnownRecipes {
    let needed: Vec<String> = facts.runtime_dependencies.iter().map(ToString::to_string).collect();
    let names: Vec<RecipeName> = needed.iter().map(|name| RecipeName::nearest(name)).collect();
    let recipes = names.iter().zip(&needed).map(|(name, formula)| (name.as_str(), &**formula));
    known(&recipes.collect::<Vec<_>>())
}

/// The recipe when every dependency has one.
fn build(facts: &PackageFacts) -> Result<Recipe, Missing> {
    build_with(facts, &complete(facts))
}

fn build_with(facts: &PackageFacts, known: &KnownRecipes) -> Result<Recipe, Missing> {
    Homebrew.build(&Homebrew.resolve(facts.clone(), known))
}

/// Checks that the recipe's text contains all of `parts`, and that the strict reader reads the same
/// recipe back.
#[track_caller]
fn check(server: Server, name: &str, parts: &[&str]) -> PackageFacts {
    let facts = server.facts(name);
    let recipe = build(&facts).unwrap();
    let text = recipe.to_toml();
    for part in parts {
        assert!(text.contains(part), "{part:?} is not in\n{text}");
    }
    assert_eq!(reader::parse(&text, &[recipe::STEP]).unwrap(), recipe);
    facts
}

#[track_caller]
fn check_missing(server: Server, name: &str, kind: FailureKind, reason: &str) {
    let missing = build(&server.facts(name)).unwrap_err();
    assert_eq!((missing.kind, &*missing.reason), (kind, reason));
}

fn commands(facts: &PackageFacts) -> Vec<&str> {
    match &facts.executables {
        Executables::Known(names) => names.iter().map(CommandName::as_str).collect(),
        Executables::Unknown(unknown) => vec![&unknown.reason],
    }
}

#[test]
fn a_formula_with_a_command_is_one_pair_of_steps() {
    let facts = check(
        server("wget", "bin/wget", &json!({})),
        "wget",
        &[
            "name = \"wget\"",
            "description = \"Does it\"",
            "homepage = \"https://example.org/\"",
            "llm_validation = \"skipped\"",
            "supported_libc = [\"glibc\"]",
            "[[steps]]\naction = \"homebrew\"\nformula = \"wget\"\n\n[[steps]]\n\
         action = \"install_binaries\"\nbinaries = [\"bin/wget\"]",
            "[verify]\ncommand = \"wget --version\"\npattern = \"{version}\"",
        ],
    );
    assert_eq!(facts.kind, PackageKind::Tool);
    assert_eq!(facts.notes, Vec::<String>::new());
}

#[test]
fn the_command_with_the_formulas_name_is_first_even_if_the_name_has_a_version() {
    let of = |name: &str, list: &str| {
        let facts = server(name, list, &json!({})).facts(name);
        commands(&facts).join(" ")
    };
    assert_eq!(of("x", "bin/b,bin/x,sbin/a"), "x a b");
    assert_eq!(of("x@1", "bin/b,bin/x"), "x b");
}

#[test]
fn the_folder_of_a_command_is_never_guessed() {
    check(server("x", "sbin/x,bin/y", &json!({})), "x", &["binaries = [\"bin/y\", \"sbin/x\"]"]);
    // Files in other folders are not commands.
    let facts = server("x", "bin/x,libexec/bin/z,bin/sub/w,bin/", &json!({})).facts("x");
    assert_eq!(commands(&facts), ["x"]);
}

#[test]
fn the_newest_macos_and_both_processors_are_taken() {
    let facts = server("x", "bin/x", &json!({})).facts("x");
    let cells: Vec<(Cell, char)> = facts
        .artifacts
        .iter()
        .map(|it| (it.cells[0], it.digest.chars().nth("sha256-".len()).unwrap()))
        .collect();
    assert_eq!(
        cells,
        [
            (Cell::LinuxGlibcX86, 'e'),
            (Cell::LinuxGlibcArm, 'f'),
            (Cell::DarwinArm, 'c'),
            (Cell::DarwinX86, 'd'),
        ]
    );
    assert!(facts.artifacts[0].url.ends_with(&format!("x/blobs/sha256:{}#x/1.0", digest('e'))));
}

#[test]
fn an_image_name_is_encoded_and_its_tag_contains_revision_and_rebuild() {
    let name = "gtk+x@1.2";
    let image = "gtkxx/1.2";
    let files = json!({ "x86_64_linux": file(image, 'e', ":any") });
    let bottle = json!({ "stable": { "rebuild": 3, "files": files } });
    let more = json!({ "revision": 2, "bottle": bottle });
    let server = Server::default().formula(&formula(name, &more));
    let server = server.index(image, "1.0_2-3", 'e', "bin/gtk");
    let (facts, asked) = server.ask(name);
    let facts = facts.unwrap().unwrap();
    assert_eq!((commands(&facts), &*facts.version), (vec!["gtk"], "1.0"));
    assert!(facts.artifacts[0].url.ends_with("#gtk+x@1.2/1.0_2"), "{:?}", facts.artifacts);
    assert!(asked[1].ends_with("scope=repository%3Ahomebrew%2Fcore%2Fgtkxx%2F1.2%3Apull"));
    assert_eq!(asked[2], "https://ghcr.io/v2/homebrew/core/gtkxx/1.2/manifests/1.0_2-3");
    let recipe = build(&facts).unwrap();
    assert_eq!(recipe.metadata.name, "gtk+x-1.2");
    assert_eq!(recipe.metadata.satisfies["homebrew"], [name]);
    assert_eq!(recipe.metadata.supported_os, ["linux"]);
    assert_eq!(recipe.metadata.supported_arch, ["amd64"]);
}

/// A tar with these files, all of them programs, of the keg `x/1.0`; and its digest.
fn archive(files: &[(&str, u32)]) -> (&'static str, String) {
    let mut builder = tar::Builder::new(vec![]);
    for (path, mode) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(0);
        header.set_mode(*mode);
        builder.append_data(&mut header, format!("x/1.0/{path}"), &b""[..]).unwrap();
    }
    // The headers of such files are ASCII.
    let text: &'static str = String::from_utf8(builder.into_inner().unwrap()).unwrap().leak();
    (text, sha256(text.as_bytes()))
}

fn sha256(bytes: &[u8]) -> String {
    use sha2::Digest as _;
    use std::fmt::Write as _;
    sha2::Sha256::digest(bytes).iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}"); // a string takes everything
        hex
    })
}

/// The formula x with one bottle under `tag`, whose index lists nothing.
fn unlisted(tag: &str, files: &[(&str, u32)], more: &Value) -> Server {
    let (body, sha256) = archive(files);
    let url = format!("https://ghcr.io/v2/homebrew/core/x/blobs/sha256:{sha256}");
    let files = json!({ tag: { "cellar": ":any", "url": url, "sha256": sha256 } });
    let mut all = json!({ "bottle": { "stable": { "rebuild": 0, "files": files } } });
    for (key, value) in more.as_object().unwrap() {
        all[key] = value.clone();
    }
    Server::default().formula(&formula("x", &all)).bottle("x", &sha256, body)
}

#[test]
fn without_an_annotation_the_archive_is_read() {
    let files = &[
        ("bin/x", 0o755),
        ("bin/readme", 0o644),
        ("sbin/xd", 0o555),
        ("libexec/bin/inner", 0o755),
        ("lib/libx.so", 0o644),
    ];
    let facts = check(
        unlisted("x86_64_linux", files, &json!({})),
        "x",
        &["binaries = [\"bin/x\", \"sbin/xd\"]"],
    );
    assert_eq!(commands(&facts), ["x", "xd"]);
}

#[test]
fn a_library_has_its_files_as_outputs_and_nothing_to_verify() {
    let files = &[
        ("include/x/x.h", 0o644),
        ("lib/pkgconfig/x.pc", 0o644),
        ("lib/libx.so.1", 0o644),
        ("lib/libx.a", 0o644),
        ("lib/cmake/x.cmake", 0o644),
        ("share/doc/x", 0o644),
    ];
    let server = unlisted("x86_64_linux", files, &json!({ "executables": [] }));
    let facts = check(
        server,
        "x",
        &[
            "type = \"library\"",
            "install_mode = \"directory\"",
            "outputs = [\"lib/libx.a\", \"lib/libx.so.1\", \"lib/pkgconfig/x.pc\", \"include/x/x.h\"]",
        ],
    );
    assert_eq!((facts.kind, commands(&facts)), (PackageKind::Library, vec![]));
    assert_eq!(build(&facts).unwrap().verify, None);
}

#[test]
fn a_bottle_for_all_runs_anywhere_unless_something_it_needs_does_not() {
    let server = unlisted("all", &[("bin/x", 0o755)], &json!({}));
    let facts = check(server, "x", &["binaries = [\"bin/x\"]"]);
    assert_eq!((facts.platforms.len(), facts.artifacts.len()), (0, 1));
    let more = json!({ "dependencies": ["python@3.13"] });
    let facts = unlisted("all", &[("bin/x", 0o755)], &more).facts("x");
    assert_eq!(facts.platforms.len(), 4);
    let recipe = check_dependencies(&facts, &["python-3.13"]);
    assert_eq!(recipe.metadata.supported_libc, ["glibc"]);
}

fn check_dependencies(facts: &PackageFacts, expected: &[&str]) -> Recipe {
    let recipe = build(facts).unwrap();
    assert_eq!(recipe.metadata.runtime_dependencies, expected);
    recipe
}

#[test]
fn additional_dependencies_of_one_system_are_in_its_step() {
    let more = json!({
        "dependencies": ["zlib-ng"],
        "variations": { "x86_64_linux": { "dependencies": ["zlib-ng", "openssl@3"] } },
    });
    let facts = check(
        server("x", "bin/x", &more),
        "x",
        &[
            "runtime_dependencies = [\"zlib-ng\"]",
            "dependencies = [\"openssl-3\"]",
            "[steps.when]\nos = [\"linux\"]\nlibc = [\"glibc\"]",
            "[steps.when]\nos = [\"darwin\"]",
        ],
    );
    let needed: Vec<String> = facts.runtime_dependencies.iter().map(ToString::to_string).collect();
    assert_eq!(needed, ["zlib-ng", "openssl@3"], "as the registry spells them, for blockers");
    assert_eq!(build(&facts).unwrap().steps.len(), 4);
}

#[test]
fn dependencies_of_the_other_linux_processor_are_ignored() {
    let variation = json!({ "arm64_linux": { "dependencies": ["zlib-ng", "extra"] } });
    let more = json!({ "dependencies": ["zlib-ng"], "variations": variation });
    let facts = check(server("x", "bin/x", &more), "x", &[]);
    let needed: Vec<String> = facts.runtime_dependencies.iter().map(ToString::to_string).collect();
    assert_eq!(needed, ["zlib-ng"]);
}

#[test]
fn different_commands_on_macos_give_separate_steps() {
    let index = json!({ "manifests": [
        { "annotations": { "sh.brew.bottle.digest": digest('c'),
            "sh.brew.path_exec_files": "bin/x,bin/xmac" } },
        { "annotations": { "sh.brew.bottle.digest": digest('e'),
            "sh.brew.path_exec_files": "bin/x" } } ] });
    let union = json!({ "executables": ["x", "xmac"] });
    let server = Server::default().formula(&formula("x", &union));
    let server = server.with("/v2/homebrew/core/x/manifests/1.0", 200, &index);
    let facts =
        check(server, "x", &["binaries = [\"bin/x\"]", "binaries = [\"bin/x\", \"bin/xmac\"]"]);
    assert_eq!(commands(&facts), ["x"], "what is verified on Linux is there on Linux");
}

#[test]
fn an_index_that_contradicts_the_formula_is_ignored() {
    let (body, sha256) = archive(&[("bin/real", 0o755)]);
    let url = format!("https://ghcr.io/v2/homebrew/core/x/blobs/sha256:{sha256}");
    let files = json!({ "x86_64_linux": { "url": url, "sha256": sha256 } });
    let more = json!({ "executables": ["real"], "bottle": { "stable": { "files": files } } });
    let index = json!({ "manifests": [{ "annotations": { "sh.brew.bottle.digest": sha256,
        "sh.brew.path_exec_files": "bin/invented" } }] });
    let server = Server::default().formula(&formula("x", &more)).bottle("x", &sha256, body);
    let server = server.with("/v2/homebrew/core/x/manifests/1.0", 200, &index);
    assert_eq!(commands(&server.facts("x")), ["real"]);
}

/// Fields, kind, reason.
type Refused = (fn() -> Value, FailureKind, &'static str);

const REFUSED: &[Refused] = &[
    (
        || {
            json!({ "disabled": true, "disable_reason": "does_not_build",
            "disable_replacement_formula": "y" })
        },
        FailureKind::PackageNotFound,
        "x is disabled: does not build; y replaces it",
    ),
    (|| json!({ "bottle": {} }), FailureKind::NoBottle, "x has no bottle"),
    (
        || json!({ "bottle": { "stable": { "files": {} } } }),
        FailureKind::NoBottle,
        "x has no bottle",
    ),
    (
        || json!({ "versions": { "stable": null, "head": "HEAD", "bottle": false }, "bottle": {} }),
        FailureKind::NoBottle,
        "x has no stable version",
    ),
    (
        || json!({ "bottle": { "stable": { "files": { "arm64_tahoe": file("x", 'c', ":any") } } } }),
        FailureKind::NoBottle,
        "x has no bottle for Linux, only for arm64_tahoe",
    ),
    (
        || {
            json!({ "bottle": {}, "requirements": [
            { "name": "xcode", "contexts": ["build"] }, { "name": "macos", "contexts": [] }] })
        },
        FailureKind::NoBottle,
        "x requires what no bottle brings: macos",
    ),
    (
        || {
            let url = "https://homebrew.bintray.com/bottles/x-1.0.catalina.bottle.tar.gz";
            let file = json!({ "url": url, "sha256": digest('a') });
            json!({ "bottle": { "stable": { "files": { "x86_64_linux": file } } } })
        },
        FailureKind::NoBottle,
        "x has its bottles elsewhere than at ghcr.io",
    ),
    (
        || json!({ "bottle": { "stable": { "files": { "x86_64_linux": file("y", 'c', ":any") } } } }),
        FailureKind::NoBottle,
        "x has its bottles elsewhere than at ghcr.io",
    ),
];

#[test]
fn reasons_against_an_installation_are_distinguished() {
    for (more, kind, reason) in REFUSED {
        check_missing(Server::default().formula(&formula("x", &more())), "x", *kind, reason);
    }
}

#[test]
fn other_names_of_a_formula_lead_to_it() {
    for more in [
        json!({ "aliases": ["python3"] }),
        json!({ "oldnames": ["python3"] }),
        json!({ "oldname": "python3" }),
    ] {
        let answer = formula("python@3.13", &more);
        let server = Server::default().with("/api/formula/python3.json", 200, &answer);
        let reason = "python3 is another name of python@3.13: queue that";
        check_missing(server, "python3", FailureKind::PackageNotFound, reason);
    }
    let answer = formula("y", &json!({}));
    let server = Server::default().with("/api/formula/x.json", 200, &answer);
    let error = server.ask("x").0.unwrap_err();
    assert_eq!(error.finding().kind, FailureKind::UnexpectedResponse);
}

#[test]
fn a_formula_that_is_not_there_may_have_moved() {
    let moved = json!({ "x": "homebrew/cask/x" });
    let server = Server::default().with("/api/formula_tap_migrations.json", 200, &moved);
    let reason = "x has moved to \"homebrew/cask/x\"";
    check_missing(server, "x", FailureKind::PackageNotFound, reason);
    let moved = || Server::default().with("/api/formula_tap_migrations.json", 200, &json!({}));
    assert_eq!(moved().ask("x").0.unwrap(), None);
    // The list of all formulae that have moved is not there: that says nothing about this one.
    let finding = Server::default().ask("x").0.unwrap_err().finding();
    assert_eq!(finding.kind, FailureKind::UpstreamUnavailable);
}

#[test]
fn important_properties_are_noted() {
    let more = json!({ "deprecated": true, "deprecation_reason": "unmaintained", "keg_only": true,
        "post_install_defined": true, "service": { "run": ["x"] } });
    let notes = server("x", "bin/x", &more).facts("x").notes;
    for part in ["deprecated: unmaintained", "keg-only", "runs code after", "service"] {
        assert!(notes.iter().any(|note| note.contains(part)), "{part}: {notes:?}");
    }
    let files = json!({ "x86_64_linux": file("x", 'e', "/home/linuxbrew/.linuxbrew/Cellar") });
    let more = json!({ "bottle": { "stable": { "rebuild": 0, "files": files } } });
    let notes = server("x", "bin/x", &more).facts("x").notes;
    assert_eq!(notes, ["has paths of brew's own prefix in its programs"]);
}

#[test]
fn texts_of_the_registry_are_made_safe() {
    let more = json!({ "desc": "a\u{1b}[31m\nb\u{202e}", "homepage": "http://example.org/" });
    let recipe = build(&server("x", "bin/x", &more).facts("x")).unwrap();
    assert_eq!(recipe.metadata.description, "a[31mb");
    assert_eq!(recipe.metadata.homepage, "");
    let more = json!({ "desc": null, "homepage": null });
    check(server("x", "bin/x", &more), "x", &["description = \"x from Homebrew\""]);
    let facts = server("x", "bin/x,bin/$(id)", &json!({})).facts("x");
    assert_eq!(build(&facts).unwrap_err().kind, FailureKind::UnsafeName);
}

#[test]
fn an_answer_of_another_shape_is_an_error() {
    let hostile = json!({ "versions": { "stable": "../../etc" } });
    for answer in [
        json!([]),
        json!({ "name": "x" }),
        formula("x", &hostile),
        formula("x", &json!({ "bottle": 1 })),
        formula("x", &json!({ "dependencies": "y" })),
    ] {
        let server = Server::default().with("/api/formula/x.json", 200, &answer);
        let error = server.ask("x").0.unwrap_err();
        assert_eq!(error.finding().kind, FailureKind::UnexpectedResponse, "{answer}");
    }
}

#[test]
fn missing_and_changed_bottles_are_reported() {
    let server = Server::default().formula(&formula("x", &json!({})));
    let missing = build(&server.facts("x")).unwrap_err();
    assert_eq!(missing.kind, FailureKind::NoBottle);
    assert!(missing.reason.contains("names a bottle that is not there"), "{}", missing.reason);
    let server = Server::default().formula(&formula("x", &json!({})));
    let missing = build(&server.bottle("x", &digest('e'), "other").facts("x")).unwrap_err();
    assert_eq!(missing.kind, FailureKind::ArchiveExtractionFailed);
    let nothing = unlisted("x86_64_linux", &[("share/x", 0o644)], &json!({}));
    let facts = nothing.facts("x");
    let missing = build(&facts).unwrap_err();
    let reason = "x ships neither a command nor a library";
    assert_eq!((missing.kind, &*missing.reason), (FailureKind::LibraryOnly, reason));
    assert_eq!(facts.kind, PackageKind::Library);
}

#[test]
fn a_too_large_bottle_does_not_blame_its_store() {
    let mut server = Server::default().formula(&formula("x", &json!({})));
    let path = format!("/v2/homebrew/core/x/blobs/sha256:{}", digest('e'));
    server.0.insert(path, (200, &[("content-length", "999999999999")], ""));
    let missing = build(&server.facts("x")).unwrap_err();
    assert_eq!(missing.kind, FailureKind::ArchiveExtractionFailed);
    assert!(missing.reason.contains("more than 268435456 bytes"), "{}", missing.reason);
}

#[test]
fn a_store_that_refuses_is_blamed_and_not_the_formula() {
    let refusal = json!({ "errors": [{ "code": "DENIED" }] });
    for (status, kind) in [
        (401, FailureKind::AuthRequired),
        (403, FailureKind::AuthRequired),
        (429, FailureKind::RateLimited),
        (503, FailureKind::UpstreamUnavailable),
    ] {
        let path = "/v2/homebrew/core/x/manifests/1.0";
        let server = Server::default().formula(&formula("x", &json!({})));
        let finding = server.with(path, status, &refusal).ask("x").0.unwrap_err().finding();
        assert_eq!((finding.kind, finding.service.as_deref()), (kind, Some("ghcr.io")));
    }
}

#[test]
fn facts_contain_the_bottles_of_all_dependencies_on_linux() {
    let more = json!({ "dependencies": ["y"], "uses_from_macos": ["z", { "m4": "build" }] });
    let server = server("x", "bin/x", &more)
        .formula(&formula("y", &json!({ "dependencies": ["z", "x"], "revision": 1 })))
        .formula(&formula("z", &json!({})));
    let facts = server.facts("x");
    let kegs: Vec<&str> =
        facts.artifacts.iter().filter_map(|it| it.url.split('#').nth(1)).collect();
    assert_eq!(kegs[4..], ["y/1.0_1", "y/1.0_1", "z/1.0", "z/1.0"]);
    let recipe = check_dependencies(&facts, &["y"]);
    assert_eq!(recipe.steps[0].dependencies().collect::<Vec<_>>(), ["z"], "macOS has it");
}

/// The downloads in the plan of `recipe` beside the formula's own bottle.
fn beside(facts: &PackageFacts, recipe: &Recipe) -> Vec<String> {
    let plan = Homebrew.install(recipe, facts, Environment::DebianX86, &Origins::default());
    let keg = |step: InstallStep| {
        let InstallStep::Fetch { artifact, .. } = step else { return None };
        Some(artifact.url.split_once('#')?.1.to_owned())
    };
    plan.steps.into_iter().filter_map(keg).skip(1).collect()
}

#[test]
fn only_declared_dependencies_are_installed() {
    let more = json!({ "dependencies": ["y@2"], "uses_from_macos": ["z"] });
    let server = server("x", "bin/x", &more)
        .formula(&formula("y@2", &json!({ "dependencies": ["w", "v"] })))
        .formula(&formula("w", &json!({})))
        .formula(&formula("v", &json!({})))
        .formula(&formula("z", &json!({})));
    let facts = server.facts("x");
    let all = known(&[("y", "y@2"), ("w", ""), ("v", ""), ("z", "")]);
    let resolved = Homebrew.resolve(facts.clone(), &all);
    let recipe = Homebrew.build(&resolved).unwrap();
    assert_eq!(beside(&resolved, &recipe), ["y@2/1.0", "z/1.0", "w/1.0", "v/1.0"]);

    // A recipe that does not declare it does not get it.
    let mut less = recipe.clone();
    less.steps[0].params.remove("dependencies");
    assert_eq!(beside(&resolved, &less), ["y@2/1.0", "w/1.0", "v/1.0"]);
    less.metadata.runtime_dependencies.clear();
    assert_eq!(beside(&resolved, &less), [""; 0]);

    // The same holds if the recipe of a dependency does not declare it.
    let mut known = all;
    let of_y = Metadata { runtime_dependencies: vec!["v".to_owned()], ..Metadata::default() };
    let of_y = Recipe { metadata: of_y, version: None, steps: vec![], verify: None };
    known.add(&"y".parse().unwrap(), &of_y);
    let resolved = Homebrew.resolve(facts, &known);
    assert_eq!(beside(&resolved, &recipe), ["y@2/1.0", "z/1.0", "v/1.0"]);
}

#[test]
fn dependencies_are_resolved_to_the_recipes_that_satisfy_them() {
    let more = json!({ "dependencies": ["openssl@3", "gtk+3", "zstd", "sqlite"],
        "uses_from_macos": ["perl", { "m4": "build" }, { "flex": ["build", "test"] }] });
    let facts = server("x", "bin/x", &more).facts("x");
    let some =
        known(&[("openssl", "openssl@3"), ("gtk+3", ""), ("zstd", ""), ("sqlite3", "sqlite")]);
    let missing = build_with(&facts, &some).unwrap_err();
    assert_eq!(missing.kind, FailureKind::RecipeMissing);
    let blockers: Vec<String> = missing.blocked_by.iter().map(ToString::to_string).collect();
    assert_eq!(blockers, ["gtk+3", "perl"], "no dependency may be called gtk+3");
    assert_eq!(missing.reason, "x 1.0 needs recipes that do not exist: gtk+3, perl");
    let none = build_with(&facts, &KnownRecipes::default()).unwrap_err();
    assert_eq!(none.blocked_by.len(), 5);
    assert_eq!(none.blocked_by, Homebrew.build(&facts).unwrap_err().blocked_by);

    let mut all = some;
    all.add_named(
        &"gtk".parse().unwrap(),
        &[("homebrew".to_owned(), vec!["gtk+3".to_owned()])].into(),
    );
    all.add_named(&"perl".parse().unwrap(), &BTreeMap::new());
    let recipe = build_with(&facts, &all).unwrap();
    let named = ["openssl", "gtk", "zstd", "sqlite3"];
    assert_eq!(recipe.metadata.runtime_dependencies, named);
    let of_steps: Vec<Vec<&str>> =
        recipe.steps.iter().map(|step| step.dependencies().collect()).collect();
    assert_eq!(of_steps, [vec!["perl"], vec![], vec![], vec![]], "on Linux");
}

#[test]
fn a_formula_that_is_blocked_shows_the_recipe_that_it_will_have() {
    let facts = server("x", "bin/x", &json!({ "dependencies": ["y"] })).facts("x");
    let draft = Homebrew.build(&facts).unwrap_err().draft.unwrap();
    assert_eq!(*draft, build(&facts).unwrap());
}

#[test]
fn a_formula_for_one_system_has_one_list_of_dependencies() {
    let files = json!({ "x86_64_linux": file("x", 'e', ":any") });
    let more = json!({ "bottle": { "stable": { "rebuild": 0, "files": files } },
        "dependencies": ["y"], "uses_from_macos": ["z"],
        "variations": { "x86_64_linux": { "dependencies": ["y", "w"] } } });
    let facts = server("x", "bin/x", &more).facts("x");
    let recipe = check_dependencies(&facts, &["y", "w", "z"]);
    assert_eq!(recipe.steps.len(), 2);
    assert!(recipe.steps.iter().all(|step| step.when.is_none()));
}

/// A requirement, and a part of the recipe, for a formula with one bottle for all systems.
const REQUIRED: &[(&str, &str)] = &[
    (r#"{ "name": "macos", "version": null, "contexts": [] }"#, "supported_os = [\"darwin\"]"),
    (r#"{ "name": "linux", "contexts": [] }"#, "supported_os = [\"linux\"]"),
    (r#"{ "name": "arch", "version": "x86_64", "contexts": [] }"#, "supported_arch = [\"amd64\"]"),
    (r#"{ "name": "arch", "version": "arm64", "contexts": [] }"#, "supported_arch = [\"arm64\"]"),
];

#[test]
fn requirements_constrain_a_bottle_for_all() {
    for (requirement, part) in REQUIRED {
        let requirement: Value = serde_json::from_str(requirement).unwrap();
        let more = json!({ "requirements": [requirement] });
        check(unlisted("all", &[("bin/x", 0o755)], &more), "x", &[part]);
        // Requirements that only concern building have no effect.
        let mut to_build = requirement.clone();
        to_build["contexts"] = json!(["build"]);
        let more = json!({ "requirements": [to_build] });
        let facts = check(unlisted("all", &[("bin/x", 0o755)], &more), "x", &[]);
        assert_eq!(facts.platforms, [], "{requirement}");
    }
    let release = json!({ "name": "macos", "version": "13", "contexts": [] });
    let server = unlisted("all", &[("bin/x", 0o755)], &json!({ "requirements": [release] }));
    assert_eq!(check(server, "x", &[]).platforms, [], "a release of macOS does not exclude Linux");
    let odd = json!({ "requirements": [{ "name": "arch", "version": "ppc64le", "contexts": [] }] });
    let nowhere = unlisted("all", &[("bin/x", 0o755)], &odd);
    let reason = "x requires what no bottle brings: arch";
    check_missing(nowhere, "x", FailureKind::NoBottle, reason);
}

#[test]
fn requirements_constrain_bottles_of_single_platforms() {
    let files = json!({ "x86_64_linux": file("x", 'e', ":any"),
        "arm64_linux": file("x", 'f', ":any"), "arm64_tahoe": file("x", 'c', ":any") });
    let more = json!({ "bottle": { "stable": { "rebuild": 0, "files": files } },
        "requirements": [{ "name": "arch", "version": "x86_64", "contexts": [] }] });
    let facts = check(server("x", "bin/x", &more), "x", &["supported_arch = [\"amd64\"]"]);
    assert_eq!(facts.platforms, [Cell::LinuxGlibcX86]);
}

#[test]
fn a_versioned_formula_is_verified_by_the_command_that_carries_its_name() {
    for (name, commands, expected) in [
        ("python@3.13", "bin/2to3-3.13,bin/idle3.13,bin/pip3.13,bin/python3.13", "python3.13"),
        ("gcc@14", "bin/c++-14,bin/gcc-14,bin/cpp-14", "gcc-14"),
        ("autoconf@2.69", "bin/autoconf269,bin/autoheader269", "autoconf269"),
        ("node@20", "bin/corepack,bin/node,bin/npm", "node"),
        ("lua@5.4", "bin/a,bin/lua,bin/lua5.4", "lua5.4"),
        ("php@8.2", "bin/pear,bin/php8", "php8"),
        ("postgresql@16", "bin/psql,bin/clusterdb", "clusterdb"),
    ] {
        let facts = server(name, commands, &json!({})).facts(name);
        let verify = build(&facts).unwrap().verify.unwrap();
        assert_eq!(verify.command, format!("{expected} --version"), "{name}");
    }
}

#[test]
fn equal_answers_in_any_order_make_equal_bytes() {
    let more = json!({ "dependencies": ["b", "a"] });
    let facts = server("x", "bin/z,bin/x,bin/a", &more).facts("x");
    let shuffled = {
        let Value::Object(map) = formula("x", &more) else { panic!("it is an object") };
        let mut reversed = serde_json::Map::new();
        for (key, value) in map.into_iter().rev() {
            reversed.insert(key, value);
        }
        let files = reversed["bottle"]["stable"]["files"].as_object().unwrap().clone();
        let files: serde_json::Map<_, _> = files.into_iter().rev().collect();
        reversed["bottle"]["stable"]["files"] = Value::Object(files);
        let server = server("x", "bin/a,bin/x,bin/z", &more);
        server.with("/api/formula/x.json", 200, &Value::Object(reversed)).facts("x")
    };
    assert_eq!(facts, shuffled);
    assert_eq!(build(&facts).unwrap().to_toml(), build(&shuffled).unwrap().to_toml());
    assert!(facts == serde_json::from_str(&serde_json::to_string(&facts).unwrap()).unwrap());
}

#[test]
fn a_bottle_is_installed_without_running_its_programs() {
    let more = json!({ "dependencies": ["y"] });
    let server = server("x@1", "bin/x,sbin/xd", &more).formula(&formula("y", &json!({})));
    let facts = server.facts("x@1");
    let facts = Homebrew.resolve(facts.clone(), &complete(&facts));
    let recipe = Homebrew.build(&facts).unwrap();
    let origins = Origins::default();
    let plan = Homebrew.install(&recipe, &facts, Environment::DebianX86, &origins);
    let keg = "prefix/Cellar/x@1/1.0";
    assert_eq!(plan.bin_dirs[..2], [format!("{keg}/bin"), format!("{keg}/sbin")]);
    let token_place = |step: &InstallStep| {
        let InstallStep::Fetch { access: Access::TokenFrom(place), .. } = step else { return None };
        Some(place.clone())
    };
    let fetched: Vec<String> = plan.steps.iter().filter_map(token_place).collect();
    assert_eq!(fetched.len(), 2);
    assert!(fetched[0].ends_with("homebrew%2Fcore%2Fx%2F1%3Apull"), "{fetched:?}");
    let is_run = |step: &InstallStep| matches!(step, InstallStep::Run { .. });
    assert!(!plan.steps.iter().any(is_run));
    let inspected = plan.steps.iter().any(
        |step| matches!(step, InstallStep::Inspect { dir, .. } if *dir == format!("{keg}/sbin")),
    );
    assert!(inspected, "{:?}", plan.steps);
    let elsewhere = Homebrew.install(&recipe, &facts, Environment::AlpineX86, &origins);
    assert!(
        elsewhere.steps.iter().any(|step| {
            matches!(step, InstallStep::Inspect { dir, .. } if dir.contains("none"))
        })
    );
}

#[test]
fn a_name_goes_into_one_segment_of_the_address() {
    let name = Homebrew.normalise("GTK+3").unwrap();
    let moved = Server::default().with("/api/formula_tap_migrations.json", 200, &json!({}));
    let (facts, asked) = moved.ask(name.as_str());
    assert_eq!(facts.unwrap(), None);
    assert_eq!(asked[0], "https://formulae.brew.sh/api/formula/gtk+3.json");
}
