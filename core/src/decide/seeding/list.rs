//! One list of a registry, and how far it was read.

use std::collections::BTreeSet;

use sha2::{Digest as _, Sha256};

use crate::model::{PackageId, SeedCursor, SourceRun};

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
    /// How many it had when it was last believed.
    pub(super) expected: Option<usize>,
    /// How many it says it has.
    pub(super) stated: Option<usize>,
    /// Candidates and passed-over packages that its pages brought.
    pub(super) n_listed: usize,
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
    pub(super) fn new(name: &str, expected: Option<usize>, left: Option<&SourceRun>) -> Self {
        let is_done = left.is_some_and(SourceRun::is_done);
        Self {
            name: name.to_owned(),
            expected,
            stated: None,
            n_listed: 0,
            n_passed_over: 0,
            from: left.and_then(|left| left.cursor.clone()),
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

impl SourceRun {
    /// Whether nothing of it is left for a later run.
    fn is_done(&self) -> bool {
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
