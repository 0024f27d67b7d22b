//! The rules for project names: letters, digits, `.`, `-` and `_`, with a letter or digit at both
//! ends. A sequence of punctuation counts as one `-`, and capitals count as small letters (PEP
//! 503).

use batch_core::{
    model::{InvalidId, PackageName},
    plugin::{Names, Spelling},
};

use crate::Pypi;

const SPELLING: Spelling = Spelling {
    what: "project name",
    longest: 255, // none is published
    punctuation: "-_.",
    begins: ("it begins with no letter or digit", |c| c.is_ascii_alphanumeric()),
    ends: ("it ends with no letter or digit", |c| c.is_ascii_alphanumeric()),
};

impl Names for Pypi {
    fn normalise(&self, spelling: &str) -> Result<PackageName, InvalidId> {
        SPELLING.read(spelling)?;
        normalised(spelling).parse()
    }

    fn web_page(&self, name: &PackageName) -> Option<String> {
        Some(format!("https://pypi.org/project/{name}/"))
    }
}

/// `spelling` in its normalised form (PEP 503).
pub(crate) fn normalised(spelling: &str) -> String {
    let words = spelling.split(['-', '_', '.']).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join("-").to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use batch_conformance::tables::{all_spell, none_spell};

    use super::*;

    #[test]
    fn names_are_spelled_as_the_registry_does() {
        let cases = [
            ("httpie", "httpie"),
            ("yt-dlp", "yt-dlp"),
            ("black", "black"),
            ("3to2", "3to2"),
            ("a", "a"),
            ("HTTPie", "httpie"),
            ("Flask_Login", "flask-login"),
            ("zope.interface", "zope-interface"),
            ("a-_.b", "a-b"),
            ("ruamel.yaml.clib", "ruamel-yaml-clib"),
            ("Friendly-._.-Bard", "friendly-bard"),
        ];
        all_spell(&Pypi, &cases);
    }

    #[test]
    fn names_that_the_registry_cannot_hold_are_refused() {
        let none = [
            "_private",
            "name-",
            "name.",
            "-name",
            "a+b",
            "httpie==3.2.4",
            "httpie[extra]",
            "@a/b",
            "a/b",
            ".",
            &"a".repeat(256),
        ];
        none_spell(&Pypi, &none);
    }
}
