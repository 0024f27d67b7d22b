//! How often formulae.brew.sh may be asked.

use std::num::NonZeroU32;

use batch_core::{model::Quota, plugin::RateLimit};

use crate::Cask;

/// If requests to these hosts fail, the failure concerns this ecosystem.
pub(crate) const HOSTS: &[&str] = &["formulae.brew.sh"];

/// Static files behind a CDN; no limit is published. The quota must equal the one of eco-homebrew,
/// because both ask the same host. The vendors' hosts are only contacted by recipes.
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
    fn the_declared_hosts_are_those_of_the_requests() {
        let asked: BTreeSet<_> = Cask.quotas().iter().map(|quota| quota.host).collect();
        assert_eq!(asked, HOSTS.iter().copied().collect());
    }
}
