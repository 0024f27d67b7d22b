//! Finds texts that have the form of a secret, in one pass.
//!
//! An automaton finds the prefixes (see [`markers`](super::markers)). The text after a prefix is
//! read at most once if it is secret, and at most up to a bound if it is not.

use std::{ops::Range, sync::LazyLock};

use aho_corasick::{AhoCorasick, AhoCorasickKind};

use super::{
    markers::{NAMES, Name, TOKENS, Token, is_base64, is_dotted, is_word},
    named_values,
    redact::Found,
    scan::Scan,
    view::View,
};

/// What a prefix can begin.
#[derive(Debug, Clone, Copy)]
enum Shape {
    Token(&'static Token),
    Named(Name),
    /// A URL, after its scheme.
    Url,
    /// A JSON Web Token.
    Web,
    KeyBegin,
    KeyEnd,
}

const BEGIN: &str = "-----BEGIN ";
const END: &str = "-----END ";

struct Markers {
    automaton: AhoCorasick,
    shapes: Vec<Shape>,
}

static MARKERS: LazyLock<Markers> = LazyLock::new(|| {
    let tokens = TOKENS.iter().map(|token| (token.mark, Shape::Token(token)));
    let names = NAMES.iter().map(|&(name, kind)| (name, Shape::Named(kind)));
    let others =
        [("://", Shape::Url), ("eyJ", Shape::Web), (BEGIN, Shape::KeyBegin), (END, Shape::KeyEnd)];
    let (markers, shapes): (Vec<_>, Vec<_>) = tokens.chain(names).chain(others).unzip();
    // Every process that prints something builds it. The fastest kind reads a long output a quarter
    // faster, but takes several times as long to build.
    let kind = Some(AhoCorasickKind::ContiguousNFA);
    let automaton = AhoCorasick::builder().ascii_case_insensitive(true).kind(kind).build(markers);
    Markers { automaton: automaton.expect("the marks are few and short"), shapes }
});

/// Finds all secrets in `text` by their forms. Line breaks inside a prefix or inside a token of
/// known length do not hide it. Line breaks end other values.
pub(super) fn find(text: &str, found: &mut Found) {
    let view = &View::unwrapped(text);
    let mut search =
        Search { scan: Scan::new(view), secrets: vec![], done: 0, web_done: 0, key: None };
    search.scan.steps += view.bytes().len();
    for hit in MARKERS.automaton.find_overlapping_iter(view.bytes()) {
        search.scan.steps += 1;
        search.at_mark(MARKERS.shapes[hit.pattern().as_usize()], hit.range());
    }
    search.end_key();
    found.steps += search.scan.steps;
    for secret in search.secrets {
        found.add(view.in_text(&secret));
    }
}

struct Search<'a> {
    scan: Scan<'a>,
    secrets: Vec<Range<usize>>,
    /// Everything before this position is known to be secret or was skipped.
    done: usize,
    /// No web token begins before this position.
    web_done: usize,
    /// The first marker of a private key whose end was not found yet.
    key: Option<Range<usize>>,
}

impl Search<'_> {
    fn at_mark(&mut self, shape: Shape, mark: Range<usize>) {
        let secret = match shape {
            Shape::KeyBegin => return self.begin_key(mark),
            Shape::KeyEnd => self.key_before(mark),
            // A prefix inside a secret does not begin another secret.
            _ if mark.start < self.done => None,
            Shape::Token(token) => self.token(token, mark),
            Shape::Named(name) => named_values::value(&mut self.scan, name, mark),
            Shape::Url => self.user_info(mark.end),
            Shape::Web => self.web_token(mark),
        };
        self.secrets.extend(secret.inspect(|secret| self.done = self.done.max(secret.end)));
    }

    fn token(&mut self, token: &Token, mark: Range<usize>) -> Option<Range<usize>> {
        let scan = &mut self.scan;
        let (least, most, class) = token.before;
        let start = scan.run_before(mark.start, most, class);
        let is_here = scan.part(mark.clone()) == token.mark.as_bytes()
            && least <= mark.start - start
            && !(token.is_alone && scan.before(start).is_some_and(is_word));
        if !is_here {
            return None;
        }
        let mut end = mark.end;
        // A token that a line break divides continues in the next line, until it is complete.
        while scan.byte(end).is_some_and(token.class)
            && (end - mark.end < token.len || !scan.breaks_at(end))
            && !(token.is_exact && token.len < end - mark.end)
        {
            end += 1;
        }
        let len = end - mark.end;
        let is_whole = if token.is_exact { len == token.len } else { token.len <= len };
        let has_digit = || scan.part(mark.end..end).iter().any(u8::is_ascii_digit);
        (is_whole && (!token.has_digit || has_digit())).then_some(start..end)
    }

    /// `user:password` of `https://user:password@host`, which begins at `start`.
    fn user_info(&mut self, start: usize) -> Option<Range<usize>> {
        const ENDS: &[u8] = b"/?# \"'<>`\\|";
        let (mut at, mut last) = (start, None);
        while let Some(byte) = self.scan.in_line(at).filter(|byte| !ENDS.contains(byte)) {
            if byte == b'@' {
                last = Some(at);
            }
            at += 1;
        }
        // The user name that everybody has on git hosts.
        let is_secret = |end: &usize| start < *end && self.scan.part(start..*end) != b"git";
        last.filter(is_secret).map(|end| start..end)
    }

    /// At least three parts in base64, of which the first is a JSON object.
    fn web_token(&mut self, mark: Range<usize>) -> Option<Range<usize>> {
        const SHORTEST: usize = 30;
        if mark.start < self.web_done || self.scan.part(mark.clone()) != b"eyJ" {
            return None;
        }
        let (mut end, mut n_dots) = (mark.end, 0);
        while let Some(byte) = self.scan.byte(end).filter(|&byte| is_dotted(byte)) {
            if self.scan.breaks_at(end) && 2 <= n_dots && SHORTEST <= end - mark.start {
                break;
            }
            n_dots += usize::from(byte == b'.');
            end += 1;
        }
        // What begins later is shorter and has fewer dots.
        self.web_done = end;
        (2 <= n_dots && SHORTEST <= end - mark.start).then_some(mark.start..end)
    }

    fn begin_key(&mut self, mark: Range<usize>) {
        if self.is_of_key(mark.end) {
            self.end_key();
            self.key = Some(mark);
        }
    }

    /// Whether the label at `at` is that of a private key: `EC PRIVATE KEY`, `PGP PRIVATE KEY
    /// BLOCK`.
    fn is_of_key(&mut self, at: usize) -> bool {
        const MAX_KIND: usize = 20;
        (0..MAX_KIND).any(|skipped| self.scan.says(at + skipped, "PRIVATE KEY"))
    }

    /// The private key that ends with the marker `end`.
    fn key_before(&mut self, end: Range<usize>) -> Option<Range<usize>> {
        const MAX_LABEL: usize = 40;
        if !self.is_of_key(end.end) {
            return None;
        }
        let is_label = |byte: u8| byte.is_ascii_uppercase() || matches!(byte, b' ' | b'-');
        let last = self.scan.run(end.end, MAX_LABEL, is_label);
        let start = match self.key.take() {
            Some(begin) => begin.start,
            None => self.body_before(end.start),
        };
        Some(start..last)
    }

    /// If a key has begun and does not end, the lines that look like its body are secret.
    fn end_key(&mut self) {
        if let Some(begin) = self.key.take() {
            let end = self.body_after(begin.end);
            self.secrets.push(begin.start..end);
        }
    }

    /// The length from which a word in base64 is taken for a line of a key.
    const MIN_LINE: usize = 16;

    /// Checks for a line break that is written as two characters.
    fn is_written_break(&mut self, at: usize) -> bool {
        self.scan.says(at, "\\n") || self.scan.says(at, "\\r")
    }

    fn body_after(&mut self, start: usize) -> usize {
        let is_label = |byte: u8| byte.is_ascii_uppercase() || matches!(byte, b' ' | b'-');
        let mut end = self.scan.run(start, 40, is_label);
        loop {
            let mut at = end;
            while self.is_written_break(at) {
                at += 2;
            }
            let first = at;
            while self.scan.byte(at).is_some_and(is_base64)
                && (at == first || !self.scan.breaks_at(at))
            {
                at += 1;
            }
            if at - first < Self::MIN_LINE {
                return end;
            }
            end = at;
        }
    }

    /// The beginning of the lines of base64 that end at `end`.
    fn body_before(&mut self, end: usize) -> usize {
        let mut start = end;
        loop {
            let mut at = start;
            while 1 < at && self.is_written_break(at - 2) {
                at -= 2;
            }
            let last = at;
            while 0 < at
                && self.scan.byte(at - 1).is_some_and(is_base64)
                && (at == last || !self.scan.breaks_at(at))
            {
                at -= 1;
            }
            // The letter of a written break looks like a digit of the line that follows it.
            if 0 < at && at < last && self.is_written_break(at - 1) {
                at += 1;
            }
            let is_last_line = start == end && 0 < last - at;
            if last - at < Self::MIN_LINE && !is_last_line {
                return start;
            }
            start = at;
        }
    }
}
