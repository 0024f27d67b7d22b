//! Folders of this machine, written in short: their names say nothing about a package, some are
//! random, and equal outputs should be equal texts.

use std::path::{Path, PathBuf};

/// Stands for the work folder of an attempt.
const WORK: &str = "$WORK";
/// Stands for the scratch folder beside it.
const SCRATCH: &str = "$SCRATCH";
/// Stands for the home folder.
const HOME: &str = "~";

/// The folders that are written in short.
#[derive(Debug, Clone, Default)]
pub struct Places {
    home: Option<String>,
    /// Spellings of the folder in which work folders are made.
    works: Vec<String>,
}

impl Places {
    /// `home` is the home folder; what is no absolute path below `/` counts as none.
    pub fn new(home: Option<PathBuf>) -> Self {
        let home = home.filter(|home| home.is_absolute() && home.parent().is_some());
        Self { home: home.and_then(|home| text(&home)), works: vec![] }
    }

    /// These, and the folders in `works`: those of attempts, and scratch folders, whose names begin
    /// with a dot. A path that is not absolute is not looked for.
    pub(super) fn with_works(&self, works: &Path) -> Self {
        let place = text(works).filter(|_| works.is_absolute());
        // macOS shows the folders below /private under both names.
        let works = place.into_iter().flat_map(|place| [format!("/private{place}"), place]);
        Self { works: works.collect(), ..self.clone() }
    }

    pub(super) fn shortened(&self, output: &str) -> String {
        let mut shortened = output.to_owned();
        for works in &self.works {
            shortened = without_works(&shortened, works);
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
fn without_works(output: &str, works: &str) -> String {
    replaced(output, works, |rest| {
        let below = rest.strip_prefix('/')?;
        let len = below.find(|c| !is_in_name(c)).unwrap_or(below.len());
        let short = if below.starts_with('.') { SCRATCH } else { WORK };
        (0 < len).then_some((1 + len, short))
    })
}

/// Replaces each `path` in `output` that begins one: `judge` is given what follows, and says how
/// much of that goes too and what stands for both.
fn replaced(
    output: &str,
    path: &str,
    judge: impl Fn(&str) -> Option<(usize, &'static str)>,
) -> String {
    let mut shortened = String::with_capacity(output.len());
    let mut done = 0;
    for (start, _) in output.match_indices(path) {
        let rest = &output[start + path.len()..];
        let is_inside = output[..start].chars().next_back().is_some_and(is_in_name);
        if let Some((len, short)) = judge(rest).filter(|_| done <= start && !is_inside) {
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

/// Characters that folders of this program and of tools have in their names.
fn is_in_name(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '+' | '@' | '~')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(output: &str, expected: &str) {
        let places = Places::new(Some("/home/joe".into())).with_works(Path::new("/srv/w"));
        assert_eq!(places.shortened(output), expected);
        assert_eq!(places.shortened(expected), expected, "twice");
    }

    #[test]
    fn work_scratch_and_home_are_written_in_short() {
        check("/srv/w/less-x7Qz/bin/less: not found", "$WORK/bin/less: not found");
        check("in '/srv/w/less-x7Qz'", "in '$WORK'");
        check("file:///srv/w/less-x7Qz/a.js:1:2", "file://$WORK/a.js:1:2");
        check("log: /srv/w/.scratch-aB3/home/.npm/x.log", "log: $SCRATCH/home/.npm/x.log");
        check("/private/srv/w/less-x7Qz/a", "$WORK/a");
        check("/srv/w/less-x7Qz/../.scratch-1/x", "$WORK/../.scratch-1/x");
        check("/home/joe/.cargo/bin:/home/joe", "~/.cargo/bin:~");
    }

    #[test]
    fn other_folders_stay() {
        check(
            "/home/joes/x /mnt/home/joe /srv/w /srv/wide/x",
            "/home/joes/x /mnt/home/joe /srv/w /srv/wide/x",
        );
        check("https://example.com/home/joe", "https://example.com/home/joe");
        let none = Places::new(Some("/".into())).with_works(Path::new("relative"));
        assert_eq!(none.shortened("/etc relative/x"), "/etc relative/x");
    }
}
