//! Reads the dump of the registry's database: a gzipped tar of tables.
//!
//! It is read once, up to the last table that is needed, in any order of the tables. The rows that
//! are kept are packed tightly, because there are hundreds of thousands of crates and millions of
//! versions: 4 bytes for a version of a library, about 30 for a version with programs.

use std::{
    fs::File,
    io::{self, Read as _},
    path::Path,
};

use batch_core::{
    io::{
        Request,
        archive::{ArchiveError, ArchiveLimits, Entry, EntryKind, Flow, read_tar},
        published_day,
    },
    model::Measure,
    plugin::{Listing, PageRequest, SourceError},
};
use serde::Deserialize;

use crate::seeder::{
    DUMP, MOST, UNIT,
    ranking::{Crate, Tables, Version},
    table,
};

/// The largest compressed dump that is read, in bytes; it has some hundreds of MB.
const MAX_DUMP: usize = 2_000 << 20;
/// Larger than the limits for a package.
const LIMITS: ArchiveLimits = ArchiveLimits {
    max_entries: 1_000,
    max_name_bytes: 4096,
    max_total_bytes: 32 << 30,
    max_ratio: 200,
};
const MAX_METADATA: u64 = 64 << 10;
/// The tables that are needed. Categories are not used, because authors choose them freely, whereas
/// the names of programs are facts.
const PARTS: [&str; 5] = [
    "metadata.json",
    "data/crates.csv",
    "data/crate_downloads.csv",
    "data/versions.csv",
    "data/default_versions.csv",
];

/// The ranking that the dump gives.
pub(crate) async fn list(wanted: PageRequest<'_>) -> Result<Listing<'_>, SourceError> {
    let request = Request::get(DUMP, &[], &[]).map(|it| it.at_most(MAX_DUMP));
    let tables = wanted.read_file(request, |file, _| read(file)).await?;
    Ok(tables.list(wanted).at_most(MOST))
}

/// The needed tables of the dump in `file`. The inner error says why the file is not a dump.
fn read(file: &Path) -> Result<Result<Tables, String>, ArchiveError> {
    let file = File::open(file)?;
    let mut reading = Reading::default();
    let mut odd = None;
    let visit = &mut |entry: &Entry, content: &mut dyn io::Read| {
        odd = reading.take(entry, content)?.err();
        Ok(if odd.is_some() || reading.is_complete() { Flow::Stop } else { Flow::Continue })
    };
    read_tar(file, &LIMITS, visit)?;
    Ok(match odd {
        Some(reason) => Err(reason),
        None => reading.tables(),
    })
}

/// The state of the reading.
#[derive(Default)]
struct Reading {
    tables: Tables,
    found: Vec<&'static str>,
}

impl Reading {
    fn is_complete(&self) -> bool {
        self.found.len() == PARTS.len()
    }

    /// Takes the needed rows of `entry`. The inner error says what is wrong with it.
    fn take(
        &mut self,
        entry: &Entry,
        content: &mut dyn io::Read,
    ) -> io::Result<Result<(), String>> {
        // All files lie in one folder, which is named after the time of the dump.
        let path = entry.path.split_once('/').map_or("", |(_, path)| path);
        let part = PARTS.into_iter().find(|part| *part == path && entry.kind == EntryKind::File);
        let Some(part) = part else { return Ok(Ok(())) };
        if self.found.contains(&part) {
            return Ok(Err(format!("it contains {part} twice")));
        }
        self.found.push(part);
        let tables = &mut self.tables;
        match part {
            "data/crates.csv" => crates(tables, content),
            "data/crate_downloads.csv" => downloads(tables, content),
            "data/versions.csv" => versions(tables, content),
            "data/default_versions.csv" => defaults(tables, content),
            _ => metadata(tables, content).map(Ok),
        }
    }

    /// The tables; it is an error if any of them is missing, except for the date.
    fn tables(self) -> Result<Tables, String> {
        let is_missing = |part: &&&str| part.starts_with("data/") && !self.found.contains(part);
        match PARTS.iter().find(is_missing) {
            Some(missing) => Err(format!("it contains no {missing}")),
            None if self.tables.is_empty() => Err("no row of its crates can be read".to_owned()),
            None => Ok(self.tables.sorted()),
        }
    }
}

fn metadata(tables: &mut Tables, content: &mut dyn io::Read) -> io::Result<()> {
    #[derive(Deserialize)]
    struct Metadata {
        timestamp: String,
    }

    let mut text = vec![];
    content.take(MAX_METADATA).read_to_end(&mut text)?;
    let metadata = serde_json::from_slice(&text).ok();
    tables.measure = metadata.map(|Metadata { timestamp }| {
        let (source, as_of) = (DUMP.to_owned(), published_day(&timestamp));
        Measure { unit: UNIT, period_days: None, source, as_of }
    });
    Ok(())
}

fn crates(tables: &mut Tables, content: &mut dyn io::Read) -> io::Result<Result<(), String>> {
    table::read(content, ["id", "name", "repository"], &mut |[id, name, repository]| {
        let (Some(id), Some(name)) = (number(id), name) else {
            tables.n_unreadable += 1;
            return Ok(());
        };
        let name = tables.keep(name);
        let has_repository = repository.is_some_and(|url| !url.trim().is_empty());
        tables.crates.push(Crate { id, name, has_repository });
        tables.check_size()
    })
}

fn downloads(tables: &mut Tables, content: &mut dyn io::Read) -> io::Result<Result<(), String>> {
    table::read(content, ["crate_id", "downloads"], &mut |[id, downloads]| {
        // The number of downloads of a crate without a row is unknown, not zero.
        if let (Some(id), Some(downloads)) = (number(id), number(downloads)) {
            tables.downloads.push((id, downloads));
        }
        tables.check_size()
    })
}

fn versions(tables: &mut Tables, content: &mut dyn io::Read) -> io::Result<Result<(), String>> {
    table::read(content, ["id", "bin_names", "yanked"], &mut |[id, programs, yanked]| {
        match (number(id), programs) {
            (None, _) => tables.n_unreadable += 1,
            (Some(id), Some("{}")) => tables.libraries.push(id),
            (Some(id), programs) => {
                let programs = programs.filter(|it| !it.is_empty()).map(|it| tables.keep(it));
                tables.versions.push(Version { id, programs, is_yanked: yanked == Some("t") });
            }
        }
        tables.check_size()
    })
}

fn defaults(tables: &mut Tables, content: &mut dyn io::Read) -> io::Result<Result<(), String>> {
    table::read(content, ["crate_id", "version_id"], &mut |[id, version]| {
        match (number(id), number(version)) {
            (Some(id), Some(version)) => tables.defaults.push((id, version)),
            _ => tables.n_unreadable += 1,
        }
        tables.check_size()
    })
}

fn number<T: std::str::FromStr>(text: Option<&str>) -> Option<T> {
    text?.parse().ok()
}
