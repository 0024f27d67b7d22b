//! What becomes of the packages of a pull request.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};

use crate::{
    decide::{
        apply::{to_failed_entry, to_merged},
        backoff::BackoffPolicy,
        classify, evidence,
    },
    model::{
        BatchId, BatchPullRequest, Failure, FailureHead, FailureKind, FailureRecord, Fate, Finding,
        Queue, QueueEntry, RedCheck, Stage, Status, slug,
    },
};

/// A batch whose pull request is not there after this time has lost it: the run that was to open it died,
/// and its outbox was lost.
const LOST_AFTER: TimeDelta = TimeDelta::days(14);

/// What pull requests change.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct FateChanges {
    /// The entries that change, as they are afterwards.
    pub entries: Queue,
    /// New failures, one for each package whose checks are red.
    pub failures: Vec<FailureRecord>,
    /// Number of entries whose recipe was merged.
    pub merged: usize,
    /// Number of entries whose pull request was closed, or is lost.
    pub closed: usize,
}

/// What `pulls`, the newest pull requests of batches, change in `queue` at `now`: a package is done when
/// its recipe was merged, due again when the pull request was closed, and has failed when checks are red.
/// A batch that is not in `pulls` has no pull request yet.
#[must_use]
pub fn fates(
    queue: &Queue,
    pulls: &BTreeMap<BatchId, BatchPullRequest>,
    now: DateTime<Utc>,
    backoff: &BackoffPolicy,
) -> FateChanges {
    let mut changes = FateChanges::default();
    for entry in queue.values() {
        let Status::InProgress { batch } = &entry.status else { continue };
        let mut after = entry.clone();
        match pulls.get(batch).map(|pull| &pull.fate) {
            Some(Fate::Merged) => {
                changes.merged += 1;
                to_merged(&mut after);
            }
            Some(Fate::Closed) => {
                changes.closed += 1;
                to_pending(&mut after);
            }
            Some(Fate::Red(checks)) => {
                let failure = failure_of(checks, entry);
                changes.failures.push(record(&failure, entry, batch, now));
                after.recipe = entry.regressed_at.and_then(|_| entry.recipe.clone());
                to_failed_entry(&mut after, &failure, now, backoff);
                // A check of the forge is red: whatever it says, the pull request will not be merged.
                if after.status == entry.status {
                    after.status = Status::Failed;
                }
            }
            None if batch.started_at() + LOST_AFTER < now => {
                changes.closed += 1;
                to_pending(&mut after);
            }
            Some(Fate::Open) | None => continue,
        }
        changes.entries.insert(after.id.clone(), after);
    }
    changes
}

fn to_pending(entry: &mut QueueEntry) {
    // A recipe that worked once is there, and does not work.
    if entry.regressed_at.is_some() {
        entry.status = Status::Failed;
        return;
    }
    entry.status = Status::Pending;
    (entry.recipe, entry.restriction) = (None, None);
}

/// The failure of the package of `entry` because of red `checks`: what the check says that names its
/// recipe, or else all of them.
fn failure_of(checks: &[RedCheck], entry: &QueueEntry) -> Failure {
    let names_it = |check: &&RedCheck| {
        let recipe = entry.recipe.as_ref();
        recipe.is_some_and(|recipe| check.summary.contains(recipe.as_str()))
    };
    let of_it: Vec<&RedCheck> = checks.iter().filter(names_it).collect();
    let told = if of_it.is_empty() { checks.iter().collect() } else { of_it };
    let lines: Vec<String> = told
        .iter()
        .map(|RedCheck { name, summary, url }| {
            format!("the check {name} of the pull request is red: {summary} {url}")
                .trim()
                .to_owned()
        })
        .collect();
    let text = lines.join("\n");
    // The check is all that is known: where it states no cause, somebody has to look at it.
    let unknown = || Finding::stated(FailureKind::Unclassified);
    let finding = classify::by_text(&text, None).unwrap_or_else(unknown);
    evidence::failure(Stage::Merge, finding, evidence::stated(&text), &entry.id)
}

fn record(
    failure: &Failure,
    entry: &QueueEntry,
    batch: &BatchId,
    now: DateTime<Utc>,
) -> FailureRecord {
    let mut record = FailureRecord::new(FailureHead {
        id: format!("{batch}-{}-checks", slug(entry.id.name.as_str())),
        package_id: entry.id.clone(),
        batch_id: batch.clone(),
        stage: Stage::Merge,
        kind: failure.finding.kind,
        confidence: failure.finding.confidence,
        message: failure.message.clone(),
        fingerprint: failure.fingerprint,
        timestamp: now,
    });
    record.service.clone_from(&failure.finding.service);
    record.generator.clone_from(&entry.generator_version);
    record
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        model::{EcosystemId, PullRequestLink},
        records,
    };

    fn second(n: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(n, 0).unwrap()
    }

    fn batch(n: i64) -> BatchId {
        BatchId::new(EcosystemId::from_static("eco"), second(n))
    }

    /// The entry of a package in the pull request of the batch of second 10, with this fate.
    fn after(
        fate: Option<Fate>,
        now: DateTime<Utc>,
        change: &dyn Fn(&mut QueueEntry),
    ) -> FateChanges {
        let mut queue = records::queue([("a", 1, 0), ("other", 1, 0)]);
        let entry = queue.values_mut().next().unwrap();
        entry.status = Status::InProgress { batch: batch(10) };
        entry.recipe = Some("lion".parse().unwrap());
        change(entry);
        let link = PullRequestLink { number: 1, url: String::new() };
        let pull = |fate| (batch(10), BatchPullRequest { link, opened_at: second(11), fate });
        let pulls = fate.map(pull).into_iter().collect();
        fates(&queue, &pulls, now, &BackoffPolicy::default())
    }

    fn only(changes: &FateChanges) -> &QueueEntry {
        let [entry] = changes.entries.values().collect::<Vec<_>>()[..] else {
            panic!("one entry: {changes:?}")
        };
        entry
    }

    #[test]
    fn a_merged_pull_request_ends_its_packages_and_a_closed_one_makes_them_due() {
        let merged = after(Some(Fate::Merged), second(20), &|_| ());
        assert_eq!((&only(&merged).status, merged.merged), (&Status::Success, 1));
        let closed = after(Some(Fate::Closed), second(20), &|_| ());
        assert_eq!((&only(&closed).status, closed.closed), (&Status::Pending, 1));
        assert_eq!(only(&closed).recipe, None);
        assert_eq!(after(Some(Fate::Open), second(20), &|_| ()), FateChanges::default());
    }

    #[test]
    fn a_pull_request_that_is_not_there_yet_is_awaited_and_one_that_never_comes_is_not() {
        assert_eq!(after(None, second(20), &|_| ()), FateChanges::default());
        let lost = after(None, second(20) + LOST_AFTER, &|_| ());
        assert_eq!(only(&lost).status, Status::Pending);
    }

    #[test]
    fn red_checks_are_a_failure_of_the_package_with_what_they_say_about_it() {
        let check = |name: &str, summary: &str| RedCheck {
            name: name.to_owned(),
            summary: summary.to_owned(),
            url: "https://ci.example/1".to_owned(),
        };
        let checks = vec![check("lint", "tiger is wrong"), check("install", "lion: exit status 6")];
        let red = after(Some(Fate::Red(checks)), second(20), &|_| ());
        let entry = only(&red);
        assert_eq!((&entry.status, entry.consecutive_failures), (&Status::Failed, 1));
        assert!(entry.next_retry_at.is_some() && entry.recipe.is_none());
        let [record] = &red.failures[..] else { panic!("{red:?}") };
        assert_eq!(record.id, format!("{}-a-checks", batch(10)));
        assert_eq!(
            record.message,
            "the check install of the pull request is red: lion: exit status 6 https://ci.example/1"
        );
        assert_eq!(record.stage, Stage::Merge);
        // A check that failed because of a service blames nobody, and the pull request is still red.
        let limited = vec![check("install", "API rate limit exceeded")];
        let red = after(Some(Fate::Red(limited)), second(20), &|_| ());
        assert_eq!(red.failures[0].kind(), FailureKind::RateLimited);
        assert_eq!((&only(&red).status, only(&red).consecutive_failures), (&Status::Failed, 0));
    }

    #[test]
    fn a_recipe_that_did_not_work_any_more_stays_failed_until_its_successor_is_merged() {
        let regressed = |entry: &mut QueueEntry| entry.regressed_at = Some(second(5));
        let closed = after(Some(Fate::Closed), second(20), &regressed);
        assert_eq!(only(&closed).status, Status::Failed);
        assert!(only(&closed).recipe.is_some());
        let merged = after(Some(Fate::Merged), second(20), &regressed);
        assert_eq!((&only(&merged).status, only(&merged).regressed_at), (&Status::Success, None));
    }
}
