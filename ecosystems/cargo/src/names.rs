//! The rules for crate names: at most 64 letters, digits, `-` and `_`, starting with a letter. Case
//! and the two punctuation marks are kept as written, although two crates may not differ only in
//! them.

use batch_core::{
    model::{InvalidId, PackageName},
    plugin::{Names, Spelling, is_windows_device},
};

use crate::Cargo;

const SPELLING: Spelling = Spelling {
    what: "crate name",
    longest: 64,
    punctuation: "-_",
    begins: ("it begins with no letter", |c| c.is_ascii_alphabetic()),
    ends: ("", |_| true),
};

/// Names of the compiler's own crates; the registry refuses them.
const RESERVED: &[&str] = &["alloc", "core", "proc-macro", "std", "test"];

impl Names for Cargo {
    fn normalise(&self, spelling: &str) -> Result<PackageName, InvalidId> {
        let name = SPELLING.read(spelling)?;
        let canonical = spelling.to_ascii_lowercase().replace('_', "-");
        if is_windows_device(spelling) || RESERVED.contains(&&*canonical) {
            return Err(SPELLING.refuse(spelling, "it is reserved"));
        }
        Ok(name)
    }

    /// The registry refuses a second crate whose name differs only in case or punctuation.
    fn identity(&self, name: &PackageName) -> String {
        name.as_str().to_ascii_lowercase().replace('_', "-")
    }

    fn web_page(&self, name: &PackageName) -> Option<String> {
        Some(format!("https://crates.io/crates/{name}"))
    }
}

#[cfg(test)]
mod tests {
    use batch_conformance::tables::{all_spell, none_spell};

    use super::*;

    #[test]
    fn names_are_spelled_as_the_registry_does() {
        let cases = [
            ("ripgrep", "ripgrep"),
            ("bat", "bat"),
            ("fd-find", "fd-find"),
            ("Foo_Bar", "Foo_Bar"),
            ("cargo-edit", "cargo-edit"),
            ("cargo_metadata", "cargo_metadata"),
            ("b3sum", "b3sum"),
            ("Inflector", "Inflector"),
            ("x", "x"),
            ("core-foundation", "core-foundation"),
            ("consolidate", "consolidate"),
            (
                "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
                "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
            ),
        ];
        all_spell(&Cargo, &cases);
    }

    #[test]
    fn names_that_differ_only_in_case_or_punctuation_are_one_crate() {
        let identity = |name: &str| Cargo.identity(&name.parse().unwrap());
        assert_eq!(identity("Foo_Bar-baz"), "foo-bar-baz");
        assert_eq!(identity("foo-bar_baz"), identity("FOO_BAR_BAZ"));
        assert_ne!(identity("foobar"), identity("foo-bar"));
    }

    #[test]
    fn names_that_the_registry_cannot_hold_are_refused() {
        let none = [
            "1password",
            "_x",
            "a.b",
            "a+b",
            "@a/b",
            "nul",
            "COM1",
            "std",
            "proc_macro",
            "Core",
            &"a".repeat(65),
        ];
        none_spell(&Cargo, &none);
    }
}
