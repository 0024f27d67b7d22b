//! What a person sees during a run, on standard error. None of it is a record.

mod board;
mod watch;

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use batch_core::{
    decide::headline::{FailureView, headline},
    io::{Clock, Http},
    model::{Fact, Generation, PackageId, Verdict},
};

use self::board::Board;
use crate::screen::{ChangingLines, Screen};

pub use self::watch::WatchedHttp;

/// The work on a package.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Asking the registry and building the recipe.
    Generate,
    /// Waiting until fewer recipes are validated at the same time.
    WaitForSlot,
    /// Preparing the sandbox and the files of the recipe.
    Prepare,
    /// Installing in the sandbox.
    Install,
    /// Running the verify command in the sandbox.
    Verify,
}

impl Phase {
    /// The name in messages.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Generate => "generate",
            Self::WaitForSlot => "wait",
            Self::Prepare => "prepare",
            Self::Install => "install",
            Self::Verify => "verify",
        }
    }

    /// What happens to the package in this phase.
    const fn activity(self) -> &'static str {
        match self {
            Self::Generate => "generating",
            Self::WaitForSlot => "waiting for a slot",
            Self::Prepare => "preparing",
            Self::Install => "installing",
            Self::Verify => "verifying",
        }
    }
}

/// Shows the progress of a run: one line for each package that ends, and below them on a terminal
/// what the others do.
#[derive(Default)]
pub struct Progress {
    is_shown: bool,
    bars: Mutex<Option<Bars>>,
}

struct Bars {
    clock: Arc<dyn Clock>,
    board: Arc<Mutex<Board>>,
    lines: ChangingLines,
}

impl Progress {
    /// Shows the progress on `screen`, and nothing when `quiet`. To be called in a runtime.
    pub fn new(screen: &Arc<Screen>, clock: &Arc<dyn Clock>, quiet: bool) -> Self {
        let bars = (screen.is_terminal() && !quiet).then(|| Bars::new(screen, clock));
        Self { is_shown: !quiet, bars: Mutex::new(bars) }
    }

    /// Shows nothing.
    pub fn silent() -> Self {
        Self::default()
    }

    /// `n_packages` more packages will follow.
    pub fn expect(&self, n_packages: usize) {
        self.change(|board, _| board.expect(n_packages));
    }

    /// The work on a package enters `phase`.
    pub fn phase(&self, package: &PackageId, phase: Phase) {
        tracing::debug!(package.id = %package, phase = phase.as_str(), "{} {package}", phase.as_str());
        self.change(|board, now| board.phase(package, phase, now));
    }

    /// `http`, with requests that are shown as requests about `package`.
    pub fn watch<'a>(&'a self, package: &'a PackageId, http: &'a dyn Http) -> WatchedHttp<'a> {
        WatchedHttp { http, progress: self, package }
    }

    fn asks(&self, package: &PackageId, host: &str) {
        self.change(|board, now| board.asks(package, host, now));
    }

    fn asked(&self, package: &PackageId, host: &str) {
        self.change(|board, now| board.asked(package, host, now));
    }

    /// A fact is known.
    pub fn fact(&self, fact: &Fact) {
        let Some((package, line)) = ended(fact) else { return };
        self.change(|board, _| board.end(package));
        if let Some(bars) = &*self.bars() {
            // No moment in which the package has ended above, and not below.
            bars.lines.draw();
        }
        if self.is_shown {
            tracing::info!("{line}");
        }
    }

    /// Removes the changing lines, because the summary follows.
    pub fn finish(&self) {
        self.bars().take();
    }

    fn change(&self, change: impl FnOnce(&mut Board, Duration)) {
        if let Some(Bars { clock, board, .. }) = &*self.bars() {
            change(&mut lock(board), clock.monotonic());
        }
    }

    fn bars(&self) -> MutexGuard<'_, Option<Bars>> {
        lock(&self.bars)
    }
}

impl Bars {
    fn new(screen: &Arc<Screen>, clock: &Arc<dyn Clock>) -> Self {
        let board = Arc::new(Mutex::new(Board::new(clock.monotonic())));
        let (shown, now) = (Arc::clone(&board), Arc::clone(clock));
        let lines = move |size| lock(&shown).lines(size, now.monotonic());
        let lines = ChangingLines::new(Arc::clone(screen), Arc::clone(clock), lines);
        Self { clock: Arc::clone(clock), board, lines }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The package whose work `fact` ends, and the result in one line.
fn ended(fact: &Fact) -> Option<(&PackageId, String)> {
    let seconds = |ms| Duration::from_millis(ms).as_secs_f64();
    match fact {
        Fact::Generated(generated) => {
            let Generation::Nothing(nothing) = &generated.made else { return None };
            let package = &generated.package_id;
            let version = nothing.facts.as_ref().map(|facts| format!(" {}", facts.version));
            let version = version.unwrap_or_default();
            let cause = headline(&FailureView::of_attempt(&nothing.failure, package));
            let took = seconds(generated.duration_ms);
            Some((package, format!("fail {package}{version} ({took:.1} s): {cause}")))
        }
        Fact::Validated(validated) => {
            let (package, place) = (&validated.package_id, validated.environment);
            let word = match validated.result {
                Verdict::Pass => "ok  ",
                Verdict::Fail => "fail",
                Verdict::Skipped { .. } => "skip",
                Verdict::Blocked => "wait",
            };
            let failure = validated.failure.as_ref();
            let cause = failure.map(|it| headline(&FailureView::of_attempt(it, package)));
            let cause = cause.map(|line| format!(": {line}"));
            let (cause, took) = (cause.unwrap_or_default(), seconds(validated.duration_ms));
            Some((package, format!("{word} {package} in {place} ({took:.1} s){cause}")))
        }
        Fact::Deferred(deferred) => {
            let (package, host) = (&deferred.package_id, &deferred.host);
            Some((package, format!("later {package}: {host} asked for a pause")))
        }
        Fact::Started(_)
        | Fact::Began(_)
        | Fact::Discovered(_)
        | Fact::Recovered(_)
        | Fact::Finished(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use async_trait::async_trait;
    use batch_core::io::{CachedFile, HttpError, Request, Response, SystemClock};
    use futures_util::poll;

    use super::*;
    use crate::screen::{Size, Tty};

    /// A server that never answers.
    struct Silent;

    #[async_trait]
    impl Http for Silent {
        async fn send(&self, _: Request) -> Result<Response, HttpError> {
            std::future::pending().await
        }

        async fn fetch_to_cache(&self, _: Request) -> Result<CachedFile, HttpError> {
            std::future::pending().await
        }
    }

    const SIZE: Size = Size { columns: 80, rows: 24 };
    const TTY: Tty = Tty { size: || SIZE, set_discarding: |_| false };

    fn first_line(progress: &Progress) -> String {
        let bars = progress.bars();
        let lines = lock(&bars.as_ref().unwrap().board).lines(SIZE, Duration::MAX);
        lines.into_iter().next().unwrap_or_default()
    }

    #[test]
    fn a_request_is_shown_until_it_ends_or_nobody_waits_for_it() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let screen = Arc::new(Screen::new(Box::new(std::io::sink()), Some(TTY)));
            let clock: Arc<dyn Clock> = Arc::new(SystemClock::default());
            let progress = Progress::new(&screen, &clock, false);
            let lion = "npm:lion".parse().unwrap();
            progress.phase(&lion, Phase::Generate);
            let http = progress.watch(&lion, &Silent);
            let url = "https://registry.example/lion";
            let mut answer = http.send(Request::get(url, &[], &[]).unwrap());
            let mut file = http.fetch_to_cache(Request::get(url, &[], &[]).unwrap());
            assert!(poll!(&mut answer).is_pending() && poll!(&mut file).is_pending());
            let waits = |line: String| line.contains("waiting for registry.example");
            assert!(waits(first_line(&progress)));
            drop(answer);
            assert!(waits(first_line(&progress)));
            drop(file);
            assert!(first_line(&progress).contains("generating"));
            progress.finish();
            progress.phase(&lion, Phase::Verify);
            assert!(progress.bars().is_none());
        });
    }

    #[test]
    fn nothing_changes_without_a_terminal_or_when_quiet() {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::default());
        let screen = |tty| Arc::new(Screen::new(Box::new(std::io::sink()), tty));
        assert!(Progress::new(&screen(None), &clock, false).bars().is_none());
        assert!(Progress::new(&screen(Some(TTY)), &clock, true).bars().is_none());
        assert!(Progress::silent().bars().is_none());
    }
}
