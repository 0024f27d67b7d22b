//! The rules for names of gems: letters, digits, `.`, `-` and `_`, with at least one letter and no
//! punctuation at the ends. Case is kept, because gems may differ only in it.

use batch_core::{
    model::{InvalidId, PackageName},
    plugin::{Names, Spelling},
};

use crate::RubyGems;

const SPELLING: Spelling = Spelling {
    what: "gem name",
    longest: 255,
    punctuation: "-_.",
    begins: ("it begins with punctuation", |c| c.is_ascii_alphanumeric()),
    ends: ("it ends with punctuation", |c| c.is_ascii_alphanumeric()),
};

/// The site would take such an ending for a format.
const FORMATS: &[&str] = &[".gem", ".gemspec", ".html", ".json"];

impl Names for RubyGems {
    fn normalise(&self, spelling: &str) -> Result<PackageName, InvalidId> {
        let name = SPELLING.read(spelling)?;
        if !spelling.contains(|c: char| c.is_ascii_alphabetic()) {
            return Err(SPELLING.refuse(spelling, "it has no letter"));
        }
        let lower = spelling.to_ascii_lowercase();
        if FORMATS.iter().any(|format| lower.ends_with(format)) {
            return Err(SPELLING.refuse(spelling, "it ends like a file"));
        }
        Ok(name)
    }

    fn web_page(&self, name: &PackageName) -> Option<String> {
        Some(format!("https://rubygems.org/gems/{name}"))
    }
}

#[cfg(test)]
mod tests {
    use batch_conformance::tables::{all_spell, none_spell};

    use super::*;

    #[test]
    fn names_are_spelled_as_the_registry_does() {
        let cases = [
            ("rails", "rails"),
            ("cocoapods", "cocoapods"),
            ("RedCloth", "RedCloth"),
            ("net-ssh", "net-ssh"),
            ("i18n", "i18n"),
            ("3scale_toolbox", "3scale_toolbox"),
            ("jekyll-theme.x", "jekyll-theme.x"),
            ("activesupport-core_ext", "activesupport-core_ext"),
            ("ZenTest", "ZenTest"),
            ("a1", "a1"),
            ("gem", "gem"),
            (
                "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
                "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
            ),
        ];
        all_spell(&RubyGems, &cases);
    }

    #[test]
    fn names_that_the_registry_cannot_hold_are_refused() {
        let none = [
            "123",
            ".rails",
            "_",
            "rails-",
            "_rails",
            "rails_",
            "rails.gem",
            "x.gemspec",
            "x.JSON",
            "a+b",
            "@a/b",
            "a/b",
            &"a".repeat(256),
        ];
        none_spell(&RubyGems, &none);
    }
}
