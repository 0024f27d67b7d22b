//! What a person sees while queues are filled. On standard error; nothing of it is a record.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use batch_core::{
    decide::seeding::Walk,
    model::{EcosystemId, SeedVerdict},
};
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Without a terminal, a line comes after so many packages.
const LINE_EVERY: usize = 100;

/// Shows every ecosystem's seeding as it goes.
pub struct Progress {
    bars: MultiProgress,
    of: Mutex<BTreeMap<EcosystemId, Shown>>,
    /// Lines instead of bars, where bars would be a mess.
    lines: bool,
}

struct Shown {
    bar: ProgressBar,
    n_told: usize,
}

impl Progress {
    /// Bars on a terminal, lines elsewhere, nothing when `quiet`.
    pub fn new(is_terminal: bool, quiet: bool) -> Self {
        let target = if is_terminal && !quiet {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        };
        let bars = MultiProgress::with_draw_target(target);
        Self { bars, of: Mutex::default(), lines: !is_terminal && !quiet }
    }

    /// A fact more is known.
    pub fn at(&self, walk: &Walk<'_>) {
        let (n_seen, expected) = (walk.n_seen(), walk.expected());
        let mut of = self.of.lock().unwrap_or_else(PoisonError::into_inner);
        let shown = of.entry(walk.ecosystem().clone()).or_insert_with(|| self.show(walk));
        shown.bar.set_position(n_seen as u64);
        if let Some(expected) = expected {
            shown.bar.set_length(expected as u64);
        }
        if self.lines && shown.n_told + LINE_EVERY <= n_seen {
            shown.n_told = n_seen;
            tracing::info!("{}", line(walk, &shown.bar));
        }
    }

    /// No more will come of this one.
    pub fn ended(&self, walk: &Walk<'_>) {
        let mut of = self.of.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(shown) = of.remove(walk.ecosystem()) {
            shown.bar.finish_and_clear();
        }
    }

    fn show(&self, walk: &Walk<'_>) -> Shown {
        let bar = self.bars.add(ProgressBar::new(0));
        let style = "{prefix:10} {bar:30} {pos}/{len} packages, {per_sec}, {eta} to go";
        let style = ProgressStyle::with_template(style);
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        bar.set_prefix(walk.ecosystem().to_string());
        bar.enable_steady_tick(Duration::from_millis(250));
        Shown { bar, n_told: 0 }
    }
}

fn line(walk: &Walk<'_>, bar: &ProgressBar) -> String {
    let is_tool = |verdict: &Option<SeedVerdict>| matches!(verdict, Some(SeedVerdict::Tool { .. }));
    let n_tools = walk.visited().iter().filter(|visited| is_tool(&visited.verdict)).count();
    let of = walk.expected().map(|all| format!(" of about {all}")).unwrap_or_default();
    let (n_seen, rate) = (walk.n_seen(), bar.per_sec());
    let end = match walk.expected() {
        Some(_) => format!(", about {} s to go", bar.eta().as_secs()),
        None => String::new(),
    };
    let ecosystem = walk.ecosystem();
    format!("{ecosystem}: {n_seen}{of} packages looked at, {n_tools} new tools, {rate:.1}/s{end}")
}
