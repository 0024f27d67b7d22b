//! What an operator changed in a queue entry.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The last change of an entry by a person, so that everybody sees later who changed it and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OperatorChange {
    /// What was changed.
    pub action: OperatorAction,
    /// When.
    pub at: DateTime<Utc>,
    /// By whom, if that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// Why, in one line, if a reason was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Whether an operator released the entry before this change, so that no rule holds it back.
    #[serde(default, skip_serializing_if = "is_false")]
    pub released: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_false(flag: &bool) -> bool {
    !flag
}

/// A kind of change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OperatorAction {
    /// The entry was added.
    Added,
    /// Its waiting time was ended.
    Retried,
    /// It was excluded for good.
    Excluded,
    /// It may be attempted, although a rule held it back. No rule holds it back for the same reason
    /// again.
    Unblocked,
    /// Its tier was changed.
    TierSet,
    /// Its recipe was taken back with the batch that made it.
    RolledBack,
}

impl OperatorAction {
    /// The end of a sentence that begins with the package.
    pub const fn past(self) -> &'static str {
        match self {
            Self::Added => "was added",
            Self::Retried => "was made due at once",
            Self::Excluded => "was excluded",
            Self::Unblocked => "was released",
            Self::TierSet => "got another tier",
            Self::RolledBack => "was rolled back",
        }
    }
}

impl OperatorChange {
    /// Whether no rule holds the entry back, because an operator released it, now or before.
    pub fn is_release(&self) -> bool {
        self.action == OperatorAction::Unblocked || self.released
    }

    /// The change as a sentence without full stop, for example `it was excluded by kim on
    /// 2026-11-28: not a tool`.
    pub fn sentence(&self) -> String {
        let Self { action, at, by, reason, released: _ } = self;
        let by = by.as_ref().map(|by| format!(" by {by}")).unwrap_or_default();
        let reason = reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
        format!("it {}{by} on {}{reason}", action.past(), at.date_naive())
    }
}
