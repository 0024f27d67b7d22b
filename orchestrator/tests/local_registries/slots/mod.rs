//! The workflow `batch-generate`, played slot by slot: its own YAML, real processes, real registries on
//! loopback, a real repository, artifacts between the jobs, and a server that answers as GitHub does.

mod elsewhere;
mod pipeline;
mod registries;

use std::{collections::BTreeMap, path::Path};

use libtest_mimic::Trial;
use serde_json::json;

use crate::actions::{Death, Ended, follows_the_rules};
use pipeline::{CHECK, Pipeline, file_time};
use registries::Numbers;

pub(crate) fn trials() -> Vec<Trial> {
    let tools = ["git", "npm", "gem", "cpanm", "python3", "cargo"];
    let here = crate::trials(
        &tools,
        &[
            ("expressions_of_workflows_follow_their_rules", follows_the_rules),
            ("slots_are_played_from_the_workflow_and_machines_are_lost_in_each_job", slots),
        ],
    );
    // The action demands the tools of all ecosystems.
    let elsewhere = crate::trials(
        &[&tools[..], &["go"]].concat(),
        &[(
            "a_registry_elsewhere_gets_the_pipeline_by_the_steps_of_the_readme",
            elsewhere::registry,
        )],
    );
    here.into_iter().chain(elsewhere).collect()
}

/// The output of git in `dir`.
pub(crate) fn git(dir: &Path, args: &[&str]) -> String {
    fake_github::git(dir, args)
}

/// How many slots are played: 6, or the number in this variable.
const SLOTS: &str = "TSUKU_BATCH_TEST_SLOTS";

/// Where machines are lost. A record is written all the same, unless the last value is false: then nothing
/// of the run is left, and its packages are still due.
const DEATHS: [(&str, Death, bool); 10] = [
    ("merge", Death::Before("merge --push"), true),
    ("validate-1", Death::During("tsuku-batch validate", 1200), true),
    ("merge", Death::During("merge --push", 700), true),
    ("generate", Death::During("tsuku-batch generate", 200), true),
    ("preflight", Death::Before("upload-artifact"), false),
    ("validate-1", Death::Before("upload-artifact"), true),
    ("rung-2", Death::Before("matrix"), true),
    ("validate-3", Death::Before("tsuku-batch validate"), true),
    ("merge", Death::Before("merge --keep"), false),
    ("merge", Death::After("merge --push"), true),
];

/// One slot in five is dropped, as GitHub does when it is busy.
fn is_dropped(slot: u64) -> bool {
    slot * 7919 % 5 == 3
}

fn slots() {
    let n_slots: u64 = std::env::var(SLOTS).map_or(6, |text| text.parse().unwrap());
    let later = usize::try_from(n_slots).unwrap();
    let mut pipeline = Pipeline::new(Numbers { npm: 6, others: 2, later });
    pipeline.actions.github.protect(&[CHECK], false, true);
    let (mut n_lost, mut recorded) = (0, vec![]);
    for slot in (0..n_slots).filter(|&slot| !is_dropped(slot)) {
        pipeline.checks_end(|_| Some("success"));
        // So that no slot is empty, and a person pushes between the runs.
        pipeline.queue_one(slot);
        let mut dies = BTreeMap::new();
        // Every other machine works, so that what was lost is completed.
        let is_lost = recorded.len() % 2 == 1 && slot + 1 < n_slots;
        let (job, death, leaves) = &DEATHS[n_lost % DEATHS.len()];
        if is_lost {
            dies.insert((*job).to_owned(), death.clone());
        }
        let ended = pipeline.slot(slot, "schedule", json!({}), dies.clone());
        for (job, end) in &ended {
            let may_fail = dies.contains_key(job);
            assert!(end.result != "failure" || may_fail, "slot {slot}, {job}: {}", end.printed);
        }
        // A job that had nothing to do has lost nothing; its turn comes again.
        let has_lost = is_lost && ended[*job].result == "failure";
        n_lost += usize::from(has_lost);
        recorded.push((slot, !has_lost || *leaves, ended));
    }
    pipeline.checks_end(|_| Some("success"));
    // The last one completes whatever is left.
    let ended = pipeline.slot(n_slots, "workflow_dispatch", dispatched(), BTreeMap::new());
    assert_eq!(ended["merge"].result, "success", "{}", ended["merge"].printed);
    pipeline.checks_end(|_| Some("success"));
    let expected = if 40 <= n_slots { DEATHS.len() } else { 2 };
    assert!(expected <= n_lost, "{n_lost} machines were lost, each kind in its turn");
    check_records(&pipeline, &recorded);
    pipeline.check_that_nothing_was_pushed_twice();
    pipeline.check_entries_and_recipes(n_slots);
}

/// The inputs of a person who attempts all ecosystems now.
fn dispatched() -> serde_json::Value {
    json!({
        "ecosystem": "all", "batch_size": 25, "tier": "3", "skip_macos": true, "skip_arm64": true,
        "skip_musl": true, "auto_merge": true,
    })
}

/// Each slot whose results could be kept has its records, and what they say is what happened.
fn check_records(pipeline: &Pipeline, slots: &[(u64, bool, BTreeMap<String, Ended>)]) {
    let records = pipeline.records();
    for (slot, is_recorded, ended) in slots {
        let at = file_time(*slot);
        let of_slot: Vec<_> = records
            .iter()
            .filter(|(name, _)| name.ends_with(&at))
            .map(|(_, record)| record)
            .collect();
        let told = || format!("slot {slot} at {at}: {of_slot:#?} of {ended:#?}");
        assert_eq!(of_slot.len(), usize::from(*is_recorded), "{}", told());
        for record in of_slot {
            pipeline.check_record(record);
        }
    }
}
