//! What processes of this machine left, and what is open on a forge.

use chrono::{DateTime, NaiveDate, SubsecRound as _, TimeDelta, Utc};

use super::{Finding, FindingCode, Place};

/// After this time a batch that is kept for a push is forgotten by whoever should push it.
const UNPUSHED: TimeDelta = TimeDelta::days(1);

/// For so long the files that stages pass to each other are kept.
const ARTIFACTS: TimeDelta = TimeDelta::days(14);

/// After this time an open pull request counts as abandoned.
const PULL_REQUEST: TimeDelta = TimeDelta::hours(48);

/// So long before the end of a label somebody should replace it.
const RUNNER_NOTICE: TimeDelta = TimeDelta::days(90);

/// Something that a process left in the folder of this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum LeftOver {
    Draft,
    /// A lock that names a process that has ended.
    Lock,
    /// The work folder of an attempt, and no run is in progress.
    Work,
    /// A journal in the outbox, and no run is in progress.
    Journal,
    SetAside,
    /// A batch that is kept for a push, and when it started.
    Unpushed {
        started_at: DateTime<Utc>,
    },
    /// The artifacts of a run, and when they changed last.
    Artifacts {
        changed_at: DateTime<Utc>,
    },
    /// A file under the folder of the state that no one knows.
    Unknown,
}

/// What is wrong with `left`, which lies at `file`.
pub fn left_over(file: &str, left: LeftOver, now: DateTime<Utc>) -> Option<Finding> {
    let is_older = |at: DateTime<Utc>, age| age < now.signed_duration_since(at);
    let (code, message) = match left {
        LeftOver::Draft => (FindingCode::DraftLeft, "a temporary file".to_owned()),
        LeftOver::Lock => (FindingCode::LockLeft, "its process has ended".to_owned()),
        LeftOver::Work => (FindingCode::WorkLeft, "no run is in progress".to_owned()),
        LeftOver::Journal => (FindingCode::DeadRun, "its run ended without a record".to_owned()),
        LeftOver::SetAside => (FindingCode::SetAside, "it could not be used".to_owned()),
        LeftOver::Unknown => (FindingCode::UnknownFile, "no command reads it".to_owned()),
        LeftOver::Unpushed { started_at } => {
            let message = format!("it has waited since {}", started_at.trunc_subsecs(0));
            is_older(started_at, UNPUSHED).then_some((FindingCode::UnpushedOld, message))?
        }
        LeftOver::Artifacts { changed_at } => {
            let message = format!("it changed last at {}", changed_at.trunc_subsecs(0));
            is_older(changed_at, ARTIFACTS).then_some((FindingCode::ArtifactsOld, message))?
        }
    };
    Some(Finding::new(code, Place { file, line: 0 }, file, message))
}

/// What is wrong with the label `label` of a hosted machine, which ends on `day`.
pub fn runner(label: &str, day: NaiveDate, now: DateTime<Utc>) -> Option<Finding> {
    let left = day.signed_duration_since(now.date_naive());
    let code = match () {
        () if left <= TimeDelta::zero() => FindingCode::RunnerRetired,
        () if left <= RUNNER_NOTICE => FindingCode::RunnerRetiring,
        () => return None,
    };
    let at = Place { file: "pipeline.toml", line: 0 };
    Some(Finding::new(code, at, label, format!("{label} ends on {day}")))
}

/// What is wrong with the open pull request `number` of `branch`, which was opened at `opened_at`.
pub fn pull_request(
    number: u64,
    branch: &str,
    opened_at: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Option<Finding> {
    let is_old = PULL_REQUEST < now.signed_duration_since(opened_at);
    let message = format!("{branch} has been open since {}", opened_at.trunc_subsecs(0));
    let at = Place { file: "", line: 0 };
    is_old.then(|| Finding::new(FindingCode::PullRequestOld, at, &number.to_string(), message))
}
