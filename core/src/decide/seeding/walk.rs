//! The progress through the lists. It follows from the facts alone, so that a run whose process
//! died continues as if nothing had happened.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use crate::{
    decide::seeding::list::{End, List, OpenPage, TrustedSize},
    model::{
        Candidate, EcosystemId, PackageId, PackageName, Page, PassedOver, SeedLine, SeedSkip,
        SeedStart, SeedVerdict,
    },
};

/// A function whose result is equal for two names of the same package.
pub type Identity<'a> = &'a (dyn Fn(&PackageName) -> String + Sync);

/// What is known about a candidate without a request; `None` when the registry must be asked.
pub type Known<'a> = &'a (dyn Fn(&PackageId) -> Option<SeedVerdict> + Sync);

/// A candidate, and what is known about it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the line above says it")]
pub struct Visited {
    pub candidate: Candidate,
    pub verdict: Option<SeedVerdict>,
}

/// A page to request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetch {
    /// Name of the source.
    pub source: String,
    /// The cursor of the page.
    pub cursor: Option<String>,
    /// The maximal number of candidates.
    pub limit: usize,
}

/// All facts of a run so far.
pub struct Walk<'a> {
    pub(super) start: SeedStart,
    pub(super) lists: Vec<List>,
    pub(super) passed_over: Vec<PassedOver>,
    visited: Vec<Visited>,
    n_decided: usize,
    places: BTreeMap<String, usize>,
    identity: Identity<'a>,
    known: Known<'a>,
}

impl<'a> Walk<'a> {
    /// The start of a run over `sources`, each a name and its trusted size.
    pub fn new(
        start: SeedStart,
        sources: &[(&str, TrustedSize)],
        identity: Identity<'a>,
        known: Known<'a>,
    ) -> Self {
        let list = |&(name, trusted_size): &(&str, _)| {
            List::new(name, trusted_size, start.left.iter().find(|left| left.name == name))
        };
        let lists = sources.iter().map(list).collect();
        let (passed_over, visited, places) = (vec![], vec![], BTreeMap::new());
        Self { start, lists, passed_over, visited, n_decided: 0, places, identity, known }
    }

    /// The ecosystem whose queue is filled.
    pub fn ecosystem(&self) -> &EcosystemId {
        &self.start.ecosystem
    }

    /// When the run began.
    pub fn started_at(&self) -> DateTime<Utc> {
        self.start.started_at
    }

    /// All candidates, in the order in which they were found.
    pub fn visited(&self) -> &[Visited] {
        &self.visited
    }

    /// The candidate `id`, if it was found.
    pub fn candidate(&self, id: &PackageId) -> Option<&Visited> {
        self.visited.get(*self.places.get(&(self.identity)(&id.name))?)
    }

    /// How many packages were looked at.
    pub fn n_seen(&self) -> usize {
        self.n_decided + self.passed_over.len()
    }

    /// How many of them are in `list` and in no earlier list.
    pub(super) fn n_seen_of(&self, list: &List) -> usize {
        let is_decided = |place: &&usize| self.visited[**place].verdict.is_some();
        list.own.iter().filter(is_decided).count() + list.n_passed_over
    }

    /// How many packages will be looked at in total, as far as that is known now.
    pub fn expected(&self) -> Option<usize> {
        let of = |list: &List| match &list.end {
            Some(End::Before) => Some(0),
            Some(_) => Some(list.n_brought()),
            None => {
                let total = list.stated.or(list.trusted_size.total);
                total.map(|total| total.saturating_sub(list.n_seen_before))
            }
        };
        let listed: Option<usize> = self.lists.iter().map(of).sum();
        listed.into_iter().chain(self.start.limit).min()
    }

    /// Adds a fact.
    pub fn take(&mut self, line: SeedLine) {
        match line {
            SeedLine::Start(_) => {}
            SeedLine::Page { source, cursor, page } => self.take_page(&source, cursor, page),
            SeedLine::Verdict { id, verdict } => {
                let place = self.places.get(&(self.identity)(&id.name));
                if let Some(visited) = place.and_then(|&place| self.visited.get_mut(place)) {
                    self.n_decided += usize::from(visited.verdict.is_none());
                    visited.verdict = Some(verdict);
                }
            }
            SeedLine::Stopped { source, reason } => {
                if let Some(list) = self.lists.iter_mut().find(|list| list.name == source) {
                    list.end = Some(End::Stopped(reason));
                }
            }
        }
    }

    fn take_page(&mut self, source: &str, cursor: Option<String>, page: Page) {
        let mut left = self.left();
        let Some(at) = self.lists.iter().position(|list| list.name == source) else { return };
        let list = &mut self.lists[at];
        let Page { candidates, next_cursor, passed_over, total, size } = page;
        let ids: Vec<PackageId> = candidates.iter().map(|it| it.id.clone()).collect();
        let before = list.n_before(cursor.as_deref(), &ids);
        list.asked.insert(cursor.clone());
        list.stated = total.or(list.stated);
        list.size = size.or(list.size);
        list.n_passed_over += passed_over.len();
        self.passed_over.extend(passed_over);
        let mut brings_news = candidates.is_empty();
        for candidate in candidates.into_iter().skip(before) {
            let identity = (self.identity)(&candidate.id.name);
            let place = match self.places.get(&identity) {
                Some(&place) => {
                    let known = &mut self.visited[place].candidate;
                    known.popularity = known.popularity.take().or(candidate.popularity);
                    known.has_repository = known.has_repository.or(candidate.has_repository);
                    known.version = known.version.take().or(candidate.version);
                    place
                }
                None if left == 0 => break,
                None => {
                    left -= 1;
                    let place = self.visited.len();
                    self.places.insert(identity, place);
                    let verdict = (self.known)(&candidate.id).or_else(|| stated(&candidate));
                    self.n_decided += usize::from(verdict.is_some());
                    self.visited.push(Visited { candidate, verdict });
                    place
                }
            };
            brings_news |= list.own.insert(place);
        }
        // A list that repeats a page would do so for ever.
        let next_cursor = next_cursor.filter(|next| {
            (brings_news || 0 < before) && !list.asked.contains(&Some(next.clone()))
        });
        list.pages.push(OpenPage { cursor, ids, before, next_cursor });
        self.close_pages(at);
    }

    /// Forgets pages that are completely decided, except the last one.
    fn close_pages(&mut self, at: usize) {
        let pages = &self.lists[at].pages;
        let is_closed = |page: &OpenPage| self.n_decided_of(page) == page.ids.len();
        let n_closed = pages.iter().take_while(|page| is_closed(page)).count();
        let n_closed = n_closed.min(pages.len().saturating_sub(1));
        self.lists[at].pages.drain(..n_closed);
    }

    /// How many candidates at the beginning of `page` are decided, up to the first undecided one.
    pub(super) fn n_decided_of(&self, page: &OpenPage) -> usize {
        let later = page.ids.iter().skip(page.before);
        page.before + later.take_while(|id| self.is_decided(id)).count()
    }

    fn is_decided(&self, id: &PackageId) -> bool {
        self.candidate(id).is_some_and(|visited| visited.verdict.is_some())
    }

    /// How many more candidates are wanted.
    fn left(&self) -> usize {
        self.start.limit.map_or(usize::MAX, |limit| limit.saturating_sub(self.visited.len()))
    }

    /// The next page to request; `None` when there is none. A new list is begun only when the
    /// caller `is_idle`, which means that it is not asking about candidates of another list. Lists
    /// that were read completely are ended.
    pub fn fetch(&mut self, is_idle: bool) -> Option<Fetch> {
        let left = self.left();
        for at in 0..self.lists.len() {
            let list = &self.lists[at];
            if list.end.is_some() {
                continue;
            }
            if list.pages.is_empty() && !is_idle {
                return None;
            }
            let next = match list.pages.last() {
                None => Some(list.first_cursor()),
                Some(page) => page.next_cursor.clone().map(Some),
            };
            let is_left_out = |id: &PackageId| self.candidate(id).is_none();
            let has_left_out = |page: &OpenPage| page.ids[page.before..].iter().any(is_left_out);
            let is_cut = left == 0 && list.pages.last().is_some_and(has_left_out);
            let list = &mut self.lists[at];
            match next {
                _ if is_cut || left == 0 && next.is_some() => list.end = Some(End::Limit),
                Some(cursor) => {
                    let source = list.name.clone();
                    // Candidates that an earlier run had looked at come again and are not wanted.
                    let again = if list.pages.is_empty() { list.n_visited() } else { 0 };
                    return Some(Fetch { source, cursor, limit: left.saturating_add(again) });
                }
                None => list.end = Some(list.falls_short().map_or(End::Exhausted, End::Stopped)),
            }
        }
        None
    }

    /// Candidates that are not decided, in the order in which they were found.
    pub fn undecided(&self) -> impl Iterator<Item = &PackageId> {
        let open = self.visited.iter().filter(|visited| visited.verdict.is_none());
        open.map(|visited| &visited.candidate.id)
    }

    /// The source that listed the candidate `id` first; empty when no source did.
    pub fn source_of(&self, id: &PackageId) -> String {
        let place = self.places.get(&(self.identity)(&id.name));
        let brought = |list: &&List| place.is_some_and(|place| list.own.contains(place));
        self.lists.iter().find(brought).map(|list| list.name.clone()).unwrap_or_default()
    }

    /// How many candidates of `list` could not be decided from the registry's answers.
    pub(super) fn n_unreadable_of(&self, list: &List) -> usize {
        list.own.iter().filter(|&&place| is_unreadable(&self.visited[place])).count()
    }

    /// From now on, looks at `n` more candidates at most.
    pub fn limit_to(&mut self, n: usize) {
        self.start.limit = Some(self.visited.len().saturating_add(n));
    }

    /// Whether candidates of `list` are not decided yet.
    pub(super) fn has_undecided(&self, list: &List) -> bool {
        list.own.iter().any(|&place| self.visited[place].verdict.is_none())
    }
}

pub(super) fn is_unreadable(visited: &Visited) -> bool {
    matches!(visited.verdict, Some(SeedVerdict::Not { reason: SeedSkip::Unreadable, .. }))
}

/// What the source itself says.
fn stated(candidate: &Candidate) -> Option<SeedVerdict> {
    let commands = candidate.commands.clone().filter(|commands| !commands.is_empty())?;
    Some(SeedVerdict::Tool { commands, has_repository: candidate.has_repository })
}
