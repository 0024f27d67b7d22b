//! The request limits of module proxy, index and pkg.go.dev.

use std::{num::NonZeroU32, time::Duration};

use batch_core::{model::Quota, plugin::RateLimit};

use crate::Go;

/// The host of the module proxy.
pub(crate) const PROXY_HOST: &str = "proxy.golang.org";
/// If requests to these hosts fail, the failure concerns this ecosystem.
pub(crate) const HOSTS: &[&str] =
    &[PROXY_HOST, "index.golang.org", "pkg.go.dev", "api.deps.dev", FORMULAE_HOST];
/// The host of the data about popular commands.
pub(crate) const FORMULAE_HOST: &str = "formulae.brew.sh";

/// The operator mentions "own abuse prevention", without numbers.
const PROXY: Quota = Quota {
    burst: NonZeroU32::MIN.saturating_add(3),
    concurrency: NonZeroU32::MIN.saturating_add(3),
    ..Quota::each_second(PROXY_HOST)
};

/// Undocumented.
const INDEX: Quota = Quota::each_second("index.golang.org").for_seeding();

/// 45 requests a second for each block of addresses, which may be shared with strangers (pkgsite,
/// `static/frontend/api/api.tmpl`).
const SITE: Quota = Quota {
    period: Duration::from_millis(500),
    burst: NonZeroU32::MIN.saturating_add(3),
    concurrency: NonZeroU32::MIN.saturating_add(3),
    ..Quota::each_second("pkg.go.dev").for_seeding()
};

/// No number is published (<https://docs.deps.dev/api/>).
const DEPS: Quota = Quota::each_second("api.deps.dev").for_seeding();

/// Static files behind a CDN; no limit is published. The budget is shared with the plugins whose
/// registry this is.
const FORMULAE: Quota = Quota {
    concurrency: NonZeroU32::MIN.saturating_add(3),
    ..Quota::each_second(FORMULAE_HOST).for_seeding()
};

impl RateLimit for Go {
    fn quotas(&self) -> &'static [Quota] {
        &[PROXY, INDEX, SITE, DEPS, FORMULAE]
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_declared_hosts_are_those_of_the_requests() {
        let asked: BTreeSet<_> = Go.quotas().iter().map(|quota| quota.host).collect();
        assert_eq!(asked, HOSTS.iter().copied().collect());
    }
}
