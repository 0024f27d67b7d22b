//! One list of a registry, and how far it was read.

use std::collections::BTreeSet;

use sha2::{Digest as _, Sha256};

use crate::model::{PackageId, SeedCursor, SourceRun};

/// A list that ends with less than this share of what it says it has, in percent, was broken off.
/// The rest is for what comes twice and for what changes while it is read.
const WHOLE_PERCENT: usize = 90;

/// How the reading of a list ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum End {
    /// Where the list ends, or begins anew.
    Exhausted,
    /// Where the operator's limit was reached.
    Limit,
    /// It could not be read, or no further.
    Stopped(String),
    /// An earlier run had read all of it.
    Before,
}

/// Part of a list that came.
#[derive(Debug, Clone)]
pub(super) struct OpenPage {
    pub(super) cursor: Option<String>,
    /// All that it lists, in its order.
    pub(super) ids: Vec<PackageId>,
    /// How many of them an earlier run had looked at.
    pub(super) before: usize,
    pub(super) next_cursor: Option<String>,
}

#[derive(Debug, Clone)]
pub(super) struct List {
    pub(super) name: String,
    /// What it was when it was last believed.
    pub(super) believed: Believed,
    /// How many it says it hands on.
    pub(super) stated: Option<usize>,
    /// How many it says it has, also those that are too many to be handed on.
    pub(super) size: Option<usize>,
    /// How many of it the runs looked at that this one goes on from.
    pub(super) n_seen_before: usize,
    pub(super) n_passed_over: usize,
    /// Where this run takes it up.
    pub(super) from: Option<SeedCursor>,
    /// Those that came, from the first of which something is not known yet; the last in any case.
    pub(super) pages: Vec<OpenPage>,
    /// Places of the pages that were asked for.
    pub(super) asked: BTreeSet<Option<String>>,
    /// Places of the candidates that its pages brought: a list that brings them again goes round in
    /// a circle.
    pub(super) own: BTreeSet<usize>,
    pub(super) end: Option<End>,
    /// What an earlier run said of it, if that read all of it.
    pub(super) before: Option<SourceRun>,
}

impl List {
    /// A list called `name`; `left` is what the last run left of it, if this one is to go on there.
    pub(super) fn new(name: &str, believed: Believed, left: Option<&SourceRun>) -> Self {
        let is_done = left.is_some_and(SourceRun::is_done);
        let from = left.and_then(|left| left.cursor.clone());
        let n_seen_before = left.filter(|_| from.is_some()).map_or(0, |left| left.seen);
        Self {
            name: name.to_owned(),
            believed,
            stated: None,
            size: None,
            n_seen_before,
            n_passed_over: 0,
            from,
            pages: vec![],
            asked: BTreeSet::new(),
            own: BTreeSet::new(),
            end: is_done.then_some(End::Before),
            before: left.filter(|_| is_done).cloned(),
        }
    }

    /// The page to ask for first.
    pub(super) fn first_cursor(&self) -> Option<String> {
        self.from.as_ref().and_then(|from| from.page.clone())
    }

    /// How many candidates of that page an earlier run had looked at.
    pub(super) fn n_visited(&self) -> usize {
        self.from.as_ref().map_or(0, |from| from.visited)
    }

    /// How many different packages this run's pages brought.
    pub(super) fn n_brought(&self) -> usize {
        self.own.len() + self.n_passed_over
    }

    /// The same, with those of the runs that this one goes on from.
    pub(super) fn n_came(&self) -> usize {
        self.n_seen_before + self.n_brought()
    }

    /// Why its end is not believed to be one, if that is so.
    pub(super) fn falls_short(&self) -> Option<String> {
        let (stated, came) = (self.stated?, self.n_came());
        let is_short = came.saturating_mul(100) < stated.saturating_mul(WHOLE_PERCENT);
        is_short
            .then(|| format!("it ended after {came} of the {stated} packages that it says it has"))
    }

    /// How many candidates of the page that came, `ids`, an earlier run had looked at: none if it
    /// begins otherwise by now.
    pub(super) fn n_before(&self, cursor: Option<&str>, ids: &[PackageId]) -> usize {
        let Some(from) = self.from.as_ref().filter(|from| from.page.as_deref() == cursor) else {
            return 0;
        };
        let is_same = ids.get(..from.visited).is_some_and(|ids| digest(ids) == from.digest);
        if is_same { from.visited } else { 0 }
    }
}

/// What a list was when it was last believed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Believed {
    /// How many packages it handed on.
    pub total: Option<usize>,
    /// How many it had, also those that are too many to be handed on.
    pub size: Option<usize>,
}

impl SourceRun {
    /// Whether nothing of it is left for a later run.
    pub fn is_done(&self) -> bool {
        self.outcome == crate::model::SeedOutcome::Full && self.cursor.is_none()
    }
}

/// Of the ids of candidates, in their order.
pub(super) fn digest(ids: &[PackageId]) -> String {
    let mut digest = Sha256::new();
    for id in ids {
        digest.update(id.to_string());
        digest.update(b"\n");
    }
    let start = digest.finalize()[..8].iter().fold(0, |sum: u64, byte| sum << 8 | u64::from(*byte));
    format!("{start:016x}")
}
