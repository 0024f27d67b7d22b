//! What a person sees while a run is under way. On standard error; nothing of it is a record.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use batch_core::model::{Fact, Made, PackageId, Verdict};
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

/// What is being done with a package.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Asking the registry and building the recipe.
    Generate,
    /// Installing in the sandbox.
    Install,
    /// Running the verify command in the sandbox.
    Verify,
}

impl Phase {
    /// For a person.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Generate => "generate",
            Self::Install => "install",
            Self::Verify => "verify",
        }
    }
}

/// Shows a run as it goes.
pub struct Progress(Shown);

enum Shown {
    Nothing,
    /// Where bars would be a mess.
    Lines,
    Bars(Bars),
}

struct Bars {
    all: MultiProgress,
    total: ProgressBar,
    under_way: Mutex<BTreeMap<PackageId, ProgressBar>>,
}

impl Progress {
    /// Bars on a terminal, a line for each package that ends elsewhere, nothing when `quiet`.
    pub fn new(is_terminal: bool, quiet: bool) -> Self {
        Self(match (quiet, is_terminal) {
            (true, _) => Shown::Nothing,
            (false, false) => Shown::Lines,
            (false, true) => Shown::Bars(Bars::new()),
        })
    }

    /// Shows nothing.
    pub fn silent() -> Self {
        Self(Shown::Nothing)
    }

    /// So many packages more are to come.
    pub fn expect(&self, n_packages: usize) {
        if let Shown::Bars(bars) = &self.0 {
            bars.total.inc_length(u64::try_from(n_packages).unwrap_or(0));
        }
    }

    /// A package goes on to `phase`.
    pub fn phase(&self, package: &PackageId, phase: Phase) {
        tracing::debug!(package.id = %package, phase = phase.as_str(), "{} {package}", phase.as_str());
        if let Shown::Bars(bars) = &self.0 {
            bars.phase(package, phase);
        }
    }

    /// Something happened.
    pub fn fact(&self, fact: &Fact) {
        let Some((package, line)) = ended(fact) else { return };
        match &self.0 {
            Shown::Nothing => (),
            Shown::Lines => tracing::info!("{line}"),
            Shown::Bars(bars) => bars.ended(package),
        }
    }

    /// Takes the bars away: what follows is the summary.
    pub fn finish(&self) {
        if let Shown::Bars(bars) = &self.0 {
            bars.total.finish_and_clear();
            let _ = bars.all.clear();
        }
    }
}

impl Bars {
    fn new() -> Self {
        let all = MultiProgress::with_draw_target(ProgressDrawTarget::stderr());
        let total = all.add(ProgressBar::new(0));
        let style = ProgressStyle::with_template("{bar:30} {pos}/{len} packages, {elapsed}");
        total.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        Self { all, total, under_way: Mutex::default() }
    }

    fn phase(&self, package: &PackageId, phase: Phase) {
        let mut under_way = self.under_way();
        let bar = under_way.entry(package.clone()).or_insert_with(|| {
            let bar = self.all.insert_before(&self.total, ProgressBar::new_spinner());
            bar.enable_steady_tick(Duration::from_millis(120));
            bar
        });
        bar.set_message(format!("{package}: {}", phase.as_str()));
    }

    fn ended(&self, package: &PackageId) {
        let bar = self.under_way().remove(package);
        if let Some(bar) = bar {
            bar.finish_and_clear();
        }
        self.total.inc(1);
    }

    fn under_way(&self) -> MutexGuard<'_, BTreeMap<PackageId, ProgressBar>> {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The package that `fact` ends the work on, and what became of it in one line.
fn ended(fact: &Fact) -> Option<(&PackageId, String)> {
    let seconds = |ms| Duration::from_millis(ms).as_secs_f64();
    match fact {
        Fact::Generated(generated) => {
            let Made::Nothing(nothing) = &generated.made else { return None };
            let package = &generated.package_id;
            let version = nothing.facts.as_ref().map(|facts| format!(" {}", facts.version));
            let (version, kind) = (version.unwrap_or_default(), nothing.failure.finding.kind);
            let took = seconds(generated.duration_ms);
            Some((package, format!("fail {package}{version}: {kind} ({took:.1} s)")))
        }
        Fact::Validated(validated) => {
            let (package, place) = (&validated.package_id, validated.environment);
            let word = match validated.result {
                Verdict::Pass => "ok  ",
                Verdict::Fail => "fail",
                Verdict::Skipped { .. } => "skip",
                Verdict::Blocked => "wait",
            };
            let cause = validated.failure.as_ref().map(|it| format!(": {}", it.finding.kind));
            let (cause, took) = (cause.unwrap_or_default(), seconds(validated.duration_ms));
            Some((package, format!("{word} {package} in {place}{cause} ({took:.1} s)")))
        }
        Fact::Started(_) | Fact::Began(_) | Fact::Recovered(_) | Fact::Finished(_) => None,
    }
}
