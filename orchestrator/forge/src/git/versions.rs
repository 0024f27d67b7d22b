//! Earlier versions of a file in a person's checkout, which is only read.

use std::{ffi::OsString, path::Path};

use crate::git::{Answer, Command, CommitId, Git, GitError, history::blob};

/// How many versions are looked at. A file of the state changes once in each run.
const MAX_VERSIONS: &str = "--max-count=2000";

impl Git {
    /// The commits in the history of HEAD in which the file `path`, relative to the folder `dir` of a
    /// checkout, changed; the newest first.
    pub async fn versions(&self, dir: &Path, path: &Path) -> Result<Vec<CommitId>, GitError> {
        let options = ["log", MAX_VERSIONS, "--no-show-signature", "--format=%H", "HEAD", "--"];
        let answer = self.read(dir, &options, path).await?;
        let text = String::from_utf8_lossy(&answer.stdout).into_owned();
        text.lines().map(|id| id.parse().map_err(|_| answer.failure())).collect()
    }

    /// The content of the file `path`, relative to the folder `dir` of a checkout, in `commit`; `None`
    /// when there is no such file.
    pub async fn version(
        &self,
        dir: &Path,
        commit: &CommitId,
        path: &Path,
    ) -> Result<Option<Vec<u8>>, GitError> {
        let listed = self.read(dir, &["ls-tree", "-z", commit.as_str(), "--"], path).await?;
        let Some(id) = blob(&listed.stdout, path.as_os_str()) else { return Ok(None) };
        let command = Command::new(dir, ["cat-file", "blob", id.as_str()]);
        Ok(Some(self.run(command).await?.succeeded()?.stdout))
    }

    async fn read(&self, dir: &Path, args: &[&str], path: &Path) -> Result<Answer, GitError> {
        let mut command = Command::new(dir, args.iter().map(OsString::from));
        // A path is no pattern, whatever characters it has.
        command.env.push(("GIT_LITERAL_PATHSPECS", "1".into()));
        command.args.push(path.into());
        self.run(command).await?.succeeded()
    }
}
