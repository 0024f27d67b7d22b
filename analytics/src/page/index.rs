//! The first page.

use askama::Template;

use super::{Page, frame::Frame, overview::Overview};
use crate::site::Site;

#[derive(Template)]
#[template(path = "index.html")]
struct Index<'a> {
    frame: Frame,
    o: &'a Overview<'a>,
}

pub(super) fn build(site: &Site<'_>, overview: &Overview<'_>) -> Page {
    let path = "index.html";
    // A browser tab shows the title, so the title holds the verdict.
    let frame = Frame::live(site, path, &format!("Pipeline {}", overview.word), "Overview");
    super::page(path.to_owned(), &Index { frame, o: overview })
}
