//! How often formulae.brew.sh and the bottle store may be asked.

use std::num::NonZeroU32;

use batch_core::{model::Quota, plugin::RateLimit};

use crate::Homebrew;

/// Failures of these speak about this ecosystem.
pub(crate) const HOSTS: &[&str] =
    &["formulae.brew.sh", "ghcr.io", "pkg-containers.githubusercontent.com"];

/// Static files behind a CDN; no limit is published. Must equal what eco-cask declares: one host,
/// one budget.
const API: Quota = Quota {
    concurrency: NonZeroU32::MIN.saturating_add(3),
    ..Quota::each_second("formulae.brew.sh")
};

/// Manifests, tokens and bottles. Undocumented token bucket: its 429s have been seen to ask for less than
/// a second.
const BOTTLES: Quota = Quota {
    burst: NonZeroU32::MIN.saturating_add(3),
    concurrency: NonZeroU32::MIN.saturating_add(3),
    ..Quota::each_second("ghcr.io")
};

/// Where ghcr.io redirects the download of a bottle to.
const BLOBS: Quota = Quota {
    burst: NonZeroU32::MIN.saturating_add(3),
    concurrency: NonZeroU32::MIN.saturating_add(3),
    ..Quota::each_second("pkg-containers.githubusercontent.com")
};

impl RateLimit for Homebrew {
    fn quotas(&self) -> &'static [Quota] {
        &[API, BOTTLES, BLOBS]
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_own_hosts_are_those_that_are_asked() {
        let asked: BTreeSet<_> = Homebrew.quotas().iter().map(|quota| quota.host).collect();
        assert_eq!(asked, HOSTS.iter().copied().collect());
    }
}
