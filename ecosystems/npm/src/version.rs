//! Versions, as far as choosing one needs it.

/// A release, comparable with other releases.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Release {
    numbers: [u64; 3],
}

/// What a version is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Version {
    /// `1.2.3`, with or without build metadata.
    Stable(Release),
    /// `1.2.3-beta.1`.
    Prerelease,
}

/// `None` for what is no semantic version: it would end up in a command line.
pub(crate) fn parse(text: &str) -> Option<Version> {
    let is_suffix = |text: &str| {
        let is_part = |part: &str| {
            !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
        };
        text.split('.').all(is_part)
    };
    let (version, build) =
        text.split_once('+').map_or((text, None), |(it, build)| (it, Some(build)));
    let (numbers, prerelease) =
        version.split_once('-').map_or((version, None), |(it, pre)| (it, Some(pre)));
    if 256 < text.len() || !build.is_none_or(is_suffix) || !prerelease.is_none_or(is_suffix) {
        return None;
    }
    let number = |part: &str| {
        let is_number = part.bytes().all(|byte| byte.is_ascii_digit());
        part.parse().ok().filter(|_| is_number)
    };
    let numbers: Vec<u64> = numbers.split('.').map(number).collect::<Option<_>>()?;
    let release = Release { numbers: numbers.try_into().ok()? };
    Some(if prerelease.is_some() { Version::Prerelease } else { Version::Stable(release) })
}

/// The highest release among `versions`: what a bare name installs where no tag says otherwise.
/// Prereleases never are.
pub(crate) fn highest<'a>(versions: impl IntoIterator<Item = &'a String>) -> Option<&'a String> {
    let release = |text: &'a String| match parse(text)? {
        Version::Stable(release) => Some((release, text)),
        Version::Prerelease => None,
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
    fn what_is_no_version_never_reaches_a_command_line() {
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
        ] {
            assert_eq!(parse(text), None, "{text:?}");
        }
        assert_eq!(parse("1.2.3-beta.1+build.5"), Some(Version::Prerelease));
        assert!(matches!(parse("0.0.1+2011-a"), Some(Version::Stable(_))));
    }
}
