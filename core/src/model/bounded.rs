//! Whole numbers with a range: what is in one can be multiplied into bytes, added to instants and
//! counted up to without a second look.

use std::{borrow::Cow, fmt};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{
    Deserialize, Deserializer, Serialize,
    de::{Error, Unexpected, Visitor},
};

/// A whole number from `MIN` to `MAX`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct Bounded<const MIN: u64, const MAX: u64>(u64);

impl<const MIN: u64, const MAX: u64> Bounded<MIN, MAX> {
    /// `n`, or the end of the range that is nearest to it.
    pub const fn nearest(n: u64) -> Self {
        Self(if n < MIN {
            MIN
        } else if n > MAX {
            MAX
        } else {
            n
        })
    }

    /// The number.
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The number where 32 bits are wanted: the largest of these for one that is larger.
    pub fn get_u32(self) -> u32 {
        u32::try_from(self.0).unwrap_or(u32::MAX)
    }

    /// The number where a count is wanted: the largest of these for one that is larger.
    pub fn get_usize(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }
}

impl<'de, const MIN: u64, const MAX: u64> Deserialize<'de> for Bounded<MIN, MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(InRange)
    }
}

/// Refuses with the value and the range; the format that is read names the place.
struct InRange<const MIN: u64, const MAX: u64>;

impl<const MIN: u64, const MAX: u64> Visitor<'_> for InRange<MIN, MAX> {
    type Value = Bounded<MIN, MAX>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a whole number from {MIN} to {MAX}")
    }

    fn visit_u64<E: Error>(self, n: u64) -> Result<Self::Value, E> {
        if (MIN..=MAX).contains(&n) {
            Ok(Bounded(n))
        } else {
            Err(E::invalid_value(Unexpected::Unsigned(n), &self))
        }
    }

    fn visit_i64<E: Error>(self, n: i64) -> Result<Self::Value, E> {
        match u64::try_from(n) {
            Ok(n) => self.visit_u64(n),
            Err(_) => Err(E::invalid_value(Unexpected::Signed(n), &self)),
        }
    }

    fn visit_i128<E: Error>(self, n: i128) -> Result<Self::Value, E> {
        match u64::try_from(n) {
            Ok(n) => self.visit_u64(n),
            Err(_) => Err(E::invalid_value(Unexpected::Other(&format!("integer `{n}`")), &self)),
        }
    }
}

impl<const MIN: u64, const MAX: u64> JsonSchema for Bounded<MIN, MAX> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("WholeNumberFrom{MIN}To{MAX}").into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "integer", "minimum": MIN, "maximum": MAX })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Hours = Bounded<1, 24>;

    #[track_caller]
    fn check(json: &str, expected: Result<u64, &str>) {
        let read = serde_json::from_str::<Hours>(json).map(Bounded::get);
        match (read, expected) {
            (Ok(n), Ok(expected)) => assert_eq!(n, expected),
            (Err(error), Err(value)) => {
                let text = error.to_string();
                let range = "a whole number from 1 to 24";
                assert!(text.contains(value) && text.contains(range), "{text}");
            }
            (read, _) => panic!("{json}: {read:?}"),
        }
    }

    #[test]
    fn what_is_out_of_range_is_refused_with_value_and_range() {
        check("1", Ok(1));
        check("24", Ok(24));
        check("0", Err("`0`"));
        check("25", Err("`25`"));
        check("-1", Err("`-1`"));
        check("1.5", Err("`1.5`"));
        check("18446744073709551615", Err("`18446744073709551615`"));
        check("\"12\"", Err("\"12\""));
        assert_eq!([0, 12, 99].map(|n| Hours::nearest(n).get()), [1, 12, 24]);
    }
}
