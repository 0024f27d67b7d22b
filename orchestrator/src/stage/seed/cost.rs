//! Computes the cost of a full seeding from the declarations of plugins.

use std::{collections::BTreeMap, time::Duration};

use batch_core::{
    model::Quota,
    plugin::{Seeder, Shape},
};
use schemars::JsonSchema;
use serde::Serialize;
use url::Url;

/// The cost of reading all sources of one ecosystem once, and of asking about all candidates whose
/// commands are unknown.
#[derive(Debug, Clone, Default, PartialEq, Serialize, JsonSchema)]
pub struct Cost {
    /// One entry for each quota that is used.
    pub buckets: Vec<Bucket>,
    /// Number of all requests.
    pub requests: u64,
    /// The time for the slowest quota in minutes. Hosts are asked at the same time.
    pub minutes: f64,
    /// The least number of runs, if the requests of one run are limited.
    pub runs: u64,
}

/// The requests within one quota.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Bucket {
    /// Host and path prefix.
    pub place: String,
    /// Requests for lists: one for each file or page.
    pub for_lists: u64,
    /// Requests about candidates.
    pub for_candidates: u64,
    /// Mean time between two requests, in seconds.
    pub seconds_each: f64,
    /// Maximal number of requests in one run, if there is a limit.
    pub most_per_run: Option<u32>,
    /// The time for all of them in minutes.
    pub minutes: f64,
}

/// The cost with `quotas`, several of which may have the same host and path. `total` returns how
/// many candidates a source is known to have. If that is unknown, the plugin's estimate is used.
pub fn cost(seeder: &dyn Seeder, quotas: &[Quota], total: &dyn Fn(&str) -> Option<usize>) -> Cost {
    let quotas = by_host_and_prefix(quotas);
    // By quota: requests for lists, and requests about candidates.
    let mut asked: BTreeMap<HostAndPrefix, (u64, u64)> = BTreeMap::new();
    let mut ask = |url: &str, for_lists: u64, for_candidates: u64| {
        if let Some(place) = covering(&quotas, url) {
            let (lists, candidates) = asked.entry(place).or_default();
            *lists += for_lists;
            *candidates += for_candidates;
        }
    };
    for source in seeder.sources() {
        let known = total(source.name).and_then(|total| u64::try_from(total).ok());
        let listed = known.unwrap_or(source.about.into());
        match source.shape {
            Shape::Files(urls) => urls.iter().for_each(|url| ask(url, 1, 0)),
            Shape::Pages(of) => ask(source.url, listed.div_ceil(of.max(1).into()), 0),
        }
        source.per_candidate.iter().for_each(|url| ask(url, 0, listed));
    }
    let asked = asked.into_iter();
    let buckets: Vec<Bucket> = asked
        .map(|(place, (lists, candidates))| bucket(&quotas[&place], lists, candidates))
        .collect();
    Cost {
        requests: buckets.iter().map(|bucket| bucket.for_lists + bucket.for_candidates).sum(),
        minutes: buckets.iter().map(|bucket| bucket.minutes).fold(0.0, f64::max),
        runs: buckets.iter().map(runs).max().unwrap_or(1),
        buckets,
    }
}

/// Host and path prefix.
type HostAndPrefix = (&'static str, &'static str);

/// The quota that applies at each host and path. Plugins that declare the same one share it.
fn by_host_and_prefix(quotas: &[Quota]) -> BTreeMap<HostAndPrefix, Quota> {
    let mut by_host_and_prefix: BTreeMap<HostAndPrefix, Quota> = BTreeMap::new();
    for &quota in quotas {
        let place = by_host_and_prefix.entry((quota.host, quota.path_prefix));
        place.and_modify(|known| *known = known.stricter(quota)).or_insert(quota);
    }
    by_host_and_prefix
}

fn bucket(quota: &Quota, for_lists: u64, for_candidates: u64) -> Bucket {
    let n_requests = u32::try_from(for_lists + for_candidates).unwrap_or(u32::MAX);
    // The requests of a burst do not wait.
    let waits = n_requests.saturating_sub(quota.burst.get());
    let time: Duration = quota.period.saturating_mul(waits);
    Bucket {
        place: format!("{}{}", quota.host, quota.path_prefix),
        for_lists,
        for_candidates,
        seconds_each: quota.period.as_secs_f64(),
        most_per_run: quota.max_per_run,
        minutes: time.as_secs_f64() / 60.0,
    }
}

fn runs(bucket: &Bucket) -> u64 {
    let n_requests = bucket.for_lists + bucket.for_candidates;
    bucket.most_per_run.map_or(1, |most| n_requests.div_ceil(most.max(1).into()))
}

/// The host and path whose quota covers a request to `url`. The longest prefix decides.
fn covering(quotas: &BTreeMap<HostAndPrefix, Quota>, url: &str) -> Option<HostAndPrefix> {
    let url = Url::parse(url).ok()?;
    let is_covered = |(host, path_prefix): &&HostAndPrefix| {
        url.host_str() == Some(*host) && url.path().starts_with(path_prefix)
    };
    quotas.keys().filter(is_covered).max_by_key(|(_, path_prefix)| path_prefix.len()).copied()
}
