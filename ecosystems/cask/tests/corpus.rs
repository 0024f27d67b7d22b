//! The plugin against recorded answers. Reported as ignored where they are not at hand; every
//! recording is tried.

#![expect(clippy::disallowed_methods, reason = "a test that reads files of a corpus")]

use std::{collections::BTreeSet, fs, path::Path, process::ExitCode, sync::Arc, time::Duration};

use batch_core::{
    decide::recipe,
    io::{PoliteConfig, PoliteHttp},
    plugin::Registry,
    testing::{SimClock, SimTransport},
};
use eco_cask as _;
use libtest_mimic::{Arguments, Failed, Trial};

const RECORDINGS: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/corpus/registries/homebrew-cask");

/// File, and a part of its recipe, or why there is none.
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
    ("visual-studio-code.json", "command = \"code --version\""),
    ("zoom.json", "zoom runs code of the vendor's to install: pkg, postflight"),
];

fn main() -> ExitCode {
    let is_absent = !Path::new(RECORDINGS).is_dir();
    let tried = TRIED.iter().map(|&(file, expected)| {
        Trial::test(file, move || check(file, expected)).with_ignored_flag(is_absent)
    });
    let all = Trial::test("every_recording_is_tried", every_recording_is_tried);
    let trials = tried.chain([all.with_ignored_flag(is_absent)]).collect();
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

fn every_recording_is_tried() -> Result<(), Failed> {
    let tried: BTreeSet<String> = TRIED.iter().map(|&(file, _)| file.to_owned()).collect();
    let entries = fs::read_dir(RECORDINGS)?.collect::<Result<Vec<_>, _>>()?;
    let files = entries.iter().map(|entry| entry.file_name().to_string_lossy().into_owned());
    let files: BTreeSet<String> = files.filter(|file| file != "INDEX.md").collect();
    let unknown: Vec<&String> = files.symmetric_difference(&tried).collect();
    if unknown.is_empty() { Ok(()) } else { Err(format!("{unknown:?}").into()) }
}
