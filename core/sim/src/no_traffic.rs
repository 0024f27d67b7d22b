//! A network that nobody asks.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use batch_core::{io::Traffic, model::HostUsage};

/// Traffic of a run that asks nobody: its generator and validator need no network.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoTraffic;

impl Traffic for NoTraffic {
    fn resume(&self, _pauses: &BTreeMap<String, DateTime<Utc>>) {}

    fn usage(&self) -> BTreeMap<String, HostUsage> {
        BTreeMap::new()
    }

    fn pauses(&self) -> BTreeMap<String, DateTime<Utc>> {
        BTreeMap::new()
    }
}
