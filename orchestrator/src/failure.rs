//! Builds the failure to record from the evidence.

use std::path::Path;

use batch_core::{
    decide::{classify, clean::Cleaner, evidence, tsuku::Cause},
    model::{Evidence, Failure, FailureKind, Finding, PackageId, Stage},
    plugin::EcosystemPlugin,
};
use batch_sandbox::{Ended, Report};

/// A failure whose cause this program states itself.
pub fn failure(stage: Stage, finding: Finding, message: &str, package: &PackageId) -> Failure {
    Source { package, cleaner: &Cleaner::default(), works: None }.failure(stage, finding, message)
}

/// The subject of recorded failures. Foreign texts are cleaned here, where they enter the program.
#[derive(Debug, Clone, Copy)]
pub struct Source<'a> {
    /// The package that failed.
    pub package: &'a PackageId,
    /// Removes secrets and paths of this machine from texts.
    pub cleaner: &'a Cleaner,
    /// The folder that contains the work folders, if there are any.
    pub works: Option<&'a Path>,
}

impl Source<'_> {
    /// A failure whose cause this program states, possibly quoting foreign text.
    pub fn failure(&self, stage: Stage, finding: Finding, message: &str) -> Failure {
        let message = evidence::stated(&self.text(message));
        self.recorded(stage, finding, message)
    }

    /// `said`, cleaned, so that it can be stored and shown.
    pub fn text(&self, said: &str) -> String {
        match self.works {
            Some(works) => self.cleaner.output(said.as_bytes(), works),
            None => self.cleaner.text(said.as_bytes()),
        }
    }

    /// The failure of an install step.
    pub fn of_install(&self, plugin: &EcosystemPlugin, tool: &str, report: &Report) -> Failure {
        let text = self.text(&report.output);
        let stopped = |kind| Finding::stated(kind).of_service("sandbox");
        let finding = match report.ended {
            Ended::TimedOut => stopped(FailureKind::BuildTimeout),
            Ended::OutOfMemory => stopped(FailureKind::OutOfMemory),
            Ended::DiskFull => stopped(FailureKind::DiskFull),
            // Caused by the package. It would happen on any machine.
            Ended::TooManyProcesses | Ended::TooManyFiles | Ended::OutputFlood => {
                Finding::stated(FailureKind::InstallFailed)
            }
            Ended::Exited | Ended::Cancelled => {
                let (stage, tool) = (Stage::Validate, tool.to_owned());
                let evidence =
                    Evidence { stage, tool, exit_code: report.exit_code, text: text.clone() };
                let own = plugin.classifier.classify(&evidence);
                classify::finding(&evidence, own)
            }
        };
        let text = text + &self.refused_text(report);
        self.of_report(finding, stopped_text(report).as_deref(), &text, report)
    }

    /// The failure of a call of the package manager's own program, with the `cause` from its output.
    pub fn of_call(&self, stage: Stage, cause: Cause, exit_code: Option<i32>) -> Failure {
        let output = self.text(&cause.text);
        let message = match output.trim() {
            "" => silent(exit_code),
            _ => evidence::message(&output),
        };
        let blocked_by = cause.blocked_by;
        Failure { output, exit_code, blocked_by, ..self.recorded(stage, cause.finding, message) }
    }

    /// Connections that the sandbox refused, one on each line. They explain the output of the tool
    /// and decide nothing, because the package chose the addresses.
    pub fn refused_text(&self, report: &Report) -> String {
        let line = |reason: &String| format!("\nsandbox: not connected to {reason}");
        self.text(&report.refused.iter().map(line).collect::<String>())
    }

    /// The failure of a verify command that did not end by itself.
    pub fn of_verify(&self, command: &str, report: &Report) -> Failure {
        let text = self.text(&report.output);
        let kind = match report.ended {
            Ended::TimedOut => FailureKind::VerifyTimeout,
            Ended::OutOfMemory
            | Ended::DiskFull
            | Ended::TooManyProcesses
            | Ended::TooManyFiles
            | Ended::OutputFlood
            | Ended::Exited
            | Ended::Cancelled => FailureKind::VerifyFailed,
        };
        let how = stopped_text(report).unwrap_or_else(|| "ended by a signal".to_owned());
        let stated = self.text(&format!("error: {command:?} {how}"));
        self.of_report(Finding::stated(kind), Some(&stated), &text, report)
    }

    /// The failure of a verify command whose exit code or output differs from the recipe.
    pub fn of_mismatch(&self, kind: FailureKind, reason: &str, report: &Report) -> Failure {
        let text = self.text(&report.output);
        let evidence = Evidence {
            stage: Stage::Validate,
            tool: String::new(),
            exit_code: report.exit_code,
            text: text.clone(),
        };
        // A missing shared library says more than the exit code that follows from it.
        let stated = classify::finding(&evidence, None);
        let is_libc = stated.kind == FailureKind::LibcMismatch;
        let finding = if is_libc { stated } else { Finding::stated(kind) };
        let reason = self.text(&format!("error: {reason}"));
        self.of_report(finding, Some(&reason), &text, report)
    }

    /// `stated` is the message of this program. It follows the output of the tool.
    fn of_report(
        &self,
        finding: Finding,
        stated: Option<&str>,
        text: &str,
        report: &Report,
    ) -> Failure {
        let said = match stated {
            Some(stated) => format!("{text}\n{stated}"),
            None if text.trim().is_empty() => silent(report.exit_code),
            None => text.to_owned(),
        };
        let message = evidence::message(&said);
        let mut failure = self.recorded(Stage::Validate, finding, message);
        text.clone_into(&mut failure.output);
        failure.exit_code = report.exit_code;
        failure
    }

    fn recorded(&self, stage: Stage, finding: Finding, message: String) -> Failure {
        evidence::failure(stage, finding, message, self.package)
    }
}

fn silent(exit_code: Option<i32>) -> String {
    let code = exit_code.map_or("unknown".to_owned(), |code| code.to_string());
    format!("the tool ended with exit code {code} and printed nothing")
}

fn stopped_text(report: &Report) -> Option<String> {
    let seconds = report.duration_ms / 1000;
    match report.ended {
        Ended::TimedOut => Some(format!("error: timed out after {seconds} s")),
        Ended::OutOfMemory => Some("error: killed: out of memory".to_owned()),
        Ended::DiskFull => Some("error: killed: disk limit reached".to_owned()),
        Ended::TooManyProcesses => Some("error: killed: too many processes".to_owned()),
        Ended::TooManyFiles => Some("error: killed: too many files".to_owned()),
        Ended::OutputFlood => Some("error: killed: too much output".to_owned()),
        Ended::Exited | Ended::Cancelled => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cause_of_an_error_is_printed() {
        let finding = Finding::stated(FailureKind::UpstreamUnavailable);
        let message = "cannot read the registry\ncaused by: https://r.example/x answered 500";
        let package = "eco:x".parse().unwrap();
        assert_eq!(failure(Stage::Generate, finding, message, &package).message, message);
    }
}
