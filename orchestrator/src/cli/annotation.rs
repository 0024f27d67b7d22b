//! Annotations: messages that GitHub shows beside the files of a pull request and above the log of a job.

use batch_core::decide::{
    clean::Cleaner,
    doctor::{Finding, Severity},
};

use super::stages::StageReport;
use crate::{
    merge::{MergeReport, PushReport},
    run::{SkippedEcosystem, Summary},
};

/// In which form a command reports problems to a CI system.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Format {
    /// Only as text
    #[default]
    Text,
    /// As text, and as annotations of GitHub
    Github,
}

/// A message for GitHub.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Annotation {
    level: Level,
    /// The file with line and column, counted from 1, as far as they are known.
    place: Option<(String, Option<usize>, Option<usize>)>,
    title: String,
    message: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Level {
    /// Something is wrong, and the command fails because of it.
    Error,
    /// Something did not work, and the command goes on.
    Warning,
    /// A person may want to look at it.
    Notice,
}

impl Annotation {
    fn new(level: Level, title: &str, message: &str) -> Self {
        let (title, message) = (title.to_owned(), message.to_owned());
        Self { level, place: None, title, message }
    }

    pub(super) fn error(title: &str, message: &str) -> Self {
        Self::new(Level::Error, title, message)
    }

    pub(super) fn warning(title: &str, message: &str) -> Self {
        Self::new(Level::Warning, title, message)
    }

    pub(super) fn notice(title: &str, message: &str) -> Self {
        Self::new(Level::Notice, title, message)
    }

    /// The same at a place in a file, whose path is relative to the checkout.
    pub(super) fn at(self, file: &str, line: Option<usize>, column: Option<usize>) -> Self {
        Self { place: Some((file.to_owned(), line, column)), ..self }
    }

    /// The annotation as one line that GitHub reads. All of its texts may come from packages; `cleaner`
    /// takes out what must not be printed, and nothing in them can end the line or begin a property.
    pub(super) fn line(&self, cleaner: &Cleaner) -> String {
        let Self { level, place, title, message } = self;
        let clean = |text: &str| cleaner.text(text.as_bytes()).trim_end().to_owned();
        let level = match level {
            Level::Error => "error",
            Level::Warning => "warning",
            Level::Notice => "notice",
        };
        let mut properties = vec![];
        if let Some((file, line, column)) = place {
            properties.push(format!("file={}", property(&clean(file))));
            let numbers = [("line", *line), ("col", *column)];
            properties.extend(numbers.iter().filter_map(|&(key, n)| Some(format!("{key}={}", n?))));
        }
        properties.push(format!("title={}", property(&clean(title))));
        format!("::{level} {}::{}", properties.join(","), data(&clean(message)))
    }
}

/// `text` as the message of a command, as `escapeData` of GitHub's own toolkit writes it.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// `text` as the value of a property, as `escapeProperty` of GitHub's own toolkit writes it.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

/// What `summary` says: packages that failed, and ecosystems that could not be attempted.
pub(super) fn of_summary(summary: &Summary) -> Vec<Annotation> {
    let attempts = summary.batches.iter().flat_map(|batch| &batch.attempts);
    let failed = attempts.filter_map(|attempt| {
        let failure = attempt.failure.as_ref()?;
        let message = format!("{}\n{}", failure.headline, failure.remediation);
        Some(Annotation::warning(&format!("{} failed", attempt.package_id), &message))
    });
    // If something ran, the slot was used, and nobody misses the others.
    let skipped = if summary.batches.is_empty() { &*summary.skipped } else { &[] };
    failed.chain(of_skipped(skipped)).collect()
}

/// Why nothing could be attempted.
pub(super) fn of_skipped(skipped: &[SkippedEcosystem]) -> impl Iterator<Item = Annotation> {
    skipped.iter().map(|skipped| {
        Annotation::notice(&format!("{} was not attempted", skipped.ecosystem), &skipped.message)
    })
}

/// What `report` says: what was not pushed, and what could not be done.
pub(super) fn of_merge(report: &MergeReport) -> Vec<Annotation> {
    let kept = match &report.push {
        PushReport::Kept { reason, .. } => Some(Annotation::warning("the state is kept", reason)),
        PushReport::Pushed { .. } | PushReport::Nothing | PushReport::Waits { .. } => None,
    };
    let problems = report.problems.iter().map(|it| Annotation::warning("merge", it));
    kept.into_iter().chain(problems).collect()
}

/// So many findings at most become annotations. GitHub shows fewer.
const MAX_FINDINGS: usize = 100;

/// The most serious of `findings`, which are sorted.
pub(super) fn of_findings(findings: &[Finding]) -> impl Iterator<Item = Annotation> {
    let by_severity = [Severity::Error, Severity::Warning, Severity::Info].into_iter();
    let sorted =
        by_severity.flat_map(|it| findings.iter().filter(move |found| found.severity == it));
    sorted.take(MAX_FINDINGS).map(|found| {
        let level = match found.severity {
            Severity::Error => Level::Error,
            Severity::Warning => Level::Warning,
            Severity::Info => Level::Notice,
        };
        let message = format!("{}\n{}", found.message, found.remedy);
        let annotation = Annotation::new(level, found.code.row().word, &message);
        let line = found.line.and_then(|line| usize::try_from(line).ok());
        if found.file.is_empty() { annotation } else { annotation.at(&found.file, line, None) }
    })
}

/// What `report` says: a stage that has not ended.
pub(super) fn of_stage(report: &StageReport) -> Option<Annotation> {
    let is_open = !report.is_done();
    is_open.then(|| Annotation::warning("the stage has not ended", &report.to_string()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_problem_in_a_file_names_its_place() {
        let problem =
            Annotation::error("recipe", "unknown field x").at("recipes/a/a.toml", Some(3), None);
        assert_eq!(
            problem.line(&Cleaner::default()),
            "::error file=recipes/a/a.toml,line=3,title=recipe::unknown field x"
        );
    }

    #[test]
    fn what_means_something_to_github_is_escaped() {
        let odd = Annotation::warning("a, b: c", "100 %\n::set-output name=x::y").at(
            "a:b,c\nd",
            None,
            Some(1),
        );
        let line = odd.line(&Cleaner::default());
        assert!(
            line.starts_with("::warning file=a%3Ab%2Cc%0Ad,col=1,title=a%2C b%3A c::100 %25%0A"),
            "{line}"
        );
        assert_eq!(line.lines().count(), 1);
    }

    proptest! {
        #[test]
        fn no_text_adds_a_line_or_a_property(title in "\\PC*", message in "(?s).*", file in "(?s).*") {
            let line = Annotation::notice(&title, &message).at(&file, None, None).line(&Cleaner::default());
            prop_assert_eq!(line.lines().count(), 1);
            let properties = line.strip_prefix("::notice ").and_then(|rest| rest.split_once("::"));
            let Some((properties, _)) = properties else { panic!("{line}") };
            let keys: Vec<&str> =
                properties.split(',').filter_map(|it| Some(it.split_once('=')?.0)).collect();
            prop_assert_eq!(keys, ["file", "title"]);
        }
    }
}
