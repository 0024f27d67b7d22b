//! Whether several ecosystems stopped working at the same time, which has a cause that they share: the
//! network of the machine, its clock, or a fault of this program.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};

use super::{Code, Reason, reason};
use crate::model::{BreakerTransition, CircuitState, Control, EcosystemId};

/// Breakers that open within this time may have one cause.
const WINDOW: TimeDelta = TimeDelta::hours(2);

/// So many breakers do not open within [`WINDOW`] by chance.
const N_ECOSYSTEMS: usize = 3;

/// The ecosystems that turned unhealthy and have not recovered, according to the log of the breakers,
/// and when their breakers opened.
#[derive(Debug, Clone, Default)]
pub(super) struct Outages(BTreeMap<EcosystemId, DateTime<Utc>>);

impl Outages {
    /// Adds a line of the log. Lines come in their order.
    pub(super) fn add(&mut self, line: &BreakerTransition) {
        match (line.from, line.to) {
            // An operator opens a breaker without any failure as evidence.
            (CircuitState::Closed, CircuitState::Open) if !line.evidence.is_empty() => {
                self.0.insert(line.ecosystem.clone(), line.at);
            }
            (_, CircuitState::Closed) => {
                self.0.remove(&line.ecosystem);
            }
            (_, CircuitState::Open) => (),
        }
    }

    /// The largest group of ecosystems that turned unhealthy together, if it is large enough.
    pub(super) fn reason(&self, control: &Control, now: DateTime<Utc>) -> Option<Reason> {
        let is_out = |id: &EcosystemId| {
            control.breaker(id).open.is_some() && !control.is_stopped_by_itself(id, now)
        };
        let out: Vec<(&EcosystemId, DateTime<Utc>)> =
            self.0.iter().map(|(id, &at)| (id, at)).filter(|(id, _)| is_out(id)).collect();
        let together = |&(_, first): &(&EcosystemId, DateTime<Utc>)| {
            let is_near = |at: DateTime<Utc>| {
                let after = at.signed_duration_since(first);
                TimeDelta::zero() <= after && after <= WINDOW
            };
            let ids = out.iter().filter(|&&(_, at)| is_near(at)).map(|(id, _)| id.as_str());
            (ids.collect::<Vec<_>>(), first)
        };
        let (ids, since) = out.iter().map(together).max_by_key(|(ids, _)| ids.len())?;
        let command = Some("tsuku-batch breaker status".to_owned());
        let is_correlated = N_ECOSYSTEMS <= ids.len();
        is_correlated.then(|| reason(Code::CorrelatedOutage, &ids.join(", "), Some(since), command))
    }
}
