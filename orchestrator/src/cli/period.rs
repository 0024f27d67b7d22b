//! Times of the past, as a person writes them.

use chrono::{DateTime, NaiveDate, NaiveTime, TimeDelta, Utc};

/// A period of history, by the starts of the runs.
#[derive(Debug, clap::Args)]
pub(super) struct Period {
    /// Only runs that started at this time or later: an age such as 12h or 7d, a day, or an instant
    /// such as 2026-11-28T20:00:00Z
    #[arg(long, value_name = "AGE|DAY|INSTANT", value_parser = When::parse)]
    since: Option<When>,
    /// Only runs that started at this time or earlier
    #[arg(long, value_name = "AGE|DAY|INSTANT", value_parser = When::parse)]
    until: Option<When>,
}

/// A time in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum When {
    /// So long ago.
    Ago(TimeDelta),
    Day(NaiveDate),
    Instant(DateTime<Utc>),
}

impl When {
    fn parse(text: &str) -> Result<Self, String> {
        let ago = || age(text).map(Self::Ago).ok();
        let day = || text.parse().map(Self::Day).ok();
        let instant = || {
            DateTime::parse_from_rfc3339(text).map(|at| Self::Instant(at.to_utc())).map_err(|_| {
                "write an age such as 12h or 7d, a day such as 2026-11-28, or an instant such as 2026-11-28T20:00:00Z"
                    .to_owned()
            })
        };
        ago().or_else(day).map_or_else(instant, Ok)
    }
}

/// The time that has passed: a number of hours or days, such as `12h` or `7d`.
pub(super) fn age(text: &str) -> Result<TimeDelta, String> {
    let parse = || {
        let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
        let number = i64::from(number.parse::<u16>().ok()?);
        match unit {
            "h" => Some(TimeDelta::hours(number)),
            "d" => Some(TimeDelta::days(number)),
            _ => None,
        }
    };
    parse().ok_or_else(|| "write a number of hours or days, such as 12h or 7d".to_owned())
}

impl Period {
    /// The beginning of the period. A day is included completely.
    pub(super) fn since(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.since.map(|when| match when {
            When::Ago(age) => before(now, age),
            When::Day(day) => day.and_time(NaiveTime::MIN).and_utc(),
            When::Instant(at) => at,
        })
    }

    /// The end of the period. A day is included completely.
    pub(super) fn until(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.until.map(|when| match when {
            When::Ago(age) => before(now, age),
            When::Day(day) => {
                let next = day.succ_opt().unwrap_or(day).and_time(NaiveTime::MIN).and_utc();
                next - TimeDelta::seconds(1)
            }
            When::Instant(at) => at,
        })
    }
}

fn before(now: DateTime<Utc>, age: TimeDelta) -> DateTime<Utc> {
    now.checked_sub_signed(age).unwrap_or(DateTime::<Utc>::MIN_UTC)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_is_a_number_of_hours_or_days() {
        assert_eq!(age("7d"), Ok(TimeDelta::days(7)));
        assert_eq!(age("12h"), Ok(TimeDelta::hours(12)));
        for odd in ["", "d", "7", "-1d", "7w", "1.5h", "7ä"] {
            assert!(age(odd).is_err(), "{odd}");
        }
    }

    #[test]
    fn a_period_is_written_as_ages_days_or_instants() {
        let now: DateTime<Utc> = "2026-11-28T20:00:00Z".parse().unwrap();
        let check = |since: &str, until: &str, expected: [&str; 2]| {
            let [since, until] = [since, until].map(|text| Some(When::parse(text).unwrap()));
            let period = Period { since, until };
            let found = [period.since(now).unwrap(), period.until(now).unwrap()];
            assert_eq!(found.map(|at| at.to_rfc3339()), expected.map(|at| format!("{at}+00:00")));
        };
        check("12h", "1h", ["2026-11-28T08:00:00", "2026-11-28T19:00:00"]);
        check("2026-11-01", "2026-11-02", ["2026-11-01T00:00:00", "2026-11-02T23:59:59"]);
        let instant = "2026-11-28T20:00:00+01:00";
        check(instant, instant, ["2026-11-28T19:00:00", "2026-11-28T19:00:00"]);
        for odd in ["", "yesterday", "2026-13-01", "12", "-1d"] {
            assert!(When::parse(odd).unwrap_err().contains("12h"), "{odd}");
        }
    }
}
