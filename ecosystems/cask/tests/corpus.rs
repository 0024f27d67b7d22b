//! Runs the plugin on recorded answers. The test is reported as ignored if the recordings are
//! missing. Every recorded cask is used, alone and as part of the file of all casks. One of the
//! analytics files is about casks; the others belong to another plugin.

#![expect(clippy::disallowed_methods, reason = "a test that reads files of a corpus")]

use std::{collections::BTreeSet, fs, path::Path, process::ExitCode, sync::Arc, time::Duration};

use batch_conformance::all_are_named;
use batch_core::{
    decide::recipe,
    io::{PoliteConfig, PoliteHttp, Request},
    model::{CommandName, SeedSkip},
    plugin::{Page, PageRequest, Registry},
};
use batch_sim::{SimClock, SimTransport};
use eco_cask as _;
use libtest_mimic::{Arguments, Failed, Trial};

const RECORDINGS: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/corpus/registries/homebrew-cask");

/// The file, and a part of its recipe or the reason why there is none.
const TRIED: &[(&str, &str)] = &[
    ("1clipboard.json", "1clipboard is disabled: unmaintained"),
    ("1password-cli@1.json", "1password-cli@1 is disabled: unmaintained"),
    ("1password-cli@beta.json", "1password-cli@beta has no app, only binary"),
    ("ampps.json", "ampps has no app, only suite"),
    ("android-commandlinetools.json", "has no app, only artifact, binary"),
    ("android-ndk.json", "runs code of the vendor's to install: preflight_steps"),
    ("anka-build-cloud-controller.json", "runs code of the vendor's to install: pkg"),
    ("everything.test-fixture.json", "everything runs code of the vendor's to install: "),
    ("font-kedebideri.json", "font-kedebideri has no checksum"),
    ("pastebot.json", "\"Contents/Helpers/pastebot-mcp\", \"Contents/Helpers/pastebot-tool\""),
    ("redot.json", "app_name = \"Redot.app\""),
    ("reflex-app.json", "app_name = \"Reflex.app\""),
    ("visit.json", "app_name = \"VisIt.app\""),
    ("visual-studio-code.json", "/stable ends in neither .zip nor .dmg"),
    ("zoom.json", "zoom runs code of the vendor's to install: pkg, postflight"),
];

const INSTALLS: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../../shared/corpus/registries/homebrew-analytics/cask-install.homebrew-cask.30d.json"
);
/// The seeder's result for the casks above, each installed once: the commands, or why it is passed
/// over.
const SEEDED: &[(&str, &str)] = &[
    ("1clipboard", "retired"),
    ("1password-cli@1", "retired"),
    ("1password-cli@beta", "op"),
    ("ampps", "library"),
    (
        "android-commandlinetools",
        "android apkanalyzer avdmanager d8 lint profgen r8 resourceshrinker retrace screenshot2 sdkmanager",
    ),
    ("android-ndk", "ndk-build ndk-depends ndk-gdb ndk-stack ndk-which"),
    ("anka-build-cloud-controller", "library"),
    ("everything", "library"),
    ("font-kedebideri", "library"),
    ("pastebot", "pastebot-mcp pastebot-tool"),
    ("redot", "redot"),
    ("reflex-app", "library"),
    ("visit", "library"),
    ("visual-studio-code", "code code-tunnel"),
    ("zoom", "library"),
];

fn main() -> ExitCode {
    let is_absent = !Path::new(RECORDINGS).is_dir();
    let tried = TRIED.iter().map(|&(file, expected)| {
        Trial::test(file, move || check(file, expected)).with_ignored_flag(is_absent)
    });
    let all = Trial::test("every_recording_is_tried", every_recording_is_tried);
    let own = [
        all,
        Trial::test("every_cask_is_seeded_or_not", every_cask_is_seeded_or_not),
        Trial::test("counts_of_installs_are_read", counts_of_installs_are_read),
    ];
    let own = own.map(|trial| trial.with_ignored_flag(is_absent));
    let trials = tried.chain(own).collect();
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

fn check(file: &str, expected: &str) -> Result<(), Failed> {
    let body: &'static str = fs::read_to_string(Path::new(RECORDINGS).join(file))?.leak();
    let registry = Registry::linked()?;
    let plugin = registry.iter().next().ok_or("no plugin is linked")?;
    let clock = SimClock::default();
    let transport = SimTransport::new(clock.clone(), Duration::ZERO, move |_| (200, &[], body));
    let cache = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let (port, quotas) = (Arc::new(clock.clone()), registry.quotas());
    let http = PoliteHttp::new(PoliteConfig::new(port, Arc::new(transport), quotas, cache));
    let token = file.trim_end_matches(".json").trim_end_matches(".test-fixture");
    let name = plugin.names.normalise(token)?;
    let builder = plugin.recipe_builder.ok_or("no builder")?;
    let facts = clock.run(builder.inspect(&http, &name))?.ok_or("it is not there")?;
    let told = match builder.build(&facts) {
        Ok(recipe) => recipe.to_toml(),
        Err(missing) => missing.reason,
    };
    if told.contains("[[steps]]") {
        recipe::parse(&told, plugin.recipe_actions)?;
    }
    if told.contains(expected) { Ok(()) } else { Err(told.into()) }
}

/// The seeder's result for all recorded casks with `installs` as the file of counts.
fn seeded(installs: String) -> Result<Page, Failed> {
    let bodies =
        TRIED.iter().map(|&(file, _)| fs::read_to_string(Path::new(RECORDINGS).join(file)));
    let casks = bodies.collect::<Result<Vec<String>, _>>()?.join(",");
    let casks: &'static str = format!("[{casks}]").leak();
    let installs: &'static str = installs.leak();
    let is_casks = |request: &Request| request.url.path() == "/api/cask.json";
    let answer = move |request: &Request| {
        (200, &[] as &[_], if is_casks(request) { casks } else { installs })
    };
    let registry = Registry::linked()?;
    let plugin = registry.iter().next().ok_or("no plugin is linked")?;
    let seeder = plugin.seeder.ok_or("no seeder")?;
    let clock = SimClock::default();
    let transport = SimTransport::new(clock.clone(), Duration::ZERO, answer);
    let cache = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let port = Arc::new(clock.clone());
    let config = PoliteConfig::new(port, Arc::new(transport), registry.quotas(), cache);
    let http = PoliteHttp::new(config);
    Ok(clock.run(PageRequest::first(plugin, &http, &seeder.sources()[0]).page(seeder))?)
}

fn every_cask_is_seeded_or_not() -> Result<(), Failed> {
    let group = |token: &str| format!(r#""{token}":[{{"cask":"{token}","count":"1"}}]"#);
    let groups: Vec<String> = SEEDED.iter().map(|&(token, _)| group(token)).collect();
    let page = seeded(format!(r#"{{"formulae":{{{}}}}}"#, groups.join(",")))?;
    let candidates = page.candidates.iter().map(|candidate| {
        let commands = candidate.commands.iter().flatten().map(CommandName::as_str);
        (candidate.id.name.to_string(), commands.collect::<Vec<_>>().join(" "))
    });
    let passed_over = page.passed_over.iter();
    let passed_over = passed_over.map(|it| (it.name.clone(), it.reason.as_str().to_owned()));
    let told: BTreeSet<(String, String)> = candidates.chain(passed_over).collect();
    let expected = SEEDED.iter().map(|&(token, told)| (token.to_owned(), told.to_owned()));
    let expected: BTreeSet<(String, String)> = expected.collect();
    if told == expected { Ok(()) } else { Err(format!("{told:#?}").into()) }
}

/// Only one of the sixty recorded names is among the recorded casks.
fn counts_of_installs_are_read() -> Result<(), Failed> {
    let page = seeded(fs::read_to_string(INSTALLS)?)?;
    let names: Vec<&str> = page.passed_over.iter().map(|it| it.name.as_str()).collect();
    let n_gone = page.passed_over.iter().filter(|it| it.reason == SeedSkip::NotThere).count();
    let is_read = names.starts_with(&["1password", "adobe-acrobat-reader"]);
    let counts = (page.candidates.len(), page.total, n_gone);
    if is_read && counts == (0, Some(60), 59) { Ok(()) } else { Err(format!("{page:#?}").into()) }
}

fn every_recording_is_tried() -> Result<(), Failed> {
    let tried = TRIED.iter().map(|&(file, _)| file);
    Ok(all_are_named(Path::new(RECORDINGS), tried.chain(["INDEX.md"]))?)
}
