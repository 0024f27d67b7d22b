//! The request limits of the registry's hosts.

use std::{num::NonZeroU32, time::Duration};

use batch_core::{
    model::{Purpose, Quota},
    plugin::RateLimit,
};

use crate::Npm;

/// The registry: metadata and tarballs.
pub(crate) const HOST: &str = "registry.npmjs.org";

const REGISTRY: Quota =
    Quota { concurrency: NonZeroU32::MIN.saturating_add(3), ..Quota::each_second(HOST) };

/// The search is not documented and is limited strictly: after about ten requests the address is
/// blocked for longer than the answered `retry-after: 0`.
const SEARCH: Quota = Quota {
    path_prefix: "/-/v1/search",
    period: Duration::from_secs(10),
    concurrency: NonZeroU32::MIN,
    max_per_run: Some(8),
    retry_floor: Duration::from_secs(600),
    purpose: Purpose::Seeding,
    ..REGISTRY
};

impl RateLimit for Npm {
    fn quotas(&self) -> &'static [Quota] {
        &[REGISTRY, SEARCH]
    }
}
