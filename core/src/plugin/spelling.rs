//! The rules of registries for names. Most registries differ only in the punctuation that they
//! allow.

use crate::model::{InvalidId, PackageName};

/// What one registry allows in a name, in addition to the rules of [`PackageName`].
#[derive(Debug, Clone, Copy)]
pub struct Spelling {
    /// What messages call such a name.
    pub what: &'static str,
    /// Maximal length in bytes.
    pub longest: usize,
    /// Characters that are allowed besides ASCII letters and digits.
    pub punctuation: &'static str,
    /// What a name may begin with, in words and as a test.
    pub begins: (&'static str, fn(char) -> bool),
    /// What a name may end with, in words and as a test.
    pub ends: (&'static str, fn(char) -> bool),
}

impl Spelling {
    /// Names of ASCII letters and digits with `punctuation` between them, at most 100 bytes long.
    pub const fn plain(what: &'static str, punctuation: &'static str) -> Self {
        Self {
            what,
            longest: 100,
            punctuation,
            begins: ("it begins with no letter or digit", |c| c.is_ascii_alphanumeric()),
            ends: ("it ends with no letter or digit", |c| c.is_ascii_alphanumeric()),
        }
    }

    /// Reads `text` as a name, if it follows the rules.
    pub fn read(&self, text: &str) -> Result<PackageName, InvalidId> {
        let is_allowed = |c: char| c.is_ascii_alphanumeric() || self.punctuation.contains(c);
        if text.is_empty() {
            return Err(self.refuse(text, "it is empty"));
        }
        if self.longest < text.len() {
            return Err(self.refuse(text, "it is too long"));
        }
        if !text.chars().all(is_allowed) {
            return Err(self.refuse(text, "it has characters that no name there has"));
        }
        if !text.starts_with(self.begins.1) {
            return Err(self.refuse(text, self.begins.0));
        }
        if !text.ends_with(self.ends.1) {
            return Err(self.refuse(text, self.ends.0));
        }
        text.parse()
    }

    /// The error that `text` is not a name, for the reason `why`.
    pub fn refuse(&self, text: &str, why: &'static str) -> InvalidId {
        InvalidId::because(self.what, text, why)
    }
}

/// Whether Windows does not allow a file to be called `stem`, whatever its case. Registries refuse
/// such names too.
pub fn is_windows_device(stem: &str) -> bool {
    let stem = stem.to_ascii_lowercase();
    let is_port = |prefix| {
        stem.strip_prefix(prefix).is_some_and(|n: &str| matches!(n.as_bytes(), [b'1'..=b'9']))
    };
    matches!(&*stem, "con" | "prn" | "aux" | "nul") || is_port("com") || is_port("lpt")
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPELLING: Spelling = Spelling {
        what: "part number",
        longest: 8,
        punctuation: "-",
        begins: ("it begins with no letter", |c| c.is_ascii_alphabetic()),
        ends: ("it ends with a hyphen", |c| c != '-'),
    };

    #[test]
    fn each_rule_refuses_with_its_own_reason() {
        let why = |text| SPELLING.read(text).err().map(|err| err.to_string());
        for (text, reason) in [
            ("", "it is empty"),
            ("abcdefghi", "it is too long"),
            ("a b", "it has characters that no name there has"),
            ("a\n", "it has characters that no name there has"),
            ("а1", "it has characters that no name there has"), // Cyrillic
            ("1a", "it begins with no letter"),
            ("a-", "it ends with a hyphen"),
        ] {
            assert_eq!(why(text), Some(format!("invalid part number {text:?}: {reason}")));
        }
        assert_eq!(SPELLING.read("A-1").unwrap().as_str(), "A-1");
    }

    #[test]
    fn plain_names_have_punctuation_only_inside() {
        let plain = Spelling::plain("part", "-_");
        for name in ["a", "7", "a-1_b", "A--b", &"a".repeat(100)] {
            assert_eq!(plain.read(name).unwrap().as_str(), name);
        }
        for name in ["", "-a", "a-", "_", "a.b", "a/b", "é", &"a".repeat(101)] {
            assert!(plain.read(name).is_err(), "{name:?}");
        }
    }

    #[test]
    fn devices_are_known_in_any_case() {
        for stem in ["con", "NUL", "Com1", "lpt9"] {
            assert!(is_windows_device(stem), "{stem}");
        }
        for stem in ["console", "com", "com0", "com10", ""] {
            assert!(!is_windows_device(stem), "{stem}");
        }
    }
}
