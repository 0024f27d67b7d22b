//! The control file.

use std::collections::BTreeMap;

use crate::{
    decide::import::{
        EARLIEST, Import,
        report::{Oddity, RecordKind},
    },
    model::{Breaker, Budget, Control, EcosystemId, Open, StoredBreaker},
    old_formats::{OldBreaker, OldControl, OldInstant},
};

impl Import<'_> {
    /// Imports the control file.
    pub fn control(&mut self, file: &str, old: OldControl) {
        self.begin(RecordKind::Control, file, &[]);
        self.imported.report.count(RecordKind::Control).records_in += 1;
        for refused in old.refused.iter().cloned() {
            self.imported.report.refuse(RecordKind::Control, file, refused);
        }
        let text = |text: String| (!text.is_empty()).then_some(text);
        let disabled = self.disabled(&old.disabled_ecosystems);
        let ecosystems = self.breakers(old.breakers);
        self.imported.control = Some(Control {
            enabled: old.enabled,
            disabled_ecosystems: disabled,
            reason: text(old.reason),
            incident_url: text(old.incident_url),
            disabled_by: text(old.disabled_by),
            disabled_at: old.disabled_at.at(),
            expected_resume: old.expected_resume.at(),
            ecosystems,
            budget: Budget {
                week_start: old.week_start.parse().ok(),
                macos_minutes_used: old.macos_minutes_used,
                linux_minutes_used: old.linux_minutes_used,
            },
            ..Control::default()
        });
    }

    fn disabled(&mut self, spellings: &[String]) -> Vec<EcosystemId> {
        let mut disabled: Vec<EcosystemId> = vec![];
        for spelling in spellings {
            let id = self.known.names.resolve(spelling).cloned();
            match id {
                None => self.note(Oddity::UnsupportedDisabled, 1),
                Some(id) => {
                    self.note(Oddity::Aliases, u64::from(id.as_str() != spelling));
                    if !disabled.contains(&id) {
                        disabled.push(id);
                    }
                }
            }
        }
        disabled
    }

    fn breakers(
        &mut self,
        old: BTreeMap<String, OldBreaker>,
    ) -> BTreeMap<EcosystemId, StoredBreaker> {
        let mut newest: BTreeMap<EcosystemId, OldBreaker> = BTreeMap::new();
        for (spelling, breaker) in old {
            let Some(id) = self.known.names.resolve(&spelling).cloned() else {
                self.note(Oddity::UnsupportedBreakers, 1);
                continue;
            };
            self.note(Oddity::Aliases, u64::from(id.as_str() != spelling));
            let other = newest.get(&id);
            self.note(Oddity::DuplicateBreakers, u64::from(other.is_some()));
            if other.is_none_or(|other| rank(other) < rank(&breaker)) {
                newest.insert(id, breaker);
            }
        }
        newest.into_iter().map(|(id, breaker)| (id, StoredBreaker::from(&new(&breaker)))).collect()
    }
}

/// The breaker that failed last is the newest one; of two equal ones, the open one.
fn rank(breaker: &OldBreaker) -> (Option<chrono::DateTime<chrono::Utc>>, bool) {
    (breaker.last_failure.at(), is_open(breaker))
}

/// Half-open meant that the waiting time had passed, which the instant says too.
fn is_open(breaker: &OldBreaker) -> bool {
    matches!(breaker.state.as_str(), "open" | "half-open" | "half_open")
}

fn new(old: &OldBreaker) -> Breaker {
    let possible = |instant: OldInstant| instant.at().filter(|at| EARLIEST <= *at);
    let open = possible(old.opens_at).filter(|_| is_open(old)).map(|until| Open {
        since: possible(old.last_failure).unwrap_or(until),
        until,
        level: 1,
        signature: None,
        reason: format!("imported; {} failures in a row", old.failures),
    });
    Breaker {
        unhealthy_runs: u32::try_from(old.failures).unwrap_or(u32::MAX),
        open,
        last_failure_at: possible(old.last_failure),
        ..Breaker::default()
    }
}
