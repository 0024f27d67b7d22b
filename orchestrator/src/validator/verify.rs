//! Whether what a verify command printed is what the recipe expects.

use batch_core::model::{FailureKind, Verify};

/// What is wrong with a verification.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mismatch {
    /// The failure to record.
    pub(super) kind: FailureKind,
    /// Expectation and finding, in one line.
    pub(super) reason: String,
}

/// What a command printed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Said<'a> {
    /// As it came: this is judged.
    pub(super) output: &'a str,
    /// Cleaned: this is quoted.
    pub(super) shown: &'a str,
}

/// Judges `said` and `exit_code` of the verify command of a recipe for `version`.
///
/// `{version}` in a pattern stands for the version without a leading `v`. A pattern that is empty
/// expects nothing of the output.
pub(super) fn judge(
    verify: &Verify,
    version: &str,
    exit_code: i32,
    said: Said<'_>,
) -> Result<(), Mismatch> {
    let expected_code = verify.exit_code.unwrap_or(0);
    if i64::from(exit_code) != expected_code {
        let kind = FailureKind::VerifyFailed;
        let reason = format!("{:?} failed with exit code {exit_code}", verify.command);
        return Err(Mismatch { kind, reason });
    }
    let version = version.trim_start_matches('v');
    let patterns = verify.patterns.iter().chain([&verify.pattern]);
    for pattern in patterns.map(|pattern| pattern.replace("{version}", version)) {
        if !said.output.contains(&pattern) {
            let kind = FailureKind::VerifyPatternMismatch;
            let found: String = said.shown.trim().chars().take(200).collect();
            let reason = format!(
                "pattern mismatch: {:?} printed {found:?}, without {pattern:?}",
                verify.command
            );
            return Err(Mismatch { kind, reason });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(pattern: &str, exit_code: i32, output: &str, expected: Option<FailureKind>) {
        let verify = Verify {
            command: "x --version".to_owned(),
            pattern: pattern.to_owned(),
            ..Verify::default()
        };
        let found = judge(&verify, "v1.2.3", exit_code, Said { output, shown: output }).err();
        assert_eq!(found.map(|mismatch| mismatch.kind), expected, "{output}");
    }

    #[test]
    fn the_version_must_be_printed_and_the_command_must_end_well() {
        check("{version}", 0, "x 1.2.3 (linux)\n", None);
        check("{version}", 0, "x 1.2.4\n", Some(FailureKind::VerifyPatternMismatch));
        check("{version}", 0, "", Some(FailureKind::VerifyPatternMismatch));
        check("{version}", 1, "x 1.2.3\n", Some(FailureKind::VerifyFailed));
        check("", 0, "anything", None);
    }
}
