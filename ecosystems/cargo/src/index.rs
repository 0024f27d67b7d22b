//! Reads the sparse index, which lists the versions of a crate. Pure; the input may be any bytes.

use semver::Version;
use serde::{Deserialize, de::IgnoredAny};

/// The newest format of an index line that this code can read. Lines of later formats are skipped,
/// as cargo skips them.
const NEWEST_LINE: u32 = 2;

/// A release that can be installed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Release {
    /// The name in the spelling of the registry.
    pub(crate) krate: String,
    /// The version in the spelling of the registry, with build metadata.
    pub(crate) version: String,
    /// SHA-256 of the `.crate`, in hexadecimal digits.
    pub(crate) checksum: String,
    /// The oldest compiler that can build the crate.
    pub(crate) rust_version: Option<String>,
}

#[derive(Deserialize)]
struct Line {
    name: String,
    vers: String,
    cksum: String,
    yanked: Option<bool>,
    #[serde(default)]
    rust_version: Option<String>,
    #[serde(default)]
    v: Option<u32>,
}

/// The path of `name` in the index, which has only small letters.
pub(crate) fn path(name: &str) -> Vec<String> {
    let name = name.to_ascii_lowercase();
    let folders = match name.len() {
        0..=2 => vec![name.len().to_string()],
        3 => vec!["3".to_owned(), name[..1].to_owned()],
        _ => vec![name[..2].to_owned(), name[2..4].to_owned()],
    };
    folders.into_iter().chain([name]).collect()
}

/// The version that `cargo install NAME` installs: the highest version that is neither yanked nor a
/// pre-release; `None` if there is none. The error says what is wrong with the answer.
pub(crate) fn newest(name: &str, body: &[u8]) -> Result<Option<Release>, String> {
    let text = str::from_utf8(body).map_err(|_| "it is not UTF-8".to_owned())?;
    let mut newest: Option<(Version, Line)> = None;
    let (mut n_read, mut n_unknown) = (0, 0);
    for (at, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let odd = |error: serde_json::Error| format!("line {}: {error}", at + 1);
        let Ok(line) = serde_json::from_str::<Line>(line) else {
            // A line of any later format is still JSON.
            serde_json::from_str::<IgnoredAny>(line).map_err(odd)?;
            n_unknown += 1;
            continue;
        };
        n_read += 1;
        if !line.name.eq_ignore_ascii_case(name) {
            return Err(format!("line {} is about another crate", at + 1));
        }
        let Some(version) = installable(&line) else { continue };
        if newest.as_ref().is_none_or(|(highest, _)| *highest < version) {
            newest = Some((version, line));
        }
    }
    // Old lines are never rewritten. So if no line has a known format, the answer is not an index.
    if n_read == 0 && 0 < n_unknown {
        return Err("no line has a known form".to_owned());
    }
    Ok(newest.map(|(_, line)| Release {
        krate: line.name,
        version: line.vers,
        checksum: line.cksum,
        rust_version: line.rust_version,
    }))
}

fn installable(line: &Line) -> Option<Version> {
    let version = Version::parse(&line.vers).ok()?;
    let is_known = line.v.is_none_or(|v| v <= NEWEST_LINE);
    let is_left = line.yanked != Some(true) && version.pre.is_empty();
    let is_digest = line.cksum.len() == 64 && line.cksum.bytes().all(|c| c.is_ascii_hexdigit());
    (is_known && is_left && is_digest).then_some(version)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SUM: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

    fn line(version: &str, yanked: bool) -> String {
        format!(
            r#"{{"name":"x","vers":"{version}","deps":[],"cksum":"{SUM}","features":{{}},"yanked":{yanked},"links":null}}"#
        )
    }

    #[track_caller]
    fn check(lines: &[String], expected: Option<&str>) {
        let newest = newest("x", lines.join("\n").as_bytes()).unwrap();
        assert_eq!(newest.map(|release| release.version).as_deref(), expected);
    }

    #[test]
    fn the_path_in_the_index_follows_from_the_name() {
        for (name, expected) in [
            ("x", "1/x"),
            ("bq", "2/bq"),
            ("bat", "3/b/bat"),
            ("ripgrep", "ri/pg/ripgrep"),
            ("Inflector", "in/fl/inflector"),
            ("Foo_Bar-x", "fo/o_/foo_bar-x"),
        ] {
            assert_eq!(path(name).join("/"), expected);
        }
    }

    #[test]
    fn the_highest_release_wins_whatever_the_order_of_lines() {
        check(&[line("1.9.0", false), line("1.10.0", false), line("1.2.3", false)], Some("1.10.0"));
        check(&[line("1.0.0", false), line("0.9.1", false)], Some("1.0.0"));
    }

    #[test]
    fn yanked_versions_and_prereleases_are_skipped() {
        check(&[line("1.0.0", false), line("2.0.0-rc.1", false)], Some("1.0.0"));
        check(&[line("1.0.0", false), line("2.0.0", true)], Some("1.0.0"));
        check(&[line("1.0.0", true), line("2.0.0", true)], None);
        check(&[line("1.0.0-alpha", false)], None);
        check(&[line("1.0.0", false), line("9.9", false)], Some("1.0.0"));
        let later = line("3.0.0", false).replacen('{', r#"{"v":3,"#, 1);
        check(&[line("1.0.0", false), later], Some("1.0.0"));
        check(&[line("1.0.0", false), r#"{"v":9,"other":[]}"#.to_owned()], Some("1.0.0"));
        check(&[line("1.0.0", false), line("2.0.0", false).replace(SUM, "00")], Some("1.0.0"));
        check(&[], None);
    }

    #[test]
    fn build_metadata_stays_part_of_the_version() {
        check(&[line("1.0.1+2024-05", false), line("1.0.0", false)], Some("1.0.1+2024-05"));
        check(&[line("1.0.0+b", false), line("1.0.0+a", false)], Some("1.0.0+b"));
    }

    #[test]
    fn unknown_keys_of_later_formats_are_accepted() {
        let line = line("1.0.0", false).replacen(
            '{',
            r#"{"v":2,"features2":{"cli":["dep:clap"]},"rust_version":"1.80","pubtime":"2025-12-06T23:55:50Z","#,
            1,
        );
        let release = newest("X", line.as_bytes()).unwrap().unwrap();
        assert_eq!(release.rust_version.as_deref(), Some("1.80"));
        assert_eq!((&*release.krate, &*release.checksum), ("x", SUM));
    }

    #[test]
    fn an_answer_with_only_unknown_lines_is_invalid_and_does_not_mean_absence() {
        let deep = format!("{}{}", "[".repeat(1000), "]".repeat(1000));
        for body in ["{}", "{\"name\":\"x\"}\n{\"name\":7}", &deep] {
            let error = newest("x", body.as_bytes()).unwrap_err();
            assert_eq!(error, "no line has a known form", "{body}");
        }
        assert!(newest("x", b"").unwrap().is_none());
    }

    #[test]
    fn an_answer_that_is_not_an_index_is_invalid() {
        for body in ["<html>", "{\"name\":\"x\"", "\u{0}", "not json"] {
            assert!(newest("x", body.as_bytes()).is_err(), "{body:?}");
        }
        assert!(newest("y", line("1.0.0", false).as_bytes()).is_err());
        assert!(newest("x", &[0xff, 0xfe]).is_err());
    }

    proptest! {
        #[test]
        fn any_bytes_are_an_index_or_an_invalid_answer(bytes: Vec<u8>) {
            let _ = newest("x", &bytes);
        }
    }
}
