//! The first page.

use askama::Template;
use batch_core::decide::health::Pipeline;

use super::{
    Page,
    chart::FigureView,
    frame::Frame,
    overview::Overview,
    row,
    table::{TableView, label},
};
use crate::{site::Site, text::Text};

#[derive(Template)]
#[template(path = "index.html")]
struct Index<'a> {
    frame: Frame,
    o: &'a Overview<'a>,
    word: String,
    why: Text,
    command: Option<Text>,
    queue: TableView<'a>,
    blockers: TableView<'a>,
    runs: TableView<'a>,
    failures: TableView<'a>,
    breakers: TableView<'a>,
    figures: Vec<FigureView<'a>>,
}

pub(super) fn build(site: &Site<'_>, overview: &Overview<'_>) -> Page {
    let path = "index.html";
    let word = label(overview.health.evaluated.verdict.as_str());
    // A browser tab shows the title, so the title holds the verdict.
    let mut frame = Frame::live(site, path, &format!("Pipeline {word}"), "Overview");
    if overview.health.evaluated.pipeline == Pipeline::Stalled {
        // The verdict says it.
        (frame.warning, frame.fresh_until) = (None, None);
    }
    let failures = &overview.failures;
    let index = Index {
        frame,
        o: overview,
        word,
        why: Text::new(&overview.health.why),
        command: overview.health.command.as_deref().map(Text::new),
        queue: overview.queue.view(""),
        blockers: overview.blockers.view(""),
        runs: overview.runs.view(""),
        failures: failures.part("", &failures.rows, failures.shown(row::HIDDEN_OF_FAILURES)),
        breakers: overview.breakers.view(""),
        figures: overview.figures.iter().map(|figure| figure.view("")).collect(),
    };
    super::page(path.to_owned(), &index)
}
