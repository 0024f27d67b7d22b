//! Versions in the order of RubyGems, as far as the choice of one needs it.

/// The kinds of versions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Version {
    /// Numbers only, without trailing zeros: `1.0` and `1` are the same version.
    Release(Vec<u64>),
    /// A version with a letter, such as `2.0.0.rc1`.
    Prerelease,
}

/// `None` if the text is not a version; other texts are refused because the version becomes part of
/// a command line and of an address. A hyphen is refused too: in the index it begins the platform.
pub(crate) fn parse(text: &str) -> Option<Version> {
    const LONGEST: usize = 128;
    let is_part =
        |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let begins_with_digit = text.bytes().next()?.is_ascii_digit();
    if LONGEST < text.len() || !begins_with_digit || !text.split('.').all(is_part) {
        return None;
    }
    if text.contains(|c: char| c.is_ascii_alphabetic()) {
        return Some(Version::Prerelease);
    }
    let mut numbers: Vec<u64> =
        text.split('.').map(|part| part.parse().ok()).collect::<Option<_>>()?;
    while numbers.last() == Some(&0) {
        numbers.pop();
    }
    Some(Version::Release(numbers))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn releases_are_ordered_by_number() {
        let release = |text: &str| match parse(text) {
            Some(Version::Release(numbers)) => numbers,
            other => panic!("{text}: {other:?}"),
        };
        let ordered = ["0", "0.0.1", "0.9", "0.10", "1", "1.0.1", "1.2.3.4", "1.2.4", "20230101.1"];
        for pair in ordered.windows(2) {
            assert!(release(pair[0]) < release(pair[1]), "{pair:?}");
        }
        assert_eq!(release("1.0.0"), release("1"));
    }

    #[test]
    fn a_letter_makes_a_prerelease() {
        for text in ["1.0.0.rc1", "1.0.pre", "2.0.0.beta.3", "1a", "1.0.0.alpha"] {
            assert_eq!(parse(text), Some(Version::Prerelease), "{text}");
        }
    }

    #[test]
    fn invalid_versions_never_become_part_of_a_command_line() {
        for text in [
            "",
            "v1",
            "latest",
            "1.",
            ".1",
            "1..2",
            "1.0-java",
            "1 -g",
            "1\n",
            "1/../x",
            "é1",
            "1é",
            "99999999999999999999999",
            "-1",
        ] {
            assert_eq!(parse(text), None, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_parsed_without_a_panic(text: String) {
            let _ = parse(&text);
        }
    }
}
