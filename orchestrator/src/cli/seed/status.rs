//! `seed status`: the last seedings, and what the next costs. Asks nobody.

use std::fmt;

use batch_core::{
    io::{StateReader as _, limited},
    model::{EcosystemId, SeedOutcome, SeedingRecord},
    plugin::{EcosystemPlugin, Seeder},
};
use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::Serialize;

use super::place;
use crate::{
    cli::{
        Context,
        damage::{self, Damage},
    },
    env::Root,
    exit::Exit,
    net,
    settings::SettingsError,
    stage::seed::{self, Cost},
};

pub(super) fn run(cx: &Context) -> anyhow::Result<Exit> {
    let root = cx.open_root()?;
    let now = cx.env.clock.now();
    let runs = root.state.seeding_runs()?;
    let origins = net::origins(&root.settings)?;
    let quotas = limited(cx.env.registry.quotas(), &root.settings.limits, &origins)
        .map_err(|error| SettingsError::because(&error))?;
    let ecosystem = |plugin: &EcosystemPlugin| -> anyhow::Result<SeedState> {
        let own = || runs.records.iter().rev().filter(|run| run.ecosystem == plugin.id);
        let last = own().next().cloned();
        // One that a limit ended has a cursor.
        let is_full =
            |run: &&SeedingRecord| run.outcome == SeedOutcome::Full && run.cursor.is_none();
        let full = own().find(is_full).map(|run| run.ended_at);
        let listed = |source: &str| own().find_map(|run| run.believed(source).total);
        Ok(SeedState {
            ecosystem: plugin.id.clone(),
            last_full_at: full,
            age_days: full.map(|at| (now - at).num_days()),
            entries: entries(&root, plugin)?,
            cost: plugin.seeder.map(|seeder| seed::cost(seeder, &quotas, &listed)),
            threshold: plugin.seeder.and_then(Seeder::popular).map(|it| it.describe()),
            last,
        })
    };
    let ecosystems = cx.env.registry.iter().map(ecosystem).collect::<Result<_, _>>()?;
    let mut damage = Damage::default();
    runs.quarantined.iter().for_each(|damaged| damage.note(damaged));
    cx.out.show(&SeedStatusReport { ecosystems, problems: damage.into_problems() })?;
    Ok(Exit::Ok)
}

fn entries(root: &Root, plugin: &EcosystemPlugin) -> anyhow::Result<usize> {
    Ok(root.state.queue(&plugin.id)?.map_or(0, |file| file.entries.len()))
}

/// What `seed status --json` prints.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::cli) struct SeedStatusReport {
    /// In the order of rotation.
    ecosystems: Vec<SeedState>,
    /// Records of seedings that cannot be read: file, place, reason and remedy.
    problems: Vec<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct SeedState {
    /// Which.
    ecosystem: EcosystemId,
    /// Entries in its queue.
    entries: usize,
    /// End of the last seeding that left nothing for another.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_full_at: Option<DateTime<Utc>>,
    /// Whole days since then.
    #[serde(skip_serializing_if = "Option::is_none")]
    age_days: Option<i64>,
    /// The last seeding, whatever its outcome.
    #[serde(skip_serializing_if = "Option::is_none")]
    last: Option<SeedingRecord>,
    /// What makes tier 2.
    #[serde(skip_serializing_if = "Option::is_none")]
    threshold: Option<String>,
    /// Of a full seeding; absent where there is no seeder.
    #[serde(skip_serializing_if = "Option::is_none")]
    cost: Option<Cost>,
}

impl fmt::Display for SeedStatusReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.ecosystems.iter().try_for_each(|state| state.fmt(f))?;
        damage::write_problems(f, &self.problems)
    }
}

impl fmt::Display for SeedState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let full = match self.age_days {
            Some(days) => format!("last full seeding {days} days ago"),
            None => "never fully seeded".to_owned(),
        };
        writeln!(f, "{}: {} entries, {full}", self.ecosystem, self.entries)?;
        if let Some(last) = &self.last {
            let SeedingRecord { seen, ended_at, outcome, .. } = last;
            let at = ended_at.format("%Y-%m-%d %H:%M UTC");
            let left = last.not_visited.map(|n| format!(", {n} not visited")).unwrap_or_default();
            writeln!(f, "  last: {at}, {}, {seen} seen{left}", outcome.as_str())?;
            if let Some(cursor) = &last.cursor {
                writeln!(f, "  next: {}", place(cursor))?;
            }
        }
        let Some(cost) = &self.cost else { return writeln!(f, "  it has no seeder") };
        for bucket in &cost.buckets {
            let most = bucket.most_per_run.map(|n| format!(", {n} a run")).unwrap_or_default();
            writeln!(
                f,
                "  {}: {} requests for lists + {} for packages, one in {} s{most} = {:.1} min",
                bucket.place,
                bucket.for_lists,
                bucket.for_candidates,
                bucket.seconds_each,
                bucket.minutes
            )?;
        }
        let (requests, minutes, runs) = (cost.requests, cost.minutes, cost.runs);
        let runs = if runs > 1 { format!(" in at least {runs} runs") } else { String::new() };
        writeln!(f, "  a full seeding: {requests} requests, {minutes:.0} min{runs}")
    }
}
