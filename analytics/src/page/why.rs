//! Why a package has its status, for tables.

use batch_core::model::{QueueEntry, Status};

use super::row::{Link, MAX_LINE};
use crate::{known::Known, path, site::Site, text::Text};

/// Why a package has its status.
#[derive(Default)]
pub(super) struct Why {
    pub(super) text: Text,
    pub(super) links: Vec<Link>,
}

impl Why {
    /// The reason for a table in which the status is a column of its own.
    pub(super) fn short(site: &Site<'_>, known: &Known<'_>, entry: &QueueEntry) -> Self {
        let of_text = |text| Self { text, links: vec![] };
        match &entry.status {
            Status::InProgress { batch } => {
                let link = Link::run(site, &batch.to_string());
                if link.href.is_empty() {
                    return of_text(Text::of(format_args!("in the pull request of {batch}")));
                }
                Self { text: Text::new("in the pull request of "), links: vec![link] }
            }
            Status::Blocked { by } if by.is_empty() => {
                of_text(Text::new("it is not recorded what it waits for"))
            }
            Status::Blocked { by } => {
                let ecosystem = &entry.id.ecosystem;
                let link = |name| Link::new(path::list(&path::blocker(ecosystem, name), 1), name);
                Self { text: Text::new("waits for "), links: by.iter().map(link).collect() }
            }
            Status::RequiresManual { reason } | Status::Excluded { reason } => {
                of_text(Text::last_line(reason, MAX_LINE))
            }
            Status::Pending | Status::Failed => Self::of_waiting(site, known, entry),
            Status::Success => match known.recipe {
                Some(name) => of_text(Text::of(format_args!("recipe {name}"))),
                None => Self::default(),
            },
        }
    }

    fn of_waiting(site: &Site<'_>, known: &Known<'_>, entry: &QueueEntry) -> Self {
        let newest = known.failures.first();
        let before = if entry.regressed_at.is_some() { "worked before: " } else { "" };
        let link = newest.map(|it| Link::failure(site, it));
        let mut text = before.to_owned();
        if let Some(from) = &entry.routed_from {
            text = format!("taken instead of {from}; {text}");
        }
        for note in &entry.notes {
            text = format!("{note}; {text}");
        }
        if link.is_none() {
            text = text.trim_end_matches("; ").to_owned();
        }
        Self { text: Text::new(&text), links: link.into_iter().collect() }
    }
}
