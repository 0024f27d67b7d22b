//! What recorded runs needed.

use std::collections::BTreeMap;

use super::{Figure, Needs};
use crate::model::{EcosystemId, RunRecord};

/// Adds what `run`, the record of a run that attempted packages, says about one package. The worst run
/// counts.
pub fn learn(needs: &mut BTreeMap<EcosystemId, Needs>, run: &RunRecord) {
    let Some(ecosystem) = &run.ecosystem else { return };
    if run.total == 0 || run.sweep.is_some() || run.generator.is_empty() {
        return;
    }
    let of = needs.entry(ecosystem.clone()).or_default();
    let figure = |all: u64| {
        let from = format!("recorded in {}", run.batch_id);
        Figure { value: all.div_ceil(run.total), from }
    };
    for (host, usage) in &run.requests {
        let found = figure(usage.sent);
        let known = of.requests.entry(host.clone()).or_insert_with(|| found.clone());
        if known.value < found.value {
            *known = found;
        }
    }
    let found = figure(run.duration_seconds);
    if of.seconds.as_ref().is_none_or(|known| known.value < found.value) {
        of.seconds = Some(found);
    }
}
