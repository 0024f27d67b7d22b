//! A process that is killed at any point leaves nothing that stops the next one.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use crate::repositories::{Repositories, git, save};

/// Names the repositories of the process that will be killed.
const OF_VICTIM: &str = "BATCH_FORGE_VICTIM";

/// Saves again and again, until it is killed. It is not a test of its own.
#[tokio::test]
#[ignore = "it is started by the next test"]
async fn victim() {
    let Some(dir) = std::env::var_os(OF_VICTIM) else { return };
    let checkout = Path::new(&dir);
    let home = checkout.parent().unwrap();
    for n in 0.. {
        let git = batch_forge::git::Git::find(crate::repositories::settings(home)).await.unwrap();
        let remote = batch_forge::git::Remote::new("origin", checkout).unwrap();
        let folder = checkout.join(".tsuku-batch");
        let worktree =
            batch_forge::git::Worktree::open(&git, checkout, &folder, &remote).await.unwrap();
        save(&worktree, "data/state.json", &format!("{{\"victim\":{n}}}\n")).await;
        if n % 3 == 2 {
            drop(worktree);
            fs::remove_dir_all(folder.join("worktree")).unwrap();
        }
    }
}

#[tokio::test]
async fn a_process_killed_at_any_point_is_survived() {
    let repositories = Repositories::new();
    let before = repositories.of_person();
    for n in 0..12_u64 {
        let mut victim = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "killed::victim", "--ignored"])
            .env(OF_VICTIM, repositories.checkout())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // Spread over the time that a few rounds take.
        tokio::time::sleep(Duration::from_millis(40 + 53 * n)).await;
        victim.kill().unwrap();
        victim.wait().unwrap();
        let worktree = repositories.open().await;
        let commit = save(&worktree, "data/state.json", &format!("{{\"survivor\":{n}}}\n")).await;
        assert_eq!(repositories.tip("main"), commit);
    }
    assert_eq!(repositories.of_person(), before);
    git(&repositories.checkout(), &["fsck", "--connectivity-only"]);
    let n_saved = git(&repositories.bare(), &["rev-list", "--count", "--grep=^Save$", "main"]);
    assert!(12 < n_saved.parse().unwrap(), "no victim ever saved, so nothing was interrupted");
}
