//! Finds syntax that belongs to TOML 1.1 and not to TOML 1.0, which is what the package manager
//! reads.

/// The position of such syntax, and its description.
pub(super) type Toml11Syntax = (usize, &'static str);

/// The first part of `text`, which is valid TOML, that only TOML 1.1 allows: a line break or a
/// trailing comma in an inline table, and the escapes `\e` and `\x`.
pub(super) fn toml11_syntax(text: &str) -> Option<Toml11Syntax> {
    let mut scanner = Scanner { text: text.as_bytes(), at: 0, open: vec![], last: 0 };
    while let Some(&byte) = scanner.text.get(scanner.at) {
        if let Some(found) = scanner.step(byte) {
            return Some(found);
        }
    }
    None
}

struct Scanner<'t> {
    text: &'t [u8],
    at: usize,
    /// Brackets and braces that are still open.
    open: Vec<u8>,
    /// The last byte that is not a blank.
    last: u8,
}

impl Scanner<'_> {
    fn step(&mut self, byte: u8) -> Option<Toml11Syntax> {
        let begins = |quotes: &[u8]| self.text[self.at..].starts_with(quotes);
        let quotes: &[u8] = match byte {
            b'"' if begins(b"\"\"\"") => b"\"\"\"",
            b'\'' if begins(b"'''") => b"'''",
            b'"' => b"\"",
            b'\'' => b"'",
            b'#' => {
                let rest = &self.text[self.at..];
                self.at += rest.iter().position(|&b| b == b'\n').unwrap_or(rest.len());
                return None;
            }
            _ => {
                let found = self.plain(byte);
                self.at += 1;
                return found;
            }
        };
        self.last = byte;
        self.string(quotes)
    }

    fn plain(&mut self, byte: u8) -> Option<Toml11Syntax> {
        let in_table = self.open.last() == Some(&b'{');
        match byte {
            b'\n' if in_table => return Some((self.at, "has a line break in an inline table")),
            b'}' if self.last == b',' => {
                return Some((self.at, "has a comma at the end of an inline table"));
            }
            b'{' | b'[' => self.open.push(byte),
            b'}' | b']' => {
                self.open.pop();
            }
            _ => {}
        }
        if !byte.is_ascii_whitespace() {
            self.last = byte;
        }
        None
    }

    /// Skips the text that begins here with `quotes`.
    fn string(&mut self, quotes: &[u8]) -> Option<Toml11Syntax> {
        self.at += quotes.len();
        let is_basic = quotes[0] == b'"';
        while let Some(&byte) = self.text.get(self.at) {
            let rest = &self.text[self.at..];
            if is_basic && byte == b'\\' {
                if let Some(b'e' | b'x') = rest.get(1) {
                    return Some((self.at, "contains an escape that only TOML 1.1 allows"));
                }
                self.at += 2;
            } else if rest.starts_with(quotes) {
                // Up to two more quotes are part of a text in three of them. None follow one alone.
                self.at += rest.iter().take_while(|&&b| b == quotes[0]).count();
                return None;
            } else {
                self.at += 1;
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn syntax_of_newer_toml_versions_is_found() {
        for (text, at) in [
            ("a = {\n b = 1\n}\n", 5),
            ("a = { b = 1, }\n", 13),
            ("a = [ { b = [ 1 ],\n } ]\n", 18),
            ("a = \"\\x41\"\n", 5),
            ("a = \"\"\"b\n\\e\"\"\"\n", 9),
        ] {
            assert_eq!(toml11_syntax(text).map(|(at, _)| at), Some(at), "{text}");
        }
        for text in [
            "a = [\n { b = 1 },\n # }\n 2,\n]\n[t]\nx = 1\n",
            "a = { b = [\n 1,\n ] }\n",
            "a = '\\x41 {\n'\n",
            "a = '''{\n'''\nb = \"\"\"{\n\\\\x\"\"\"\"\"\n",
            "a = \"{\" # {\nb = 1\n",
            "a = \"\\\\x\\\"\"\nb = \"\\u0041\"\n",
        ] {
            assert_eq!(toml11_syntax(text), None, "{text}");
        }
    }
}
