//! What a terminal shows of a screen.

use super::*;

/// Both ends of a terminal.
#[derive(Clone)]
struct Terminal(Arc<Mutex<vt100::Parser>>);

impl Write for Terminal {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // The terminal driver ends lines in this way.
        let text = String::from_utf8(bytes.to_vec()).unwrap().replace("\r\n", "\n");
        let mut parser = self.0.lock().unwrap();
        for part in text.replace('\n', "\r\n").split_inclusive("\x1b[J") {
            let (before, erases) = match part.strip_suffix("\x1b[J") {
                Some(before) => (before, true),
                None => (part, false),
            };
            parser.process(before.as_bytes());
            if erases {
                // There, some terminals keep a copy of the screen in their history.
                assert_ne!(parser.screen().cursor_position(), (0, 0), "the screen is cleared");
                parser.process(b"\x1b[J");
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

const SIZE: Size = Size { columns: 20, rows: 6 };
const NARROW: Size = Size { columns: 10, rows: 4 };

fn terminal() -> Terminal {
    Terminal(Arc::new(Mutex::new(vt100::Parser::new(6, 20, 100))))
}

impl Terminal {
    fn screen(&self, size: fn() -> Size) -> Screen {
        let tty = Tty { size, set_discarding: |_| false };
        Screen::new(Box::new(self.clone()), Some(tty))
    }

    /// What it shows, without blank lines at the end.
    fn shown(&self) -> String {
        self.0.lock().unwrap().screen().contents().trim_end().to_owned()
    }
}

fn lines(words: &str) -> Vec<String> {
    words.split(", ").map(str::to_owned).collect()
}

#[test]
fn changing_lines_stay_below_everything_that_is_printed() {
    let terminal = terminal();
    let screen = terminal.screen(|| SIZE);
    screen.print(b"begins\n").unwrap();
    screen.open();
    screen.show(|_| lines("a: asks, 0 of 2"));
    assert_eq!(terminal.shown(), "begins\na: asks\n0 of 2");
    screen.show(|_| lines("a: installs, b: asks, 0 of 2"));
    assert_eq!(terminal.shown(), "begins\na: installs\nb: asks\n0 of 2");
    screen.print(b"ok a\n").unwrap();
    screen.show(|_| lines("b: asks, 1 of 2"));
    assert_eq!(terminal.shown(), "begins\nok a\nb: asks\n1 of 2");
    screen.close();
    assert_eq!(terminal.shown(), "begins\nok a");
    screen.show(|_| lines("too late"));
    screen.print(b"ends\n").unwrap();
    assert_eq!(terminal.shown(), "begins\nok a\nends");
}

#[test]
fn lines_are_cut_to_the_size_and_the_last_one_is_always_there() {
    let terminal = terminal();
    let screen = terminal.screen(|| SIZE);
    screen.open();
    screen.show(|_| (0..9).map(|n| format!("{n} {}", "x".repeat(90))).collect());
    let shown = terminal.shown();
    let shown: Vec<&str> = shown.lines().collect();
    assert_eq!(shown.len(), 5, "{shown:?}");
    assert!(shown.iter().all(|line| line.len() == 19), "{shown:?}");
    assert!(shown[4].starts_with("8 xx"), "{shown:?}");
    screen.close();
    assert_eq!(terminal.shown(), "");
}

#[test]
fn nothing_of_the_former_size_remains() {
    static NOW: Mutex<Size> = Mutex::new(SIZE);
    let terminal = terminal();
    let screen = terminal.screen(|| *NOW.lock().unwrap());
    screen.open();
    screen.print(b"ok a\n").unwrap();
    screen.show(|_| lines("b: installs and more, c: asks, 1 of 3"));
    for (now, expected) in [
        (NARROW, "ok a\nb: instal\nc: asks\n1 of 3"),
        (SIZE, "ok a\nb: installs and mor\nc: asks\n1 of 3"),
    ] {
        *NOW.lock().unwrap() = now;
        let (rows, columns) = (now.rows.try_into().unwrap(), now.columns.try_into().unwrap());
        terminal.0.lock().unwrap().screen_mut().set_size(rows, columns);
        screen.show(|_| lines("b: installs and more, c: asks, 1 of 3"));
        assert_eq!(terminal.shown(), expected);
    }
    screen.close();
    assert_eq!(terminal.shown(), "ok a");
}

#[test]
fn lines_at_the_end_of_the_screen_move_up_what_was_printed() {
    let terminal = terminal();
    let screen = terminal.screen(|| SIZE);
    screen.open();
    for n in 0..9 {
        screen.print(format!("ok {n}\n").as_bytes()).unwrap();
        screen.show(|_| lines("x: asks, y: asks, all"));
    }
    assert_eq!(terminal.shown(), "ok 6\nok 7\nok 8\nx: asks\ny: asks\nall");
    screen.close();
    assert_eq!(terminal.shown(), "ok 6\nok 7\nok 8");
}

#[test]
fn while_lines_change_ctrl_c_discards_nothing() {
    static SET: Mutex<Vec<bool>> = Mutex::new(vec![]);
    let set_discarding = |discards| {
        SET.lock().unwrap().push(discards);
        true
    };
    let tty = Tty { size: || SIZE, set_discarding };
    let screen = Screen::new(Box::new(io::sink()), Some(tty));
    screen.close();
    screen.open();
    screen.close();
    screen.close();
    assert_eq!(*SET.lock().unwrap(), [false, true]);
}

#[test]
fn a_file_gets_only_what_is_printed() {
    struct File(Arc<Mutex<Vec<u8>>>);
    impl Write for File {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let written = Arc::new(Mutex::new(vec![]));
    let screen = Screen::new(Box::new(File(Arc::clone(&written))), None);
    assert!(!screen.is_terminal());
    screen.open();
    screen.show(|_| lines("a: asks"));
    screen.print(b"ok a\n").unwrap();
    screen.close();
    assert_eq!(*written.lock().unwrap(), b"ok a\n");
}
