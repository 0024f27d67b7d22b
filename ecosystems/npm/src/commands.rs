//! Which commands a package puts on `PATH`: npm's own normalisation of `bin`, step by step, as in
//! `npm-normalize-package-bin`, so that facts name exactly the commands that an installation has.

use std::collections::BTreeSet;

use batch_core::model::{Executables, FailureKind};
use serde_json::Value;

use crate::names;

/// The commands that installing `package` links when its manifest has `bin`: the command with the
/// package's name first, the others sorted. Empty for a library.
///
/// If one name is unsafe to type, all commands are unknown: a list without it would be wrong
/// without a sign of that.
pub(crate) fn executables(package: &str, bin: &Value) -> Executables {
    let names = match bin {
        Value::String(target) => link(package, target).into_iter().collect(),
        Value::Array(targets) if targets.iter().any(|target| !target.is_string()) => {
            let reason = "bin lists something that is not a path";
            return Executables::unknown(FailureKind::UnsafeName, reason);
        }
        Value::Array(targets) => {
            let targets = targets.iter().filter_map(Value::as_str);
            targets.filter_map(|target| link(basename(target), target)).collect()
        }
        Value::Object(by_name) => {
            let links = by_name.iter().map(|(name, target)| (name, target.as_str()));
            links.filter_map(|(name, target)| link(name, target?)).collect()
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => BTreeSet::new(),
    };
    in_order(names::split(package).1, &names)
}

fn in_order(first: &str, names: &BTreeSet<String>) -> Executables {
    let (own, others): (Vec<_>, Vec<_>) = names.iter().partition(|name| *name == first);
    Executables::named(own.into_iter().chain(others))
}

/// The name of the link that npm makes for the entry `name` with `target`; `None` if npm makes
/// none.
fn link(name: &str, target: &str) -> Option<String> {
    let slashed = name.replace(['\\', ':'], "/");
    let base = basename(&slashed);
    let is_name = !matches!(base, "" | "." | "..");
    (is_name && is_inside_package(target)).then(|| base.to_owned())
}

/// The last element of a path, as in `path.posix.basename`.
fn basename(path: &str) -> &str {
    let path = path.trim_end_matches('/');
    path.rsplit('/').next().unwrap_or(path)
}

/// Whether `target`, as a path relative to the package's root, is below the root.
fn is_inside_package(target: &str) -> bool {
    let mut depth = 0_usize;
    for part in target.split(['/', '\\']) {
        depth = match part {
            "" | "." => depth,
            ".." => depth.saturating_sub(1),
            _ => depth + 1,
        };
    }
    depth > 0
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use batch_core::model::CommandName;

    use super::*;

    #[track_caller]
    fn check(package: &str, bin: &Value, expected: &[&str]) {
        let Executables::Known(names) = executables(package, bin) else { panic!("{bin}") };
        assert!(names.iter().map(CommandName::as_str).eq(expected.iter().copied()), "{names:?}");
    }

    #[test]
    fn a_single_path_has_the_name_of_the_unscoped_package() {
        check("prettier", &json!("./bin/prettier.cjs"), &["prettier"]);
        check("@scope/tool", &json!("cli.js"), &["tool"]);
        check("JSONStream", &json!("./bin.js"), &["JSONStream"]);
        check("tool", &json!(""), &[]);
        check("tool", &json!("../.."), &[]);
    }

    #[test]
    fn a_table_gives_its_names_sorted_and_the_packages_own_first() {
        check("@angular/cli", &json!({"ng": "bin/ng.js"}), &["ng"]);
        let ncu = json!({"npm-check-updates": "build/cli.js", "ncu": "build/cli.js"});
        check("npm-check-updates", &ncu, &["npm-check-updates", "ncu"]);
        check("x", &json!({"b": "b.js", "a": "a.js", "x": "x.js"}), &["x", "a", "b"]);
        check("@s/x", &json!({"b": "b.js", "x": "x.js"}), &["x", "b"]);
    }

    #[test]
    fn names_lose_their_folders_and_drives() {
        let bin = json!({"../../etc/a": "a.js", "dir\\b": "b.js", "c:d": "d.js", "e/": "e.js"});
        check("x", &bin, &["a", "b", "d", "e"]);
        check("x", &json!({"f/a": "1.js", "g/a": "2.js"}), &["a"]);
    }

    #[test]
    fn entries_without_a_name_or_a_target_are_ignored() {
        let bin = json!({"": "a.js", ".": "a.js", "..": "a.js", "/": "a.js", "a/..": "a.js",
            "n": null, "m": 1, "o": {}, "p": "", "q": "/", "r": "./..", "ok": "..\\ok.js"});
        check("x", &bin, &["ok"]);
    }

    #[test]
    fn a_list_of_paths_names_its_files() {
        check("x", &json!(["./bin/b", "bin/a", "bin\\c"]), &["a", "b", "c"]);
        check("x", &json!([]), &[]);
        assert!(matches!(executables("x", &json!(["a", 1])), Executables::Unknown(_)));
    }

    #[test]
    fn a_package_without_a_valid_bin_is_a_library() {
        for bin in [json!(null), json!(false), json!(true), json!(1), json!({})] {
            check("x", &bin, &[]);
        }
    }

    #[test]
    fn an_unsafe_name_makes_all_commands_unknown() {
        for name in ["a b", "-rf", "a;b", "é", "a\u{202e}b", "a\nb", "$(id)"] {
            let bin = json!({"ok": "ok.js", name: "b.js"});
            let Executables::Unknown(unknown) = executables("x", &bin) else { panic!("{name}") };
            let why = unknown.reason;
            assert!(why.starts_with("invalid command name"), "{why}");
        }
    }

    proptest! {
        #[test]
        fn any_table_gives_sorted_distinct_names(names: Vec<String>, target: String) {
            let bin: Value = names.into_iter().map(|name| (name, json!(target))).collect();
            if let Executables::Known(names) = executables("x", &bin) {
                prop_assert!(names.iter().filter(|name| name.as_str() != "x").is_sorted());
            }
        }
    }
}
