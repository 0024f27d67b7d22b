//! The limits of requests, as plugins declare them and as they are here.

use std::{fmt, time::Duration};

use batch_core::{
    io::limited,
    model::{Purpose, Quota},
    plugin::{EcosystemPlugin, Registry},
};
use schemars::JsonSchema;
use serde::Serialize;

use crate::{
    net,
    settings::{Settings, SettingsError},
};

/// The limits that apply here, after `pipeline.toml`.
pub(super) struct Quotas(Vec<Quota>);

impl Quotas {
    /// The limits of all plugins of `registry` with the changes in `settings`.
    pub(super) fn here(registry: &Registry, settings: &Settings) -> anyhow::Result<Self> {
        let origins = net::origins(settings)?;
        let quotas = limited(registry.quotas(), &settings.limits, &origins)
            .map_err(|error| SettingsError::because(&error))?;
        Ok(Self(quotas))
    }

    /// Those that `plugin` declares.
    pub(super) fn of(&self, plugin: &EcosystemPlugin) -> Vec<QuotaReport> {
        plugin.rate_limit.quotas().iter().map(|declared| self.report(declared)).collect()
    }

    /// What applies to the host and path of `declared`: the strictest of all plugins.
    pub(super) fn strictest(&self, declared: &Quota) -> Quota {
        let is_same =
            |it: &&Quota| (it.host, it.path_prefix) == (declared.host, declared.path_prefix);
        self.0.iter().filter(is_same).copied().reduce(Quota::stricter).unwrap_or(*declared)
    }

    fn report(&self, declared: &Quota) -> QuotaReport {
        QuotaReport {
            place: place(declared),
            purpose: declared.purpose,
            declared: Rate::of(*declared),
            here: Rate::of(self.strictest(declared)),
        }
    }
}

/// Host and path prefix, as `[limits]` in `pipeline.toml` names them.
pub(super) fn place(quota: &Quota) -> String {
    format!("{}{}", quota.host, quota.path_prefix)
}

/// A limit that a plugin declares.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct QuotaReport {
    /// Host and path prefix, as `[limits]` in `pipeline.toml` names them.
    pub(super) place: String,
    /// Which part of the program uses it.
    pub(super) purpose: Purpose,
    /// The values that the plugin declares.
    pub(super) declared: Rate,
    /// The values that apply: the strictest of all plugins with the same host and path, changed by
    /// `pipeline.toml` of this root.
    pub(super) here: Rate,
}

/// How often a host may be asked.
#[derive(Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub(super) struct Rate {
    /// Mean time between two requests in milliseconds.
    period_ms: u64,
    /// How many requests may follow each other immediately after a pause.
    burst: u32,
    /// How many requests may be in progress at the same time.
    concurrency: u32,
    /// How many requests one run may make; absent when there is no limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    max_per_run: Option<u32>,
    /// Shortest pause after an answer 429, in milliseconds.
    retry_floor_ms: u64,
}

impl Rate {
    /// The values of `quota`.
    pub(super) fn of(quota: Quota) -> Self {
        let ms = |it: Duration| u64::try_from(it.as_millis()).unwrap_or(u64::MAX);
        Self {
            period_ms: ms(quota.period),
            burst: quota.burst.get(),
            concurrency: quota.concurrency.get(),
            max_per_run: quota.max_per_run,
            retry_floor_ms: ms(quota.retry_floor),
        }
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { period_ms, burst, concurrency, max_per_run, retry_floor_ms } = self;
        write!(f, "1 in {period_ms} ms, burst {burst}, {concurrency} at once")?;
        if let Some(most) = max_per_run {
            write!(f, ", {most} a run")?;
        }
        write!(f, ", {} s after a 429", retry_floor_ms / 1000)
    }
}
