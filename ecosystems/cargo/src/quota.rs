//! How often crates.io may be asked.

use std::{num::NonZeroU32, time::Duration};

use batch_core::{model::Quota, plugin::RateLimit};

use crate::Cargo;

/// Failures of these speak about this ecosystem.
pub(crate) const HOSTS: &[&str] = &[API_HOST, INDEX_HOST, "static.crates.io"];
pub(crate) const API_HOST: &str = "crates.io";
pub(crate) const INDEX_HOST: &str = "index.crates.io";

/// One request a second is the policy (<https://crates.io/data-access>); 600 in ten minutes from one
/// address are blocked for five, without `Retry-After`.
const API: Quota = Quota {
    period: Duration::from_millis(1100),
    retry_floor: Duration::from_secs(300),
    ..Quota::each_second(API_HOST)
};

/// "No rate limits", says the data access policy of index and downloads.
const INDEX: Quota = Quota {
    period: Duration::from_millis(100),
    burst: NonZeroU32::MIN.saturating_add(19),
    concurrency: NonZeroU32::MIN.saturating_add(3),
    ..Quota::each_second(INDEX_HOST)
};

/// Crates, and the daily dump.
const DOWNLOADS: Quota = Quota {
    period: Duration::from_millis(200),
    burst: NonZeroU32::MIN.saturating_add(4),
    concurrency: NonZeroU32::MIN.saturating_add(3),
    ..Quota::each_second("static.crates.io")
};

impl RateLimit for Cargo {
    fn quotas(&self) -> &'static [Quota] {
        &[API, INDEX, DOWNLOADS]
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_own_hosts_are_those_that_are_asked() {
        let asked: BTreeSet<_> = Cargo.quotas().iter().map(|quota| quota.host).collect();
        assert_eq!(asked, HOSTS.iter().copied().collect());
    }
}
