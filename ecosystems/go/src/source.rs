//! The beginning of a Go file: for whom it is built, and to which package it belongs.

/// What a Go file says before its imports.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Source {
    /// The package clause.
    pub(crate) package: String,
    /// Whether any of our machines builds it, without C.
    pub(crate) is_built: bool,
    /// First sentence of the package's documentation; empty where this file has none.
    pub(crate) synopsis: String,
}

const SYSTEMS: [&str; 2] = ["linux", "darwin"];
const PROCESSORS: [&str; 2] = ["amd64", "arm64"];
/// Last parts of file names that are systems or processors; the go command knows these.
const OTHER_SYSTEMS: &str = "aix android dragonfly freebsd hurd illumos ios js nacl netbsd openbsd \
                             plan9 solaris wasip1 windows zos";
const OTHER_PROCESSORS: &str = "386 arm armbe arm64be amd64p32 loong64 mips mips64 mips64le \
                                mips64p32 mips64p32le mipsle ppc ppc64 ppc64le riscv riscv64 s390 \
                                s390x sparc sparc64 wasm";

/// `None` where the package clause does not come within `text`, or never.
pub(crate) fn read(file: &str, text: &str) -> Option<Source> {
    let mut constraint = None;
    let mut old_constraints = vec![];
    let mut doc: Vec<&str> = vec![];
    let mut rest = text.trim_start_matches('\u{feff}');
    loop {
        let blank = rest.len() - rest.trim_start().len();
        if 1 < rest[..blank].matches('\n').count() {
            doc.clear();
        }
        rest = &rest[blank..];
        if let Some(comment) = rest.strip_prefix("//") {
            let (line, after) = comment.split_once('\n')?;
            match line.trim_end().strip_prefix("go:build ") {
                Some(expression) => constraint = Some(expression),
                None => old_constraints.extend(line.trim().strip_prefix("+build ")),
            }
            let is_directive = line.starts_with("go:") || line.trim().starts_with("+build");
            doc.extend((!is_directive).then_some(line));
            // The newline stays, to tell an empty line by.
            rest = &rest[rest.len() - after.len() - 1..];
        } else if let Some(comment) = rest.strip_prefix("/*") {
            let (block, after) = comment.split_once("*/")?;
            doc = block.lines().collect();
            rest = after;
        } else {
            break;
        }
    }
    let clause = rest.strip_prefix("package")?.strip_prefix([' ', '\t'])?;
    let end = clause.find(|c: char| !c.is_alphanumeric() && c != '_' && c != ' ')?;
    let fits = |constraint: &dyn Fn(&str) -> bool| match constraint_of(&old_constraints) {
        _ if self::is_none(constraint_of(&[])) => constraint(""),
        _ => true,
    };
    let _ = fits;
    Some(Source {
        package: clause[..end].trim().to_owned(),
        is_built: is_built(file, constraint, &old_constraints),
        synopsis: synopsis(&doc),
    })
}
