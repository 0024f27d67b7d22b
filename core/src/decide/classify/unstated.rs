//! Whether a text in which no rule finds a cause reports a failure at all.

use crate::decide::patterns::{cut, is_remark};

/// The beginnings of lines that report a failure.
const BEGINNINGS: &[&str] = &[
    "error",
    "fatal",
    "panic",
    "failed",
    "failure",
    "exception",
    "traceback",
    "cannot ",
    "could not ",
    "couldn't ",
    "can't ",
    "unable to ",
    "err!",
    "e: ",
    "! ",
    "abort",
];
/// Parts of lines that report one.
const PARTS: &[&str] = &[
    ": error",
    " error: ",
    " err! ",
    " failed: ",
    " failed with ",
    ": failed",
    "exception: ",
    "permission denied",
    "no such file or directory",
    ": not found",
    ": cannot ",
    ": fatal",
    " panicked at ",
    "segmentation fault",
    "core dumped",
    "npm error ",
];

/// Whether a whole line of `text` reports a failure. Where `text` was cut, its last line does not count:
/// its beginning announces a reason that is lost.
pub(super) fn reports_failure(text: &str) -> bool {
    let text = text.to_lowercase();
    let kept = cut(&text).map_or(&*text, |kept| kept.rsplit_once('\n').map_or("", |(all, _)| all));
    kept.lines().map(str::trim).any(|line| {
        let begins = BEGINNINGS.iter().any(|start| line.starts_with(start));
        !is_remark(line) && (begins || PARTS.iter().any(|part| line.contains(part)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_reported_by_a_whole_line() {
        for text in [
            "Error: the moon is in the wrong phase",
            "Installing x\nx: error: it is odd\nbye",
            "npm error Oh\nnpm error...",
            "sh: 1: x: Permission denied",
        ] {
            assert!(reports_failure(text), "{text}");
        }
        for text in [
            "",
            "Installing ruby...\n✅ libyaml@0.2.5\nStep 3/4: ...",
            "warning: error: nothing to see",
            "Installing x\nInstallation failed: step 1 (x) fai...",
            "   Installing 1 packages with hash verification",
            "❌ x@1.0.0\nIns...",
        ] {
            assert!(!reports_failure(text), "{text}");
        }
    }
}
