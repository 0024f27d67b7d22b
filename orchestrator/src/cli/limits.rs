//! `limits`: how often each host may be asked, and how much of that the last run used. It makes no
//! request.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    ops::ControlFlow,
    time::Duration,
};

use batch_core::{
    decide::ahead,
    io::{HistoryFilter, StateReader as _, Visited},
    model::{Control, HostUsage, Purpose, Quota, RunRecord},
};
use chrono::{DateTime, SubsecRound as _, Utc};
use schemars::JsonSchema;
use serde::Serialize;

use super::{
    Context,
    damage::{self, Damage},
    out::table,
    quotas::{Quotas, Rate, place},
};
use crate::{counted::counted, env::Root, exit::Exit};

/// How many of the newest runs are looked through for hosts that the last one did not ask.
const N_RUNS: usize = 200;

pub(super) fn run(cx: &Context) -> anyhow::Result<Exit> {
    let root = cx.open_root()?;
    let here = Quotas::here(&cx.env.registry, &root.settings)?;
    let mut places: BTreeMap<(&str, &str), Quota> = BTreeMap::new();
    for declared in cx.env.registry.quotas() {
        places.insert((declared.host, declared.path_prefix), here.strictest(&declared));
    }
    let mut by_host: BTreeMap<&str, Vec<Quota>> = BTreeMap::new();
    for quota in places.into_values() {
        by_host.entry(quota.host).or_default().push(quota);
    }
    let mut damage = Damage::default();
    let last = last_uses(&root, by_host.keys().copied().collect(), &mut damage)?;
    let (control, now) = (root.state.control()?, cx.env.clock.now());
    let host = |(host, quotas): (&str, Vec<Quota>)| HostLimits {
        host: host.to_owned(),
        paused_until: paused_until(&control, host, now),
        last_use: last.get(host).map(|used| used.report(&quotas)),
        limits: quotas.into_iter().map(LimitReport::of).collect(),
    };
    let hosts = by_host.into_iter().map(host).collect();
    let report = LimitsReport { hosts, problems: damage.into_problems() };
    cx.out.show(&report)?;
    Ok(Exit::Ok)
}

fn paused_until(control: &Control, host: &str, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let until = control.hosts.get(host)?.paused_until;
    ahead::is_paused(until, now).then(|| until.trunc_subsecs(0))
}

/// The requests of a run to one host.
struct Used {
    batch_id: String,
    at: DateTime<Utc>,
    length: Duration,
    usage: HostUsage,
}

/// For each of `hosts`, the newest run that asked it.
fn last_uses<'a>(
    root: &Root,
    mut hosts: BTreeSet<&'a str>,
    damage: &mut Damage,
) -> anyhow::Result<BTreeMap<&'a str, Used>> {
    let (mut found, mut n_runs) = (BTreeMap::new(), 0);
    root.state.visit_runs(&HistoryFilter::default(), &mut |visited| {
        match visited {
            Visited::Damaged(damaged) => damage.note(damaged),
            Visited::Record(run) => {
                n_runs += 1;
                let asked = |host: &&str| run.requests.contains_key(*host);
                for host in hosts.iter().copied().filter(asked).collect::<Vec<_>>() {
                    hosts.remove(host);
                    found.insert(host, Used::of(&run, host));
                }
            }
        }
        if hosts.is_empty() || N_RUNS <= n_runs {
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    })?;
    Ok(found)
}

impl Used {
    fn of(run: &RunRecord, host: &str) -> Self {
        Self {
            batch_id: run.batch_id.clone(),
            at: run.timestamp,
            length: Duration::from_secs(run.duration_seconds),
            usage: run.requests.get(host).copied().unwrap_or_default(),
        }
    }

    fn report(&self, quotas: &[Quota]) -> UseReport {
        let HostUsage { sent, throttled, waited_ms } = self.usage;
        let most = quotas.iter().map(|quota| quota.most_in(self.length));
        let most = most.fold(0, u64::saturating_add);
        let share_percent = sent.saturating_mul(100).checked_div(most).unwrap_or(0);
        let (batch_id, at) = (self.batch_id.clone(), self.at);
        UseReport { batch_id, at, sent, most, share_percent, throttled, waited_ms }
    }
}

/// What `limits --json` prints.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct LimitsReport {
    /// All hosts that a run or a seeding may ask.
    hosts: Vec<HostLimits>,
    /// Records of runs that cannot be read, each with file, position, reason and remedy.
    problems: Vec<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct HostLimits {
    /// The host.
    host: String,
    /// Its limits; each request counts for the one with the longest path that fits.
    limits: Vec<LimitReport>,
    /// The end of the pause that it asked for; absent when there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    paused_until: Option<DateTime<Utc>>,
    /// The newest run that asked it; absent when none of the newest 200 runs did.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_use: Option<UseReport>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct LimitReport {
    /// Host and path prefix, as `[limits]` in `pipeline.toml` names them.
    place: String,
    /// Which part of the program uses it.
    purpose: Purpose,
    /// The values that apply: the strictest of all plugins with the same host and path, changed by
    /// `pipeline.toml` of this root.
    rate: Rate,
}

impl LimitReport {
    fn of(quota: Quota) -> Self {
        Self { place: place(&quota), purpose: quota.purpose, rate: Rate::of(quota) }
    }
}

#[derive(Debug, Serialize, JsonSchema)]
struct UseReport {
    /// The run.
    batch_id: String,
    /// When it started.
    at: DateTime<Utc>,
    /// Number of its requests to the host.
    sent: u64,
    /// How many its limits allow in the time that it took.
    most: u64,
    /// `sent` in percent of `most`.
    share_percent: u64,
    /// Number of answers that asked for a pause.
    throttled: u64,
    /// Time spent waiting for limits and pauses, in milliseconds.
    waited_ms: u64,
}

impl fmt::Display for LimitsReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows: Vec<Vec<String>> = self.hosts.iter().flat_map(rows).collect();
        let headings = ["MAY BE ASKED", "FOR", "HOW OFTEN", "USED BY THE LAST RUN THAT ASKED"];
        write!(f, "{}", table(&headings, &rows))?;
        for HostLimits { host, paused_until, .. } in &self.hosts {
            if let Some(until) = paused_until {
                writeln!(f, "{host} asked for a pause until {until}")?;
            }
        }
        damage::write_problems(f, &self.problems)?;
        writeln!(
            f,
            "`[limits]` in pipeline.toml lowers a limit, and raises one only for a mirror here."
        )
    }
}

/// One row for each limit of `host`. What was used is known for the host only.
fn rows(host: &HostLimits) -> Vec<Vec<String>> {
    let row = |(limit, n): (&LimitReport, usize)| {
        let used = match &host.last_use {
            _ if n > 0 => String::new(),
            Some(used) => used.to_string(),
            None => "-".to_owned(),
        };
        let (purpose, rate) = (limit.purpose.as_str().to_owned(), limit.rate.to_string());
        vec![limit.place.clone(), purpose, rate, used]
    };
    host.limits.iter().zip(0..).map(row).collect()
}

impl fmt::Display for UseReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { batch_id, sent, most, share_percent, throttled, waited_ms, .. } = self;
        let of = counted(*most, "request", "requests");
        write!(f, "{share_percent} %: {sent} of {of}")?;
        if *throttled > 0 {
            write!(f, ", {throttled} throttled")?;
        }
        write!(f, ", {} s waited ({batch_id})", waited_ms / 1000)
    }
}
