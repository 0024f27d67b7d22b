//! Standard error. On a terminal its last lines can change, below everything else that is printed.
//!
//! The cursor rests at the beginning of the first changing line. Everything from the cursor to the
//! end of the screen can then be erased, however many lines it takes. No line of a former state
//! remains after the window was resized, because a terminal that wraps long lines anew moves the
//! cursor with the text.

use std::{
    io::{self, IsTerminal as _, Write},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use batch_core::io::Clock;
use rustix::{
    process::getpgrp,
    termios::{LocalModes, OptionalActions, tcgetattr, tcgetpgrp, tcgetwinsize, tcsetattr},
};
use tokio::task::AbortHandle;

/// How often changing lines are drawn.
const EVERY: Duration = Duration::from_millis(100);
/// The size of a terminal that does not tell its size.
const USUAL: Size = Size { columns: 80, rows: 24 };

/// Erases everything from the beginning of the line to the end of the screen, and leaves the cursor
/// there (ECMA-48; DECSC and DECRC).
///
/// The line of the cursor is erased by itself. If everything were erased from the first line of the
/// screen, some terminals, among them tmux, would take it for the clearing of the screen and keep a
/// copy of it in their history each time.
const ERASE_BELOW: &str = "\r\x1b7\x1b[2K\x1b[B\x1b[J\x1b8";
/// Turns the wrapping of long lines off and on (DECAWM). A window can become smaller after its size
/// was read.
const WRAPPING: [&str; 2] = ["\x1b[?7l", "\x1b[?7h"];

/// The size of a terminal, in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the usual words")]
pub struct Size {
    pub columns: usize,
    pub rows: usize,
}

/// The only writer to standard error while a command runs.
pub struct Screen(Mutex<State>);

/// A terminal.
#[derive(Clone, Copy)]
pub(crate) struct Tty {
    /// Its size now.
    pub(crate) size: fn() -> Size,
    /// Sets whether Ctrl-C discards what it has not shown yet. Returns whether that was changed.
    pub(crate) set_discarding: fn(bool) -> bool,
}

struct State {
    out: Box<dyn Write + Send>,
    /// `None` if it is not a terminal.
    tty: Option<Tty>,
    /// The changing lines; `None` when nobody shows any.
    lines: Option<Vec<String>>,
    /// What was drawn last, and for which size.
    drawn: Option<(Vec<String>, Size)>,
    /// Whether the terminal must be told at the end that Ctrl-C may discard output again.
    is_kept: bool,
}

impl Screen {
    /// The standard error of this process.
    pub fn of_stderr() -> Self {
        let tty = Tty { size: size_of_stderr, set_discarding: set_discarding_of_stderr };
        Self::new(Box::new(io::stderr()), io::stderr().is_terminal().then_some(tty))
    }

    /// A screen that writes to `out`. `tty` is `None` if that is not a terminal.
    pub(crate) fn new(out: Box<dyn Write + Send>, tty: Option<Tty>) -> Self {
        Self(Mutex::new(State { out, tty, lines: None, drawn: None, is_kept: false }))
    }

    /// Whether it is a terminal, which can show changing lines.
    pub fn is_terminal(&self) -> bool {
        self.state().tty.is_some()
    }

    /// Prints `text`, which consists of whole lines, above the changing lines.
    pub fn print(&self, text: &[u8]) -> io::Result<()> {
        let mut state = self.state();
        state.erase()?;
        state.out.write_all(text)?;
        state.draw()
    }

    /// Erases the changing lines. From now on there are none.
    pub fn close(&self) {
        let mut state = self.state();
        state.lines = None;
        // There is nobody to tell that standard error cannot be written.
        let _ = state.erase();
        if let Some(tty) = state.tty.filter(|_| state.is_kept) {
            (tty.set_discarding)(true);
            state.is_kept = false;
        }
    }

    fn open(&self) {
        let mut state = self.state();
        state.lines = Some(vec![]);
        // If a part of the changing lines were discarded, nobody would know where the cursor is.
        state.is_kept = state.tty.is_some_and(|tty| (tty.set_discarding)(false));
    }

    /// Shows `lines` of the present size of the terminal in place of those before. Nothing happens
    /// after [`Screen::close`].
    fn show(&self, lines: impl FnOnce(Size) -> Vec<String>) {
        let mut state = self.state();
        let Some(tty) = state.tty.filter(|_| state.lines.is_some()) else { return };
        state.lines = Some(lines((tty.size)()));
        let _ = state.draw();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn erase(&mut self) -> io::Result<()> {
        if self.drawn.take().is_some() {
            self.out.write_all(ERASE_BELOW.as_bytes())?;
        }
        self.out.flush()
    }

    /// Draws the changing lines, unless they are on the screen already.
    fn draw(&mut self) -> io::Result<()> {
        let (Some(lines), Some(tty)) = (&self.lines, self.tty) else { return self.out.flush() };
        if lines.is_empty() {
            return self.erase();
        }
        let now = (lines.clone(), (tty.size)());
        if self.drawn.as_ref() == Some(&now) {
            return self.out.flush();
        }
        let frame = frame(lines, now.1);
        self.drawn = Some(now);
        self.out.write_all(frame.as_bytes())?;
        self.out.flush()
    }
}

/// Erases the former lines, writes `lines`, and moves the cursor back to the beginning of the first
/// one. Lines are cut to the width, and the first ones are left out if the screen is too low.
fn frame(lines: &[String], size: Size) -> String {
    let n_shown = lines.len().min(size.rows.saturating_sub(1).max(1));
    let shown = lines[lines.len() - n_shown..].iter();
    // A line of the full width would wrap on some terminals.
    let cut = |line: &String| line.chars().take(size.columns.saturating_sub(1)).collect::<String>();
    let text = shown.map(cut).collect::<Vec<_>>().join("\r\n");
    let up = if 1 < n_shown { format!("\x1b[{}A", n_shown - 1) } else { String::new() };
    let [off, on] = WRAPPING;
    format!("{ERASE_BELOW}{off}{text}{on}{up}\r")
}

fn size_of_stderr() -> Size {
    match tcgetwinsize(io::stderr()) {
        Ok(size) if size.ws_col != 0 && size.ws_row != 0 => {
            Size { columns: size.ws_col.into(), rows: size.ws_row.into() }
        }
        Ok(_) | Err(_) => USUAL,
    }
}

/// Changes the mode NOFLSH of the terminal. A process in the background leaves it alone, because it
/// would be stopped.
fn set_discarding_of_stderr(discards: bool) -> bool {
    let tty = io::stderr();
    let Ok(mut modes) = tcgetattr(&tty) else { return false };
    let is_changed = modes.local_modes.contains(LocalModes::NOFLSH) == discards;
    let is_in_foreground = tcgetpgrp(&tty) == Ok(getpgrp());
    modes.local_modes.set(LocalModes::NOFLSH, !discards);
    is_changed && is_in_foreground && tcsetattr(&tty, OptionalActions::Now, &modes).is_ok()
}

/// Writes what it gets to a [`Screen`]. Each piece consists of whole lines.
pub struct ScreenWriter(pub Arc<Screen>);

impl Write for ScreenWriter {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        self.0.print(text).map(|()| text.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Lines that change, drawn again and again until this value is dropped, which erases them.
pub struct ChangingLines {
    screen: Arc<Screen>,
    drawing: AbortHandle,
    lines: Arc<dyn Fn(Size) -> Vec<String> + Send + Sync>,
}

impl ChangingLines {
    /// Shows `lines`. To be called in a runtime.
    pub fn new(
        screen: Arc<Screen>,
        clock: Arc<dyn Clock>,
        lines: impl Fn(Size) -> Vec<String> + Send + Sync + 'static,
    ) -> Self {
        let lines: Arc<dyn Fn(Size) -> Vec<String> + Send + Sync> = Arc::new(lines);
        screen.open();
        let (drawn_on, drawn) = (Arc::clone(&screen), Arc::clone(&lines));
        let drawing = tokio::spawn(async move {
            loop {
                drawn_on.show(|size| drawn(size));
                clock.sleep(EVERY).await;
            }
        });
        Self { screen, drawing: drawing.abort_handle(), lines }
    }

    /// Draws the lines now, before something else is printed above them.
    pub fn draw(&self) {
        self.screen.show(|size| (self.lines)(size));
    }
}

impl Drop for ChangingLines {
    fn drop(&mut self) {
        self.drawing.abort();
        self.screen.close();
    }
}

/// The width of a bar between its brackets, in characters.
const BAR: usize = 30;

/// A bar that shows how many `of` all are done; empty if there are none.
pub fn bar(n: usize, of: usize) -> String {
    let n_full = BAR.saturating_mul(n).checked_div(of).unwrap_or(0).min(BAR);
    format!("[{}{}]", "#".repeat(n_full), "-".repeat(BAR - n_full))
}

/// A duration as a clock shows it: `0:07`, `12:34`, `1:02:03`.
pub fn clock(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    match hours {
        0 => format!("{minutes}:{seconds:02}"),
        _ => format!("{hours}:{minutes:02}:{seconds:02}"),
    }
}

#[cfg(test)]
mod tests;
