//! Reads a go.mod. The input may be any text.

use crate::versions::Version;

/// The parts of a go.mod that decide whether the module can be installed, and what.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct GoMod {
    /// The path that the module declares; empty if it declares none.
    pub(crate) module: String,
    /// The oldest version of Go that can build the module.
    pub(crate) go: Option<String>,
    /// The directives `replace` and `exclude`, in the order of the file: `go install` refuses
    /// modules with either of them.
    pub(crate) refused: Vec<&'static str>,
    /// The first and the last version of each retracted range.
    retracted: Vec<(Version, Version)>,
    /// Why the module is deprecated.
    pub(crate) deprecated: Option<String>,
    /// Whether the proxy generated the file because the module has none.
    pub(crate) is_made_up: bool,
}

impl GoMod {
    pub(crate) fn parse(text: &str) -> Self {
        let mut found = Self::default();
        let mut block = None;
        let mut comments: Vec<&str> = vec![];
        for line in text.lines() {
            let (code, comment) = split_comment(line);
            match (code.trim(), comment) {
                ("", Some(comment)) => comments.push(comment),
                ("", None) => comments.clear(),
                (")", _) => block = None,
                (code, comment) => {
                    let (verb, rest) = match block {
                        Some(verb) => (verb, code),
                        None => code.split_once([' ', '\t', '(']).unwrap_or((code, "")),
                    };
                    comments.extend(comment);
                    if block.is_none() && code.ends_with('(') {
                        block = Some(verb);
                    } else {
                        found.take(verb.trim(), rest.trim(), &comments);
                    }
                    comments.clear();
                }
            }
        }
        found.is_made_up = text == format!("module {}\n", found.module);
        found
    }

    fn take(&mut self, verb: &str, rest: &str, comments: &[&str]) {
        match verb {
            "module" => {
                unquoted(rest).clone_into(&mut self.module);
                let reasons = comments.iter().map(|comment| comment.trim());
                let mut reasons = reasons.filter_map(|it| it.strip_prefix("Deprecated:"));
                self.deprecated = reasons.next().map(|why| why.trim().to_owned());
            }
            "go" => self.go = Some(unquoted(rest).to_owned()),
            "replace" if !rest.is_empty() => self.refused.push("replace"),
            "exclude" if !rest.is_empty() => self.refused.push("exclude"),
            "retract" => self.retracted.extend(range(rest)),
            _ => {}
        }
    }

    /// Whether the author retracted `version`.
    pub(crate) fn retracts(&self, version: &Version) -> bool {
        self.retracted.iter().any(|(first, last)| version.is_within(first, last))
    }
}

/// Splits the line into code and comment. A `//` within quotes occurs in no valid go.mod.
fn split_comment(line: &str) -> (&str, Option<&str>) {
    match line.split_once("//") {
        Some((code, comment)) => (code, Some(comment)),
        None => (line, None),
    }
}

fn unquoted(text: &str) -> &str {
    text.trim_matches(['"', '`'])
}

/// Reads `v1.0.0`, or `[v1.0.0, v1.9.9]`.
fn range(text: &str) -> Option<(Version, Version)> {
    let Some(inside) = text.strip_prefix('[') else {
        let version = Version::parse(unquoted(text))?;
        return Some((version.clone(), version));
    };
    let (first, last) = inside.strip_suffix(']')?.split_once(',')?;
    let version = |text: &str| Version::parse(unquoted(text.trim()));
    Some((version(first)?, version(last)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_and_lines_are_read_alike() {
        let text = "// Deprecated: use x.org/b\nmodule \"x.org/a\"\n\ngo 1.22.0\n\
             require x.org/c v1.0.0 // indirect\nreplace (\n\tx.org/c => ./c\n)\n\
             exclude x.org/d v1.0.0\nretract (\n\tv1.0.0 // bad\n\t[v1.1.0, v1.1.9]\n\tv3.0.0\n)\n";
        let read = GoMod::parse(text);
        assert_eq!((&*read.module, read.go.as_deref()), ("x.org/a", Some("1.22.0")));
        assert_eq!(read.refused, ["replace", "exclude"]);
        assert_eq!(read.deprecated.as_deref(), Some("use x.org/b"));
        let retracts = |text| read.retracts(&Version::parse(text).unwrap());
        assert!(retracts("v1.0.0") && retracts("v1.1.5"));
        assert!(!retracts("v1.0.1") && !retracts("v1.2.0"));
        assert!(retracts("v3.0.0+incompatible") && !retracts("v3.0.0-rc.1"));
    }

    #[test]
    fn a_go_mod_with_only_a_module_line_was_generated() {
        for (text, is_made_up) in [
            ("module x.org/a\n", true),
            ("module x.org/a\n\ngo 1.22\n", false),
            ("module x.org/a\nrequire x.org/b v1.0.0\n", false),
            ("// Text.\nmodule x.org/a\n", false),
            ("", false),
        ] {
            assert_eq!(GoMod::parse(text).is_made_up, is_made_up, "{text:?}");
        }
    }

    #[test]
    fn texts_similar_to_directives_are_ignored() {
        for text in [
            "module x.org/a\n// replace x => y\n",
            "module x.org/a\nrequire x.org/replace v1.0.0\n",
            "module x.org/a\nrequire (\n\treplace.org/x v1.0.0\n)\n",
            "module x.org/a\nreplace (\n)\n",
        ] {
            assert_eq!(GoMod::parse(text).refused, [""; 0], "{text}");
        }
        assert_eq!(GoMod::parse("").module, "");
        assert_eq!(GoMod::parse("// Deprecated: x\n\nmodule a\n").deprecated, None);
        let same_line = GoMod::parse("module a // Deprecated: gone\n");
        assert_eq!(same_line.deprecated.as_deref(), Some("gone"));
    }
}
