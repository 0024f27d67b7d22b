//! The dump of the registry's database: a gzipped tar of tables.
//!
//! It is read once, up to the last table that matters, in whatever order the tables come. What is
//! kept is packed tightly, for there are hundreds of thousands of crates and millions of versions:
//! 4 bytes for a version that is a library, some 30 for one that is not.

use std::{
    fs::File,
    io::{self, Read as _},
    path::Path,
};

use batch_core::{
    io::{
        Http, Request,
        archive::{ArchiveError, ArchiveLimits, Entry, EntryKind, Flow, read_tar},
        aside,
    },
    model::Popularity,
    plugin::{Cut, Page, SourceError, SourceErrorKind},
};
use serde::Deserialize;
use serde_json::json;

use crate::{
    registry::source_error,
    seeder::{
        DUMP, UNIT,
        ranking::{Crate, Tables, Version},
        table,
    },
};

/// Of the dump, packed; it has some hundreds of MB.
const LARGEST_DUMP: usize = 2_000 << 20;
/// A package may hold far less.
const LIMITS: ArchiveLimits = ArchiveLimits {
    max_entries: 1_000,
    max_name_bytes: 4096,
    max_total_bytes: 32 << 30,
    max_ratio: 200,
};
const LONGEST_METADATA: u64 = 64 << 10;
/// Everything that is wanted. Categories are not: they are what authors say of themselves, and the
/// names of programs are facts.
const PARTS: [&str; 5] = [
    "metadata.json",
    "data/crates.csv",
    "data/crate_downloads.csv",
    "data/versions.csv",
    "data/default_versions.csv",
];

/// The page `cut` of the dump.
pub(crate) async fn page(http: &dyn Http, cut: Cut<'_>) -> Result<Page, SourceError> {
    let request = Request::get(DUMP, &[], &[]).map_err(source_error)?;
    let host = request.url.host_str().unwrap_or_default().to_owned();
    let request = Request { max_bytes: LARGEST_DUMP, ..request };
    let file = http.fetch_to_cache(request).await.map_err(source_error)?;
    let tables = aside(move || read(&file)).await.map_err(source_error)?;
    let schema = |reason| source_error(SourceErrorKind::Schema { host, reason });
    Ok(tables.map_err(schema)?.page(cut))
}

/// What is wanted of the dump in `file`; the inner error says why it is none.
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

/// What has been read so far.
#[derive(Default)]
struct Reading {
    tables: Tables,
    found: Vec<&'static str>,
}

impl Reading {
    fn is_complete(&self) -> bool {
        self.found.len() == PARTS.len()
    }

    /// Takes what is wanted of `entry`; the inner error says why it is not what it should be.
    fn take(
        &mut self,
        entry: &Entry,
        content: &mut dyn io::Read,
    ) -> io::Result<Result<(), String>> {
        // All lies in one folder, which is called after the time.
        let path = entry.path.split_once('/').map_or("", |(_, path)| path);
        let part = PARTS.into_iter().find(|part| *part == path && entry.kind == EntryKind::File);
        let Some(part) = part else { return Ok(Ok(())) };
        if self.found.contains(&part) {
            return Ok(Err(format!("it holds {part} twice")));
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

    /// Only the date may be missing.
    fn tables(self) -> Result<Tables, String> {
        let is_missing = |part: &&&str| part.starts_with("data/") && !self.found.contains(part);
        match PARTS.iter().find(is_missing) {
            Some(missing) => Err(format!("it holds no {missing}")),
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
    content.take(LONGEST_METADATA).read_to_end(&mut text)?;
    let metadata = serde_json::from_slice(&text).ok();
    tables.popularity = metadata.and_then(|Metadata { timestamp }| {
        let as_of = serde_json::from_value(json!(timestamp.get(..10)?)).ok()?;
        let (unit, source) = (UNIT.to_owned(), DUMP.to_owned());
        Some(Popularity { value: 0, unit, period_days: None, source, as_of })
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
        // A crate that is not here has an unknown number of them, not none.
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
