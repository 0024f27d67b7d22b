//! The local forge.

use std::{collections::BTreeMap, fs, sync::Arc, time::Duration};

use batch_core::io::SystemClock;
use batch_forge::{
    Forge, LocalForge,
    git::{Author, CommitId, Git, GitSettings},
};
use serde_json::json;

use crate::place::{Check, Place, Repository};

pub(crate) struct Local {
    repository: Repository,
    forge: LocalForge,
}

impl Local {
    pub(crate) async fn new() -> Self {
        let repository = Repository::new();
        let home = repository.home().to_str().unwrap().to_owned();
        let git = Git::find(GitSettings {
            path: std::env::var_os("PATH").unwrap(),
            variables: BTreeMap::from([("HOME".to_owned(), home)]),
            author: Author { name: "batch".into(), email: "batch@example.com".into() },
            token: None,
            cleaner: Arc::default(),
            clock: Arc::new(SystemClock::default()),
            patience: Duration::from_secs(60),
        });
        let git = git.await.unwrap();
        let base = "main".parse().unwrap();
        let forge = LocalForge::open(&git, &repository.bare(), base).await.unwrap();
        Self { repository, forge }
    }

    pub(crate) fn write(&self, file: &str, content: &str) {
        let path = self.repository.bare().join("tsuku-batch").join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    pub(crate) fn read(&self, file: &str) -> String {
        fs::read_to_string(self.repository.bare().join("tsuku-batch").join(file)).unwrap()
    }
}

impl Place for Local {
    fn forge(&self) -> &dyn Forge {
        &self.forge
    }

    fn repository(&self) -> &Repository {
        &self.repository
    }

    fn set_checks(&self, commit: &CommitId, checks: &[Check<'_>]) {
        let checks = checks.iter().map(|(name, conclusion, summary)| {
            json!({ "name": name, "conclusion": conclusion, "summary": summary,
                    "url": "https://ci.example/1" })
        });
        let text = json!(checks.collect::<Vec<_>>()).to_string();
        self.write(&format!("checks/{commit}.json"), &text);
    }

    fn protect(&self, required: &[&str], is_strict: bool, may_auto_merge: bool) {
        let rules = json!({ "required_checks": required, "strict": is_strict,
                            "auto_merge": may_auto_merge });
        self.write("protection.json", &rules.to_string());
    }
}

/// What only this forge has: files that others write.
mod files {
    use batch_forge::{ForgeError, MergeOutcome, NewPullRequest, PullRequestState, Squash};

    use super::{Local, Place as _};

    fn new() -> NewPullRequest {
        NewPullRequest {
            branch: "batch/x".parse().unwrap(),
            title: "feat: x".into(),
            body: "Text.".into(),
            labels: vec![],
        }
    }

    fn squash() -> Squash {
        Squash { title: "feat: x".into(), body: "Batch-Id: x".into() }
    }

    #[tokio::test]
    async fn without_rules_nothing_is_required() {
        let local = Local::new().await;
        local.repository.commit("batch/x", "x", "x\n");
        let pull = local.forge().open(&new()).await.unwrap();
        let merged = local.forge().merge(&pull, &squash()).await.unwrap();
        assert!(matches!(merged, MergeOutcome::Merged { commit: Some(_) }), "{merged:?}");
    }

    #[tokio::test]
    async fn a_file_that_cannot_be_read_is_named() {
        let local = Local::new().await;
        local.repository.commit("batch/x", "x", "x\n");
        local.forge().open(&new()).await.unwrap();
        for (file, text) in [
            ("pulls/1.json", "{\"number\": 1,"),
            ("pulls/1.json", "{}"),
            ("protection.json", "{\"required_check\": []}"),
        ] {
            let before = if file.starts_with("pulls") { local.read(file) } else { "{}".into() };
            local.write(file, text);
            let pull = local.forge().pull_request(1).await;
            let merged = local.forge().checks(&local.repository.tip("main").unwrap()).await;
            let error = pull.err().or(merged.err()).unwrap();
            assert!(matches!(error, ForgeError::BadFile { .. }), "{error}");
            let text = error.to_string();
            assert!(text.contains(file) && text.contains("line 1"), "{text}");
            local.write(file, &before);
        }
    }

    /// The state of the files when a process was killed after the main branch moved.
    #[tokio::test]
    async fn a_merge_that_was_interrupted_is_completed() {
        let local = Local::new().await;
        let head = local.repository.commit("batch/x", "x", "x\n");
        let pull = local.forge().open(&new()).await.unwrap();
        let before = local.read("pulls/1.json");
        let merged = local.forge().merge(&pull, &squash()).await.unwrap();
        let MergeOutcome::Merged { commit: Some(commit) } = merged else { panic!("{merged:?}") };
        let during = |commit: &str| {
            let text = before.replace("\"merging\": null", &format!("\"merging\": \"{commit}\""));
            assert_ne!(text, before);
            local.write("pulls/1.json", &text);
        };
        during(commit.as_str());
        let found = local.forge().pull_request(1).await.unwrap().unwrap();
        assert_eq!(found.state, PullRequestState::Merged { commit: Some(commit) });
        // Killed before the main branch moved.
        during(head.as_str());
        let found = local.forge().pull_request(1).await.unwrap().unwrap();
        assert_eq!(found.state, PullRequestState::Open);
    }

    #[tokio::test]
    async fn a_merge_is_noted_before_the_main_branch_moves() {
        let local = Local::new().await;
        local.repository.commit("batch/x", "x", "x\n");
        let pull = local.forge().open(&new()).await.unwrap();
        // Somebody else is about to move the main branch.
        let lock = local.repository.bare().join("refs/heads/main.lock");
        std::fs::write(&lock, "").unwrap();
        let is_noted = async {
            for _ in 0..400 {
                if !local.read("pulls/1.json").contains("\"merging\": null") {
                    break;
                }
                tokio::time::sleep(std::time::Duration::from_millis(5)).await;
            }
            let during = local.read("pulls/1.json");
            std::fs::remove_file(&lock).unwrap();
            during
        };
        let squash = squash();
        let (merged, during) = tokio::join!(local.forge().merge(&pull, &squash), is_noted);
        let MergeOutcome::Merged { commit: Some(_) } = merged.unwrap() else { panic!("{during}") };
        assert!(!during.contains("\"merging\": null") && during.contains("\"open\""), "{during}");
        assert!(local.read("pulls/1.json").contains("\"merging\": null"));
    }

    #[tokio::test]
    async fn texts_that_others_wrote_are_cleaned() {
        let local = Local::new().await;
        let head = local.repository.commit("batch/x", "x", "x\n");
        local.forge().open(&new()).await.unwrap();
        let stored = local.read("pulls/1.json");
        local.write("pulls/1.json", &stored.replace("feat: x", "\\u001b[31mred\\n::error::x"));
        let found = local.forge().pull_request(1).await.unwrap().unwrap();
        assert_eq!(found.title, "red :\\:error::x");
        local.set_checks(&head, &[("a\u{1b}[2J", Some("failure"), "\u{202e}said")]);
        let checks = local.forge().checks(&head).await.unwrap();
        assert_eq!((&*checks.failed[0].name, &*checks.failed[0].summary), ("a", "said"));
    }

    #[tokio::test]
    async fn pull_requests_that_are_opened_at_the_same_time_have_different_numbers() {
        let local = Local::new().await;
        let mut all = vec![];
        for n in 0..4 {
            local.repository.commit(&format!("batch/{n}"), &format!("f{n}"), "x\n");
            all.push(NewPullRequest { branch: format!("batch/{n}").parse().unwrap(), ..new() });
        }
        let [first, second, third, fourth] = &all[..] else { panic!("not four") };
        let forge = local.forge();
        let opened = tokio::join!(
            forge.open(first),
            forge.open(second),
            forge.open(third),
            forge.open(fourth),
        );
        assert!(opened.0.is_ok() && opened.3.is_ok(), "{opened:?}");
        let numbers: Vec<u64> = forge
            .open_pull_requests("batch/")
            .await
            .unwrap()
            .iter()
            .map(|pull| pull.number)
            .collect();
        assert_eq!(numbers, [1, 2, 3, 4]);
    }
}
