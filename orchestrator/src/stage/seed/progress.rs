//! What a person sees during a seeding, on standard error. None of it is a record.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use batch_core::{
    decide::seeding::{Visited, Walk},
    io::Clock,
    model::{EcosystemId, SeedVerdict},
};

use crate::{
    counted::counted,
    screen::{ChangingLines, Screen, bar, clock},
};

/// Without a terminal, a line is printed after this many packages.
const LINE_EVERY: usize = 100;

/// Shows the progress of the seeding of every ecosystem: on a terminal one line for each of them,
/// which changes; otherwise a line now and then.
pub struct Progress(Option<Shown>);

struct Shown {
    clock: Arc<dyn Clock>,
    /// The ecosystems that are being seeded.
    of: Arc<Mutex<BTreeMap<EcosystemId, Tally>>>,
    /// `None` if changing lines cannot be shown.
    changing: Option<ChangingLines>,
}

/// What was done for one ecosystem since this process began.
#[derive(Debug, Clone, Copy, Default)]
struct Tally {
    /// The time of the first fact.
    began: Duration,
    /// How many packages were looked at until then.
    n_first: usize,
    n_seen: usize,
    expected: Option<usize>,
    /// How many packages the last printed line told of.
    n_told: usize,
}

impl Progress {
    /// Shows the progress on `screen`, and nothing when `quiet`. To be called in a runtime.
    pub fn new(screen: &Arc<Screen>, clock: &Arc<dyn Clock>, quiet: bool) -> Self {
        Self((!quiet).then(|| Shown::new(screen, clock)))
    }

    /// Shows nothing.
    pub fn silent() -> Self {
        Self(None)
    }

    /// A new fact is known.
    pub fn at(&self, walk: &Walk<'_>) {
        if let Some(shown) = &self.0 {
            shown.at(walk);
        }
    }

    /// The seeding has ended.
    pub fn ended(&self, walk: &Walk<'_>) {
        if let Some(shown) = &self.0 {
            lock(&shown.of).remove(walk.ecosystem());
        }
    }
}

impl Shown {
    fn new(screen: &Arc<Screen>, clock: &Arc<dyn Clock>) -> Self {
        let of = Arc::<Mutex<BTreeMap<EcosystemId, Tally>>>::default();
        let (tallies, now) = (Arc::clone(&of), Arc::clone(clock));
        let lines = move |_| {
            let bar =
                |(ecosystem, tally): (&EcosystemId, &Tally)| tally.bar(ecosystem, now.monotonic());
            lock(&tallies).iter().map(bar).collect()
        };
        let clock = Arc::clone(clock);
        let changing = screen
            .is_terminal()
            .then(|| ChangingLines::new(Arc::clone(screen), Arc::clone(&clock), lines));
        Self { clock, of, changing }
    }

    fn at(&self, walk: &Walk<'_>) {
        let (now, ecosystem) = (self.clock.monotonic(), walk.ecosystem());
        let mut of = lock(&self.of);
        let first = Tally { began: now, n_first: walk.n_seen(), ..Tally::default() };
        let tally = of.entry(ecosystem.clone()).or_insert(first);
        (tally.n_seen, tally.expected) = (walk.n_seen(), walk.expected());
        if self.changing.is_none() && tally.n_told + LINE_EVERY <= tally.n_seen {
            tally.n_told = tally.n_seen;
            let is_tool =
                |visited: &&Visited| matches!(visited.verdict, Some(SeedVerdict::Tool { .. }));
            let n_tools = walk.visited().iter().filter(is_tool).count();
            tracing::info!("{}", tally.line(ecosystem, n_tools, now));
        }
    }
}

impl Tally {
    /// Packages per second since the first fact.
    fn rate(&self, now: Duration) -> f64 {
        let took = now.saturating_sub(self.began).as_secs_f64();
        let n = u32::try_from(self.n_seen - self.n_first).unwrap_or(u32::MAX);
        if took > 0.0 { f64::from(n) / took } else { 0.0 }
    }

    /// The time that the rest will take at this rate; `None` if that cannot be told.
    fn left(&self, now: Duration) -> Option<Duration> {
        let n_left = u32::try_from(self.expected?.saturating_sub(self.n_seen)).ok()?;
        let rate = self.rate(now);
        (rate > 0.0).then(|| Duration::from_secs_f64(f64::from(n_left) / rate))
    }

    fn bar(&self, ecosystem: &EcosystemId, now: Duration) -> String {
        let n_seen = self.n_seen;
        let (bar, of) = match self.expected {
            Some(all) => (bar(n_seen, all), format!("/{all}")),
            None => (bar(0, 1), String::new()),
        };
        let left = self.left(now).map(|left| format!(", {} to go", clock(left)));
        let (ecosystem, left) = (ecosystem.as_str(), left.unwrap_or_default());
        format!("{ecosystem:10} {bar} {n_seen}{of} packages, {:.1}/s{left}", self.rate(now))
    }

    fn line(&self, ecosystem: &EcosystemId, n_tools: usize, now: Duration) -> String {
        let Self { n_seen, expected, .. } = self;
        let seen = match expected {
            Some(all) => format!("{n_seen} of about {}", counted(*all, "package", "packages")),
            None => counted(*n_seen, "package", "packages"),
        };
        let tools = counted(n_tools, "new tool", "new tools");
        let left = self.left(now).map(|left| format!(", about {} s to go", left.as_secs()));
        let (rate, left) = (self.rate(now), left.unwrap_or_default());
        format!("{ecosystem}: {seen} looked at, {tools}, {rate:.1}/s{left}")
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ZOO: EcosystemId = EcosystemId::from_static("zoo");

    fn tally(n_seen: usize, expected: Option<usize>) -> Tally {
        let began = Duration::from_secs(100);
        Tally { began, n_first: 10, n_seen, expected, n_told: 0 }
    }

    #[test]
    fn the_rate_counts_from_the_first_fact_and_says_how_long_the_rest_takes() {
        let now = Duration::from_secs(110);
        let line = tally(50, Some(450)).line(&ZOO, 3, now);
        let expected =
            "zoo: 50 of about 450 packages looked at, 3 new tools, 4.0/s, about 100 s to go";
        assert_eq!(line, expected);
        let bar = tally(150, Some(450)).bar(&ZOO, now);
        assert_eq!(
            bar,
            "zoo        [##########--------------------] 150/450 packages, 14.0/s, 0:21 to go"
        );
    }

    #[test]
    fn what_is_unknown_is_not_shown() {
        let now = Duration::from_secs(110);
        let bar = tally(10, Some(90)).bar(&ZOO, now);
        assert!(bar.ends_with("] 10/90 packages, 0.0/s"), "{bar}");
        let bar = tally(50, None).bar(&ZOO, now);
        assert!(bar.ends_with("] 50 packages, 4.0/s"), "{bar}");
        let line = tally(10, None).line(&ZOO, 3, Duration::from_secs(100));
        assert_eq!(line, "zoo: 10 packages looked at, 3 new tools, 0.0/s");
    }
}
