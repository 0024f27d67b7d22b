//! Words of commands that a person can paste into a shell.

/// `text` as one word of a POSIX shell, whatever it contains. An id from a stored file may be any
/// text.
pub fn shell_word(text: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_=+./:,@%~".contains(&byte);
    // A shell expands a tilde at the beginning.
    let is_safe = !text.is_empty() && !text.starts_with('~') && text.bytes().all(is_plain);
    if is_safe { text.to_owned() } else { format!("'{}'", text.replace('\'', r"'\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_words_need_no_quotes() {
        for plain in ["npm:@angular/cli", "npm-2026-01-01T00-00-00Z-a~0123abcd", "a.b_c+d", "--run"]
        {
            assert_eq!(shell_word(plain), plain);
        }
        assert_eq!(shell_word(""), "''");
        assert_eq!(shell_word("~x"), "'~x'");
        assert_eq!(shell_word("a b;$(c)\nd"), "'a b;$(c)\nd'");
        assert_eq!(shell_word("it's"), r"'it'\''s'");
    }
}
