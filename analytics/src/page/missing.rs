//! The answer of a web server about a page that does not exist.

use askama::Template;

use super::frame::Frame;
use crate::{html::Markup, text::Text};

#[derive(Template)]
#[template(path = "missing.html")]
struct Missing {
    frame: Frame,
    asked: Text,
}

/// The page about the missing page at `path`, for a site whose top is `/`.
#[must_use]
pub fn missing(path: &str) -> String {
    let mut frame = Frame::fixed("404.html", "No such page", "", None);
    frame.root = Markup("/");
    let page = Missing { frame, asked: Text::last_line(path, 200) };
    page.render().expect("a template prints into a string and calls nothing that fails")
}
