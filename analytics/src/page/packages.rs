//! Lists of packages: by status, by ecosystem, by blocker, and by cause of failure.

use batch_core::model::{EcosystemId, PackageId, StatusLabel};

use super::{
    list::{self, Facet, Index, List, Part},
    row::{self, PACKAGE_COLUMNS},
    table::{Row, Table, label},
};
use crate::{blockers::Blocker, causes::Cause, jobs::Job, path, site::Site, text::Text, threads};

const EMPTY: &str = "No package is in this list.";

/// The stem of the list of all entries.
const ALL: &str = "queue";

/// A row for each entry, in their order. The lists share them.
pub(super) fn rows(site: &Site<'_>) -> Vec<Row> {
    threads::map(site.packages.queued(), |known| row::package(site, known))
}

pub(super) fn jobs<'s>(site: &'s Site<'_>, rows: &'s [Row]) -> Vec<Job<'s>> {
    let mut jobs = by_status(site, rows);
    jobs.extend(site.records.queues.keys().flat_map(|id| of_ecosystem(site, rows, id)));
    let of_blocker = |blocker: &'s Blocker<'_>| -> Job<'s> {
        Box::new(move || list::write(site, waiting_for(site, blocker)))
    };
    let of_cause = |cause: &'s Cause<'_>| -> Job<'s> {
        Box::new(move || list::write(site, with_cause(site, cause)))
    };
    jobs.extend(site.blockers.iter().map(of_blocker));
    jobs.extend(site.causes.iter().map(of_cause));
    jobs
}

fn with_cause(site: &Site<'_>, cause: &Cause<'_>) -> List {
    let newest = cause.newest();
    let (example, remedy) = (site.headline(newest), site.remedy(newest));
    List {
        stem: path::cause_packages(cause.fingerprint),
        title: format!("Packages with one cause: {}", newest.kind()),
        section: "Causes",
        intro: Text::new(&format!("For example: {example}. What to do: {remedy}.")),
        // The failures say it.
        without: &["why"],
        ..plain(rows_of(site, cause.packages.iter().copied()))
    }
}

fn plain(rows: Vec<Row>) -> List {
    List { section: "Packages", empty: EMPTY, columns: PACKAGE_COLUMNS, rows, ..List::default() }
}

fn rows_of<'a>(site: &Site<'_>, ids: impl Iterator<Item = &'a PackageId>) -> Vec<Row> {
    // Those of failures were attempted, and those that wait are in a queue.
    ids.filter_map(|id| Some(row::package(site, site.known(id)?))).collect()
}

fn by_status<'s>(site: &'s Site<'_>, rows: &'s [Row]) -> Vec<Job<'s>> {
    let whole = move || {
        let part = |&status: &StatusLabel| Part {
            label: Text::new(&label(row::status(status))),
            n: site.entries.count(None, Some(status)),
            href: path::list(&path::status(status), 1),
        };
        let parts = StatusLabel::ALL.iter().map(part).collect();
        let list = List {
            stem: ALL.to_owned(),
            title: "Packages".to_owned(),
            intro: Text::new("All packages in the queues, curated ones first."),
            divided: divided(site, None, None),
            facets: vec![Facet { name: "By status", parts }, of_ecosystems(site, None)],
            ..plain(rows.to_vec())
        };
        list::write(site, list)
    };
    let one = |&status: &StatusLabel| -> Job<'s> {
        Box::new(move || {
            let list = List {
                stem: path::status(status),
                title: format!("Packages: {}", label(row::status(status))),
                intro: Text::new(meaning(status)),
                divided: divided(site, None, Some(status)),
                facets: vec![of_ecosystems(site, Some(status))],
                without: &["status"],
                index: Index::PartOf(ALL, vec![of_status(status)]),
                ..plain(rows_of_part(rows, &site.entries.numbers(None, Some(status))))
            };
            list::write(site, list)
        })
    };
    let whole: Job<'s> = Box::new(whole);
    std::iter::once(whole).chain(StatusLabel::ALL.iter().map(one)).collect()
}

/// The rows of a list that is a part of the list of all entries; none where other lists have them.
fn rows_of_part(rows: &[Row], numbers: &[usize]) -> Vec<Row> {
    if list::MAX_REPEATED < numbers.len() { vec![] } else { chosen(rows, numbers) }
}

fn chosen(rows: &[Row], numbers: &[usize]) -> Vec<Row> {
    numbers.iter().map(|&i| rows[i].clone()).collect()
}

/// The lists of one ecosystem and one status that together have these entries.
fn divided(
    site: &Site<'_>,
    ecosystem: Option<&EcosystemId>,
    status: Option<StatusLabel>,
) -> Vec<Part> {
    let all = site.records.queues.keys().filter(|id| ecosystem.is_none_or(|asked| asked == *id));
    let statuses = || StatusLabel::ALL.iter().filter(|it| status.is_none_or(|asked| asked == **it));
    let pairs = all.flat_map(|id| statuses().map(move |status| (id, *status)));
    let part = |(id, status): (&EcosystemId, StatusLabel)| Part {
        label: Text::of(format_args!("{id}: {}", label(row::status(status)))),
        n: site.entries.count(Some(id), Some(status)),
        href: path::list(&path::status_in(id, status), 1),
    };
    pairs.map(part).filter(|part| part.n > 0).collect()
}

/// What the rows of entries with that status have in common.
fn of_status(status: StatusLabel) -> (&'static str, String) {
    ("status", label(row::status(status)))
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
        let n = site.entries.count(Some(ecosystem), status);
        Part { label: Text::new(ecosystem.as_str()), n, href: path::list(&stem, 1) }
    };
    let parts = site.ecosystems().into_iter().map(part).filter(|part| part.n > 0);
    Facet { name: "By ecosystem", parts: parts.collect() }
}

fn of_ecosystem<'s>(
    site: &'s Site<'_>,
    rows: &'s [Row],
    ecosystem: &'s EcosystemId,
) -> Vec<Job<'s>> {
    let preset = ("ecosystem", ecosystem.to_string());
    let of_whole = preset.clone();
    let whole: Job<'s> = Box::new(move || {
        let part = |&status: &StatusLabel| Part {
            label: Text::new(&label(row::status(status))),
            n: site.entries.count(Some(ecosystem), Some(status)),
            href: path::list(&path::status_in(ecosystem, status), 1),
        };
        let parts = StatusLabel::ALL.iter().map(part).filter(|part| part.n > 0).collect();
        let list = List {
            stem: path::queue(ecosystem),
            title: format!("Packages of {ecosystem}"),
            divided: divided(site, Some(ecosystem), None),
            facets: vec![Facet { name: "By status", parts }],
            without: &["ecosystem"],
            index: Index::PartOf(ALL, vec![of_whole]),
            ..plain(rows_of_part(rows, &site.entries.numbers(Some(ecosystem), None)))
        };
        list::write(site, list)
    });
    let one = |&status: &StatusLabel| -> Job<'s> {
        let preset = preset.clone();
        Box::new(move || {
            let numbers = site.entries.numbers(Some(ecosystem), Some(status));
            // An empty cell of a table has no link.
            if numbers.is_empty() {
                return vec![];
            }
            let list = List {
                stem: path::status_in(ecosystem, status),
                title: format!("Packages of {ecosystem}: {}", label(row::status(status))),
                intro: Text::new(meaning(status)),
                without: &["ecosystem", "status"],
                index: Index::PartOf(ALL, vec![of_status(status), preset]),
                ..plain(chosen(rows, &numbers))
            };
            list::write(site, list)
        })
    };
    std::iter::once(whole).chain(StatusLabel::ALL.iter().map(one)).collect()
}

fn waiting_for(site: &Site<'_>, blocker: &Blocker<'_>) -> List {
    let id = &blocker.id;
    let status = blocker.entry.map_or("not queued", |entry| row::status(entry.status.label()));
    let unlocks = Table {
        id: "unlocks",
        caption: Text::new(&format!("Unlocked by {id}")),
        columns: PACKAGE_COLUMNS,
        rows: rows_of(site, blocker.unlocks.iter().copied()),
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
        ..plain(rows_of(site, blocker.waiting.iter().map(|entry| &entry.id)))
    }
}
