//! Reads the compact index: one line for each version of a gem that is not yanked.

use std::collections::BTreeMap;

use batch_core::model::Cell;

use crate::{
    platform,
    version::{self, Version},
};

/// One gem file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct GemFile {
    pub(crate) version: String,
    /// `ruby` if it contains no compiled code.
    pub(crate) platform: String,
    /// SHA-256 of the whole file in hexadecimal digits; empty if the index does not state it.
    pub(crate) sha256: String,
}

impl GemFile {
    /// The name of the file, without the folder.
    pub(crate) fn file_name(&self, gem: &str) -> String {
        match self.platform.as_str() {
            platform::RUBY => format!("{gem}-{}.gem", self.version),
            other => format!("{gem}-{}-{other}.gem", self.version),
        }
    }

    /// The version, and the platform if it has one, for messages.
    pub(crate) fn shown(&self) -> String {
        match self.platform.as_str() {
            platform::RUBY => self.version.clone(),
            other => format!("{} for {other}", self.version),
        }
    }

    /// The digest as facts state it; empty if the index does not state it.
    pub(crate) fn digest(&self) -> String {
        match &*self.sha256 {
            "" => String::new(),
            hex => format!("sha256-{hex}"),
        }
    }
}

/// A file of one version, and the cells in which `gem` would choose it among all files of that
/// version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Choice {
    pub(crate) file: GemFile,
    /// In the order of [`Cell::ALL`]; never empty.
    pub(crate) cells: Vec<Cell>,
}

/// The files that `gem install NAME` may choose for each version, newest version first, without
/// prereleases. The files of a version, at least one, are in the order of their first cell. The
/// error says what is wrong with the answer.
pub(crate) fn choices(body: &[u8]) -> Result<Vec<Vec<Choice>>, String> {
    let text = std::str::from_utf8(body).map_err(|_| "it is not UTF-8".to_owned())?;
    let begins = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    if begins.starts_with('<') || begins.starts_with('{') {
        return Err("it is no compact index".to_owned());
    }
    // The header ends with `---`; a gem without versions has no lines after it.
    let header = text.lines().position(|line| line == "---").map_or(0, |at| at + 1);
    let lines = text.lines().skip(header);
    let lines: Vec<&str> = lines.filter(|line| !line.trim().is_empty()).collect();
    let read: Vec<(GemFile, Version)> = lines.iter().filter_map(|line| read(line)).collect();
    // A line with an invalid version is skipped; an answer with only such lines is not an index.
    if let (true, Some(line)) = (read.is_empty(), lines.first()) {
        return Err(odd(line));
    }
    let mut by_version: BTreeMap<Vec<u64>, Vec<GemFile>> = BTreeMap::new();
    for (file, version) in read {
        if let Version::Release(numbers) = version {
            by_version.entry(numbers).or_default().push(file);
        }
    }
    let choices = by_version.into_values().rev().map(|files| chosen(&files));
    Ok(choices.filter(|choices| !choices.is_empty()).collect())
}

fn odd(line: &str) -> String {
    let shown: String = line.chars().take(80).collect();
    format!("{shown:?} is no line of a compact index")
}

/// `VERSION[-PLATFORM] DEPENDENCIES|REQUIREMENTS`.
fn read(line: &str) -> Option<(GemFile, Version)> {
    let (named, requirements) = line.split_once('|')?;
    let name = named.split(' ').next()?;
    let (number, platform) = name.split_once('-').unwrap_or((name, platform::RUBY));
    let is_platform = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if platform.is_empty() || !platform.chars().all(is_platform) {
        return None;
    }
    let stated = requirements.split(',').find_map(|part| part.strip_prefix("checksum:"));
    let sha256 = stated.filter(|hex| hex.len() == 64 && hex.bytes().all(|b| b.is_ascii_hexdigit()));
    let file = GemFile {
        version: number.to_owned(),
        platform: platform.to_owned(),
        sha256: sha256.unwrap_or_default().to_ascii_lowercase(),
    };
    Some((file, version::parse(number)?))
}

/// The file of `files` for each cell: one with compiled code for the cell if there is one,
/// otherwise the one for `ruby`. Empty if no file runs in any cell.
fn chosen(files: &[GemFile]) -> Vec<Choice> {
    let mut chosen: Vec<Choice> = vec![];
    for cell in Cell::ALL {
        // A file for fewer cells is more specific.
        let rank = |file: &&GemFile| (platform::cells(&file.platform).len(), file.platform.clone());
        let fit = files.iter().filter(|file| platform::cells(&file.platform).contains(cell));
        let Some(file) = fit.min_by_key(rank) else { continue };
        match chosen.iter_mut().find(|choice| choice.file == *file) {
            Some(choice) => choice.cells.push(*cell),
            None => chosen.push(Choice { file: file.clone(), cells: vec![*cell] }),
        }
    }
    chosen
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// For each version its files, each with its platform and the number of its cells.
    #[track_caller]
    fn check(body: &str, expected: &[(&str, &[(&str, usize)])]) {
        let choices = choices(body.as_bytes()).unwrap();
        let told: Vec<(&str, Vec<(&str, usize)>)> = choices
            .iter()
            .map(|files| {
                let told = files.iter().map(|it| (&*it.file.platform, it.cells.len()));
                (&*files[0].file.version, told.collect())
            })
            .collect();
        let expected: Vec<(&str, Vec<(&str, usize)>)> =
            expected.iter().map(|(version, files)| (*version, files.to_vec())).collect();
        assert_eq!(told, expected, "{body}");
    }

    const RUBY: &[(&str, usize)] = &[("ruby", 6)];

    #[test]
    fn the_newest_release_is_the_highest_number_in_any_order() {
        check(
            "---\n1.9.0 |checksum:00\n1.10.0 a:>= 1&< 2,b:~> 3|checksum:00,ruby:>= 2.5\n1.2.30 |checksum:00\n",
            &[("1.10.0", RUBY), ("1.9.0", RUBY), ("1.2.30", RUBY)],
        );
        check("created_at: 2026-01-01T00:00:00Z\n---\n1.0 |checksum:00\n", &[("1.0", RUBY)]);
        check("1.0 |checksum:00\n", &[("1.0", RUBY)]);
    }

    #[test]
    fn prereleases_and_unsupported_platforms_are_not_chosen() {
        check("---\n2.0.0.rc1 |checksum:00\n1.0 |checksum:00\n", &[("1.0", RUBY)]);
        check("---\n2.0-java |checksum:00\n1.0 |checksum:00\n", &[("1.0", RUBY)]);
        check("---\n2.0.0.rc1 |checksum:00\n", &[]);
        check("---\n", &[]);
        check("", &[]);
    }

    #[test]
    fn each_cell_has_the_file_that_gem_would_choose() {
        check(
            "---\n1.0-x86_64-linux |checksum:00\n1.0 |checksum:00\n1.0-java |checksum:00\n",
            &[("1.0", &[("x86_64-linux", 2), ("ruby", 4)])],
        );
        check(
            "---\n1.0 |checksum:00\n2.0-arm64-darwin |checksum:00\n2.0-x86_64-linux-gnu |checksum:00\n",
            &[("2.0", &[("x86_64-linux-gnu", 1), ("arm64-darwin", 1)]), ("1.0", RUBY)],
        );
        check(
            "---\n1.0-x86_64-linux |checksum:00\n1.0-x86_64-linux-musl |checksum:00\n",
            &[("1.0", &[("x86_64-linux", 1), ("x86_64-linux-musl", 1)])],
        );
        check(
            "---\n1.0-universal-darwin |checksum:00\n1.0-arm64-darwin |checksum:00\n1.0-x86-mingw32 |checksum:00\n",
            &[("1.0", &[("arm64-darwin", 1), ("universal-darwin", 1)])],
        );
    }

    #[test]
    fn the_order_of_lines_changes_no_choice_between_platforms() {
        let lines = [
            "1.0-x86_64-linux |checksum:00",
            "1.0-arm64-darwin |checksum:00",
            "1.0-java |checksum:00",
        ];
        let in_order = |order: [usize; 3]| {
            let lines: Vec<&str> = order.iter().map(|&i| lines[i]).collect();
            choices(format!("---\n{}\n", lines.join("\n")).as_bytes()).unwrap()
        };
        assert_eq!(in_order([0, 1, 2]), in_order([2, 1, 0]));
        assert_eq!(in_order([0, 1, 2]), in_order([1, 2, 0]));
    }

    #[test]
    fn a_file_is_named_by_version_and_platform_and_carries_its_digest() {
        let hex = "Ab".repeat(32);
        let body = format!("---\n1.0-x86_64-linux |checksum:{hex},ruby:>= 3.0\n");
        let file = |body: &str| choices(body.as_bytes()).unwrap().remove(0).remove(0).file;
        let long = file(&body);
        assert_eq!(long.file_name("a-b"), "a-b-1.0-x86_64-linux.gem");
        assert_eq!(long.sha256, "ab".repeat(32));
        let short = file("---\n1.0 |checksum:abc\n");
        assert_eq!((&*short.sha256, &*short.file_name("x")), ("", "x-1.0.gem"));
    }

    #[test]
    fn an_invalid_line_does_not_affect_others() {
        check("---\n9/9 |checksum:00\nnonsense\n1.0 |checksum:00\n", &[("1.0", RUBY)]);
    }

    #[test]
    fn other_texts_than_indexes_are_invalid_answers() {
        for body in [
            "<html>hi</html>",
            r#"{"error":"x"}"#,
            "---\nnonsense\n",
            "---\n1.0 checksum:00\n",
            "---\n../1.0 |checksum:00\n",
            "---\n1.0-../x |checksum:00\n",
            "---\n1.0- |checksum:00\n",
        ] {
            assert!(choices(body.as_bytes()).is_err(), "{body}");
        }
        assert!(choices(b"---\n\xff |x\n").is_err());
    }

    proptest! {
        #[test]
        fn any_bytes_are_choices_or_an_invalid_answer(bytes: Vec<u8>) {
            let _ = choices(&bytes);
        }
    }
}
