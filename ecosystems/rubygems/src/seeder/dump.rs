//! Reads the weekly dump of the site's database: a tar with one gzipped text, of which two tables
//! are needed. It is read once, up to the end of the second table.

use std::{cmp::Reverse, collections::HashMap, fs::File, io, path::Path};

use batch_core::{
    io::{
        Request,
        archive::{ArchiveError, ArchiveLimits, Flow, read_tar, unpacked},
        published_day,
    },
    model::Measure,
    plugin::{Listing, PageRequest, SourceError},
};

use crate::seeder::{
    DUMPS, Gem, MOST, UNIT, UNREADABLE,
    copy::{Header, Lines, field},
};

/// The beginning of the name of every dump, and its end.
const PREFIX: &str = "production/public_postgresql";
const FILE: &str = "/public_postgresql.tar";
const TEXT: &str = "PostgreSQL.sql.gz";
/// The largest compressed dump that is read, in bytes; it has some hundreds of MB.
const MAX_DUMP: usize = 2_000 << 20;
/// Larger than the limits for a package.
const LIMITS: ArchiveLimits = ArchiveLimits {
    max_entries: 1_000,
    max_name_bytes: 4096,
    max_total_bytes: 32 << 30,
    max_ratio: 200,
};
/// Five times the present number of gems.
const MAX_GEMS: usize = 1_000_000;

/// The gems of the newest dump.
pub(crate) async fn list(wanted: PageRequest<'_>) -> Result<Listing<'_>, SourceError> {
    let request = Request::get(DUMPS, &[], &[("prefix", PREFIX)]);
    let list = wanted.ask(request, "list of dumps").await?.content;
    let key = newest(&String::from_utf8_lossy(&list))
        .ok_or_else(|| wanted.unexpected("the list of dumps names none"))?;
    let segments: Vec<&str> = key.split('/').collect();
    let request = Request::get(DUMPS, &segments, &[]).map(|it| it.at_most(MAX_DUMP));
    let read = |file: &Path, request: &Request| {
        Ok::<_, ArchiveError>(read(file)?.map(|gems| (gems, request.url.to_string())))
    };
    let ((gems, n_unreadable), source) = wanted.read_file(request, read).await?;
    let measure = Measure { source, ..wanted.measure(UNIT, None, published_day(&day(&key))) };
    let gems = gems.into_iter().map(move |gem| gem.evaluate(wanted, &measure));
    Ok(Listing::whole(gems).with_unreadable(n_unreadable, UNREADABLE).at_most(MOST))
}

/// The newest dump in a list in the format of S3. Its name becomes part of an address, so only
/// letters, digits and plain punctuation are accepted.
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

/// The day of the dump `key`, from the name of its folder:
/// `production/public_postgresql/2018.07.02.21.21.01/public_postgresql.tar`.
fn day(key: &str) -> String {
    key.split('/').nth(2).unwrap_or_default().replace('.', "-")
}

/// The needed parts of the tables.
#[derive(Default)]
struct Dump {
    /// Id, name, and whether no version is left.
    gems: Vec<(u32, Box<str>, bool)>,
    downloads: HashMap<u32, u64>,
    n_unreadable: usize,
    has_gems: bool,
    has_downloads: bool,
}

/// The gems of the dump in `file`, and the number of rows that cannot be read. The inner error says
/// why the file is not a dump.
fn read(file: &Path) -> Result<Result<(Vec<Gem>, usize), String>, ArchiveError> {
    let file = File::open(file)?;
    let mut found = Err("it contains no text".to_owned());
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
            if MAX_GEMS < self.gems.len() {
                return Ok(Err(format!("it has more than {MAX_GEMS} gems")));
            }
        }
        Ok(Ok(()))
    }

    /// There is one row for each version, and one without a version for the whole gem.
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
            // The number of downloads of a gem without a row is unknown, not zero.
            if let (Some(gem), Some(count)) = (number(row, gem), number::<u64>(row, count)) {
                let kept = self.downloads.entry(gem).or_default();
                *kept = count.max(*kept);
            }
            if MAX_GEMS < self.downloads.len() {
                return Ok(Err(format!("it counts more than {MAX_GEMS} gems")));
            }
        }
        Ok(Ok(()))
    }

    /// Sorts the gems, so that the result does not depend on the order of the rows.
    fn gems(self) -> Result<Vec<Gem>, String> {
        if self.gems.is_empty() && 0 < self.n_unreadable {
            return Err("no row of its gems can be read".to_owned());
        }
        let gem = |(id, name, is_retired): (u32, Box<str>, bool)| Gem {
            downloads: Reverse(self.downloads.get(&id).copied()),
            name: name.into(),
            has_repository: Reverse(None),
            is_retired,
            version: None,
        };
        let mut gems: Vec<Gem> = self.gems.into_iter().map(gem).collect();
        gems.sort_unstable();
        Ok(gems)
    }
}

/// The next row; `None` after the last one. A table that is cut off gives an error.
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
