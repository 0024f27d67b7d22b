//! What is to be achieved, as a table.

use std::fmt;

use batch_core::decide::slo::Slo;

use crate::cli::out::table;

/// Writes a table with a line for each of `slos`.
pub(super) fn write(f: &mut fmt::Formatter<'_>, slos: &[Slo]) -> fmt::Result {
    let row = |slo: &Slo| {
        let sign = if slo.at_least { "≥" } else { "≤" };
        let value = slo.value.map_or("–".to_owned(), number);
        let verdict = match slo.ok {
            Some(true) => "met",
            Some(false) => "missed",
            None => slo.reason.unwrap_or("no data"),
        };
        let target = format!("{sign} {}", number(slo.target));
        vec![slo.id.meaning().to_owned(), value, target, verdict.to_owned()]
    };
    let rows: Vec<Vec<String>> = slos.iter().map(row).collect();
    write!(f, "\n{}", table(&["OBJECTIVE", "VALUE", "TARGET", "VERDICT"], &rows))
}

/// With at most two digits behind the point, and none that say nothing.
fn number(value: f64) -> String {
    let text = format!("{value:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_as_short_as_they_can_be() {
        for (value, text) in
            [(10.0, "10"), (0.1, "0.1"), (0.333, "0.33"), (0.0, "0"), (200.0, "200")]
        {
            assert_eq!(number(value), text);
        }
    }
}
