//! Brings a file back as it was when it was valid last.

use std::path::{Component, Path, PathBuf};

use batch_core::{decide::recipe, io::FsState, model::ActionShape, plugin::Registry};
use batch_forge::git::{CommitId, Git};

use crate::settings::Settings;

/// The last valid version of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restored {
    /// The path of the file, relative to the root.
    pub file: String,
    /// The commit in which it was valid.
    pub commit: CommitId,
    /// How many newer versions are not valid.
    pub n_invalid: usize,
    /// Where the present file was moved to, relative to the root; `None` if there was none, or if
    /// nothing was written.
    pub set_aside: Option<String>,
    /// Whether the present file is that version already.
    pub is_unchanged: bool,
}

/// Why a file is not restored.
#[derive(Debug, thiserror::Error)]
pub enum NotRestored {
    /// The path leads out of the root, or to a file of this machine.
    #[error("{} is no file of the state; name a file below the root, such as batch-control.json", .0.display())]
    Outside(PathBuf),
    /// No version is valid.
    #[error("{file}: none of its {n} versions in the history of HEAD is valid{why}")]
    NoVersion {
        /// The file.
        file: String,
        /// Number of versions.
        n: usize,
        /// What is wrong with the newest.
        why: String,
    },
}

/// Restores `file`, relative to the root of `state`, from the history of HEAD. With `dry_run` it is only
/// searched for.
pub async fn restore(
    file: &Path,
    (state, registry): (&FsState, &Registry),
    git: &Git,
    dry_run: bool,
) -> anyhow::Result<Restored> {
    let layout = state.layout();
    let file = file.strip_prefix(layout.root()).unwrap_or(file);
    let is_plain = file.components().all(|part| matches!(part, Component::Normal(_)));
    let path = layout.root().join(file);
    if !is_plain || file.as_os_str().is_empty() || path.starts_with(layout.machine()) {
        return Err(NotRestored::Outside(file.to_owned()).into());
    }
    let label = layout.label(&path);
    let versions = git.versions(layout.root(), file).await?;
    let mut newest_problem = None;
    for (n_invalid, commit) in versions.iter().enumerate() {
        // In this commit it was removed.
        let Some(content) = git.version(layout.root(), commit, file).await? else { continue };
        if let Err(problem) = check(&path, &content, (state, registry)) {
            newest_problem.get_or_insert(problem);
            continue;
        }
        let is_unchanged = std::fs::symlink_metadata(&path).is_ok_and(|found| found.is_file())
            && state.bytes(&path).is_ok_and(|found| found.as_deref() == Some(&content));
        let mut set_aside = None;
        if !dry_run && !is_unchanged {
            if std::fs::symlink_metadata(&path).is_ok() {
                set_aside = Some(layout.label(&state.set_aside_damaged(&path)?));
            }
            state.put_mended(&path, &content)?;
        }
        let commit = commit.clone();
        return Ok(Restored { file: label, commit, n_invalid, set_aside, is_unchanged });
    }
    let why =
        newest_problem.map_or(String::new(), |problem| format!("; the newest one: {problem}"));
    Err(NotRestored::NoVersion { file: label, n: versions.len(), why }.into())
}

/// Whether `content` would be a valid file at `path`.
fn check(
    path: &Path,
    content: &[u8],
    (state, registry): (&FsState, &Registry),
) -> Result<(), String> {
    let layout = state.layout();
    let text = || std::str::from_utf8(content).map_err(|error| error.to_string());
    if path == layout.config() {
        return Settings::parse(text()?).map(drop).map_err(|error| error.to_string());
    }
    if path.starts_with(layout.recipes()) {
        let actions: Vec<ActionShape> = registry.recipe_actions().collect();
        return recipe::read(text()?, &actions).map(drop).map_err(|error| error.to_string());
    }
    if path.extension().is_some_and(|end| end == "zst") {
        // A version of an archive that was committed was whole when it was committed.
        return Ok(());
    }
    state.check_content(path, content)
}
