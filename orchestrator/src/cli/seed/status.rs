//! `seed status`: shows the last seedings and the cost of the next one. It makes no request.

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
    counted::counted,
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
    let mut damage = Damage::default();
    runs.quarantined.iter().for_each(|damaged| damage.note(damaged));
    let mut ecosystem = |plugin: &EcosystemPlugin| -> anyhow::Result<SeedState> {
        let own = || runs.records.iter().rev().filter(|run| run.ecosystem == plugin.id);
        let last = own().next().cloned();
        // A seeding that ended at its limit has a cursor.
        let is_full =
            |run: &&SeedingRecord| run.outcome == SeedOutcome::Full && run.cursor.is_none();
        let full = own().find(is_full).map(|run| run.ended_at);
        let listed = |source: &str| own().find_map(|run| run.trusted_size(source).total);
        Ok(SeedState {
            ecosystem: plugin.id.clone(),
            last_full_at: full,
            age_days: full.map(|at| (now - at).num_days()),
            entries: entries(&root, plugin, &mut damage)?,
            cost: plugin.seeder.map(|seeder| seed::cost(seeder, &quotas, &listed)),
            threshold: plugin.seeder.and_then(Seeder::popular).map(|it| it.describe()),
            last,
        })
    };
    let ecosystems = cx.env.registry.iter().map(&mut ecosystem).collect::<Result<_, _>>()?;
    cx.out.show(&SeedStatusReport { ecosystems, problems: damage.into_problems() })?;
    Ok(Exit::Ok)
}

fn entries(root: &Root, plugin: &EcosystemPlugin, damage: &mut Damage) -> anyhow::Result<usize> {
    let Some(file) = root.state.queue(&plugin.id)? else { return Ok(0) };
    file.quarantined.iter().for_each(|damaged| damage.note(damaged));
    Ok(file.entries.len())
}

/// What `seed status --json` prints.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::cli) struct SeedStatusReport {
    /// In the order of rotation.
    ecosystems: Vec<SeedState>,
    /// Records of seedings that cannot be read, each with file, position, reason and remedy.
    problems: Vec<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct SeedState {
    /// The ecosystem.
    ecosystem: EcosystemId,
    /// Number of entries in its queue.
    entries: usize,
    /// End of the last seeding that left nothing to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_full_at: Option<DateTime<Utc>>,
    /// Whole days since then.
    #[serde(skip_serializing_if = "Option::is_none")]
    age_days: Option<i64>,
    /// The last seeding, whatever its outcome.
    #[serde(skip_serializing_if = "Option::is_none")]
    last: Option<SeedingRecord>,
    /// The popularity threshold of tier 2.
    #[serde(skip_serializing_if = "Option::is_none")]
    threshold: Option<String>,
    /// Cost of a full seeding; absent when there is no seeder.
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
            Some(days) => format!("last full seeding {} ago", counted(days, "day", "days")),
            None => "never fully seeded".to_owned(),
        };
        let entries = counted(self.entries, "entry", "entries");
        writeln!(f, "{}: {entries}, {full}", self.ecosystem)?;
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
                "  {}: {} for lists + {} for packages, one in {} s{most} = {:.1} min",
                bucket.place,
                super::requests(bucket.for_lists),
                bucket.for_candidates,
                bucket.seconds_each,
                bucket.minutes
            )?;
        }
        let (requests, minutes, runs) = (super::requests(cost.requests), cost.minutes, cost.runs);
        let runs = if runs > 1 { format!(" in at least {runs} runs") } else { String::new() };
        writeln!(f, "  a full seeding: {requests}, {minutes:.0} min{runs}")
    }
}
