//! Pages of lists that come as whole files.

use std::collections::HashSet;

use crate::{
    model::{Candidate, PassedOver},
    plugin::{Names, Page},
};

/// What a list says about one package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Listed {
    /// It may be queued.
    Candidate(Candidate),
    /// It may not.
    PassedOver(PassedOver),
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
    /// The page of `ranked`, the most popular first. What `names` takes for one package counts
    /// where it stands first; what is passed over comes on the page on which its turn would be.
    pub fn page(self, ranked: impl IntoIterator<Item = Listed>, names: &dyn Names) -> Page {
        let start: usize = self.cursor.and_then(|cursor| cursor.parse().ok()).unwrap_or(0);
        let (mut page, mut seen, mut n_candidates) = (Page::default(), HashSet::new(), 0);
        let mut n_listed = 0;
        for (rank, listed) in ranked.into_iter().enumerate() {
            let is_candidate = match &listed {
                Listed::Candidate(it) => seen.insert(names.identity(&it.id.name)),
                Listed::PassedOver(_) => false,
            };
            if matches!(listed, Listed::Candidate(_)) && !is_candidate {
                continue;
            }
            if is_candidate && n_candidates == self.most {
                break;
            }
            n_candidates += usize::from(is_candidate);
            n_listed += 1;
            if rank < start || page.next_cursor.is_some() {
                continue;
            }
            match listed {
                Listed::Candidate(_) if page.candidates.len() == self.limit.max(1) => {
                    page.next_cursor = Some(rank.to_string());
                }
                Listed::Candidate(candidate) => page.candidates.push(candidate),
                Listed::PassedOver(passed_over) => page.passed_over.push(passed_over),
            }
        }
        page.total = Some(n_listed);
        page
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{EcosystemId, InvalidId, PackageId, PackageName, SeedSkip};

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
    fn listed(word: &str) -> Listed {
        if let Some(name) = word.strip_prefix('-') {
            let (name, reason) = (name.to_owned(), SeedSkip::Library);
            return Listed::PassedOver(PassedOver { name, reason, why: String::new() });
        }
        let id =
            PackageId { ecosystem: EcosystemId::from_static("zoo"), name: word.parse().unwrap() };
        Listed::Candidate(Candidate { id, popularity: None, commands: None, has_repository: None })
    }

    /// Page after page as `candidates -passed over`, and the total.
    #[track_caller]
    fn check(words: &str, limit: usize, most: usize, pages: &[&str], total: usize) {
        let (mut cursor, mut found) = (None::<String>, vec![]);
        loop {
            let cut = Cut { cursor: cursor.as_deref(), limit, most };
            let page = cut.page(words.split_whitespace().map(listed), &AnyCase);
            let candidates = page.candidates.iter().map(|it| it.id.name.to_string());
            let passed_over = page.passed_over.iter().map(|it| format!("-{}", it.name));
            found.push(candidates.chain(passed_over).collect::<Vec<_>>().join(" "));
            assert_eq!(page.total, Some(total));
            cursor = page.next_cursor;
            if cursor.is_none() {
                break;
            }
        }
        assert_eq!(found, pages);
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
            cut.page([listed("a")], &AnyCase)
        };
        assert_eq!(page("x").candidates.len(), 1);
        assert_eq!(page("7").candidates.len(), 0);
        assert_eq!(page("7").next_cursor, None);
    }
}
