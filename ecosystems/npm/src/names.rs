//! Which names of existing packages npm accepts.
//!
//! The rules are those of `validate-npm-package-name` for old packages: capitals (as in
//! `JSONStream`) are only refused for new packages, and such a name differs from the same name in
//! lower case.

use batch_core::{
    model::{InvalidId, PackageName},
    plugin::Names,
};

use crate::Npm;

/// The longest name, with its scope, in bytes.
const MAX_NAME: usize = 214;
/// Names that have another meaning in every installation.
const RESERVED: &[&str] = &["node_modules", "favicon.ico"];

impl Names for Npm {
    fn normalise(&self, spelling: &str) -> Result<PackageName, InvalidId> {
        match fault(spelling) {
            Some(why) => Err(InvalidId::because("npm package name", spelling, why)),
            None => spelling.parse(),
        }
    }

    fn web_page(&self, name: &PackageName) -> Option<String> {
        Some(format!("https://www.npmjs.com/package/{name}"))
    }
}

/// The scope without `@`, and the name without its scope.
pub(crate) fn split(name: &str) -> (Option<&str>, &str) {
    match name.strip_prefix('@').and_then(|rest| rest.split_once('/')) {
        Some((scope, unscoped)) => (Some(scope), unscoped),
        None => (None, name),
    }
}

fn fault(name: &str) -> Option<&'static str> {
    let (scope, unscoped) = split(name);
    // The characters that `encodeURIComponent` keeps, except those that a package name may not
    // contain.
    let is_url_safe = |text: &str| {
        !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_.~".contains(c))
    };
    if MAX_NAME < name.len() {
        return Some("it is longer than 214 bytes");
    }
    if name.starts_with(['.', '_', '-']) || unscoped.starts_with('.') {
        return Some("it begins with . or _ or -");
    }
    if RESERVED.contains(&name.to_ascii_lowercase().as_str()) {
        return Some("it is reserved");
    }
    if !is_url_safe(unscoped) || !scope.is_none_or(is_url_safe) {
        return Some(
            "it must be NAME or @SCOPE/NAME, and both may contain only letters, digits and -_.~",
        );
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_npm_installs_are_accepted_unchanged() {
        let longest = "a".repeat(214);
        for name in [
            "prettier",
            "@angular/cli",
            "JSONStream",
            "lodash.merge",
            "7zip-bin",
            "a~b",
            "x",
            "@types/node",
            "@s/_private",
            "string_decoder",
            "punycode",
            &longest,
        ] {
            assert_eq!(Npm.normalise(name).unwrap().as_str(), name);
        }
    }

    #[test]
    fn names_that_npm_refuses_are_refused() {
        let too_long = "a".repeat(215);
        for name in [
            "",
            "@angular",
            "@angular/",
            "@/cli",
            "@a/b/c",
            "a/b",
            ".npmrc",
            "_x",
            "-rf",
            "@a/.b",
            "node_modules",
            "Favicon.ico",
            "a b",
            " a",
            "a\nb",
            "a%2fb",
            "a?b",
            "a#b",
            "a\\b",
            "@a/../b",
            "../../x",
            "<script>",
            "раypal",
            "a'b",
            "a(b)",
            "a*b",
            "a!b",
            "a:b",
            "@@a/b",
            &too_long,
        ] {
            assert!(Npm.normalise(name).is_err(), "{name:?}");
        }
    }

    #[test]
    fn the_reason_is_stated() {
        let error = Npm.normalise("node_modules").unwrap_err().to_string();
        assert_eq!(error, r#"invalid npm package name "node_modules": it is reserved"#);
    }
}
