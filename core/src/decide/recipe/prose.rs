//! What a registry's prose becomes in a recipe.

use crate::model::is_text;

/// Longest description that is kept, in characters.
const LONGEST_DESCRIPTION: usize = 200;

/// The first line of `text` that says something, without what a terminal would obey, 200
/// characters at most; empty where there is none.
pub fn one_line(text: &str) -> String {
    let plain = |line: &str| {
        let shown: String =
            line.chars().map(|c| if c == '\t' { ' ' } else { c }).filter(|&c| is_text(c)).collect();
        shown.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let line = text.lines().map(plain).find(|line| !line.is_empty()).unwrap_or_default();
    match line.char_indices().nth(LONGEST_DESCRIPTION) {
        Some((end, _)) => format!("{}…", line[..end].trim_end()),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn one_line_is_left_of_any_description() {
        let check = |text: &str, expected: &str| assert_eq!(one_line(text), expected);
        check("Does things", "Does things");
        check("\n \n  Does\tthings \r\nand more", "Does things");
        check("\u{1b}[31mred\u{1b}[0m \u{202e}evil\u{7}", "[31mred[0m evil");
        check("", "");
        check(&"é".repeat(300), &format!("{}…", "é".repeat(200)));
    }

    proptest! {
        #[test]
        fn any_text_becomes_one_showable_line(text: String) {
            let line = one_line(&text);
            prop_assert!(line.chars().all(is_text) && line.chars().count() <= 201);
        }
    }
}
