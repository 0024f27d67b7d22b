//! Lists that come as one file and in no useful order: what of them is handed on, and in which
//! order.

use std::{
    cmp::Reverse,
    collections::{BTreeSet, BinaryHeap},
};

use crate::{
    model::{Candidate, PassedOver},
    plugin::Page,
};

/// The names with the greatest numbers, in memory for these alone, however long the list is.
/// A name of unknown number comes after all others; ties are in the order of names.
#[derive(Debug)]
pub struct Ranking {
    /// The least is on top.
    heap: BinaryHeap<Reverse<(Option<u64>, Reverse<String>)>>,
    longest: usize,
}

impl Ranking {
    /// An empty one that keeps at most `longest` names.
    pub fn of(longest: usize) -> Self {
        Self { heap: BinaryHeap::new(), longest }
    }

    /// One more of the list.
    pub fn add(&mut self, name: &str, value: Option<u64>) {
        if self.longest <= self.heap.len() {
            let is_less = |Reverse((least, Reverse(last))): &Reverse<(_, Reverse<String>)>| {
                (value, Reverse(name)) <= (*least, Reverse(last.as_str()))
            };
            if self.heap.peek().is_none_or(is_less) {
                return;
            }
            self.heap.pop();
        }
        self.heap.push(Reverse((value, Reverse(name.to_owned()))));
    }

    /// Names and numbers, the greatest first.
    pub fn into_rows(self) -> Vec<(String, Option<u64>)> {
        let sorted = self.heap.into_sorted_vec().into_iter();
        sorted.map(|Reverse((value, Reverse(name)))| (name, value)).collect()
    }
}

impl Page {
    /// The part of a list, whose `rows` are in the order of their ranks, that begins at the rank
    /// `cursor` and has at most `limit` candidates, and at least one if there is any. Of rows about
    /// one package the first counts. A cursor that is no rank is the list's beginning.
    pub fn of_list(
        rows: impl IntoIterator<Item = Result<Candidate, PassedOver>>,
        cursor: Option<&str>,
        limit: usize,
    ) -> Self {
        let mut known = BTreeSet::new();
        let mut is_first = |row: &Result<Candidate, PassedOver>| match row {
            Ok(candidate) => known.insert(candidate.id.clone()),
            Err(_) => true,
        };
        let rows: Vec<_> = rows.into_iter().filter(|row| is_first(row)).collect();
        let from = cursor.and_then(|rank| rank.parse().ok()).unwrap_or(0);
        let mut page = Self { total: Some(rows.len()), ..Self::default() };
        for (rank, row) in rows.into_iter().enumerate().skip(from) {
            match row {
                Ok(_) if limit.max(1) <= page.candidates.len() => {
                    page.next_cursor = Some(rank.to_string());
                    break;
                }
                Ok(candidate) => page.candidates.push(candidate),
                Err(passed_over) => page.passed_over.push(passed_over),
            }
        }
        page
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::{PackageId, SeedSkip};

    fn ranked(longest: usize, rows: &[(&str, Option<u64>)]) -> String {
        let mut ranking = Ranking::of(longest);
        for (name, value) in rows {
            ranking.add(name, *value);
        }
        ranking.into_rows().into_iter().map(|(name, _)| name).collect::<Vec<_>>().join(" ")
    }

    const ROWS: &[(&str, Option<u64>)] =
        &[("c", Some(5)), ("x", None), ("b", Some(5)), ("a", Some(1)), ("z", Some(9))];

    #[test]
    fn the_greatest_come_first_then_names_then_what_has_no_number() {
        assert_eq!(ranked(9, ROWS), "z b c a x");
        assert_eq!(ranked(3, ROWS), "z b c");
        assert_eq!(ranked(2, ROWS), "z b");
        assert_eq!(ranked(0, ROWS), "");
    }

    /// One letter each: capitals are passed over, `2a` is a second spelling of `a`.
    fn page(rows: &str, cursor: Option<&str>, limit: usize) -> String {
        let rows = rows.split(' ').filter(|row| !row.is_empty()).map(|row| {
            let name = row.trim_start_matches('2').to_owned();
            if name.starts_with(char::is_uppercase) {
                let reason = SeedSkip::Library;
                return Err(PassedOver { name, reason, why: "no".to_owned() });
            }
            let id = PackageId { ecosystem: "x".parse().unwrap(), name: name.parse().unwrap() };
            Ok(Candidate { id, popularity: None, commands: None, has_repository: None })
        });
        let page = Page::of_list(rows, cursor, limit);
        let names = page.candidates.iter().map(|it| it.id.name.to_string());
        let skipped = page.passed_over.into_iter().map(|it| it.name);
        let names: Vec<String> = names.chain(skipped).collect();
        let next = page.next_cursor.unwrap_or_else(|| "end".to_owned());
        format!("{} -> {next} of {}", names.join(""), page.total.unwrap())
    }

    #[test]
    fn a_page_ends_before_the_first_candidate_too_many() {
        assert_eq!(page("a B c d", None, 9), "acdB -> end of 4");
        assert_eq!(page("a B c d", None, 2), "acB -> 3 of 4");
        assert_eq!(page("a B c d", Some("3"), 2), "d -> end of 4");
        assert_eq!(page("a B C", None, 1), "aBC -> end of 3");
        assert_eq!(page("a B C", Some("1"), 1), "BC -> end of 3");
        assert_eq!(page("a b", None, 0), "a -> 1 of 2");
        assert_eq!(page("", None, 9), " -> end of 0");
        assert_eq!(page("a b", Some("7"), 9), " -> end of 2");
        assert_eq!(page("a b", Some("else"), 9), "ab -> end of 2");
    }

    #[test]
    fn the_first_of_two_spellings_counts_and_ranks_are_those_without_the_second() {
        assert_eq!(page("a 2a b 2b c", None, 2), "ab -> 2 of 3");
        assert_eq!(page("a 2a b 2b c", Some("2"), 2), "c -> end of 3");
    }

    proptest! {
        #[test]
        fn what_is_kept_is_the_beginning_of_the_sorted_list(
            rows in prop::collection::vec(("[a-c]{1,2}", prop::option::of(0_u64..4)), 0..30),
            longest in 0_usize..10,
        ) {
            let mut ranking = Ranking::of(longest);
            for (name, value) in &rows {
                ranking.add(name, *value);
            }
            let mut sorted = rows;
            sorted.sort_by_key(|(name, value)| (Reverse(*value), name.clone()));
            sorted.truncate(longest);
            prop_assert_eq!(ranking.into_rows(), sorted);
        }

        #[test]
        fn pages_of_any_length_make_up_the_list(rows in "([a-f]|[A-C])( ([a-f]|[A-C])){0,12}", limit in 1_usize..5) {
            let whole = page(&rows, None, 99);
            let (mut names, mut cursor) = (String::new(), "0".to_owned());
            while cursor != "end" {
                let part = page(&rows, Some(&cursor), limit);
                let (seen, rest) = part.split_once(" -> ").unwrap();
                names.push_str(seen);
                cursor = rest.split_once(" of ").unwrap().0.to_owned();
            }
            let sorted = |text: &str| {
                let mut letters: Vec<char> = text.chars().collect();
                letters.sort_unstable();
                letters
            };
            prop_assert_eq!(sorted(&names), sorted(whole.split_once(" -> ").unwrap().0));
        }
    }
}
