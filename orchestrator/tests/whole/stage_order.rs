//! Stages in the wrong order, at the same time, twice, with other options, and when an operator has
//! stopped their ecosystem.

use std::path::Path;

use batch_core::{
    io::{ArtifactFolder, ArtifactStage, FsState},
    model::{Environment, Verdict},
};
use libtest_mimic::Trial;
use serde_json::Value;

use crate::{
    root::{TestRoot, obstacle_to_npm},
    stages::{
        HERE, NOW, PREFLIGHT, command, generated, packages, report, root, stage, stage_ok, state,
        tree,
    },
    trial,
};

pub(crate) fn trials() -> Vec<Trial> {
    let obstacle = obstacle_to_npm().or_else(|| {
        let is_debian = orchestrator::machine::of_this() == Some(HERE);
        (!is_debian).then(|| "this machine is not Debian on x86_64".to_owned())
    });
    let tests: [(&str, fn()); 5] = [
        ("a_stage_leaves_the_work_of_another_process_alone", at_the_same_time),
        ("a_stage_in_the_wrong_order_is_refused", wrong_order),
        ("a_merge_before_all_stages_have_ended_is_refused_unless_asked_for", early_merge),
        ("a_preflight_stage_continues_a_plan_with_the_same_options_only", options_of_the_plan),
        ("a_stage_attempts_nothing_for_a_disabled_ecosystem", disabled),
    ];
    tests.into_iter().map(|(name, test)| trial(name, test, obstacle.as_deref())).collect()
}

/// Checks that a stage ends with this code and says this, and returns its standard output.
#[track_caller]
fn ends(root: &TestRoot, args: &[&str], exit: i32, said: &str) -> String {
    let args = stage(root, args);
    let (code, stdout, stderr) =
        command(root, &args.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(code, Some(exit), "{args:?}: {stdout}{stderr}");
    assert!(stderr.contains(said), "{args:?}: {stderr}");
    stdout
}

const VALIDATE: &[&str] = &["validate", "--environment", "linux-debian-glibc-x86_64"];
const MERGE: &[&str] = &["merge", "--local"];

fn at_the_same_time() {
    let root = root(packages(), &["alone"]);
    stage_ok(&root, PREFLIGHT);
    stage_ok(&root, &["generate"]);
    let now = NOW.parse().unwrap();
    let of_another = root.path(".tsuku-batch/work/other-123/node_modules");
    std::fs::create_dir_all(&of_another).unwrap();
    let locked = FsState::open(root.dir.path()).unwrap();
    let lock = locked.lock(now).unwrap();
    for args in [&["generate"], VALIDATE, MERGE] {
        ends(&root, args, 7, "another run is in progress");
    }
    assert!(of_another.is_dir(), "somebody worked there");
    drop(lock);
    // The process may belong to another root.
    let folder = ArtifactFolder::new(root.path("artifacts"));
    for (args, held) in [
        (PREFLIGHT, ArtifactStage::Preflight),
        (&["generate"], ArtifactStage::Generate),
        (VALIDATE, ArtifactStage::Validate(HERE)),
    ] {
        let _lock = folder.lock(held, now).unwrap();
        ends(&root, args, 7, "another run is in progress");
    }
    assert!(of_another.is_dir(), "somebody worked there");
    stage_ok(&root, VALIDATE);
    assert!(!of_another.exists(), "nobody works there any more");
}

fn wrong_order() {
    let root = root(packages(), &["alone"]);
    let first = format!("run `tsuku-batch preflight --root {}", root.dir.path().display());
    for args in [&["generate"], VALIDATE, &["matrix", "--rung", "1"], MERGE] {
        ends(&root, args, 3, &first);
    }
    assert!(!root.path("artifacts").exists());
    stage_ok(&root, PREFLIGHT);
    ends(&root, VALIDATE, 4, "run `tsuku-batch generate --root /");
    ends(&root, MERGE, 4, "Z: generate; run them first");
    stage_ok(&root, &["generate"]);
    ends(&root, MERGE, 4, "Z: validate in linux-debian-glibc-x86_64; run them first");
    ends(&root, &["validate", "--environment", "plan9"], 2, "darwin-arm64");
}

fn early_merge() {
    let (root, batch, run_id) = generated(packages(), &["alone"]);
    let dir = root.path("artifacts");
    report(&dir, (&batch, &run_id), HERE, &[("alone", Verdict::Pass)]);
    let before = state(&root);
    // The images of other families have no npm, so it is not expected there.
    ends(&root, MERGE, 4, "npm-2031-02-03T04-05-06Z: validate in linux-debian-glibc-arm64; run");
    assert_eq!(state(&root), before);
    let incomplete = [MERGE, &["--incomplete"]].concat();
    let recorded = |summary: &Value| summary["batches"][0]["recorded"].clone();
    assert_eq!(recorded(&stage_ok(&root, &incomplete)), "now");
    let merged = state(&root);
    for args in [MERGE, &incomplete] {
        let again = stage_ok(&root, args);
        assert_eq!(recorded(&again), "before", "{again:#}");
        assert_eq!(again["batches"][0]["succeeded"], 1);
    }
    report(&dir, (&batch, &run_id), Environment::DebianArm, &[("alone", Verdict::Fail)]);
    let later = serde_json::from_str(&ends(&root, MERGE, 4, "")).unwrap();
    assert_eq!(recorded(&later), "before_with_other_results");
    assert_eq!(state(&root), merged);
    let args = stage(&root, &["-q", "merge", "--local"]);
    let said = root.command(&args.iter().map(String::as_str).collect::<Vec<_>>()).output().unwrap();
    let said = String::from_utf8(said.stdout).unwrap();
    assert!(said.contains("the later results in the folder change nothing"), "{said}");
    assert!(!said.contains("->"), "nothing was written: {said}");
}

fn options_of_the_plan() {
    let root = root(packages(), &["alone"]);
    let with = |more: &[&'static str]| [PREFLIGHT, more].concat();
    let first = stage_ok(&root, PREFLIGHT);
    assert_eq!(first["continued"], false);
    let second = stage_ok(&root, PREFLIGHT);
    assert_eq!((&second["continued"], &second["run_id"]), (&true.into(), &first["run_id"]));
    for more in [&["--batch-size", "3"] as &[_], &["--matrix"], &["--skip-musl"], &["--tier", "1"]]
    {
        ends(&root, &with(more), 4, ", not with `--ecosystem npm --batch-size");
        ends(&root, &with(more), 4, more[0]);
    }
    for args in [&["generate"], VALIDATE, MERGE] {
        stage_ok(&root, args);
    }
    // Its run is recorded, so that the folder is free for the next one.
    root.put_pending(&["crashes"]);
    let next = stage_ok(&root, &with(&["--tier", "1"]));
    assert_eq!(next["continued"], false);
    assert_ne!(next["batches"], first["batches"]);
    stage_ok(&root, &["generate"]);
    let of_first = first["batches"][0].as_str().unwrap();
    let found = tree(&root.path("artifacts"));
    assert!(!found.keys().any(|path| path.starts_with(Path::new(of_first))), "{found:?}");
}

fn disabled() {
    let root = root(packages(), &["alone"]);
    stage_ok(&root, PREFLIGHT);
    let control = |text: &str| std::fs::write(root.path("batch-control.json"), text).unwrap();
    let nothing_is_attempted = |args: &[&str]| {
        let mut facts = tree(&root.path("artifacts"));
        facts.retain(|path, _| !path.to_str().unwrap().starts_with(".lock"));
        for text in [
            r#"{"schema_version": 2, "enabled": false}"#,
            r#"{"schema_version": 2, "enabled": true, "disabled_ecosystems": ["npm"]}"#,
        ] {
            control(text);
            let report: Value = serde_json::from_str(&ends(&root, args, 4, "")).unwrap();
            assert_eq!(report["outcome"], "disabled");
            let mut now = tree(&root.path("artifacts"));
            now.retain(|path, _| !path.to_str().unwrap().starts_with(".lock"));
            assert_eq!(now, facts);
        }
        control(r#"{"schema_version": 2, "enabled": true}"#);
        stage_ok(&root, args);
    };
    nothing_is_attempted(&["generate"]);
    nothing_is_attempted(VALIDATE);
    stage_ok(&root, MERGE);
}
