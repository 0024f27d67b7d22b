//! Failures to compile a program, and to load one.

use super::{Draft, FailureView, MAX_SUBJECT, Owner, reason::reason, shown};

pub(super) fn libc(failure: &FailureView<'_>) -> Draft {
    const LIBRARIES: &str = "error while loading shared libraries: ";
    let name = failure.name();
    let fact = failure.message.lines().find_map(|line| {
        if let Some((program, library)) = line.split_once(LIBRARIES) {
            let program = program.trim().trim_end_matches(':');
            let (program, library) =
                (program.rsplit('/').next()?, library.split(':').next()?.trim());
            return Some(format!("{program}: the shared library {library} is missing"));
        }
        if let Some((_, version)) = line.split_once("version `") {
            let version = version.split(['\'', '`', ' ']).next()?;
            return Some(format!("{name}: it needs {version}, which this environment lacks"));
        }
        let lower = line.to_ascii_lowercase();
        let other = ["cannot execute binary file", "exec format error"];
        other
            .iter()
            .any(|it| lower.contains(it))
            .then(|| format!("{name}: its program is built for another processor or system"))
    });
    if let Some(fact) = fact {
        return Draft::new(fact, None, Owner::Package);
    }
    let fact = format!("{name}: its program needs another libc");
    Draft::new(fact, reason(failure), Owner::Package)
}

pub(super) fn build(failure: &FailureView<'_>) -> Draft {
    let name = failure.name();
    if let Some(needed) = failure.message.lines().find_map(missing_for_build) {
        let fact = format!("{name}: it cannot be compiled without {needed}");
        return Draft::new(fact, None, Owner::Package);
    }
    let error = |line: &str| {
        let at = line.find(": error: ").or_else(|| line.find(": fatal error: "))?;
        let said = line[at + 2..].split_once(": ").map(|(_, said)| said)?;
        Some(shown::readable(said))
    };
    let reason = failure.message.lines().find_map(error).or_else(|| reason(failure));
    Draft::new(format!("{name}: it cannot be compiled"), reason, Owner::Package)
}

/// The header, the library or the program that a line of a build reports as missing.
fn missing_for_build(line: &str) -> Option<String> {
    let word = |text: &str| {
        let text = text.trim().trim_matches(|c: char| "'\"`:,.".contains(c));
        let is_name = !text.is_empty()
            && text.len() <= MAX_SUBJECT
            && !text.contains(|c: char| c.is_whitespace() || c.is_control());
        is_name.then(|| shown::readable(text))
    };
    let between = |before: &str, after: &str| {
        let rest = &line[line.find(before)? + before.len()..];
        word(&rest[..rest.find(after)?])
    };
    let header = between("fatal error: ", ": No such file or directory");
    let library = || {
        let at = line.find("cannot find -l")? + "cannot find -l".len();
        word(line[at..].split([' ', ':']).next()?)
    };
    let program = || {
        between("linker `", "` not found")
            .or_else(|| line.split_once("Error: not found: ").and_then(|(_, it)| word(it)))
            .or_else(|| {
                let before = line.strip_suffix(": not found")?;
                let before = before.strip_suffix(": command").unwrap_or(before);
                word(before.rsplit([' ', '/']).next()?)
            })
            .or_else(|| {
                let before = line.strip_suffix(": command not found")?;
                word(before.rsplit([' ', '/']).next()?)
            })
            .or_else(|| between("error: command '", "' failed: No such file or directory"))
    };
    header
        .map(|it| format!("the header {it}"))
        .or_else(|| library().map(|it| format!("the library {it}")))
        .or_else(|| program().map(|it| format!("the program {it}")))
}
