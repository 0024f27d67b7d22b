//! The page of the transitions of circuit breakers.

use batch_core::model::{BreakerTransition, CircuitState};

use super::{
    Page,
    list::{self, List},
    row::Link,
    table::{Cell, Column, ColumnKind as Kind, Row},
};
use crate::{
    path,
    site::Site,
    text::{Text, Timestamp},
};

/// How many failures are listed with a transition.
const N_EVIDENCE: usize = 5;

const COLUMNS: &[Column] = &[
    Column::keyed("time", "Time", Kind::Time),
    Column::keyed("ecosystem", "Ecosystem", Kind::Choice),
    Column::new("From", Kind::Other),
    Column::keyed("to", "To", Kind::Status),
    Column::new("Probes next", Kind::Time),
    Column::new("Why", Kind::Line),
    Column::new("Evidence", Kind::Other),
];

fn row(site: &Site<'_>, transition: &BreakerTransition) -> Row {
    let link = |id: &String| {
        let href = if site.has_failure(id) { path::failure(id) } else { String::new() };
        Link { href, text: Text::last_line(id, 120) }
    };
    let evidence: Vec<Link> = transition.evidence.iter().take(N_EVIDENCE).map(link).collect();
    let n_more = transition.evidence.len().saturating_sub(N_EVIDENCE);
    let more = if n_more > 0 { format!("{n_more} more and ") } else { String::new() };
    Row::from([
        Cell::Time(Timestamp(transition.at)),
        Cell::Link(Link::ecosystem(&transition.ecosystem)),
        Cell::Word(word(transition.from)),
        Cell::Word(word(transition.to)),
        Cell::time(transition.next_probe_at.map(Timestamp)),
        Cell::text(&transition.reason),
        Cell::Links(Text::new(&more), evidence),
    ])
}

const fn word(state: CircuitState) -> &'static str {
    match state {
        CircuitState::Closed => "closed",
        CircuitState::Open => "open",
    }
}

pub(super) fn build(site: &Site<'_>) -> Vec<Page> {
    let list = List {
        stem: "breakers".to_owned(),
        title: "Breaker log".to_owned(),
        section: "Ecosystems",
        intro: Text::new(
            "Every change of a circuit breaker, newest first. An open breaker attempts nothing; a \
             half-open one lets a few probes through.",
        ),
        empty: "No change of a breaker is recorded.",
        columns: COLUMNS,
        rows: site.records.transitions.iter().map(|it| row(site, it)).collect(),
        ..List::default()
    };
    list::write(site, list)
}
