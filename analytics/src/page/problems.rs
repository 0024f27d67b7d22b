//! The page of records that could not be read.

use askama::Template;

use super::{
    Page,
    frame::Frame,
    list::{self, Pager},
};
use crate::{records::Problem, site::Site, text::Text};

#[derive(Template)]
#[template(path = "problems.html")]
struct Problems {
    frame: Frame,
    pager: Pager,
    rows: Vec<Row>,
}

struct Row {
    file: Text,
    /// Empty if the problem concerns the whole file.
    place: String,
    reason: Text,
    raw: Text,
}

impl Row {
    fn new(problem: &Problem) -> Self {
        Self {
            file: Text::new(&problem.file),
            place: if problem.place == 0 { String::new() } else { problem.place.to_string() },
            reason: Text::last_line(&problem.reason, 300),
            raw: Text::last_line(&problem.raw, 300),
        }
    }
}

pub(super) fn build<E>(
    site: &Site<'_>,
    put: &mut impl FnMut(Page) -> Result<(), E>,
) -> Result<(), E> {
    for (path, pager, problems) in list::pages("problems", &site.records.problems) {
        let frame = Frame::live(site, &path, "Data problems", "");
        let rows = problems.iter().map(Row::new).collect();
        put(super::page(path, &Problems { frame, pager, rows }))?;
    }
    Ok(())
}
