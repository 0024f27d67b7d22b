//! The way through the lists: a state that follows from facts alone, so that a run that died goes
//! on as if it had not.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use crate::{
    decide::seeding::list::{End, List, OpenPage, digest},
    model::{
        Candidate, EcosystemId, PackageId, PackageName, Page, PassedOver, SeedCursor, SeedLine,
        SeedStart, SeedVerdict,
    },
};

/// What two names of one package share.
pub type Identity<'a> = &'a (dyn Fn(&PackageName) -> String + Sync);

/// What is known of a candidate without asking; `None` where the registry must be asked.
pub type Known<'a> = &'a (dyn Fn(&PackageId) -> Option<SeedVerdict> + Sync);

/// A candidate, and what it is as far as that is known.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the line above says it")]
pub struct Visited {
    pub candidate: Candidate,
    pub verdict: Option<SeedVerdict>,
}

/// What to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Ask a source for a page.
    Fetch {
        /// Its name.
        source: String,
        /// Where.
        cursor: Option<String>,
        /// Candidates that are wanted, at most.
        limit: usize,
    },
    /// Ask the registry about each of these, in any order.
    Inspect {
        /// Name of the source that brought them.
        source: String,
        /// Which.
        ids: Vec<PackageId>,
    },
    /// Nothing.
    Finished,
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
    /// The beginning of a run over `sources`: each one's name, and how many it listed when it was
    /// last believed.
    pub fn new(
        start: SeedStart,
        sources: &[(&str, Option<usize>)],
        identity: Identity<'a>,
        known: Known<'a>,
    ) -> Self {
        let list = |&(name, expected): &(&str, _)| {
            List::new(name, expected, start.left.iter().find(|left| left.name == name))
        };
        let lists = sources.iter().map(list).collect();
        let (passed_over, visited, places) = (vec![], vec![], BTreeMap::new());
        Self { start, lists, passed_over, visited, n_decided: 0, places, identity, known }
    }

    /// Whose queue is filled.
    pub fn ecosystem(&self) -> &EcosystemId {
        &self.start.ecosystem
    }

    /// When the run began.
    pub fn started_at(&self) -> DateTime<Utc> {
        self.start.started_at
    }

    /// Every candidate, in the order in which they came.
    pub fn visited(&self) -> &[Visited] {
        &self.visited
    }

    /// The candidate `id`, if it is one.
    pub fn candidate(&self, id: &PackageId) -> Option<&Visited> {
        self.visited.get(*self.places.get(&(self.identity)(&id.name))?)
    }

    /// How many packages were looked at.
    pub fn n_seen(&self) -> usize {
        self.n_decided + self.passed_over.len()
    }

    /// How many of them `list` brought, and are not known from another.
    pub(super) fn n_seen_of(&self, list: &List) -> usize {
        let is_decided = |place: &&usize| self.visited[**place].verdict.is_some();
        list.own.iter().filter(is_decided).count() + list.n_passed_over
    }

    /// How many packages will be looked at in all, as far as that can be told by now.
    pub fn expected(&self) -> Option<usize> {
        let of = |list: &List| match &list.end {
            Some(End::Before) => Some(0),
            Some(_) => Some(list.n_listed),
            None => list.stated.or(list.expected),
        };
        let listed: Option<usize> = self.lists.iter().map(of).sum();
        listed.into_iter().chain(self.start.limit).min()
    }

    /// Takes in a fact.
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
        let Some(list) = self.lists.iter_mut().find(|list| list.name == source) else { return };
        let Page { candidates, next_cursor, passed_over, total } = page;
        let ids: Vec<PackageId> = candidates.iter().map(|it| it.id.clone()).collect();
        let before = list.n_before(cursor.as_deref(), &ids);
        list.asked.insert(cursor.clone());
        list.stated = total.or(list.stated);
        list.n_listed += candidates.len() + passed_over.len();
        list.n_passed_over += passed_over.len();
        self.passed_over.extend(passed_over);
        let mut brings_news = candidates.is_empty();
        for candidate in candidates.into_iter().skip(before) {
            let identity = (self.identity)(&candidate.id.name);
            let place = match self.places.get(&identity) {
                Some(&place) => {
                    let known = &mut self.visited[place].candidate;
                    known.popularity = known.popularity.take().or(candidate.popularity);
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
        // A list that brings the same again would do so for ever.
        let next_cursor = next_cursor.filter(|next| {
            (brings_news || 0 < before) && !list.asked.contains(&Some(next.clone()))
        });
        list.page = Some(OpenPage { cursor, ids, before, next_cursor });
    }

    /// How many more candidates are wanted.
    fn left(&self) -> usize {
        self.start.limit.map_or(usize::MAX, |limit| limit.saturating_sub(self.visited.len()))
    }

    /// What to do next. Ends lists where that is all there is to do with them.
    pub fn next(&mut self) -> Step {
        let left = self.left();
        for at in 0..self.lists.len() {
            if self.lists[at].end.is_some() {
                continue;
            }
            let ids = self.undecided(&self.lists[at]);
            let list = &mut self.lists[at];
            let source = list.name.clone();
            if !ids.is_empty() {
                return Step::Inspect { source, ids };
            }
            let is_left_out =
                |id: &PackageId| !self.places.contains_key(&(self.identity)(&id.name));
            let later = |page: &OpenPage| page.ids[page.before..].iter().any(is_left_out);
            let is_cut = list.page.as_ref().is_some_and(later);
            let next = match &list.page {
                None => Some(list.first_cursor()),
                Some(page) => page.next_cursor.clone().map(Some),
            };
            match next {
                _ if left == 0 && (is_cut || next.is_some()) => list.end = Some(End::Limit),
                Some(cursor) => return Step::Fetch { source, cursor, limit: left },
                None => list.end = Some(End::Exhausted),
            }
        }
        Step::Finished
    }

    /// Candidates of the open page that nothing is known of yet.
    fn undecided(&self, list: &List) -> Vec<PackageId> {
        let ids = list.page.iter().flat_map(|page| page.ids.iter().skip(page.before));
        let is_open = |id: &&PackageId| self.candidate(id).is_some_and(|it| it.verdict.is_none());
        ids.filter(is_open).cloned().collect()
    }

    /// Where a later run goes on with `list`; `None` where nothing of it is left.
    pub(super) fn cursor(&self, list: &List) -> Option<SeedCursor> {
        if matches!(list.end, Some(End::Exhausted | End::Before)) {
            return None;
        }
        let source = list.name.clone();
        let at_start = |page| {
            Some(SeedCursor { source: source.clone(), page, visited: 0, digest: digest(&[]) })
        };
        let Some(page) = &list.page else { return list.from.clone().or_else(|| at_start(None)) };
        let is_decided =
            |id: &&PackageId| self.candidate(id).is_some_and(|it| it.verdict.is_some());
        let later = page.ids.iter().skip(page.before).take_while(is_decided).count();
        let visited = page.before + later;
        if visited == page.ids.len() && page.next_cursor.is_some() {
            return at_start(page.next_cursor.clone());
        }
        let (page, digest) = (page.cursor.clone(), digest(&page.ids[..visited]));
        Some(SeedCursor { source: source.clone(), page, visited, digest })
    }
}

/// What the source itself tells.
fn stated(candidate: &Candidate) -> Option<SeedVerdict> {
    let commands = candidate.commands.clone().filter(|commands| !commands.is_empty())?;
    Some(SeedVerdict::Tool { commands, has_repository: candidate.has_repository })
}
