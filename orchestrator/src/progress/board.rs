//! What each package does, and since when.

use std::{collections::BTreeSet, time::Duration};

use batch_core::model::PackageId;

use super::Phase;
use crate::screen::{Size, bar, clock};

/// The packages of a run. All times are times of the monotonic clock.
#[derive(Debug)]
pub(super) struct Board {
    began: Duration,
    n_expected: usize,
    ended: BTreeSet<PackageId>,
    /// In the order in which they were begun.
    under_way: Vec<Work>,
}

/// The work on a package.
#[derive(Debug)]
struct Work {
    package: PackageId,
    phase: Phase,
    /// The hosts whose answers it waits for, in the order of the requests.
    hosts: Vec<String>,
    /// The beginning of what [`Work::activity`] says.
    since: Duration,
}

impl Work {
    fn activity(&self) -> String {
        match self.hosts.first() {
            Some(host) => format!("waiting for {host}"),
            None => self.phase.activity().to_owned(),
        }
    }

    fn change(&mut self, now: Duration, change: impl FnOnce(&mut Self)) {
        let before = self.activity();
        change(self);
        if before != self.activity() {
            self.since = now;
        }
    }
}

impl Board {
    pub(super) fn new(now: Duration) -> Self {
        let (ended, under_way) = (BTreeSet::new(), vec![]);
        Self { began: now, n_expected: 0, ended, under_way }
    }

    /// `n` more packages will follow.
    pub(super) fn expect(&mut self, n: usize) {
        self.n_expected += n;
    }

    /// The work on `package` enters `phase`.
    pub(super) fn phase(&mut self, package: &PackageId, phase: Phase, now: Duration) {
        if let Some(work) = self.work(package) {
            work.change(now, |work| work.phase = phase);
        } else {
            let (package, hosts) = (package.clone(), vec![]);
            self.under_way.push(Work { package, phase, hosts, since: now });
        }
    }

    /// A request about `package` to `host` begins.
    pub(super) fn asks(&mut self, package: &PackageId, host: &str, now: Duration) {
        if let Some(work) = self.work(package) {
            work.change(now, |work| work.hosts.push(host.to_owned()));
        }
    }

    /// A request about `package` to `host` ended.
    pub(super) fn asked(&mut self, package: &PackageId, host: &str, now: Duration) {
        if let Some(work) = self.work(package) {
            work.change(now, |work| {
                if let Some(at) = work.hosts.iter().position(|it| it == host) {
                    work.hosts.remove(at);
                }
            });
        }
    }

    /// The work on `package` ended.
    pub(super) fn end(&mut self, package: &PackageId) {
        self.under_way.retain(|work| work.package != *package);
        self.ended.insert(package.clone());
    }

    fn work(&mut self, package: &PackageId) -> Option<&mut Work> {
        self.under_way.iter_mut().find(|work| work.package == *package)
    }

    /// One line for each package, as far as they fit on the screen, then one for all packages.
    /// Nothing before a package is expected.
    pub(super) fn lines(&self, size: Size, now: Duration) -> Vec<String> {
        if self.n_expected == 0 && self.under_way.is_empty() {
            return vec![];
        }
        let most = size.rows.saturating_sub(2).max(1);
        let is_cut = most < self.under_way.len();
        let n_shown = if is_cut { most - 1 } else { self.under_way.len() };
        let shown = &self.under_way[..n_shown];
        let packages: Vec<String> = shown.iter().map(|work| work.package.to_string()).collect();
        let activities: Vec<String> = shown.iter().map(Work::activity).collect();
        let (width, wide) = (longest(&packages), longest(&activities));
        let line = |((package, activity), work): ((&String, &String), &Work)| {
            let took = clock(now.saturating_sub(work.since));
            format!("{package:width$}  {activity:wide$}  {took}")
        };
        let mut lines: Vec<String> =
            packages.iter().zip(&activities).zip(shown).map(line).collect();
        if is_cut {
            lines.push(format!("and {} more", self.under_way.len() - n_shown));
        }
        lines.push(self.total(now));
        lines
    }

    fn total(&self, now: Duration) -> String {
        let (n_ended, n_expected) = (self.ended.len(), self.n_expected);
        let (bar, took) = (bar(n_ended, n_expected), clock(now.saturating_sub(self.began)));
        format!("{bar} {n_ended}/{n_expected} packages, {took}")
    }
}

fn longest(texts: &[String]) -> usize {
    texts.iter().map(String::len).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HIGH: Size = Size { columns: 80, rows: 24 };

    fn id(name: &str) -> PackageId {
        format!("npm:{name}").parse().unwrap()
    }

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn lines(board: &Board, size: Size, seconds: u64) -> Vec<String> {
        let line = |line: String| line.split_whitespace().collect::<Vec<_>>().join(" ");
        board.lines(size, at(seconds)).into_iter().map(line).collect()
    }

    fn check(board: &Board, seconds: u64, expected: &[&str]) {
        let all = lines(board, HIGH, seconds);
        let packages = &all[..all.len() - 1];
        assert_eq!(packages, expected, "after {seconds} s");
    }

    #[test]
    fn each_package_says_what_it_waits_for_and_since_when() {
        let mut board = Board::new(at(0));
        board.expect(2);
        let (lion, owl) = (&id("lion"), &id("owl"));
        board.phase(lion, Phase::Generate, at(1));
        check(&board, 3, &["npm:lion generating 0:02"]);
        board.asks(lion, "registry.npmjs.org", at(4));
        check(&board, 70, &["npm:lion waiting for registry.npmjs.org 1:06"]);
        board.asked(lion, "registry.npmjs.org", at(71));
        board.phase(owl, Phase::Generate, at(72));
        board.phase(lion, Phase::WaitForSlot, at(73));
        check(&board, 74, &["npm:lion waiting for a slot 0:01", "npm:owl generating 0:02"]);
        board.phase(lion, Phase::Install, at(75));
        // A second report of the same phase does not restart the clock.
        board.phase(lion, Phase::Install, at(80));
        check(&board, 3_700, &["npm:lion installing 1:00:25", "npm:owl generating 1:00:28"]);
        board.end(lion);
        check(&board, 3_700, &["npm:owl generating 1:00:28"]);
    }

    #[test]
    fn of_several_requests_the_oldest_is_shown() {
        let mut board = Board::new(at(0));
        let lion = &id("lion");
        board.expect(1);
        // Without a phase there is no line that could show it.
        board.asks(lion, "a.example", at(0));
        check(&board, 0, &[]);
        board.phase(lion, Phase::Generate, at(0));
        for host in ["a.example", "b.example", "a.example"] {
            board.asks(lion, host, at(1));
        }
        check(&board, 5, &["npm:lion waiting for a.example 0:04"]);
        board.asked(lion, "a.example", at(5));
        check(&board, 6, &["npm:lion waiting for b.example 0:01"]);
        board.asked(lion, "b.example", at(7));
        board.asked(lion, "a.example", at(8));
        check(&board, 9, &["npm:lion generating 0:01"]);
    }

    #[test]
    fn a_package_counts_once_however_often_it_ends() {
        let mut board = Board::new(at(10));
        let last = |board: &Board| lines(board, HIGH, 15).pop().unwrap();
        assert_eq!(lines(&board, HIGH, 15), [] as [&str; 0]);
        board.expect(1);
        assert_eq!(last(&board), format!("[{}] 0/1 packages, 0:05", "-".repeat(30)));
        board.expect(2);
        board.end(&id("lion"));
        board.end(&id("lion"));
        let bar = format!("{}{}", "#".repeat(10), "-".repeat(20));
        assert_eq!(last(&board), format!("[{bar}] 1/3 packages, 0:05"));
    }

    #[test]
    fn packages_that_do_not_fit_are_counted() {
        let mut board = Board::new(at(0));
        for n in 0..9 {
            board.phase(&id(&format!("n{n}")), Phase::Install, at(0));
        }
        let rows = |rows| lines(&board, Size { columns: 80, rows }, 0);
        assert_eq!(rows(24).len(), 10);
        assert_eq!(rows(11).len(), 10);
        let few = rows(6);
        assert_eq!(few[2..4], ["npm:n2 installing 0:00", "and 6 more"]);
        assert_eq!(few.len(), 5);
        assert_eq!(rows(1).len(), 2);
    }

    #[test]
    fn columns_are_aligned() {
        let mut board = Board::new(at(0));
        board.phase(&id("a"), Phase::Install, at(0));
        board.phase(&id("lion"), Phase::WaitForSlot, at(0));
        let lines = board.lines(HIGH, at(1));
        assert_eq!(lines[0], "npm:a     installing          0:01");
        assert_eq!(lines[1], "npm:lion  waiting for a slot  0:01");
    }
}
