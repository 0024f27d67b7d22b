//! Tables for a person. On a terminal they are no wider than it is.

use std::sync::OnceLock;

use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

/// The number of columns that a table may have. It is set once, before anything is printed, because the
/// types that print tables do not know where they are printed.
static COLUMNS: OnceLock<usize> = OnceLock::new();

/// No column of a table becomes narrower than this.
const NARROWEST: usize = 8;
/// What stands between two columns.
const GAP: &str = "  ";
/// The end of a text that was cut.
const CUT: &str = "…";

/// From now on no table is wider than `columns`.
pub(super) fn limit_to(columns: usize) {
    let _ = COLUMNS.set(columns);
}

/// A table with columns of sufficient width. If it would be wider than the terminal, the widest columns
/// are cut, and what was cut ends in an ellipsis.
pub(super) fn table(headings: &[&str], rows: &[Vec<String>]) -> String {
    laid_out(headings, rows, COLUMNS.get().copied())
}

fn laid_out(headings: &[&str], rows: &[Vec<String>], columns: Option<usize>) -> String {
    let width = |i: usize| {
        let cells = rows.iter().map(|row| row[i].width());
        cells.chain([headings[i].width()]).max().unwrap_or(0)
    };
    let mut widths: Vec<usize> = (0..headings.len()).map(width).collect();
    if let Some(columns) = columns {
        shrink(&mut widths, columns);
    }
    let line = |cells: Vec<&str>| {
        let cells =
            cells.iter().zip(&widths).map(|(text, &width)| padded(&cut(text, width), width));
        cells.collect::<Vec<_>>().join(GAP).trim_end().to_owned() + "\n"
    };
    let body = rows.iter().map(|row| line(row.iter().map(String::as_str).collect()));
    std::iter::once(line(headings.to_vec())).chain(body).collect()
}

/// Makes the widest of `widths` smaller until the table fits into `columns`, as far as that is possible.
fn shrink(widths: &mut [usize], columns: usize) {
    let gaps = GAP.len() * widths.len().saturating_sub(1);
    let mut excess = (widths.iter().sum::<usize>() + gaps).saturating_sub(columns);
    while excess > 0 {
        let Some(widest) = widths.iter_mut().max().filter(|width| **width > NARROWEST) else {
            return;
        };
        *widest -= 1;
        excess -= 1;
    }
}

/// The beginning of `text` that fits into `width` columns.
fn cut(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut left = width.saturating_sub(CUT.width());
    let fits = |c: &char| {
        let of_char = c.width().unwrap_or(0);
        let fits = of_char <= left;
        left = left.saturating_sub(of_char);
        fits
    };
    let mut kept: String = text.chars().take_while(fits).collect();
    // Some characters are wider together than each by itself.
    while width < kept.width() + CUT.width() && kept.pop().is_some() {}
    kept + CUT
}

fn padded(text: &str, width: usize) -> String {
    format!("{text}{}", " ".repeat(width.saturating_sub(text.width())))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rows(rows: &[[&str; 2]]) -> Vec<Vec<String>> {
        rows.iter().map(|row| row.map(str::to_owned).to_vec()).collect()
    }

    #[test]
    fn columns_are_as_wide_as_their_texts() {
        let rows = rows(&[["a", "one"], ["long", ""]]);
        assert_eq!(laid_out(&["ID", "X"], &rows, None), "ID    X\na     one\nlong\n");
    }

    #[test]
    fn the_widest_column_is_cut_and_says_so() {
        let rows = rows(&[["npm:a", "the registry does not answer at all"]]);
        let found = laid_out(&["PACKAGE", "WHY"], &rows, Some(24));
        assert_eq!(found, "PACKAGE  WHY\nnpm:a    the registry d…\n");
    }

    #[test]
    fn wide_characters_take_two_columns() {
        let rows = rows(&[["数据库", "x"], ["abc", "y"]]);
        assert_eq!(laid_out(&["ID", "N"], &rows, None), "ID      N\n数据库  x\nabc     y\n");
        assert_eq!(cut("数据库数据库", 8), "数据库…");
        assert_eq!(cut("数据库数据库", 9), "数据库数…");
    }

    #[test]
    fn a_table_of_many_columns_is_as_narrow_as_it_can_be() {
        let mut widths = [3, 30, 9, 40];
        shrink(&mut widths, 10);
        assert_eq!(widths, [3, NARROWEST, NARROWEST, NARROWEST]);
    }

    proptest! {
        #[test]
        fn no_line_is_wider_than_the_terminal(
            cells in prop::collection::vec(["\\PC{0,60}", "\\PC{0,60}", "[a-z]{0,40}"], 0..6),
            columns in 30_usize..120,
        ) {
            let rows: Vec<Vec<String>> = cells.into_iter().map(|row| row.to_vec()).collect();
            for line in laid_out(&["A", "B", "C"], &rows, Some(columns)).lines() {
                prop_assert!(line.width() <= columns, "{} of {columns}: {line:?}", line.width());
            }
        }
    }
}
