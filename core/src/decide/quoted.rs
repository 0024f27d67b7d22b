//! Recognises lines that repeat what somebody else wrote, by their form: a compiler quotes the
//! source code that it could not compile, and `configure` lists the functions that it looks for.
//! Such a line may contain any words, and none of them is a cause.
//!
//! All texts here are in lower case.

use memchr::memchr;

use crate::model::FailureKind;

/// The beginnings of lines that say what is looked for, whether it is found or not.
const CHECKS: &[&str] = &["checking ", "-- looking for ", "-- performing test "];
/// The text between a position in a source file and a compiler's message about it.
const REMARKS: &[&str] = &[": warning: ", ": note: "];
const ERRORS_OF_SOURCE: &[&str] = &[": error: ", ": fatal error: "];
/// Parts of lines that may be a compiler's error, in lower case.
pub(super) const ERRORS: [&str; 3] = ["error[e", ERRORS_OF_SOURCE[0], ERRORS_OF_SOURCE[1]];
const NO_SPACE: &str = "no space left on device";

/// Whether `line` is a check, a line of source code, or a compiler's message about a line of source
/// code.
pub(super) fn is_quoted(line: &str) -> bool {
    let line = line.trim();
    CHECKS.iter().any(|check| line.starts_with(check))
        || is_source(line)
        || speaks_of_source(line, REMARKS)
        || is_compile_error(line)
}

/// Whether `line` alone shows that a source file does not compile.
pub(super) fn is_compile_error(line: &str) -> bool {
    let line = line.trim();
    let code = line.strip_prefix("error[e").and_then(|rest| rest.split_once(']'));
    code.is_some_and(|(code, _)| is_number(code)) || speaks_of_source(line, ERRORS_OF_SOURCE)
}

/// A line of the form `12 | text`, or the marks below it: `| ^^^^`.
fn is_source(line: &str) -> bool {
    line.trim_start_matches(|c: char| c.is_ascii_digit()).trim_start().starts_with('|')
}

/// A line of the form `file.c:12:5: error: text`.
fn speaks_of_source(line: &str, words: &[&str]) -> bool {
    let place = |word: &&str| line.split_once(*word).map(|(place, _)| place);
    let is_place = |place: &str| place.rsplit_once(':').is_some_and(|(_, n)| is_number(n));
    words.iter().filter_map(place).any(is_place)
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// What the programs of a failed build say about the machine: lines whose form differs from quoted
/// source code and from a compiler's messages about it.
pub(super) fn machine_fault(text: &str) -> Option<FailureKind> {
    let next = text.lines().skip(1).chain([""]);
    text.lines().zip(next).find_map(|(line, next)| {
        let said = line.trim();
        if said.is_empty() {
            None
        } else if is_kill(said) {
            Some(FailureKind::OutOfMemory)
        } else if is_full_disk(said, line, next) {
            Some(FailureKind::DiskFull)
        } else {
            None
        }
    })
}

/// Only the kernel kills compilers and linkers in this way, when memory is short.
fn is_kill(said: &str) -> bool {
    let cargo = "process didn't exit successfully: `";
    said.starts_with(cargo) && said.ends_with("` (signal: 9, sigkill: kill)")
        || is_of_program(said, ": fatal error: killed signal terminated program ")
        || is_of_program(said, ": internal compiler error: killed (program ")
        || is_of_program(said, ": fatal error: ld terminated with signal 9 [killed]")
        || said.starts_with("memory allocation of ") && said.ends_with(" bytes failed")
        || is_of_program(said, ": signal: killed") && said.ends_with(": signal: killed")
        || said.starts_with("go build ") && said.ends_with(": signal: killed")
        || said.starts_with("make")
            && said.contains(": *** [")
            && (said.ends_with("] killed") || said.ends_with("] error 137"))
}

fn is_full_disk(said: &str, line: &str, next: &str) -> bool {
    // Errors of rustc about source code are followed by the position in the source.
    let is_of_rustc = line.starts_with("error: ") && !next.trim_start().starts_with("-->");
    is_of_rustc && said.ends_with("no space left on device (os error 28)")
        || is_of_program(said, ": final link failed: ") && said.ends_with(NO_SPACE)
        || is_of_program(said, ": fatal error: error writing to ") && said.ends_with(NO_SPACE)
        || is_of_program(said, ": mapping output file failed: ") && said.ends_with(NO_SPACE)
        || said.starts_with("compile: writing output: ") && said.ends_with(NO_SPACE)
        || said.starts_with("llvm error: io failure on output stream: ") && said.ends_with(NO_SPACE)
}

/// Whether `words` follow directly after the name of a program.
fn is_of_program(said: &str, words: &str) -> bool {
    let is_name = |name: &str| !name.contains([' ', '|', '"', '\'', '#', '(']);
    // No name contains a colon, and all words begin with one.
    let (name, rest) = said.split_at(memchr(b':', said.as_bytes()).unwrap_or(said.len()));
    rest.starts_with(words) && !name.is_empty() && is_name(name)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn lines_of_source_and_checks_are_quoted() {
        for line in [
            "1 | const enospc: &str = 28;",
            "   12 |   puts(\"connection refused\");",
            "  |      ^^^^^^ not found",
            "      |   ^~~~~~",
            "checking for getaddrinfo... no",
            "-- looking for getaddrinfo - not found",
            "x.c:3:5: warning: connection refused [-wpedantic]",
            "/t/x.h:12: note: no such host",
            "x.c:1:2: error: #error no space left on device",
        ] {
            assert!(is_quoted(line), "{line}");
        }
    }

    #[test]
    fn messages_of_the_tool_itself_are_not_quoted_text() {
        for line in [
            "error: could not compile `x` (bin \"x\") due to 1 previous error",
            "curl: (6) could not resolve host: example.org",
            "cc: fatal error: killed signal terminated program cc1",
            "  [7] could not connect to server (failed to connect to example.org port 443)",
            "note: connection refused",
            "│ exit code: 1",
            "m.go:3:2: example.org/x@v1.0.0: get \"https://proxy.example/x\": no such host",
        ] {
            assert!(!is_quoted(line), "{line}");
        }
    }

    #[test]
    fn build_programs_report_machine_faults_in_separate_lines() {
        let check = |text: &str, kind| assert_eq!(machine_fault(text), kind, "{text}");
        let (memory, disk) = (Some(FailureKind::OutOfMemory), Some(FailureKind::DiskFull));
        check("  process didn't exit successfully: `rustc x` (signal: 9, sigkill: kill)", memory);
        check("  cc: fatal error: killed signal terminated program cc1", memory);
        check("/go/pkg/tool/link: signal: killed", memory);
        check("make[1]: *** [makefile:3: x.o] killed", memory);
        check("/usr/bin/ld: final link failed: no space left on device", disk);
        check("cc1: fatal error: error writing to /tmp/x.s: no space left on device", disk);
        check("  llvm error: io failure on output stream: no space left on device", disk);
        check("error: failed to write `x`: no space left on device (os error 28)\n\n", disk);
    }

    #[test]
    fn quoted_source_code_is_not_a_machine_fault() {
        for text in [
            "1 | \"process didn't exit successfully: `x` (signal: 9, sigkill: kill)\"",
            "error: no space left on device (os error 28)\n --> src/main.rs:1:1",
            "error: no space left on device",
            "x.c:1:2: error: #error /bin/x: signal: killed",
            "x.c:1:2: error: fatal error: out of memory",
            "./m.go:3:13: cannot use \": signal: killed\" (untyped string constant) as int value",
            "thread 'main' panicked at build.rs:1:13:\nno space left on device (os error 28)",
        ] {
            assert_eq!(machine_fault(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_line_is_accepted(line: String) {
            let _ = (is_quoted(&line), is_compile_error(&line), machine_fault(&line));
        }
    }
}
