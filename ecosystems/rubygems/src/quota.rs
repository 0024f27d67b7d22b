//! The request limits of rubygems.org.

use std::{num::NonZeroU32, time::Duration};

use batch_core::{model::Quota, plugin::RateLimit};

use crate::RubyGems;

/// If requests to these hosts fail, the failure concerns this ecosystem.
pub(crate) const HOSTS: &[&str] = &["rubygems.org", DUMPS_HOST];
/// The host of the site's weekly dumps.
pub(crate) const DUMPS_HOST: &str = "s3-us-west-2.amazonaws.com";

/// Pages and everything without a quota of its own: 300 requests a minute are permitted.
const SITE: Quota = Quota::each_second("rubygems.org");

/// Ten requests a second are documented (<https://guides.rubygems.org/rubygems-org-rate-limits/>);
/// half of them are used.
const API: Quota = Quota {
    path_prefix: "/api/",
    period: Duration::from_millis(200),
    burst: NonZeroU32::MIN.saturating_add(4),
    concurrency: NonZeroU32::MIN.saturating_add(3),
    ..Quota::each_second("rubygems.org")
};

/// The server's own configuration lets 100 a minute through, without saying so.
const SEARCH: Quota =
    Quota { path_prefix: "/api/v1/search", ..Quota::each_second("rubygems.org").for_seeding() };

/// The same limit as [`SEARCH`].
const VERSIONS: Quota = Quota { path_prefix: "/versions", ..Quota::each_second("rubygems.org") };

/// Served by a CDN; no limit is published.
const GEMS: Quota = Quota {
    path_prefix: "/gems/",
    period: Duration::from_millis(334),
    concurrency: NonZeroU32::MIN.saturating_add(3),
    ..Quota::each_second("rubygems.org")
};

/// The compact index, one file for each gem. The server does not limit it.
const INFO: Quota = Quota {
    path_prefix: "/info/",
    period: Duration::from_millis(334),
    concurrency: NonZeroU32::MIN.saturating_add(3),
    ..Quota::each_second("rubygems.org")
};

/// A list, and one file a week: once a second is plenty.
const DUMPS: Quota =
    Quota { path_prefix: "/rubygems-dumps/", ..Quota::each_second(DUMPS_HOST).for_seeding() };

impl RateLimit for RubyGems {
    fn quotas(&self) -> &'static [Quota] {
        &[SITE, API, SEARCH, VERSIONS, GEMS, INFO, DUMPS]
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_declared_hosts_are_those_of_the_requests() {
        let asked: BTreeSet<_> = RubyGems.quotas().iter().map(|quota| quota.host).collect();
        assert_eq!(asked, HOSTS.iter().copied().collect());
    }
}
