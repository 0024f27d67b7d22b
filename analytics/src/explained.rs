//! Where packages stand and what happens next. [`batch_core::decide::explain`] decides, as for the
//! terminal; this module collects what it needs.

use std::collections::{BTreeMap, HashMap};

use batch_core::{
    decide::{
        breaker::BreakerPolicy,
        explain::{self, AttemptResult, Blocker, Case, Cause, Explanation, LastAttempt, Turns},
        plan::{self, BatchLimit, Place},
        preflight::admission,
    },
    model::{EcosystemId, FailureRecord, PackageId, Queue, QueueEntry, SkipReason, Status, Tier},
};

use crate::{
    known::Known,
    site::Site,
    tried::{Ended, Tried},
};

/// The size of a batch of the rotation.
const BATCH_SIZE: usize = 10;

/// By ecosystem.
pub(crate) type Places<'a> =
    BTreeMap<&'a EcosystemId, HashMap<&'a PackageId, Result<Place, SkipReason>>>;

/// The places of all entries in the plans of their ecosystems.
pub(crate) fn places<'a>(site: &Site<'a>) -> Places<'a> {
    let limit = BatchLimit { size: BATCH_SIZE, tier: Tier::REST };
    let policy = BreakerPolicy::default();
    let of_ecosystem = |(ecosystem, queue): (&'a EcosystemId, &'a Queue)| {
        let admission = admission(ecosystem, &site.records.control, (site.as_of, &policy));
        (ecosystem, plan::places(queue, &admission, limit, site.as_of))
    };
    site.records.queues.iter().map(of_ecosystem).collect()
}

/// What is said about a package.
pub(crate) fn package(site: &Site<'_>, places: &Places<'_>, known: &Known<'_>) -> Explanation {
    let &Known { id, entry, .. } = known;
    let attempts: Vec<LastAttempt> = known
        .attempts(&site.attempts)
        .filter(|tried| tried.ended != Ended::Unknown)
        .enumerate()
        // Only the causes of the newest one are asked for.
        .map(|(i, tried)| attempt(site, tried, usize::from(i == 0)))
        .collect();
    let blocked_by = blocked_by(site, entry);
    let blocker = site.blocker(id);
    let blocks = blocker.map(|it| it.waiting.iter().map(|entry| entry.id.clone()).collect());
    let blocks: Vec<PackageId> = blocks.unwrap_or_default();
    explain::package(&Case {
        package: id,
        entry,
        recipe: site.recipe(id).map(|(name, _)| name),
        remembered: None,
        attempts: &attempts,
        blocked_by: &blocked_by,
        blocks: &blocks,
        obstacle: None,
        place: places.get(&id.ecosystem).and_then(|places| places.get(id)),
        // Without the time of a slot: a page that names it would have to be made again every hour.
        turns: Turns { next_slot: None, n_ecosystems: 1 },
        now: site.as_of,
    })
}

fn blocked_by(site: &Site<'_>, entry: Option<&QueueEntry>) -> Vec<Blocker> {
    let Some(QueueEntry { id, status: Status::Blocked { by }, .. }) = entry else { return vec![] };
    let blocker = |name: &batch_core::model::PackageName| {
        let blocking = PackageId { ecosystem: id.ecosystem.clone(), name: name.clone() };
        Blocker {
            has_recipe: site.has_recipe(name.as_str()),
            status: site.entry(&blocking).map(|entry| entry.status.label()),
            name: blocking.name,
        }
    };
    by.iter().map(blocker).collect()
}

fn attempt(site: &Site<'_>, tried: &Tried<'_>, n_causes: usize) -> LastAttempt {
    let cause = |failure: &&FailureRecord| Cause {
        failure_id: failure.id.clone(),
        category: failure.category().to_owned(),
        subcategory: failure.subcategory().to_owned(),
        environment: failure.environment,
        service: failure.service.clone(),
        message: String::new(),
        headline: site.headline(failure).line.clone(),
        remedy: site.remedy(failure).clone(),
    };
    LastAttempt {
        package_id: tried.package.clone(),
        batch_id: tried.batch_id.to_owned(),
        at: tried.at,
        result: match tried.ended {
            Ended::Verified => AttemptResult::Passed,
            Ended::VerifiedInPart => AttemptResult::PassedInPart,
            Ended::Failed | Ended::Blocked | Ended::Spared | Ended::Unknown => {
                AttemptResult::Failed
            }
        },
        sweep: tried.run.and_then(|run| run.sweep),
        causes: tried.failures.iter().take(n_causes).map(cause).collect(),
    }
}
