//! Names that git gets as arguments. None of them can be an option or another revision.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// A text that is not what it should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not {expected}")]
pub struct InvalidName {
    text: String,
    expected: &'static str,
}

impl InvalidName {
    pub(super) fn remote(text: &str) -> Self {
        Self::new(text, "the name, the address or the path of a git remote")
    }

    fn new(text: &str, expected: &'static str) -> Self {
        Self { text: text.chars().take(100).collect(), expected }
    }
}

/// The name of a branch, as git itself would accept it, without `refs/heads/`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct BranchName(String);

impl BranchName {
    /// The name itself.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The reference.
    pub(crate) fn reference(&self) -> String {
        format!("refs/heads/{self}")
    }
}

/// The rules of `git check-ref-format --branch`, and no hidden characters.
impl FromStr for BranchName {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        const LONGEST: usize = 200;
        let is_part = |part: &str| {
            !part.is_empty()
                && !part.starts_with('.')
                && !part.ends_with('.')
                && !part.to_ascii_lowercase().ends_with(".lock")
        };
        let may_contain = |c: char| !batch_core::model::is_hidden(c) && !" ~^:?*[\\".contains(c);
        let is_name = text.len() <= LONGEST
            && text.split('/').all(is_part)
            && text.chars().all(may_contain)
            && !text.contains("..")
            && !text.contains("@{")
            && !text.starts_with('-')
            && !matches!(text, "@" | "HEAD");
        let odd = || InvalidName::new(text, "the name of a git branch");
        is_name.then(|| Self(text.to_owned())).ok_or_else(odd)
    }
}

impl fmt::Display for BranchName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The id of a commit: 40 hexadecimal digits, or 64 in a repository with SHA-256.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CommitId(String);

impl CommitId {
    /// All its digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for CommitId {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        let is_id = matches!(text.len(), 40 | 64) && text.bytes().all(is_digit);
        is_id.then(|| Self(text.to_owned())).ok_or_else(|| InvalidName::new(text, "a commit id"))
    }
}

impl fmt::Display for CommitId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for BranchName {
    type Error = InvalidName;

    fn try_from(text: String) -> Result<Self, InvalidName> {
        text.parse()
    }
}

impl TryFrom<String> for CommitId {
    type Error = InvalidName;

    fn try_from(text: String) -> Result<Self, InvalidName> {
        text.parse()
    }
}

impl From<BranchName> for String {
    fn from(name: BranchName) -> Self {
        name.0
    }
}

impl From<CommitId> for String {
    fn from(id: CommitId) -> Self {
        id.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_branches_are_those_that_git_accepts() {
        for name in ["main", "batch/npm-2026-11-21T13-00-05Z", "a@b", "ünï", "refs/heads/x", "a-"]
        {
            assert_eq!(name.parse::<BranchName>().unwrap().as_str(), name);
        }
        let long = "x".repeat(201);
        for name in [
            "",
            "-",
            "--force",
            "HEAD",
            "@",
            "/a",
            "a/",
            "a//b",
            ".a",
            "a/.b",
            "a.",
            "a.lock",
            "a.LOCK/b",
            "a..b",
            "a@{1}",
            "a b",
            "a~1",
            "a^",
            "a:b",
            "a?",
            "a*",
            "a[",
            "a\\b",
            "a\nb",
            "a\u{202e}b",
            "+a:b",
            &long,
        ] {
            assert!(name.parse::<BranchName>().is_err(), "{name:?}");
        }
    }

    #[test]
    fn commit_ids_are_complete() {
        for id in ["a".repeat(40), "0".repeat(64)] {
            assert_eq!(id.parse::<CommitId>().unwrap().to_string(), id);
        }
        for text in ["", "HEAD", "abc", &"A".repeat(40), &"g".repeat(40), &"a".repeat(41)] {
            assert!(text.parse::<CommitId>().is_err(), "{text:?}");
        }
    }
}
