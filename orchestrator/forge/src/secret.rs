//! Tokens.

use std::fmt;

/// A token. It cannot be printed, and only this crate can read it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// `None` for a text that cannot be a token: empty, or with blanks, control characters or
    /// characters outside of ASCII. The line break at the end of a file is removed.
    pub fn new(text: &str) -> Option<Self> {
        let text = text.trim_end_matches(['\r', '\n']);
        let is_token = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
        is_token.then(|| Self(text.to_owned()))
    }

    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_never_printed() {
        let secret = Secret::new("ghs_16C7e42F292c6912E7710c838347Ae178B4a\n").unwrap();
        assert_eq!(format!("{secret:?} {:#?}", Some(&secret)), "*** Some(\n    ***,\n)");
        assert_eq!(secret.reveal(), "ghs_16C7e42F292c6912E7710c838347Ae178B4a");
    }

    #[test]
    fn a_text_that_would_break_a_header_is_no_secret() {
        for text in ["", "\n", "a b", "a\r\nX-Evil: 1", "é"] {
            assert_eq!(Secret::new(text), None, "{text:?}");
        }
    }
}
