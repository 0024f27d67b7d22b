//! What a person sees on a real terminal: the program runs on a pseudo terminal, and an emulator
//! shows its screen.

use std::{
    fs::File,
    io::{Read as _, Write as _},
    os::fd::OwnedFd,
    process::{Child, Command},
    sync::{Arc, Condvar, Mutex},
    time::Duration,
};

use libtest_mimic::Trial;
use rustix::{
    pty::{OpenptFlags, grantpt, ioctl_tiocgptpeer, openpt, unlockpt},
    termios::{LocalModes, Winsize, tcgetattr, tcsetwinsize},
};

use crate::{
    registry::{self, Hold, Package},
    root::{TestRoot, obstacle_to_npm, program},
    trial,
    waiting::LIMIT,
};

pub(crate) fn trials() -> Vec<Trial> {
    let obstacle = obstacle_to_npm().or_else(obstacle_to_terminals);
    let tests: [(&str, fn()); 3] = [
        ("on_a_terminal_each_package_says_what_it_waits_for_and_stays_when_it_ends", shows_work),
        ("ctrl_c_leaves_nothing_dead_on_a_terminal", ctrl_c_clears),
        ("ctrl_c_again_and_again_leaves_nothing_dead_on_a_terminal", more_ctrl_c_clear),
    ];
    tests.into_iter().map(|(name, test)| trial(name, test, obstacle.as_deref())).collect()
}

/// Why no program can be given a terminal of its own here; `None` if that is possible.
fn obstacle_to_terminals() -> Option<String> {
    let setsid = Command::new("setsid").arg("--version").output();
    let is_there = setsid.is_ok_and(|output| output.status.success());
    (!is_there).then(|| "setsid (util-linux) is not installed".to_owned())
}

/// The terminal of a program that runs.
struct Terminal {
    /// The other end of the program's terminal.
    keyboard: File,
    seen: Arc<(Mutex<Seen>, Condvar)>,
    program: Child,
}

struct Seen {
    emulator: vt100::Parser,
    /// Every screen that was shown.
    screens: Vec<String>,
    /// Whether nobody can write to the terminal any more.
    has_ended: bool,
}

fn winsize(rows: u16, columns: u16) -> Winsize {
    Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 }
}

impl Terminal {
    /// The program with `args` on a terminal of 24 lines and 80 columns, which controls it.
    fn run(root: &TestRoot, args: &[&str]) -> Self {
        let keyboard = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&keyboard).unwrap();
        unlockpt(&keyboard).unwrap();
        tcsetwinsize(&keyboard, winsize(24, 80)).unwrap();
        let terminal: OwnedFd =
            ioctl_tiocgptpeer(&keyboard, OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        let again = || terminal.try_clone().unwrap();
        let program = Command::new("setsid")
            .args(["--ctty", "--wait"])
            .arg(program())
            .arg("--root")
            .arg(root.dir.path())
            .args(args)
            .stdin(again())
            .stdout(again())
            .stderr(again())
            .spawn()
            .unwrap();
        drop(terminal);
        let keyboard = File::from(keyboard);
        let emulator = vt100::Parser::new(24, 80, 0);
        let seen = Seen { emulator, screens: vec![], has_ended: false };
        let seen = Arc::new((Mutex::new(seen), Condvar::new()));
        let (shown, output) = (Arc::clone(&seen), keyboard.try_clone().unwrap());
        std::thread::spawn(move || show(output, &shown));
        Self { keyboard, seen, program }
    }

    /// Waits for a screen that satisfies `is_so`, among those after the first `n_before`. Returns
    /// the number of screens up to it.
    #[track_caller]
    fn wait_for(&self, n_before: usize, what: &str, is_so: impl Fn(&str) -> bool) -> usize {
        let (seen, changed) = &*self.seen;
        let found = |seen: &Seen| seen.screens.iter().skip(n_before).position(|it| is_so(it));
        let seen = seen.lock().unwrap();
        let goes_on = |seen: &mut Seen| found(seen).is_none() && !seen.has_ended;
        let (seen, _) = changed.wait_timeout_while(seen, LIMIT, goes_on).unwrap();
        match found(&seen) {
            Some(at) => n_before + at + 1,
            None => panic!("waited in vain for {what}: {:#?}", seen.screens.last()),
        }
    }

    /// As the key combination does: the kernel sends SIGINT to all processes of the terminal.
    fn press_ctrl_c(&self) {
        let _ = (&self.keyboard).write_all(b"\x03");
    }

    /// Whether the program has ended within `limit`.
    fn has_ended(&self, limit: Duration) -> bool {
        let (seen, changed) = &*self.seen;
        let goes_on = |seen: &mut Seen| !seen.has_ended;
        changed.wait_timeout_while(seen.lock().unwrap(), limit, goes_on).unwrap().0.has_ended
    }

    /// Makes the window smaller or larger, as a person does with the mouse. The emulator, which
    /// wraps lines that are longer than its window, always has the larger one of both sizes.
    #[track_caller]
    fn resize(&self, (rows, columns): (u16, u16), what: &str, is_so: impl Fn(&str) -> bool) {
        let set_emulator = || {
            let mut seen = self.seen.0.lock().unwrap();
            seen.emulator.screen_mut().set_size(rows, columns);
            seen.screens.len()
        };
        let is_larger = self.seen.0.lock().unwrap().emulator.screen().size().1 < columns;
        let n_before =
            if is_larger { set_emulator() } else { self.seen.0.lock().unwrap().screens.len() };
        // The kernel sends SIGWINCH to the program.
        tcsetwinsize(&self.keyboard, winsize(rows, columns)).unwrap();
        self.wait_for(n_before, what, is_so);
        if !is_larger {
            set_emulator();
        }
    }

    /// Waits for the end of the program. Returns its exit code, and the screen at the end.
    #[track_caller]
    fn end(mut self) -> (Option<i32>, String) {
        let has_ended = self.has_ended(LIMIT);
        let seen = Arc::clone(&self.seen);
        let seen = seen.0.lock().unwrap();
        let screen = seen.emulator.screen();
        assert!(has_ended, "the program does not end: {}", screen.contents());
        assert!(!screen.hide_cursor(), "the cursor is hidden");
        let modes = tcgetattr(&self.keyboard).unwrap().local_modes;
        assert!(!modes.contains(LocalModes::NOFLSH), "the terminal has another mode than before");
        let code = self.program.wait().unwrap().code();
        (code, screen.contents())
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.program.kill();
        let _ = self.program.wait();
    }
}

/// Shows what comes from the program, until it and all its children have ended.
fn show(mut output: File, shown: &(Mutex<Seen>, Condvar)) {
    let mut bytes = [0; 4096];
    loop {
        let n_read = output.read(&mut bytes).unwrap_or(0);
        let mut seen = shown.0.lock().unwrap();
        for &byte in &bytes[..n_read] {
            seen.emulator.process(&[byte]);
            // Each state of the changing lines ends with a return to the beginning of the line.
            if byte == b'\r' {
                let screen = seen.emulator.screen().contents();
                if seen.screens.last() != Some(&screen) {
                    seen.screens.push(screen);
                }
            }
        }
        if n_read == 0 {
            seen.has_ended = true;
        }
        shown.1.notify_all();
        if n_read == 0 {
            return;
        }
    }
}

/// The line about `package`, without repeated spaces.
fn line_of(screen: &str, package: &str) -> Option<String> {
    let mut lines = screen.lines().map(|it| it.split_whitespace().collect::<Vec<_>>().join(" "));
    lines.find(|line| line.starts_with(package))
}

/// Lines that only a running program shows: bars, and lines with a clock.
fn dead(screen: &str) -> Vec<&str> {
    let is_clock = |word: &str| {
        let (minutes, seconds) = word.split_once(':').unwrap_or_default();
        seconds.len() == 2 && [minutes, seconds].iter().all(|it| it.parse::<u8>().is_ok())
    };
    let is_dead = |line: &&str| {
        line.starts_with("[-") || line.starts_with("[#") || line.split(' ').any(is_clock)
    };
    screen.lines().filter(is_dead).collect()
}

fn shows_work() {
    // The last package is held until everything else was seen, however busy the machine is. What the
    // others do takes longer than the time between two screens.
    let names = ["lion", "otter", "owl", registry::HELD];
    let packages = names.map(|name| Package::tool(name, if name == "lion" { 8_000 } else { 0 }));
    let (origin, held) = registry::serve_held(packages, Duration::from_secs(1), Hold::Named);
    let root = TestRoot::new(&origin, "");
    root.put_pending(&names);
    let terminal = Terminal::run(&root, &["run", "--ecosystem", "npm", "--jobs", "2"]);
    for activity in
        ["waiting for registry.npmjs.org", "waiting for a slot", "installing", "verifying"]
    {
        let says = |screen: &str| {
            let of = |name| line_of(screen, &format!("npm:{name} {activity} ")).is_some();
            names.into_iter().any(of)
        };
        terminal.wait_for(0, activity, says);
    }
    terminal.wait_for(0, "a clock that ticks", |screen| {
        let line = line_of(screen, "npm:lion verifying");
        line.is_some_and(|line| !line.ends_with(" 0:00"))
    });
    let last = |screen: &str| screen.lines().last().unwrap_or_default().to_owned();
    terminal.resize((10, 30), "lines that are cut to the width", |screen| {
        // Lines about packages that have ended stay as they are.
        let mut changing = screen.lines().filter(|line| !line.starts_with("ok "));
        changing.all(|line| line.len() < 30) && last(screen).starts_with('[')
    });
    terminal.resize((24, 80), "lines of the former width", |screen| {
        last(screen).starts_with('[') && last(screen).contains("/4 packages, ")
    });
    terminal.wait_for(0, "a finished package above the others", |screen| {
        let at = |text: &str| screen.lines().position(|line| line.contains(text));
        // Two that end at nearly the same time are on one screen.
        let all = (1..=3).find_map(|n| at(&format!("] {n}/4 packages")));
        at("ok   npm:").is_some_and(|ended| all.is_some_and(|all| ended < all))
    });
    held.close();
    let (code, screen) = terminal.end();
    assert_eq!(code, Some(0), "{screen}");
    for name in names {
        assert!(line_of(&screen, &format!("ok npm:{name} in ")).is_some(), "{screen}");
    }
    assert_eq!(dead(&screen), [] as [&str; 0], "{screen}");
    assert!(screen.contains("4 of 4 verified"), "{screen}");
}

/// A run of two tools, of which the second one takes `delay_ms` to print its version. The first one
/// has ended, and the second one is being verified.
fn verifying(delay_ms: u64) -> (TestRoot, Terminal) {
    let packages = [Package::tool("a1", 0), Package::tool(registry::HELD, delay_ms)];
    // Which one is generated first depends on the machine: the second one cannot end before the
    // first one, for its files come later.
    let (origin, held) = registry::serve_held(packages, Duration::ZERO, Hold::Named);
    let root = TestRoot::new(&origin, "");
    root.put_pending(&["a1", registry::HELD]);
    let terminal = Terminal::run(&root, &["run", "--ecosystem", "npm", "--jobs", "2"]);
    terminal.wait_for(0, "the first one", |screen| screen.contains("ok   npm:a1 in "));
    held.close();
    let is_verified = format!("npm:{} verifying ", registry::HELD);
    terminal.wait_for(0, "the next one", |screen| line_of(screen, &is_verified).is_some());
    (root, terminal)
}

#[track_caller]
fn check_interrupted(terminal: Terminal, lines: &[&str]) {
    let (code, screen) = terminal.end();
    assert_eq!(code, Some(130), "{screen}");
    for line in lines {
        assert!(line_of(&screen, line).is_some(), "{line:?} is not in: {screen}");
    }
    assert_eq!(dead(&screen), [] as [&str; 0], "{screen}");
}

fn ctrl_c_clears() {
    let (_root, terminal) = verifying(10_000);
    terminal.press_ctrl_c();
    let second = format!("ok npm:{} in ", registry::HELD);
    let lines = ["ok npm:a1 in ", "warning: interrupted: what has begun", &second];
    check_interrupted(terminal, &lines);
}

fn more_ctrl_c_clear() {
    let (_root, terminal) = verifying(600_000);
    // One that follows too closely does not count.
    while !terminal.has_ended(Duration::from_millis(300)) {
        terminal.press_ctrl_c();
    }
    let lines = ["ok npm:a1 in ", "warning: interrupted: what has begun"];
    check_interrupted(terminal, &lines);
}
