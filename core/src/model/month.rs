//! Calendar months, by which old records are kept.

use std::{fmt, str::FromStr};

use chrono::{DateTime, Datelike as _, Utc};

/// A calendar month in UTC, written as `2026-03`. Earlier months are smaller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Month {
    year: i32,
    /// From 1 to 12.
    month: u32,
}

impl Month {
    /// The month that contains `at`.
    pub fn of(at: DateTime<Utc>) -> Self {
        Self { year: at.year(), month: at.month() }
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.year, self.month)
    }
}

/// A text is not a month of the form `2026-03`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("write a month as 2026-03")]
pub struct NotMonth;

impl FromStr for Month {
    type Err = NotMonth;

    fn from_str(text: &str) -> Result<Self, NotMonth> {
        let is_number = |text: &str, length| {
            text.len() == length && text.bytes().all(|byte| byte.is_ascii_digit())
        };
        let (year, month) = text.split_once('-').ok_or(NotMonth)?;
        if !is_number(year, 4) || !is_number(month, 2) {
            return Err(NotMonth);
        }
        let year = year.parse().map_err(|_| NotMonth)?;
        let month = month.parse().map_err(|_| NotMonth)?;
        (1..=12).contains(&month).then_some(Self { year, month }).ok_or(NotMonth)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_month_is_written_and_read_in_one_form() {
        let at = DateTime::parse_from_rfc3339("2026-03-31T23:59:59Z").unwrap().to_utc();
        assert_eq!(Month::of(at).to_string(), "2026-03");
        assert_eq!("2026-03".parse(), Ok(Month::of(at)));
        for text in ["", "2026", "2026-13", "2026-00", "26-03", "2026-3", "+026-03", "2026-03-01"] {
            assert_eq!(text.parse::<Month>(), Err(NotMonth), "{text}");
        }
    }

    #[test]
    fn the_order_of_months_is_that_of_time() {
        let month = |text: &str| text.parse::<Month>().unwrap();
        assert!(month("2025-12") < month("2026-01") && month("2026-01") < month("2026-02"));
    }
}
