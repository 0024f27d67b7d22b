//! Reads tables in CSV of which only some columns are needed.
//!
//! One column of the dump holds whole readme files, so columns that are not needed are dropped
//! while they are read: at any time only the needed fields of one row are in memory.

use std::io::{self, BufRead as _, BufReader, Read};

use csv_core::{ReadFieldResult, Reader};

/// The largest needed field, in bytes: a list of hundreds of programs fits.
const MAX_FIELD: usize = 64 << 10;

/// Takes the fields of one row, or says why reading can stop.
type Visit<'a, const N: usize> = dyn FnMut([Option<&str>; N]) -> Result<(), String> + 'a;

/// Shows the fields `wanted` of each row of `file` to `visit`, until that says why no more is of
/// use. A field is `None` where the row has no such field, or none that is text of a sane length;
/// null and empty are both empty, for Postgres tells them apart by quotes only.
///
/// The inner error says why `file` is not the table that is expected.
pub(crate) fn read<const N: usize>(
    file: &mut dyn Read,
    wanted: [&str; N],
    visit: &mut Visit<'_, N>,
) -> io::Result<Result<(), String>> {
    let mut fields = Fields::new(file);
    let columns = match fields.columns(wanted)? {
        Ok(columns) => columns,
        Err(missing) => return Ok(Err(format!("its tables have no column {missing:?}"))),
    };
    let mut row: [Option<String>; N] = [const { None }; N];
    let mut column = 0;
    loop {
        let index = columns.iter().position(|wanted| *wanted == column);
        let Some(place) = fields.next(index.is_some())? else { return Ok(Ok(())) };
        if let Some(index) = index {
            row[index] = fields.text().map(str::to_owned);
        }
        column += 1;
        if place == FieldEnd::EndOfRow {
            if let Err(reason) = visit(row.each_ref().map(Option::as_deref)) {
                return Ok(Err(reason));
            }
            row = [const { None }; N];
            column = 0;
        }
    }
}

/// Where a field stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum FieldEnd {
    InRow,
    EndOfRow,
}

/// Reads one field after the other.
struct Fields<'a> {
    input: BufReader<&'a mut dyn Read>,
    csv: Reader,
    field: Vec<u8>,
    len: usize,
    is_too_long: bool,
}

impl<'a> Fields<'a> {
    fn new(file: &'a mut dyn Read) -> Self {
        let field = vec![0; MAX_FIELD];
        let input = BufReader::with_capacity(MAX_FIELD, file);
        Self { input, csv: Reader::new(), field, len: 0, is_too_long: false }
    }

    /// The positions of the columns `wanted`, or the name of the missing one.
    fn columns<'w, const N: usize>(
        &mut self,
        wanted: [&'w str; N],
    ) -> io::Result<Result<[usize; N], &'w str>> {
        let mut header = vec![];
        while let Some(place) = self.next(true)? {
            header.push(self.text().unwrap_or_default().to_owned());
            if place == FieldEnd::EndOfRow {
                break;
            }
        }
        let mut columns = [0; N];
        for (name, column) in wanted.into_iter().zip(&mut columns) {
            match header.iter().position(|it| it == name) {
                Some(found) => *column = found,
                None => return Ok(Err(name)),
            }
        }
        Ok(Ok(columns))
    }

    /// Advances to the next field and keeps its text only if `wanted`; `None` at the end.
    fn next(&mut self, wanted: bool) -> io::Result<Option<FieldEnd>> {
        (self.len, self.is_too_long) = (0, !wanted);
        loop {
            let input = self.input.fill_buf()?;
            let (result, n_read, n_written) =
                self.csv.read_field(input, &mut self.field[self.len..]);
            self.input.consume(n_read);
            self.len += n_written;
            match result {
                ReadFieldResult::InputEmpty => {}
                ReadFieldResult::OutputFull => (self.len, self.is_too_long) = (0, true),
                ReadFieldResult::Field { record_end: false } => return Ok(Some(FieldEnd::InRow)),
                ReadFieldResult::Field { record_end: true } => return Ok(Some(FieldEnd::EndOfRow)),
                ReadFieldResult::End => return Ok(None),
            }
        }
    }

    /// The field, if it was kept and is UTF-8.
    fn text(&self) -> Option<&str> {
        if self.is_too_long {
            return None;
        }
        str::from_utf8(self.field.get(..self.len)?).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The rows of the columns `id` and `names` of `text`.
    fn rows(text: &[u8]) -> Result<Vec<String>, String> {
        let mut found = vec![];
        let mut visit = |row: [Option<&str>; 2]| {
            found.push(row.map(|field| field.unwrap_or("?").to_owned()).join("|"));
            Ok(())
        };
        read(&mut { text }, ["id", "names"], &mut visit).unwrap().map(|()| found)
    }

    #[test]
    fn columns_are_found_by_their_names() {
        let text = b"names,readme,id\n\"{a,b}\",\"two\nlines, \"\"quoted\"\"\",1\n{},,2\n,,3";
        assert_eq!(rows(text).unwrap(), ["1|{a,b}", "2|{}", "3|"]);
        assert_eq!(rows(b"id,names\r\n1,x\r\n").unwrap(), ["1|x"]);
        assert_eq!(rows(b"id,names\n").unwrap().len(), 0);
    }

    #[test]
    fn a_table_without_a_needed_column_is_an_error() {
        assert_eq!(rows(b"id,name\n1,x\n").unwrap_err(), "its tables have no column \"names\"");
        assert!(rows(b"").is_err());
    }

    #[test]
    fn a_missing_field_affects_only_itself() {
        let text = [b"id,names\n1\n2,\xff\n3,x,more\n4,".as_slice(), &vec![b'y'; 99_999]].concat();
        assert_eq!(rows(&text).unwrap(), ["1|?", "2|?", "3|x", "4|?"]);
    }

    #[test]
    fn reading_stops_with_the_reason_of_the_visitor() {
        let mut visit = |_: [Option<&str>; 1]| Err("enough".to_owned());
        let read = read(&mut b"id\n1\n2\n".as_slice(), ["id"], &mut visit).unwrap();
        assert_eq!(read.unwrap_err(), "enough");
    }
}
