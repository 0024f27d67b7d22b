//! Says where a package stands and which rule put it there, when it is attempted next, and what a
//! person can do.

mod attempts;
mod commands;
mod next;
mod rule;
pub mod run;

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::Serialize;

pub use attempts::{AttemptResult, Cause, LastAttempt, Reader, last_attempts};
pub use next::{NextAttempt, Turns};
pub use run::RunStatus;

use crate::{
    decide::plan::Place,
    model::{PackageId, PackageName, QueueEntry, RecipeName, Remembered, SkipReason, StatusLabel},
};

/// Everything that is known about a package.
#[derive(Debug, Clone, Copy)]
pub struct Case<'a> {
    /// The package.
    pub package: &'a PackageId,
    /// Its queue entry; `None` if it is not queued.
    pub entry: Option<&'a QueueEntry>,
    /// The recipe that installs it; `None` if there is none.
    pub recipe: Option<&'a RecipeName>,
    /// Why a seeder did not queue it; `None` if no seeder said so.
    pub remembered: Option<&'a Remembered>,
    /// Its last attempts, the newest first.
    pub attempts: &'a [LastAttempt],
    /// The packages that it waits for, each with whether there is a recipe now.
    pub blocked_by: &'a [Blocker],
    /// The entries that wait for it.
    pub blocks: &'a [PackageId],
    /// What stops its ecosystem as a whole, other than a breaker.
    pub obstacle: Option<&'a SkipReason>,
    /// Its place, or the reason why it is not attempted now, as the plan decides it; `None` without
    /// an entry.
    pub place: Option<&'a Result<Place, SkipReason>>,
    /// The runs of its ecosystem.
    pub turns: Turns,
    /// The time of the explanation.
    pub now: DateTime<Utc>,
}

/// Where a package stands, or how a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(untagged)]
#[schemars(rename = "ExplainedStatus")]
pub enum Status {
    /// It is queued and has this status.
    Queued(StatusLabel),
    /// It is not queued.
    Other(Unqueued),
    /// It is a run.
    Run(RunStatus),
}

/// Where a package stands that is not queued.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Unqueued {
    /// It is not queued, but there is a recipe that installs it.
    RecipeOnly,
    /// It is not queued, and there is no recipe.
    NotQueued,
}

impl Unqueued {
    /// The word in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::RecipeOnly => "recipe_only",
            Self::NotQueued => "not_queued",
        }
    }
}

impl Status {
    /// The word in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued(label) => label.as_str(),
            Self::Other(unqueued) => unqueued.as_str(),
            Self::Run(run) => run.as_str(),
        }
    }
}

/// Whether a recipe of the package ever worked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum History {
    /// Its recipe works, as far as is known.
    Works,
    /// Its recipe worked before, and fails or is gone now.
    WorkedBefore,
    /// It was attempted, and never worked.
    NeverWorked,
    /// No attempt is known.
    NeverAttempted,
}

impl History {
    /// The end of a sentence about the package.
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Works => "it works, as far as is known",
            Self::WorkedBefore => "it worked before, and does not work now",
            Self::NeverWorked => "it never worked",
            Self::NeverAttempted => "it was never attempted",
        }
    }
}

/// A package whose recipe is needed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Blocker {
    /// The package, as the failure names it.
    pub name: PackageName,
    /// Whether there is a recipe now.
    pub has_recipe: bool,
    /// Its own status in the queue of the same ecosystem; absent if it is not queued there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<StatusLabel>,
}

/// What is said about a package or a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "Explanation")]
pub struct Explanation {
    /// Where it stands.
    pub status: Status,
    /// Whether it ever worked; absent for a run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub history: Option<History>,
    /// The rule that put it there, as a sentence. It may contain text of the package.
    pub rule: String,
    /// The last attempts at the package, the newest first; for a run its attempts, sorted by package.
    pub last_attempts: Vec<LastAttempt>,
    /// When it is attempted next, and why then.
    pub next_attempt: NextAttempt,
    /// Its place among the entries that can be attempted; absent if it is not one of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub queue_place: Option<Place>,
    /// The packages that wait for it.
    pub blocks: Vec<PackageId>,
    /// The packages that it waits for.
    pub blocked_by: Vec<Blocker>,
    /// Commands that a person can paste into a shell, the most useful first.
    pub commands: Vec<String>,
}

/// Explains `case`.
#[must_use]
pub fn package(case: &Case<'_>) -> Explanation {
    let place = case.place.and_then(|place| place.as_ref().ok()).copied();
    Explanation {
        status: case.status(),
        history: Some(case.history()),
        rule: rule::of(case),
        last_attempts: case.attempts.to_vec(),
        next_attempt: next::of(case),
        queue_place: place.filter(|_| case.obstacle.is_none()),
        blocks: case.blocks.to_vec(),
        blocked_by: case.blocked_by.to_vec(),
        commands: commands::of(case),
    }
}

impl Case<'_> {
    /// Whether nothing is known about the package.
    pub fn is_unknown(&self) -> bool {
        self.entry.is_none()
            && self.recipe.is_none()
            && self.remembered.is_none()
            && self.attempts.is_empty()
    }

    fn status(&self) -> Status {
        match (self.entry, self.recipe) {
            (Some(entry), _) => Status::Queued(entry.status.label()),
            (None, Some(_)) => Status::Other(Unqueued::RecipeOnly),
            (None, None) => Status::Other(Unqueued::NotQueued),
        }
    }

    fn history(&self) -> History {
        let has_passed =
            self.attempts.iter().any(|attempt| attempt.result != AttemptResult::Failed);
        let Some(entry) = self.entry else {
            return match (self.recipe, has_passed, self.attempts.is_empty()) {
                (Some(_), ..) => History::Works,
                (None, true, _) => History::WorkedBefore,
                (None, false, false) => History::NeverWorked,
                (None, false, true) => History::NeverAttempted,
            };
        };
        let has_worked = entry.regressed_at.is_some() || entry.verified_at.is_some();
        let was_attempted = entry.last_attempt_at.is_some() || !self.attempts.is_empty();
        if matches!(entry.status.label(), StatusLabel::Success | StatusLabel::InProgress) {
            History::Works
        } else if has_worked || entry.recipe.is_some() || has_passed {
            History::WorkedBefore
        } else if was_attempted {
            History::NeverWorked
        } else {
            History::NeverAttempted
        }
    }

    /// The causes of the newest attempt that failed, if none passed after it.
    fn last_causes(&self) -> &[Cause] {
        self.attempts.first().map_or(&[], |attempt| &attempt.causes)
    }
}

#[cfg(test)]
mod tests;
