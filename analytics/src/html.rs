//! Markup that is written without a template: tables, of which a site has millions of cells. Only two
//! things get into it: literals of this program, and texts, which are escaped.

use std::{convert::Infallible, fmt};

use askama::{FastWritable, Values};

use crate::text::{Bytes, Timestamp};

/// HTML that is being written.
#[derive(Debug, Default)]
pub(crate) struct Html(String);

impl Html {
    pub(crate) fn with_capacity(n_bytes: usize) -> Self {
        Self(String::with_capacity(n_bytes))
    }

    /// Moves what was written `into` something else.
    pub(crate) fn move_into(&mut self, into: &mut dyn fmt::Write) -> fmt::Result {
        into.write_str(&self.0)?;
        self.0.clear();
        Ok(())
    }

    /// Adds markup, which can only be written in the source code.
    pub(crate) fn markup(&mut self, literal: &'static str) -> &mut Self {
        self.0.push_str(literal);
        self
    }

    /// Adds a text, or a part of the value of an attribute in double quotes.
    pub(crate) fn text(&mut self, text: &str) -> &mut Self {
        let Ok(()) = escape(text, |part| {
            self.0.push_str(part);
            Ok::<_, Infallible>(())
        });
        self
    }

    /// Adds a text that may have another direction than the text around it. `bdi` also tells a name
    /// that looks like a number from a number.
    pub(crate) fn isolated(&mut self, text: &str) -> &mut Self {
        let is_from_left = |c: char| matches!(c, '\0'..'\u{590}' | '\u{2010}'..='\u{2027}' | '\u{2400}'..='\u{2426}');
        let has_letter = text.bytes().any(|b| b.is_ascii_alphabetic());
        if has_letter && (text.is_ascii() || text.chars().all(is_from_left)) {
            self.text(text)
        } else {
            self.markup("<bdi>").text(text).markup("</bdi>")
        }
    }

    pub(crate) fn number(&mut self, n: u64) -> &mut Self {
        let mut digits = [0; 20];
        let mut start = digits.len();
        let mut rest = n;
        loop {
            start -= 1;
            // A remainder of a division by ten fits.
            digits[start] = b'0' + u8::try_from(rest % 10).unwrap_or(0);
            rest /= 10;
            if rest == 0 {
                break;
            }
        }
        self.0.extend(digits[start..].iter().map(|&digit| char::from(digit)));
        self
    }

    /// Adds an instant, to the minute.
    pub(crate) fn instant(&mut self, at: Timestamp) -> &mut Self {
        at.write(|text| self.0.push_str(text));
        self
    }

    /// Adds the start of a link: `root` leads from the page to the top of the site, `href` from there
    /// to the target.
    pub(crate) fn link_to(&mut self, root: &'static str, href: &str) -> &mut Self {
        self.markup("<a href=\"").markup(root).text(href).markup("\">")
    }
}

/// All bytes that would not be text.
static SPECIAL: Bytes = Bytes::these(b"\"&'<>");

/// Passes `text` in parts to `put`, with all that would not be text replaced.
fn escape<E>(text: &str, mut put: impl FnMut(&str) -> Result<(), E>) -> Result<(), E> {
    let mut rest = text;
    while let Some(i) = SPECIAL.first_in(rest.as_bytes()) {
        let (before, special) = rest.split_at(i);
        put(before)?;
        put(match special.as_bytes()[0] {
            b'"' => "&#34;",
            b'&' => "&#38;",
            b'\'' => "&#39;",
            b'<' => "&#60;",
            _ => "&#62;",
        })?;
        rest = &special[1..];
    }
    put(rest)
}

/// A text that is escaped where it is printed.
pub(crate) struct Escaped<'t>(pub(crate) &'t str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        escape(self.0, |part| f.write_str(part))
    }
}

impl FastWritable for Escaped<'_> {
    fn write_into(&self, into: &mut dyn fmt::Write, _: &dyn Values) -> askama::Result<()> {
        Ok(escape(self.0, |part| into.write_str(part))?)
    }
}

/// It escapes what it prints.
impl askama::filters::HtmlSafe for Escaped<'_> {}

/// Markup that can only be written in the source code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Markup(pub(crate) &'static str);

impl fmt::Display for Markup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl FastWritable for Markup {
    fn write_into(&self, into: &mut dyn fmt::Write, _: &dyn Values) -> askama::Result<()> {
        Ok(into.write_str(self.0)?)
    }
}

/// It is HTML already.
impl askama::filters::HtmlSafe for Markup {}

/// As it is: it is HTML already.
impl fmt::Display for Html {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Without the detour of a formatter, of which a site would need millions.
impl FastWritable for Html {
    fn write_into(&self, into: &mut dyn fmt::Write, _: &dyn Values) -> askama::Result<()> {
        Ok(into.write_str(&self.0)?)
    }
}

/// Its methods escape every text.
impl askama::filters::HtmlSafe for Html {}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(write: impl FnOnce(&mut Html), expected: &str) {
        let mut html = Html::default();
        write(&mut html);
        assert_eq!(html.to_string(), expected);
    }

    #[test]
    fn texts_are_escaped_as_templates_escape_them() {
        let hostile = "a<b> \"c\" 'd' & é";
        check(
            |it| {
                it.text(hostile);
            },
            "a&#60;b&#62; &#34;c&#34; &#39;d&#39; &#38; é",
        );
        assert_eq!(
            askama::filters::escape(hostile, askama::filters::Html).unwrap().to_string(),
            "a&#60;b&#62; &#34;c&#34; &#39;d&#39; &#38; é"
        );
        assert_eq!(Escaped(hostile).to_string(), "a&#60;b&#62; &#34;c&#34; &#39;d&#39; &#38; é");
        let link = "<a href=\"../&#34;x\">";
        check(
            |it| {
                it.link_to("../", "\"x");
            },
            link,
        );
    }

    #[test]
    fn what_may_change_the_direction_or_looks_like_a_number_is_isolated() {
        check(
            |it| {
                it.isolated("plain – é…");
            },
            "plain – é…",
        );
        check(
            |it| {
                it.isolated("שלום");
            },
            "<bdi>שלום</bdi>",
        );
        check(
            |it| {
                it.isolated("7");
            },
            "<bdi>7</bdi>",
        );
        check(
            |it| {
                it.isolated("<i>");
            },
            "&#60;i&#62;",
        );
    }

    #[test]
    fn numbers_have_all_their_digits() {
        for n in [0, 9, 10, 1_234_567, u64::MAX] {
            check(
                |it| {
                    it.number(n);
                },
                &n.to_string(),
            );
        }
    }
}
