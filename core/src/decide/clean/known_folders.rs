//! Replaces folders of this machine by short names. Their names say nothing about a package, some
//! of them are random, and equal outputs should be equal texts.

use std::path::{Path, PathBuf};

/// Replaces the work folder of an attempt.
const WORK: &str = "$WORK";
/// Replaces the scratch folder beside it.
const SCRATCH: &str = "$SCRATCH";
/// Replaces the home folder.
const HOME: &str = "~";

/// The folders that are replaced.
#[derive(Debug, Clone, Default)]
pub struct KnownFolders {
    home: Option<String>,
    /// All names of the folder that contains the work folders.
    works: Vec<String>,
}

impl KnownFolders {
    /// `home` is the home folder. A path that is not absolute, and the root folder, are ignored.
    pub fn new(home: Option<PathBuf>) -> Self {
        let home = home.filter(|home| home.is_absolute() && home.parent().is_some());
        Self { home: home.and_then(|home| text(&home)), works: vec![] }
    }

    /// These folders, and the folders in `works`: work folders of attempts, and scratch folders,
    /// whose names begin with a dot. A path that is not absolute is ignored.
    pub(super) fn with_work_folders(&self, works: &Path) -> Self {
        let place = text(works).filter(|_| works.is_absolute());
        // macOS shows the folders below /private under both names.
        let works = place.into_iter().flat_map(|place| [format!("/private{place}"), place]);
        Self { works: works.collect(), ..self.clone() }
    }

    pub(super) fn shortened(&self, output: &str) -> String {
        let mut shortened = output.to_owned();
        for works in &self.works {
            shortened = without_work_folders(&shortened, works);
        }
        match &self.home {
            Some(home) => replaced(&shortened, home, |rest| ends_a_part(rest).then_some((0, HOME))),
            None => shortened,
        }
    }
}

fn text(path: &Path) -> Option<String> {
    let text = path.to_str()?.trim_end_matches('/');
    (!text.is_empty()).then(|| text.to_owned())
}

/// `works/less-x7Qz` becomes `$WORK`, and `works/.scratch-x7Qz` becomes `$SCRATCH`.
fn without_work_folders(output: &str, works: &str) -> String {
    replaced(output, works, |rest| {
        let below = rest.strip_prefix('/')?;
        let len = below.find(|c| !is_in_name(c)).unwrap_or(below.len());
        let short = if below.starts_with('.') { SCRATCH } else { WORK };
        (0 < len).then_some((1 + len, short))
    })
}

/// Replaces each occurrence of `path` in `output`. `shorten` gets the text that follows, and
/// returns how much of it is replaced too, and the replacement.
fn replaced(
    output: &str,
    path: &str,
    shorten: impl Fn(&str) -> Option<(usize, &'static str)>,
) -> String {
    let mut shortened = String::with_capacity(output.len());
    let mut done = 0;
    for (start, _) in output.match_indices(path) {
        let rest = &output[start + path.len()..];
        let is_inside = output[..start].chars().next_back().is_some_and(is_in_name);
        if let Some((len, short)) = shorten(rest).filter(|_| done <= start && !is_inside) {
            shortened.push_str(&output[done..start]);
            shortened.push_str(short);
            done = start + path.len() + len;
        }
    }
    shortened + &output[done..]
}

fn ends_a_part(rest: &str) -> bool {
    !rest.starts_with(is_in_name)
}

/// Characters that occur in names of folders of this program and of tools.
fn is_in_name(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '+' | '@' | '~')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(output: &str, expected: &str) {
        let known_folders =
            KnownFolders::new(Some("/home/joe".into())).with_work_folders(Path::new("/srv/w"));
        assert_eq!(known_folders.shortened(output), expected);
        assert_eq!(known_folders.shortened(expected), expected, "twice");
    }

    #[test]
    fn work_scratch_and_home_folders_are_abbreviated() {
        check("/srv/w/less-x7Qz/bin/less: not found", "$WORK/bin/less: not found");
        check("in '/srv/w/less-x7Qz'", "in '$WORK'");
        check("file:///srv/w/less-x7Qz/a.js:1:2", "file://$WORK/a.js:1:2");
        check("log: /srv/w/.scratch-aB3/home/.npm/x.log", "log: $SCRATCH/home/.npm/x.log");
        check("/private/srv/w/less-x7Qz/a", "$WORK/a");
        check("/srv/w/less-x7Qz/../.scratch-1/x", "$WORK/../.scratch-1/x");
        check("/home/joe/.cargo/bin:/home/joe", "~/.cargo/bin:~");
    }

    #[test]
    fn other_folders_are_unchanged() {
        check(
            "/home/joes/x /mnt/home/joe /srv/w /srv/wide/x",
            "/home/joes/x /mnt/home/joe /srv/w /srv/wide/x",
        );
        check("https://example.com/home/joe", "https://example.com/home/joe");
        let none = KnownFolders::new(Some("/".into())).with_work_folders(Path::new("relative"));
        assert_eq!(none.shortened("/etc relative/x"), "/etc relative/x");
    }
}
