//! Lists of runs.

use std::collections::BTreeMap;

use batch_core::model::{EcosystemId, RunRecord};

use super::{
    Page,
    list::{self, Facet, List, Part},
    row::{self, RUN_COLUMNS},
};
use crate::{health::Health, path, site::Site, text::Text};

const EMPTY: &str = "No run is recorded. The schedule or `tsuku-batch run` starts the first one.";

pub(super) fn build(site: &Site<'_>, health: &Health<'_>) -> Vec<Page> {
    let all: Vec<&RunRecord> = site.records.runs.iter().collect();
    let mut by_ecosystem: BTreeMap<Option<&EcosystemId>, Vec<&RunRecord>> = BTreeMap::new();
    for run in &all {
        by_ecosystem.entry(run.ecosystem.as_ref()).or_default().push(run);
    }
    let part = |ecosystem: Option<&EcosystemId>, runs: &[&RunRecord]| Part {
        label: Text::of(ecosystem.map_or("several or none", |id| id.as_str())),
        n: runs.len(),
        href: path::list(&path::runs_of(ecosystem), 1),
    };
    let facet = Facet {
        name: "By ecosystem",
        parts: by_ecosystem.iter().map(|(id, runs)| part(*id, runs)).collect(),
    };
    let intro = "Every slot leaves a record, even if nothing could be attempted. Newest first.";
    let mut pages = write(site, ("runs", "Runs", intro), (&all, vec![facet]));
    for (ecosystem, runs) in &by_ecosystem {
        let title = match ecosystem {
            Some(id) => format!("Runs: {id}"),
            None => "Runs of several ecosystems or of none".to_owned(),
        };
        let intro = "Newest first.";
        pages.extend(write(site, (&path::runs_of(*ecosystem), &title, intro), (runs, vec![])));
    }
    let intro = "Runs after the last one with a verified recipe, newest first.";
    let since = ("runs-since-success", "Runs since the last success", intro);
    pages.extend(write(site, since, (&health.since_success, vec![])));
    pages
}

fn write(
    site: &Site<'_>,
    (stem, title, intro): (&str, &str, &str),
    (runs, facets): (&[&RunRecord], Vec<Facet>),
) -> Vec<Page> {
    let list = List {
        stem: stem.to_owned(),
        title: title.to_owned(),
        section: "Runs",
        intro: Text::new(intro),
        empty: EMPTY,
        facets,
        columns: RUN_COLUMNS,
        rows: runs.iter().map(|run| row::run(site, run)).collect(),
        ..List::default()
    };
    list::write(site, list)
}
