//! What npm accepts as the name of a package that may already be there.
//!
//! The rules are those of `validate-npm-package-name` for old packages: capitals (`JSONStream`)
//! are refused for new packages only, and are another name than the same in lower case.

use batch_core::{
    model::{InvalidId, PackageName},
    plugin::Names,
};

use crate::Npm;

/// Longest name, scope included, in bytes.
const LONGEST_NAME: usize = 214;
/// Names that mean something else in every installation.
const RESERVED: &[&str] = &["node_modules", "favicon.ico"];

impl Names for Npm {
    fn normalise(&self, spelling: &str) -> Result<PackageName, InvalidId> {
        match fault(spelling) {
            Some(why) => Err(InvalidId::because("npm package name", spelling, why)),
            None => spelling.parse(),
        }
    }
}

/// The scope without `@`, and the name without scope.
pub(crate) fn split(name: &str) -> (Option<&str>, &str) {
    match name.strip_prefix('@').and_then(|rest| rest.split_once('/')) {
        Some((scope, unscoped)) => (Some(scope), unscoped),
        None => (None, name),
    }
}

fn fault(name: &str) -> Option<&'static str> {
    let (scope, unscoped) = split(name);
    // What `encodeURIComponent` leaves alone, without what a package name may not have.
    let is_url_safe = |text: &str| {
        !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_.~".contains(c))
    };
    if LONGEST_NAME < name.len() {
        return Some("it is longer than 214 bytes");
    }
    if name.starts_with(['.', '_', '-']) || unscoped.starts_with('.') {
        return Some("it begins with . or _ or -");
    }
    if RESERVED.contains(&name.to_ascii_lowercase().as_str()) {
        return Some("it is reserved");
    }
    if !is_url_safe(unscoped) || !scope.is_none_or(is_url_safe) {
        return Some("it is not name or @scope/name of letters, digits and -_.~");
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_npm_installs_is_a_name_and_keeps_its_spelling() {
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
    fn what_npm_refuses_is_refused_before_a_url_is_built() {
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
    fn the_reason_is_said() {
        let error = Npm.normalise("node_modules").unwrap_err().to_string();
        assert_eq!(error, r#"invalid npm package name "node_modules": it is reserved"#);
    }
}
