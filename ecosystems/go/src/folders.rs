//! Which folders of a module may hold commands, and which of them are for users.

use std::collections::{BTreeMap, BTreeSet};

use crate::paths;

/// The Go files of each folder; the module's top folder has the name "".
pub(crate) type Folders<T> = BTreeMap<String, Vec<T>>;

/// Names of folders whose programs test the module or show its use, and which nobody installs.
const SHOWN: &[&str] = &[
    "demo",
    "demos",
    "e2e",
    "example",
    "examples",
    "fuzz",
    "integration",
    "sample",
    "samples",
    "test",
    "tests",
];
/// Names of folders whose programs are usually for developers of the module, but not always.
const INTERNAL_FOLDERS: &[&str] =
    &["doc", "docs", "gen", "generate", "generator", "hack", "script", "scripts", "tools"];

/// Groups the files of a module's zip by folder, as far as `go build` would read them. Each file
/// comes as its path relative to the module, with additional data.
pub(crate) fn sorted<T>(files: impl IntoIterator<Item = (String, T)>) -> Folders<(String, T)> {
    let mut folders: Folders<(String, T)> = BTreeMap::new();
    let mut nested = BTreeSet::new();
    for (path, file) in files {
        let (dir, name) = path.rsplit_once('/').unwrap_or(("", &path));
        if name == "go.mod" && !dir.is_empty() {
            nested.insert(format!("{dir}/"));
        }
        let is_hidden = name.starts_with(['_', '.']) || name.ends_with("_test.go");
        if name.strip_suffix(".go").is_some() && !is_hidden {
            folders.entry(dir.to_owned()).or_default().push((name.to_owned(), file));
        }
    }
    folders.retain(|dir, _| !nested.iter().any(|module| format!("{dir}/").starts_with(module)));
    for files in folders.values_mut() {
        files.sort_by_cached_key(|(name, _)| (name != "main.go", name.clone()));
    }
    folders
}

/// Folders that no pattern of the go command matches, and internal ones. Each can still be
/// installed by its own path.
fn is_skipped(dir: &str) -> bool {
    let is_one = |element: &str| {
        matches!(element, "testdata" | "vendor" | "internal") || element.starts_with(['_', '.'])
    };
    !dir.is_empty() && dir.split('/').any(is_one)
}

fn is_below(dir: &str, names: &[&str]) -> bool {
    dir.split('/').any(|element| names.contains(&element))
}

fn is_in_cmd(dir: &str) -> bool {
    dir.starts_with("cmd/")
}

/// The groups of folders in which the commands of `module` are searched, in order: the first group
/// with a command is the answer. By convention, everything in `cmd` is a command, but folders with
/// names of developer tools come last.
pub(crate) fn groups<T>(module: &str, folders: &Folders<T>) -> Vec<Vec<String>> {
    let command = paths::command(module);
    let own = [String::new(), format!("cmd/{command}")];
    let is_for_users = |dir: &str| !is_below(dir, SHOWN) && !is_below(dir, INTERNAL_FOLDERS);
    let rest = |is_meant: &dyn Fn(&str) -> bool| -> Vec<String> {
        let rest = folders.keys().filter(|dir| !own.contains(dir) && !is_skipped(dir));
        rest.filter(|dir| is_meant(dir)).cloned().collect()
    };
    let there = |dir: &String| folders.contains_key(dir) && !is_skipped(dir);
    let single = own.iter().filter(|dir| there(dir)).map(|dir| vec![dir.clone()]);
    let others = [
        rest(&|dir| is_in_cmd(dir) && is_for_users(dir)),
        rest(&|dir| is_in_cmd(dir) && !is_for_users(dir)),
        rest(&|dir| !is_in_cmd(dir) && is_for_users(dir)),
    ];
    single.chain(others).collect()
}

/// Folders with programs that are neither clearly for users nor clearly for developers.
pub(crate) fn undecided_folders<T>(folders: &Folders<T>) -> Vec<String> {
    let is_undecided = |dir: &&String| {
        !is_skipped(dir)
            && !is_in_cmd(dir)
            && is_below(dir, INTERNAL_FOLDERS)
            && !is_below(dir, SHOWN)
    };
    folders.keys().filter(is_undecided).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(files: &[&str]) -> Folders<(String, ())> {
        sorted(files.iter().map(|file| ((*file).to_owned(), ())))
    }

    #[track_caller]
    fn check(files: &[&str], expected: &[&str]) {
        assert!(found(files).keys().eq(expected), "{files:?}: {:?}", found(files).keys());
    }

    #[test]
    fn only_folders_that_go_build_reads_are_found() {
        check(&["main.go", "cmd/a/main.go", "README.md"], &["", "cmd/a"]);
        check(&["x_test.go", "_x.go", ".x.go", "a/b_test.go"], &[]);
        check(&["go.mod", "a.go", "n/go.mod", "n/b.go", "n/c/d.go", "nn/e.go"], &["", "nn"]);
    }

    #[test]
    fn the_folder_with_the_commands_name_is_read_first() {
        let folders = found(&["a.go", "cmd/t/x.go", "cmd/b/x.go", "lib/x.go", "examples/y/x.go"]);
        let expected: Vec<Vec<&str>> =
            vec![vec![""], vec!["cmd/t"], vec!["cmd/b"], vec![], vec!["lib"]];
        assert_eq!(groups("x.org/t", &folders), expected);
        assert_eq!(groups("x.org/t/v2", &folders), expected, "the version is no name");
    }

    #[test]
    fn folders_that_are_not_for_users_are_not_read() {
        let skipped = ["a/testdata/x.go", "testdata/x.go", "vendor/x/y.go", "_x/y.go", ".x/y.go"];
        let own = ["internal/cmd/x/main.go", "a/internal/b.go", "cmd/internal/x.go", "hack/x.go"];
        let folders = found(&[&skipped[..], &own].concat());
        assert_eq!(groups("x.org/internal", &folders), [[""; 0]; 3]);
        assert_eq!(undecided_folders(&folders), ["hack"]);
    }

    #[test]
    fn in_cmd_the_names_of_folders_only_affect_the_order() {
        let folders = found(&["cmd/b/x.go", "cmd/gen/x.go", "cmd/test/x.go", "tools/x/x.go"]);
        let expected: Vec<Vec<&str>> = vec![vec!["cmd/b"], vec!["cmd/gen", "cmd/test"], vec![]];
        assert_eq!(groups("x.org/t", &folders), expected);
        assert_eq!(undecided_folders(&folders), ["tools/x"]);
        assert_eq!(
            undecided_folders(&found(&["tools/testdata/x.go", "examples/gen/x.go"])),
            [""; 0]
        );
    }

    #[test]
    fn main_go_is_read_first() {
        let folders = found(&["z.go", "a.go", "main.go"]);
        let names: Vec<&str> = folders[""].iter().map(|(name, ())| name.as_str()).collect();
        assert_eq!(names, ["main.go", "a.go", "z.go"]);
    }
}
