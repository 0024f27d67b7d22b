//! The platforms that a package declares: `os`, `cpu` and `libc` of its manifest, read as
//! `npm-install-checks` reads them.

use batch_core::model::Cell;
use serde_json::Value;

/// The fields of a manifest; missing fields are `null`.
pub(crate) struct Declared<'a> {
    pub(crate) os: &'a Value,
    pub(crate) cpu: &'a Value,
    pub(crate) libc: &'a Value,
}

/// The cells in which npm would install the package. All cells if nothing is declared.
pub(crate) fn cells(declared: &Declared<'_>) -> Vec<Cell> {
    let fits = |cell: &Cell| {
        let (os, cpu, libc) = words(*cell);
        is_listed(os, declared.os)
            && is_listed(cpu, declared.cpu)
            // npm knows no libc on macOS and refuses packages that declare one there.
            && (!is_declared(declared.libc) || libc.is_some_and(|it| is_listed(it, declared.libc)))
    };
    Cell::ALL.iter().copied().filter(fits).collect()
}

/// A cell in the terms of node: `process.platform`, `process.arch`, and npm's term for the libc.
const fn words(cell: Cell) -> (&'static str, &'static str, Option<&'static str>) {
    match cell {
        Cell::LinuxGlibcX86 => ("linux", "x64", Some("glibc")),
        Cell::LinuxMuslX86 => ("linux", "x64", Some("musl")),
        Cell::LinuxGlibcArm => ("linux", "arm64", Some("glibc")),
        Cell::LinuxMuslArm => ("linux", "arm64", Some("musl")),
        Cell::DarwinArm => ("darwin", "arm64", None),
        Cell::DarwinX86 => ("darwin", "x64", None),
    }
}

fn is_declared(list: &Value) -> bool {
    list.is_array() || list.as_str().is_some_and(|text| !text.is_empty())
}

/// Whether `value` matches none of the negated entries, and one of the other entries if there are
/// any.
fn is_listed(value: &str, list: &Value) -> bool {
    let entries: Vec<&str> = match list {
        Value::String(entry) if !entry.is_empty() => vec![entry],
        Value::Array(entries) => entries.iter().filter_map(Value::as_str).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => {
            return true;
        }
    };
    let negated = |entry: &&str| entry.strip_prefix('!').map(str::to_owned);
    let is_refused = entries.iter().filter_map(negated).any(|entry| entry == value);
    let mut wanted = entries.iter().filter(|entry| !entry.starts_with('!')).peekable();
    let is_any = entries == ["any"] || wanted.peek().is_none();
    !is_refused && (is_any || wanted.any(|entry| *entry == value))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(os: &Value, cpu: &Value, libc: &Value, expected: &str) {
        let cells = cells(&Declared { os, cpu, libc });
        let words: Vec<&str> = cells.iter().map(|cell| cell.as_str()).collect();
        assert_eq!(words.join(" "), expected, "{os} {cpu} {libc}");
    }

    #[test]
    fn lists_choose_and_negations_exclude() {
        const ALL: &str = "linux-glibc-x86_64 linux-musl-x86_64 linux-glibc-arm64 \
            linux-musl-arm64 darwin-arm64 darwin-x86_64";
        let none = &json!(null);
        check(none, none, none, ALL);
        check(&json!(["any"]), &json!([]), &json!(""), ALL);
        check(&json!(["!win32"]), none, none, ALL);
        check(&json!(["darwin"]), none, none, "darwin-arm64 darwin-x86_64");
        check(&json!("darwin"), &json!("arm64"), none, "darwin-arm64");
        check(
            &json!(["!darwin", "!win32"]),
            &json!(["x64"]),
            none,
            "linux-glibc-x86_64 linux-musl-x86_64",
        );
        check(&json!(["linux", "win32"]), &json!(["!x64"]), &json!(["glibc"]), "linux-glibc-arm64");
        check(none, none, &json!(["musl"]), "linux-musl-x86_64 linux-musl-arm64");
        check(&json!(["linux", "!linux"]), none, none, "");
        check(&json!(["win32"]), none, none, "");
        check(none, &json!(["ia32", "ppc64"]), none, "");
    }
}
