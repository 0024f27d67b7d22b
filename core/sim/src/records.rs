//! Queues and attempts in one line each.

use chrono::DateTime;

use batch_core::model::{
    Attempt, Confidence, Failure, FailureKind, Finding, Fingerprint, Outcome, Queue, QueueEntry,
    Stage, Tier,
};

/// A queue of `eco` from (name, tier, second of arrival).
pub fn queue<'a>(entries: impl IntoIterator<Item = (&'a str, u8, i64)>) -> Queue {
    let entry = |(name, tier, secs): (&str, u8, i64)| {
        let id = format!("eco:{name}").parse().expect("a test uses names");
        let added_at = DateTime::UNIX_EPOCH + chrono::Duration::seconds(secs);
        QueueEntry::new(id, Tier::try_from(tier).expect("a test uses tiers"), added_at)
    };
    entries.into_iter().map(entry).map(|entry| (entry.id.clone(), entry)).collect()
}

/// An attempt that ended at the epoch.
pub fn attempt(id: &str, outcome: Outcome) -> Attempt {
    Attempt {
        package: id.parse().expect("a test uses ids"),
        started_at: DateTime::UNIX_EPOCH,
        ended_at: DateTime::UNIX_EPOCH,
        worked_ms: 0,
        upstream_version: None,
        notes: vec![],
        generated: false,
        results: vec![],
        outcome,
    }
}

/// A recipe called `name` that says nothing.
pub fn succeeded(name: &str) -> Outcome {
    Outcome::Succeeded { recipe: name.parse().expect("a test uses names"), toml: String::new() }
}

/// A stated failure; each kind has its own fingerprint.
pub fn failed_on(kind: FailureKind, service: Option<&str>) -> Outcome {
    let service = service.map(str::to_owned);
    Outcome::Failed(Box::new(Failure {
        stage: Stage::Validate,
        finding: Finding { kind, service, confidence: Confidence::Stated },
        fingerprint: Fingerprint(kind as u64),
        message: String::new(),
        output: String::new(),
        exit_code: None,
        blocked_by: vec![],
    }))
}
