//! The checks of a commit.

use batch_core::decide::clean::Cleaner;
use serde::{Deserialize, Serialize};
use url::Url;

/// The longest evidence of one check that is kept, in characters.
const MAX_SUMMARY: usize = 16_000;

/// The checks of a commit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Checks {
    /// How many have passed, or had nothing to do.
    pub n_passed: usize,
    /// The names of those that have not ended.
    pub pending: Vec<String>,
    /// Those that have not passed.
    pub failed: Vec<FailedCheck>,
}

/// A check that ended and did not pass. Its texts are safe to print and to store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailedCheck {
    /// Its name, in one line.
    pub name: String,
    /// How it ended.
    pub conclusion: Conclusion,
    /// What it said, possibly empty.
    pub summary: String,
    /// Where a person looks at it.
    pub url: Option<Url>,
}

/// How a check ended, in the words of GitHub.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "GitHub's own words")]
pub enum Conclusion {
    Success,
    Neutral,
    Skipped,
    Failure,
    TimedOut,
    Cancelled,
    ActionRequired,
    StartupFailure,
    Stale,
    /// A word that this program does not know.
    #[serde(other)]
    Unknown,
}

/// All checks of a commit together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CheckState {
    /// There is none, or none yet.
    None,
    /// Some have not ended, and none has failed.
    Pending,
    /// All have passed.
    Green,
    /// At least one has failed.
    Red,
}

impl Checks {
    /// All of them together.
    pub fn state(&self) -> CheckState {
        match self {
            Self { failed, .. } if !failed.is_empty() => CheckState::Red,
            Self { pending, .. } if !pending.is_empty() => CheckState::Pending,
            Self { n_passed: 0, .. } => CheckState::None,
            Self { .. } => CheckState::Green,
        }
    }

    /// Adds a check that ended, or has not.
    pub(crate) fn add(&mut self, cleaner: &Cleaner, check: &RawCheck<'_>) {
        let name = crate::pull_request::line(cleaner, check.name);
        match check.conclusion {
            None => self.pending.push(name),
            Some(conclusion) if conclusion.has_passed() => self.n_passed += 1,
            Some(conclusion) => {
                let summary = cleaner.text(check.summary.as_bytes());
                let summary = match summary.char_indices().nth(MAX_SUMMARY) {
                    Some((end, _)) => format!("{}…", &summary[..end]),
                    None => summary,
                };
                let url = check.url.and_then(|url| Url::parse(url).ok()).filter(is_page);
                self.failed.push(FailedCheck { name, conclusion, summary, url });
            }
        }
    }
}

impl Conclusion {
    /// Whether the check stops no merge.
    pub fn has_passed(self) -> bool {
        match self {
            Self::Success | Self::Neutral | Self::Skipped => true,
            Self::Failure
            | Self::TimedOut
            | Self::Cancelled
            | Self::ActionRequired
            | Self::StartupFailure
            | Self::Stale
            | Self::Unknown => false,
        }
    }
}

/// A check as a forge describes it. Nothing of it is safe.
pub(crate) struct RawCheck<'a> {
    pub(crate) name: &'a str,
    /// `None` if it has not ended.
    pub(crate) conclusion: Option<Conclusion>,
    pub(crate) summary: &'a str,
    pub(crate) url: Option<&'a str>,
}

/// Whether a browser may open it.
fn is_page(url: &Url) -> bool {
    matches!(url.scheme(), "http" | "https")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checks(conclusions: &[Option<Conclusion>]) -> CheckState {
        let mut checks = Checks::default();
        for &conclusion in conclusions {
            let raw = RawCheck { name: "x", conclusion, summary: "", url: None };
            checks.add(&Cleaner::default(), &raw);
        }
        checks.state()
    }

    #[test]
    fn one_failed_check_is_enough() {
        use Conclusion::{Cancelled, Failure, Neutral, Skipped, Success, Unknown};
        assert_eq!(checks(&[]), CheckState::None);
        assert_eq!(checks(&[None]), CheckState::Pending);
        assert_eq!(checks(&[Some(Success), None]), CheckState::Pending);
        assert_eq!(checks(&[Some(Success), Some(Neutral), Some(Skipped)]), CheckState::Green);
        for failed in [Failure, Cancelled, Unknown] {
            assert_eq!(checks(&[Some(Success), None, Some(failed)]), CheckState::Red);
        }
    }

    #[test]
    fn the_texts_of_a_check_are_hostile() {
        let mut checks = Checks::default();
        let summary =
            format!("\u{1b}[31m::error::x\u{202e}\nghp_{}\n{}", "a".repeat(36), "é".repeat(20_000));
        let raw = RawCheck {
            name: "a\nb\u{7}",
            conclusion: Some(Conclusion::Failure),
            summary: &summary,
            url: Some("javascript:alert(1)"),
        };
        checks.add(&Cleaner::default(), &raw);
        let [failed] = &checks.failed[..] else { panic!("{checks:?}") };
        assert_eq!((&*failed.name, &failed.url), ("a b", &None));
        assert!(failed.summary.starts_with(":\\:error::x\n***\n"), "{}", &failed.summary[..40]);
        assert_eq!(failed.summary.chars().count(), MAX_SUMMARY + 1);
    }

    #[test]
    fn an_unknown_conclusion_is_read_and_has_not_passed() {
        let read: Conclusion = serde_json::from_str("\"superseded\"").unwrap();
        assert!(read == Conclusion::Unknown && !read.has_passed());
    }
}
