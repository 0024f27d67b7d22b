//! `pipeline.toml`: the settings of an operator. Absent files, tables and keys mean the defaults.

mod budget;
mod containers;
mod merge;
mod schedule;
mod tsuku;

use std::{collections::BTreeMap, time::Duration};

use batch_core::{
    decide::{backoff::BackoffPolicy, breaker::BreakerPolicy, unknown_names},
    io::Limit,
    model::{Bounded, PackageId, RecipeName},
};
use serde::Deserialize;

use batch_sandbox::{Backend, LimiterKind, Preference};

pub use budget::BudgetSettings;
pub use containers::{ContainerSettings, RuntimeChoice};
pub use merge::{MergeSettings, StateSettings};
pub use schedule::{PlanSettings, RequestSettings, SelectionSettings};
pub use tsuku::TsukuSettings;

use crate::{
    containers::Images,
    hosted::{Hosted, Label, MachineKind},
};

/// `pipeline.toml` cannot be read, or contains a value that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("pipeline.toml: {reason}")]
pub struct SettingsError {
    /// The reason, with the line or the entry.
    pub reason: String,
}

impl SettingsError {
    /// An error with the reason `error`.
    pub fn because(error: &dyn std::fmt::Display) -> Self {
        Self { reason: error.to_string() }
    }
}

/// All settings.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Mirrors: the origin of a registry, and the address that is asked in its place.
    pub origins: BTreeMap<String, String>,
    /// Changed quotas, by `host/prefix`: lower rates, and for a mirror on this machine also higher
    /// rates.
    pub limits: BTreeMap<String, Limit>,
    /// The sandbox for package code.
    pub sandbox: SandboxSettings,
    /// Containers of other Linux distributions.
    pub containers: ContainerSettings,
    /// Labels of hosted machines that replace those of this program.
    pub runners: BTreeMap<MachineKind, Label>,
    /// Waiting times of failed packages.
    pub backoff: BackoffSettings,
    /// Thresholds of the circuit breakers.
    pub breaker: BreakerSettings,
    /// Minutes of validation in each week.
    pub budget: BudgetSettings,
    /// What a run attempts if its command line does not say otherwise.
    pub selection: SelectionSettings,
    /// How a request to a registry is repeated.
    pub requests: RequestSettings,
    /// What the schedule starts.
    pub plan: PlanSettings,
    /// What may be merged, and how.
    pub merge: MergeSettings,
    /// Where the state is pushed to.
    pub state: StateSettings,
    /// Recipes that are not under the root, because the package manager contains them, with the
    /// packages that each of them satisfies: ecosystem and names, as in `[metadata.satisfies]`.
    pub bundled_recipes: BTreeMap<RecipeName, BTreeMap<String, Vec<String>>>,
    /// Packages that a person has looked at, in the registry's spelling. Their commands may have
    /// the names of commands of the system.
    pub reviewed_packages: Vec<PackageId>,
    /// The package manager's own program.
    pub tsuku: TsukuSettings,
    /// The contact for questions about the requests: an e-mail address or a URL, which is sent in
    /// the User-Agent.
    pub contact: Option<String>,
}

/// `[sandbox]`.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[expect(missing_docs, reason = "the units are in the names")]
pub struct SandboxSettings {
    /// The only backend to use; absent means the first one that works.
    pub backend: Option<Backend>,
    /// The only limiter to use; absent means the first one that works.
    pub limiter: Option<LimiterKind>,
    pub memory_mib: Bounded<16, 16_777_216>,
    pub cpus: Bounded<1, 1_024>,
    pub processes: Bounded<1, 1_000_000>,
    pub disk_mib: Bounded<16, 16_777_216>,
    /// Files and folders together.
    pub files: Bounded<100, 100_000_000>,
    pub install_seconds: Bounded<1, 604_800>,
    pub verify_seconds: Bounded<1, 604_800>,
}

impl Default for SandboxSettings {
    fn default() -> Self {
        Self {
            backend: None,
            limiter: None,
            memory_mib: Bounded::nearest(2048),
            cpus: Bounded::nearest(2),
            processes: Bounded::nearest(512),
            disk_mib: Bounded::nearest(4096),
            files: Bounded::nearest(250_000),
            install_seconds: Bounded::nearest(300),
            verify_seconds: Bounded::nearest(30),
        }
    }
}

impl SandboxSettings {
    /// Which backend and limiter are chosen.
    pub fn preference(&self) -> Preference {
        Preference { backend: self.backend, limiter: self.limiter }
    }
}

/// `[backoff]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[expect(missing_docs, reason = "BackoffPolicy says it; the units are in the names")]
pub struct BackoffSettings {
    pub structural_hours: [Hours; 3],
    pub structural_longest_hours: Hours,
    pub fault_minutes: RunnerMinutes,
    pub fault_longest_minutes: RunnerMinutes,
}

impl Default for BackoffSettings {
    fn default() -> Self {
        let policy = BackoffPolicy::default();
        Self {
            structural_hours: policy.structural.map(in_hours),
            structural_longest_hours: in_hours(policy.structural_longest),
            fault_minutes: in_minutes(policy.fault),
            fault_longest_minutes: in_minutes(policy.fault_longest),
        }
    }
}

/// `[breaker]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[expect(missing_docs, reason = "BreakerPolicy says it; the units are in the names")]
pub struct BreakerSettings {
    pub open_after: Bounded<1, 1_000>,
    pub first_pause_minutes: RunnerMinutes,
    pub longest_pause_minutes: RunnerMinutes,
    pub probes: Bounded<1, 500>,
    pub systemic_row: Bounded<2, 10_000>,
}

impl Default for BreakerSettings {
    fn default() -> Self {
        let policy = BreakerPolicy::default();
        Self {
            open_after: Bounded::nearest(policy.open_after.into()),
            first_pause_minutes: in_minutes(policy.first_pause),
            longest_pause_minutes: in_minutes(policy.longest_pause),
            probes: Bounded::nearest(policy.probes as u64),
            systemic_row: Bounded::nearest(policy.systemic_row as u64),
        }
    }
}

/// Waiting times, at most ten years.
type Hours = Bounded<0, 87_600>;
/// The same.
type RunnerMinutes = Bounded<0, 5_256_000>;

fn in_hours(wait: Duration) -> Hours {
    Bounded::nearest(wait.as_secs() / 3600)
}

fn in_minutes(wait: Duration) -> RunnerMinutes {
    Bounded::nearest(wait.as_secs() / 60)
}

impl Settings {
    /// Reads the text of `pipeline.toml`. The error names the line and the key, and for an unknown key
    /// the nearest known one.
    pub fn parse(text: &str) -> Result<Self, SettingsError> {
        toml::from_str(text).map_err(|error: toml::de::Error| {
            let nearest = unknown_names::meant_by(error.message());
            let meant = nearest.map(|known| format!("did you mean `{known}`?"));
            SettingsError { reason: format!("{error}{}", meant.unwrap_or_default()) }
        })
    }

    /// The hosted machines of CI.
    pub fn hosted(&self) -> anyhow::Result<Hosted> {
        Hosted::new(&self.runners, Images::new(&self.containers.images))
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
            open_after: settings.open_after.get_u32(),
            first_pause: minutes(settings.first_pause_minutes),
            longest_pause: minutes(settings.longest_pause_minutes),
            probes: settings.probes.get_usize(),
            systemic_row: settings.systemic_row.get_usize(),
            ..BreakerPolicy::default()
        }
    }
}

fn hours(n: Hours) -> Duration {
    Duration::from_secs(n.get() * 60 * 60)
}

fn minutes(n: RunnerMinutes) -> Duration {
    Duration::from_secs(n.get() * 60)
}

#[cfg(test)]
mod tests {
    use batch_core::decide::pull_request::HoldPolicy;

    use super::*;

    #[test]
    fn empty_settings_give_the_default_policy() {
        let settings = Settings::parse("").unwrap();
        assert_eq!(settings.backoff_policy(), BackoffPolicy::default());
        assert_eq!(settings.breaker_policy(), BreakerPolicy::default());
        assert_eq!(settings.merge.hold_policy(), HoldPolicy::default());
    }

    #[test]
    fn a_misspelt_key_is_reported_with_its_line() {
        let error = Settings::parse("[breaker]\nopen_aftr = 2\n").unwrap_err().to_string();
        assert!(error.contains("line 2") && error.contains("open_aftr"), "{error}");
    }

    #[test]
    fn an_unknown_key_is_reported_with_the_nearest_known_one() {
        for (text, line, meant) in [
            ("[breaker]\nopen_aftr = 2\n", 2, "`open_after`"),
            ("[breker]\n", 1, "`breaker`"),
            ("[merge]\n\nautomerge = true\n", 3, "`auto_merge`"),
            ("[budget]\nmacosMinutes = 2\n", 2, "`macos_minutes`"),
            ("[merge]\nsplit_cell = \"remov\"\n", 2, "`remove`"),
            ("[plan]\nslots_a_day = 1\n", 2, "`slots_per_day`"),
        ] {
            let error = Settings::parse(text).unwrap_err().to_string();
            let says = [format!("line {line}"), format!("did you mean {meant}?")];
            assert!(says.iter().all(|it| error.contains(it.as_str())), "{error}");
        }
        let error = Settings::parse("[breaker]\nzebra = 1\n").unwrap_err().to_string();
        assert!(error.contains("line 2") && !error.contains("did you mean"), "{error}");
    }

    #[test]
    fn selection_and_requests_have_the_defaults_of_their_policies() {
        let settings = Settings::parse("").unwrap();
        assert_eq!(settings.requests.retries(), batch_core::io::RetryPolicy::default());
        assert_eq!(settings.requests.patience(), batch_core::io::PATIENCE);
        let text =
            "[requests]\nmore_tries = 0\nfirst_wait_seconds = 2\n[selection]\nbatch_size = 3\n";
        let settings = Settings::parse(text).unwrap();
        assert_eq!(settings.requests.retries().n_more, 0);
        assert_eq!(settings.requests.retries().base, Duration::from_secs(2));
        assert_eq!(settings.selection.batch_size.get(), 3);
    }

    /// The error names key, value and range.
    #[track_caller]
    fn check_out_of_range(table: &str, key: &str, value: &str) {
        let text = format!("[{table}]\n{key} = {value}\n");
        let error = Settings::parse(&text).unwrap_err().to_string();
        let named = error.contains(key) && error.contains(value);
        assert!(named && error.contains("a whole number from"), "{error}");
    }

    #[test]
    fn a_number_that_would_overflow_something_is_refused_with_key_value_and_range() {
        let largest = i64::MAX.to_string();
        for (table, keys) in [
            ("sandbox", &["memory_mib", "cpus", "processes", "disk_mib", "files"][..]),
            ("sandbox", &["install_seconds", "verify_seconds"]),
            ("backoff", &["structural_longest_hours", "fault_minutes", "fault_longest_minutes"]),
            ("breaker", &["open_after", "first_pause_minutes", "longest_pause_minutes"]),
            ("breaker", &["probes", "systemic_row"]),
            ("limits.\"a.example\"", &["period_ms", "burst", "concurrency", "max_per_run"]),
        ] {
            for key in keys {
                check_out_of_range(table, key, &largest);
                check_out_of_range(table, key, "-1");
            }
        }
        for (table, key) in [("sandbox", "cpus"), ("breaker", "probes"), ("sandbox", "disk_mib")] {
            check_out_of_range(table, key, "0");
        }
        let error = Settings::parse(&format!("[backoff]\nstructural_hours = [1, 2, {largest}]\n"));
        let error = error.unwrap_err().to_string();
        assert!(error.contains("structural_hours") && error.contains("from 0 to 87600"), "{error}");
    }

    #[test]
    fn an_image_of_a_container_needs_its_digest() {
        let text =
            |image: &str| format!("[containers]\nruntime = \"podman\"\nimages = {{ {image} }}\n");
        let digest = "0".repeat(64);
        let settings = Settings::parse(&text(&format!("suse = \"leap@sha256:{digest}\""))).unwrap();
        assert_eq!(settings.containers.images.len(), 1);
        assert_eq!(settings.containers.runtime.kinds().len(), 1);
        let error = Settings::parse(&text("suse = \"leap:15.6\"")).unwrap_err().to_string();
        assert!(error.contains("line 3") && error.contains("digest"), "{error}");
        assert!(Settings::parse(&text(&format!("suze = \"leap@sha256:{digest}\""))).is_err());
    }

    #[test]
    fn mirrors_limits_and_policies_are_read() {
        let text = "[origins]\n\"https://r.example\" = \"http://127.0.0.1:1\"\n\
                    [limits]\n\"r.example/\" = { period_ms = 2000 }\n[breaker]\nopen_after = 5\n";
        let settings = Settings::parse(text).unwrap();
        assert_eq!(settings.origins["https://r.example"], "http://127.0.0.1:1");
        assert_eq!(settings.limits["r.example/"].period_ms, Some(Bounded::nearest(2000)));
        assert_eq!(settings.breaker_policy().open_after, 5);
    }
}
