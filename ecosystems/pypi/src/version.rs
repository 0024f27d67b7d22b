//! Versions of Python projects (PEP 440) from outside.
//!
//! <https://packaging.python.org/en/latest/specifications/version-specifiers/>

pub(crate) use pep440_rs::Version;

/// The longest version that is read, in bytes; the version becomes part of a command line.
const LONGEST: usize = 128;

/// `None` if the text is not a version in any of the permitted spellings.
pub(crate) fn parse(text: &str) -> Option<Version> {
    let is_plain = text.len() <= LONGEST && text.bytes().all(|c| c.is_ascii_graphic());
    text.parse().ok().filter(|_| is_plain)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_order_is_that_of_the_specification() {
        let in_order = [
            "1.dev0",
            "1.0.dev456",
            "1.0a1",
            "1.0a2.dev456",
            "1.0a12.dev456",
            "1.0a12",
            "1.0b1.dev456",
            "1.0b2",
            "1.0b2.post345.dev456",
            "1.0b2.post345",
            "1.0rc1.dev456",
            "1.0rc1",
            "1.0",
            "1.0+abc.5",
            "1.0+abc.7",
            "1.0+5",
            "1.0.post456.dev34",
            "1.0.post456",
            "1.0.15",
            "1.1.dev1",
            "1.9",
            "1.10",
            "2024.1",
            "1!0.1",
        ];
        let versions: Vec<Version> = in_order.iter().map(|it| parse(it).unwrap()).collect();
        for pair in versions.windows(2) {
            assert!(pair[0] < pair[1], "{pair:?}");
        }
    }

    #[test]
    fn other_spellings_are_the_same_version() {
        for (one, other) in [
            ("1.0", "1"),
            ("1.0.0", "1"),
            ("v1.2", "1.2"),
            ("1.2-RC.1", "1.2rc1"),
            ("1.2c1", "1.2rc1"),
            ("1.2preview", "1.2rc0"),
            ("1.2_alpha_3", "1.2a3"),
            ("1.0-1", "1.0.post1"),
            ("1.0rev4", "1.0.post4"),
            ("1.0-r4", "1.0.post4"),
            ("1.0dev", "1.0.dev0"),
            ("1.0+Ubuntu-1", "1.0+ubuntu.1"),
            ("01.02", "1.2"),
        ] {
            assert_eq!(parse(one).unwrap(), parse(other).unwrap(), "{one} {other}");
        }
    }

    #[test]
    fn development_and_candidate_versions_are_prereleases() {
        for text in ["1.0a1", "1.0b1", "1.0rc1", "1.0.dev1", "1.0.post1.dev2", "2022.12.1a"] {
            assert!(parse(text).unwrap().any_prerelease(), "{text}");
        }
        for text in ["1.0", "1.0.post1", "1.0+local", "2026.10.1"] {
            assert!(!parse(text).unwrap().any_prerelease(), "{text}");
        }
    }

    #[test]
    fn invalid_versions_never_become_part_of_a_command_line() {
        for text in [
            "",
            "latest",
            "1.0 --index-url=evil",
            "1..0",
            "1.0.",
            "1.0foo",
            "-1",
            "1.0\n1",
            "1.0\n",
            " 1.0",
            "1.0;x",
            "1.*",
            ">=1",
            "1.0+",
            "1.0+a..b",
            "1.0+a/b",
            "2004d",
            "99999999999999999999999",
            "１.0",
            "1.0a1b1",
        ] {
            assert_eq!(parse(text), None, "{text:?}");
        }
        assert_eq!(parse(&"1.".repeat(200)), None);
    }

    proptest! {
        #[test]
        fn any_text_is_parsed_without_a_panic(text in any::<String>(), looks in "[0-9a-z.!+_-]{0,20}") {
            let _ = (parse(&text), parse(&looks));
        }

        #[test]
        fn numbers_are_a_version(numbers in proptest::collection::vec(any::<u16>(), 1..20)) {
            let text = numbers.iter().map(ToString::to_string).collect::<Vec<_>>().join(".");
            prop_assert!(parse(&text).is_some());
        }
    }
}
