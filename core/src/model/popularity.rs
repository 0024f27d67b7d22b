//! The popularity of a package, as its source publishes it.

use chrono::NaiveDate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A number as the source publishes it. It can only be compared with numbers of the same unit and
/// period.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Popularity {
    /// The number.
    pub value: u64,
    /// What is counted, for example `downloads`.
    pub unit: String,
    /// The period in days; absent for a total since the beginning.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub period_days: Option<u32>,
    /// The source of the number.
    pub source: String,
    /// The day on which it was read.
    pub as_of: NaiveDate,
}

/// What the numbers of one list mean.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Measure {
    /// What is counted, for example `downloads`.
    pub unit: &'static str,
    /// The period in days; `None` for a total since the beginning.
    pub period_days: Option<u32>,
    /// The source of the numbers.
    pub source: String,
    /// The day of the count, or else the day on which it was read; `None` when neither is known.
    pub as_of: Option<NaiveDate>,
}

impl Measure {
    /// The popularity that `value` means. `None` without a number or without a day, because an
    /// unknown number is not zero and an unknown day is not today.
    pub fn popularity(&self, value: Option<u64>) -> Option<Popularity> {
        let Self { unit, period_days, source, as_of } = self;
        let (value, as_of) = (value?, (*as_of)?);
        let (unit, source) = ((*unit).to_owned(), source.clone());
        Some(Popularity { value, unit, period_days: *period_days, source, as_of })
    }
}

/// The popularity from which a package belongs to tier 2. Only numbers of the same unit and period
/// are compared with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Threshold {
    /// The least number.
    pub value: u64,
    /// What is counted.
    pub unit: &'static str,
    /// The period in days; `None` for a total since the beginning.
    pub period_days: Option<u32>,
}

impl Threshold {
    /// Whether `popularity` has the same unit and period and is at least as large.
    pub fn is_reached_by(&self, popularity: &Popularity) -> bool {
        (popularity.unit.as_str(), popularity.period_days) == (self.unit, self.period_days)
            && self.value <= popularity.value
    }

    /// In words for a person, for example `at least 40000 installs in 30 days`.
    pub fn describe(&self) -> String {
        let Self { value, unit, period_days } = self;
        match period_days {
            Some(days) => format!("at least {value} {unit} in {days} days"),
            None => format!("at least {value} {unit} in all"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_number_or_a_day_nothing_is_known() {
        let as_of = NaiveDate::from_ymd_opt(2026, 11, 1);
        let source = "https://registry.example/".to_owned();
        let measure = Measure { unit: "downloads", period_days: Some(30), source, as_of };
        let popularity = measure.popularity(Some(0)).unwrap();
        assert_eq!((popularity.value, popularity.as_of), (0, as_of.unwrap()));
        assert_eq!((popularity.unit.as_str(), popularity.period_days), ("downloads", Some(30)));
        assert_eq!(popularity.source, measure.source);
        assert_eq!(measure.popularity(None), None);
        assert_eq!(Measure { as_of: None, ..measure }.popularity(Some(0)), None);
    }
}
