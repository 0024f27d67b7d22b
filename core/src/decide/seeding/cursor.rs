//! Computes where a later run continues.

use crate::{
    decide::seeding::{
        Walk,
        list::{End, List, digest},
        walk::is_unreadable,
    },
    model::{PackageId, SeedCursor},
};

impl Walk<'_> {
    /// Where a later run continues with `list`; `None` when nothing of it is left.
    pub(super) fn cursor(&self, list: &List) -> Option<SeedCursor> {
        if list.end == Some(End::Before) {
            return None;
        }
        let at = |page, visited, ids: &[PackageId]| {
            let (source, digest) = (list.name.clone(), digest(ids));
            Some(SeedCursor { source, page, visited, digest })
        };
        let Some(newest) = list.pages.last() else {
            return list.from.clone().or_else(|| at(None, 0, &[]));
        };
        let is_stopped = matches!(list.end, Some(End::Stopped(_)));
        for page in &list.pages {
            let mut n_decided = self.n_decided_of(page);
            if n_decided < page.ids.len() {
                // The last failures before a stop belong to its reason; these candidates are not to
                // blame.
                let failed = |id| self.candidate(id).is_some_and(is_unreadable);
                while is_stopped && page.before < n_decided && failed(&page.ids[n_decided - 1]) {
                    n_decided -= 1;
                }
                return at(page.cursor.clone(), n_decided, &page.ids[..n_decided]);
            }
        }
        match (&newest.next_cursor, &list.end) {
            (Some(next), _) => at(Some(next.clone()), 0, &[]),
            (None, Some(End::Stopped(_))) => {
                at(newest.cursor.clone(), newest.ids.len(), &newest.ids)
            }
            (None, _) => None,
        }
    }
}
