//! What the server keeps, and what GitHub does by itself.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use serde_json::Value;

use crate::{Bare, Uploaded};

/// What the server keeps.
#[derive(Default)]
pub(crate) struct Kept {
    pub(crate) pulls: Vec<Pull>,
    pub(crate) checks: BTreeMap<String, Vec<Value>>,
    pub(crate) required: Vec<String>,
    pub(crate) is_strict: bool,
    pub(crate) may_auto_merge: bool,
    pub(crate) labels: Vec<String>,
    pub(crate) uploaded: Vec<Uploaded>,
    pub(crate) now: String,
}

pub(crate) struct Pull {
    pub(crate) branch: String,
    pub(crate) head: String,
    pub(crate) title: String,
    pub(crate) labels: Vec<String>,
    pub(crate) is_open: bool,
    pub(crate) opened_at: String,
    pub(crate) merged: Option<String>,
    pub(crate) auto_merge: Option<(String, String)>,
}

/// The repository and what the server keeps about it.
pub(crate) struct World {
    pub(crate) bare: Bare,
    /// `owner/name`.
    pub(crate) name: String,
    kept: Mutex<Kept>,
}

impl World {
    pub(crate) fn new(bare: Bare, name: &str) -> Self {
        let now = "2026-11-21T13:00:05Z".to_owned();
        let kept = Mutex::new(Kept { may_auto_merge: true, now, ..Kept::default() });
        Self { bare, name: name.to_owned(), kept }
    }

    /// The newest commit of main.
    ///
    /// # Panics
    ///
    /// If the repository has no main branch.
    pub(crate) fn main(&self) -> String {
        self.bare.tip("main").unwrap_or_else(|| panic!("the repository has no main branch"))
    }

    pub(crate) fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What GitHub does by itself: pull requests follow their branches, and wait for their checks.
    pub(crate) fn settle(&self, kept: &mut Kept) {
        for at in 0..kept.pulls.len() {
            let pull = &mut kept.pulls[at];
            if !pull.is_open {
                continue;
            }
            let main = self.main();
            match self.bare.tip(&pull.branch) {
                None => pull.is_open = false,
                Some(head) => {
                    pull.head = head;
                    if self.bare.contains(&main, &pull.head) {
                        pull.merged = Some(pull.head.clone());
                        pull.is_open = false;
                    }
                }
            }
            let state = self.state(kept, at);
            let pull = &kept.pulls[at];
            if let (true, Some((title, body)), "clean" | "unstable") =
                (pull.is_open, pull.auto_merge.clone(), state)
            {
                self.merge(kept, at, &format!("{title}\n\n{body}"));
            }
        }
    }

    /// The `mergeable_state` of a pull request.
    pub(crate) fn state(&self, kept: &Kept, at: usize) -> &'static str {
        let pull = &kept.pulls[at];
        if !pull.is_open {
            return "unknown";
        }
        let main = self.main();
        let runs = kept.checks.get(&pull.head).map_or(&[][..], |runs| runs);
        let has_passed = |run: &Value| run["conclusion"] == "success";
        let is_met =
            |name: &String| runs.iter().any(|run| run["name"] == **name && has_passed(run));
        if self.bare.merged_tree(&main, &pull.head).is_none() {
            "dirty"
        } else if kept.is_strict && !self.bare.contains(&pull.head, &main) {
            "behind"
        } else if !kept.required.iter().all(is_met) {
            "blocked"
        } else if !runs.iter().all(has_passed) {
            "unstable"
        } else {
            "clean"
        }
    }

    /// Merges a pull request as one commit.
    pub(crate) fn merge(&self, kept: &mut Kept, at: usize, message: &str) -> String {
        let pull = &mut kept.pulls[at];
        let main = self.main();
        let tree = self.bare.merged_tree(&main, &pull.head);
        let tree = tree.unwrap_or_else(|| panic!("{} cannot be merged", pull.branch));
        let commit = self.bare.put("main", &tree, &[&main], message);
        pull.merged = Some(commit.clone());
        pull.is_open = false;
        commit
    }
}
