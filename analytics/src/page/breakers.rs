//! The page of the transitions of circuit breakers.

use std::collections::BTreeSet;

use askama::Template;
use batch_core::model::{BreakerTransition, CircuitState};

use super::{
    Page,
    frame::Frame,
    list::{self, Pager},
    row::Link,
};
use crate::{
    path,
    site::Site,
    text::{Text, Timestamp},
};

/// How many failures are listed with a transition.
const N_EVIDENCE: usize = 5;

#[derive(Template)]
#[template(path = "breakers.html")]
struct Breakers {
    frame: Frame,
    pager: Pager,
    rows: Vec<Row>,
}

struct Row {
    at: Timestamp,
    ecosystem: Text,
    from: &'static str,
    to: &'static str,
    next_probe: Option<Timestamp>,
    reason: Text,
    evidence: Vec<Link>,
    n_more: usize,
}

impl Row {
    fn new(transition: &BreakerTransition, known: &BTreeSet<&str>) -> Self {
        let link = |id: &String| Link {
            href: known.get(&**id).map(|id| path::failure(id)).unwrap_or_default(),
            text: Text::last_line(id, 120),
        };
        Self {
            at: Timestamp(transition.at),
            ecosystem: Text::of(&transition.ecosystem),
            from: word(transition.from),
            to: word(transition.to),
            next_probe: transition.next_probe_at.map(Timestamp),
            reason: Text::new(&transition.reason),
            evidence: transition.evidence.iter().take(N_EVIDENCE).map(link).collect(),
            n_more: transition.evidence.len().saturating_sub(N_EVIDENCE),
        }
    }
}

const fn word(state: CircuitState) -> &'static str {
    match state {
        CircuitState::Closed => "closed",
        CircuitState::Open => "open",
    }
}

pub(super) fn build<E>(
    site: &Site<'_>,
    put: &mut impl FnMut(Page) -> Result<(), E>,
) -> Result<(), E> {
    let known: BTreeSet<&str> = site.records.failures.iter().map(|failure| &*failure.id).collect();
    for (path, pager, transitions) in list::pages("breakers", &site.records.transitions) {
        let frame = Frame::live(site, &path, "Breaker log", "Breakers");
        let rows = transitions.iter().map(|transition| Row::new(transition, &known)).collect();
        put(super::page(path, &Breakers { frame, pager, rows }))?;
    }
    Ok(())
}
