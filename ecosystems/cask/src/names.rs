//! The rules for cask names: lower case; `@` separates a version or a channel. A name with `/` is a
//! cask of another tap, for which there is no builder.

use batch_core::{
    model::{InvalidId, PackageName},
    plugin::{Names, Spelling},
};

use crate::Cask;

const SPELLING: Spelling = Spelling {
    what: "cask token",
    longest: 255, // none is published
    punctuation: "_.@+-",
    begins: ("it begins with no letter or digit", |c| c.is_ascii_alphanumeric()),
    ends: ("it ends with `.`, `@` or a hyphen", |c| !".@-".contains(c)),
};

impl Names for Cask {
    fn normalise(&self, spelling: &str) -> Result<PackageName, InvalidId> {
        SPELLING.read(&spelling.to_ascii_lowercase())
    }

    fn web_page(&self, name: &PackageName) -> Option<String> {
        Some(format!("https://formulae.brew.sh/cask/{name}"))
    }
}

#[cfg(test)]
mod tests {
    use batch_conformance::tables::{all_spell, none_spell};

    use super::*;

    #[test]
    fn names_are_spelled_as_the_registry_does() {
        let cases = [
            ("firefox", "firefox"),
            ("visual-studio-code@insiders", "visual-studio-code@insiders"),
            ("1password-cli@1", "1password-cli@1"),
            ("font-kedebideri", "font-kedebideri"),
            ("4k-video-downloader+", "4k-video-downloader+"),
            ("docker", "docker"),
            ("google-chrome@canary", "google-chrome@canary"),
            ("k6-studio", "k6-studio"),
            ("0-ad", "0-ad"),
            ("Firefox", "firefox"),
        ];
        all_spell(&Cask, &cases);
    }

    #[test]
    fn names_that_the_registry_cannot_hold_are_refused() {
        let none = ["@3.13", "python@", "homebrew/cask/firefox", ".hidden", &"a".repeat(256)];
        none_spell(&Cask, &none);
    }
}
