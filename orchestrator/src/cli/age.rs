//! Periods of time that a person types.

use chrono::TimeDelta;

/// A number of hours or days, such as `12h` or `7d`.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_period_is_a_number_of_hours_or_days() {
        assert_eq!(age("7d"), Ok(TimeDelta::days(7)));
        assert_eq!(age("12h"), Ok(TimeDelta::hours(12)));
        for odd in ["", "d", "7", "-1d", "7w", "1.5h", "7ä"] {
            assert!(age(odd).is_err(), "{odd}");
        }
    }
}
