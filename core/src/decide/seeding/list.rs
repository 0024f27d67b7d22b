//! One list of a registry, and how much of it was read.

use std::collections::BTreeSet;

use sha2::{Digest as _, Sha256};

use crate::model::{PackageId, SeedCursor, SourceRun};

/// If a list ends after less than this share (in percent) of its stated size, it counts as
/// incomplete. The margin is for entries that appear twice and for changes during the reading.
const WHOLE_PERCENT: usize = 90;

/// How the reading of a list ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum End {
    /// At the end of the list, or where the list starts again.
    Exhausted,
    /// At the limit of the operator.
    Limit,
    /// The list could not be read, or not any further.
    Stopped(String),
    /// An earlier run had read all of it.
    Before,
}

/// A page of a list that was read.
#[derive(Debug, Clone)]
pub(super) struct OpenPage {
    pub(super) cursor: Option<String>,
    /// All entries of the page, in its order.
    pub(super) ids: Vec<PackageId>,
    /// How many of them an earlier run had looked at.
    pub(super) before: usize,
    pub(super) next_cursor: Option<String>,
}

#[derive(Debug, Clone)]
pub(super) struct List {
    pub(super) name: String,
    /// The size of the list when it was last trusted.
    pub(super) trusted_size: TrustedSize,
    /// How many candidates the list says that it has.
    pub(super) stated: Option<usize>,
    /// How many packages it says that it has, including those beyond the limit of candidates.
    pub(super) size: Option<usize>,
    /// How many of its candidates the earlier runs looked at that this run continues.
    pub(super) n_seen_before: usize,
    pub(super) n_passed_over: usize,
    /// Where this run begins.
    pub(super) from: Option<SeedCursor>,
    /// The pages that were read, from the first one that is not completely decided; in any case the
    /// last page.
    pub(super) pages: Vec<OpenPage>,
    /// The cursors of the pages that were requested.
    pub(super) asked: BTreeSet<Option<String>>,
    /// The positions of the candidates on its pages. A list that repeats them is circular.
    pub(super) own: BTreeSet<usize>,
    pub(super) end: Option<End>,
    /// The result of an earlier run, if that run read the list completely.
    pub(super) before: Option<SourceRun>,
}

impl List {
    /// A list called `name`. `left` is what the last run left of it, if this run continues there.
    pub(super) fn new(name: &str, trusted_size: TrustedSize, left: Option<&SourceRun>) -> Self {
        let is_done = left.is_some_and(SourceRun::is_done);
        let from = left.and_then(|left| left.cursor.clone());
        let n_seen_before = left.filter(|_| from.is_some()).map_or(0, |left| left.seen);
        Self {
            name: name.to_owned(),
            trusted_size,
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

    /// The cursor of the first page to request.
    pub(super) fn first_cursor(&self) -> Option<String> {
        self.from.as_ref().and_then(|from| from.page.clone())
    }

    /// How many candidates of that page an earlier run had looked at.
    pub(super) fn n_visited(&self) -> usize {
        self.from.as_ref().map_or(0, |from| from.visited)
    }

    /// How many different packages the pages of this run contained.
    pub(super) fn n_brought(&self) -> usize {
        self.own.len() + self.n_passed_over
    }

    /// The same, including the runs that this run continues.
    pub(super) fn n_came(&self) -> usize {
        self.n_seen_before + self.n_brought()
    }

    /// Why the end of the list is not trusted, if so.
    pub(super) fn falls_short(&self) -> Option<String> {
        let (stated, came) = (self.stated?, self.n_came());
        let is_short = came.saturating_mul(100) < stated.saturating_mul(WHOLE_PERCENT);
        is_short
            .then(|| format!("it ended after {came} of the {stated} packages that it says it has"))
    }

    /// How many of `ids`, the candidates of the page at `cursor`, an earlier run had looked at:
    /// none if the page begins with other candidates now.
    pub(super) fn n_before(&self, cursor: Option<&str>, ids: &[PackageId]) -> usize {
        let Some(from) = self.from.as_ref().filter(|from| from.page.as_deref() == cursor) else {
            return 0;
        };
        let is_same = ids.get(..from.visited).is_some_and(|ids| digest(ids) == from.digest);
        if is_same { from.visited } else { 0 }
    }
}

/// The size of a list when it was last trusted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TrustedSize {
    /// How many candidates it had.
    pub total: Option<usize>,
    /// How many packages it had, including those beyond the limit of candidates.
    pub size: Option<usize>,
}

impl SourceRun {
    /// Whether nothing of it is left for a later run.
    pub fn is_done(&self) -> bool {
        self.outcome == crate::model::SeedOutcome::Full && self.cursor.is_none()
    }
}

/// The digest of the ids of candidates, in their order.
pub(super) fn digest(ids: &[PackageId]) -> String {
    let mut digest = Sha256::new();
    for id in ids {
        digest.update(id.to_string());
        digest.update(b"\n");
    }
    let start = digest.finalize().first_chunk().copied().map_or(0, u64::from_be_bytes);
    format!("{start:016x}")
}
