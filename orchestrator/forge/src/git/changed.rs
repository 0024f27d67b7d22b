//! The files of a checkout that differ from an earlier commit.

use std::{
    ffi::{OsStr, OsString},
    os::unix::ffi::OsStrExt as _,
    path::{Path, PathBuf},
};

use crate::git::{Command, Git, GitError};

impl Git {
    /// The files below `folder` of the root in a checkout that are not as they were where the history of
    /// HEAD left `since`, relative to the root. Files that are gone are left out. `since` is whatever git
    /// accepts as a commit; it cannot be taken for an option.
    pub async fn changed_below(
        &self,
        root: &Path,
        folder: &str,
        since: &str,
    ) -> Result<Vec<PathBuf>, GitError> {
        let verify = ["rev-parse", "--verify", "--quiet", "--end-of-options"];
        let mut command = Command::new(root, verify);
        command.args.push(OsString::from(format!("{since}^{{commit}}")));
        let found = self.run(command).await?;
        if found.code != 0 {
            return Err(GitError::NoCommit { name: since.to_owned() });
        }
        let commit = found.commit()?;
        let diff = ["diff", "--merge-base", "--name-only", "-z", "--relative", "--no-renames"];
        let mut command = Command::new(root, diff);
        let filter = ["--no-ext-diff", "--diff-filter=d", commit.as_str(), "--", folder];
        command.args.extend(filter.map(OsString::from));
        let answer = self.run(command).await?.succeeded()?;
        let paths = answer.stdout.split(|&byte| byte == 0).filter(|path| !path.is_empty());
        Ok(paths.map(|path| OsStr::from_bytes(path).into()).collect())
    }
}
