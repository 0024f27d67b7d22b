//! The request limits of formulae.brew.sh and of the bottle store.

use std::num::NonZeroU32;

use batch_core::{model::Quota, plugin::RateLimit};

use crate::Homebrew;

/// If requests to these hosts fail, the failure concerns this ecosystem.
pub(crate) const HOSTS: &[&str] =
    &["formulae.brew.sh", "ghcr.io", "pkg-containers.githubusercontent.com"];

/// Static files behind a CDN; no limit is published. The quota must equal the one of eco-cask,
/// because both ask the same host.
const API: Quota = Quota {
    concurrency: NonZeroU32::MIN.saturating_add(3),
    ..Quota::each_second("formulae.brew.sh")
};

/// Manifests, tokens and bottles. The limit is not documented; answers 429 have requested waits of
/// less than a second.
const BOTTLES: Quota = Quota {
    burst: NonZeroU32::MIN.saturating_add(3),
    concurrency: NonZeroU32::MIN.saturating_add(3),
    ..Quota::each_second("ghcr.io")
};

/// The host to which ghcr.io redirects downloads of bottles.
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
    fn the_declared_hosts_are_those_of_the_requests() {
        let asked: BTreeSet<_> = Homebrew.quotas().iter().map(|quota| quota.host).collect();
        assert_eq!(asked, HOSTS.iter().copied().collect());
    }
}
