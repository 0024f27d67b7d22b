//! The request limits of PyPI.

use std::{num::NonZeroU32, time::Duration};

use batch_core::{model::Quota, plugin::RateLimit};

use crate::Pypi;

/// If requests to these hosts fail, the failure concerns this ecosystem.
pub(crate) const HOSTS: &[&str] = &[API_HOST, FILES_HOST, TOP_HOST];
pub(crate) const API_HOST: &str = "pypi.org";
pub(crate) const TOP_HOST: &str = "hugovk.dev";
pub(crate) const FILES_HOST: &str = "files.pythonhosted.org";

/// JSON and simple index. There is no fixed limit, but requests should be made one after the other
/// (<https://docs.pypi.org/api/>).
const API: Quota = Quota::each_second(API_HOST);

/// Wheels, read by ranges. A CDN; no limit is published.
const FILES: Quota = Quota {
    period: Duration::from_millis(500),
    concurrency: NonZeroU32::MIN.saturating_add(3),
    ..Quota::each_second(FILES_HOST)
};

/// A static file that changes monthly.
const TOP_LIST: Quota = Quota {
    path_prefix: "/top-pypi-packages/",
    max_per_run: Some(1),
    retry_floor: Duration::from_secs(600),
    ..Quota::each_second(TOP_HOST).for_seeding()
};

impl RateLimit for Pypi {
    fn quotas(&self) -> &'static [Quota] {
        &[API, FILES, TOP_LIST]
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_declared_hosts_are_those_of_the_requests() {
        let asked: BTreeSet<_> = Pypi.quotas().iter().map(|quota| quota.host).collect();
        assert_eq!(asked, HOSTS.iter().copied().collect());
    }
}
