//! `[budget]`: how many minutes of validation a week has.

use batch_core::{decide::ladder::BudgetPolicy, model::Bounded};
use serde::Deserialize;

/// `[budget]`. An absent number is the default: 1000 minutes on macOS, and no limit on Linux.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[expect(missing_docs, reason = "the units are in the names")]
pub struct BudgetSettings {
    pub macos_minutes: Option<Minutes>,
    pub linux_minutes: Option<Minutes>,
}

/// More minutes than any number of machines has in a week.
type Minutes = Bounded<0, 1_000_000_000>;

impl BudgetSettings {
    /// The limits.
    pub fn policy(self) -> BudgetPolicy {
        let default = BudgetPolicy::default();
        BudgetPolicy {
            macos: self.macos_minutes.map(Bounded::get).or(default.macos),
            linux: self.linux_minutes.map(Bounded::get).or(default.linux),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::settings::Settings;

    #[test]
    fn a_week_has_a_thousand_minutes_on_macos_unless_the_settings_say_otherwise() {
        let policy = |text| Settings::parse(text).unwrap().budget.policy();
        assert_eq!((policy("").macos, policy("").linux), (Some(1000), None));
        let stated = policy("[budget]\nmacos_minutes = 0\nlinux_minutes = 60\n");
        assert_eq!((stated.macos, stated.linux), (Some(0), Some(60)));
    }
}
