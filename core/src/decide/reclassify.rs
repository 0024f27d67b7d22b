//! What today's rules say about failures that were recorded earlier. Only what the rules read from
//! the text of a failure can change. What the program knew in another way stays.

use crate::{
    decide::{classify, evidence, tsuku},
    model::{Confidence, EcosystemId, Evidence, FailureKind, FailureRecord, Finding, Stage},
};

/// The name that blames the sandbox. It stopped the program, whatever this had printed.
const SANDBOX: &str = "sandbox";

/// Begins a line that this program adds to an output. It decides nothing.
const NOT_CONNECTED: &str = "sandbox: not connected to ";

/// What the classification of a text depends on, apart from the text.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Question {
    /// The ecosystem whose classifier is asked.
    pub ecosystem: EcosystemId,
    stage: Stage,
    exit_code: Option<i32>,
    /// The tool that the record names, if it names one.
    tool: Option<String>,
    is_imported: bool,
}

/// What the classifier of an ecosystem reads in the evidence. The tool in the evidence is empty if
/// the record does not name it.
pub type Classify<'a> = &'a dyn Fn(&EcosystemId, &Evidence) -> Option<Finding>;

/// What is to be asked about `failure`; `None` if its kind was not read from a text: a request that
/// failed, a check of this program, a stop by the sandbox, and what an external generator said by
/// its exit code or structured output.
pub fn question(failure: &FailureRecord) -> Option<Question> {
    let is_imported = failure.origin.is_some();
    let is_verification = matches!(
        failure.kind(),
        FailureKind::VerifyFailed
            | FailureKind::VerifyTimeout
            | FailureKind::VerifyPatternMismatch
            | FailureKind::ExecutableMissing
            | FailureKind::BinaryDiscoveryFailed
    );
    let is_external =
        failure.generator.as_ref().is_some_and(|generator| generator.starts_with(tsuku::PROGRAM));
    let is_stopped = failure.service.as_deref() == Some(SANDBOX);
    let is_read = failure.stage == Stage::Validate
        && failure.exit_code.is_some()
        && !is_verification
        && !is_external
        && !is_stopped;
    // A pair that only later versions know is not judged by an earlier one.
    let is_known = FailureKind::parse(failure.category(), failure.subcategory()).is_some();
    (is_known && (is_imported || is_read)).then(|| Question {
        ecosystem: failure.ecosystem.clone(),
        stage: failure.stage,
        exit_code: failure.exit_code,
        tool: failure.service.clone().filter(|_| !is_imported),
        is_imported,
    })
}

/// What today's rules say about `text`; `None` if the stored finding stays, because the text of an
/// imported record states no cause: its old category, which is not stored, decided.
pub fn answer(question: &Question, text: &str, classify: Classify<'_>) -> Option<Finding> {
    let own_lines = |line: &&str| !line.starts_with(NOT_CONNECTED);
    let text: String = text.split_inclusive('\n').filter(own_lines).collect();
    let evidence = Evidence {
        stage: question.stage,
        tool: match &question.tool {
            _ if question.is_imported => tsuku::PROGRAM.to_owned(),
            tool => tool.clone().unwrap_or_default(),
        },
        // As in an import: the earlier pipeline did not store some codes.
        exit_code: Some(question.exit_code.unwrap_or(1)),
        text,
    };
    let own = classify(&question.ecosystem, &evidence);
    if question.is_imported {
        classify::by_text(&evidence.text, own)
    } else {
        Some(classify::finding(&evidence, own))
    }
}

/// `failure` with what `finding` says; `None` if that is nothing new. Only the kind, the service,
/// the confidence and the fingerprint change.
pub fn renewed(failure: &FailureRecord, finding: Option<Finding>) -> Option<FailureRecord> {
    let finding = finding.unwrap_or_else(|| Finding {
        kind: failure.kind(),
        service: failure.service.clone(),
        confidence: failure.confidence,
    });
    let told = if finding.confidence == Confidence::Lost { "" } else { &*failure.message };
    let package = failure.package_id.name.as_str();
    let fingerprint = evidence::fingerprint(finding.kind, told, package);
    let mut renewed = failure.clone();
    renewed.set_finding(finding, fingerprint);
    (renewed != *failure).then_some(renewed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(message: &str, more: &serde_json::Value) -> FailureRecord {
        let mut record = serde_json::json!({
            "schema_version": 2, "id": "npm-2026-01-01T00-00-00Z-x", "package_id": "npm:x",
            "ecosystem": "npm", "batch_id": "npm-2026-01-01T00-00-00Z", "stage": "validate",
            "category": "validation_failed", "subcategory": "install_failed",
            "confidence": "stated", "message": message, "fingerprint": "0000000000000000",
            "timestamp": "2026-01-01T00:00:00Z", "exit_code": 1,
        });
        for (key, value) in more.as_object().unwrap() {
            record[key] = value.clone();
        }
        serde_json::from_value(record).unwrap()
    }

    fn again(failure: &FailureRecord) -> Option<FailureRecord> {
        let question = question(failure)?;
        renewed(failure, answer(&question, &failure.message, &|_, _| None))
    }

    #[test]
    fn a_cause_that_todays_rules_know_replaces_the_stored_one_and_nothing_else() {
        let before = failure("connection refused: https://r.example/x", &serde_json::json!({}));
        let after = again(&before).unwrap();
        assert_eq!(after.kind(), FailureKind::ConnectionError);
        assert_eq!(after.service.as_deref(), Some("r.example"));
        let mut other = after.clone();
        other.set_finding(
            Finding { service: None, ..Finding::stated(FailureKind::InstallFailed) },
            before.fingerprint,
        );
        assert_eq!(other, before);
        assert_eq!(again(&after), None, "a second time");
    }

    #[test]
    fn what_was_not_read_from_a_text_stays() {
        let said = "connection refused: https://r.example/x";
        for more in [
            serde_json::json!({"exit_code": null}),
            serde_json::json!({"subcategory": "verify_failed"}),
            serde_json::json!({"service": "sandbox"}),
            serde_json::json!({"generator": format!("{} 1.0", tsuku::PROGRAM)}),
            serde_json::json!({"stage": "generate"}),
            serde_json::json!({"category": "weather", "subcategory": "hail"}),
        ] {
            assert_eq!(question(&failure(said, &more)), None, "{more}");
        }
        let imported = serde_json::json!({"origin": {"file": "x.jsonl", "record": 0},
            "stage": "generate", "exit_code": null});
        assert!(question(&failure(said, &imported)).is_some());
    }

    #[test]
    fn an_imported_record_whose_text_states_no_cause_keeps_its_kind() {
        let imported = serde_json::json!({"origin": {"file": "x.jsonl", "record": 0},
            "category": "api_error", "subcategory": "timeout", "confidence": "inferred"});
        let before = failure("it did not work", &imported);
        let after = again(&before).unwrap();
        assert_eq!((after.kind(), after.confidence), (FailureKind::Timeout, Confidence::Inferred));
        assert_eq!(again(&after), None);
    }

    #[test]
    fn what_the_sandbox_refused_decides_nothing() {
        let text = "it broke\nsandbox: not connected to x: connection refused";
        let question = question(&failure(text, &serde_json::json!({}))).unwrap();
        let kind = answer(&question, text, &|_, _| None).unwrap().kind;
        assert_eq!(kind, FailureKind::InstallFailed);
    }
}
