//! The plugin against recorded answers of MetaCPAN. Reported as ignored where they are not at
//! hand; every recording is either tried or named with the reason why not.

#![expect(clippy::disallowed_methods, reason = "a test that reads files of a corpus")]

use std::{collections::BTreeSet, fs, path::Path, process::ExitCode, sync::Arc};

use batch_core::{
    io::{PoliteConfig, PoliteHttp},
    model::PackageFacts,
    plugin::Registry,
    testing::{Shelf, SimClock},
};
use eco_cpan as _;
use libtest_mimic::{Arguments, Failed, Trial};
use serde_json::Value;

const RECORDINGS: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/corpus/registries/cpan");

/// File, and what reads it.
const TRIED: &[(&str, Check)] = &[
    ("release-Dpkg.json", reads_a_release_with_numbers_as_texts),
    ("release-search-author-ABERNDT.json", reads_releases_with_numbers_as_numbers),
    ("scroll-end.json", finds_nothing_in_no_hits),
];
/// Answers to a seeder's questions: names and dates without what a release consists of.
const UNREAD: &[&str] =
    &["INDEX.md", "release-search-fields.Dpkg.json", "release-search-recent.json"];

type Check = fn(&[u8]) -> Result<(), Failed>;

fn main() -> ExitCode {
    let is_absent = !Path::new(RECORDINGS).is_dir();
    let tried = TRIED.iter().map(|&(file, check)| {
        let test = move || check(&fs::read(Path::new(RECORDINGS).join(file))?);
        Trial::test(file, test).with_ignored_flag(is_absent)
    });
    let all = Trial::test("every_recording_is_tried_or_named", every_recording_is_known);
    let trials = tried.chain([all.with_ignored_flag(is_absent)]).collect();
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

/// What the plugin makes of `body`, with no archive on the mirror.
fn inspect(distribution: &str, body: Vec<u8>) -> Result<Option<PackageFacts>, Failed> {
    let registry = Registry::linked()?;
    let plugin = registry.iter().next().ok_or("no plugin is linked")?;
    let builder = plugin.recipe_builder.ok_or("no builder")?;
    let clock = SimClock::default();
    let shelf =
        Shelf::new([(format!("https://fastapi.metacpan.org/v1/release/{distribution}"), body)]);
    let cache = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let clock_port = Arc::new(clock.clone());
    let config = PoliteConfig::new(clock_port, Arc::new(shelf), registry.quotas(), cache);
    let http = PoliteHttp::new(config);
    Ok(clock.run(builder.inspect(&http, &plugin.names.normalise(distribution)?))?)
}

fn expect(what: &str, is_so: bool) -> Result<(), Failed> {
    if is_so { Ok(()) } else { Err(what.to_owned().into()) }
}

fn reads_a_release_with_numbers_as_texts(body: &[u8]) -> Result<(), Failed> {
    let facts = inspect("Dpkg", body.to_vec())?.ok_or("it is not there")?;
    let url = "https://cpan.metacpan.org/authors/id/G/GU/GUILLEM/Dpkg-1.21.5.tar.gz";
    let artifact = &facts.artifacts[0];
    let is_read = facts.version == "v1.21.5" && artifact.url == url;
    let has_digest = artifact.digest.len() == "sha256-".len() + 64;
    expect(&format!("{facts:#?}"), is_read && has_digest && facts.homepage.is_some())
}

/// Version of each hit; `None` for the one that is deleted from CPAN.
fn reads_releases_with_numbers_as_numbers(body: &[u8]) -> Result<(), Failed> {
    let answer: Value = serde_json::from_slice(body)?;
    let mut versions = vec![];
    for hit in answer["hits"]["hits"].as_array().ok_or("no hits")? {
        let release = &hit["_source"];
        let name = release["distribution"].as_str().ok_or("no name")?;
        versions.push(inspect(name, release.to_string().into_bytes())?.map(|facts| facts.version));
    }
    let versions: Vec<_> = versions.iter().map(Option::as_deref).collect();
    let expected = [Some("1.09"), Some("0.5"), Some("0.02"), Some("1.1"), None, Some("1.09")];
    expect(&format!("{versions:?}"), versions == expected)
}

fn finds_nothing_in_no_hits(body: &[u8]) -> Result<(), Failed> {
    match inspect("Dpkg", body.to_vec())? {
        None => Ok(()),
        Some(facts) => Err(format!("{facts:?}").into()),
    }
}

fn every_recording_is_known() -> Result<(), Failed> {
    let tried = TRIED.iter().map(|&(file, ..)| file);
    let known: BTreeSet<String> = tried.chain(UNREAD.iter().copied()).map(str::to_owned).collect();
    let entries = fs::read_dir(RECORDINGS)?.collect::<Result<Vec<_>, _>>()?;
    let files: BTreeSet<String> =
        entries.iter().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    let unknown: Vec<&String> = files.symmetric_difference(&known).collect();
    if unknown.is_empty() { Ok(()) } else { Err(format!("{unknown:?}").into()) }
}
