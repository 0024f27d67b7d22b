//! Adds candidates to a queue: new entries are added, and the popularity of existing entries is updated.
//! A failed entry is due at once if a list names a new version of it. Nothing else about an entry
//! changes, and its status never does.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};

use crate::{
    decide::{
        imitation::{Popular, Suspect},
        requeue,
        seeding::walk::{Identity, Visited, Walk},
    },
    model::{
        Candidate, PackageId, Popularity, Queue, QueueEntry, SeedSkip, SeedVerdict, Status,
        Suspicion, Threshold, Tier,
    },
};

/// Maximal length of a version in bytes.
const MAX_VERSION: usize = 100;

/// What is needed to add the candidates of one ecosystem.
#[derive(Clone, Copy)]
pub struct Merging<'a> {
    /// The curated list with the tier of each package. A person has looked at these packages.
    pub curated: &'a BTreeMap<PackageId, Tier>,
    /// The popularity threshold of tier 2.
    pub threshold: Option<Threshold>,
    /// The function that recognises two names of the same package.
    pub identity: Identity<'a>,
    /// The start of the run, which is when its entries are added.
    pub started_at: DateTime<Utc>,
}

/// The result of adding candidates.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Merged {
    /// The queue with the candidates.
    pub queue: Queue,
    /// Number of new entries.
    pub added: usize,
    /// Number of existing entries whose popularity or tier changed.
    pub refreshed: usize,
    /// Number of existing entries that did not change.
    pub unchanged: usize,
    /// Packages that are not queued, by reason.
    pub skipped: BTreeMap<SeedSkip, usize>,
    /// Packages that a person has to look at, or that were refused because of their characters.
    pub suspicious: Vec<Suspicion>,
}

impl Merging<'_> {
    fn tier(&self, id: &PackageId, popularity: Option<&Popularity>) -> Tier {
        let reaches = |popularity| self.threshold.is_some_and(|it| it.is_reached_by(popularity));
        let by_number = if popularity.is_some_and(reaches) { Tier::POPULAR } else { Tier::REST };
        self.curated.get(id).map_or(by_number, |listed| by_number.min(*listed))
    }
}

/// `queue` with the candidates that `walk` visited and with the curated packages. Doing it again
/// changes nothing. Entries in `quarantined` are also in the queue's file but cannot be read; they
/// stay as they are.
pub fn merge(
    queue: Queue,
    quarantined: &BTreeSet<PackageId>,
    walk: &Walk<'_>,
    merging: &Merging<'_>,
) -> Merged {
    let identity = |id: &PackageId| (merging.identity)(&id.name);
    // Readable entries come last, so an entry that is in the file twice is quarantined once.
    let all = quarantined.iter().chain(queue.keys());
    let known: BTreeMap<String, PackageId> = all.map(|id| (identity(id), id.clone())).collect();
    let popular = popular(&queue, walk, merging);
    let mut merged = Merged { queue, ..Merged::default() };
    for visited in walk.visited() {
        let Some(verdict) = &visited.verdict else { continue };
        match known.get(&identity(&visited.candidate.id)) {
            Some(id) => merged.refresh(id, visited, merging),
            None => merged.add(visited, verdict, &popular, merging),
        }
    }
    for (id, tier) in merging.curated {
        if !known.contains_key(&identity(id)) && !merged.queue.contains_key(id) {
            let entry = QueueEntry::new(id.clone(), *tier, merging.started_at);
            merged.queue.insert(id.clone(), entry);
            merged.added += 1;
        }
    }
    for passed_over in &walk.passed_over {
        let looks_like = popular.looks_like(&passed_over.name);
        let evidence = looks_like.filter(|_| passed_over.reason == SeedSkip::InvalidName);
        let reason = if evidence.is_some() { SeedSkip::Homoglyph } else { passed_over.reason };
        *merged.skipped.entry(reason).or_default() += 1;
        let name = passed_over.name.clone();
        merged.suspicious.extend(evidence.map(|evidence| Suspicion { name, evidence }));
    }
    merged.suspicious.sort();
    merged
}

/// The version of `candidate`, if it is one: one word without control characters.
fn version(candidate: &Candidate) -> Option<&str> {
    let is_part = |c: char| c.is_ascii_graphic();
    let version = candidate.version.as_deref()?;
    (!version.is_empty() && version.len() <= MAX_VERSION && version.chars().all(is_part))
        .then_some(version)
}

/// The popular names, which others may imitate.
fn popular(queue: &Queue, walk: &Walk<'_>, merging: &Merging<'_>) -> Popular {
    let mut popular = Popular::default();
    for entry in queue.values() {
        let is_trusted = !matches!(entry.status, Status::RequiresManual { .. });
        if entry.tier <= Tier::POPULAR && is_trusted {
            popular.add(entry.id.name.as_str(), entry.popularity.as_ref());
        }
    }
    for Visited { candidate, .. } in walk.visited() {
        let popularity = candidate.popularity.as_ref();
        if merging.tier(&candidate.id, popularity) <= Tier::POPULAR {
            popular.add(candidate.id.name.as_str(), popularity);
        }
    }
    for id in merging.curated.keys() {
        popular.add(id.name.as_str(), None);
    }
    popular
}

impl Merged {
    fn refresh(&mut self, id: &PackageId, visited: &Visited, merging: &Merging<'_>) {
        let Some(entry) = self.queue.get_mut(id) else {
            // The entry is quarantined.
            self.unchanged += 1;
            return;
        };
        let before = entry.clone();
        if let Some(popularity) = &visited.candidate.popularity {
            entry.popularity = Some(popularity.clone());
        }
        entry.tier = entry.tier.min(merging.tier(id, entry.popularity.as_ref()));
        if let Some(version) = version(&visited.candidate) {
            requeue::note_version(entry, version);
        }
        // A run that died may have added it before.
        if entry.added_at == merging.started_at {
            self.added += 1;
            if let Status::RequiresManual { reason } = &entry.status {
                let (name, evidence) = (id.name.to_string(), reason.clone());
                self.suspicious.push(Suspicion { name, evidence });
            }
        } else if before == *entry {
            self.unchanged += 1;
        } else {
            self.refreshed += 1;
        }
    }

    fn add(
        &mut self,
        visited: &Visited,
        verdict: &SeedVerdict,
        popular: &Popular,
        merging: &Merging<'_>,
    ) {
        let Candidate { id, popularity, .. } = &visited.candidate;
        let (commands, has_repository) = match verdict {
            SeedVerdict::Tool { commands, has_repository } => (commands, has_repository),
            SeedVerdict::Not { reason, .. } => {
                *self.skipped.entry(*reason).or_default() += 1;
                return;
            }
            // It has left the queue in the meantime.
            SeedVerdict::Queued => return,
        };
        let tier = merging.tier(id, popularity.as_ref());
        let mut entry = QueueEntry::new(id.clone(), tier, merging.started_at);
        entry.popularity.clone_from(popularity);
        entry.listed_version = version(&visited.candidate).map(str::to_owned);
        // A source that says whether there is a repository has checked exactly that.
        let has_repository = visited.candidate.has_repository.or(*has_repository);
        let suspect = Suspect {
            name: id.name.as_str(),
            commands,
            popularity: popularity.as_ref(),
            has_repository,
            threshold: merging.threshold,
        };
        if !merging.curated.contains_key(id)
            && let Some(evidence) = popular.evidence(&suspect)
        {
            let name = id.name.to_string();
            self.suspicious.push(Suspicion { name, evidence: evidence.clone() });
            entry.status = Status::RequiresManual { reason: evidence };
        }
        self.queue.insert(id.clone(), entry);
        self.added += 1;
    }
}
