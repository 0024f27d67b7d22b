//! Folders of recorded answers, which tests go through file by file.

use std::{collections::BTreeSet, fs, path::Path};

/// Whether `names` are the files of `folder`, each of them and no other: a recording that is new
/// must be tried, or be named as not of this plugin. The error says which are not in both.
#[expect(clippy::disallowed_methods, reason = "recordings are no state")]
pub fn all_are_named<'a>(
    folder: &Path,
    names: impl IntoIterator<Item = &'a str>,
) -> Result<(), String> {
    let known: BTreeSet<String> = names.into_iter().map(str::to_owned).collect();
    let entries = fs::read_dir(folder).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let entries = entries.map_err(|error| format!("{}: {error}", folder.display()))?;
    let files: BTreeSet<String> =
        entries.iter().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    let differing: Vec<&String> = files.symmetric_difference(&known).collect();
    if differing.is_empty() { Ok(()) } else { Err(format!("{}: {differing:?}", folder.display())) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unlisted_files_and_missing_files_are_reported() {
        let folder = tempfile::tempdir().unwrap();
        fs::File::create(folder.path().join("a.json")).unwrap();
        let check = |names: &[&str]| all_are_named(folder.path(), names.iter().copied());
        assert_eq!(check(&["a.json"]), Ok(()));
        assert!(check(&[]).unwrap_err().ends_with(r#"["a.json"]"#));
        assert!(check(&["a.json", "b.json"]).unwrap_err().ends_with(r#"["b.json"]"#));
        assert!(all_are_named(&folder.path().join("absent"), []).is_err());
    }
}
