//! Lists of runs.

use askama::Template;
use batch_core::model::RunRecord;

use super::{
    Page,
    frame::Frame,
    list::{self, Pager},
    row::{self, RunRow},
};
use crate::{health::Health, site::Site, text::Text};

#[derive(Template)]
#[template(path = "runs.html")]
struct Runs {
    frame: Frame,
    intro: &'static str,
    empty: &'static str,
    pager: Pager,
    rows: Vec<RunRow>,
    ecosystems: Vec<Text>,
    outcomes: [&'static str; 3],
}

pub(super) fn build<E>(
    site: &Site<'_>,
    health: &Health<'_>,
    put: &mut impl FnMut(Page) -> Result<(), E>,
) -> Result<(), E> {
    let all: Vec<&RunRecord> = site.records.runs.iter().collect();
    let intro = "Every slot leaves a record, even if nothing could be attempted.";
    let empty = "No run yet. The first one is started by `tsuku-batch run` or by the schedule.";
    list(site, ("runs", "Runs", intro, empty), &all, put)?;
    let intro = "Runs after the last one whose recipes were merged.";
    let empty = "None: the last run merged recipes, or there is no run yet.";
    let since = ("runs-since-success", "Runs since the last success", intro, empty);
    list(site, since, &health.since_success, put)
}

fn list<E>(
    site: &Site<'_>,
    (stem, title, intro, empty): (&str, &str, &'static str, &'static str),
    runs: &[&RunRecord],
    put: &mut impl FnMut(Page) -> Result<(), E>,
) -> Result<(), E> {
    let outcomes = {
        use batch_core::model::SlotOutcome::{FellThrough, Ran, Skipped};
        [Ran, FellThrough, Skipped].map(row::outcome)
    };
    for (path, pager, runs) in list::pages(stem, runs) {
        let page = Runs {
            frame: Frame::live(site, &path, title, "Runs"),
            intro,
            empty,
            pager,
            rows: runs.iter().map(|run| RunRow::new(run)).collect(),
            ecosystems: site.ecosystems().into_iter().map(Text::of).collect(),
            outcomes,
        };
        put(super::page(path, &page))?;
    }
    Ok(())
}
