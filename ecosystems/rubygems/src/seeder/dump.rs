//! The weekly dump of the site's database: a tar with one gzipped text in it, of which two tables
//! are wanted. It is read once, up to the end of the second of them.

use std::{cmp::Reverse, collections::HashMap, fs::File, io, path::Path};

use batch_core::{
    io::{
        Http, Request,
        archive::{ArchiveError, ArchiveLimits, Flow, read_tar, unpacked},
        aside, published_day,
    },
    model::Measure,
    plugin::{Cut, Page, SourceError, SourceErrorKind},
};

use crate::{
    RubyGems,
    quota::DUMPS_HOST,
    registry::source_error,
    seeder::{
        DUMPS, Gem, MOST, UNIT,
        copy::{Header, Lines, field},
        unreadable,
    },
};

/// What all dumps begin with, and what each ends with.
const PREFIX: &str = "production/public_postgresql";
const FILE: &str = "/public_postgresql.tar";
const TEXT: &str = "PostgreSQL.sql.gz";
/// Of a dump, packed; it has some hundreds of MB.
const LARGEST_DUMP: usize = 2_000 << 20;
/// A package may hold far less.
const LIMITS: ArchiveLimits = ArchiveLimits {
    max_entries: 1_000,
    max_name_bytes: 4096,
    max_total_bytes: 32 << 30,
    max_ratio: 200,
};
/// Five times as many gems as there are.
const MOST_GEMS: usize = 1_000_000;

/// The page at `cursor` of the newest dump.
pub(crate) async fn page(
    http: &dyn Http,
    cursor: Option<&str>,
    limit: usize,
) -> Result<Page, SourceError> {
    let request = Request::get(DUMPS, &[], &[("prefix", PREFIX)]).map_err(source_error)?;
    let response = http.send(request).await.map_err(source_error)?;
    let list = response.found().map_err(source_error)?;
    let list = list.ok_or_else(|| odd("there is no list of dumps".to_owned()))?;
    let key = newest(&String::from_utf8_lossy(&list))
        .ok_or_else(|| odd("the list of dumps names none".to_owned()))?;
    let segments: Vec<&str> = key.split('/').collect();
    let request = Request::get(DUMPS, &segments, &[]).map_err(source_error)?;
    let (source, as_of) = (request.url.to_string(), published_day(&day(&key)));
    let measure = Measure { unit: UNIT, period_days: None, source, as_of };
    let request = Request { max_bytes: LARGEST_DUMP, ..request };
    let file = http.fetch_to_cache(request).await.map_err(source_error)?;
    let (gems, n_unreadable) =
        aside(move || read(&file)).await.map_err(source_error)?.map_err(odd)?;
    let gems = gems.into_iter().map(|gem| gem.judge(&measure));
    let cut = Cut { cursor, limit, most: MOST };
    Ok(cut.page(unreadable(n_unreadable).map(Err).into_iter().chain(gems), &RubyGems))
}

/// The newest dump in a list as S3 gives it. Its name becomes part of an address: letters, digits
/// and plain punctuation only.
fn newest(list: &str) -> Option<String> {
    let keys = list.split("<Key>").skip(1).filter_map(|rest| Some(rest.split_once("</Key>")?.0));
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "._-/".contains(c);
    let is_dump = |key: &&str| {
        key.starts_with(PREFIX)
            && key.ends_with(FILE)
            && key.chars().all(is_plain)
            && !key.split('/').any(|element| matches!(element, "" | "." | ".."))
    };
    keys.filter(is_dump).max().map(str::to_owned)
}

/// When the dump `key` was made: its folder is called after that, as in
/// `production/public_postgresql/2018.07.02.21.21.01/public_postgresql.tar`.
fn day(key: &str) -> String {
    key.split('/').nth(2).unwrap_or_default().replace('.', "-")
}

/// What is wanted of the tables.
#[derive(Default)]
struct Dump {
    /// Number, name, and whether no version is left.
    gems: Vec<(u32, Box<str>, bool)>,
    downloads: HashMap<u32, u64>,
    n_unreadable: usize,
    has_gems: bool,
    has_downloads: bool,
}

/// The gems of the dump in `file`, and how many rows cannot be read; the inner error says why it is
/// none.
fn read(file: &Path) -> Result<Result<(Vec<Gem>, usize), String>, ArchiveError> {
    let file = File::open(file)?;
    let mut found = Err("it holds no text".to_owned());
    read_tar(file, &LIMITS, &mut |entry, content| {
        if entry.path.rsplit('/').next() != Some(TEXT) {
            return Ok(Flow::Continue);
        }
        found = Dump::read(Lines::new(unpacked(content, &LIMITS)))?;
        Ok(Flow::Stop)
    })?;
    Ok(found.and_then(|dump| {
        let n_unreadable = dump.n_unreadable;
        Ok((dump.gems()?, n_unreadable))
    }))
}

impl Dump {
    fn read<R: io::Read>(mut lines: Lines<R>) -> io::Result<Result<Self, String>> {
        let mut dump = Self::default();
        while !(dump.has_gems && dump.has_downloads) {
            let Some(line) = lines.next()? else {
                let reason = "it lacks the table rubygems or gem_downloads".to_owned();
                return Ok(Err(reason));
            };
            let Some(header) = Header::read(line) else { continue };
            let taken = match header.table {
                "rubygems" => {
                    let columns = ["id", "name"].map(|name| header.column(name));
                    let indexed = header.column("indexed");
                    dump.has_gems = true;
                    dump.take_gems(&mut lines, columns, indexed)?
                }
                "gem_downloads" => {
                    let columns = ["rubygem_id", "version_id", "count"];
                    let columns = columns.map(|name| header.column(name));
                    dump.has_downloads = true;
                    dump.take_downloads(&mut lines, columns)?
                }
                _ => Ok(()),
            };
            if let Err(reason) = taken {
                return Ok(Err(reason));
            }
        }
        Ok(Ok(dump))
    }

    fn take_gems<R: io::Read>(
        &mut self,
        lines: &mut Lines<R>,
        columns: [Option<usize>; 2],
        indexed: Option<usize>,
    ) -> io::Result<Result<(), String>> {
        let [Some(id), Some(name)] = columns else { return Ok(Err(missing("rubygems"))) };
        while let Some(row) = row(lines)? {
            let is_retired = indexed.and_then(|indexed| field(row, indexed)) == Some("f");
            match (number(row, id), field(row, name)) {
                (Some(id), Some(name)) => self.gems.push((id, name.into(), is_retired)),
                _ => self.n_unreadable += 1,
            }
            if MOST_GEMS < self.gems.len() {
                return Ok(Err(format!("it has more than {MOST_GEMS} gems")));
            }
        }
        Ok(Ok(()))
    }

    /// One row a version, and one without version for the gem as a whole.
    fn take_downloads<R: io::Read>(
        &mut self,
        lines: &mut Lines<R>,
        columns: [Option<usize>; 3],
    ) -> io::Result<Result<(), String>> {
        let [Some(gem), Some(version), Some(count)] = columns else {
            return Ok(Err(missing("gem_downloads")));
        };
        while let Some(row) = row(lines)? {
            if field(row, version) != Some("0") {
                continue;
            }
            // A gem that is not here has an unknown number of them, not none.
            if let (Some(gem), Some(count)) = (number(row, gem), number::<u64>(row, count)) {
                let kept = self.downloads.entry(gem).or_default();
                *kept = count.max(*kept);
            }
            if MOST_GEMS < self.downloads.len() {
                return Ok(Err(format!("it counts more than {MOST_GEMS} gems")));
            }
        }
        Ok(Ok(()))
    }

    /// In one order, whatever order the rows came in.
    fn gems(self) -> Result<Vec<Gem>, String> {
        if self.gems.is_empty() && 0 < self.n_unreadable {
            return Err("no row of its gems can be read".to_owned());
        }
        let gem = |(id, name, is_retired): (u32, Box<str>, bool)| Gem {
            downloads: Reverse(self.downloads.get(&id).copied()),
            name: name.into(),
            has_repository: Reverse(None),
            is_retired,
        };
        let mut gems: Vec<Gem> = self.gems.into_iter().map(gem).collect();
        gems.sort_unstable();
        Ok(gems)
    }
}

/// The next row; `None` behind the last. A table that is cut off ends in an error before.
fn row<R: io::Read>(lines: &mut Lines<R>) -> io::Result<Option<&str>> {
    match lines.next()? {
        Some("\\.") => Ok(None),
        Some(row) => Ok(Some(row)),
        None => Err(io::ErrorKind::UnexpectedEof.into()),
    }
}

fn number<T: std::str::FromStr>(row: &str, column: usize) -> Option<T> {
    field(row, column)?.parse().ok()
}

fn missing(table: &str) -> String {
    format!("its table {table} has other columns than it had")
}

fn odd(reason: String) -> SourceError {
    source_error(SourceErrorKind::Schema { host: DUMPS_HOST.to_owned(), reason })
}
