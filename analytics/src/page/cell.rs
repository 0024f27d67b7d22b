//! What is in the cells of tables and in the lists of facts.

use std::{borrow::Cow, fmt};

use super::row::Link;
use crate::{
    html::Html,
    text::{Text, Timestamp},
};

/// What nearly every cell needs less than.
const CELL_BYTES: usize = 128;

/// What is in one cell. Addresses are relative to the top of the site.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Cell {
    None,
    Text(Text),
    Link(Link),
    /// A text, then links.
    Links(Text, Vec<Link>),
    Time(Timestamp),
    TimeLink(Timestamp, String),
    Word(&'static str),
    Number(u64),
    /// A number and the address of the list that has as many rows.
    Count(u64, String),
    /// A command to paste.
    Command(Text),
    /// How some attempts ended, the oldest one first.
    Strip(Vec<&'static str>),
}

impl Cell {
    /// A count; without a link if there is nothing to see.
    pub(super) fn count(n: usize, href: impl Into<String>) -> Self {
        let n = u64::try_from(n).unwrap_or(u64::MAX);
        if n == 0 { Self::Number(0) } else { Self::Count(n, href.into()) }
    }

    /// A text; nothing if it is empty.
    pub(super) fn text(text: impl Into<Text>) -> Self {
        let text = text.into();
        if text.is_empty() { Self::None } else { Self::Text(text) }
    }

    /// The `Display` text of `value`.
    pub(super) fn of(value: impl fmt::Display) -> Self {
        Self::text(Text::of(value))
    }

    pub(super) fn time(at: Option<Timestamp>) -> Self {
        at.map_or(Self::None, Self::Time)
    }

    /// A link, or its text if it leads nowhere.
    pub(super) fn link(link: Link) -> Self {
        if link.href.is_empty() { Self::Text(link.text) } else { Self::Link(link) }
    }

    pub(super) fn is_none(&self) -> bool {
        match self {
            Self::None => true,
            Self::Text(text) | Self::Command(text) => text.is_empty(),
            Self::Links(text, links) => text.is_empty() && links.is_empty(),
            Self::Strip(words) => words.is_empty(),
            Self::Word(word) => word.is_empty(),
            Self::Link(_)
            | Self::Time(_)
            | Self::TimeLink(..)
            | Self::Number(_)
            | Self::Count(..) => false,
        }
    }

    /// The value by which rows are filtered.
    pub(super) fn value(&self) -> Cow<'_, str> {
        match self {
            Self::Text(text) | Self::Command(text) => text.as_str().into(),
            Self::Link(link) => link.text.as_str().into(),
            Self::Word(word) => label(word).into(),
            Self::Number(n) | Self::Count(n, _) => n.to_string().into(),
            Self::None | Self::Links(..) | Self::Time(_) | Self::TimeLink(..) | Self::Strip(_) => {
                "".into()
            }
        }
    }

    /// Writes the cell for a page with that way to the top of the site.
    pub(super) fn write(&self, root: &'static str, html: &mut Html) {
        match self {
            Self::None => {}
            Self::Text(text) => {
                html.isolated(text.as_str());
            }
            Self::Link(link) => link.write(root, html),
            Self::Links(text, links) => {
                html.text(text.as_str());
                for (i, link) in links.iter().enumerate() {
                    if i > 0 {
                        html.markup(", ");
                    }
                    link.write(root, html);
                }
            }
            Self::Time(at) => write_time(*at, html),
            Self::TimeLink(at, href) => {
                html.link_to(root, href);
                write_time(*at, html);
                html.markup("</a>");
            }
            Self::Word(word) => write_word(word, html),
            Self::Number(0) => {
                html.markup("<span class=\"zero\">0</span>");
            }
            Self::Number(n) => {
                html.number(*n);
            }
            Self::Count(n, href) => {
                html.link_to(root, href).number(*n).markup("</a>");
            }
            Self::Command(text) => {
                html.markup("<code>").text(text.as_str()).markup("</code>");
            }
            Self::Strip(words) => write_strip(words, html),
        }
    }

    /// The cell as a part of a page, outside of a table.
    pub(super) fn view(&self, root: &'static str) -> Html {
        let mut html = Html::with_capacity(CELL_BYTES);
        self.write(root, &mut html);
        html
    }
}

impl Link {
    fn write(&self, root: &'static str, html: &mut Html) {
        if self.href.is_empty() {
            html.isolated(self.text.as_str());
        } else {
            html.link_to(root, &self.href).isolated(self.text.as_str()).markup("</a>");
        }
    }
}

/// What is known about an object, by name, as entries of a list. Names of what is not known are left
/// out.
pub(super) fn facts(root: &'static str, facts: &[(&'static str, Cell)]) -> Html {
    let mut html = Html::with_capacity(facts.len() * CELL_BYTES);
    for (name, cell) in facts.iter().filter(|(_, cell)| !cell.is_none()) {
        html.markup("<div><dt>").markup(name).markup("</dt><dd>");
        cell.write(root, &mut html);
        html.markup("</dd></div>\n");
    }
    html
}

/// To the minute; scripts and programs read the text as an instant in UTC.
fn write_time(at: Timestamp, html: &mut Html) {
    html.markup("<time>").instant(at).markup("</time>");
}

fn write_word(word: &'static str, html: &mut Html) {
    html.markup("<span class=\"status s-").markup(word).markup("\">");
    html.text(&label(word)).markup("</span>");
}

/// A mark for each attempt; for those who do not see the marks, their words with their numbers.
fn write_strip(words: &[&'static str], html: &mut Html) {
    if words.is_empty() {
        return;
    }
    html.markup("<span class=\"strip\" role=\"img\" aria-label=\"oldest first: ");
    for (i, same) in words.chunk_by(|a, b| a == b).enumerate() {
        if i > 0 {
            html.markup(", ");
        }
        if let [word, _, ..] = same {
            html.number(same.len() as u64).markup(" ").text(&label(word));
        } else if let [word] = same {
            html.text(&label(word));
        }
    }
    html.markup("\">");
    for word in words {
        html.markup("<i class=\"s-").markup(word).markup("\"></i>");
    }
    html.markup("</span>");
}

/// The word for a reader.
pub(crate) fn label(word: &str) -> String {
    word.replace('_', " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(cell: &Cell, expected: &str) {
        assert_eq!(cell.view("../").to_string(), expected);
    }

    #[test]
    fn a_strip_says_in_words_what_its_marks_show() {
        let strip = Cell::Strip(vec!["failed", "failed", "verified_in_part"]);
        check(
            &strip,
            "<span class=\"strip\" role=\"img\" aria-label=\"oldest first: 2 failed, verified in part\">\
             <i class=\"s-failed\"></i><i class=\"s-failed\"></i><i class=\"s-verified_in_part\"></i></span>",
        );
        check(&Cell::Strip(vec![]), "");
    }

    #[test]
    fn a_link_is_relative_to_its_page() {
        check(&Cell::Count(3, "a.html#b".into()), "<a href=\"../a.html#b\">3</a>");
        check(&Cell::link(Link::new("", "<x>")), "&#60;x&#62;");
        let links = vec![Link::new("a.html", "a"), Link::new("", "b")];
        check(&Cell::Links(Text::new("see "), links), "see <a href=\"../a.html\">a</a>, b");
    }
}
