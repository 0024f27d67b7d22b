//! What is read from the repository.

use std::{
    ffi::{OsStr, OsString},
    os::unix::ffi::OsStrExt as _,
    path::{Path, PathBuf},
};

use chrono::{DateTime, Utc};

use crate::git::{CommitId, GitError, Worktree};

/// A commit.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "git's own words")]
pub struct Commit {
    pub id: CommitId,
    pub parents: Vec<CommitId>,
    /// When it was committed, as it says.
    pub committed_at: DateTime<Utc>,
    /// Its whole message, as safe text.
    pub message: String,
}

/// How a file was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "git's own words")]
pub enum Change {
    Added,
    Modified,
    Deleted,
}

/// A file that is different in two commits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangedFile {
    /// Its path, relative to the root.
    pub path: PathBuf,
    /// How it was changed.
    pub change: Change,
}

impl Commit {
    /// The trailers of the message, in their order.
    ///
    /// They may stand in any paragraph that holds nothing else: GitHub adds a paragraph
    /// `Co-authored-by` after ours when it squashes, and git itself would read that one only.
    pub fn trailers(&self) -> impl Iterator<Item = (&str, &str)> {
        let paragraphs = self.message.split("\n\n").skip(1);
        paragraphs.filter_map(trailers_of_paragraph).flatten()
    }

    /// The first value of the trailer `key`.
    pub fn trailer(&self, key: &str) -> Option<&str> {
        self.trailers().find(|(found, _)| found.eq_ignore_ascii_case(key)).map(|(_, value)| value)
    }
}

impl Worktree {
    /// Whether `new` contains `old`.
    pub async fn is_ancestor(&self, old: &CommitId, new: &CommitId) -> Result<bool, GitError> {
        let asked = ["merge-base", "--is-ancestor", old.as_str(), new.as_str()];
        self.ask(self.command(asked)).await?.yes_or_no()
    }

    /// The newest commit that both contain. In a shallow repository, its history is fetched when
    /// none is found without it.
    pub async fn merge_base(
        &self,
        one: &CommitId,
        other: &CommitId,
    ) -> Result<Option<CommitId>, GitError> {
        let found = self.known_merge_base(one, other).await?;
        if found.is_none() && self.complete_history().await? {
            return self.known_merge_base(one, other).await;
        }
        Ok(found)
    }

    async fn known_merge_base(
        &self,
        one: &CommitId,
        other: &CommitId,
    ) -> Result<Option<CommitId>, GitError> {
        let answer = self.ask(self.command(["merge-base", one.as_str(), other.as_str()])).await?;
        match answer.code {
            0 => answer.commit().map(Some),
            1 => Ok(None),
            _ => Err(answer.failure()),
        }
    }

    /// The files below the root that are different in `base` and `commit`. A renamed file was
    /// deleted and added.
    pub async fn changed_files(
        &self,
        base: &CommitId,
        commit: &CommitId,
    ) -> Result<Vec<ChangedFile>, GitError> {
        let options = ["diff-tree", "-r", "-z", "--no-renames", "--name-status"];
        let command = self.command(options.into_iter().chain([base.as_str(), commit.as_str()]));
        let answer = self.ask(command).await?.succeeded()?;
        let mut fields = answer.stdout.split(|&byte| byte == 0);
        let mut files = vec![];
        while let (Some(status), Some(path)) = (fields.next(), fields.next()) {
            let change = match status {
                b"A" => Change::Added,
                b"D" => Change::Deleted,
                // Also another type or another mode.
                _ => Change::Modified,
            };
            let path = self.in_root(Path::new(OsStr::from_bytes(path)));
            files.extend(path.map(|path| ChangedFile { path, change }));
        }
        Ok(files)
    }

    /// The content of the file `path`, relative to the root, in `commit`, byte for byte. `None` when
    /// there is no such file; a link or a folder is not a file.
    pub async fn show(&self, commit: &CommitId, path: &Path) -> Result<Option<Vec<u8>>, GitError> {
        let path = self.in_repository(path)?;
        let mut command = self.command(["ls-tree", "-z", "--full-tree", commit.as_str(), "--"]);
        command.args.push(path.clone().into());
        let listed = self.ask(command).await?.succeeded()?.stdout;
        let Some(blob) = blob(&listed, path.as_os_str()) else { return Ok(None) };
        self.run(["cat-file", "blob", blob.as_str()]).await.map(|answer| Some(answer.stdout))
    }

    /// The commit `id`.
    pub async fn commit(&self, id: &CommitId) -> Result<Commit, GitError> {
        let found = self.log(["--max-count=1", id.as_str()].map(OsString::from)).await?;
        found.into_iter().next().ok_or_else(|| GitError::Failed {
            command: "git log".to_owned(),
            reason: format!("it printed nothing for {id}"),
        })
    }

    /// The commits in the history of `from` whose trailer `key` is exactly `value`, the newest
    /// first. In a shallow repository, its history is fetched when none is found without it.
    pub async fn commits_with_trailer(
        &self,
        from: &CommitId,
        key: &str,
        value: &str,
    ) -> Result<Vec<Commit>, GitError> {
        let search = async || {
            let grep = format!("--grep={key}: {value}");
            let options = ["--fixed-strings", "--regexp-ignore-case", &grep, from.as_str()];
            let mut found = self.log(options.map(OsString::from)).await?;
            found.retain(|commit| commit.trailer(key) == Some(value));
            Ok::<_, GitError>(found)
        };
        let found = search().await?;
        if found.is_empty() && self.complete_history().await? {
            return search().await;
        }
        Ok(found)
    }

    async fn log<const N: usize>(&self, options: [OsString; N]) -> Result<Vec<Commit>, GitError> {
        let format = ["log", "-z", "--no-show-signature", "--format=%H%x00%P%x00%ct%x00%B"];
        let mut command = self.command(format);
        command.args.extend(options);
        let answer = self.ask(command).await?.succeeded()?;
        let fields: Vec<&[u8]> = answer.stdout.split(|&byte| byte == 0).collect();
        let read = |fields: &[&[u8]]| self.read_commit(fields).ok_or_else(|| answer.failure());
        // What is left is empty: each commit ends with a zero.
        fields.chunks_exact(4).map(read).collect()
    }

    fn read_commit(&self, fields: &[&[u8]]) -> Option<Commit> {
        let [id, parents, seconds, message] = fields else { return None };
        let text = |bytes| std::str::from_utf8(bytes).ok();
        let parents = text(parents)?.split_whitespace().map(|id| id.parse().ok());
        Some(Commit {
            id: text(id)?.parse().ok()?,
            parents: parents.collect::<Option<_>>()?,
            committed_at: DateTime::from_timestamp(text(seconds)?.parse().ok()?, 0)?,
            message: self.cleaned(message),
        })
    }
}

/// The id of the file `path` in the answer to `git ls-tree`.
pub(super) fn blob(listed: &[u8], path: &OsStr) -> Option<CommitId> {
    let entries = listed.split(|&byte| byte == 0).filter_map(|entry| {
        let tab = entry.iter().position(|&byte| byte == b'\t')?;
        Some((std::str::from_utf8(&entry[..tab]).ok()?, &entry[tab + 1..]))
    });
    let mut found = entries.filter(|(_, name)| *name == path.as_bytes());
    let mut words = found.next()?.0.split(' ');
    let (mode, _, id) = (words.next()?, words.next()?, words.next()?);
    mode.starts_with("100").then(|| id.parse().ok()).flatten()
}

/// The trailers of a paragraph that contains nothing else.
fn trailers_of_paragraph(paragraph: &str) -> Option<Vec<(&str, &str)>> {
    paragraph.trim().lines().map(trailer).collect()
}

fn trailer(line: &str) -> Option<(&str, &str)> {
    let (key, value) = line.split_once(':')?;
    let is_key = !key.is_empty() && key.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'-');
    (is_key && value.starts_with(' ')).then(|| (key, value.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trailers(message: &str) -> Vec<String> {
        let id: CommitId = "0".repeat(40).parse().unwrap();
        let (parents, message) = (vec![], message.to_owned());
        let commit = Commit { id, parents, committed_at: DateTime::UNIX_EPOCH, message };
        commit.trailers().map(|(key, value)| format!("{key}={value}")).collect()
    }

    #[test]
    fn trailers_are_found_before_those_of_a_squash() {
        let message = "feat(recipes): add batch\n\nNote: this is prose,\nof two lines.\n\n\
                       Batch-Id: npm-1\nSuccess-Rate: 0.9\n\nCo-authored-by: A <a@b>\n";
        let expected = ["Batch-Id=npm-1", "Success-Rate=0.9", "Co-authored-by=A <a@b>"];
        assert_eq!(trailers(message), expected);
    }

    #[test]
    fn a_title_and_a_sentence_are_no_trailers() {
        for message in ["Batch-Id: x", "a\n\nhttp://x", "a\n\nBatch Id: x", "a\n\nx: y\nprose", ""]
        {
            assert!(trailers(message).is_empty(), "{message:?}");
        }
    }
}
