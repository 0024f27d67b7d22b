//! Failures. The text of a failure decides its cause. The old category, which was derived from an
//! exit code, decides only if the text states none.

use chrono::{DateTime, Utc};

use crate::{
    decide::{
        classify, evidence,
        import::{
            Import, n,
            report::{Oddity, RecordKind, Sum},
            sources::{Support, unknown},
        },
        tsuku,
    },
    model::{
        BatchId, Confidence, EcosystemId, Environment, Evidence, FailureHead, FailureKind,
        FailureRecord, Finding, InvalidId, Origin, PackageId, PackageName, RunName, Stage, slug,
    },
    old_formats::{OldFailure, OldRecords, Refused, Subject},
};

/// A failure record, and the text to store beside it.
#[derive(Debug, Clone, PartialEq)]
pub struct FailureWithText {
    /// The record without its reference to the text.
    pub record: FailureRecord,
    /// The whole old message, cleaned. Empty if the message of the record has all of it.
    pub text: String,
}

/// What the failures of a package say about its entry.
#[derive(Debug, Clone, Default)]
pub(super) struct History {
    /// When the last attempt that failed ended.
    pub(super) last_attempt_at: Option<DateTime<Utc>>,
    /// The recipes that were missing, and when.
    pub(super) blocked_by: Option<(DateTime<Utc>, Vec<PackageName>)>,
}

impl History {
    fn add(&mut self, at: DateTime<Utc>, blocked_by: &[PackageName]) {
        self.last_attempt_at = self.last_attempt_at.max(Some(at));
        let is_newer = self.blocked_by.as_ref().is_none_or(|(before, _)| *before <= at);
        if is_newer && !blocked_by.is_empty() {
            self.blocked_by = Some((at, blocked_by.to_vec()));
        }
    }
}

/// The instant in the name of a history file.
pub(super) fn start_in_name(stem: &str) -> Option<DateTime<Utc>> {
    RunName::parse(stem)?.started_at()
}

impl Import<'_> {
    /// Imports the failures of `file`.
    pub fn failures(&mut self, file: &str, old: OldRecords<OldFailure>) {
        self.begin(RecordKind::Failure, file, &old.refused);
        let started_at = stem(file).and_then(start_in_name);
        for failure in old.records {
            let line = failure.line;
            match self.failure(file, started_at, &failure) {
                Ok(()) => self.imported.report.count(RecordKind::Failure).records_in += 1,
                Err(error) => {
                    let refused = Refused { line, reason: error.to_string() };
                    self.imported.report.refuse(RecordKind::Failure, file, refused);
                }
            }
        }
    }

    fn failure(
        &mut self,
        file: &str,
        started_at: Option<DateTime<Utc>>,
        old: &OldFailure,
    ) -> Result<(), InvalidId> {
        let package = self.package(&old.subject)?;
        let started_at = started_at.or(old.written_at).unwrap_or(old.timestamp);
        let batch = BatchId::new(package.ecosystem.clone(), started_at);
        let blocked_by = self.blockers(old);
        let stage = stage(&old.category, &old.subject);
        let text = self.known.cleaner.text(old.message.as_bytes());
        let finding = self.finding(&package.ecosystem, stage, &text, old);
        let message = evidence::message(&text);
        let told = if finding.confidence == Confidence::Lost { "" } else { &*message };
        let fingerprint = evidence::fingerprint(finding.kind, told, package.name.as_str());
        let environment = self.environment(old, stage);
        let mut record = FailureRecord::new(FailureHead {
            id: self.id(&batch, &package, environment),
            package_id: package.clone(),
            batch_id: batch.clone(),
            stage,
            kind: finding.kind,
            confidence: finding.confidence,
            message,
            fingerprint,
            timestamp: old.timestamp,
        });
        record.service = finding.service;
        record.exit_code = old.exit_code;
        record.environment = environment;
        record.origin = Some(Origin { file: file.to_owned(), record: old.record });
        self.histories.entry(package).or_default().add(old.timestamp, &blocked_by);
        record.blocked_by = blocked_by;
        let text = if text.trim_end() == record.message { String::new() } else { text };
        let failures = self.imported.failures.entry(batch).or_default();
        failures.push(FailureWithText { record, text });
        Ok(())
    }

    /// The package that failed. A record that names no ecosystem of ours belongs to the entry of
    /// its name.
    fn package(&mut self, subject: &Subject) -> Result<PackageId, InvalidId> {
        let name = match subject {
            Subject::Recipe(name) => name.clone(),
            Subject::Package(text) => {
                let source = self.known.source(text)?;
                self.note(Oddity::Aliases, u64::from(source.is_alias));
                if source.support != Support::Foreign {
                    return Ok(source.id);
                }
                source.id.name.to_string()
            }
        };
        let (package, oddity) = match self.names.package(&name) {
            Some(package) => (package.clone(), Oddity::PlacedByQueue),
            None => (unknown(&name)?, Oddity::PlacedNowhere),
        };
        self.note(oddity, 1);
        Ok(package)
    }

    fn blockers(&mut self, old: &OldFailure) -> Vec<PackageName> {
        let names: Vec<PackageName> =
            old.blocked_by.iter().filter_map(|name| name.parse().ok()).collect();
        self.note(Oddity::ImpossibleBlockers, n(old.blocked_by.len() - names.len()));
        self.imported.report.add_in(Sum::BlockedBy, n(names.len()));
        names
    }

    /// Only a validation happens in an environment.
    fn environment(&mut self, old: &OldFailure, stage: Stage) -> Option<Environment> {
        let text = old.environment.as_ref().filter(|_| stage == Stage::Validate)?;
        let environment = text.parse().ok();
        self.note(Oddity::UnknownEnvironments, u64::from(environment.is_none()));
        environment
    }

    fn finding(
        &mut self,
        ecosystem: &EcosystemId,
        stage: Stage,
        text: &str,
        old: &OldFailure,
    ) -> Finding {
        let by_category = by_category(&old.category, old.exit_code, text);
        let is_unknown = by_category.is_none() && !UNTELLING.contains(&&*old.category);
        self.note(Oddity::UnknownCategories, u64::from(is_unknown));
        let evidence = Evidence {
            stage,
            tool: tsuku::PROGRAM.to_owned(),
            // One that says nothing by itself, because the old pipeline did not store it.
            exit_code: Some(old.exit_code.unwrap_or(1)),
            text: text.to_owned(),
        };
        let own = (self.known.classify)(ecosystem, &evidence);
        let by_text = classify::by_text(text, own);
        by_text.or(by_category).unwrap_or_else(|| classify::without_cause(text))
    }

    fn id(
        &mut self,
        batch: &BatchId,
        package: &PackageId,
        environment: Option<Environment>,
    ) -> String {
        let slug = slug(package.name.as_str());
        let id = match environment {
            Some(environment) => format!("{batch}-{slug}-{environment}"),
            None => format!("{batch}-{slug}"),
        };
        let n = self.n_of_id.entry(id.clone()).or_default();
        *n += 1;
        if *n == 1 { id } else { format!("{id}-{n}") }
    }
}

/// The name of a file without folders and extension.
pub(super) fn stem(file: &str) -> Option<&str> {
    file.rsplit('/').next()?.strip_suffix(".jsonl")
}

/// A line about a recipe is always about its validation.
fn stage(category: &str, subject: &Subject) -> Stage {
    match (subject, category) {
        (Subject::Recipe(_), _)
        | (_, "install_failed" | "verify_failed" | "validation_failed" | "timeout") => {
            Stage::Validate
        }
        (Subject::Package(_), _) => Stage::Generate,
    }
}

/// Old categories that only repeat an exit code.
const UNTELLING: [&str; 6] = [
    "install_failed",
    "verify_failed",
    "validation_failed",
    "generation_failed",
    "deterministic",
    "deterministic_insufficient",
];

/// What the old category says if the text states no cause that is known; `None` for one that only
/// repeats an exit code, and for an unknown one.
fn by_category(category: &str, exit_code: Option<i32>, text: &str) -> Option<Finding> {
    let kind = match category {
        "network_error" | "network" => FailureKind::ConnectionError,
        "api_error" => FailureKind::UpstreamUnavailable,
        "timeout" if exit_code == Some(124) => FailureKind::BuildTimeout,
        "timeout" => FailureKind::Timeout,
        "missing_dep" => FailureKind::RecipeMissing,
        // The recipe of a dependency, or the package itself.
        "recipe_not_found" if text.contains(" not found in registry") => FailureKind::RecipeMissing,
        "recipe_not_found" => FailureKind::PackageNotFound,
        _ => return None,
    };
    Some(Finding { confidence: Confidence::Inferred, ..Finding::stated(kind) })
}
