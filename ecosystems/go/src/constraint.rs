//! Build constraints: whether any machine that we support builds a file.

/// The systems and the processors of the supported machines. Nothing is built with C.
const SYSTEMS: [&str; 2] = ["linux", "darwin"];
const PROCESSORS: [&str; 2] = ["amd64", "arm64"];
/// Other endings of file names that the go command takes for a system or a processor.
const OTHER_SYSTEMS: &[&str] = &[
    "aix",
    "android",
    "dragonfly",
    "freebsd",
    "hurd",
    "illumos",
    "ios",
    "js",
    "nacl",
    "netbsd",
    "openbsd",
    "plan9",
    "solaris",
    "wasip1",
    "windows",
    "zos",
];
const OTHER_PROCESSORS: &[&str] = &[
    "386",
    "arm",
    "armbe",
    "arm64be",
    "amd64p32",
    "loong64",
    "mips",
    "mips64",
    "mips64le",
    "mips64p32",
    "mips64p32le",
    "mipsle",
    "ppc",
    "ppc64",
    "ppc64le",
    "riscv",
    "riscv64",
    "s390",
    "s390x",
    "sparc",
    "sparc64",
    "wasm",
];
/// Expressions with deeper nesting count as false; real ones have less.
const DEEPEST: usize = 32;

/// The constraints in a file.
#[derive(Debug, Default)]
pub(crate) struct Constraint<'a> {
    /// The text after `//go:build`.
    pub(crate) expression: Option<&'a str>,
    /// The text after each `// +build`, the format before Go 1.17; ignored if there is an
    /// expression.
    pub(crate) lines: Vec<&'a str>,
}

impl Constraint<'_> {
    /// Whether any supported machine builds `file`.
    pub(crate) fn is_met(&self, file: &str) -> bool {
        let machines = SYSTEMS.iter().flat_map(|os| PROCESSORS.iter().map(move |cpu| (*os, *cpu)));
        machines.into_iter().any(|machine| {
            let is_true = |tag: &str| is_true(tag, machine);
            let by_text = match self.expression {
                Some(expression) => evaluate(expression, &is_true),
                None => self.lines.iter().all(|line| old_line(line, &is_true)),
            };
            by_text && by_name(file, machine)
        })
    }
}

fn is_true(tag: &str, (os, cpu): (&str, &str)) -> bool {
    let is_go = tag.strip_prefix("go1.").is_some_and(|minor| minor.parse::<u16>().is_ok());
    is_go || tag == os || tag == cpu || matches!(tag, "unix" | "gc")
}

/// Whether the file name permits this system and processor: `name_GOOS_GOARCH.go`, `name_GOOS.go`,
/// `name_GOARCH.go`.
fn by_name(file: &str, (os, cpu): (&str, &str)) -> bool {
    let stem = file.strip_suffix(".go").unwrap_or(file);
    let mut parts = stem.rsplit('_');
    let (last, before) = (parts.next().unwrap_or_default(), parts.next());
    let Some(before) = before else { return true };
    let is_cpu = PROCESSORS.contains(&last) || OTHER_PROCESSORS.contains(&last);
    let is_os = |part: &str| SYSTEMS.contains(&part) || OTHER_SYSTEMS.contains(&part);
    // The first part is always the file's own name.
    let has_more = parts.next().is_some();
    if is_cpu {
        last == cpu && (!has_more || !is_os(before) || before == os)
    } else {
        !is_os(last) || last == os
    }
}

/// Blanks separate alternatives, and commas separate conditions.
fn old_line(line: &str, is_true: &dyn Fn(&str) -> bool) -> bool {
    let term = |term: &str| match term.strip_prefix('!') {
        Some(tag) => !is_true(tag),
        None => is_true(term),
    };
    line.split_whitespace().any(|option| option.split(',').all(term))
}

/// Evaluates `||`, `&&`, `!` and parentheses; a text that is not an expression is false.
fn evaluate(expression: &str, is_true: &dyn Fn(&str) -> bool) -> bool {
    let expression = expression.split("//").next().unwrap_or_default();
    let mut parser = Parser { rest: expression, is_true, depth: 0 };
    parser.any().is_some_and(|value| value && parser.rest.trim().is_empty())
}

struct Parser<'a> {
    rest: &'a str,
    is_true: &'a dyn Fn(&str) -> bool,
    depth: usize,
}

impl Parser<'_> {
    fn any(&mut self) -> Option<bool> {
        let mut value = self.all()?;
        while self.skip("||") {
            value |= self.all()?;
        }
        Some(value)
    }

    fn all(&mut self) -> Option<bool> {
        let mut value = self.one()?;
        while self.skip("&&") {
            value &= self.one()?;
        }
        Some(value)
    }

    fn one(&mut self) -> Option<bool> {
        self.depth += 1;
        if DEEPEST < self.depth {
            return None;
        }
        let value = if self.skip("!") {
            !self.one()?
        } else if self.skip("(") {
            let value = self.any()?;
            self.skip(")").then_some(value)?
        } else {
            let is_in_tag = |c: char| c.is_alphanumeric() || "._".contains(c);
            let end = self.rest.find(|c| !is_in_tag(c)).unwrap_or(self.rest.len());
            let (tag, rest) = self.rest.split_at(end);
            self.rest = rest;
            (!tag.is_empty()).then(|| (self.is_true)(tag))?
        };
        self.depth -= 1;
        Some(value)
    }

    /// Skips blanks, and then `sign` if it follows.
    fn skip(&mut self, sign: &str) -> bool {
        self.rest = self.rest.trim_start();
        let after = self.rest.strip_prefix(sign);
        self.rest = after.unwrap_or(self.rest);
        after.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(expression: &str, expected: bool) {
        let constraint = Constraint { expression: Some(expression), lines: vec![] };
        assert_eq!(constraint.is_met("x.go"), expected, "{expression}");
    }

    #[test]
    fn an_expression_is_true_if_any_supported_machine_meets_it() {
        for expression in [
            "linux",
            "darwin",
            "unix",
            "!windows",
            "go1.21",
            "linux && !cgo",
            "(linux || windows) && amd64",
            "ignore || darwin",
            "gc && !(windows || plan9)",
            "linux // only",
        ] {
            check(expression, true);
        }
        for expression in [
            "ignore",
            "windows",
            "tools",
            "cgo",
            "linux && darwin",
            "!unix",
            "386",
            "",
            "linux &&",
            "linux)",
            "(linux",
            "linux linux",
            "integration && linux",
            "!go1.18",
        ] {
            check(expression, false);
        }
        check(&format!("{}linux{}", "(".repeat(9999), ")".repeat(9999)), false);
    }

    #[test]
    fn old_constraint_lines_are_read_if_there_is_no_expression() {
        let check = |lines: &[&'static str], expected| {
            let constraint = Constraint { expression: None, lines: lines.to_vec() };
            assert_eq!(constraint.is_met("x.go"), expected, "{lines:?}");
        };
        check(&["ignore"], false);
        check(&["linux darwin", "!windows"], true);
        check(&["linux,cgo"], false);
        check(&["linux", "darwin"], false);
        let both = Constraint { expression: Some("linux"), lines: vec!["ignore"] };
        assert!(both.is_met("x.go"));
    }

    #[test]
    fn file_names_contain_constraints() {
        let check = |file, expected| {
            assert_eq!(Constraint::default().is_met(file), expected, "{file}");
        };
        for file in
            ["main.go", "x_linux.go", "x_darwin_arm64.go", "x_amd64.go", "windows.go", "a_b.go"]
        {
            check(file, true);
        }
        for file in ["x_windows.go", "x_windows_amd64.go", "x_linux_386.go", "x_js.go", "x_wasm.go"]
        {
            check(file, false);
        }
        let only_darwin = Constraint { expression: Some("darwin"), lines: vec![] };
        assert!(!only_darwin.is_met("x_linux.go"), "never both");
    }
}
