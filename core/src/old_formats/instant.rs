//! Instants in old files.

use chrono::{DateTime, NaiveDateTime, Utc};
use serde::{Deserialize, Deserializer};

/// The form of instants in file names, which some files also contain.
const WITH_HYPHENS: &str = "%Y-%m-%dT%H-%M-%SZ";

/// An instant in an old file. The earlier pipeline wrote an empty text where there is none, and its
/// waiting times could overflow.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum OldInstant {
    /// There is none: it is absent, null or an empty text.
    #[default]
    Absent,
    /// It can be read. Whether it is possible is another question.
    At(DateTime<Utc>),
    /// It is no instant.
    Unreadable,
}

impl OldInstant {
    fn read(text: &str) -> Self {
        if text.is_empty() {
            return Self::Absent;
        }
        let rfc3339 = || DateTime::parse_from_rfc3339(text).ok().map(|at| at.to_utc());
        let hyphens = || NaiveDateTime::parse_from_str(text, WITH_HYPHENS).ok();
        match rfc3339().or_else(|| hyphens().map(|at| at.and_utc())) {
            Some(at) => Self::At(at),
            None => Self::Unreadable,
        }
    }

    /// The instant, if there is one that can be read.
    pub fn at(self) -> Option<DateTime<Utc>> {
        match self {
            Self::At(at) => Some(at),
            Self::Absent | Self::Unreadable => None,
        }
    }
}

impl<'de> Deserialize<'de> for OldInstant {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Option::<String>::deserialize(deserializer)?;
        Ok(text.map_or(Self::Absent, |text| Self::read(&text)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_spellings_of_old_files_are_read() {
        let at = |text| OldInstant::read(text).at().map(|at| at.to_rfc3339());
        let expected = Some("2026-02-19T08:45:18+00:00".to_owned());
        assert_eq!(at("2026-02-19T08-45-18Z"), expected);
        assert_eq!(at("2026-02-19T08:45:18Z"), expected);
        assert_eq!(at("2026-02-19T09:45:18+01:00"), expected);
        assert!(at("2026-02-19T08:45:18.830743027Z").is_some());
        assert!(at("1734-03-17T21:04:51Z").is_some(), "whether it is possible is decided later");
        assert_eq!(OldInstant::read(""), OldInstant::Absent);
        for text in ["soon", "2026-02-30T08:45:18Z", "2026-02-19"] {
            assert_eq!(OldInstant::read(text), OldInstant::Unreadable, "{text}");
        }
    }
}
