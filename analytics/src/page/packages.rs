//! Lists of packages: by status, by ecosystem, by blocker, and by cause of failure.

use batch_core::model::{PackageId, QueueEntry, StatusLabel};

use super::{
    Page,
    list::{self, Facet, List, Part},
    row::{self, PACKAGE_COLUMNS},
    table::{Row, Table, label},
};
use crate::{blockers::Blocker, path, site::Site, text::Text};

const EMPTY: &str = "No package is in this list.";

pub(super) fn build<E>(
    site: &Site<'_>,
    put: &mut impl FnMut(Page) -> Result<(), E>,
) -> Result<(), E> {
    by_status(site, put)?;
    by_ecosystem(site, put)?;
    for blocker in &site.blockers {
        list::write(site, of_blocker(site, blocker), put)?;
    }
    for cause in &site.causes {
        let newest = cause.newest();
        let intro =
            format!("For example: {}. What to do: {}.", site.headline(newest), site.remedy(newest));
        let list = List {
            stem: path::cause_packages(cause.fingerprint),
            title: format!("Packages with one cause: {}", newest.kind()),
            section: "Causes",
            intro: Text::new(&intro),
            ..plain(rows(site, cause.packages.iter().copied()))
        };
        list::write(site, list, put)?;
    }
    Ok(())
}

fn plain(rows: Vec<Row>) -> List {
    List {
        stem: String::new(),
        title: String::new(),
        section: "Packages",
        intro: Text::default(),
        empty: EMPTY,
        facets: vec![],
        columns: PACKAGE_COLUMNS,
        rows,
        more: vec![],
    }
}

fn rows<'a>(site: &Site<'_>, ids: impl Iterator<Item = &'a PackageId>) -> Vec<Row> {
    ids.map(|id| row::package(site, id)).collect()
}

fn ids<'a>(entries: &[&'a QueueEntry]) -> impl Iterator<Item = &'a PackageId> {
    entries.iter().map(|entry| &entry.id)
}

fn by_status<E>(site: &Site<'_>, put: &mut impl FnMut(Page) -> Result<(), E>) -> Result<(), E> {
    let all = site.entries(None, None);
    let part = |&status: &StatusLabel| Part {
        label: Text::new(&label(row::status(status))),
        n: all.iter().filter(|entry| entry.status.label() == status).count(),
        href: path::list(&path::status(status), 1),
    };
    let by_status = Facet { name: "By status", parts: StatusLabel::ALL.iter().map(part).collect() };
    let by_ecosystem = of_ecosystems(site, None);
    let list = List {
        stem: "queue".to_owned(),
        title: "Packages".to_owned(),
        intro: Text::new("All packages in the queues, curated ones first."),
        facets: vec![by_status, by_ecosystem],
        ..plain(rows(site, ids(&all)))
    };
    list::write(site, list, put)?;
    for &status in StatusLabel::ALL {
        let entries = site.entries(None, Some(status));
        let list = List {
            stem: path::status(status),
            title: format!("Packages: {}", label(row::status(status))),
            section: "Packages",
            intro: Text::new(meaning(status)),
            facets: vec![of_ecosystems(site, Some(status))],
            ..plain(rows(site, ids(&entries)))
        };
        list::write(site, list, put)?;
    }
    Ok(())
}

/// One sentence that explains the status to a reader who sees it for the first time.
const fn meaning(status: StatusLabel) -> &'static str {
    match status {
        StatusLabel::Pending => "They wait to be attempted.",
        StatusLabel::InProgress => {
            "Their recipes are verified and in an open pull request, not on main yet."
        }
        StatusLabel::Success => "Their recipes are on main.",
        StatusLabel::Failed => {
            "The last attempt failed because of the package; it is repeated when it is due."
        }
        StatusLabel::Blocked => {
            "They wait for recipes that do not exist, and are released when these appear."
        }
        StatusLabel::RequiresManual => "A person must decide.",
        StatusLabel::Excluded => "A rule or an operator excluded them for good.",
    }
}

/// The ecosystems that have such entries.
fn of_ecosystems(site: &Site<'_>, status: Option<StatusLabel>) -> Facet {
    let part = |ecosystem| {
        let stem = match status {
            Some(status) => path::status_in(ecosystem, status),
            None => path::queue(ecosystem),
        };
        let n = site.entries(Some(ecosystem), status).len();
        Part { label: Text::of(ecosystem), n, href: path::list(&stem, 1) }
    };
    let parts = site.ecosystems().into_iter().map(part).filter(|part| part.n > 0);
    Facet { name: "By ecosystem", parts: parts.collect() }
}

fn by_ecosystem<E>(site: &Site<'_>, put: &mut impl FnMut(Page) -> Result<(), E>) -> Result<(), E> {
    for ecosystem in site.records.queues.keys() {
        let all = site.entries(Some(ecosystem), None);
        let part = |&status: &StatusLabel| Part {
            label: Text::new(&label(row::status(status))),
            n: all.iter().filter(|entry| entry.status.label() == status).count(),
            href: path::list(&path::status_in(ecosystem, status), 1),
        };
        let parts = StatusLabel::ALL.iter().map(part).filter(|part| part.n > 0).collect();
        let list = List {
            stem: path::queue(ecosystem),
            title: format!("Packages of {ecosystem}"),
            facets: vec![Facet { name: "By status", parts }],
            ..plain(rows(site, ids(&all)))
        };
        list::write(site, list, put)?;
        for &status in StatusLabel::ALL {
            let entries = site.entries(Some(ecosystem), Some(status));
            // An empty cell of a table has no link.
            if entries.is_empty() {
                continue;
            }
            let row = |entry: &&QueueEntry| {
                let row = if site.is_row_only(&entry.id) { row::only_row } else { row::package };
                row(site, &entry.id)
            };
            let list = List {
                stem: path::status_in(ecosystem, status),
                title: format!("Packages of {ecosystem}: {}", label(row::status(status))),
                intro: Text::new(meaning(status)),
                ..plain(entries.iter().map(row).collect())
            };
            list::write(site, list, put)?;
        }
    }
    Ok(())
}

fn of_blocker(site: &Site<'_>, blocker: &Blocker<'_>) -> List {
    let id = &blocker.id;
    let status = blocker.entry.map_or("not queued", |entry| row::status(entry.status.label()));
    let unlocks = Table {
        id: "unlocks",
        caption: Text::new(&format!("Unlocked by {id}")),
        columns: PACKAGE_COLUMNS,
        rows: rows(site, blocker.unlocks.iter().copied()),
    };
    let intro = format!(
        "They are released when a recipe of {} appears (now {}): {}",
        id.name,
        label(status),
        blocker.command()
    );
    List {
        stem: path::blocker(&id.ecosystem, &id.name),
        title: format!("Waiting for {id}"),
        section: "Blockers",
        intro: Text::new(&intro),
        more: if unlocks.rows.is_empty() {
            vec![]
        } else {
            vec![("Free when it has a recipe, because they wait for nothing else", unlocks)]
        },
        ..plain(rows(site, ids(&blocker.waiting)))
    }
}
