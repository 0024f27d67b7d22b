//! What surrounds every page.

use batch_core::decide::health::STALLED_AFTER;
use chrono::{DateTime, Utc};

use crate::{
    path,
    site::Site,
    text::{Stamp, Text},
};

/// Head, navigation and foot of one page.
pub(super) struct Frame {
    pub(super) path: String,
    /// Way to the top of the site.
    pub(super) root: String,
    pub(super) title: Text,
    pub(super) data_as_of: Option<Stamp>,
    pub(super) warning: Option<String>,
    /// When a reader should doubt a page that nobody built anew.
    pub(super) fresh_until: Option<Stamp>,
    section: &'static str,
}

impl Frame {
    /// Of a page that shows the state of everything, and so the age of its newest record.
    pub(super) fn live(site: &Site<'_>, path: &str, title: &str, section: &'static str) -> Self {
        let age = site.data_as_of.map(|at| site.as_of - at).filter(|age| STALLED_AFTER < *age);
        let warning = age.map(|age| {
            let built = Stamp(site.as_of);
            format!(
                "The newest record was {} h old when this page was built ({built} UTC).",
                age.num_hours()
            )
        });
        let fresh_until =
            site.data_as_of.and_then(|at| at.checked_add_signed(STALLED_AFTER)).map(Stamp);
        Self { warning, fresh_until, ..Self::fixed(path, title, section, site.data_as_of) }
    }

    /// Of a page about one thing: it changes, and is written again, only with that thing.
    pub(super) fn fixed(
        path: &str,
        title: &str,
        section: &'static str,
        data_as_of: Option<DateTime<Utc>>,
    ) -> Self {
        Self {
            path: path.to_owned(),
            root: path::root_of(path),
            title: Text::new(title),
            data_as_of: data_as_of.map(Stamp),
            warning: None,
            fresh_until: None,
            section,
        }
    }

    /// Name and page of each section.
    #[expect(clippy::unused_self, reason = "templates call methods of what they have")]
    pub(super) fn sections(&self) -> &'static [(&'static str, &'static str)] {
        &[
            ("Overview", "index.html"),
            ("Packages", "queue.html"),
            ("Runs", "runs.html"),
            ("Failures", "failures.html"),
            ("Causes", "causes.html"),
            ("Blocked", "blocked.html"),
            ("Breakers", "breakers.html"),
        ]
    }

    pub(super) fn is_in(&self, section: &&str) -> bool {
        self.section == *section
    }
}
