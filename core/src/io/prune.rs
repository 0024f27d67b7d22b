//! Limits the size of the cache.

use std::{
    cmp::Reverse,
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

use chrono::{DateTime, Utc};

use crate::io::payload::PARTIAL;

/// How much may be cached, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CacheLimits {
    /// The time since an entry was last used.
    pub max_age: Duration,
    /// The size of all entries together. Entries that were not used for longest are removed first.
    pub max_bytes: u64,
}

impl Default for CacheLimits {
    fn default() -> Self {
        Self { max_age: Duration::from_secs(30 * 24 * 60 * 60), max_bytes: 2 << 30 }
    }
}

/// What was removed from the cache.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Pruned {
    /// How many entries and unfinished files of killed runs were removed.
    pub n_removed: usize,
    /// The size of the remaining entries.
    pub kept_bytes: u64,
}

/// The files of one entry, or one unfinished file.
struct Group {
    files: Vec<PathBuf>,
    bytes: u64,
    used_at: DateTime<Utc>,
}

/// Removes entries from the cache in `dir` that exceed `limits`. To be called at the end of a run.
/// Files that do not belong to the cache stay. A missing folder counts as an empty cache.
pub fn prune_cache(dir: &Path, now: DateTime<Utc>, limits: CacheLimits) -> io::Result<Pruned> {
    let mut groups: Vec<(String, Group)> = groups(dir)?.into_iter().collect();
    groups.sort_by_key(|(_, group)| Reverse(group.used_at)); // the latest first
    let mut pruned = Pruned::default();
    for (name, group) in groups {
        let is_old = (now - group.used_at).to_std().is_ok_and(|age| limits.max_age < age);
        let is_too_much = limits.max_bytes < pruned.kept_bytes + group.bytes;
        // A recent unfinished file may be a download in progress.
        if is_old || is_too_much && !name.starts_with(PARTIAL) {
            group.files.iter().try_for_each(|file| remove(file))?;
            pruned.n_removed += 1;
        } else {
            pruned.kept_bytes += group.bytes;
        }
    }
    Ok(pruned)
}

/// Another process may have removed the file already.
fn remove(file: &Path) -> io::Result<()> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}

#[expect(clippy::disallowed_methods, reason = "the cache is io's own folder")]
fn groups(dir: &Path) -> io::Result<BTreeMap<String, Group>> {
    let mut groups = BTreeMap::new();
    let files = match fs::read_dir(dir) {
        Ok(files) => files,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(groups),
        Err(error) => return Err(error),
    };
    for file in files {
        let file = file?;
        let Some(name) = file.file_name().to_str().and_then(group_name) else { continue };
        let metadata = match file.metadata() {
            // Somebody else prunes the same folder.
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            metadata => metadata?,
        };
        let changed_at = DateTime::<Utc>::from(metadata.modified()?);
        let group = groups.entry(name).or_insert(Group {
            files: vec![],
            bytes: 0,
            used_at: DateTime::<Utc>::MIN_UTC,
        });
        group.files.push(file.path());
        group.bytes += metadata.len();
        // The time of the label decides, because it is updated when the entry is used.
        if file.path().extension().is_none_or(|extension| extension != "body") {
            group.used_at = changed_at;
        }
    }
    Ok(groups)
}

/// The key of an entry, or the whole name of an unfinished file; `None` for a file that does not
/// belong to the cache.
fn group_name(file: &str) -> Option<String> {
    if file.starts_with(PARTIAL) {
        return Some(file.to_owned());
    }
    let key = file.strip_suffix(".json").or_else(|| file.strip_suffix(".body"))?;
    let is_key = key.len() == 64 && key.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_key.then(|| key.to_owned())
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;

    const HOUR: Duration = Duration::from_secs(60 * 60);

    fn put(dir: &Path, name: &str, bytes: usize, age: Duration, now: DateTime<Utc>) {
        let file = fs::File::create(dir.join(name)).unwrap();
        file.set_len(bytes as u64).unwrap();
        file.set_modified(SystemTime::from(now) - age).unwrap();
    }

    fn names(dir: &Path) -> Vec<String> {
        let name =
            |file: io::Result<fs::DirEntry>| file.unwrap().file_name().into_string().unwrap();
        let mut names: Vec<_> = dir.read_dir().unwrap().map(name).collect();
        names.sort();
        names
    }

    #[test]
    fn the_least_recently_used_files_are_removed_first() {
        let now = DateTime::UNIX_EPOCH + 1000 * HOUR;
        let dir = tempfile::tempdir().unwrap();
        let [old, middle, young] = ["a", "b", "c"].map(|letter| letter.repeat(64));
        for (key, age) in [(&old, 9), (&middle, 2), (&young, 1)] {
            put(dir.path(), &format!("{key}.json"), 10, age * HOUR, now);
            put(dir.path(), &format!("{key}.body"), 90, 50 * HOUR, now);
        }
        put(dir.path(), "partial-old", 1, 9 * HOUR, now);
        put(dir.path(), "partial-young", 1, HOUR / 2, now);
        put(dir.path(), "README.md", 1, 9 * HOUR, now);

        let limits = CacheLimits { max_age: 5 * HOUR, max_bytes: 150 };
        let pruned = prune_cache(dir.path(), now, limits).unwrap();
        assert_eq!(pruned, Pruned { n_removed: 3, kept_bytes: 101 });
        let kept =
            ["README.md", &format!("{young}.body"), &format!("{young}.json"), "partial-young"];
        assert_eq!(names(dir.path()), kept);
        let again = prune_cache(dir.path(), now, limits).unwrap();
        assert_eq!(again, Pruned { n_removed: 0, kept_bytes: 101 });
    }

    #[test]
    fn many_that_prune_one_folder_do_not_hinder_each_other() {
        let now = DateTime::UNIX_EPOCH + 1000 * HOUR;
        let dir = tempfile::tempdir().unwrap();
        let keys: Vec<String> = (0..400).map(|n| format!("{n:064x}")).collect();
        let limits = CacheLimits { max_age: 5 * HOUR, max_bytes: 0 };
        for _ in 0..5 {
            for key in &keys {
                put(dir.path(), &format!("{key}.json"), 1, HOUR, now);
            }
            std::thread::scope(|scope| {
                let prune = || prune_cache(dir.path(), now, limits);
                let all: Vec<_> = (0..8).map(|_| scope.spawn(prune)).collect();
                for pruned in all {
                    pruned.join().unwrap().unwrap();
                }
            });
            assert_eq!(names(dir.path()), [""; 0]);
        }
    }

    #[test]
    fn no_folder_is_an_empty_cache() {
        let dir = tempfile::tempdir().unwrap().path().join("none");
        let pruned = prune_cache(&dir, DateTime::UNIX_EPOCH, CacheLimits::default()).unwrap();
        assert_eq!(pruned, Pruned::default());
    }
}
