//! Versions of modules, and the version that `@latest` stands for.

/// The longest version that is read, in bytes; tags are shorter.
const LONGEST: usize = 128;
/// The build metadata of versions from the time before modules.
const INCOMPATIBLE: &str = "incompatible";

/// `vMAJOR.MINOR.PATCH`, optionally with a prerelease and with `+incompatible`. Ordered as semantic
/// versions.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Version {
    semantic: semver::Version,
    text: String,
}

/// The kind of a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum VersionKind {
    /// A commit without a tag.
    Pseudo,
    /// A prerelease.
    Prerelease,
    /// From the time before modules: the path does not name its major version.
    Incompatible,
    /// An ordinary release.
    Release,
}

impl Version {
    /// `None` if the text is not a version; other texts are refused because the version becomes
    /// part of a command line.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let semantic = semver::Version::parse(text.strip_prefix('v')?).ok()?;
        let has_known_build = matches!(semantic.build.as_str(), "" | INCOMPATIBLE);
        let is_version = has_known_build && text.len() <= LONGEST;
        is_version.then(|| Self { semantic, text: text.to_owned() })
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    pub(crate) fn kind(&self) -> VersionKind {
        if self.is_pseudo() {
            VersionKind::Pseudo
        } else if !self.semantic.pre.is_empty() {
            VersionKind::Prerelease
        } else if !self.semantic.build.is_empty() {
            VersionKind::Incompatible
        } else {
            VersionKind::Release
        }
    }

    pub(crate) fn major(&self) -> u64 {
        self.semantic.major
    }

    fn is_compatible(&self) -> bool {
        self.semantic.build.is_empty()
    }

    /// Whether it lies within a range, as the go command compares versions: `+incompatible` does
    /// not matter.
    pub(crate) fn is_within(&self, first: &Self, last: &Self) -> bool {
        let is_not_below = self.semantic.cmp_precedence(&first.semantic).is_ge();
        is_not_below && self.semantic.cmp_precedence(&last.semantic).is_le()
    }

    /// Whether it ends in a time and a commit: `v0.0.0-20210329231322-ce1d9163b77d`,
    /// `v1.2.4-0.2021…-ce1d…`.
    fn is_pseudo(&self) -> bool {
        let prerelease = self.semantic.pre.as_str();
        let last = prerelease.rsplit('.').next().unwrap_or(prerelease);
        let Some((time, commit)) = last.split_once('-') else { return false };
        time.len() == 14
            && time.bytes().all(|byte| byte.is_ascii_digit())
            && commit.len() == 12
            && commit.bytes().all(|byte| byte.is_ascii_hexdigit())
    }
}

/// The versions of a proxy's list, which is not sorted; lines that are not versions are ignored.
pub(crate) fn listed(list: &str) -> Vec<Version> {
    list.lines().filter_map(|line| Version::parse(line.trim())).collect()
}

/// The version whose go.mod decides whether `@latest` may be a version from the time before
/// modules: the highest other one. `None` if `versions` are all of one kind.
pub(crate) fn decisive<'a>(versions: &[&'a Version]) -> Option<&'a Version> {
    let is_both = versions.iter().any(|version| !version.is_compatible());
    let compatible = versions.iter().filter(|version| version.is_compatible());
    let last = compatible.filter(|version| version.kind() != VersionKind::Pseudo).max();
    last.copied().filter(|_| is_both)
}

/// The version that `@latest` stands for: the highest release; if there is none, the highest
/// prerelease, otherwise the newest commit. `with_go_mod` says whether the deciding version has a
/// go.mod. If so, its author supports modules, and incompatible versions do not count.
pub(crate) fn latest<'a>(versions: &[&'a Version], with_go_mod: bool) -> Option<&'a Version> {
    let counts = |version: &&&Version| !with_go_mod || version.is_compatible();
    let rank = |version: &Version| match version.kind() {
        VersionKind::Pseudo => 0,
        VersionKind::Prerelease => 1,
        VersionKind::Incompatible | VersionKind::Release => 2,
    };
    versions.iter().filter(counts).max_by_key(|version| (rank(version), **version)).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(list: &str, expected: Option<&str>) {
        check_both(list, "", false, expected);
    }

    #[track_caller]
    fn check_both(list: &str, deciding: &str, with_go_mod: bool, expected: Option<&str>) {
        let versions = listed(list);
        let versions: Vec<&Version> = versions.iter().collect();
        assert_eq!(decisive(&versions).map_or("", Version::as_str), deciding, "{list:?}");
        assert_eq!(latest(&versions, with_go_mod).map(Version::as_str), expected, "{list:?}");
    }

    #[test]
    fn the_highest_release_is_the_latest_in_any_order() {
        check("v1.9.0\nv1.10.0\nv1.2.30\n", Some("v1.10.0"));
        check("v0.24.0\nv0.25.0-pre.1\n", Some("v0.24.0"));
        check("v1.0.0\nv1.36.13-0.20261016172727-e9ee2a76ab8e\n", Some("v1.0.0"));
        check("v3.0.0+incompatible\nv2.0.0+incompatible\n", Some("v3.0.0+incompatible"));
    }

    #[test]
    fn incompatible_versions_count_until_a_go_mod_exists() {
        let old = "v2.0.0+incompatible";
        let both = format!("{old}\nv1.0.0\nv1.1.0\n");
        check_both(&both, "v1.1.0", false, Some(old));
        check_both(&both, "v1.1.0", true, Some("v1.1.0"));
        let before = format!("v0.1.0\nv1.0.0-rc.1\n{old}\n");
        check_both(&before, "v1.0.0-rc.1", false, Some(old));
        check_both(&before, "v1.0.0-rc.1", true, Some("v0.1.0"));
        // An incompatible release counts less than a compatible prerelease.
        let alone = format!("v1.0.0-rc.1\n{old}\n");
        check_both(&alone, "v1.0.0-rc.1", true, Some("v1.0.0-rc.1"));
        check_both("v1.0.0\nv2.0.0-rc.1+incompatible\n", "v1.0.0", false, Some("v1.0.0"));
        // A commit does not decide.
        let commit = format!("v0.0.0-20200101000000-aaaaaaaaaaaa\n{old}\n");
        check_both(&commit, "", false, Some(old));
    }

    #[test]
    fn without_a_release_a_prerelease_and_then_a_commit_is_the_latest() {
        check("v0.1.0-alpha.9\nv0.1.0-alpha.10\nv0.1.0-2\n", Some("v0.1.0-alpha.10"));
        check("v0.1.0-alpha\nv0.2.0-0.20261016172727-e9ee2a76ab8e\n", Some("v0.1.0-alpha"));
        let commits = "v0.0.0-20200101000000-aaaaaaaaaaaa\nv0.0.0-20210101000000-000000000000\n";
        check(commits, Some("v0.0.0-20210101000000-000000000000"));
        check("", None);
        check("<html>\nnot a version\n", None);
    }

    #[test]
    fn invalid_versions_never_become_part_of_a_command_line() {
        for text in [
            "",
            "v",
            "v1",
            "v1.2",
            "1.2.3",
            "v1.2.3.4",
            "v01.2.3",
            "v1.2.3-",
            "v1.2.3+",
            "latest",
            "v1.2.3+meta",
            "v1.2.3 -x",
            "v1.2.x",
            "v1.2.3-a/b",
            "v1.2.3-a..b",
            "v1.2.99999999999999999999",
            "v1.2.3-01",
            "v1.2.3+incompatible.1",
            "v1.2.3\n",
            &format!("v1.2.3-{}", "a".repeat(128)),
        ] {
            assert_eq!(Version::parse(text), None, "{text:?}");
        }
    }
}
