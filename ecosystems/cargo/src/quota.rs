//! The request limits of crates.io.

use std::{num::NonZeroU32, time::Duration};

use batch_core::{model::Quota, plugin::RateLimit};

use crate::Cargo;

/// If requests to these hosts fail, the failure concerns this ecosystem.
pub(crate) const HOSTS: &[&str] = &[API_HOST, INDEX_HOST, "static.crates.io"];
pub(crate) const API_HOST: &str = "crates.io";
pub(crate) const INDEX_HOST: &str = "index.crates.io";

/// The policy is one request a second (<https://crates.io/data-access>). After 600 requests in ten
/// minutes an address is blocked for five minutes, without `Retry-After`.
const API: Quota = Quota {
    period: Duration::from_millis(1100),
    retry_floor: Duration::from_secs(300),
    ..Quota::each_second(API_HOST).for_seeding()
};

/// The data access policy of the index and of downloads says "No rate limits".
const INDEX: Quota = Quota {
    period: Duration::from_millis(100),
    burst: NonZeroU32::MIN.saturating_add(19),
    concurrency: NonZeroU32::MIN.saturating_add(3),
    ..Quota::each_second(INDEX_HOST)
};

/// Crates and the daily database dump.
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
    fn the_declared_hosts_are_those_of_the_requests() {
        let asked: BTreeSet<_> = Cargo.quotas().iter().map(|quota| quota.host).collect();
        assert_eq!(asked, HOSTS.iter().copied().collect());
    }
}
