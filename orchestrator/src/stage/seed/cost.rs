//! What a full seeding costs: arithmetic over what plugins declare.

use std::{collections::BTreeMap, time::Duration};

use batch_core::{
    model::Quota,
    plugin::{Seeder, Shape},
};
use schemars::JsonSchema;
use serde::Serialize;
use url::Url;

/// Of reading every source of one ecosystem once, and of asking about every candidate of unknown
/// commands.
#[derive(Debug, Clone, Default, PartialEq, Serialize, JsonSchema)]
pub struct Cost {
    /// One for each budget that is drawn on.
    pub buckets: Vec<Bucket>,
    /// Requests in all.
    pub requests: u64,
    /// Of the slowest bucket: hosts are asked side by side.
    pub minutes: f64,
    /// Runs that it takes at least, where a source limits the requests of one.
    pub runs: u64,
}

/// What is asked within one quota.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Bucket {
    /// Host and path prefix.
    pub place: String,
    /// For lists: one for each file or page.
    pub for_lists: u64,
    /// For candidates.
    pub for_candidates: u64,
    /// Mean time between two requests, in seconds.
    pub seconds_each: f64,
    /// Requests in one run, where that is limited.
    pub most_per_run: Option<u32>,
    /// All of them one after the other, in minutes.
    pub minutes: f64,
}

/// The cost at `quotas`, of which several may be for one place. `total` is how many candidates a
/// source is known to list; where nobody knows, the plugin's own estimate is taken.
pub fn cost(seeder: &dyn Seeder, quotas: &[Quota], total: &dyn Fn(&str) -> Option<usize>) -> Cost {
    let quotas = by_place(quotas);
    // By place of the quota: requests for lists, and for candidates.
    let mut asked: BTreeMap<Place, (u64, u64)> = BTreeMap::new();
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
type Place = (&'static str, &'static str);

/// What is kept to at each place: plugins that declare the same one share its budget.
fn by_place(quotas: &[Quota]) -> BTreeMap<Place, Quota> {
    let mut by_place: BTreeMap<Place, Quota> = BTreeMap::new();
    for &quota in quotas {
        let place = by_place.entry((quota.host, quota.path_prefix));
        place.and_modify(|known| *known = known.stricter(quota)).or_insert(quota);
    }
    by_place
}

fn bucket(quota: &Quota, for_lists: u64, for_candidates: u64) -> Bucket {
    let n_requests = u32::try_from(for_lists + for_candidates).unwrap_or(u32::MAX);
    // What a burst lets through at once does not wait.
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

/// The place on whose quota a request to `url` draws: the longest prefix decides.
fn covering(quotas: &BTreeMap<Place, Quota>, url: &str) -> Option<Place> {
    let url = Url::parse(url).ok()?;
    let is_covered = |(host, path_prefix): &&Place| {
        url.host_str() == Some(*host) && url.path().starts_with(path_prefix)
    };
    quotas.keys().filter(is_covered).max_by_key(|(_, path_prefix)| path_prefix.len()).copied()
}
