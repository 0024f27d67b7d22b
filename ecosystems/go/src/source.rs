//! The beginning of a Go file: its build constraints and its package.

use crate::constraint::Constraint;

/// The part of a Go file before its imports.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Source {
    /// The package clause.
    pub(crate) package: String,
    /// Whether any supported machine builds the file.
    pub(crate) is_built: bool,
    /// The first sentence of the package's documentation; empty if this file has none.
    pub(crate) synopsis: String,
}

/// Reads the beginning `text` of the file named `file`. `None` if `text` contains no package
/// clause.
pub(crate) fn read(file: &str, text: &str) -> Option<Source> {
    let mut constraint = Constraint::default();
    let mut doc: Vec<&str> = vec![];
    let mut rest = text.trim_start_matches('\u{feff}');
    loop {
        let blank = rest.len() - rest.trim_start().len();
        if 1 < rest[..blank].matches('\n').count() {
            doc.clear();
        }
        rest = &rest[blank..];
        if rest.starts_with("//") {
            let end = rest.find('\n')?;
            take_line(rest[2..end].trim_end(), &mut constraint, &mut doc);
            // The newline is kept, because it tells an empty line from the end.
            rest = &rest[end..];
        } else if let Some(comment) = rest.strip_prefix("/*") {
            let (block, after) = comment.split_once("*/")?;
            doc = block.lines().collect();
            rest = after;
        } else {
            break;
        }
    }
    let clause = rest.strip_prefix("package")?;
    let name = clause.trim_start_matches([' ', '\t']);
    let end = name.find(|c: char| !c.is_alphanumeric() && c != '_')?;
    if name.len() == clause.len() || end == 0 {
        return None;
    }
    let is_built = constraint.is_met(file);
    Some(Source { package: name[..end].to_owned(), is_built, synopsis: synopsis(&doc) })
}

fn take_line<'a>(line: &'a str, constraint: &mut Constraint<'a>, doc: &mut Vec<&'a str>) {
    if let Some(expression) = line.strip_prefix("go:build ") {
        constraint.expression = Some(expression);
    } else if let Some(options) = line.trim().strip_prefix("+build ") {
        constraint.lines.push(options);
    } else if !line.starts_with("go:") {
        doc.push(line);
    }
}

/// The synopsis as `go/doc` makes it: the first sentence of the first paragraph, unless that is a
/// notice.
fn synopsis(doc: &[&str]) -> String {
    let lines = doc.iter().map(|line| line.trim()).skip_while(|line| line.is_empty());
    let paragraph: Vec<&str> = lines.take_while(|line| !line.is_empty()).collect();
    let text = paragraph.join(" ").split_whitespace().collect::<Vec<_>>().join(" ");
    let is_end = |at: &usize| {
        let ends = text[..*at].chars().next_back();
        let begins = text[at + 2..].chars().next();
        // A sentence does not end after an initial, nor within "e.g. this".
        !ends.is_some_and(char::is_uppercase) && begins.is_none_or(|c| !c.is_lowercase())
    };
    let end = text.match_indices(". ").map(|(at, _)| at).find(is_end);
    let sentence = end.map_or(&*text, |end| &text[..=end]);
    let is_notice = ["copyright", "all rights", "author", "spdx-", "code generated"];
    let lower = sentence.to_lowercase();
    if is_notice.iter().any(|notice| lower.starts_with(notice)) {
        return String::new();
    }
    sentence.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Option<(&str, bool, &str)>) {
        let source = read("x.go", text);
        let source = source.as_ref().map(|it| (&*it.package, it.is_built, &*it.synopsis));
        assert_eq!(source, expected, "{text}");
    }

    #[test]
    fn the_package_clause_is_found_below_comments() {
        check("package main\n", Some(("main", true, "")));
        check("\u{feff}// Copyright 2024 X.\n\npackage main // x\n", Some(("main", true, "")));
        check("/* a\n b */ package x;", Some(("x", true, "a b")));
        check(
            "/*\nCommand x does y. And z.\n*/\npackage main\n",
            Some(("main", true, "Command x does y.")),
        );
        check("package\tmain\r\n", Some(("main", true, "")));
    }

    #[test]
    fn constraints_decide_whether_a_file_counts() {
        check("//go:build ignore\n\npackage main\n", Some(("main", false, "")));
        check("// +build ignore\n\npackage main\n", Some(("main", false, "")));
        check(
            "//go:build linux || ignore\n// +build ignore\n\npackage main\n",
            Some(("main", true, "")),
        );
        check("//go:build windows\r\n\r\npackage main\n", Some(("main", false, "")));
        // A comment that is not a constraint has no effect.
        check(
            "// see //go:build ignore\npackage main\n",
            Some(("main", true, "see //go:build ignore")),
        );
    }

    #[test]
    fn only_the_comment_directly_above_is_documentation() {
        let text = "// Copyright.\n\n// Foo makes e.g. bars, by A. Author.\n// Quickly. Well.\npackage main\n";
        check(text, Some(("main", true, "Foo makes e.g. bars, by A. Author.")));
        check("// Foo makes bars.\n\npackage main\n", Some(("main", true, "")));
        check("// Foo\n//\n// More.\n//go:generate x\npackage main\n", Some(("main", true, "Foo")));
    }

    #[test]
    fn other_files_than_go_files_have_no_package() {
        for text in [
            "",
            "//",
            "// x",
            "/* x",
            "package",
            "packagemain\n",
            "package \n",
            "func main() {}",
            "é",
        ] {
            check(text, None);
        }
    }
}
