//! Which commands an installation put on `PATH`, and whether two installations agree.

use std::{
    collections::BTreeSet,
    path::{Component, Path, PathBuf},
};

use crate::model::{CommandName, FailureKind, Missing, PackageFacts};

/// The commands in `listing`, a JSON list of the paths of all files that a package installed: the
/// names of the files directly in one of `bin_dirs`. Relative paths, and `bin_dirs`, are relative to
/// `work_dir`. Other files are ignored.
///
/// The list is hostile. Its paths decide nothing but names: whoever believes a command must look at
/// the file. If one name is not safe to type, there are no commands, because a list without it would
/// be wrong.
pub fn commands(
    listing: &str,
    work_dir: &Path,
    bin_dirs: &[String],
) -> Result<BTreeSet<CommandName>, Missing> {
    let paths: Vec<String> = serde_json::from_str(listing).map_err(|error| {
        let reason = format!("the list of its installed files cannot be read: {error}");
        Missing::new(FailureKind::BinaryDiscoveryFailed, reason)
    })?;
    let folders: BTreeSet<PathBuf> =
        bin_dirs.iter().map(|dir| plain(&work_dir.join(dir))).collect();
    let mut names = BTreeSet::new();
    for path in paths {
        let path = plain(&work_dir.join(path));
        let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else { continue };
        if !folders.contains(folder) {
            continue;
        }
        let name: CommandName = name
            .to_string_lossy()
            .parse()
            .map_err(|error| Missing::new(FailureKind::UnsafeName, format!("{error}")))?;
        names.insert(name);
    }
    Ok(names)
}

/// The commands that both `installations` of the package of `facts` showed. If they differ, the
/// commands are not known, and the error names both lists.
pub fn agreed(
    facts: &PackageFacts,
    installations: &[BTreeSet<CommandName>; 2],
) -> Result<BTreeSet<CommandName>, Missing> {
    let [first, second] = installations;
    if first == second {
        return Ok(first.clone());
    }
    let reason = format!(
        "two installations of {} {} put different commands on PATH: the first {}; the second {}",
        facts.id.name,
        facts.version,
        list(first),
        list(second)
    );
    Err(Missing::new(FailureKind::BinaryDiscoveryFailed, reason))
}

fn list(names: &BTreeSet<CommandName>) -> String {
    let names: Vec<&str> = names.iter().map(CommandName::as_str).collect();
    if names.is_empty() { "no command".to_owned() } else { names.join(", ") }
}

/// `path` without `.` and `..`, as text: no file is looked at.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => (),
            Component::ParentDir => {
                plain.pop();
            }
            Component::Prefix(_) | Component::RootDir | Component::Normal(_) => plain.push(part),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn set(names: &str) -> BTreeSet<CommandName> {
        names.split_whitespace().map(|name| name.parse().unwrap()).collect()
    }

    fn of(listing: &str) -> Result<BTreeSet<CommandName>, Missing> {
        commands(listing, Path::new("/jobs/a"), &["env/bin".to_owned(), "more".to_owned()])
    }

    #[track_caller]
    fn check(listing: &str, expected: &str) {
        assert_eq!(of(listing), Ok(set(expected)), "{listing}");
    }

    #[test]
    fn only_files_directly_in_folders_of_commands_are_commands() {
        check(r#"["/jobs/a/env/bin/x", "env/bin/y", "more/z"]"#, "x y z");
        check(r#"["/jobs/a/env/lib/p/../../bin/x", "./env//bin/./y"]"#, "x y");
        check(r#"["/jobs/a/env/lib/x", "/usr/bin/x", "/jobs/b/env/bin/x", "x"]"#, "");
        check(r#"["env/bin/deep/x", "env/bin/..", "env/bin", "env/bin/../x", "", "/", ".."]"#, "");
        check(r#"["env/bin/x", "env/bin/x"]"#, "x");
        check("[]", "");
    }

    #[test]
    fn one_unsafe_name_makes_all_commands_unknown() {
        for name in ["-rf", "a b", "a\\nb", "é", "$(id)"] {
            let missing = of(&format!(r#"["env/bin/x", "env/bin/{name}"]"#)).unwrap_err();
            assert_eq!(missing.kind, FailureKind::UnsafeName, "{name}");
        }
        // It is not on PATH.
        check(r#"["env/bin/x", "env/lib/a b"]"#, "x");
    }

    #[test]
    fn a_list_that_cannot_be_read_tells_no_command() {
        for listing in ["", "x\ny", r#"{"a": 1}"#, "[1]", r#"["x""#] {
            let missing = of(listing).unwrap_err();
            assert_eq!(missing.kind, FailureKind::BinaryDiscoveryFailed, "{listing}");
        }
    }

    #[test]
    fn two_installations_must_show_the_same() {
        let id = "eco:lion".parse().unwrap();
        let facts = PackageFacts::of_commands(id, "1.0".to_owned(), "eco_install", &[]);
        let of = |first, second| agreed(&facts, &[set(first), set(second)]);
        assert_eq!(of("a b", "b a"), Ok(set("a b")));
        assert_eq!(of("", ""), Ok(set("")));
        let missing = of("a b", "b").unwrap_err();
        assert_eq!(missing.kind, FailureKind::BinaryDiscoveryFailed);
        assert!(missing.reason.ends_with("the first a, b; the second b"), "{}", missing.reason);
        assert!(of("", "b").unwrap_err().reason.contains("the first no command; the second b"));
    }

    proptest! {
        #[test]
        fn any_list_gives_names_or_a_reason(paths: Vec<String>, text: String) {
            let _ = of(&serde_json::to_string(&paths).unwrap());
            let _ = of(&text);
        }
    }
}
