//! Remembers why packages are not queued.

use std::collections::BTreeMap;

use chrono::{Days, NaiveDate};

use crate::{
    decide::seeding::Walk,
    model::{PackageName, Remembered, SeedSkip, SeedVerdict},
};

/// After how many days the registry is asked again.
fn max_age_days(reason: SeedSkip) -> Option<u64> {
    match reason {
        // Libraries seldom become tools.
        SeedSkip::Library => Some(90),
        SeedSkip::CommandsUnknown | SeedSkip::NotThere | SeedSkip::Retired => Some(30),
        // Decided from the name alone, or not decided.
        SeedSkip::InvalidName | SeedSkip::Homoglyph | SeedSkip::Unreadable => None,
    }
}

/// Whether the stored reason is still valid `today`.
pub fn is_fresh(remembered: &Remembered, today: NaiveDate) -> bool {
    let end = max_age_days(remembered.reason)
        .and_then(|days| remembered.at.checked_add_days(Days::new(days)));
    end.is_some_and(|end| today < end)
}

/// `before` with what `walk` found out, without entries that are too old.
pub fn remember(
    mut before: BTreeMap<PackageName, Remembered>,
    walk: &Walk<'_>,
    today: NaiveDate,
) -> BTreeMap<PackageName, Remembered> {
    before.retain(|_, remembered| is_fresh(remembered, today));
    for visited in walk.visited() {
        let name = &visited.candidate.id.name;
        if let Some(SeedVerdict::Not { reason, why }) = &visited.verdict
            && max_age_days(*reason).is_some()
        {
            let found = Remembered { reason: *reason, why: why.clone(), at: today };
            before.entry(name.clone()).or_insert(found);
        }
    }
    before
}
