//! The workflow `batch-generate`, played slot by slot: its own YAML, real processes, real registries on
//! loopback, a real repository, artifacts between the jobs, and a server that answers as GitHub does.

mod pipeline;
mod registries;

use std::{collections::BTreeMap, path::Path};

use libtest_mimic::Trial;
use serde_json::{Value, json};

use crate::actions::{Death, follows_the_rules};
use pipeline::Pipeline;
use registries::Numbers;

pub(crate) fn trials() -> Vec<Trial> {
    let tools = ["git", "npm", "gem", "cpanm", "python3", "cargo"];
    crate::trials(
        &tools,
        &[
            ("expressions_of_workflows_follow_their_rules", follows_the_rules),
            ("slots_are_played_from_the_workflow_itself", slots),
        ],
    )
}

/// The output of git in `dir`.
pub(crate) fn git(dir: &Path, args: &[&str]) -> String {
    fake_github::git(dir, args)
}

/// How many slots are played: 8, or the number in this variable.
const SLOTS: &str = "TSUKU_BATCH_TEST_SLOTS";

fn slots() {
    let n_slots: u64 = std::env::var(SLOTS).map_or(8, |text| text.parse().unwrap());
    let mut pipeline = Pipeline::new(Numbers { npm: 3, others: 2 });
    for slot in 0..n_slots {
        let ended = pipeline.slot(slot, "schedule", json!({}), BTreeMap::new());
        for (id, ended) in &ended {
            eprintln!("{slot} {id} {}", ended.result);
            if ended.result == "failure" {
                eprintln!("{}", ended.printed);
            }
        }
        eprintln!("{}", ended["merge"].summary);
    }
}
