//! Lists that come as whole files: what of them is handed on, in which order, and in which pages.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashSet},
};

use crate::{
    model::{Candidate, PassedOver},
    plugin::{Names, Page},
};

/// The names with the greatest numbers, in memory for these alone, however long the list is.
/// A name of unknown number comes after all others; ties are in the order of names.
#[derive(Debug)]
pub struct Ranking {
    /// The least is on top.
    heap: BinaryHeap<Reverse<(Option<u64>, Reverse<String>)>>,
    longest: usize,
    n_added: usize,
}

impl Ranking {
    /// An empty one that keeps at most `longest` names.
    pub fn of(longest: usize) -> Self {
        Self { heap: BinaryHeap::new(), longest, n_added: 0 }
    }

    /// How many names the list has, also those that are not kept.
    pub fn n_added(&self) -> usize {
        self.n_added
    }

    /// One more of the list.
    pub fn add(&mut self, name: &str, value: Option<u64>) {
        self.n_added += 1;
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

/// Part of a list that was put in order as a whole.
#[derive(Debug, Clone, Copy)]
pub struct Cut<'a> {
    /// How many of the list to skip, as an earlier page has said; what is no number is none.
    pub cursor: Option<&'a str>,
    /// Most candidates of the page; none is as one.
    pub limit: usize,
    /// Most candidates of all pages together: from there on, the list has ended.
    pub most: usize,
}

impl Cut<'_> {
    /// All of the list.
    pub const WHOLE: Self = Self { cursor: None, limit: usize::MAX, most: usize::MAX };

    /// The page of `rows`, the most popular first. What `names` takes for one package counts
    /// where it stands first; what is passed over comes on the page on which its turn would be.
    pub fn page(
        self,
        rows: impl IntoIterator<Item = Result<Candidate, PassedOver>>,
        names: &dyn Names,
    ) -> Page {
        let start: usize = self.cursor.and_then(|cursor| cursor.parse().ok()).unwrap_or(0);
        let (mut page, mut known) = (Page::default(), HashSet::new());
        let (mut n_listed, mut n_beyond) = (0, 0);
        for (rank, row) in rows.into_iter().enumerate() {
            if let Ok(candidate) = &row {
                let identity = names.identity(&candidate.id.name);
                if known.contains(&identity) {
                    continue;
                }
                if 0 < n_beyond || known.len() == self.most {
                    n_beyond += 1;
                    continue;
                }
                known.insert(identity);
            } else if 0 < n_beyond {
                continue;
            }
            n_listed += 1;
            if rank < start || page.next_cursor.is_some() {
                continue;
            }
            match row {
                Ok(_) if page.candidates.len() == self.limit.max(1) => {
                    page.next_cursor = Some(rank.to_string());
                }
                Ok(candidate) => page.candidates.push(candidate),
                Err(passed_over) => page.passed_over.push(passed_over),
            }
        }
        page.total = Some(n_listed);
        page.size = Some(known.len() + n_beyond);
        page
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::{EcosystemId, InvalidId, PackageId, PackageName, SeedSkip};

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

    struct AnyCase;

    impl Names for AnyCase {
        fn normalise(&self, spelling: &str) -> Result<PackageName, InvalidId> {
            spelling.parse()
        }

        fn identity(&self, name: &PackageName) -> String {
            name.as_str().to_lowercase()
        }
    }

    /// Small words are candidates, `-x` is passed over.
    fn row(word: &str) -> Result<Candidate, PassedOver> {
        if let Some(name) = word.strip_prefix('-') {
            return Err(PassedOver::because(name, SeedSkip::Library, ""));
        }
        let (ecosystem, name) = (EcosystemId::from_static("zoo"), word.parse().unwrap());
        Ok(Candidate::of(PackageId { ecosystem, name }))
    }

    /// Page after page as `candidates -passed over`, and the total of each.
    fn pages_of(words: &str, limit: usize, most: usize) -> (Vec<String>, Vec<usize>) {
        let (mut cursor, mut found, mut totals) = (None::<String>, vec![], vec![]);
        loop {
            let cut = Cut { cursor: cursor.as_deref(), limit, most };
            let page = cut.page(words.split_whitespace().map(row), &AnyCase);
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
        let (found, totals) = pages_of(words, limit, most);
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
    fn no_limit_is_so_small_that_a_list_never_ends() {
        check("a b", 0, 9, &["a", "b"], 2);
    }

    #[test]
    fn what_comes_twice_counts_where_it_stands_first() {
        check("a B A b c", 2, 9, &["a B", "c"], 3);
    }

    #[test]
    fn a_list_ends_where_enough_was_handed_out() {
        check("a -x b -y c -z", 9, 2, &["a b -x -y"], 4);
        check("a -x b -y c -z", 1, 2, &["a -x", "b -y"], 4);
    }

    #[test]
    fn a_cursor_that_is_none_begins_anew_and_one_beyond_the_end_is_the_end() {
        let page = |cursor| {
            let cut = Cut { cursor: Some(cursor), limit: 9, most: 9 };
            cut.page([row("a")], &AnyCase)
        };
        assert_eq!(page("x").candidates.len(), 1);
        assert_eq!(page("7").candidates.len(), 0);
        assert_eq!(page("7").next_cursor, None);
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
            let (whole, totals) = pages_of(&words, usize::MAX, most);
            let (parts, part_totals) = pages_of(&words, limit, most);
            prop_assert!(part_totals.iter().all(|total| *total == totals[0]));
            let whole = sorted(whole);
            prop_assert_eq!(whole.len(), totals[0]);
            prop_assert_eq!(sorted(parts), whole);
        }
    }
}
