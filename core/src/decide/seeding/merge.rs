//! Candidates go into a queue: entries are added, popularity is refreshed, and nothing else about
//! an entry changes.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};

use crate::{
    decide::seeding::{
        suspicion::{Popular, Suspect},
        walk::{Identity, Visited, Walk},
    },
    model::{
        Candidate, PackageId, Popularity, Queue, QueueEntry, SeedSkip, SeedVerdict, Status,
        Suspicion, Threshold, Tier,
    },
};

/// What one ecosystem's candidates are measured by.
#[derive(Clone, Copy)]
pub struct Merging<'a> {
    /// The curated list, with the tier that it gives to each: a person has looked at these.
    pub curated: &'a BTreeMap<PackageId, Tier>,
    /// Tier 2.
    pub threshold: Option<Threshold>,
    /// What two names of one package share.
    pub identity: Identity<'a>,
    /// Start of the run: when its entries were added.
    pub started_at: DateTime<Utc>,
}

/// What became of a queue.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Merged {
    /// With the candidates in it.
    pub queue: Queue,
    /// Entries of this run.
    pub added: usize,
    /// Entries from before whose popularity or tier is new.
    pub refreshed: usize,
    /// Entries from before that are as they were.
    pub unchanged: usize,
    /// Packages that are not queued.
    pub skipped: BTreeMap<SeedSkip, usize>,
    /// Queued for a person, or refused for its characters.
    pub suspicious: Vec<Suspicion>,
}

impl Merging<'_> {
    fn tier(&self, id: &PackageId, popularity: Option<&Popularity>) -> Tier {
        let reaches = |popularity| self.threshold.is_some_and(|it| it.is_reached_by(popularity));
        let by_number = if popularity.is_some_and(reaches) { Tier::POPULAR } else { Tier::REST };
        self.curated.get(id).map_or(by_number, |listed| by_number.min(*listed))
    }
}

/// `queue` with what `walk` visited and what is curated. Doing it again changes nothing. Those that
/// are `quarantined` are in the queue's file too, but what is known of them cannot be read: they
/// stay as they are.
pub fn merge(
    queue: Queue,
    quarantined: &BTreeSet<PackageId>,
    walk: &Walk<'_>,
    merging: &Merging<'_>,
) -> Merged {
    let identity = |id: &PackageId| (merging.identity)(&id.name);
    // What can be read comes last: an entry that is there twice is in quarantine once.
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

/// Names that others may want to be taken for.
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
            // It is in quarantine.
            self.unchanged += 1;
            return;
        };
        let before = (entry.tier, entry.popularity.clone());
        if let Some(popularity) = &visited.candidate.popularity {
            entry.popularity = Some(popularity.clone());
        }
        entry.tier = entry.tier.min(merging.tier(id, entry.popularity.as_ref()));
        // A run that died may have got as far as this before.
        if entry.added_at == merging.started_at {
            self.added += 1;
            if let Status::RequiresManual { reason } = &entry.status {
                let (name, evidence) = (id.name.to_string(), reason.clone());
                self.suspicious.push(Suspicion { name, evidence });
            }
        } else if before == (entry.tier, entry.popularity.clone()) {
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
            // It has left the queue since.
            SeedVerdict::Queued => return,
        };
        let tier = merging.tier(id, popularity.as_ref());
        let mut entry = QueueEntry::new(id.clone(), tier, merging.started_at);
        entry.popularity.clone_from(popularity);
        // A source that says it has looked at just that.
        let has_repository = visited.candidate.has_repository.or(*has_repository);
        let suspect = Suspect { id, commands, popularity: popularity.as_ref(), has_repository };
        if !merging.curated.contains_key(id)
            && let Some(evidence) = popular.evidence(&suspect, merging.threshold)
        {
            let name = id.name.to_string();
            self.suspicious.push(Suspicion { name, evidence: evidence.clone() });
            entry.status = Status::RequiresManual { reason: evidence };
        }
        self.queue.insert(id.clone(), entry);
        self.added += 1;
    }
}
