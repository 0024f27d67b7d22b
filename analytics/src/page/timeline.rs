//! When circuit breakers were open: a picture and a table.

use std::collections::BTreeMap;

use batch_core::model::{BreakerTransition, CircuitState, EcosystemId};
use chrono::{DateTime, Utc};

use super::{
    chart::{Chart, Figure, Label, Rect},
    row::Link,
    table::{Cell, Column, ColumnKind as Kind, Row, Table},
};
use crate::{
    records::WINDOW,
    site::Site,
    text::{Text, Timestamp},
};

const OPENINGS: &[Column] = &[
    Column::new("Ecosystem", Kind::Name),
    Column::new("Opened", Kind::Time),
    Column::new("Probes from", Kind::Time),
    Column::new("Closed", Kind::Time),
    Column::new("Why it opened", Kind::Line),
];

/// A time during which a breaker was not closed.
struct Opening<'a> {
    from: DateTime<Utc>,
    /// Its last probe time.
    probes_from: Option<DateTime<Utc>>,
    /// `None` while it lasts.
    to: Option<DateTime<Utc>>,
    reason: &'a str,
}

/// The times at which the breaker of each ecosystem was open.
pub(super) fn breakers(site: &Site<'_>, only: Option<&EcosystemId>) -> Option<Figure> {
    let mut of: BTreeMap<&EcosystemId, Vec<Opening<'_>>> = BTreeMap::new();
    let lines = site.records.transitions.iter().rev();
    for line in lines.filter(|line| only.is_none_or(|id| line.ecosystem == *id)) {
        note(of.entry(&line.ecosystem).or_default(), line);
    }
    of.retain(|_, openings| !openings.is_empty());
    let end = site.data_as_of?.max(site.records.transitions.first()?.at);
    let start = end.checked_sub_signed(WINDOW)?;
    let table = Table {
        id: "openings",
        caption: Text::new("Times at which breakers were open"),
        columns: OPENINGS,
        rows: of
            .iter()
            .flat_map(|(id, them)| them.iter().rev().map(|it| opening(id, it)))
            .collect(),
    };
    (!of.is_empty()).then(|| Figure { chart: timeline(&of, (start, end)), table })
}

fn note<'a>(openings: &mut Vec<Opening<'a>>, line: &'a BreakerTransition) {
    match (line.to, openings.last_mut()) {
        (CircuitState::Open, Some(last)) if last.to.is_none() => {
            last.probes_from = line.next_probe_at;
        }
        (CircuitState::Open, _) => openings.push(Opening {
            from: line.at,
            probes_from: line.next_probe_at,
            to: None,
            reason: &line.reason,
        }),
        (CircuitState::Closed, Some(last)) if last.to.is_none() => last.to = Some(line.at),
        (CircuitState::Closed, _) => {}
    }
}

fn opening(id: &EcosystemId, opening: &Opening<'_>) -> Row {
    Row::from([
        Cell::Link(Link::ecosystem(id)),
        Cell::Time(Timestamp(opening.from)),
        Cell::time(opening.probes_from.map(Timestamp)),
        opening.to.map_or(Cell::text("not yet"), |at| Cell::Time(Timestamp(at))),
        Cell::text(Text::last_line(opening.reason, 200)),
    ])
}

/// Width of the names, and of the time beside them.
const NAMES: u64 = 90;
const TIME: u64 = 630;
const LINE: u64 = 18;

fn timeline(
    of: &BTreeMap<&EcosystemId, Vec<Opening<'_>>>,
    (start, end): (DateTime<Utc>, DateTime<Utc>),
) -> Chart {
    let span = (end - start).num_minutes().max(1);
    let x = |at: DateTime<Utc>| {
        let minutes = (at.clamp(start, end) - start).num_minutes();
        NAMES + u64::try_from(minutes * 630 / span).unwrap_or(0)
    };
    let mut chart = Chart {
        title: "When breakers were open",
        width: NAMES + TIME,
        height: LINE * (of.len() as u64 + 1),
        legend: vec![("c-bad", "open"), ("c-wait", "half open"), ("c-none", "closed")],
        ..Chart::default()
    };
    for (i, (id, openings)) in of.iter().enumerate() {
        let y = LINE * i as u64;
        chart.labels.push(Label { x: 0, y: y + 12, text: Text::new(id.as_str()), anchor: "start" });
        chart.rects.push(rect((NAMES, NAMES + TIME), y, "c-none", format!("{id}: closed")));
        for it in openings.iter().filter(|it| it.to.is_none_or(|to| start <= to)) {
            let to = it.to.unwrap_or(end);
            let half = it.probes_from.unwrap_or(to).clamp(it.from.min(to), to);
            let (from, until) = (Timestamp(it.from), Timestamp(to));
            let title = format!("{id}: open from {from} to {until}");
            chart.rects.push(rect((x(it.from), x(half)), y, "c-bad", title));
            if half < to {
                let title = format!("{id}: half open from {} to {until}", Timestamp(half));
                chart.rects.push(rect((x(half), x(to)), y, "c-wait", title));
            }
        }
    }
    let y = LINE * of.len() as u64 + 12;
    let day = |at: DateTime<Utc>| Text::of(at.date_naive());
    chart.labels.push(Label { x: NAMES, y, text: day(start), anchor: "start" });
    chart.labels.push(Label { x: NAMES + TIME, y, text: day(end), anchor: "end" });
    chart
}

fn rect((from, to): (u64, u64), y: u64, class: &'static str, title: String) -> Rect {
    Rect {
        x: from,
        y: y + 2,
        width: to.saturating_sub(from).max(2),
        height: LINE - 6,
        class,
        title,
    }
}
