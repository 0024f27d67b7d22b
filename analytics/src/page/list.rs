//! Splits long lists into pages that a browser can filter at once.

use crate::path;

/// Rows on one page of a list. A browser filters 500 rows in milliseconds; 50,000 rows take
/// seconds.
pub(super) const N_ROWS: usize = 500;

/// Which part of its list a page shows.
pub(super) struct Pager {
    pub(super) n_rows: usize,
    /// Numbers of the first and last row, from 1; both 0 for an empty list.
    pub(super) first: usize,
    pub(super) last: usize,
    pub(super) n_pages: usize,
    /// Links to the first, the last and the neighbouring pages.
    pub(super) links: Vec<PageLink>,
}

/// A link to another page of the list.
pub(super) struct PageLink {
    pub(super) n: usize,
    pub(super) href: String,
    pub(super) is_here: bool,
}

/// The pages of the list at `stem`, at least one: the path, the position and the rows of each.
pub(super) fn pages<'r, T>(
    stem: &str,
    rows: &'r [T],
) -> impl Iterator<Item = (String, Pager, &'r [T])> {
    let n_pages = rows.len().div_ceil(N_ROWS).max(1);
    (1..=n_pages).map(move |here| {
        let start = (here - 1) * N_ROWS;
        let end = rows.len().min(start + N_ROWS);
        let is_near = |n: &usize| *n == 1 || *n == n_pages || n.abs_diff(here) <= 2;
        let link = |n| PageLink { n, href: path::list(stem, n), is_here: n == here };
        let pager = Pager {
            n_rows: rows.len(),
            first: if end == 0 { 0 } else { start + 1 },
            last: end,
            n_pages,
            links: (1..=n_pages).filter(is_near).map(link).collect(),
        };
        (path::list(stem, here), pager, &rows[start..end])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(n_rows: usize, expected: &str) {
        let rows = vec![(); n_rows];
        let shown: Vec<String> = pages("a", &rows)
            .map(|(path, pager, rows)| {
                format!("{path} {}-{} {}", pager.first, pager.last, rows.len())
            })
            .collect();
        assert_eq!(shown.join(" | "), expected);
    }

    #[test]
    fn no_row_is_lost_between_pages() {
        check(0, "a.html 0-0 0");
        check(500, "a.html 1-500 500");
        check(501, "a.html 1-500 500 | a~2.html 501-501 1");
    }
}
