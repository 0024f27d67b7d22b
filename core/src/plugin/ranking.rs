//! Lists that are read as whole files: which part of them is used, and in which order.

use std::{cmp::Reverse, collections::BinaryHeap};

/// The names with the greatest numbers. Only these are kept in memory, however long the list is.
/// Names without a number come last; equal numbers are in the order of the names.
#[derive(Debug)]
pub struct Ranking {
    /// The smallest kept entry is at the top.
    heap: BinaryHeap<Reverse<(Option<u64>, Reverse<String>)>>,
    longest: usize,
    n_added: usize,
}

impl Ranking {
    /// An empty ranking that keeps at most `longest` names.
    pub fn of(longest: usize) -> Self {
        Self { heap: BinaryHeap::new(), longest, n_added: 0 }
    }

    /// How many names the list has, including those that are not kept.
    pub fn n_added(&self) -> usize {
        self.n_added
    }

    /// Adds an entry of the list.
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

    /// Names and numbers, the greatest number first.
    pub fn into_rows(self) -> Vec<(String, Option<u64>)> {
        let sorted = self.heap.into_sorted_vec().into_iter();
        sorted.map(|Reverse((value, Reverse(name)))| (name, value)).collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

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
    fn rows_are_sorted_by_number_then_by_name_with_unknown_numbers_last() {
        assert_eq!(ranked(9, ROWS), "z b c a x");
        assert_eq!(ranked(3, ROWS), "z b c");
        assert_eq!(ranked(2, ROWS), "z b");
        assert_eq!(ranked(0, ROWS), "");
    }

    proptest! {
        #[test]
        fn the_first_part_of_the_sorted_list_is_kept(
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
    }
}
