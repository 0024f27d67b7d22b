//! Reads tables in a dump of `pg_dump`: a line `COPY … FROM stdin;`, then one line for each row.

use std::io::{self, BufRead as _, BufReader, Read};

/// How much of a line is kept, in bytes: needed rows are short, and longer ones are descriptions.
const MAX_LINE: u64 = 64 << 10;

/// A line `COPY public.versions (id, "number") FROM stdin;`.
pub(crate) struct Header<'a> {
    /// The table without its schema.
    pub(crate) table: &'a str,
    columns: Vec<&'a str>,
}

impl<'a> Header<'a> {
    pub(crate) fn read(line: &'a str) -> Option<Self> {
        let (name, rest) = line.strip_prefix("COPY ")?.split_once(" (")?;
        let columns = rest.strip_suffix(") FROM stdin;")?;
        let plain = |text: &'a str| text.trim().trim_matches('"');
        let table = plain(name.rsplit('.').next()?);
        Some(Self { table, columns: columns.split(',').map(plain).collect() })
    }

    /// The position of the column `name`.
    pub(crate) fn column(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| *column == name)
    }
}

/// The field at `column` of a row; `None` for null, and if the row has fewer columns.
pub(crate) fn field(row: &str, column: usize) -> Option<&str> {
    row.split('\t').nth(column).filter(|field| *field != "\\N")
}

/// Reads one line after the other and keeps only the beginning of each.
pub(crate) struct Lines<R> {
    input: BufReader<R>,
    line: Vec<u8>,
}

impl<R: Read> Lines<R> {
    pub(crate) fn new(input: R) -> Self {
        Self { input: BufReader::new(input), line: vec![] }
    }

    /// The next line without its end, up to the first invalid byte; `None` after the last line.
    pub(crate) fn next(&mut self) -> io::Result<Option<&str>> {
        self.line.clear();
        let n_read = (&mut self.input).take(MAX_LINE).read_until(b'\n', &mut self.line)?;
        if n_read == 0 {
            return Ok(None);
        }
        if self.line.last() == Some(&b'\n') {
            self.line.pop();
        } else {
            self.input.skip_until(b'\n')?;
        }
        Ok(Some(match str::from_utf8(&self.line) {
            Ok(line) => line,
            Err(error) => str::from_utf8(&self.line[..error.valid_up_to()]).unwrap_or_default(),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_names_table_and_columns() {
        for line in [
            "COPY public.gem_downloads (id, rubygem_id, version_id, count) FROM stdin;",
            "COPY gem_downloads (id, rubygem_id, version_id, \"count\") FROM stdin;",
        ] {
            let header = Header::read(line).unwrap();
            assert_eq!((header.table, header.column("count")), ("gem_downloads", Some(3)));
            assert_eq!(header.column("name"), None);
        }
        assert!(Header::read("CREATE TABLE public.rubygems (").is_none());
        assert!(Header::read("COPY public.rubygems (id) TO stdout;").is_none());
    }

    #[test]
    fn fields_are_between_tabs_and_may_be_null() {
        assert_eq!(field("1\trake\t\\N", 1), Some("rake"));
        assert_eq!(field("1\trake\t\\N", 2), None);
        assert_eq!(field("1", 1), None);
    }

    #[test]
    fn only_the_beginning_of_an_endless_line_is_kept() {
        let text = [b"a\n".as_slice(), &vec![b'x'; 200_000], b"\nb\xffc\n\nd"].concat();
        let mut lines = Lines::new(text.as_slice());
        let mut lengths = vec![];
        while let Some(line) = lines.next().unwrap() {
            lengths.push(line.len());
        }
        assert_eq!(lengths, [1, 65_536, 1, 0, 1]);
    }
}
