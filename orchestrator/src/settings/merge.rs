//! `[merge]`: what may be merged, and how.

use batch_core::{
    decide::{
        merge_policy::{MergePolicy, NetworkGate, SplitCell},
        pull_request::HoldPolicy,
    },
    model::Bounded,
};
use chrono::TimeDelta;
use serde::Deserialize;

/// `[merge]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MergeSettings {
    /// What happens to a recipe that works on some Linux distributions of a cell only: `remove` the
    /// cell, or `review` by a person.
    pub split_cell: SplitCell,
    /// What happens to a recipe whose tool downloads something while it installs: `allow`, or
    /// `review` by a person.
    pub network_gate: NetworkGate,
    /// After how many days the cells that a recipe lost are tried again.
    pub recheck_days: Bounded<1, 3_650>,
    /// Whether the forge merges pull requests of batches as soon as their checks are green.
    pub auto_merge: bool,
    /// The state waits for a pull request that was updated so often without a result of its checks.
    pub hold_after_updates: Bounded<1, 1_000>,
    /// The longest time that the state waits for one.
    pub hold_longest_hours: Bounded<0, 720>,
    /// The branch that recipes are merged into.
    pub branch: String,
    /// Whom commits name as their author.
    pub author_name: String,
    /// The address of the author.
    pub author_email: String,
}

impl Default for MergeSettings {
    fn default() -> Self {
        let (policy, hold) = (MergePolicy::default(), HoldPolicy::default());
        Self {
            split_cell: policy.split_cell,
            network_gate: policy.network_gate,
            recheck_days: Bounded::nearest(policy.recheck_after.num_days().unsigned_abs()),
            auto_merge: true,
            hold_after_updates: Bounded::nearest(hold.after_updates.into()),
            hold_longest_hours: Bounded::nearest(hold.longest.num_hours().unsigned_abs()),
            branch: "main".to_owned(),
            author_name: "tsuku-batch".to_owned(),
            author_email: "tsuku-batch@users.noreply.github.com".to_owned(),
        }
    }
}

/// `[state]`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StateSettings {
    /// The branch that the state is pushed to; absent means the branch that recipes are merged into. A
    /// branch of its own has the recipes of that one too, so that a checkout of it is a root.
    pub branch: Option<String>,
}

impl MergeSettings {
    /// When the state waits for a pull request.
    pub fn hold_policy(&self) -> HoldPolicy {
        HoldPolicy {
            after_updates: self.hold_after_updates.get_u32(),
            longest: TimeDelta::hours(self.hold_longest_hours.get_u32().into()),
        }
    }

    /// What may be merged.
    pub fn policy(&self) -> MergePolicy {
        MergePolicy {
            split_cell: self.split_cell,
            network_gate: self.network_gate,
            recheck_after: TimeDelta::days(self.recheck_days.get_u32().into()),
        }
    }
}
