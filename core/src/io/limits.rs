//! What a configuration may change about quotas: it may lower the rate for a registry, and raise it
//! only for a mirror on this machine.

use std::{collections::BTreeMap, num::NonZeroU32, time::Duration};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    io::Origins,
    model::{Bounded, Quota},
};

/// One entry of `[limits]`. Absent fields keep the values that the plugin declares.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Limit {
    /// The mean time between two requests in milliseconds; at most a day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub period_ms: Option<Bounded<1, 86_400_000>>,
    /// How many requests may follow each other immediately after a pause.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub burst: Option<Bounded<1, 1_000_000>>,
    /// How many requests may be in progress at the same time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub concurrency: Option<Bounded<1, 1_000>>,
    /// How many requests one run may make.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_per_run: Option<Bounded<0, 1_000_000_000>>,
}

/// An entry of `[limits]` that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("[limits] {entry:?} {kind}")]
pub struct LimitError {
    /// The name of the entry in the configuration.
    pub entry: String,
    /// Why.
    pub kind: LimitErrorKind,
}

/// Why an entry of `[limits]` cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the messages say it")]
pub enum LimitErrorKind {
    #[error("is not a declared host and path; these are declared: {}", known.join(", "))]
    Unknown { known: Vec<String> },
    #[error(
        "raises {field} above the value that the plugin declares; this is allowed only for hosts with a mirror on this machine in [origins]"
    )]
    Raised { field: &'static str },
}

/// `quotas` with the changes in `limits`. An entry is named by host and path prefix, as in
/// `"api.example/search"`. The host alone means its prefix `/`.
pub fn limited(
    quotas: impl IntoIterator<Item = Quota>,
    limits: &BTreeMap<String, Limit>,
    origins: &Origins,
) -> Result<Vec<Quota>, LimitError> {
    let mut quotas: Vec<Quota> = quotas.into_iter().collect();
    for (entry, limit) in limits {
        let of_entry = |kind| LimitError { entry: entry.clone(), kind };
        let place = if entry.contains('/') { entry.clone() } else { format!("{entry}/") };
        let mut is_known = false;
        for quota in quotas.iter_mut().filter(|quota| name(quota) == place) {
            is_known = true;
            let changed = limit.apply(*quota);
            if let Some(field) = raised(*quota, changed)
                && !origins.keeps_local(quota.host, quota.path_prefix)
            {
                return Err(of_entry(LimitErrorKind::Raised { field }));
            }
            *quota = changed;
        }
        if !is_known {
            let mut known: Vec<String> = quotas.iter().map(name).collect();
            known.sort();
            known.dedup();
            return Err(of_entry(LimitErrorKind::Unknown { known }));
        }
    }
    Ok(quotas)
}

fn name(quota: &Quota) -> String {
    format!("{}{}", quota.host, quota.path_prefix)
}

impl Limit {
    fn apply(&self, quota: Quota) -> Quota {
        let period = |n: Bounded<_, _>| Duration::from_millis(n.get());
        let burst = self.burst.and_then(|n| NonZeroU32::new(n.get_u32()));
        let concurrency = self.concurrency.and_then(|n| NonZeroU32::new(n.get_u32()));
        Quota {
            period: self.period_ms.map_or(quota.period, period),
            burst: burst.unwrap_or(quota.burst),
            concurrency: concurrency.unwrap_or(quota.concurrency),
            max_per_run: self.max_per_run.map(Bounded::get_u32).or(quota.max_per_run),
            ..quota
        }
    }
}

/// The first field in which `new` allows more than `old`.
fn raised(old: Quota, new: Quota) -> Option<&'static str> {
    let per_run = |quota: Quota| quota.max_per_run.unwrap_or(u32::MAX);
    [
        (new.period < old.period, "period_ms"),
        (old.burst < new.burst, "burst"),
        (old.concurrency < new.concurrency, "concurrency"),
        (per_run(old) < per_run(new), "max_per_run"),
    ]
    .into_iter()
    .find_map(|(is_raised, field)| is_raised.then_some(field))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOCAL: &[(&str, &str)] = &[("https://a.example", "http://127.0.0.1:1/a")];
    const COMPANY: &[(&str, &str)] = &[("https://a.example", "https://mirror.example/a")];
    const FOLDER: &[(&str, &str)] = &[("https://a.example/search", "http://127.0.0.1:1")];

    fn quotas() -> [Quota; 2] {
        ["/", "/search"].map(|path_prefix| Quota {
            path_prefix,
            max_per_run: (path_prefix == "/search").then_some(8),
            ..Quota::each_second("a.example")
        })
    }

    fn changed(
        origins: &[(&str, &str)],
        entry: &str,
        limit: &str,
    ) -> Result<Vec<Quota>, LimitError> {
        let limits = BTreeMap::from([(entry.to_owned(), toml::from_str(limit).unwrap())]);
        limited(quotas(), &limits, &Origins::new(origins.iter().copied()).unwrap())
    }

    /// The entry is used.
    #[track_caller]
    fn check_obeyed(origins: &[(&str, &str)], entry: &str, limit: &str) {
        let changed = changed(origins, entry, limit).unwrap();
        let n_changed = changed.iter().zip(quotas()).filter(|(new, old)| **new != *old).count();
        assert_eq!(n_changed, 1, "{entry} {limit}");
    }

    #[track_caller]
    fn check_refused(origins: &[(&str, &str)], entry: &str, limit: &str, expected: &str) {
        let message = changed(origins, entry, limit).unwrap_err().to_string();
        assert!(message.contains(expected) && message.contains(entry), "{message}");
    }

    #[test]
    fn any_quota_may_be_lowered() {
        check_obeyed(&[], "a.example", "period_ms = 2000");
        check_obeyed(&[], "a.example/", "period_ms = 2000");
        check_obeyed(&[], "a.example", "max_per_run = 3");
        check_obeyed(&[], "a.example/search", "max_per_run = 3");
    }

    #[test]
    fn only_quotas_of_hosts_on_this_machine_may_be_raised() {
        for (entry, limit, field) in [
            ("a.example", "period_ms = 999", "period_ms"),
            ("a.example", "burst = 2", "burst"),
            ("a.example", "concurrency = 2", "concurrency"),
            ("a.example/search", "max_per_run = 9", "max_per_run"),
        ] {
            check_obeyed(LOCAL, entry, limit);
            check_refused(&[], entry, limit, field);
            check_refused(COMPANY, entry, limit, field);
            // Other paths, such as `/searches` and `/`, still go to the registry.
            check_refused(FOLDER, entry, limit, field);
        }
    }

    #[test]
    fn an_entry_that_means_nothing_is_an_error() {
        check_refused(
            &[],
            "b.example",
            "burst = 1",
            "these are declared: a.example/, a.example/search",
        );
        for limit in ["period_ms = 0", "burst = 0", "concurrency = -1", "per_second = 3"] {
            assert!(toml::from_str::<Limit>(limit).is_err(), "{limit}");
        }
    }
}
