//! What a seeder reads from a list, and the page that is cut out of it.

use std::collections::HashSet;

use crate::{
    model::{Candidate, Page, PassedOver},
    plugin::{Names, PageRequest},
};

/// An entry of a list: a candidate, or why it is skipped.
pub type Row = Result<Candidate, PassedOver>;

/// A list, or the part of a list that one answer of a registry contains, in its order.
pub struct Listing<'a> {
    rows: Box<dyn Iterator<Item = Row> + Send + 'a>,
    paging: Paging<'a>,
    most: usize,
    size: Option<usize>,
}

/// How the rows of a [`Listing`] become pages.
enum Paging<'a> {
    /// The rows are the whole list. A cursor is the rank of the row where a page begins.
    Whole,
    /// The rows are a page that the registry has cut, because it was asked for the wanted number.
    Cut { next: Option<String>, total: Option<usize> },
    /// The rows are a page whose length the registry fixes, so it may contain several pages.
    Fixed {
        start: usize,
        cursor_of: Box<dyn Fn(usize) -> String + Send + 'a>,
        next: Option<String>,
        total: Option<usize>,
    },
}

impl<'a> Listing<'a> {
    /// A list that is read as a whole, in the order of its popularity. Each call may read it anew.
    pub fn whole(rows: impl IntoIterator<Item = Row, IntoIter: Send + 'a>) -> Self {
        let rows = Box::new(rows.into_iter());
        Self { rows, paging: Paging::Whole, most: usize::MAX, size: None }
    }

    /// One page of a registry that was asked for [`PageRequest::limit`] candidates. `next` is the
    /// cursor of the next page; `None` on the last page.
    pub fn page(
        rows: impl IntoIterator<Item = Row, IntoIter: Send + 'a>,
        next: Option<String>,
    ) -> Self {
        Self { paging: Paging::Cut { next, total: None }, ..Self::whole(rows) }
    }

    /// One page of a registry whose pages have a fixed length. The wanted page begins at its row
    /// `start`, counted from zero. `cursor_of` is the cursor of a row of this page, `next` that of
    /// the next page; `None` on the last page.
    pub fn fixed_page(
        rows: impl IntoIterator<Item = Row, IntoIter: Send + 'a>,
        start: usize,
        cursor_of: impl Fn(usize) -> String + Send + 'a,
        next: Option<String>,
    ) -> Self {
        let cursor_of = Box::new(cursor_of);
        Self { paging: Paging::Fixed { start, cursor_of, next, total: None }, ..Self::whole(rows) }
    }

    /// With at most `most` candidates on all pages of a whole list together. The list ends there.
    #[must_use]
    pub fn at_most(self, most: usize) -> Self {
        Self { most, ..self }
    }

    /// With the number of packages of a whole list, if not all of them are among the rows; see
    /// [`Page::size`].
    #[must_use]
    pub fn of_size(self, size: usize) -> Self {
        Self { size: Some(size), ..self }
    }

    /// With the number of candidates of all pages together, as the registry states it; see
    /// [`Page::total`]. That of a whole list is counted.
    #[must_use]
    pub fn of_total(mut self, stated: Option<usize>) -> Self {
        if let Paging::Cut { total, .. } | Paging::Fixed { total, .. } = &mut self.paging {
            *total = stated;
        }
        self
    }

    /// With one row for `n` entries that cannot be read, so that a list with only such entries needs
    /// no memory. It comes first, and says `{n} {what}`. Without such entries nothing is added.
    #[must_use]
    pub fn with_unreadable(self, n: usize, what: &str) -> Self {
        let unreadable = (0 < n).then(|| Err(PassedOver::unreadable(format!("{n} {what}"))));
        Self { rows: Box::new(unreadable.into_iter().chain(self.rows)), ..self }
    }

    /// The page that `wanted` asks for. A cursor of a whole list that is not a number means the
    /// beginning.
    pub(super) fn cut(self, wanted: PageRequest<'_>) -> Page {
        let Self { rows, paging, most, size } = self;
        let page = |start, limit| cut(rows, wanted.names, Range { start, limit, most });
        match paging {
            Paging::Whole => {
                let start = wanted.cursor.and_then(|cursor| cursor.parse().ok()).unwrap_or(0);
                let (page, rest) = page(start, wanted.limit);
                let next_cursor = rest.map(|rank| rank.to_string());
                Page { next_cursor, size: size.or(page.size), ..page }
            }
            Paging::Cut { next, total } => {
                let (page, _) = page(0, usize::MAX);
                Page { next_cursor: next, total, size: None, ..page }
            }
            Paging::Fixed { start, cursor_of, next, total } => {
                let (page, rest) = page(start, wanted.limit);
                Page { next_cursor: rest.map(cursor_of).or(next), total, size: None, ..page }
            }
        }
    }
}

/// Which rows are wanted.
#[derive(Debug, Clone, Copy)]
struct Range {
    /// How many rows to skip.
    start: usize,
    /// Maximal number of candidates on the page; zero means one, so that every list ends.
    limit: usize,
    /// Maximal number of candidates on all pages together.
    most: usize,
}

/// The page `range` of `rows`, and the rank of the row at which the next page begins. If `names`
/// takes several rows for the same package, the first one counts. A skipped entry is on the page on
/// which it would have been a candidate.
fn cut(rows: impl Iterator<Item = Row>, names: &dyn Names, range: Range) -> (Page, Option<usize>) {
    let (mut page, mut known, mut next) = (Page::default(), HashSet::new(), None);
    let (mut n_listed, mut n_beyond) = (0, 0);
    for (rank, row) in rows.enumerate() {
        if let Ok(candidate) = &row {
            let identity = names.identity(&candidate.id.name);
            if known.contains(&identity) {
                continue;
            }
            if 0 < n_beyond || known.len() == range.most {
                n_beyond += 1;
                continue;
            }
            known.insert(identity);
        } else if 0 < n_beyond {
            continue;
        }
        n_listed += 1;
        if rank < range.start || next.is_some() {
            continue;
        }
        match row {
            Ok(_) if page.candidates.len() == range.limit.max(1) => next = Some(rank),
            Ok(candidate) => page.candidates.push(candidate),
            Err(passed_over) => page.passed_over.push(passed_over),
        }
    }
    (Page { total: Some(n_listed), size: Some(known.len() + n_beyond), ..page }, next)
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;
    use proptest::prelude::*;

    use super::*;
    use crate::{
        io::{CachedFile, Http, HttpError, Request, Response},
        model::{EcosystemId, InvalidId, PackageName, SeedSkip},
        plugin::{Seeder, Source, SourceError},
    };

    const ZOO: EcosystemId = EcosystemId::from_static("zoo");

    /// Names of any case; `A` and `a` are the same package.
    struct AnyCase;

    impl Names for AnyCase {
        fn normalise(&self, spelling: &str) -> Result<PackageName, InvalidId> {
            spelling.parse()
        }

        fn identity(&self, name: &PackageName) -> String {
            name.as_str().to_lowercase()
        }
    }

    struct NoHttp;

    #[async_trait::async_trait]
    impl Http for NoHttp {
        async fn send(&self, _: Request) -> Result<Response, HttpError> {
            unreachable!("these lists are in memory")
        }

        async fn fetch_to_cache(&self, _: Request) -> Result<CachedFile, HttpError> {
            unreachable!("these lists are in memory")
        }
    }

    /// A word is a candidate; `-x` is skipped.
    fn row(wanted: PageRequest<'_>, word: &str) -> Row {
        match word.strip_prefix('-') {
            Some(name) => Err(PassedOver::because(name, SeedSkip::Library, "")),
            None => wanted.candidate(word),
        }
    }

    /// The words, which are one list.
    struct Whole<'w>(&'w str, usize);

    #[async_trait::async_trait]
    impl Seeder for Whole<'_> {
        fn sources(&self) -> &'static [Source] {
            const { &[Source::file("words", &["https://zoo.example/words"], 9, &[])] }
        }

        async fn read<'a>(&self, wanted: PageRequest<'a>) -> Result<Listing<'a>, SourceError> {
            let rows: Vec<Row> = self.0.split_whitespace().map(|word| row(wanted, word)).collect();
            Ok(Listing::whole(rows).at_most(self.1))
        }
    }

    /// Words in lines, which are pages of fixed length. A cursor is `line:row`.
    struct Lines(&'static str);

    #[async_trait::async_trait]
    impl Seeder for Lines {
        fn sources(&self) -> &'static [Source] {
            Whole("", 0).sources()
        }

        async fn read<'a>(&self, wanted: PageRequest<'a>) -> Result<Listing<'a>, SourceError> {
            let place = wanted.cursor.and_then(|cursor| cursor.split_once(':'));
            let (line, start) = place.map_or((0, 0), |(line, start)| {
                (line.parse::<usize>().unwrap(), start.parse().unwrap())
            });
            let lines: Vec<&str> = self.0.lines().collect();
            let next = (line + 1 < lines.len()).then(|| format!("{}:0", line + 1));
            let rows: Vec<Row> = lines[line].split(' ').map(|word| row(wanted, word)).collect();
            let cursor_of = move |rank| format!("{line}:{rank}");
            Ok(Listing::fixed_page(rows, start, cursor_of, next).of_total(Some(7)))
        }
    }

    fn page_of(seeder: &dyn Seeder, cursor: Option<&str>, limit: usize) -> Page {
        let (ecosystem, names, source) = (&ZOO, &AnyCase, &seeder.sources()[0]);
        let wanted = PageRequest { ecosystem, names, http: &NoHttp, source, cursor, limit };
        wanted.page(seeder).now_or_never().unwrap().unwrap()
    }

    /// Each page as `candidates -skipped`, and the total of each page.
    fn pages_of(seeder: &dyn Seeder, limit: usize) -> (Vec<String>, Vec<usize>) {
        let (mut cursor, mut found, mut totals) = (None::<String>, vec![], vec![]);
        loop {
            let page = page_of(seeder, cursor.as_deref(), limit);
            let candidates = page.candidates.iter().map(|it| it.id.name.to_string());
            let passed_over = page.passed_over.iter().map(|it| format!("-{}", it.name));
            found.push(candidates.chain(passed_over).collect::<Vec<_>>().join(" "));
            totals.extend(page.total);
            cursor = page.next_cursor;
            if cursor.is_none() {
                return (found, totals);
            }
        }
    }

    #[track_caller]
    fn check(words: &str, limit: usize, most: usize, pages: &[&str], total: usize) {
        let (found, totals) = pages_of(&Whole(words, most), limit);
        assert_eq!(found, pages);
        assert_eq!(totals, vec![total; pages.len()]);
    }

    #[test]
    fn pages_follow_each_other_without_gap_or_overlap() {
        check("a b c", 9, 9, &["a b c"], 3);
        check("a b c", 3, 9, &["a b c"], 3);
        check("a b c", 2, 9, &["a b", "c"], 3);
        check("a -x b -y c -z", 1, 9, &["a -x", "b -y", "c -z"], 6);
        check("", 5, 9, &[""], 0);
    }

    #[test]
    fn pages_of_fixed_length_are_divided() {
        let list = Lines("a -x b\nc\nd e f");
        assert_eq!(pages_of(&list, 9).0, ["a b -x", "c", "d e f"]);
        assert_eq!(pages_of(&list, 2).0, ["a b -x", "c", "d e", "f"]);
        assert_eq!(pages_of(&list, 1).0, ["a -x", "b", "c", "d", "e", "f"]);
        let page = page_of(&list, Some("2:1"), 1);
        let stated = (page.next_cursor.as_deref(), page.total, page.size);
        assert_eq!(stated, (Some("2:2"), Some(7), None));
    }

    #[test]
    fn no_limit_is_so_small_that_a_list_never_ends() {
        check("a b", 0, 9, &["a", "b"], 2);
    }

    #[test]
    fn a_repeated_name_counts_at_its_first_position() {
        check("a B A b c", 2, 9, &["a B", "c"], 3);
    }

    #[test]
    fn a_list_ends_after_the_permitted_number_of_names() {
        check("a -x b -y c -z", 9, 2, &["a b -x -y"], 4);
        check("a -x b -y c -z", 1, 2, &["a -x", "b -y"], 4);
        assert_eq!(page_of(&Whole("a -x b -y c -z", 2), None, 9).size, Some(3));
    }

    #[test]
    fn an_invalid_cursor_restarts_the_list_and_one_beyond_the_end_ends_it() {
        for cursor in ["x", "-1", ""] {
            assert_eq!(page_of(&Whole("a", 9), Some(cursor), 9).candidates.len(), 1);
        }
        for cursor in ["7", "18446744073709551615"] {
            let page = page_of(&Whole("a", 9), Some(cursor), 9);
            assert_eq!((page.candidates.len(), page.next_cursor), (0, None));
        }
    }

    #[test]
    fn entries_that_cannot_be_read_are_one_row() {
        let wanted =
            |page: Page| -> Vec<String> { page.passed_over.into_iter().map(|it| it.why).collect() };
        let (ecosystem, names, source) = (&ZOO, &AnyCase, &Whole("", 0).sources()[0]);
        let all = PageRequest {
            ecosystem,
            names,
            http: &NoHttp,
            source,
            cursor: None,
            limit: usize::MAX,
        };
        let of = |n| wanted(Listing::whole([]).with_unreadable(n, "rows are odd").cut(all));
        assert_eq!(of(0), [] as [&str; 0]);
        assert_eq!(of(3), ["3 rows are odd"]);
    }

    proptest! {
        #[test]
        fn pages_of_any_length_make_up_the_list(
            words in "(-?[a-fA-C] ){0,12}",
            limit in 1_usize..5,
            most in 0_usize..9,
        ) {
            let sorted = |pages: Vec<String>| {
                let mut words: Vec<String> =
                    pages.iter().flat_map(|it| it.split(' ')).map(str::to_owned).collect();
                words.retain(|word| !word.is_empty());
                words.sort_unstable();
                words
            };
            let list = Whole(&words, most);
            let (whole, totals) = pages_of(&list, usize::MAX);
            let (parts, part_totals) = pages_of(&list, limit);
            prop_assert!(part_totals.iter().all(|total| *total == totals[0]));
            let whole = sorted(whole);
            prop_assert_eq!(whole.len(), totals[0]);
            prop_assert_eq!(sorted(parts), whole);
        }
    }
}
