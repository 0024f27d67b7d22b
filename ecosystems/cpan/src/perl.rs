//! Lists of file names in Perl, read without running it.
//!
//! Only what is spelled out counts: texts without variables, `qw`, and globs of one folder.
//! Anything else is [`Listed::Computed`], and nobody guesses what it comes to.

/// One thing in a list.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Item {
    /// A file, relative to the distribution.
    Path(String),
    /// Files of one folder, such as `script/*`.
    Glob(String),
}

/// What stands behind a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Listed {
    /// Spelled out.
    Items(Vec<Item>),
    /// Only running it would tell.
    Computed,
}

/// What `source` gives each `key`: behind `=>`, `=` or, for a `key` that is called as a function,
/// right behind it. Comments, documentation and what comes after the program are left out.
pub(crate) fn lists(source: &str, key: &str) -> Vec<Listed> {
    behind(key, &code(source)).into_iter().map(|after| Reader(after).value()).collect()
}

/// The same only of `=>`, for a `key` that is a word like others.
pub(crate) fn pairs(source: &str, key: &str) -> Vec<Listed> {
    let is_pair = |after: &&str| {
        let after = after.strip_prefix(['\'', '"']).unwrap_or(after);
        after.trim_start().starts_with("=>")
    };
    let code = code(source);
    let pairs = behind(key, &code).into_iter().filter(is_pair);
    pairs.map(|after| Reader(after).value()).collect()
}

/// What comes behind each `key` that is a word of its own and no variable.
fn behind<'a>(key: &str, code: &'a str) -> Vec<&'a str> {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let mut found = vec![];
    for (at, _) in code.match_indices(key) {
        let (before, after) = (&code[..at], &code[at + key.len()..]);
        let is_part = before.ends_with(|c| is_word(c) || "$@%&:-".contains(c));
        if !is_part && !after.starts_with(is_word) && !is_comment(before) {
            found.push(after);
        }
    }
    found
}

/// Whether `source` uses `name`, outside comments.
pub(crate) fn mentions(source: &str, name: &str) -> bool {
    let code = code(source);
    code.match_indices(name).any(|(at, _)| !is_comment(&code[..at]))
}

/// `source` up to its end mark, without documentation.
fn code(source: &str) -> String {
    let mut is_documentation = false;
    let mut code = String::new();
    for line in source.lines() {
        if matches!(line.trim_end(), "__END__" | "__DATA__") {
            break;
        }
        if line.starts_with("=cut") {
            is_documentation = false;
        } else if line.starts_with('=') && line[1..].starts_with(|c: char| c.is_ascii_alphabetic())
        {
            is_documentation = true;
        } else if !is_documentation {
            code.push_str(line);
            code.push('\n');
        }
    }
    code
}

/// Whether what follows `before` on its line is a comment.
fn is_comment(before: &str) -> bool {
    let line = before.rsplit('\n').next().unwrap_or_default();
    line.match_indices('#').any(|(at, _)| at == 0 || line[..at].ends_with([' ', '\t', ';']))
}

/// The rest of a program.
struct Reader<'a>(&'a str);

impl Reader<'_> {
    /// What a key is given.
    fn value(mut self) -> Listed {
        self.accept("'");
        self.accept("\"");
        self.space();
        self.accept("}");
        self.space();
        let is_given = self.accept("=>") || {
            let is_compared = self.0.starts_with("==") || self.0.starts_with("=~");
            !is_compared && self.accept("=")
        };
        if !is_given && (self.0.starts_with([',', '-', '}', ']', '.']) || self.0.starts_with("=="))
        {
            return Listed::Computed;
        }
        self.space();
        let items = if self.accept("[") {
            self.items(']').filter(|_| self.accept("]"))
        } else if self.accept("{") {
            self.keys().filter(|_| self.accept("}"))
        } else if self.accept("(") {
            self.items(')').filter(|_| self.accept(")"))
        } else if is_given {
            self.item()
        } else {
            self.items(';')
        };
        self.space();
        let is_whole = self.0.is_empty() || self.0.starts_with([',', ';', ')', '}']);
        items.filter(|_| is_whole).map_or(Listed::Computed, Listed::Items)
    }

    /// Items with commas between and after them, up to `end`.
    fn items(&mut self, end: char) -> Option<Vec<Item>> {
        let mut items = vec![];
        loop {
            self.space();
            if self.0.starts_with(end) {
                return Some(items);
            }
            items.extend(self.item()?);
            self.space();
            if !self.accept("=>") && !self.accept(",") && !self.0.starts_with(end) {
                return None;
            }
        }
    }

    /// The keys of a table up to its end; its values say nothing.
    fn keys(&mut self) -> Option<Vec<Item>> {
        let mut keys = vec![];
        loop {
            self.space();
            if self.0.starts_with('}') {
                return Some(keys);
            }
            keys.extend(self.item()?);
            self.space();
            if !self.accept("=>") {
                return None;
            }
            self.space();
            let is_value = |c: char| c.is_ascii_alphanumeric();
            if self.0.starts_with(is_value) {
                self.0 = self.0.trim_start_matches(is_value);
            } else {
                self.item()?;
            }
            self.space();
            if !self.accept(",") && !self.0.starts_with('}') {
                return None;
            }
        }
    }

    /// A text, a glob or a list of words.
    fn item(&mut self) -> Option<Vec<Item>> {
        if self.accept("<") {
            let (pattern, rest) = self.0.split_once('>')?;
            self.0 = rest;
            return globs(pattern);
        }
        if let Some(rest) =
            self.0.strip_prefix("glob").filter(|rest| rest.starts_with([' ', '(', '\'', '"']))
        {
            self.0 = rest;
            self.space();
            let has_bracket = self.accept("(");
            self.space();
            let pattern = self.text()?;
            self.space();
            return if has_bracket && !self.accept(")") { None } else { globs(&pattern) };
        }
        if let Some(rest) = self.0.strip_prefix("qw") {
            self.0 = rest;
            self.space();
            let open = self.0.chars().next().filter(char::is_ascii_punctuation)?;
            let close = match open {
                '(' => ')',
                '[' => ']',
                '{' => '}',
                '<' => '>',
                other => other,
            };
            let (words, rest) = self.0[1..].split_once(close)?;
            self.0 = rest;
            return Some(
                words.split_whitespace().map(|word| Item::Path(word.to_owned())).collect(),
            );
        }
        self.text().map(|text| vec![Item::Path(text)])
    }

    /// A text in quotes that says what it means: no variable, and no mark but an escaped quote.
    fn text(&mut self) -> Option<String> {
        let quote = self.0.chars().next().filter(|c| matches!(c, '\'' | '"'))?;
        let (mut text, mut chars) = (String::new(), self.0[1..].char_indices());
        while let Some((at, c)) = chars.next() {
            match c {
                _ if c == quote => {
                    self.0 = &self.0[1 + at + 1..];
                    return Some(text);
                }
                '\\' => match chars.next()?.1 {
                    escaped if escaped == quote || escaped == '\\' => text.push(escaped),
                    _ => return None,
                },
                '$' | '@' if quote == '"' => return None,
                _ => text.push(c),
            }
        }
        None
    }

    fn accept(&mut self, mark: &str) -> bool {
        let rest = self.0.strip_prefix(mark);
        self.0 = rest.unwrap_or(self.0);
        rest.is_some()
    }

    /// Passes over white space and comments.
    fn space(&mut self) {
        self.0 = self.0.trim_start();
        while self.0.starts_with('#') {
            self.0 = self.0.split_once('\n').map_or("", |(_, rest)| rest).trim_start();
        }
    }
}

/// Patterns with a star in the file's name and nowhere else; Perl takes several in one text.
fn globs(patterns: &str) -> Option<Vec<Item>> {
    let glob = |pattern: &str| {
        let (folder, file) = pattern.rsplit_once('/')?;
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./".contains(c);
        let is_glob = folder.chars().all(is_plain) && file.chars().all(|c| is_plain(c) || c == '*');
        is_glob.then(|| Item::Glob(pattern.to_owned()))
    };
    patterns.split_whitespace().map(glob).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What is listed, joined; a glob in brackets.
    fn told(listed: &Listed) -> String {
        let Listed::Items(items) = listed else { return "?".to_owned() };
        let tell = |item: &Item| match item {
            Item::Path(path) => path.clone(),
            Item::Glob(pattern) => format!("<{pattern}>"),
        };
        items.iter().map(tell).collect::<Vec<_>>().join(" ")
    }

    #[track_caller]
    fn check(source: &str, expected: &[&str]) {
        let found: Vec<String> = lists(source, "EXE_FILES").iter().map(told).collect();
        assert_eq!(found, expected, "{source}");
    }

    #[test]
    fn lists_that_are_spelled_out_are_read() {
        check("EXE_FILES => ['ack'],", &["ack"]);
        check("EXE_FILES => [ 'bin/a', \"bin/b\", ],\n", &["bin/a bin/b"]);
        check("  \"EXE_FILES\" => [\n    \"bin/ack\"\n  ],\n", &["bin/ack"]);
        check("'EXE_FILES' => [ qw(bin/a bin/b) ]", &["bin/a bin/b"]);
        check("EXE_FILES => [qw[a b]],", &["a b"]);
        check("EXE_FILES => [qw/ a\n b /],", &["a b"]);
        check("EXE_FILES => [], X => 1", &[""]);
        check("EXE_FILES=>['it\\'s']", &["it's"]);
        check("EXE_FILES => [ # commands\n 'a', # one\n 'b' ]", &["a b"]);
        check("$args{EXE_FILES} = [ 'a' ];", &["a"]);
        check("$args{'EXE_FILES'} = [ 'a' ];", &["a"]);
    }

    #[test]
    fn globs_of_one_folder_are_read() {
        check("EXE_FILES => [ glob('script/*') ],", &["<script/*>"]);
        check("EXE_FILES => [ glob \"bin/*.pl\" ],", &["<bin/*.pl>"]);
        check("EXE_FILES => [<bin/*>],", &["<bin/*>"]);
        check("EXE_FILES => [ <bin/* script/*>, 'x' ],", &["<bin/*> <script/*> x"]);
        check("EXE_FILES => [ glob('*') ],", &["?"]);
        check("EXE_FILES => [ glob('{a,b}/*') ],", &["?"]);
        check("EXE_FILES => [ glob(\"$dir/*\") ],", &["?"]);
    }

    #[test]
    fn what_must_be_run_to_know_is_said_to_be_computed() {
        for value in [
            "\\@scripts,",
            "[ @scripts ],",
            "[ map { \"bin/$_\" } qw(a b) ],",
            "[ \"bin/$name\" ],",
            "[ 'a', $x ? 'b' : () ],",
            "[ 'a' ] x 2,",
            "$^O eq 'MSWin32' ? [] : ['a'],",
            "[ 'a' 'b' ]",
            "[ 'a',",
            "[ 'a' . '.pl' ]",
            "['a']->[0]",
            "scripts(),",
            "[ \"a\\n\" ]",
        ] {
            check(&format!("EXE_FILES => {value}"), &["?"]);
        }
        check("push @{$args{EXE_FILES}}, 'a';", &["?"]);
        check("if ($x{EXE_FILES} == 1) {}", &["?"]);
    }

    #[test]
    fn comments_documentation_and_what_is_no_program_are_not_read() {
        check("# EXE_FILES => ['a'],\n", &[]);
        check("  # was: EXE_FILES => ['a'],\n", &[]);
        check("=head1 EXE_FILES\n\nEXE_FILES => ['a']\n\n=cut\n", &[]);
        check("1;\n__END__\nEXE_FILES => ['a']", &[]);
        check("my $EXE_FILES = ['a']; MY_EXE_FILES => ['b'], EXE_FILES_X => []", &[]);
        check("s#x#y#; EXE_FILES => ['a']", &["a"]);
        check("EXE_FILES => ['a'],\n# and\nEXE_FILES => ['b'],", &["a", "b"]);
    }

    #[test]
    fn functions_and_tables_are_read() {
        let check = |source: &str, key: &str, expected: &str| {
            let found: Vec<String> = lists(source, key).iter().map(told).collect();
            assert_eq!(found, [expected], "{source}");
        };
        check("install_script 'bin/a';", "install_script", "bin/a");
        check("install_script('bin/a', 'bin/b');", "install_script", "bin/a bin/b");
        check("install_script qw(bin/a bin/b);", "install_script", "bin/a bin/b");
        check("install_script glob('bin/*');", "install_script", "<bin/*>");
        check("install_script $_ for glob('bin/*');", "install_script", "?");
        check("install_script 'a' if $x;", "install_script", "?");
        check("script_files => { 'bin/a' => 1, 'bin/b' => 'x' },", "script_files", "bin/a bin/b");
        check("script_files => 'bin/a',", "script_files", "bin/a");
        check(
            "script_files => [ glob('script/*'), glob('bin/*') ],",
            "script_files",
            "<script/*> <bin/*>",
        );
        check("script_files => { map { $_ => 1 } @x },", "script_files", "?");
    }

    proptest! {
        #[test]
        fn any_program_is_read(before: String, after: String) {
            let _ = lists(&format!("{before}EXE_FILES{after}"), "EXE_FILES");
        }

        #[test]
        fn any_marks_are_read(marks in "[\\[\\]{}(),;=>'\"qw<#*/ a\\\\\\n]{0,40}") {
            let _ = lists(&format!("EXE_FILES => {marks}"), "EXE_FILES");
            let _ = lists(&format!("EXE_FILES {marks}"), "EXE_FILES");
        }
    }
}
