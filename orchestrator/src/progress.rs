//! What a person sees while a run is under way. On standard error; nothing of it is a record.

use std::{collections::BTreeMap, sync::Mutex, time::Duration};

use batch_core::model::{Attempt, Outcome, PackageId};
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::stage::Phase;

/// Shows a run as it goes.
pub struct Progress {
    bars: MultiProgress,
    total: ProgressBar,
    under_way: Mutex<BTreeMap<PackageId, ProgressBar>>,
    /// Lines instead of bars, where bars would be a mess.
    lines: bool,
}

impl Progress {
    /// Bars on a terminal, a line for each package that ends elsewhere, nothing when `quiet`.
    pub fn new(n_packages: usize, is_terminal: bool, quiet: bool) -> Self {
        let target = if is_terminal && !quiet {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        };
        let bars = MultiProgress::with_draw_target(target);
        let style = "{bar:30} {pos}/{len} packages, {elapsed}";
        let total = bars.add(ProgressBar::new(u64::try_from(n_packages).unwrap_or(0)));
        total.set_style(
            ProgressStyle::with_template(style).unwrap_or_else(|_| ProgressStyle::default_bar()),
        );
        let lines = !is_terminal && !quiet;
        Self { bars, total, under_way: Mutex::default(), lines }
    }

    /// A package goes on to `phase`.
    pub fn phase(&self, package: &PackageId, phase: Phase) {
        tracing::debug!(package.id = %package, phase = phase.as_str(), "{} {package}", phase.as_str());
        let mut under_way =
            self.under_way.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let bar = under_way.entry(package.clone()).or_insert_with(|| {
            let bar = self.bars.insert_before(&self.total, ProgressBar::new_spinner());
            bar.enable_steady_tick(Duration::from_millis(120));
            bar
        });
        bar.set_message(format!("{package}: {}", phase.as_str()));
    }

    /// An attempt ended.
    pub fn ended(&self, attempt: &Attempt) {
        let bar = self
            .under_way
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .remove(&attempt.package);
        if let Some(bar) = bar {
            bar.finish_and_clear();
        }
        self.total.inc(1);
        if self.lines {
            tracing::info!("{}", line(attempt));
        }
    }

    /// Takes the bars away: what follows is the summary.
    pub fn finish(&self) {
        self.total.finish_and_clear();
        let _ = self.bars.clear();
    }
}

/// One attempt in one line.
pub fn line(attempt: &Attempt) -> String {
    let seconds = Duration::from_millis(attempt.worked_ms).as_secs_f64();
    let version = attempt.upstream_version.as_deref().map(|v| format!(" {v}")).unwrap_or_default();
    let package = &attempt.package;
    match &attempt.outcome {
        Outcome::Succeeded { recipe, .. } => {
            format!("ok   {package}{version} -> recipe {recipe} ({seconds:.1} s)")
        }
        Outcome::Failed(failure) => {
            format!("fail {package}{version}: {} ({seconds:.1} s)", failure.finding.kind)
        }
    }
}
