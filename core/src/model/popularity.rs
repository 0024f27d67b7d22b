//! How popular a package is, as its source says.

use chrono::NaiveDate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// As the source publishes it: comparable only with what has the same unit and period.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Popularity {
    /// How much.
    pub value: u64,
    /// Of what, e.g. `downloads`.
    pub unit: String,
    /// Over how many days; absent for a lifetime total.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub period_days: Option<u32>,
    /// Who says so.
    pub source: String,
    /// When it was read.
    pub as_of: NaiveDate,
}

/// What the numbers of one list are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Measure {
    /// Of what, e.g. `downloads`.
    pub unit: &'static str,
    /// Over how many days; `None` for a lifetime total.
    pub period_days: Option<u32>,
    /// Who says so.
    pub source: String,
    /// When it was counted, or else read; `None` where nothing says so.
    pub as_of: Option<NaiveDate>,
}

impl Measure {
    /// What the number `value` means; nothing without a number or a day, for what is unknown is
    /// neither zero nor of today.
    pub fn popularity(&self, value: Option<u64>) -> Option<Popularity> {
        let Self { unit, period_days, source, as_of } = self;
        let (value, as_of) = (value?, (*as_of)?);
        let (unit, source) = ((*unit).to_owned(), source.clone());
        Some(Popularity { value, unit, period_days: *period_days, source, as_of })
    }
}

/// How popular a package is that belongs into tier 2: comparable only with the same unit and
/// period.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Threshold {
    /// At least so much.
    pub value: u64,
    /// Of what.
    pub unit: &'static str,
    /// Over how many days; `None` for a lifetime total.
    pub period_days: Option<u32>,
}

impl Threshold {
    /// Whether `popularity` is of its kind and reaches it.
    pub fn is_reached_by(&self, popularity: &Popularity) -> bool {
        (popularity.unit.as_str(), popularity.period_days) == (self.unit, self.period_days)
            && self.value <= popularity.value
    }

    /// For people: `at least 40000 installs in 30 days`.
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
