//! The rules for names of formulae: lower case; `@` separates a version. A name with `/` is a
//! formula of another tap, for which there is no builder.

use batch_core::{
    model::{InvalidId, PackageName},
    plugin::{Names, Spelling},
};

use crate::Homebrew;

const SPELLING: Spelling = Spelling {
    what: "formula name",
    longest: 255, // none is published
    punctuation: "_.@+-",
    begins: ("it begins with no letter or digit", |c| c.is_ascii_alphanumeric()),
    ends: ("it ends with `.`, `@` or a hyphen", |c| !".@-".contains(c)),
};

impl Names for Homebrew {
    fn normalise(&self, spelling: &str) -> Result<PackageName, InvalidId> {
        SPELLING.read(&spelling.to_ascii_lowercase())
    }

    fn web_page(&self, name: &PackageName) -> Option<String> {
        Some(format!("https://formulae.brew.sh/formula/{name}"))
    }
}

#[cfg(test)]
mod tests {
    use batch_conformance::tables::{all_spell, none_spell};

    use super::*;

    #[test]
    fn names_are_spelled_as_the_registry_does() {
        let cases = [
            ("wget", "wget"),
            ("python@3.13", "python@3.13"),
            ("gtk+3", "gtk+3"),
            ("libsigc++", "libsigc++"),
            ("tree-sitter@0.25", "tree-sitter@0.25"),
            ("acme.sh", "acme.sh"),
            ("hdrhistogram_c", "hdrhistogram_c"),
            ("0-ad", "0-ad"),
            ("7zip", "7zip"),
            ("a2ps", "a2ps"),
            ("WGET", "wget"),
            ("Python@3.13", "python@3.13"),
        ];
        all_spell(&Homebrew, &cases);
    }

    #[test]
    fn names_that_the_registry_cannot_hold_are_refused() {
        let none = ["@3.13", "python@", "homebrew/core/wget", ".hidden", &"a".repeat(256)];
        none_spell(&Homebrew, &none);
    }
}
