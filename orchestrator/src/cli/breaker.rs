//! `breaker status`, `breaker open` and `breaker close`.

use std::fmt;

use batch_core::{
    decide::{
        breaker::{self, Admission},
        pause,
    },
    io::StateWriter as _,
    model::{Breaker, Control, EcosystemId, StoredBreaker},
};
use chrono::{DateTime, SubsecRound as _, TimeDelta, Utc};
use schemars::JsonSchema;
use serde::Serialize;

use super::{
    Context, names,
    out::table,
    period::age,
    push::{self, PushArgs},
};
use crate::{env::Root, exit::Exit};

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Show the circuit breaker of each ecosystem
    Status,
    /// Open a circuit breaker: its ecosystem attempts nothing, and is probed afterwards
    Open {
        #[command(flatten)]
        change: Change,
        /// How long: a number of hours or days, such as 2h or 1d
        #[arg(long = "for", value_name = "PERIOD", default_value = "24h", value_parser = age)]
        period: TimeDelta,
    },
    /// Close a circuit breaker: its next run is a whole batch
    Close {
        #[command(flatten)]
        change: Change,
    },
}

#[derive(Debug, clap::Args)]
pub(super) struct Change {
    #[command(flatten)]
    which: Which,
    /// Why, for the log of the breakers
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// Show the result, and write nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    push: PushArgs,
}

#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
struct Which {
    /// The ecosystem
    #[arg(value_name = "ECOSYSTEM")]
    ecosystem: Option<String>,
    /// All ecosystems
    #[arg(long)]
    all: bool,
}

pub(super) async fn run(command: &Command, cx: &Context) -> anyhow::Result<Exit> {
    let now = cx.env.clock.now();
    match command {
        Command::Status => {
            let root = cx.open_root()?;
            let control = root.control(&cx.env.registry)?;
            cx.out.show(&BreakerReport::new(&control, (&root, cx, now)))?;
            Ok(Exit::Ok)
        }
        Command::Open { change, period } => {
            let until = now.trunc_subsecs(0) + *period;
            let opened = |breaker: &Breaker| pause::opened(breaker, until, &change.reason, now);
            carry_out(change, "open breakers", (cx, now), opened).await
        }
        Command::Close { change } => {
            carry_out(change, "close breakers", (cx, now), pause::closed).await
        }
    }
}

/// Changes the chosen breakers, and shows all of them.
async fn carry_out(
    args: &Change,
    title: &str,
    (cx, now): (&Context, DateTime<Utc>),
    change: impl Fn(&Breaker) -> Breaker,
) -> anyhow::Result<Exit> {
    let change = |root: &Root| {
        let control = changed(args, (root, cx, now), &change)?;
        Ok((BreakerReport::new(&control, (root, cx, now)), Exit::Ok))
    };
    push::change(&args.push, title, cx, change).await
}

/// Changes the chosen breakers, and adds a line to their log for each. Returns the new control file.
fn changed(
    args: &Change,
    (root, cx, now): (&Root, &Context, DateTime<Utc>),
    change: impl Fn(&Breaker) -> Breaker,
) -> anyhow::Result<Control> {
    let registry = &cx.env.registry;
    let chosen: Vec<EcosystemId> = match &args.which.ecosystem {
        Some(word) => vec![names::ecosystem(registry, word)?.id.clone()],
        None => registry.iter().map(|plugin| plugin.id.clone()).collect(),
    };
    let _no_run_in_between = root.state.exclusive()?;
    let mut control = root.control(registry)?;
    let mut transitions = vec![];
    for id in chosen {
        let before = control.breaker(&id);
        let after = change(&before);
        if after == before {
            continue;
        }
        transitions.push(pause::transition(&id, (&before, &after), &args.reason, now));
        let last_batch_id = before.last_batch.clone();
        let stored = StoredBreaker { last_batch_id, ..StoredBreaker::from(&after) };
        control.ecosystems.insert(id, stored);
    }
    if !args.dry_run {
        // Before the control file: a change that is in no log would be unexplained.
        for transition in &transitions {
            root.state.put_transition(transition)?;
        }
        if !transitions.is_empty() {
            root.state.put_control(&control)?;
        }
    }
    Ok(control)
}

/// What `breaker --json` prints.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct BreakerReport {
    /// In rotation order.
    ecosystems: Vec<BreakerLine>,
}

impl BreakerReport {
    fn new(control: &Control, (root, cx, now): (&Root, &Context, DateTime<Utc>)) -> Self {
        let policy = root.settings.breaker_policy();
        let line = |id: &EcosystemId| {
            let breaker = control.breaker(id);
            let state = match breaker::admission(&breaker, now, &policy) {
                Admission::Batch => BreakerState::Closed,
                Admission::Probes(_) | Admission::FirstOfQueue(_) => BreakerState::HalfOpen,
                Admission::Nothing(_) => BreakerState::Open,
            };
            let stored = StoredBreaker::from(&breaker);
            BreakerLine { ecosystem: id.clone(), state, breaker: stored }
        };
        Self { ecosystems: cx.env.registry.iter().map(|plugin| line(&plugin.id)).collect() }
    }
}

#[derive(Debug, Serialize, JsonSchema)]
struct BreakerLine {
    ecosystem: EcosystemId,
    /// The state now: an open breaker is half-open when its pause has passed.
    state: BreakerState,
    /// The breaker as it is stored.
    breaker: StoredBreaker,
}

#[derive(Debug, Clone, Copy, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum BreakerState {
    Closed,
    Open,
    HalfOpen,
}

impl fmt::Display for BreakerReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let row = |BreakerLine { ecosystem, state, breaker }: &BreakerLine| {
            let until = breaker.backoff_until.map(|until| until.trunc_subsecs(0).to_string());
            let state = match state {
                BreakerState::Closed => "closed".to_owned(),
                BreakerState::Open => format!("open until {}", until.unwrap_or_default()),
                BreakerState::HalfOpen => "half-open: its next run is a probe".to_owned(),
            };
            vec![ecosystem.to_string(), state, breaker.reason.clone().unwrap_or_default()]
        };
        let rows: Vec<Vec<String>> = self.ecosystems.iter().map(row).collect();
        f.write_str(&table(&["ecosystem", "breaker", "reason"], &rows))
    }
}
