//! Pictures: rectangles and labels, drawn as SVG without any style of their own, so that colours
//! follow the style sheet. Each stands beside a table with the same numbers.

use std::collections::BTreeMap;

use askama::Template;
use chrono::{Datelike as _, NaiveDate, TimeDelta};

use super::table::{Cell, Column, ColumnKind as Kind, Row, Table, TableView};
use crate::{path, site::Site, text::Text};

/// A picture in units of its own.
#[derive(Default)]
pub(super) struct Chart {
    pub(super) title: &'static str,
    pub(super) width: u64,
    pub(super) height: u64,
    pub(super) rects: Vec<Rect>,
    pub(super) labels: Vec<Label>,
    /// Class and meaning of the colours.
    pub(super) legend: Vec<(&'static str, &'static str)>,
}

pub(super) struct Rect {
    pub(super) x: u64,
    pub(super) y: u64,
    pub(super) width: u64,
    pub(super) height: u64,
    pub(super) class: &'static str,
    /// What a reader is told about it.
    pub(super) title: String,
}

pub(super) struct Label {
    pub(super) x: u64,
    pub(super) y: u64,
    pub(super) text: Text,
    /// `start`, `middle` or `end`.
    pub(super) anchor: &'static str,
}

/// A picture with its table.
pub(super) struct Figure {
    pub(super) chart: Chart,
    pub(super) table: Table,
}

impl Figure {
    pub(super) fn view(&self, root: &'static str) -> FigureView<'_> {
        FigureView { chart: &self.chart, table: self.table.view(root) }
    }
}

/// A picture and its table on a page.
#[derive(Template)]
#[template(path = "figure.html")]
pub(super) struct FigureView<'f> {
    chart: &'f Chart,
    table: TableView<'f>,
}

/// Its template escapes what it prints.
impl askama::filters::HtmlSafe for FigureView<'_> {}

/// Height of the bars, and the space of the labels below them.
const BARS: u64 = 90;
const BELOW: u64 = 18;

/// Days in a picture.
const N_DAYS: u64 = 90;

/// The numbers of one day or week, one for each colour.
type Column4 = [u64; 4];

/// A chart of stacked bars: one for each of `bars`, which have the same width.
fn stacked(
    title: &'static str,
    legend: &[(&'static str, &'static str); 4],
    bars: &[(String, Column4)],
) -> Chart {
    let width = 720 / u64::try_from(bars.len().max(1)).unwrap_or(1);
    let width = width.clamp(8, 40);
    let top = bars.iter().map(|(_, parts)| parts.iter().sum()).max().unwrap_or(0).max(1);
    let mut chart = Chart {
        title,
        width: width * bars.len() as u64,
        height: BARS + BELOW,
        legend: legend.to_vec(),
        ..Chart::default()
    };
    for (i, (name, parts)) in bars.iter().enumerate() {
        let x = width * i as u64;
        let mut y = BARS;
        for (&n, (class, word)) in parts.iter().zip(legend) {
            // A number that is not 0 is seen.
            let height = if n == 0 { 0 } else { (n * BARS / top).max(2).min(y) };
            y -= height;
            if height > 0 {
                let title = format!("{name}: {n} {word}");
                chart.rects.push(Rect { x, y, width: width - 2, height, class, title });
            }
        }
    }
    let ends = [(0, "start", bars.first()), (chart.width, "end", bars.last())];
    for (x, anchor, bar) in ends {
        if let Some((name, _)) = bar {
            chart.labels.push(Label { x, y: BARS + BELOW - 4, text: Text::new(name), anchor });
        }
    }
    chart
}

const DAYS: &[Column] = &[
    Column::new("Day", Kind::Name),
    Column::new("Runs", Kind::Number),
    Column::new("Verified", Kind::Number),
    Column::new("Failed", Kind::Number),
    Column::new("Blocked", Kind::Number),
    Column::new("Merged", Kind::Number),
    Column::new("Failure records", Kind::Number),
];

#[derive(Default)]
struct Day {
    n_runs: u64,
    verified: u64,
    failed: u64,
    blocked: u64,
    merged: u64,
    n_failures: usize,
}

/// How the attempts of each day ended.
pub(super) fn outcomes(site: &Site<'_>) -> Option<Figure> {
    let mut days: BTreeMap<NaiveDate, Day> = BTreeMap::new();
    for run in &site.records.runs {
        let day = days.entry(run.timestamp.date_naive()).or_default();
        day.n_runs += 1;
        day.verified += run.succeeded;
        day.failed += run.failed;
        day.blocked += run.blocked;
        day.merged += run.merged;
    }
    for failure in &site.records.failures {
        days.entry(failure.timestamp.date_naive()).or_default().n_failures += 1;
    }
    let (&last, _) = days.last_key_value()?;
    // Every day has a bar, so that a day without runs is a gap.
    let n = days.first_key_value().map_or(0, |(&first, _)| (last - first).num_days());
    let n = u64::try_from(n).unwrap_or(0).min(N_DAYS - 1);
    let first = last.checked_sub_days(chrono::Days::new(n))?;
    let bar = |day: NaiveDate| {
        let parts = days.get(&day).map_or([0; 4], |it| [it.verified, it.failed, it.blocked, 0]);
        (day.to_string(), parts)
    };
    let bars: Vec<_> = first.iter_days().take_while(|day| *day <= last).map(bar).collect();
    let legend =
        [("c-good", "verified"), ("c-bad", "failed"), ("c-wait", "blocked"), ("c-none", "")];
    let row = |(day, it): (&NaiveDate, &Day)| {
        Row::from([
            Cell::of(day),
            Cell::Number(it.n_runs),
            Cell::Number(it.verified),
            Cell::Number(it.failed),
            Cell::Number(it.blocked),
            Cell::Number(it.merged),
            Cell::count(it.n_failures, path::list(&path::day(*day), 1)),
        ])
    };
    let table = Table {
        id: "days",
        caption: Text::new("Outcomes per day"),
        columns: DAYS,
        rows: days.iter().rev().map(row).collect(),
    };
    Some(Figure { chart: stacked("Outcomes per day", &legend, &bars), table })
}

const WEEKS: &[Column] = &[
    Column::new("Week from", Kind::Name),
    Column::new("Linux, spent", Kind::Number),
    Column::new("macOS, spent", Kind::Number),
    Column::new("Linux, saved", Kind::Number),
    Column::new("macOS, saved", Kind::Number),
];

/// Minutes that the validation took and that the ladder saved, by ISO week; `None` if no run says
/// anything about minutes.
pub(super) fn minutes(site: &Site<'_>) -> Option<Figure> {
    let mut weeks: BTreeMap<NaiveDate, Column4> = BTreeMap::new();
    for run in &site.records.runs {
        let day = run.timestamp.date_naive();
        let monday = day - TimeDelta::days(i64::from(day.weekday().num_days_from_monday()));
        let (spent, saved) = (run.minutes, run.minutes_saved);
        let week = weeks.entry(monday).or_default();
        for (sum, n) in week.iter_mut().zip([spent.linux, spent.macos, saved.linux, saved.macos]) {
            *sum += n;
        }
    }
    if weeks.values().all(|week| *week == [0; 4]) {
        return None;
    }
    let legend = [
        ("c-blue", "minutes on Linux"),
        ("c-bad", "minutes on macOS"),
        ("c-good", "minutes saved on Linux"),
        ("c-wait", "minutes saved on macOS"),
    ];
    let bars: Vec<_> = weeks.iter().map(|(monday, week)| (monday.to_string(), *week)).collect();
    let row = |(monday, week): (&NaiveDate, &Column4)| {
        let cells = std::iter::once(Cell::of(monday));
        Row::from(cells.chain(week.iter().map(|n| Cell::Number(*n))).collect::<Vec<_>>())
    };
    let table = Table {
        id: "weeks",
        caption: Text::new("Minutes of validation per week"),
        columns: WEEKS,
        rows: weeks.iter().rev().map(row).collect(),
    };
    Some(Figure { chart: stacked("Minutes of validation per week", &legend, &bars), table })
}
