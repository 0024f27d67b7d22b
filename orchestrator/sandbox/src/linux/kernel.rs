//! Reads and writes the small files of the kernel under `/proc` and `/sys`.

use std::{io, path::Path};

/// The content of a file of the kernel.
#[expect(clippy::disallowed_methods, reason = "the kernel's files, which no port stands for")]
pub(crate) fn read(path: impl AsRef<Path>) -> io::Result<String> {
    std::fs::read_to_string(path)
}

/// Writes a value into a file of the kernel.
#[expect(clippy::disallowed_methods, reason = "the kernel's files, which no port stands for")]
pub(crate) fn write(path: impl AsRef<Path>, text: &str) -> io::Result<()> {
    std::fs::write(path, text)
}

/// The numeric names in `/proc` or in one of its `fd` folders, ascending, as far as they exist when
/// the iterator reaches them. Empty when the folder cannot be read.
#[expect(clippy::disallowed_methods, reason = "the kernel's files, which no port stands for")]
pub(crate) fn numbers(dir: impl AsRef<Path>) -> impl Iterator<Item = i32> {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

/// The names in a folder; empty when it cannot be read.
#[expect(clippy::disallowed_methods, reason = "folders of the system, which no port stands for")]
pub(crate) fn names(dir: impl AsRef<Path>) -> Vec<std::ffi::OsString> {
    std::fs::read_dir(dir).into_iter().flatten().flatten().map(|entry| entry.file_name()).collect()
}

/// The value of `key` in a file with lines of `key value`.
pub(crate) fn keyed(text: &str, key: &str) -> Option<u64> {
    text.lines().find_map(|line| {
        let (name, value) = line.split_once(char::is_whitespace)?;
        (name.trim_end_matches(':') == key)
            .then(|| value.split_whitespace().next()?.parse().ok())
            .flatten()
    })
}

/// One mount of `/proc/self/mountinfo`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mount {
    /// The folder of the mounted file system that is the mount's root.
    pub(crate) root: String,
    /// Where it is mounted.
    pub(crate) point: String,
    /// Comma-separated.
    pub(crate) options: String,
    /// `cgroup2`, `ext4`, …
    pub(crate) kind: String,
    /// Comma-separated options of the file system: the controllers of a version 1 group.
    pub(crate) fs_options: String,
}

/// The mounts of this process, in the kernel's order.
pub(crate) fn mounts() -> Vec<Mount> {
    parse_mounts(&read("/proc/self/mountinfo").unwrap_or_default())
}

fn parse_mounts(text: &str) -> Vec<Mount> {
    let mount = |line: &str| {
        let (left, right) = line.split_once(" - ")?;
        let mut left = left.split(' ').skip(3);
        let mut right = right.split(' ');
        Some(Mount {
            root: unescape(left.next()?),
            point: unescape(left.next()?),
            options: left.next()?.to_owned(),
            kind: right.next()?.to_owned(),
            fs_options: right.nth(1)?.to_owned(),
        })
    };
    text.lines().filter_map(mount).collect()
}

/// The kernel writes space, tab, newline and backslash as `\ooo`.
fn unescape(field: &str) -> String {
    [("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")]
        .iter()
        .fold(field.to_owned(), |field, (from, to)| field.replace(from, to))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mount_is_read_with_its_escaped_name_and_optional_fields() {
        let line = "36 35 98:0 /a\\040b /mnt/c\\040d rw,nosuid shared:1 master:2 - ext3 /dev/root rw,errors=continue\n";
        let mount = Mount {
            root: "/a b".into(),
            point: "/mnt/c d".into(),
            options: "rw,nosuid".into(),
            kind: "ext3".into(),
            fs_options: "rw,errors=continue".into(),
        };
        assert_eq!(parse_mounts(line), [mount]);
    }

    #[test]
    fn a_key_is_found_whatever_separates_it() {
        let text = "VmRSS:\t  12 kB\noom_kill 3\noom_kill_disable 0";
        assert_eq!(keyed(text, "VmRSS"), Some(12));
        assert_eq!(keyed(text, "oom_kill"), Some(3));
        assert_eq!(keyed(text, "oom"), None);
    }
}
