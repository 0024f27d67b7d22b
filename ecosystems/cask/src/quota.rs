//! How often formulae.brew.sh may be asked.

use std::num::NonZeroU32;

use batch_core::{model::Quota, plugin::RateLimit};

use crate::Cask;

/// Failures of these speak about this ecosystem.
pub(crate) const HOSTS: &[&str] = &["formulae.brew.sh"];

/// Static files behind a CDN; no limit is published. Must equal what eco-homebrew declares: one host,
/// one budget.
/// The vendors' own hosts are asked by recipes, not by us.
const API: Quota = Quota {
    concurrency: NonZeroU32::MIN.saturating_add(3),
    ..Quota::each_second("formulae.brew.sh")
};

impl RateLimit for Cask {
    fn quotas(&self) -> &'static [Quota] {
        &[API]
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_own_hosts_are_those_that_are_asked() {
        let asked: BTreeSet<_> = Cask.quotas().iter().map(|quota| quota.host).collect();
        assert_eq!(asked, HOSTS.iter().copied().collect());
    }
}
