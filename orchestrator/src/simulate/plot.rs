//! Draws a simulation: for each ecosystem the attempts and recipes of each day and the time in which
//! its breaker was open, and the macOS minutes of each week beside their budget.

use std::fmt::Write as _;

use chrono::{DateTime, NaiveDate, NaiveTime, TimeDelta, Utc};

use super::{measure::Measure, observed::OfEcosystem};

const WIDTH: f64 = 1_000.0;
const LEFT: f64 = 110.0;
const ROW: f64 = 70.0;
const BARS: f64 = 50.0;
const TOP: f64 = 40.0;

/// Horizontal places of times.
struct Axis {
    from: DateTime<Utc>,
    until: DateTime<Utc>,
}

impl Axis {
    #[expect(clippy::cast_precision_loss, reason = "a place in a picture")]
    fn x(&self, at: DateTime<Utc>) -> f64 {
        let whole = (self.until - self.from).num_seconds().max(1) as f64;
        let part = (at.clamp(self.from, self.until) - self.from).num_seconds() as f64;
        LEFT + (WIDTH - LEFT - 20.0) * part / whole
    }

    fn of_day(&self, day: NaiveDate, n_days: i64) -> (f64, f64) {
        let start = day.and_time(NaiveTime::MIN).and_utc();
        let x = self.x(start);
        (x, (self.x(start + TimeDelta::days(n_days)) - x).max(1.0))
    }
}

/// The picture as SVG. `macos_budget` are the macOS minutes of a week.
pub fn svg(measure: &Measure, hours: u32, macos_budget: Option<u64>) -> String {
    let axis =
        Axis { from: measure.from, until: measure.from + TimeDelta::hours(hours.max(1).into()) };
    let mut body = String::new();
    let mut y = TOP;
    for (id, of) in &measure.ecosystems {
        ecosystem(&mut body, &axis, (id.as_str(), of), y);
        y += ROW;
    }
    minutes(&mut body, &axis, measure, (macos_budget, y));
    let height = y + ROW + 30.0;
    let days = [axis.from, axis.from + (axis.until - axis.from) / 2, axis.until];
    for (at, anchor) in days.into_iter().zip(["start", "middle", "end"]) {
        let (x, y) = (axis.x(at), height - 10.0);
        let _ = writeln!(
            body,
            r#"<text x="{x:.1}" y="{y:.1}" text-anchor="{anchor}">{}</text>"#,
            at.format("%Y-%m-%d")
        );
    }
    format!(
        r##"<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" font-size="12" fill="#222">
<title>Simulated runs</title>
<rect width="{WIDTH}" height="{height}" fill="#fff"/>
<g><rect x="{LEFT}" y="12" width="12" height="12" fill="#b8c4d6"/><text x="128" y="22">attempts of a day</text>
<rect x="250" y="12" width="12" height="12" fill="#2f6f4f"/><text x="268" y="22">recipes of a day</text>
<rect x="390" y="12" width="12" height="12" fill="#f4c9c3"/><text x="408" y="22">breaker open</text></g>
{body}</svg>
"##
    )
}

#[expect(clippy::cast_precision_loss, reason = "heights of bars")]
fn ecosystem(body: &mut String, axis: &Axis, (id, of): (&str, &OfEcosystem), y: f64) {
    let base = y + BARS;
    for &(from, until) in &of.open {
        let (x, end) = (axis.x(from), axis.x(until));
        rect(body, (x, y, end - x, BARS), "#f4c9c3");
    }
    let most = of.days.values().map(|(attempts, _)| *attempts).max().unwrap_or_default().max(1);
    for (day, (attempts, merged)) in &of.days {
        let (x, width) = axis.of_day(*day, 1);
        for (n, color) in [(attempts, "#b8c4d6"), (merged, "#2f6f4f")] {
            let height = BARS * *n as f64 / most as f64;
            rect(body, (x, base - height, width, height), color);
        }
    }
    label(body, id, &format!("at most {most}"), y);
    line(body, base, "#888");
}

#[expect(clippy::cast_precision_loss, reason = "heights of bars")]
fn minutes(body: &mut String, axis: &Axis, measure: &Measure, (budget, y): (Option<u64>, f64)) {
    let used = measure.weeks.values().map(|minutes| minutes.macos).max().unwrap_or_default();
    let most = used.max(budget.unwrap_or_default()).max(1);
    let height = |n: u64| BARS * n as f64 / most as f64;
    for (monday, minutes) in &measure.weeks {
        let (x, width) = axis.of_day(*monday, 7);
        let height = height(minutes.macos);
        rect(body, (x, y + BARS - height, width - 1.0, height), "#8a6d3b");
    }
    if let Some(budget) = budget {
        line(body, y + BARS - height(budget), "#c0392b");
    }
    let says = budget.map_or(format!("at most {used}"), |budget| format!("budget {budget}"));
    label(body, "macOS minutes", &says, y);
    line(body, y + BARS, "#888");
}

fn rect(body: &mut String, (x, y, width, height): (f64, f64, f64, f64), color: &str) {
    if width > 0.0 && height > 0.0 {
        let _ = writeln!(
            body,
            r#"<rect x="{x:.1}" y="{y:.1}" width="{width:.1}" height="{height:.1}" fill="{color}"/>"#
        );
    }
}

fn line(body: &mut String, y: f64, color: &str) {
    let end = WIDTH - 20.0;
    let _ = writeln!(
        body,
        r#"<line x1="{LEFT}" y1="{y:.1}" x2="{end}" y2="{y:.1}" stroke="{color}"/>"#
    );
}

/// Ecosystem ids and numbers need no escaping.
fn label(body: &mut String, name: &str, says: &str, y: f64) {
    let (first, second) = (y + 24.0, y + 40.0);
    let _ = writeln!(
        body,
        r##"<text x="10" y="{first:.1}">{name}</text><text x="10" y="{second:.1}" font-size="10" fill="#666">{says}</text>"##
    );
}
