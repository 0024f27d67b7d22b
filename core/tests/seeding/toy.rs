//! A registry with generated lists.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use batch_core::{
    decide::seeding::{Fetch, Merged, Merging, TrustedSize, Walk, merge, record},
    model::{
        Candidate, EcosystemId, PackageId, PackageName, Page, Popularity, Queue, SCHEMA_VERSION,
        SeedLine, SeedSkip, SeedStart, SeedVerdict, SeedingRecord, SourceRun, Threshold, Tier,
    },
};
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};

pub(crate) const TOY: EcosystemId = EcosystemId::from_static("toy");
pub(crate) const POPULAR: Threshold =
    Threshold { value: 1000, unit: "downloads", period_days: Some(7) };

pub(crate) fn now() -> DateTime<Utc> {
    "2026-11-21T12:00:00Z".parse().unwrap()
}

pub(crate) fn id(name: &str) -> PackageId {
    PackageId { ecosystem: TOY, name: name.parse().unwrap() }
}

pub(crate) fn downloads(value: u64) -> Popularity {
    Popularity {
        value,
        unit: "downloads".to_owned(),
        period_days: Some(7),
        source: "https://toy.example/top".to_owned(),
        as_of: NaiveDate::from_ymd_opt(2026, 11, 20).unwrap(),
    }
}

/// A candidate of which only the name is known.
pub(crate) fn candidate(name: &str) -> Candidate {
    Candidate::of(id(name))
}

/// A tool for which the source states everything.
pub(crate) fn tool(name: &str, value: u64) -> Candidate {
    let commands = Some(vec![name.rsplit('/').next().unwrap().parse().unwrap()]);
    let popularity = Some(downloads(value));
    Candidate { popularity, commands, has_repository: Some(true), ..candidate(name) }
}

pub(crate) fn page(candidates: Vec<Candidate>, next: Option<&str>) -> Page {
    Page { candidates, next_cursor: next.map(str::to_owned), ..Page::default() }
}

/// Small letters and one punctuation mark, as in some registries.
pub(crate) fn identity(name: &PackageName) -> String {
    name.as_str().to_lowercase().replace('_', "-")
}

pub(crate) fn is_tool(id: &PackageId) -> bool {
    !id.name.as_str().starts_with("lib")
}

/// The result of an inspection.
pub(crate) fn verdict(id: &PackageId) -> SeedVerdict {
    if id.name.as_str().starts_with("broken") {
        SeedVerdict::Not { reason: SeedSkip::Unreadable, why: "it answered 500".to_owned() }
    } else if is_tool(id) {
        let commands = vec![id.name.as_str().parse().unwrap()];
        SeedVerdict::Tool { commands, has_repository: Some(true) }
    } else {
        SeedVerdict::Not { reason: SeedSkip::Library, why: "it installs no command".to_owned() }
    }
}

/// A registry: for each source and cursor the page, or why there is none.
pub(crate) type Lists = BTreeMap<(&'static str, Option<String>), Result<Page, &'static str>>;

pub(crate) fn lists(pages: Vec<(&'static str, &str, Page)>) -> Lists {
    let key = |source, cursor: &str| (source, (!cursor.is_empty()).then(|| cursor.to_owned()));
    pages.into_iter().map(|(source, cursor, page)| (key(source, cursor), Ok(page))).collect()
}

#[derive(Default, Clone)]
pub(crate) struct Run {
    pub(crate) limit: Option<usize>,
    pub(crate) left: Vec<SourceRun>,
    pub(crate) days_later: i64,
    pub(crate) trusted_size: TrustedSize,
    pub(crate) queued: Queue,
    /// Packages that are in the queue's file, but whose entries cannot be read.
    pub(crate) quarantined: BTreeSet<PackageId>,
    pub(crate) curated: BTreeMap<PackageId, Tier>,
    /// Facts of an earlier process; the run continues after them.
    pub(crate) facts: Vec<SeedLine>,
    /// How many facts are accepted before the process ends.
    pub(crate) dies_after: Option<usize>,
}

pub(crate) struct Ended {
    pub(crate) facts: Vec<SeedLine>,
    pub(crate) merged: Merged,
    pub(crate) record: SeedingRecord,
    /// The requested pages and packages.
    pub(crate) asked: Vec<String>,
    /// The largest number of candidates that each request permitted.
    pub(crate) limits: Vec<usize>,
}

impl Run {
    /// Reads `lists` from the sources with the names `sources`.
    pub(crate) fn over(&self, sources: &[&'static str], lists: &Lists) -> Ended {
        let started_at = now() + TimeDelta::days(self.days_later);
        let start = SeedStart {
            schema_version: SCHEMA_VERSION,
            ecosystem: TOY,
            started_at,
            limit: self.limit,
            left: self.left.clone(),
        };
        let queued: BTreeSet<String> =
            self.queued.keys().chain(&self.quarantined).map(|id| identity(&id.name)).collect();
        let known =
            |id: &PackageId| queued.contains(&identity(&id.name)).then_some(SeedVerdict::Queued);
        let sources: Vec<_> = sources.iter().map(|&name| (name, self.trusted_size)).collect();
        let mut walk = Walk::new(start, &sources, &identity, &known);
        let mut facts = vec![];
        let (mut asked, mut limits) = (vec![], vec![]);
        let mut take = |walk: &mut Walk<'_>, line: SeedLine| {
            facts.push(line.clone());
            walk.take(line);
            self.dies_after != Some(facts.len())
        };
        let mut lives = self.facts.iter().all(|line| take(&mut walk, line.clone()));
        let mut waiting: VecDeque<PackageId> = walk.undecided().cloned().collect();
        while lives {
            // Reads one page ahead while few candidates wait.
            let is_idle = waiting.is_empty();
            let fetch = if waiting.len() < 2 { walk.fetch(is_idle) } else { None };
            if let Some(Fetch { source, cursor, limit }) = fetch {
                limits.push(limit);
                asked.push(format!("{source} {}", cursor.as_deref().unwrap_or("start")));
                let key = lists.keys().find(|(name, at)| (*name, at) == (&*source, &cursor));
                let line = match key.map(|key| lists[key].clone()) {
                    Some(Ok(page)) => SeedLine::Page { source, cursor, page },
                    Some(Err(reason)) => SeedLine::Stopped { source, reason: reason.to_owned() },
                    None => SeedLine::Page { source, cursor, page: Page::default() },
                };
                lives = take(&mut walk, line);
                waiting = walk.undecided().cloned().collect();
            } else if let Some(id) = waiting.pop_front() {
                asked.push(id.name.to_string());
                let verdict = verdict(&id);
                lives = take(&mut walk, SeedLine::Verdict { id, verdict });
            } else {
                break;
            }
        }
        let merging = Merging {
            curated: &self.curated,
            threshold: Some(POPULAR),
            identity: &identity,
            started_at,
        };
        let merged = merge(self.queued.clone(), &self.quarantined, &walk, &merging);
        let record = record(&walk, &merged, now(), BTreeMap::new());
        Ended { facts, merged, record, asked, limits }
    }
}
