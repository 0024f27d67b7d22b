//! Generates dumps of a given size in the formats and proportions of the real ones: 500 MB are
//! 200,000 crates with 2 million versions. If a size must be known before writing, all rows of a
//! table have the same length.

use std::{
    fs::File,
    io::{self, BufWriter, Read, Write as _},
    path::Path,
};

use flate2::{Compression, write::GzEncoder};

pub(crate) const CRATES: &str = "/db-dump.tar.gz";
pub(crate) const GEMS: &str =
    "/rubygems-dumps/production/public_postgresql/2026.11.16.21.21.01/public_postgresql.tar";
pub(crate) const COUNTS: &str = "/download-counts/-/download-counts-2.20261101.0.tgz";

/// Writes a dump of `ecosystem` with about `megabytes` of uncompressed data; returns the number of
/// bytes.
pub(crate) fn write(ecosystem: &str, path: &Path, megabytes: usize) -> u64 {
    let file = File::create(path).unwrap();
    match ecosystem {
        "cargo" => crates(file, megabytes),
        "npm" => counts(file, megabytes),
        _ => gems(file, path, megabytes),
    }
}

/// Texts before, between and after `n` rows.
struct Table<F> {
    head: &'static str,
    row: F,
    n: usize,
    tail: &'static str,
}

impl<F: Fn(usize) -> String> Table<F> {
    fn len(&self) -> usize {
        self.head.len() + self.n * (self.row)(0).len() + self.tail.len()
    }

    fn text(&self) -> impl Read {
        let rows = Rows { row: &self.row, left: 0..self.n, text: vec![], at: 0 };
        self.head.as_bytes().chain(rows).chain(self.tail.as_bytes())
    }
}

struct Rows<'a, F> {
    row: &'a F,
    left: std::ops::Range<usize>,
    text: Vec<u8>,
    at: usize,
}

impl<F: Fn(usize) -> String> Read for Rows<'_, F> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.at == self.text.len() {
            let rows = self.left.by_ref().take(1_000).map(self.row);
            (self.text, self.at) = (rows.collect::<String>().into_bytes(), 0);
        }
        let n_read = (&self.text[self.at..]).read(buffer)?;
        self.at += n_read;
        Ok(n_read)
    }
}

fn gzip(file: File) -> GzEncoder<BufWriter<File>> {
    GzEncoder::new(BufWriter::new(file), Compression::fast())
}

fn header(size: usize) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    header.set_size(size as u64);
    header.set_mode(0o644);
    header.set_cksum();
    header
}

/// A number that looks random.
fn mixed(i: usize) -> usize {
    i.wrapping_mul(2_654_435_761) % 1_000_000_000
}

fn crates(file: File, megabytes: usize) -> u64 {
    let mut n_bytes = 0;
    let (n, each) = (400 * megabytes, 10);
    let mut archive = tar::Builder::new(gzip(file));
    let readme = "How to use it is not said here. ".repeat(24);
    let mut add = |path: &str, head: &'static str, n: usize, row: &dyn Fn(usize) -> String| {
        let table = Table { head, row, n, tail: "" };
        let path = format!("2026-11-20-020034/{path}");
        archive.append_data(&mut header(table.len()), path, table.text()).unwrap();
        n_bytes += table.len() as u64;
    };
    add("metadata.json", r#"{"timestamp":"2026-11-20T02:00:34Z"}"#, 0, &|_| String::new());
    add("data/crate_downloads.csv", "crate_id,downloads\n", n, &|i| {
        format!("{i:08},{:010}\n", mixed(i))
    });
    add("data/crates.csv", "created_at,id,name,readme,repository\n", n, &|i| {
        let mark = mixed(i);
        format!(
            "2016-01-01,{i:08},crate-{i:08},\"# {mark:010}\n{readme}\",https://github.com/o/r\n"
        )
    });
    add("data/versions.csv", "bin_names,checksum,features,id,yanked\n", n * each, &|i| {
        // The newest version of every fourth crate has programs, and so have all earlier ones.
        let programs = if (i / each).is_multiple_of(4) {
            format!("{{tool-{:08}}}", i / each)
        } else {
            "{}".to_owned()
        };
        let features = r#""{""default"": [""std""], ""std"": [], ""derive"": [""serde_derive""]}""#;
        let rest = 80 - programs.len();
        format!("{programs},{:0rest$},{features},{i:09},f\n", mixed(i))
    });
    add("data/default_versions.csv", "crate_id,version_id\n", n, &|i| {
        format!("{i:08},{:09}\n", i * each + each - 1)
    });
    archive.into_inner().unwrap().finish().unwrap().flush().unwrap();
    n_bytes
}

fn counts(file: File, megabytes: usize) -> u64 {
    let row =
        |i| format!(",\n\"package-{:010}-x{i:08}\":{:010}", mixed(i), 1_000_000_000 + mixed(i));
    let n = (megabytes * 1_000_000).div_ceil(row(0).len());
    let table = Table { head: "{\"zero\":0", row, n, tail: "}" };
    let mut archive = tar::Builder::new(gzip(file));
    archive.append_data(&mut header(table.len()), "package/counts.json", table.text()).unwrap();
    archive.into_inner().unwrap().finish().unwrap().flush().unwrap();
    table.len() as u64
}

fn gems(file: File, path: &Path, megabytes: usize) -> u64 {
    let mut n_bytes = 0;
    let n = 400 * megabytes;
    let packed = path.with_extension("sql.gz");
    let mut sql = gzip(File::create(&packed).unwrap());
    let mut add = |head: &'static str, n: usize, row: &dyn Fn(usize) -> String| {
        n_bytes += io::copy(&mut Table { head, row, n, tail: "\\.\n" }.text(), &mut sql).unwrap();
    };
    let prose = "What it is for is not said here. ".repeat(34);
    add("COPY public.linksets (id, home) FROM stdin;\n", n, &|i| {
        format!("{i}\thttps://{}.example/{prose}\n", mixed(i))
    });
    add(
        "COPY public.gem_downloads (id, rubygem_id, version_id, count) FROM stdin;\n",
        10 * n,
        &|i| {
            let (gem, version) = (i / 10, if i.is_multiple_of(10) { 0 } else { i });
            format!("{i}\t{gem}\t{version}\t{}\n", mixed(i))
        },
    );
    add("COPY public.versions (id, summary) FROM stdin;\n", n, &|i| format!("{i}\t{prose}\n"));
    add("COPY public.rubygems (id, name, created_at, indexed) FROM stdin;\n", n, &|i| {
        format!("{i}\tgem-{i:08}\t2009-07-25 17:46:00\tt\n")
    });
    sql.finish().unwrap().flush().unwrap();
    let mut packed = File::open(&packed).unwrap();
    let size = usize::try_from(packed.metadata().unwrap().len()).unwrap();
    let mut archive = tar::Builder::new(BufWriter::new(file));
    let member = "public_postgresql/databases/PostgreSQL.sql.gz";
    archive.append_data(&mut header(size), member, &mut packed).unwrap();
    archive.into_inner().unwrap().flush().unwrap();
    n_bytes
}
