//! Which commands a wheel puts on `PATH`: what pip writes into `bin`.

use std::collections::BTreeSet;

use batch_core::model::{CommandName, Executables, PackageName};

use crate::names::normalised;

/// The groups of entry points that become commands; others only look alike.
const GROUPS: [&str; 2] = ["console_scripts", "gui_scripts"];

/// Commands that `entry_points.txt` declares. It is read as Python reads it: sections, `name =
/// value`, names in their own case, comments on lines of their own.
pub(crate) fn of_entry_points(text: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
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
            names.insert(name.trim().to_owned());
        }
    }
    names
}

/// What the member `path` of a wheel is called in `bin`: `{name}.data/scripts/{command}`.
pub(crate) fn of_member(path: &str) -> Option<&str> {
    let (folder, path) = path.split_once('/')?;
    let name = path.strip_prefix("scripts/")?;
    (folder.ends_with(".data") && !name.is_empty() && !name.contains('/')).then_some(name)
}

/// Commands that `RECORD` lists where they will lie: `../../../bin/{command}`.
pub(crate) fn of_record(text: &str) -> BTreeSet<String> {
    let path = |line: &str| {
        let quoted = line.strip_prefix('"').and_then(|it| it.split_once('"')).map(|(it, _)| it);
        let path = quoted.or_else(|| line.split(',').next())?;
        let name = path.strip_prefix("../../../bin/")?;
        (!name.is_empty() && !name.contains('/')).then(|| name.to_owned())
    };
    text.lines().filter_map(path).collect()
}

/// `names` in a fixed order: the command that is called like `package` first.
///
/// A name that could not be typed safely makes all of them unknown: to leave one out would be a
/// silent lie about the project.
pub(crate) fn in_order(package: &PackageName, names: &BTreeSet<String>) -> Executables {
    let is_own = |name: &&String| normalised(name) == package.as_str();
    let (own, others): (Vec<_>, Vec<_>) = names.iter().partition(is_own);
    let parsed: Result<Vec<CommandName>, _> =
        own.into_iter().chain(others).map(|name| name.parse()).collect();
    match parsed {
        Ok(names) => Executables::Known(names),
        Err(invalid) => Executables::Unknown(invalid.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let names: Vec<String> = of_entry_points(text).into_iter().collect();
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
        let names = of_entry_points("[console_scripts]\n = a:b");
        assert!(matches!(in_order(&"x".parse().unwrap(), &names), Executables::Unknown(_)));
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
    fn a_record_tells_where_commands_will_lie() {
        let record = "../../../bin/x,sha256=a,1\n\"../../../bin/y,z\",sha256=b,2\nx/__init__.py,,\n../../../bin/,,\n../../../bin/a/b,,\n../../bin/no,,\n";
        let names: Vec<String> = of_record(record).into_iter().collect();
        assert_eq!(names, ["x", "y,z"]);
    }

    #[test]
    fn the_projects_own_command_comes_first() {
        let order = |package: &str, names: &[&str]| {
            let names = names.iter().map(|&it| it.to_owned()).collect();
            let Executables::Known(names) = in_order(&package.parse().unwrap(), &names) else {
                panic!()
            };
            names.iter().map(CommandName::as_str).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(order("pip-tools", &["pip-sync", "pip-compile"]), "pip-compile pip-sync");
        assert_eq!(order("zz-top", &["a", "zz_top"]), "zz_top a");
        assert_eq!(order("black", &["blackd", "black"]), "black blackd");
    }

    proptest! {
        #[test]
        fn any_text_gives_names_without_a_line_break(text: String) {
            prop_assert!(of_entry_points(&text).iter().all(|name| !name.contains('\n')));
            let _ = of_record(&text);
        }
    }
}
