//! From evidence to the failure that is recorded.

use std::path::Path;

use batch_core::{
    decide::{classify, clean::Cleaner, evidence},
    model::{Confidence, Evidence, Failure, FailureKind, Finding, PackageId, Stage},
    plugin::EcosystemPlugin,
};
use batch_sandbox::{Ended, Report};

/// A failure whose cause this program states in its own words.
pub fn failure(stage: Stage, finding: Finding, message: &str, package: &PackageId) -> Failure {
    Source { package, cleaner: &Cleaner::default(), works: None }.failure(stage, finding, message)
}

/// What failures are recorded about. All that others say is cleaned here, where it enters.
#[derive(Debug, Clone, Copy)]
pub struct Source<'a> {
    /// The package that failed.
    pub package: &'a PackageId,
    /// What takes secrets and paths of this machine out of texts.
    pub cleaner: &'a Cleaner,
    /// The folder in which work folders are made, where there are any.
    pub works: Option<&'a Path>,
}

impl Source<'_> {
    /// A failure whose cause this program states, perhaps in words of others.
    pub fn failure(&self, stage: Stage, finding: Finding, message: &str) -> Failure {
        let message = evidence::stated(&self.text(message));
        self.recorded(stage, finding, message)
    }

    /// `said` as it may be stored and shown.
    pub fn text(&self, said: &str) -> String {
        match self.works {
            Some(works) => self.cleaner.output(said.as_bytes(), works),
            None => self.cleaner.text(said.as_bytes()),
        }
    }

    /// An install step that did not end well.
    pub fn of_install(&self, plugin: &EcosystemPlugin, tool: &str, report: &Report) -> Failure {
        let text = self.text(&report.output);
        let stopped = |kind| Finding::stated(kind).of_service("sandbox");
        let finding = match report.ended {
            Ended::TimedOut => stopped(FailureKind::BuildTimeout),
            Ended::OutOfMemory => stopped(FailureKind::OutOfMemory),
            Ended::DiskFull => stopped(FailureKind::DiskFull),
            // The package's own doing: it would do so anywhere.
            Ended::TooManyProcesses | Ended::OutputFlood => {
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

    /// Connections that the sandbox did not make, a line each: they explain what the tool printed,
    /// and decide nothing, since the package chose the addresses.
    fn refused_text(&self, report: &Report) -> String {
        let line = |reason: &String| format!("\nsandbox: not connected to {reason}");
        self.text(&report.refused.iter().map(line).collect::<String>())
    }

    /// A verify command that did not end by itself.
    pub fn of_verify(&self, command: &str, report: &Report) -> Failure {
        let text = self.text(&report.output);
        let kind = match report.ended {
            Ended::TimedOut => FailureKind::VerifyTimeout,
            Ended::OutOfMemory
            | Ended::DiskFull
            | Ended::TooManyProcesses
            | Ended::OutputFlood
            | Ended::Exited
            | Ended::Cancelled => FailureKind::VerifyFailed,
        };
        let how = stopped_text(report).unwrap_or_else(|| "ended by a signal".to_owned());
        let stated = self.text(&format!("error: {command:?} {how}"));
        self.of_report(Finding::stated(kind), Some(&stated), &text, report)
    }

    /// A verify command whose exit code or output is not what the recipe expects.
    pub fn of_mismatch(&self, kind: FailureKind, reason: &str, report: &Report) -> Failure {
        let text = self.text(&report.output);
        let evidence = Evidence {
            stage: Stage::Validate,
            tool: String::new(),
            exit_code: report.exit_code,
            text: text.clone(),
        };
        // A missing shared library states more than the exit code that follows from it.
        let stated = classify::finding(&evidence, None);
        let is_libc = stated.kind == FailureKind::LibcMismatch;
        let finding = if is_libc { stated } else { Finding::stated(kind) };
        let reason = self.text(&format!("error: {reason}"));
        self.of_report(finding, Some(&reason), &text, report)
    }

    /// `stated` is our own last word on it; the tool's own words come before it.
    fn of_report(
        &self,
        finding: Finding,
        stated: Option<&str>,
        text: &str,
        report: &Report,
    ) -> Failure {
        let said = match stated {
            Some(stated) => format!("{text}\n{stated}"),
            None if text.trim().is_empty() => format!(
                "the tool ended with exit code {} and printed nothing",
                report.exit_code.map_or("unknown".to_owned(), |code| code.to_string())
            ),
            None => text.to_owned(),
        };
        let message = evidence::message(&said);
        let mut failure = self.recorded(Stage::Validate, finding, message);
        text.clone_into(&mut failure.output);
        failure.exit_code = report.exit_code;
        failure
    }

    fn recorded(&self, stage: Stage, finding: Finding, message: String) -> Failure {
        // What no text states cannot be told apart by its text.
        let told = if finding.confidence == Confidence::Lost { "" } else { &*message };
        let fingerprint = evidence::fingerprint(finding.kind, told, self.package.name.as_str());
        Failure {
            stage,
            finding,
            fingerprint,
            message,
            output: String::new(),
            exit_code: None,
            blocked_by: vec![],
        }
    }
}

fn stopped_text(report: &Report) -> Option<String> {
    let seconds = report.duration_ms / 1000;
    match report.ended {
        Ended::TimedOut => Some(format!("error: timed out after {seconds} s")),
        Ended::OutOfMemory => Some("error: killed: out of memory".to_owned()),
        Ended::DiskFull => Some("error: killed: disk limit reached".to_owned()),
        Ended::TooManyProcesses => Some("error: killed: too many processes".to_owned()),
        Ended::OutputFlood => Some("error: killed: too much output".to_owned()),
        Ended::Exited | Ended::Cancelled => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cause_that_an_error_of_ours_names_is_told() {
        let finding = Finding::stated(FailureKind::UpstreamUnavailable);
        let message = "cannot read the registry\ncaused by: https://r.example/x answered 500";
        let package = "eco:x".parse().unwrap();
        assert_eq!(failure(Stage::Generate, finding, message, &package).message, message);
    }
}
