//! Lists of packages: by status, by ecosystem, by blocker, and by cause of failure.

use std::collections::BTreeSet;

use askama::Template;
use batch_core::model::{PackageId, QueueEntry, StatusLabel};

use super::{
    Page,
    frame::Frame,
    list::{self, Pager},
    row::{Link, PackageRow},
};
use crate::{path, site::Site, text::Text};

#[derive(Template)]
#[template(path = "packages.html")]
struct Packages<'l> {
    frame: Frame,
    intro: Text,
    /// The blocker that the packages of the list wait for.
    subject: Option<&'l Link>,
    pager: Pager,
    rows: Vec<PackageRow>,
    ecosystems: &'l BTreeSet<Text>,
    statuses: &'l [&'static str],
    tiers: [u8; 3],
}

struct List<'a> {
    stem: String,
    title: String,
    intro: String,
    section: &'static str,
    subject: Option<Link>,
    ids: Vec<&'a PackageId>,
}

pub(super) fn build<E>(
    site: &Site<'_>,
    put: &mut impl FnMut(Page) -> Result<(), E>,
) -> Result<(), E> {
    let lists = by_status(site).chain(by_ecosystem(site));
    for list in lists.chain(by_blocker(site)).chain(by_cause(site)) {
        write(site, &list, put)?;
    }
    Ok(())
}

fn ids<'a>(entries: &[&'a QueueEntry]) -> Vec<&'a PackageId> {
    entries.iter().map(|entry| &entry.id).collect()
}

fn by_status<'a>(site: &'a Site<'a>) -> impl Iterator<Item = List<'a>> {
    let all = List {
        stem: "queue".to_owned(),
        title: "Packages".to_owned(),
        intro: "All packages in the queues.".to_owned(),
        section: "Packages",
        subject: None,
        ids: ids(&site.entries(None, None)),
    };
    let list = |&status: &StatusLabel| List {
        stem: path::status(status),
        title: format!("Packages: {}", status.as_str()),
        intro: meaning(status).to_owned(),
        section: if status == StatusLabel::Blocked { "Blocked" } else { "Packages" },
        subject: None,
        ids: ids(&site.entries(None, Some(status))),
    };
    std::iter::once(all).chain(StatusLabel::ALL.iter().map(list))
}

/// One sentence that explains the status to a reader who sees it for the first time.
const fn meaning(status: StatusLabel) -> &'static str {
    match status {
        StatusLabel::Pending => "To be attempted.",
        StatusLabel::InProgress => {
            "Generated and validated; the recipe is in an open pull request."
        }
        StatusLabel::Success => "The recipe is on main.",
        StatusLabel::Failed => "The last attempt failed because of the package; retried when due.",
        StatusLabel::Blocked => "Waits for recipes that do not exist; released when they appear.",
        StatusLabel::RequiresManual => "A person must decide.",
        StatusLabel::Excluded => "Excluded by a rule or by an operator.",
    }
}

fn by_ecosystem<'a>(site: &'a Site<'a>) -> impl Iterator<Item = List<'a>> {
    site.records.queues.keys().flat_map(move |ecosystem| {
        let list = move |stem, word: &str, status| List {
            stem,
            title: format!("Packages: {ecosystem}, {word}"),
            intro: String::new(),
            section: "Packages",
            subject: None,
            ids: ids(&site.entries(Some(ecosystem), status)),
        };
        let one = move |&status: &StatusLabel| {
            list(path::status_in(ecosystem, status), status.as_str(), Some(status))
        };
        let all = list(path::queue(ecosystem), "all", None);
        // An empty cell of the table has no link.
        std::iter::once(all)
            .chain(StatusLabel::ALL.iter().map(one).filter(|list| !list.ids.is_empty()))
    })
}

fn by_blocker<'a>(site: &'a Site<'a>) -> impl Iterator<Item = List<'a>> {
    site.blockers.iter().map(|blocker| {
        let id = &blocker.id;
        let link = site.packages.contains_key(id).then(|| Link::package(id));
        let status = blocker.entry.map_or("not queued", |entry| entry.status.label().as_str());
        List {
            stem: path::blocker(&id.ecosystem, &id.name),
            title: format!("Waiting for {id}"),
            intro: match link {
                Some(_) => format!("Released when its recipe appears (now {status}):"),
                None => "Released when its recipe appears (not queued).".to_owned(),
            },
            section: "Blocked",
            subject: link,
            ids: ids(&blocker.waiting),
        }
    })
}

fn by_cause<'a>(site: &'a Site<'a>) -> impl Iterator<Item = List<'a>> {
    site.causes.iter().map(|cause| List {
        stem: path::cause_packages(cause.fingerprint),
        title: format!("Packages that failed for cause {}", cause.fingerprint),
        intro: format!(
            "For example: {}. Remedy: {}.",
            site.headline(cause.newest()),
            site.remedy(cause.newest())
        ),
        section: "Causes",
        subject: None,
        ids: cause.packages.iter().copied().collect(),
    })
}

fn write<E>(
    site: &Site<'_>,
    list: &List<'_>,
    put: &mut impl FnMut(Page) -> Result<(), E>,
) -> Result<(), E> {
    let ecosystems = list.ids.iter().map(|id| Text::of(&id.ecosystem)).collect();
    let statuses: Vec<&str> = StatusLabel::ALL.iter().map(|status| status.as_str()).collect();
    for (path, pager, ids) in list::pages(&list.stem, &list.ids) {
        let page = Packages {
            frame: Frame::live(site, &path, &list.title, list.section),
            intro: Text::new(&list.intro),
            subject: list.subject.as_ref(),
            pager,
            rows: ids.iter().map(|id| PackageRow::new(site, id)).collect(),
            ecosystems: &ecosystems,
            statuses: &statuses,
            tiers: [1, 2, 3],
        };
        put(super::page(path, &page))?;
    }
    Ok(())
}
