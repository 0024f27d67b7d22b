//! What the name of a history file says: the ecosystem of its run, and when the run started.

use chrono::{DateTime, NaiveDateTime, Utc};

use crate::model::Month;

/// The form of an instant in file names. The order of such texts is the order of the instants.
const FORMAT: &str = "%Y-%m-%dT%H-%M-%SZ";

/// Number of characters of an instant in a file name.
const LENGTH: usize = "2026-01-01T00-00-00Z".len();

/// A name of the form `<owner>-<start>`: a batch id or `slot-<start>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunName<'a> {
    /// The ecosystem of the run, or `slot` for a slot in which nothing ran.
    pub owner: &'a str,
    /// The start of the run as the name has it. All starts have the same length, and their order is
    /// the order of the instants.
    pub start: &'a str,
}

impl<'a> RunName<'a> {
    /// Reads `text`, a batch id or the stem of a history file; `None` for any other text.
    pub fn parse(text: &'a str) -> Option<Self> {
        let (before, start) = text.split_at_checked(text.len().checked_sub(LENGTH)?)?;
        let owner = before.strip_suffix('-')?;
        (!owner.is_empty() && is_start(start)).then_some(Self { owner, start })
    }

    /// The batch id at the beginning of the failure id `text`; `None` when there is none.
    pub fn batch_of_failure(text: &'a str) -> Option<&'a str> {
        let end = text.find('-')? + 1 + LENGTH;
        let (batch, rest) = text.split_at_checked(end)?;
        (Self::parse(batch).is_some() && rest.starts_with('-')).then_some(batch)
    }

    /// The digits of the start as one number. The order of such numbers is the order of the instants.
    pub(crate) fn start_number(self) -> u64 {
        let digits = self.start.bytes().filter(u8::is_ascii_digit);
        digits.fold(0, |number, digit| 10 * number + u64::from(digit - b'0'))
    }

    /// When the run started.
    pub fn started_at(self) -> Option<DateTime<Utc>> {
        let start = NaiveDateTime::parse_from_str(self.start, FORMAT).ok()?;
        Some(start.and_utc())
    }

    /// The month in which the run started; `None` for a text that only looks like an instant.
    pub fn month(self) -> Option<Month> {
        self.started_at().map(Month::of)
    }

    /// `at` in the form that names use, for comparison with [`Self::start`].
    pub fn text_of(at: DateTime<Utc>) -> String {
        at.format(FORMAT).to_string()
    }
}

fn is_start(text: &str) -> bool {
    let shape = b"0000-00-00T00-00-00Z";
    let fits = |(&byte, &wanted): (&u8, &u8)| match wanted {
        b'0' => byte.is_ascii_digit(),
        _ => byte == wanted,
    };
    text.len() == LENGTH && text.as_bytes().iter().zip(shape).all(fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Option<(&str, &str)>) {
        let found = RunName::parse(text).map(|name| (name.owner, name.start));
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn a_run_id_contains_the_ecosystem_and_the_start() {
        check("npm-2026-11-21T13-00-05Z", Some(("npm", "2026-11-21T13-00-05Z")));
        check("slot-2026-11-21T13-00-05Z", Some(("slot", "2026-11-21T13-00-05Z")));
        for text in ["", "npm", "2026-11-21T13-00-05Z", "-2026-11-21T13-00-05Z"] {
            check(text, None);
        }
        check("npm-2026-11-21T13:00:05Z", None);
        check("é-2026-11-21T13-00-0éZ", None);
        let start = RunName::parse("npm-2026-11-21T13-00-05Z").unwrap().started_at().unwrap();
        assert_eq!(RunName::text_of(start), "2026-11-21T13-00-05Z");
        assert_eq!(RunName::parse("npm-2026-99-21T13-00-05Z").unwrap().started_at(), None);
    }

    #[test]
    fn a_failure_id_begins_with_its_batch() {
        let batch = |id| RunName::batch_of_failure(id);
        let npm = "npm-2026-11-21T13-00-05Z";
        assert_eq!(batch("npm-2026-11-21T13-00-05Z-prettier-2"), Some(npm));
        assert_eq!(batch("npm-2026-11-21T13-00-05Z-2026-11-21T13-00-05Z"), Some(npm));
        for id in ["", "x", "npm-2026-11-21T13-00-05Z", "npm-é", "a-b-2026-11-21T13-00-05Z-x"] {
            assert_eq!(batch(id), None, "{id}");
        }
    }
}
