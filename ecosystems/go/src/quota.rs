//! How often module proxy, index and pkg.go.dev may be asked.

use std::{num::NonZeroU32, time::Duration};

use batch_core::{model::Quota, plugin::RateLimit};

use crate::Go;

/// What modules are asked for at.
pub(crate) const PROXY_HOST: &str = "proxy.golang.org";
/// Failures of these speak about this ecosystem.
pub(crate) const HOSTS: &[&str] =
    &[PROXY_HOST, "index.golang.org", "pkg.go.dev", "api.deps.dev", FORMULAE_HOST];
/// Where popular commands are found.
pub(crate) const FORMULAE_HOST: &str = "formulae.brew.sh";

/// "Own abuse prevention", without numbers.
const PROXY: Quota = Quota {
    burst: NonZeroU32::MIN.saturating_add(3),
    concurrency: NonZeroU32::MIN.saturating_add(3),
    ..Quota::each_second(PROXY_HOST)
};

/// Undocumented.
const INDEX: Quota = Quota::each_second("index.golang.org");

/// 45 a second for each block of addresses, so strangers count too (pkgsite,
/// `static/frontend/api/api.tmpl`).
const SITE: Quota = Quota {
    period: Duration::from_millis(500),
    burst: NonZeroU32::MIN.saturating_add(3),
    concurrency: NonZeroU32::MIN.saturating_add(3),
    ..Quota::each_second("pkg.go.dev")
};

/// No number is published (<https://docs.deps.dev/api/>).
const DEPS: Quota = Quota::each_second("api.deps.dev");

/// Static files behind a CDN; no limit is published. The budget is shared with the plugins whose
/// registry this is.
const FORMULAE: Quota =
    Quota { concurrency: NonZeroU32::MIN.saturating_add(3), ..Quota::each_second(FORMULAE_HOST) };

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
    fn the_own_hosts_are_those_that_are_asked() {
        let asked: BTreeSet<_> = Go.quotas().iter().map(|quota| quota.host).collect();
        assert_eq!(asked, HOSTS.iter().copied().collect());
    }
}
