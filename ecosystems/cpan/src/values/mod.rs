//! Evaluates a list of files in a Perl program without running the program.
//!
//! These are constant: texts, `qw`, globs of one folder, `.`, `join` and `catfile` of constant
//! values, `map` over them, and variables that get such a value once and are not used elsewhere. A
//! value that may differ from run to run or between machines is computed.

mod cursor;
mod texts;

use std::{collections::BTreeSet, ops::Range};

use crate::{
    perl::{Item, Listed},
    variables,
};

/// The cost of an item of any kind.
const ITEM: usize = 32;
/// The largest number of items, because nested `map` calls multiply them.
const MAX_ITEMS: usize = 1_000;

/// The value of the key that ends at `at` in `code`, a program without documentation and comments.
pub(crate) fn read(code: &str, at: usize) -> Listed {
    let mut reader = Reader::new(code, at);
    let items = reader.value();
    reader.read.push(at..reader.at);
    let is_constant = !variables::is_conditional(&code[..at])
        && reader.used.iter().all(|name| variables::is_only_in(code, name, &reader.read));
    match items.filter(|_| is_constant) {
        Some(items) => Listed::Items(items),
        None => Listed::Computed,
    }
}

/// A position in a program, and the knowledge gained so far.
struct Reader<'a> {
    code: &'a str,
    at: usize,
    end: usize,
    /// The value of `$_`.
    topic: Option<String>,
    /// Variables whose value was needed.
    used: BTreeSet<String>,
    /// The parts of the program from which the value comes.
    read: Vec<Range<usize>>,
    depth: usize,
    /// The remaining budget, in bytes to look at, so that no program takes too long.
    fuel: usize,
}

impl Reader<'_> {
    /// The value of a key.
    fn value(&mut self) -> Option<Vec<Item>> {
        self.accept("'");
        self.accept("\"");
        self.space();
        self.accept("}");
        self.space();
        let is_given = self.accept("=>") || {
            let is_compared = self.rest().starts_with("==") || self.rest().starts_with("=~");
            !is_compared && self.accept("=")
        };
        let is_expression = self.rest().starts_with([',', '-', '}', ']', '.']);
        if !is_given && (is_expression || self.rest().starts_with("==")) {
            return None;
        }
        self.space();
        let items = if self.accept("[") {
            self.items().filter(|_| self.accept("]"))
        } else if self.accept("{") {
            self.keys().filter(|_| self.accept("}"))
        } else if self.accept("(") {
            self.items().filter(|_| self.accept(")"))
        } else if self.accept("\\@") {
            self.list()
        } else if is_given && self.rest().starts_with('$') {
            self.reference()
        } else if is_given {
            self.item()
        } else {
            self.items()
        };
        self.space();
        let is_whole = self.rest().is_empty() || self.rest().starts_with([',', ';', ')', '}']);
        items.filter(|_| is_whole)
    }

    /// Items separated by commas, up to the end of the enclosing list.
    fn items(&mut self) -> Option<Vec<Item>> {
        let mut items = vec![];
        loop {
            self.space();
            if self.is_closed() {
                return Some(items);
            }
            items.extend(self.item()?);
            self.space();
            let is_next = self.accept("=>") || self.accept(",") || self.is_closed();
            if !is_next || MAX_ITEMS < items.len() {
                return None;
            }
        }
    }

    fn is_closed(&self) -> bool {
        self.rest().is_empty() || self.rest().starts_with([']', ')', '}', ';'])
    }

    /// The keys of a hash up to its end; its values are ignored.
    fn keys(&mut self) -> Option<Vec<Item>> {
        let mut keys = vec![];
        loop {
            self.space();
            if self.rest().starts_with('}') {
                return Some(keys);
            }
            keys.extend(self.item()?);
            self.space();
            if !self.accept("=>") {
                return None;
            }
            self.space();
            let is_value = |c: char| c.is_ascii_alphanumeric();
            if self.rest().starts_with(is_value) {
                self.skip_while(is_value);
            } else {
                self.item()?;
            }
            self.space();
            if !self.accept(",") && !self.rest().starts_with('}') {
                return None;
            }
        }
    }

    /// An expression that stands for any number of files.
    fn item(&mut self) -> Option<Vec<Item>> {
        self.spend(ITEM)?;
        if self.accept("<") {
            let (pattern, _) = self.rest().split_once('>')?;
            self.at += pattern.len() + 1;
            return globs(pattern);
        }
        if self.accept("(") {
            return self.items().filter(|_| self.accept(")"));
        }
        if self.accept("@") {
            return self.list();
        }
        if self.word("qw") {
            let words = self.delimited()?;
            self.spend(words.len())?;
            let words = words.split_whitespace();
            return Some(words.map(|word| Item::Path(word.to_owned())).collect());
        }
        if self.word("glob") {
            return self.bracketed(|reader| globs(&reader.text()?));
        }
        if self.word("map") {
            return self.bracketed(Self::mapped);
        }
        if self.word("grep") {
            return self.bracketed(Self::filtered);
        }
        if self.word("sort") {
            return self.items();
        }
        self.text().map(|text| vec![Item::Path(text)])
    }

    /// Reads `{ "bin/$_" } qw(a b)`, or `"bin/$_", qw(a b)`: the rest of the list is mapped.
    fn mapped(&mut self) -> Option<Vec<Item>> {
        let made = if self.rest().starts_with('{') {
            let block = self.block()?;
            self.space();
            self.accept(",");
            block
        } else {
            let start = self.at;
            // Evaluates the block once with any value, to find its end.
            let topic = self.topic.replace("any".to_owned());
            let text = self.text();
            self.topic = topic;
            text?;
            let end = self.at;
            self.space();
            self.accept(",").then_some(start..end)?
        };
        let mut items = vec![];
        for item in self.items()? {
            // The files that match a glob are not known here.
            let Item::Path(topic) = item else { return None };
            items.extend(self.within(made.clone(), Some(topic), |reader| {
                reader.space();
                let _ = reader.accept(";") || reader.accept("+");
                let made = reader.items()?;
                reader.accept(";");
                reader.space();
                reader.rest().is_empty().then_some(made)
            })?);
            if MAX_ITEMS < items.len() {
                return None;
            }
        }
        Some(items)
    }

    /// Reads `{ -f } glob "bin/*"`. All listed items are files, so this test changes nothing.
    fn filtered(&mut self) -> Option<Vec<Item>> {
        let test = if self.rest().starts_with('{') {
            let block = self.block()?;
            &self.code[block]
        } else {
            let (test, _) = self.rest().split_once(',')?;
            self.at += test.len() + 1;
            test
        };
        let test: String = test.chars().filter(|c| !c.is_whitespace() && *c != ';').collect();
        let is_of_files = matches!(test.trim_end_matches("$_"), "-f" | "-e" | "!-d");
        is_of_files.then(|| self.items())?
    }
}

/// Reads patterns with a star in the file name only; Perl accepts several patterns in one text.
fn globs(patterns: &str) -> Option<Vec<Item>> {
    let glob = |pattern: &str| {
        let (folder, file) = pattern.rsplit_once('/')?;
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./".contains(c);
        let is_glob = folder.chars().all(is_plain) && file.chars().all(|c| is_plain(c) || c == '*');
        is_glob.then(|| Item::Glob(pattern.to_owned()))
    };
    patterns.split_whitespace().map(glob).collect()
}
