//! When a package is attempted next.

use chrono::{DateTime, SubsecRound as _, TimeDelta, Utc};
use schemars::JsonSchema;
use serde::Serialize;

use super::{Blocker, Case};
use crate::{
    decide::plan::Place,
    model::{SkipReason, Status},
};

/// The runs of an ecosystem, if a run starts in every hour and each ecosystem uses its own slots.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Turns {
    /// The start of its next slot; `None` if it has none.
    pub next_slot: Option<DateTime<Utc>>,
    /// The number of ecosystems, which is the number of hours from one of its slots to the next.
    pub n_ecosystems: usize,
}

/// When a package is attempted next.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct NextAttempt {
    /// The earliest time that is known; absent if it depends on something other than time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<DateTime<Utc>>,
    /// Why then, or what it depends on.
    pub why: String,
}

pub(super) fn of(case: &Case<'_>) -> NextAttempt {
    let Some(entry) = case.entry else {
        return never("no run attempts a package that is not in a queue");
    };
    match (&entry.status, case.place, case.obstacle) {
        (Status::Success, ..) => never("its recipe exists; `sweep` tests it again"),
        (Status::InProgress { .. }, ..) => never("its recipe waits to be merged"),
        (Status::RequiresManual { .. }, ..) => never("no run attempts it before a person decides"),
        (Status::Excluded { .. }, ..) => never("no run attempts it"),
        (Status::Blocked { .. }, ..) => blocked(case.blocked_by),
        (_, _, Some(obstacle)) => stopped(case, obstacle),
        (_, Some(Ok(place)), None) => in_turn(place, case.turns),
        (_, Some(Err(reason)), None) => stopped(case, reason),
        (_, None, None) => never("it is in no plan"),
    }
}

fn never(why: &str) -> NextAttempt {
    NextAttempt { at: None, why: why.to_owned() }
}

/// Without a time: recipes appear when they appear.
fn blocked(by: &[Blocker]) -> NextAttempt {
    let is_free = by.iter().all(|blocker| blocker.has_recipe);
    never(if is_free {
        "what it waited for exists now, so the next run releases it"
    } else {
        "it is attempted as soon as the recipes exist that it waits for"
    })
}

fn in_turn(place: &Place, turns: Turns) -> NextAttempt {
    let Place { n_before, n_eligible, n_runs_before } = *place;
    let place = format!("it is number {} of {n_eligible} that are due", n_before + 1);
    let hours = i64::try_from(n_runs_before)
        .ok()
        .and_then(|n| n.checked_mul(i64::try_from(turns.n_ecosystems).ok()?));
    let wait = hours.and_then(TimeDelta::try_hours);
    let at = turns.next_slot.and_then(|slot| slot.checked_add_signed(wait?));
    let runs = match n_runs_before {
        0 => "the next run of its ecosystem attempts it".to_owned(),
        1 => "the run after the next one of its ecosystem attempts it".to_owned(),
        n => format!("{n} runs of its ecosystem come before"),
    };
    let slots =
        at.map_or("", |_| "; the time is that of a slot of its own, and earlier slots may be free");
    NextAttempt { at, why: format!("{place}; {runs}{slots}") }
}

fn stopped(case: &Case<'_>, reason: &SkipReason) -> NextAttempt {
    let ecosystem = &case.package.ecosystem;
    let (at, why) = if let SkipReason::BackingOff { until } = reason {
        (Some(*until), "it waits after a failure; then it is due, and its turn comes".to_owned())
    } else if let SkipReason::BreakerOpen { until } = reason {
        let why = format!(
            "the circuit breaker of {ecosystem} is open; from then on, a few packages are attempted to test whether it works"
        );
        (Some(*until), why)
    } else if let SkipReason::HostPaused { host, until } = reason {
        (Some(*until), format!("{host} asked for a pause until {}", until.trunc_subsecs(0)))
    } else {
        (None, format!("{ecosystem} attempts nothing: {reason}"))
    };
    NextAttempt { at, why }
}
