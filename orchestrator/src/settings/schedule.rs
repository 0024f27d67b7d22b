//! `[selection]`, `[requests]` and `[plan]`: how much is attempted, how often it is tried, and when.

use std::{collections::BTreeMap, time::Duration};

use batch_core::{
    io::RetryPolicy,
    model::{Bounded, Environment},
};
use serde::Deserialize;

/// `[selection]`: what a run attempts if its command line does not say otherwise.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SelectionSettings {
    /// Maximal number of attempts for each ecosystem.
    pub batch_size: Bounded<1, 500>,
    /// Only packages of this tier and of more important tiers.
    pub tier: Bounded<1, 3>,
}

impl Default for SelectionSettings {
    fn default() -> Self {
        Self { batch_size: Bounded::nearest(10), tier: Bounded::nearest(3) }
    }
}

/// `[requests]`: how a request to a registry is repeated.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RequestSettings {
    /// How many tries follow the first one.
    pub more_tries: Bounded<0, 10>,
    /// The longest wait before the second try. It doubles each time.
    pub first_wait_seconds: Bounded<1, 3_600>,
    /// Upper limit of the doubling.
    pub longest_wait_seconds: Bounded<1, 3_600>,
    /// The longest pause of a host that a request waits for.
    pub patience_seconds: Bounded<0, 3_600>,
}

impl Default for RequestSettings {
    fn default() -> Self {
        let policy = RetryPolicy::default();
        Self {
            more_tries: Bounded::nearest(policy.n_more.into()),
            first_wait_seconds: Bounded::nearest(policy.base.as_secs()),
            longest_wait_seconds: Bounded::nearest(policy.cap.as_secs()),
            patience_seconds: Bounded::nearest(batch_core::io::PATIENCE.as_secs()),
        }
    }
}

impl RequestSettings {
    /// When a request is repeated.
    pub fn retries(self) -> RetryPolicy {
        RetryPolicy {
            n_more: self.more_tries.get_u32(),
            base: Duration::from_secs(self.first_wait_seconds.get()),
            cap: Duration::from_secs(self.longest_wait_seconds.get()),
        }
    }

    /// The longest pause of a host that a request waits for.
    pub fn patience(self) -> Duration {
        Duration::from_secs(self.patience_seconds.get())
    }
}

/// `[plan]`: what the schedule starts, for `config check`. Nothing is started because of it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PlanSettings {
    /// How many runs a day has.
    pub slots_per_day: Bounded<1, 1_440>,
    /// The environments for which there are machines.
    pub environments: Vec<Environment>,
    /// How many requests a package sends to each host, before a run has recorded it.
    pub requests_per_package: BTreeMap<String, Bounded<1, 100_000>>,
}

impl Default for PlanSettings {
    fn default() -> Self {
        Self {
            slots_per_day: Bounded::nearest(24),
            environments: vec![Environment::ALL[0]],
            requests_per_package: BTreeMap::new(),
        }
    }
}
