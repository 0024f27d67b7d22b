//! The parts that every page has.

use batch_core::decide::health::STALLED_AFTER;
use chrono::{DateTime, Utc};

use crate::{
    health::in_words,
    html::Markup,
    path,
    site::Site,
    text::{Text, Timestamp},
};

/// Names and addresses.
const SECTIONS: &[(Markup, Markup)] = &[
    (Markup("Overview"), Markup("index.html")),
    (Markup("Failures"), Markup("failures.html")),
    (Markup("Runs"), Markup("runs.html")),
    (Markup("Packages"), Markup("queue.html")),
    (Markup("Ecosystems"), Markup("ecosystems.html")),
    (Markup("Blockers"), Markup("blockers.html")),
    (Markup("Causes"), Markup("causes.html")),
    (Markup("Environments"), Markup("environments.html")),
    (Markup("Sources"), Markup("disambiguations.html")),
];

/// Sections that pages about one object name.
const N_OF_OBJECTS: usize = 5;

/// Head, navigation and foot of one page.
pub(super) struct Frame {
    pub(super) path: String,
    /// The relative path from the page to the top of the site.
    pub(super) root: Markup,
    pub(super) title: Text,
    pub(super) data_as_of: Option<Timestamp>,
    pub(super) warning: Option<String>,
    /// The time after which the page warns that its data may be out of date; `None` for pages that
    /// are not rebuilt at every run.
    pub(super) fresh_until: Option<Timestamp>,
    section: &'static str,
    is_live: bool,
}

impl Frame {
    /// The frame of a page about the whole pipeline; it shows the age of the newest record.
    pub(super) fn live(site: &Site<'_>, path: &str, title: &str, section: &'static str) -> Self {
        let age = site.data_as_of.map(|at| site.as_of - at).filter(|age| STALLED_AFTER < *age);
        let warning = age.map(|age| {
            let built = Timestamp(site.as_of);
            format!(
                "The newest record was {} old when this page was built ({built} UTC).",
                in_words(age)
            )
        });
        let fresh_until =
            site.data_as_of.and_then(|at| at.checked_add_signed(STALLED_AFTER)).map(Timestamp);
        let fixed = Self::fixed(path, title, section, site.data_as_of);
        Self { warning, fresh_until, is_live: true, ..fixed }
    }

    /// The frame of a page about one object; it is written again only when the object changes.
    pub(super) fn fixed(
        path: &str,
        title: &str,
        section: &'static str,
        data_as_of: Option<DateTime<Utc>>,
    ) -> Self {
        Self {
            path: path.to_owned(),
            root: Markup(path::root_of(path)),
            title: Text::new(title),
            data_as_of: data_as_of.map(Timestamp),
            warning: None,
            fresh_until: None,
            section,
            is_live: false,
        }
    }

    /// The name and the address of each section. The pages about one object each, of which a site has
    /// ten thousands, name only the first ones.
    pub(super) fn sections(&self) -> &'static [(Markup, Markup)] {
        if self.is_live { SECTIONS } else { &SECTIONS[..N_OF_OBJECTS] }
    }

    pub(super) fn is_in(&self, section: &Markup) -> bool {
        self.section == section.0
    }
}
