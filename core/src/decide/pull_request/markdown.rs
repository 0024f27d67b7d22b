//! Text of packages in Markdown.

/// `text` as code in one line, in a cell of a table too. Code is the only form of Markdown in which
/// nothing that a package says becomes a link, HTML, a mention of a person or a reference to an issue.
/// Empty text gives an empty cell.
pub fn code(text: &str) -> String {
    let plain: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .map(|c| if c == '`' { '\'' } else { c })
        .collect();
    let plain = plain.trim();
    if plain.is_empty() {
        return String::new();
    }
    // Tables are divided before code is recognised.
    format!("`{}`", plain.replace('|', "\\|"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn nothing_that_a_package_says_is_read_as_markdown() {
        assert_eq!(code("a|b"), "`a\\|b`");
        assert_eq!(code("`@someone` <img src=x>\n# title"), "`'@someone' <img src=x> # title`");
        assert_eq!(code(" \n"), "");
    }

    proptest! {
        #[test]
        fn any_text_is_one_span_of_code_in_one_line(text: String) {
            let span = code(&text);
            let is_span = span.starts_with('`') && span.ends_with('`') && 2 < span.len();
            prop_assert!(span.is_empty() || is_span);
            prop_assert!(span.matches('`').count() <= 2 && !span.contains(char::is_control));
        }
    }
}
