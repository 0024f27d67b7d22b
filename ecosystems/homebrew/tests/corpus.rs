//! Runs the plugin on recorded answers. The test is reported as ignored if the recordings are
//! missing; every recording is either used or listed with the reason why not. No bottle was
//! recorded, so a formula that could be installed ends with a missing bottle, under the right image
//! and tag.

#![expect(clippy::disallowed_methods, reason = "a test that reads files of a corpus")]

use std::{fs, path::Path, process::ExitCode, sync::Arc, time::Duration};

use batch_conformance::all_are_named;
use batch_core::{
    io::{PoliteConfig, PoliteHttp, Request},
    model::SeedSkip,
    plugin::{PageRequest, Registry},
};
use batch_sim::{Answer, SimClock, SimTransport};
use eco_homebrew as _;
use libtest_mimic::{Arguments, Failed, Trial};

const RECORDINGS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/corpus/registries");
const FORMULAE: &str = "homebrew-formula";

/// The file, and the address of its image index or the reason why none is requested.
const TRIED: &[(&str, &str)] = &[
    ("acl.json", "/acl/manifests/2.3.1"),
    ("adr-tools.json", "adr-tools has no bottle"),
    ("bison@2.7.json", "/bison/2.7/manifests/2.7.1_1"),
    ("ca-certificates.json", "/ca-certificates/manifests/2024-09-24"),
    ("cmake.json", "/cmake/manifests/3.30.5"),
    ("gtk+3.json", "gtk+3 has its bottles elsewhere than at ghcr.io"),
    ("harfbuzz.json", "/harfbuzz/manifests/10.0.1_1-1"),
    ("jpeg-turbo.json", "/jpeg-turbo/manifests/3.0.4"),
    ("lz4.json", "/lz4/manifests/1.10.0-1"),
    ("meson.json", "/meson/manifests/1.6.0"),
    ("openssl@3.json", "/openssl/3/manifests/3.3.2"),
    ("python@3.13.json", "/python/3.13/manifests/3.13.0_1"),
];
const INSTALLS: &str = "install-on-request.homebrew-core.30d.json";
/// Files with tests of their own, with these exceptions: index pages, analytics of all taps (the
/// seeder reads those of the core tap), and files of casks, which belong to another plugin.
const OTHERS: &[(&str, &[&str])] = &[
    (FORMULAE, &["brew-info-v2.json", "INDEX.md"]),
    ("ghcr", &["cowsay-3.04_1.index.json", "INDEX.md"]),
    (
        "homebrew-analytics",
        &[
            INSTALLS,
            "install-on-request.30d.json",
            "cask-install.homebrew-cask.30d.json",
            "INDEX.md",
        ],
    ),
    ("homebrew-executables", &["executables.txt", "INDEX.md"]),
];

fn main() -> ExitCode {
    let is_absent = !Path::new(RECORDINGS).is_dir();
    let tried = TRIED.iter().map(|&(file, expected)| {
        Trial::test(file, move || {
            let name = file.trim_end_matches(".json");
            check(name, &read(FORMULAE, file)?, None, expected)
        })
    });
    let own = [
        Trial::test("every_formula_of_a_list_is_read", every_formula_of_a_list),
        Trial::test("an_index_without_lists_of_commands_is_read", index_without_lists),
        Trial::test("installs_and_executables_are_joined", installs_and_executables),
        Trial::test("every_recording_is_tried_or_named", every_recording_is_known),
    ];
    let trials = tried.chain(own).map(|trial| trial.with_ignored_flag(is_absent)).collect();
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

fn read(folder: &str, file: &str) -> Result<String, Failed> {
    Ok(fs::read_to_string(Path::new(RECORDINGS).join(folder).join(file))?)
}

/// Requests `name` when only `formula` and `index` exist.
fn check(name: &str, formula: &str, index: Option<&str>, expected: &str) -> Result<(), Failed> {
    let formula: &'static str = formula.to_owned().leak();
    let index: Option<&'static str> = index.map(|index| &*index.to_owned().leak());
    let own = format!("/api/formula/{name}.json");
    let answer = move |request: &Request| -> Answer {
        let path = request.url.path();
        match index {
            _ if path == own => (200, &[], formula),
            _ if path == "/token" => (200, &[], r#"{"token":"anyone"}"#),
            Some(index) if path.contains("/manifests/") => (200, &[], index),
            Some(_) | None => (404, &[], "{}"),
        }
    };
    let clock = SimClock::default();
    let transport = Arc::new(SimTransport::new(clock.clone(), Duration::ZERO, answer));
    let registry = Registry::linked()?;
    let plugin = registry.iter().next().ok_or("no plugin is linked")?;
    let cache = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let port = Arc::new(clock.clone());
    let config = PoliteConfig::new(port, transport.clone(), registry.quotas(), cache);
    let http = PoliteHttp::new(config);
    let builder = plugin.recipe_builder.ok_or("no builder")?;
    let name = plugin.names.normalise(name)?;
    let facts = clock.run(builder.inspect(&http, &name))?.ok_or("it is not there")?;
    let Err(missing) = builder.build(&facts) else { return Err("there is a recipe".into()) };
    let asked = transport.sent().into_iter().any(|sent| sent.url.ends_with(expected));
    let is_gone = missing.reason.contains("names a bottle that is not there");
    if missing.reason == expected || asked && is_gone {
        return Ok(());
    }
    Err(format!("{}; asked {:?}", missing.reason, transport.sent()).into())
}

fn every_formula_of_a_list() -> Result<(), Failed> {
    let list: serde_json::Value = serde_json::from_str(&read(FORMULAE, "brew-info-v2.json")?)?;
    let formulae = list["formulae"].as_array().ok_or("no list")?;
    for formula in formulae {
        let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
        let (name, version) = (text(&formula["name"]), text(&formula["versions"]["stable"]));
        let has_bottles = formula["bottle"]["stable"]["files"].as_object();
        let has_bottles = has_bottles.is_some_and(|files| !files.is_empty());
        let expected = if has_bottles {
            format!("/manifests/{version}")
        } else {
            format!("{name} has no bottle")
        };
        check(&name, &formula.to_string(), None, &expected)?;
    }
    if formulae.len() == 3 { Ok(()) } else { Err("not all of them".into()) }
}

/// The digest of the index's first bottle is used as that of a bottle for Linux.
fn index_without_lists() -> Result<(), Failed> {
    let index = read("ghcr", "cowsay-3.04_1.index.json")?;
    let sha256 = "422c58f10fc2441a62a90864d01b83176ebda627f9a8c29b34f89f4f1f86618e";
    if !index.contains(sha256) {
        return Err("the recording is another one".into());
    }
    let url = format!("https://ghcr.io/v2/homebrew/core/cowsay/blobs/sha256:{sha256}");
    let formula = serde_json::json!({ "name": "cowsay", "revision": 1,
        "versions": { "stable": "3.04" },
        "bottle": { "stable": { "files": { "x86_64_linux": { "url": url, "sha256": sha256 } } } } });
    check("cowsay", &formula.to_string(), Some(&index), "/cowsay/manifests/3.04_1")
}

/// The lists are from different years, and the second one is cut off before the letter m. So every
/// name with an a is in both, or was removed.
fn installs_and_executables() -> Result<(), Failed> {
    let registry = Registry::linked()?;
    let plugin = registry.iter().next().ok_or("no plugin is linked")?;
    let seeder = plugin.seeder.ok_or("no seeder")?;
    let source = &seeder.sources()[0];
    let installs: &'static str = read("homebrew-analytics", INSTALLS)?.leak();
    let executables: &'static str = read("homebrew-executables", "executables.txt")?.leak();
    let is_list = |request: &Request| request.url.path().ends_with("/executables.txt");
    let answer = move |request: &Request| {
        (200, &[] as &[_], if is_list(request) { executables } else { installs })
    };
    let clock = SimClock::default();
    let transport = SimTransport::new(clock.clone(), Duration::ZERO, answer);
    let cache = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let port = Arc::new(clock.clone());
    let config = PoliteConfig::new(port, Arc::new(transport), registry.quotas(), cache);
    let http = PoliteHttp::new(config);
    let page = clock.run(PageRequest::first(plugin, &http, source).page(seeder))?;
    let best = page.candidates.first().ok_or("no candidate")?;
    let popularity = best.popularity.as_ref().ok_or("of unknown popularity")?;
    let n_of = |reason: SeedSkip| page.passed_over.iter().filter(|it| it.reason == reason).count();
    let counts = [SeedSkip::Library, SeedSkip::NotThere, SeedSkip::InvalidName].map(n_of);
    let is_read = best.id.to_string() == "homebrew:ack"
        && (popularity.value, popularity.as_of.to_string()) == (13_771, "2021-07-10".to_owned())
        && (page.candidates.len(), counts) == (65, [5, 19, 1])
        && page.candidates.iter().all(|it| it.commands.as_ref().is_some_and(|it| !it.is_empty()));
    if is_read { Ok(()) } else { Err(format!("{counts:?}: {page:#?}").into()) }
}

fn every_recording_is_known() -> Result<(), Failed> {
    for &(folder, others) in OTHERS {
        let tried = TRIED.iter().map(|&(file, _)| file).filter(|_| folder == FORMULAE);
        all_are_named(&Path::new(RECORDINGS).join(folder), tried.chain(others.iter().copied()))?;
    }
    Ok(())
}
