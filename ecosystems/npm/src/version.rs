//! Versions, as far as the choice of one needs them.

use semver::Version;

/// The longest version that is read, in bytes; npm's limit.
const LONGEST: usize = 256;

/// `None` if the text is not a semantic version; other texts are refused because the version
/// becomes part of a command line.
pub(crate) fn parse(text: &str) -> Option<Version> {
    Version::parse(text).ok().filter(|_| text.len() <= LONGEST)
}

/// Whether `version` is a prerelease such as `1.2.3-beta.1`.
pub(crate) fn is_prerelease(version: &Version) -> bool {
    !version.pre.is_empty()
}

/// The highest release among `versions`: the version that a bare name installs if no tag decides.
/// Prereleases never count.
pub(crate) fn highest<'a>(versions: impl IntoIterator<Item = &'a String>) -> Option<&'a String> {
    let release = |text: &'a String| {
        let version = parse(text).filter(|version| !is_prerelease(version))?;
        Some((version, text))
    };
    versions.into_iter().filter_map(release).max().map(|(_, text)| text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_release_is_found_by_number_and_is_no_prerelease() {
        let versions = ["1.9.0", "1.10.0", "2.0.0-rc.1", "1.2.30", "nonsense"].map(str::to_owned);
        assert_eq!(highest(&versions).unwrap(), "1.10.0");
        assert_eq!(highest(&versions[2..3]), None);
    }

    #[test]
    fn invalid_versions_never_become_part_of_a_command_line() {
        for text in [
            "",
            "1",
            "1.2",
            "1.2.3.4",
            "latest",
            "v1.2.3",
            "1.2.3 -g",
            "1.2.+3",
            "1.2.3-",
            "1.2.3+",
            "1.2.x",
            "^1.2.3",
            "1.2.3\n",
            "1.2.99999999999999999999",
            "-1.2.3",
            "1.2.3-a/b",
            "1..2",
            "01.2.3",
            "1.2.3-01",
            &format!("1.2.3-{}", "a".repeat(256)),
        ] {
            assert_eq!(parse(text), None, "{text:?}");
        }
        assert!(is_prerelease(&parse("1.2.3-beta.1+build.5").unwrap()));
        assert!(!is_prerelease(&parse("0.0.1+2011-a").unwrap()));
    }
}
