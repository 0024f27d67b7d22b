//! Pages that redirect: they find the page of an id that is given in the address.

use askama::Template;

use super::{Page, frame::Frame};
use crate::site::Site;

#[derive(Template)]
#[template(path = "redirect.html")]
struct Redirect {
    frame: Frame,
    noun: &'static str,
    folder: &'static str,
    list: &'static str,
}

pub(super) fn build(site: &Site<'_>) -> [Page; 2] {
    let redirect = |path: &str, noun, folder, list| {
        let frame = Frame::fixed(path, &format!("Find a {noun}"), "", site.data_as_of);
        super::page(path.to_owned(), &Redirect { frame, noun, folder, list })
    };
    [
        redirect("failure.html", "failure", "failures/", "failures.html"),
        redirect("run.html", "run", "runs/", "runs.html"),
    ]
}
