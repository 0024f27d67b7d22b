//! Which commands a wheel puts on `PATH`: the files that pip writes into `bin`.

use std::collections::{BTreeMap, BTreeSet};

use batch_core::model::{Executables, PackageName};

use crate::names::normalised;

/// The groups of entry points that become commands; other groups only have the same format.
const GROUPS: [&str; 2] = ["console_scripts", "gui_scripts"];

/// The commands that `entry_points.txt` declares, each with the extra that it needs, if any. The
/// file is read as Python reads it: sections, `name = value`, case-sensitive names, comments on
/// separate lines.
pub(crate) fn of_entry_points(text: &str) -> BTreeMap<String, Option<String>> {
    let mut names = BTreeMap::new();
    let mut is_script = false;
    for line in text.lines().map(str::trim) {
        if line.is_empty() || line.starts_with(['#', ';']) {
            continue;
        }
        if let Some(section) = line.strip_prefix('[').and_then(|it| it.strip_suffix(']')) {
            is_script = GROUPS.contains(&section.trim());
        } else if let Some((name, target)) = line.split_once('=')
            && is_script
            && !target.trim().is_empty()
        {
            names.insert(name.trim().to_owned(), extra(target).map(str::to_owned));
        }
    }
    names
}

/// The `extra` in `module:function [extra]`.
fn extra(target: &str) -> Option<&str> {
    let (_, extra) = target.trim().strip_suffix(']')?.rsplit_once('[')?;
    Some(extra.trim()).filter(|extra| !extra.is_empty())
}

/// The extras in `a, b`, in the notation after a project's name. Invalid names are dropped, because
/// they would become part of a command line.
pub(crate) fn extras(named: &str) -> impl Iterator<Item = &str> {
    let is_extra = |name: &&str| {
        let is_part = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        name.starts_with(|c: char| c.is_ascii_alphanumeric()) && name.chars().all(is_part)
    };
    named.split(',').map(str::trim).filter(is_extra)
}

/// The name in `bin` of the member `path` of a wheel: `{name}.data/scripts/{command}`.
pub(crate) fn of_member(path: &str) -> Option<&str> {
    let (folder, path) = path.split_once('/')?;
    folder.strip_suffix(".data")?;
    let name = path.strip_prefix("scripts/")?;
    (!name.is_empty() && !name.contains('/')).then_some(name)
}

/// The commands that `RECORD` lists by their installed path: `../../../bin/{command}`.
pub(crate) fn of_record(text: &str) -> BTreeSet<String> {
    let path = |line: &str| {
        let quoted = line.strip_prefix('"').and_then(|it| it.split_once('"')).map(|(it, _)| it);
        let path = quoted.or_else(|| line.split(',').next())?;
        let name = path.strip_prefix("../../../bin/")?;
        (!name.is_empty() && !name.contains('/')).then(|| name.to_owned())
    };
    text.lines().filter_map(path).collect()
}

/// `names` in a fixed order: the command with the name of `package` first, those that need an extra
/// (`with_extra`) last.
///
/// If one name is unsafe to type, all commands are unknown: a list without it would be wrong
/// without a sign of that.
pub(crate) fn in_order(
    package: &PackageName,
    names: &BTreeSet<String>,
    with_extra: &BTreeMap<String, String>,
) -> Executables {
    let mut names: Vec<&String> = names.iter().collect();
    let is_own = |name: &str| normalised(name) == package.as_str();
    // The sort is stable, so names that are equal in both keys stay in alphabetical order.
    names.sort_by_key(|name| (with_extra.contains_key(*name), !is_own(name)));
    Executables::named(names)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use batch_core::model::CommandName;

    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let names: Vec<String> = of_entry_points(text).into_keys().collect();
        assert_eq!(names.join(" "), expected, "{text}");
    }

    #[test]
    fn both_groups_of_scripts_are_commands_and_no_other_is() {
        check(
            "[console_scripts]\nhttp = httpie.__main__:main\nhttps = httpie.__main__:main\n",
            "http https",
        );
        check("[gui_scripts]\nw = a:b\n[console_scripts]\nc = a:b", "c w");
        check("[pytest11]\np = a\n[distutils.commands]\nd = a:b\n[scripts]\ns = a:b", "");
        check("[flake8.extension]\nX = a\n[console_scripts]\nx=a:b\n[other]\ny=a:b", "x");
        check("[console_scripts]\n", "");
        check("x = a:b\n", "");
    }

    #[test]
    fn names_are_read_as_python_reads_them() {
        check("[console_scripts]\nBlackD = a:b [d]\nx.y-z = a:b", "BlackD x.y-z");
        check("[ console_scripts ]\n  x  =  a:b  \r\n# y = a:b\n; z = a:b\n", "x");
        check("[console_scripts]\nx: a:b\nno value\n=a:b\nempty =\n", "");
        check("[Console_Scripts]\nx = a:b", "");
        check("[console_scripts]\nx = a:b ; comment = no\nx = c:d", "x");
    }

    #[test]
    fn an_empty_name_is_no_name() {
        let names = of_entry_points("[console_scripts]\n = a:b").into_keys().collect();
        let order = in_order(&"x".parse().unwrap(), &names, &BTreeMap::new());
        assert!(matches!(order, Executables::Unknown(_)));
    }

    #[test]
    fn the_extra_of_a_command_is_returned() {
        let needs = |target: &str| {
            of_entry_points(&format!("[console_scripts]\nx = {target}")).remove("x").flatten()
        };
        for (target, extra) in [
            ("a:b", None),
            ("a:b [d]", Some("d")),
            ("a:b[d, e]", Some("d, e")),
            ("a:b []", None),
            ("a:b [d", None),
            ("a:b d]", None),
        ] {
            assert_eq!(needs(target).as_deref(), extra, "{target}");
        }
    }

    #[test]
    fn files_that_pip_copies_are_commands() {
        assert_eq!(of_member("azure_cli-2.0.data/scripts/az"), Some("az"));
        assert_eq!(
            of_member("azure_cli-2.0.data/scripts/az.completion.sh"),
            Some("az.completion.sh")
        );
        assert_eq!(of_member("azure_cli-2.0.data/data/bin/x"), None);
        assert_eq!(of_member("azure_cli-2.0.data/scripts/deep/x"), None);
        assert_eq!(of_member("azure_cli-2.0.data/scripts/"), None);
        assert_eq!(of_member("lib/x-1.data/scripts/x"), None);
        assert_eq!(of_member("azure_cli-2.0.dataX/scripts/x"), None);
    }

    #[test]
    fn a_record_lists_the_installed_paths_of_commands() {
        let record = "../../../bin/x,sha256=a,1\n\"../../../bin/y,z\",sha256=b,2\nx/__init__.py,,\n../../../bin/,,\n../../../bin/a/b,,\n../../bin/no,,\n";
        let names: Vec<String> = of_record(record).into_iter().collect();
        assert_eq!(names, ["x", "y,z"]);
    }

    #[test]
    fn the_projects_own_command_comes_first() {
        let order = |package: &str, names: &[&str]| {
            let owned = |name: &str| name.trim_end_matches('!').to_owned();
            let extras = names.iter().filter(|name| name.ends_with('!'));
            let extras = extras.map(|name| (owned(name), "extra".to_owned())).collect();
            let names = names.iter().map(|name| owned(name)).collect();
            let package = package.parse().unwrap();
            let Executables::Known(names) = in_order(&package, &names, &extras) else { panic!() };
            names.iter().map(CommandName::as_str).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(order("pip-tools", &["pip-sync", "pip-compile"]), "pip-compile pip-sync");
        assert_eq!(order("zz-top", &["a", "zz_top"]), "zz_top a");
        assert_eq!(order("black", &["blackd", "black"]), "black blackd");
        assert_eq!(order("x", &["x!", "z", "a!", "y"]), "y z x a");
    }

    proptest! {
        #[test]
        fn any_text_gives_names_without_a_line_break(text: String) {
            prop_assert!(of_entry_points(&text).keys().all(|name| !name.contains('\n')));
            let _ = of_record(&text);
        }
    }
}
