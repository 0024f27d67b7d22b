//! `pipeline.toml`: what an operator may set. Absent files, tables and keys mean the defaults.

use std::{collections::BTreeMap, time::Duration};

use batch_core::{
    decide::{backoff::BackoffPolicy, breaker::BreakerPolicy},
    io::Limit,
    model::{PackageId, RecipeName},
};
use serde::Deserialize;

use batch_sandbox::{Backend, LimiterKind, Preference};

/// What `pipeline.toml` says cannot be read or obeyed.
#[derive(Debug, thiserror::Error)]
#[error("pipeline.toml: {reason}")]
pub struct SettingsError {
    /// Names line or entry.
    pub reason: String,
}

impl SettingsError {
    /// Because of `error`.
    pub fn because(error: &dyn std::fmt::Display) -> Self {
        Self { reason: error.to_string() }
    }
}

/// Everything that can be set.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Mirrors: a registry's origin, and where it is really asked.
    pub origins: BTreeMap<String, String>,
    /// Slower (for a loopback mirror also faster) than the plugins' quotas, by `host/prefix`.
    pub limits: BTreeMap<String, Limit>,
    /// Containment of package code.
    pub sandbox: SandboxSettings,
    /// Waiting times of failed packages.
    pub backoff: BackoffSettings,
    /// Thresholds of the circuit breakers.
    pub breaker: BreakerSettings,
    /// Recipes that are nowhere under the root, because the package manager brings them itself, and
    /// the packages that each stands for: ecosystem and names, as in `[metadata.satisfies]`.
    pub bundled_recipes: BTreeMap<RecipeName, BTreeMap<String, Vec<String>>>,
    /// Packages that a person has looked at, in the registry's spelling: their commands may be called
    /// like commands of the system.
    pub reviewed_packages: Vec<PackageId>,
    /// Who answers for the requests: an address or a URL, sent in the User-Agent.
    pub contact: Option<String>,
}

/// `[sandbox]`.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[expect(missing_docs, reason = "the units are in the names")]
pub struct SandboxSettings {
    /// This backend and no other; absent takes the first that works.
    pub backend: Option<Backend>,
    /// This limiter and no other; absent takes the first that works.
    pub limiter: Option<LimiterKind>,
    pub memory_mib: u64,
    pub cpus: u32,
    pub processes: u32,
    pub disk_mib: u64,
    pub install_seconds: u64,
    pub verify_seconds: u64,
}

impl Default for SandboxSettings {
    fn default() -> Self {
        Self {
            backend: None,
            limiter: None,
            memory_mib: 2048,
            cpus: 2,
            processes: 512,
            disk_mib: 4096,
            install_seconds: 300,
            verify_seconds: 30,
        }
    }
}

impl SandboxSettings {
    /// What is chosen where more than one works.
    pub fn preference(&self) -> Preference {
        Preference { backend: self.backend, limiter: self.limiter }
    }
}

/// `[backoff]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[expect(missing_docs, reason = "BackoffPolicy says it; the units are in the names")]
pub struct BackoffSettings {
    pub structural_hours: [u64; 3],
    pub structural_longest_hours: u64,
    pub fault_minutes: u64,
    pub fault_longest_minutes: u64,
}

impl Default for BackoffSettings {
    fn default() -> Self {
        let policy = BackoffPolicy::default();
        Self {
            structural_hours: policy.structural.map(|wait| wait.as_secs() / 3600),
            structural_longest_hours: policy.structural_longest.as_secs() / 3600,
            fault_minutes: policy.fault.as_secs() / 60,
            fault_longest_minutes: policy.fault_longest.as_secs() / 60,
        }
    }
}

/// `[breaker]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[expect(missing_docs, reason = "BreakerPolicy says it; the units are in the names")]
pub struct BreakerSettings {
    pub open_after: u32,
    pub first_pause_minutes: u64,
    pub longest_pause_minutes: u64,
    pub probes: usize,
    pub systemic_row: usize,
}

impl Default for BreakerSettings {
    fn default() -> Self {
        let policy = BreakerPolicy::default();
        Self {
            open_after: policy.open_after,
            first_pause_minutes: policy.first_pause.as_secs() / 60,
            longest_pause_minutes: policy.longest_pause.as_secs() / 60,
            probes: policy.probes,
            systemic_row: policy.systemic_row,
        }
    }
}

impl Settings {
    /// Reads the text of `pipeline.toml`; the error names line and key.
    pub fn parse(text: &str) -> Result<Self, toml::de::Error> {
        toml::from_str(text)
    }

    /// Waiting times of failed packages.
    pub fn backoff_policy(&self) -> BackoffPolicy {
        let BackoffSettings {
            structural_hours,
            structural_longest_hours,
            fault_minutes,
            fault_longest_minutes,
        } = self.backoff;
        BackoffPolicy {
            structural: structural_hours.map(hours),
            structural_longest: hours(structural_longest_hours),
            fault: minutes(fault_minutes),
            fault_longest: minutes(fault_longest_minutes),
        }
    }

    /// Thresholds of the circuit breakers.
    pub fn breaker_policy(&self) -> BreakerPolicy {
        let settings = &self.breaker;
        BreakerPolicy {
            open_after: settings.open_after,
            first_pause: minutes(settings.first_pause_minutes),
            longest_pause: minutes(settings.longest_pause_minutes),
            probes: settings.probes,
            systemic_row: settings.systemic_row,
        }
    }
}

fn hours(n: u64) -> Duration {
    minutes(n.saturating_mul(60))
}

fn minutes(n: u64) -> Duration {
    Duration::from_secs(n.saturating_mul(60))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_set_is_the_default_policy() {
        let settings = Settings::parse("").unwrap();
        assert_eq!(settings.backoff_policy(), BackoffPolicy::default());
        assert_eq!(settings.breaker_policy(), BreakerPolicy::default());
    }

    #[test]
    fn a_misspelt_key_is_named_with_its_line() {
        let error = Settings::parse("[breaker]\nopen_aftr = 2\n").unwrap_err().to_string();
        assert!(error.contains("line 2") && error.contains("open_aftr"), "{error}");
    }

    #[test]
    fn mirrors_limits_and_policies_are_read() {
        let text = "[origins]\n\"https://r.example\" = \"http://127.0.0.1:1\"\n\
                    [limits]\n\"r.example/\" = { period_ms = 2000 }\n[breaker]\nopen_after = 5\n";
        let settings = Settings::parse(text).unwrap();
        assert_eq!(settings.origins["https://r.example"], "http://127.0.0.1:1");
        assert_eq!(settings.limits["r.example/"].period_ms, Some(2000));
        assert_eq!(settings.breaker_policy().open_after, 5);
    }
}
