//! A process that is killed at any point leaves nothing that stops the next one.

use std::{
    fs,
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use batch_forge::git::{Git, GitError, Remote, Worktree};

use crate::repositories::{Repositories, git, hook, save, settings};

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
        let git = Git::find(settings(home)).await.unwrap();
        let remote = Remote::new("origin", checkout).unwrap();
        let folder = checkout.join(".tsuku-batch");
        let worktree = Worktree::open(&git, checkout, &folder, &remote).await.unwrap();
        save(&worktree, "data/state.json", &format!("{{\"victim\":{n}}}\n")).await;
        if n % 3 == 2 {
            drop(worktree);
            fs::remove_dir_all(folder.join("worktree")).unwrap();
        }
    }
}

fn victim_of(repositories: &Repositories) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "killed::victim", "--ignored"])
        .env(OF_VICTIM, repositories.checkout())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

#[tokio::test]
async fn a_process_killed_at_any_point_is_survived() {
    let repositories = Repositories::new();
    let before = repositories.of_person();
    for n in 0..12_u64 {
        let mut victim = victim_of(&repositories);
        // Some have certainly saved before, however slow this machine is.
        let tip = repositories.tip("main");
        while n % 3 == 2 && repositories.tip("main") == tip {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
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

#[tokio::test]
async fn a_git_that_outlives_its_process_keeps_the_worktree() {
    let repositories = Repositories::new();
    let before = repositories.tip("main");
    let marker = repositories.dir.path().join("pushing");
    hook(&repositories, &format!("touch '{}'; sleep 3", marker.display()));
    let mut victim = victim_of(&repositories);
    while !marker.exists() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    victim.kill().unwrap();
    victim.wait().unwrap();
    hook(&repositories, "exit 0");
    let mut impatient = settings(repositories.dir.path());
    impatient.patience = Duration::ZERO;
    let (git, root) = (Git::find(impatient).await.unwrap(), repositories.root());
    let remote = Remote::new("origin", &root).unwrap();
    let early = Worktree::open(&git, &root, &repositories.folder(), &remote).await;
    assert!(matches!(early, Err(GitError::Busy { .. })), "two processes in one worktree");
    let worktree = repositories.open().await;
    assert_ne!(repositories.tip("main"), before, "the push came to its end");
    save(&worktree, "data/state.json", "{\"survivor\":1}\n").await;
}
