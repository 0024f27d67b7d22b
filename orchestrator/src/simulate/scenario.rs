//! What goes wrong in a simulation, and when.

use std::{ops::RangeInclusive, str::FromStr};

use batch_core::model::EcosystemId;
use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};

use super::forge::PullRequests;

/// Everything that goes wrong in a simulation.
#[derive(Debug, Clone, Default)]
pub struct Scenario {
    /// Registries that do not answer.
    pub outages: Vec<(EcosystemId, Period)>,
    /// Registries that refuse all requests because there are too many.
    pub storms: Vec<(EcosystemId, Period)>,
    /// When the generator makes the same mistake with every package.
    pub broken_generator: Vec<Period>,
    /// When the clock is set back, and by how much.
    pub clock_back: Option<(DateTime<Utc>, TimeDelta)>,
    /// The share of slots in which no run starts.
    pub missed_slots: Share,
    /// The share of runs whose process dies.
    pub crash_rate: Share,
    /// How many minutes after the beginning of its hour a run starts.
    pub slot_delay: Minutes,
    /// When the artifacts of one run are damaged, if runs are carried out in stages.
    pub damaged_artifacts: Option<DateTime<Utc>>,
    /// How pull requests are merged; `None` if recipes are merged with the state.
    pub pull_requests: Option<PullRequests>,
}

/// A period; its end does not belong to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Period {
    pub from: DateTime<Utc>,
    pub until: DateTime<Utc>,
}

impl Period {
    /// Whether `at` belongs to it.
    pub fn contains(&self, at: DateTime<Utc>) -> bool {
        self.from <= at && at < self.until
    }

    /// Whether it has an instant in common with the time from `from` to `until`.
    pub fn overlaps(&self, from: DateTime<Utc>, until: DateTime<Utc>) -> bool {
        self.from <= until && from < self.until
    }
}

impl Scenario {
    /// The periods in which something other than packages makes runs of `ecosystem` unhealthy.
    pub fn disturbances<'a>(
        &'a self,
        ecosystem: &'a EcosystemId,
    ) -> impl Iterator<Item = &'a Period> {
        let of_it =
            move |(id, period): &'a (EcosystemId, Period)| (id == ecosystem).then_some(period);
        let registries = self.outages.iter().chain(&self.storms).filter_map(of_it);
        registries.chain(&self.broken_generator)
    }
}

/// A period as a person writes it: `6h`, or `2026-03-20T00:00Z/6h`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PeriodText {
    from: Option<DateTime<Utc>>,
    lasts: TimeDelta,
}

impl PeriodText {
    /// The period. Without a beginning it begins at `default`.
    pub fn starting_at(self, default: DateTime<Utc>) -> Period {
        let from = self.from.unwrap_or(default);
        let until = from.checked_add_signed(self.lasts).unwrap_or(DateTime::<Utc>::MAX_UTC);
        Period { from, until }
    }
}

const A_PERIOD: &str = "write how long it lasts, such as 90m, 6h or 3d, if you like after its \
                        beginning, as in 2026-03-20T00:00Z/6h";

impl FromStr for PeriodText {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (from, lasts) = match text.split_once('/') {
            Some((from, lasts)) => (Some(instant(from).ok_or(A_PERIOD)?), lasts),
            None => (None, text),
        };
        Ok(Self { from, lasts: duration(lasts).ok_or(A_PERIOD)? })
    }
}

/// An instant in UTC, with or without seconds.
pub fn instant(text: &str) -> Option<DateTime<Utc>> {
    let whole = DateTime::parse_from_rfc3339(text).map(|at| at.to_utc());
    let of_minute =
        || NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%MZ").map(|at| at.and_utc());
    let of_day = || format!("{text}T00:00:00Z").parse();
    whole.or_else(|_| of_minute()).or_else(|_| of_day()).ok()
}

/// How long something takes, as a person writes it: `90m`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DurationText(pub TimeDelta);

impl FromStr for DurationText {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let taken = duration(text).map(Self);
        taken.ok_or_else(|| "write how long it takes, such as 90m, 6h or 3d".to_owned())
    }
}

fn duration(text: &str) -> Option<TimeDelta> {
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let number = i64::from(number.parse::<u16>().ok()?);
    match unit {
        "m" => Some(TimeDelta::minutes(number)),
        "h" => Some(TimeDelta::hours(number)),
        "d" => Some(TimeDelta::days(number)),
        _ => None,
    }
}

/// An ecosystem and a period as a person writes them: `npm=2026-03-20T00:00Z/6h`, `npm=6h`, or `npm`
/// for six hours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutageText {
    /// The ecosystem, not yet checked.
    pub ecosystem: String,
    /// The period.
    pub period: PeriodText,
}

impl FromStr for OutageText {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let six_hours = PeriodText { from: None, lasts: TimeDelta::hours(6) };
        let (ecosystem, period) = match text.split_once('=') {
            Some((ecosystem, period)) => (ecosystem, period.parse()?),
            None => (text, six_hours),
        };
        Ok(Self { ecosystem: ecosystem.to_owned(), period })
    }
}

/// A share between 0 and 1, written in percent: `20%`.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Share(f64);

impl Share {
    /// The share as a number between 0 and 1.
    pub fn as_f64(self) -> f64 {
        self.0
    }
}

impl FromStr for Share {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = text.strip_suffix('%').and_then(|number| number.parse::<f64>().ok());
        let share = number.map(|percent| percent / 100.0).filter(|it| (0.0..=1.0).contains(it));
        share.map(Self).ok_or_else(|| "write a share in percent, such as 20%".to_owned())
    }
}

/// From how many to how many minutes: `10..26m`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Minutes(RangeInclusive<u32>);

impl Default for Minutes {
    fn default() -> Self {
        Self(0..=0)
    }
}

impl Minutes {
    /// One of the numbers of minutes.
    pub fn draw(&self, rng: &mut fastrand::Rng) -> u32 {
        rng.u32(self.0.clone())
    }
}

impl FromStr for Minutes {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let range = || {
            let (from, to) = text.strip_suffix('m')?.split_once("..")?;
            let (from, to) = (from.parse().ok()?, to.parse().ok()?);
            (from <= to).then_some(Self(from..=to))
        };
        range().ok_or_else(|| "write a range of minutes, such as 10..26m".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_period_is_written_with_or_without_its_beginning() {
        let default: DateTime<Utc> = "2026-03-01T00:00:00Z".parse().unwrap();
        let check = |text: &str, from: &str, until: &str| {
            let period = text.parse::<PeriodText>().unwrap().starting_at(default);
            let text = |at: DateTime<Utc>| at.format("%d %H:%M").to_string();
            assert_eq!((text(period.from), text(period.until)), (from.into(), until.into()));
        };
        check("6h", "01 00:00", "01 06:00");
        check("90m", "01 00:00", "01 01:30");
        check("2026-03-20T00:00Z/3d", "20 00:00", "23 00:00");
        check("2026-03-20T01:00:30+01:00/1h", "20 00:00", "20 01:00");
        check("2026-03-20/1h", "20 00:00", "20 01:00");
        for odd in ["", "h", "6", "6w", "-6h", "x/6h", "2026-03-20T00:00Z/", "6h/6h"] {
            assert!(odd.parse::<PeriodText>().unwrap_err().contains("6h"), "{odd}");
        }
    }

    #[test]
    fn an_outage_names_its_ecosystem() {
        let outage: OutageText = "npm=2026-03-20T00:00Z/6h".parse().unwrap();
        assert_eq!(outage.ecosystem, "npm");
        assert_eq!("crates".parse::<OutageText>().unwrap().period, "6h".parse().unwrap());
        assert!("npm=".parse::<OutageText>().is_err());
    }

    #[test]
    fn shares_and_ranges_have_limits() {
        assert_eq!("20%".parse(), Ok(Share(0.2)));
        assert_eq!("10..26m".parse(), Ok(Minutes(10..=26)));
        for odd in ["20", "-1%", "101%", "NaN%", "%", ""] {
            assert!(odd.parse::<Share>().is_err(), "{odd}");
        }
        for odd in ["26..10m", "10..26", "..m", ""] {
            assert!(odd.parse::<Minutes>().is_err(), "{odd}");
        }
    }
}
