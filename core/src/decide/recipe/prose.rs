//! Turns the prose of a registry into text for a recipe.

use crate::{decide::clean::without_commands, model::is_hidden};

/// Maximal length of a description in characters.
const MAX_DESCRIPTION: usize = 200;

/// The first line of `text` that contains words, without hidden characters and commands to CI
/// systems, about 200 characters at most. Empty when there is none.
pub fn one_line(text: &str) -> String {
    let plain = |line: &str| {
        let blank = |c| if matches!(c, '\t' | '\u{2028}' | '\u{2029}') { ' ' } else { c };
        let shown: String = line.chars().map(blank).filter(|&c| !is_hidden(c)).collect();
        without_commands(&shown.split_whitespace().collect::<Vec<_>>().join(" "))
    };
    let line = text.lines().map(plain).find(|line| !line.is_empty()).unwrap_or_default();
    match line.char_indices().nth(MAX_DESCRIPTION) {
        Some((end, _)) => format!("{}…", line[..end].trim_end()),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn any_description_becomes_one_line() {
        let check = |text: &str, expected: &str| assert_eq!(one_line(text), expected);
        check("Does things", "Does things");
        check("\n \n  Does\tthings \r\nand more", "Does things");
        check("\u{1b}[31mred\u{1b}[0m \u{202e}evil\u{7}", "[31mred[0m evil");
        check("", "");
        check("::set-output name=x::y", ":\\:set-output name=x::y");
        check("\u{200b}:\u{2060}:x a##[add-mask]b", ":\\:x a##\\[add-mask]b");
        check("a\u{e0041}\u{61c}\u{ad}b\u{2028}c", "ab c");
        check(&"é".repeat(300), &format!("{}…", "é".repeat(200)));
    }

    proptest! {
        #[test]
        fn any_text_becomes_one_showable_line(text: String) {
            let line = one_line(&text);
            prop_assert!(!line.chars().any(is_hidden) && line.chars().count() <= 201);
            prop_assert_eq!(without_commands(&line), line);
        }
    }
}
