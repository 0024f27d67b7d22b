//! Runs the plugin on recorded answers of the registry. The test is reported as ignored if the
//! recordings are missing; every recording is either used or listed with the reason why not.

use std::{
    fmt::Write as _, fs, io::Write as _, path::Path, process::ExitCode, sync::Arc, time::Duration,
};

use batch_conformance::all_are_named;
use batch_core::{
    io::{PoliteConfig, PoliteHttp, Transport},
    model::{CommandName, Executables, PackageFacts, PackageKind},
    plugin::{PageRequest, Registry},
};
use batch_sim::{SimClock, SimTransport, StaticTransport};
use eco_rubygems as _;
use libtest_mimic::{Arguments, Failed, Trial};
use sha2::{Digest as _, Sha256};

const RECORDINGS: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/corpus/registries/rubygems");

/// The file and the check of it.
const TRIED: &[(&str, Check)] = &[
    ("info-ffi.txt", takes_the_newest_of_many_platforms),
    ("action_tracker-1.0.2.metadata.yaml", is_a_library_of_2016),
    ("archive-tar-minitar-0.5.2.metadata.yaml", is_a_tool_of_2008),
    ("gem-missing.404.txt", is_not_there),
    ("search-cucumber.json", finds_thirty_gems),
];
/// The plugin never requests these, because the compact index and the gem contain more.
const UNREAD: &[&str] = &[
    "INDEX.md",
    "activity-latest.json",
    "gem-missing.404.txt.headers.txt",
    "nokogiri.json",
    "rubystats-0.3.0.v2.json",
    "rubystats.json",
    "versions-business.json",
    "versions-flowbyte-yanked.json",
    "versions-flowbyte-yanked.json.headers.txt",
    "versions-guard-bundler.json",
];

const SITE: &str = "https://rubygems.org";

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

fn inspect(
    gem: &str,
    clock: &SimClock,
    transport: Arc<dyn Transport>,
) -> Result<Option<PackageFacts>, Failed> {
    let registry = Registry::linked()?;
    let plugin = registry.iter().next().ok_or("no plugin is linked")?;
    let builder = plugin.recipe_builder.ok_or("no builder")?;
    let cache = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let quotas = registry.quotas();
    let http =
        PoliteHttp::new(PoliteConfig::new(Arc::new(clock.clone()), transport, quotas, cache));
    Ok(clock.run(builder.inspect(&http, &plugin.names.normalise(gem)?))?)
}

fn of_files(gem: &str, files: Vec<(String, Vec<u8>)>) -> Result<PackageFacts, Failed> {
    let facts = inspect(gem, &SimClock::default(), Arc::new(StaticTransport::new(files)))?;
    facts.ok_or_else(|| "it is not there".into())
}

/// A gem with recorded metadata, and an index that lists it.
fn of_metadata(gem: &str, version: &str, metadata: &[u8]) -> Result<PackageFacts, Failed> {
    let index = format!("---\n{version} |checksum:00\n");
    of_files(
        gem,
        vec![
            (format!("{SITE}/info/{gem}"), index.into_bytes()),
            (format!("{SITE}/gems/{gem}-{version}.gem"), gem_of(metadata)?),
        ],
    )
}

fn gem_of(metadata: &[u8]) -> Result<Vec<u8>, Failed> {
    let mut gzip = flate2::write::GzEncoder::new(vec![], flate2::Compression::fast());
    gzip.write_all(metadata)?;
    let packed = gzip.finish()?;
    let mut entry = tar::Header::new_gnu();
    entry.set_size(u64::try_from(packed.len())?);
    entry.set_cksum();
    let mut archive = tar::Builder::new(vec![]);
    archive.append_data(&mut entry, "metadata.gz", packed.as_slice())?;
    Ok(archive.into_inner()?)
}

fn expect(what: &str, is_so: bool) -> Result<(), Failed> {
    if is_so { Ok(()) } else { Err(what.to_owned().into()) }
}

fn takes_the_newest_of_many_platforms(index: &[u8]) -> Result<(), Failed> {
    let gem = gem_of(b"name: ffi\nversion: 1.13.1\nexecutables: []\n")?;
    let index = str::from_utf8(index)?;
    let (_, line) = index.split_once("\n1.13.1 |checksum:").ok_or("it does not list the newest")?;
    let (recorded, _) = line.split_once(',').ok_or("it requires nothing")?;
    let digest = Sha256::digest(&gem).iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}"); // a string takes everything
        hex
    });
    let files = |index: String| {
        let index = (format!("{SITE}/info/ffi"), index.into_bytes());
        vec![index, (format!("{SITE}/gems/ffi-1.13.1.gem"), gem.clone())]
    };
    // The gem was not recorded: the one used here differs from the one in the index.
    expect(
        "another gem is taken for the recorded one",
        of_files("ffi", files(index.to_owned())).is_err(),
    )?;
    let facts = of_files("ffi", files(index.replace(recorded, &digest)))?;
    expect(&format!("{facts:#?}"), facts.version == "1.13.1" && facts.platforms.is_empty())?;
    let artifact = &facts.artifacts[0];
    let is_it =
        artifact.digest == format!("sha256-{digest}") && artifact.digest_verified == Some(true);
    expect(&format!("{artifact:#?}"), is_it)
}

fn is_a_library_of_2016(metadata: &[u8]) -> Result<(), Failed> {
    let facts = of_metadata("action_tracker", "1.0.2", metadata)?;
    let is_library = facts.kind == PackageKind::Library && facts.homepage.is_none();
    expect(&format!("{facts:#?}"), is_library && facts.description.starts_with("Easy way"))
}

fn is_a_tool_of_2008(metadata: &[u8]) -> Result<(), Failed> {
    let facts = of_metadata("archive-tar-minitar", "0.5.2", metadata)?;
    let is_minitar = match &facts.executables {
        Executables::Known(names) => names.iter().map(CommandName::as_str).eq(["minitar"]),
        Executables::Unknown(_) => false,
    };
    expect(&format!("{facts:#?}"), is_minitar)
}

/// From about 2011, with fewer keys than today; the file states no date.
fn finds_thirty_gems(hits: &[u8]) -> Result<(), Failed> {
    let body: &'static str = String::from_utf8(hits.to_vec())?.leak();
    let clock = SimClock::default();
    let date = &[("date", "Fri, 20 Nov 2026 10:00:00 GMT")];
    let transport = SimTransport::new(clock.clone(), Duration::ZERO, move |_| (200, date, body));
    let registry = Registry::linked()?;
    let plugin = registry.iter().next().ok_or("no plugin is linked")?;
    let seeder = plugin.seeder.ok_or("no seeder")?;
    let source = seeder.sources().iter().find(|it| it.name == "search").ok_or("no such source")?;
    let cache = tempfile::tempdir()?;
    let (clock_port, quotas) = (Arc::new(clock.clone()), registry.quotas());
    let config = PoliteConfig::new(clock_port, Arc::new(transport), quotas, cache.path());
    let http = PoliteHttp::new(config);
    let wanted = PageRequest { limit: 30, ..PageRequest::first(plugin, &http, source) };
    let page = clock.run(wanted.page(seeder))?;
    let first = page.candidates.first().ok_or("no candidate")?;
    let downloads = first.popularity.as_ref().map(|it| it.value);
    let is_whole = page.candidates.len() == 30 && page.passed_over.is_empty();
    let is_known = first.id.name.as_str() == "cucumber" && downloads == Some(807_308);
    expect(&format!("{page:#?}"), is_whole && is_known && page.next_cursor.is_some())
}

fn is_not_there(body: &[u8]) -> Result<(), Failed> {
    let body: &'static str = String::from_utf8(body.to_vec())?.leak();
    let clock = SimClock::default();
    let transport = SimTransport::new(clock.clone(), Duration::ZERO, move |_| (404, &[], body));
    match inspect("missing", &clock, Arc::new(transport))? {
        None => Ok(()),
        Some(facts) => Err(format!("{facts:?}").into()),
    }
}

fn every_recording_is_known() -> Result<(), Failed> {
    let tried = TRIED.iter().map(|&(file, ..)| file);
    Ok(all_are_named(Path::new(RECORDINGS), tried.chain(UNREAD.iter().copied()))?)
}
