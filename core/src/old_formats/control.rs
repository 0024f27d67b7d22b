//! The control file.

use std::collections::BTreeMap;

use serde::{Deserialize, de::IgnoredAny};
use serde_json::Value;

use crate::old_formats::{
    OldInstant, Refused,
    pieces::{document, error_reason},
};

/// A breaker.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct OldBreaker {
    /// `open`, `closed` or `half-open`.
    #[serde(default)]
    pub state: String,
    /// Number of failures in a row.
    #[serde(default)]
    pub failures: u64,
    /// When the last failure ended.
    #[serde(default)]
    pub last_failure: OldInstant,
    /// Despite its name, the earliest instant of the next attempt.
    #[serde(default)]
    pub opens_at: OldInstant,
}

/// The control file.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "Control says it")]
pub struct OldControl {
    pub enabled: bool,
    pub disabled_ecosystems: Vec<String>,
    pub reason: String,
    pub incident_url: String,
    pub disabled_by: String,
    pub disabled_at: OldInstant,
    pub expected_resume: OldInstant,
    /// By any spelling of the ecosystem.
    pub breakers: BTreeMap<String, OldBreaker>,
    pub week_start: String,
    pub macos_minutes_used: u64,
    pub linux_minutes_used: u64,
    /// The breakers that were not understood.
    pub refused: Vec<Refused>,
}

#[derive(Deserialize)]
struct Written {
    schema_version: Option<u64>,
    enabled: bool,
    disabled_ecosystems: Option<Vec<String>>,
    reason: Option<String>,
    incident_url: Option<String>,
    disabled_by: Option<String>,
    #[serde(default)]
    disabled_at: OldInstant,
    #[serde(default)]
    expected_resume: OldInstant,
    circuit_breaker: Option<BTreeMap<String, Value>>,
    budget: Option<Budget>,
    ecosystems: Option<IgnoredAny>,
}

#[derive(Default, Deserialize)]
struct Budget {
    week_start: Option<String>,
    macos_minutes_used: Option<u64>,
    linux_minutes_used: Option<u64>,
}

/// The control file in `content`. The error is about the whole file.
pub fn control(content: &[u8]) -> Result<OldControl, Refused> {
    let refused = |reason| Refused { line: 1, reason };
    let written: Written =
        serde_json::from_str(document(content)?).map_err(|error| refused(error_reason(&error)))?;
    super::check_version(written.schema_version).map_err(refused)?;
    if written.ecosystems.is_some() {
        return Err(refused("\"ecosystems\" is no key of the old format".to_owned()));
    }
    let mut breakers = BTreeMap::new();
    let mut bad = vec![];
    for (name, value) in written.circuit_breaker.unwrap_or_default() {
        match serde_json::from_value(value) {
            Ok(breaker) => drop(breakers.insert(name, breaker)),
            Err(error) => {
                let name: String = name.chars().take(80).collect();
                bad.push(refused(format!("breaker {name:?}: {}", error_reason(&error))));
            }
        }
    }
    let budget = written.budget.unwrap_or_default();
    Ok(OldControl {
        enabled: written.enabled,
        disabled_ecosystems: written.disabled_ecosystems.unwrap_or_default(),
        reason: written.reason.unwrap_or_default(),
        incident_url: written.incident_url.unwrap_or_default(),
        disabled_by: written.disabled_by.unwrap_or_default(),
        disabled_at: written.disabled_at,
        expected_resume: written.expected_resume,
        breakers,
        week_start: budget.week_start.unwrap_or_default(),
        macos_minutes_used: budget.macos_minutes_used.unwrap_or(0),
        linux_minutes_used: budget.linux_minutes_used.unwrap_or(0),
        refused: bad,
    })
}
