//! Whole runs: the real program, the real npm, a real sandbox, and a registry on loopback.

use std::{
    collections::BTreeMap,
    process::{Child, Stdio},
    sync::Arc,
    time::Duration,
};

use libtest_mimic::Trial;
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use crate::{
    registry::{self, Hold, Package},
    root::{TestRoot, obstacle_to_npm},
    trial,
    waiting::wait_for,
};

pub(crate) fn trials(backends: &[String]) -> Vec<Trial> {
    let obstacle = obstacle_to_npm();
    let tests: [(&str, fn()); 9] = [
        ("what_packages_print_is_safe_to_store_and_to_print_in_ci", printed_in_ci),
        ("failures_are_told_with_kind_message_and_whole_output", failures_are_told),
        ("a_command_belongs_to_the_first_that_works_not_to_the_first_that_asks", one_command),
        ("a_dry_run_writes_nothing_and_asks_nobody", a_dry_run_writes_nothing),
        ("ctrl_c_finishes_what_has_begun_and_begins_nothing_new", ctrl_c_drains),
        ("a_second_ctrl_c_ends_what_has_begun_and_leaves_the_record", second_ctrl_c_stops),
        ("two_runs_at_once_are_refused", two_runs_at_once),
        ("try_records_nothing", try_records_nothing),
        ("every_json_output_fits_its_schema", outputs_fit_their_schemas),
    ];
    let tests = tests.into_iter().map(|(name, test)| trial(name, test, obstacle.as_deref()));
    let in_backends = backends.iter().cloned().flat_map(|backend| {
        let (other, name) = (backend.clone(), |what| format!("{what}_in_{backend}"));
        let second = name("a_second_run_takes_other_packages");
        let curious = name("a_tool_that_looks_around_and_listens_to_itself_verifies");
        [
            trial(second, move || second_run(&backend), obstacle.as_deref()),
            trial(curious, move || looks_around(&other), obstacle.as_deref()),
        ]
    });
    tests.chain(in_backends).collect()
}

fn statuses(root: &TestRoot) -> BTreeMap<String, String> {
    let status = |entry: Value| entry["status"].as_str().unwrap().to_owned();
    root.queue().into_iter().map(|(id, entry)| (id, status(entry))).collect()
}

const RUN: &[&str] = &["run", "--ecosystem", "npm", "--batch-size", "2", "-q"];

fn second_run(backend: &str) {
    let names = ["one", "two", "three", "four"];
    let origin = registry::serve(names.map(|name| Package::tool(name, 0)), Duration::ZERO);
    let root = TestRoot::new(&origin, &format!("[sandbox]\nbackend = \"{backend}\"\n"));
    root.put_pending(&names);

    let first = root.json(RUN);
    let batch = &first["batches"][0];
    assert_eq!((&batch["total"], &batch["succeeded"]), (&json!(2), &json!(2)), "{first:#}");
    let second = root.json(RUN);
    assert_ne!(first["batches"][0]["batch_id"], second["batches"][0]["batch_id"]);
    let processed = |summary: &Value| -> Vec<String> {
        let attempts = summary["batches"][0]["attempts"].as_array().unwrap().clone();
        attempts.iter().map(|a| a["package_id"].as_str().unwrap().to_owned()).collect()
    };
    let mut all = [processed(&first), processed(&second)].concat();
    all.sort();
    assert_eq!(all, ["npm:four", "npm:one", "npm:three", "npm:two"]);
    assert!(statuses(&root).values().all(|status| status == "success"));

    let recipe = std::fs::read_to_string(root.path("recipes/o/one.toml")).unwrap();
    assert!(recipe.contains("command = \"one --version\""), "{recipe}");
    let runs = root.json_lines(&["runs", "list"]);
    assert_eq!(runs.len(), 2);
    let record = &runs[0];
    assert_eq!(record["merged"], 2);
    assert!(record["requests"]["registry.npmjs.org"]["sent"].as_u64().unwrap() >= 2, "{record:#}");
    assert_eq!(std::fs::read_dir(root.path("data/metrics")).unwrap().count(), 2);

    // Nothing is left to do; the third run says so and writes its record.
    let third = root.run(&[RUN, &["--json"]].concat());
    assert_eq!(third.status.code(), Some(4), "{third:?}");
    assert_eq!(root.json_lines(&["runs", "list"])[0]["outcome"], "skipped");
}

/// What well-known tools do before they print their version: the verify step has no network, and
/// none of this needs it.
fn looks_around(backend: &str) {
    let script = "const os = require('os'), net = require('net'), fs = require('fs');
        os.networkInterfaces();
        os.userInfo();
        fs.readFileSync('/etc/os-release');
        const pipe = os.tmpdir() + '/own.pipe';
        net.createServer().listen(pipe, () => { console.log('1.0.0'); process.exit(0); });";
    let origin = registry::serve([wrong("curious", script)], Duration::ZERO);
    let root = TestRoot::new(&origin, &format!("[sandbox]\nbackend = \"{backend}\"\n"));
    assert_eq!(root.json(&["try", "npm:curious"])["outcome"], "verified");
}

fn wrong(name: &str, script: &str) -> Package {
    let files = [("cli.js".to_owned(), format!("#!/usr/bin/env node\n{script}\n"))].into();
    Package { files, ..Package::tool(name, 0) }
}

fn failures_are_told() {
    let packages = [
        wrong("crashes", "console.error('Error: no reactor'); process.exit(3)"),
        wrong("lies", "console.log('9.9.9')"),
        wrong("hangs", "setInterval(() => 0, 1000)"),
        wrong(
            "watches",
            "console.error('Error: ENOSPC: System limit for number of file watchers reached, watch'); \
             process.exit(1)",
        ),
        wrong(
            "hostile",
            "console.log('\\u001b[31m<script>alert(1)</script>\\u202e'); process.exit(1)",
        ),
        Package { bin: Value::Null, ..Package::tool("library", 0) },
        Package { bin: json!({ "ghost": "not-there.js" }), ..Package::tool("ghostly", 0) },
    ];
    let origin = registry::serve(packages, Duration::ZERO);
    let root = TestRoot::new(&origin, "[sandbox]\nverify_seconds = 2\n");
    root.put_pending(&[
        "crashes", "lies", "hangs", "watches", "hostile", "library", "ghostly", "missing",
    ]);
    let summary = root.json(&["run", "--ecosystem", "npm", "-q"]);
    assert_eq!(summary["batches"][0]["succeeded"], 0, "{summary:#}");

    let list = root.json_lines(&["failures", "list"]);
    let kinds: BTreeMap<String, String> = list
        .iter()
        .map(|record| {
            let text = |key: &str| record[key].as_str().unwrap().to_owned();
            (text("package_id"), format!("{}/{}", text("category"), text("subcategory")))
        })
        .collect();
    let expected = [
        ("npm:crashes", "validation_failed/verify_failed"),
        ("npm:ghostly", "validation_failed/executable_missing"),
        ("npm:hangs", "validation_failed/verify_timeout"),
        ("npm:hostile", "validation_failed/verify_failed"),
        ("npm:library", "deterministic_insufficient/library_only"),
        ("npm:lies", "validation_failed/verify_pattern_mismatch"),
        ("npm:missing", "deterministic_insufficient/package_not_found"),
        ("npm:watches", "validation_failed/verify_failed"),
    ];
    let expected = expected.map(|(id, kind)| (id.to_owned(), kind.to_owned()));
    assert_eq!(kinds, BTreeMap::from(expected));

    let batch = summary["batches"][0]["batch_id"].as_str().unwrap();
    let shown = root.json(&["failures", "show", &format!("{batch}-crashes")]);
    assert!(shown["output"].as_str().unwrap().contains("Error: no reactor"), "{shown:#}");
    assert!(shown["record"]["message"].as_str().unwrap().contains("Error: no reactor"));
    assert_eq!(shown["record"]["environment"].as_str().unwrap().split('-').next(), Some("linux"));
    let hostile = root.ok(&["failures", "show", &format!("{batch}-hostile")]);
    assert!(!hostile.contains('\u{1b}') && !hostile.contains('\u{202e}'), "{hostile:?}");
    assert_eq!(statuses(&root)["npm:library"], "excluded");
    assert_eq!(statuses(&root)["npm:lies"], "failed");
    root.ok(&["dashboard", "build"]);
    let page = std::fs::read_to_string(root.path("site/index.html")).unwrap();
    assert!(page.contains("0 of 8 verified"), "the run is not on the first page");
}

/// Output that a hostile package may print into the log of a CI job.
const HOSTILE_OUTPUT: &str = "
    const secret = 's3cr3t-W0rd!7';
    for (const command of ['::set-output name=x::y', '##[add-mask]e', '  ::stop-commands::x'])
        console.log(command);
    console.log('\u{200b}::add-mask::e \u{61c}\u{e0041}\u{202e}');
    console.log(process.env.HTTPS_PROXY, secret, encodeURIComponent(secret), secret.slice(0, 5));
    console.log(secret.slice(5));
    console.log(Buffer.from('joe:' + secret).toString('base64'), process.cwd());
    process.exit(1);";

fn printed_in_ci() {
    let origin = registry::serve([wrong("hostile", HOSTILE_OUTPUT)], Duration::ZERO);
    let root = TestRoot::new(&origin, "");
    root.put_pending(&["hostile"]);
    let print = |args: &[&str]| {
        let mut command = root.command(args);
        command.env("HTTPS_PROXY", "http://joe:s3cr3t-W0rd!7@proxy.invalid:3128");
        let output = command.env("NO_PROXY", "127.0.0.1,localhost").output().unwrap();
        String::from_utf8([output.stdout, output.stderr].concat()).unwrap()
    };
    let run = print(&["run", "--ecosystem", "npm", "-vv"]);
    assert!(run.contains("0 of 1 verified"), "{run}");
    let list = root.json_lines(&["failures", "list"]);
    let failure = &list[0];
    let output = failure["output"]["sha256"].as_str().unwrap();
    let stored = root.path(&format!("data/outputs/{}/{output}.txt", &output[..2]));
    let stored = std::fs::read_to_string(stored).unwrap();
    assert!(stored.contains("$WORK") && stored.contains("***"), "{stored}");
    assert!(!stored.contains(&*root.dir.path().to_string_lossy()), "{stored}");

    let show = ["failures", "show", failure["id"].as_str().unwrap()];
    let shown = print(&show);
    assert!(shown.contains("set-output"), "{shown}");
    let json = [&show[..], &["--json"]].concat();
    let printed = [run, shown, print(&json), print(&["try", "npm:hostile"]), stored];
    let is_command = |line: &str| line.trim_start().starts_with("::") || line.contains("##[");
    let is_hidden = |c| "\u{200b}\u{61c}\u{e0041}\u{202e}".contains(c);
    for text in printed {
        assert!(!text.lines().any(is_command) && !text.contains(is_hidden), "{text}");
        for part in ["s3cr3t", "W0rd", "joe:", "am9lOnMzY3IzdC"] {
            assert!(!text.contains(part), "{part}\n{text}");
        }
    }
}

fn one_command() {
    let script = |works: bool| if works { "console.log('1.0.0')" } else { "process.exit(1)" };
    let package = |(name, works): (&str, bool)| Package {
        bin: json!({ "shared": "cli.js" }),
        ..wrong(name, script(works))
    };
    let packages = [("a-broken", false), ("b-works", true), ("tiger", true)].map(package);
    let root = TestRoot::new(&registry::serve(packages, Duration::ZERO), "");
    root.put_pending(&["a-broken", "b-works"]);
    let run = || root.json(&["run", "--ecosystem", "npm", "--jobs", "1", "-q"]);
    // The first package of the plan would have the command, but it does not work.
    let first = run();
    let batch = &first["batches"][0];
    assert_eq!((&batch["total"], &batch["succeeded"]), (&json!(2), &json!(1)), "{first:#}");
    assert_eq!(statuses(&root)["npm:a-broken"], "failed");
    assert_eq!(statuses(&root)["npm:b-works"], "success");
    root.ok(&["queue", "add", "npm:tiger"]);
    assert_eq!(run()["batches"][0]["succeeded"], 0);
    let entry = root.queue()["npm:tiger"].clone();
    let reason = "recipe_exists: tiger: a recipe for it exists already: command_taken: recipe b-works \
                  provides shared";
    assert_eq!(
        (&entry["status"], &entry["status_reason"]),
        (&json!("requires_manual"), &json!(reason))
    );
}

fn a_dry_run_writes_nothing() {
    let root = TestRoot::new("http://127.0.0.1:9", "");
    root.put_pending(&["one"]);
    let before = tree(root.dir.path());
    let plan = root.json(&["run", "--dry-run", "--ecosystem", "npm"]);
    assert_eq!(plan["batches"][0]["attempts"], json!(["npm:one"]));
    assert_eq!(plan, root.json(&["plan", "--ecosystem", "npm"]).clone().with_id_of(&plan));
    assert_eq!(tree(root.dir.path()), before);
}

/// Two plans of different seconds differ in their ids.
trait WithId {
    fn with_id_of(self, other: &Value) -> Value;
}

impl WithId for Value {
    fn with_id_of(mut self, other: &Value) -> Value {
        self["batches"][0]["batch_id"] = other["batches"][0]["batch_id"].clone();
        self
    }
}

fn tree(dir: &std::path::Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(tree(&path));
        } else {
            found.insert(path.display().to_string(), std::fs::read(&path).unwrap());
        }
    }
    found
}

/// A run of six packages that is interrupted when the first test is in the journal. Which package
/// that is depends on the machine; the files of the others come when the semaphore is closed. Its
/// standard error is in the file.
fn interrupted_run() -> (TestRoot, Child, tempfile::NamedTempFile, Arc<Semaphore>) {
    let names = ["a1", "a2", "a3", "a4", "a5", "a6"];
    let packages = names.map(|name| Package::tool(name, 0));
    let (origin, held) = registry::serve_held(packages, Duration::ZERO, Hold::AllButFirst);
    let root = TestRoot::new(&origin, "");
    root.put_pending(&names);
    let said = tempfile::NamedTempFile::new().unwrap();
    let run = root
        .command(&["run", "--ecosystem", "npm", "--jobs", "1", "--json"])
        .stdout(Stdio::piped())
        .stderr(said.reopen().unwrap())
        .spawn()
        .unwrap();
    wait_for("the first attempt to be journalled", || {
        let journals = root.path(".tsuku-batch/outbox");
        let text: String = std::fs::read_dir(journals)
            .into_iter()
            .flatten()
            .flatten()
            .map(|entry| std::fs::read_to_string(entry.path()).unwrap_or_default())
            .collect();
        text.contains("\"fact\":\"validated\"")
    });
    interrupt(&run);
    wait_for("the first Ctrl-C to be heard", || {
        let text = std::fs::read_to_string(said.path()).unwrap();
        text.contains("what has begun is finished")
    });
    (root, run, said, held)
}

fn interrupt(run: &Child) {
    let pid = run.id().to_string();
    assert!(std::process::Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
}

/// Checks the record of an interrupted run, of which at most `most` packages had ended.
fn check_interrupted(root: &TestRoot, run: Child, most: u64) {
    let output = run.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{output:?}");
    let summary: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(summary["interrupted"], true);
    let total = summary["batches"][0]["total"].as_u64().unwrap();
    assert!((1..=most).contains(&total), "{summary:#}");
    let statuses = statuses(root);
    let n_success = statuses.values().filter(|status| *status == "success").count();
    assert_eq!(u64::try_from(n_success).unwrap(), total);
    let n_pending = statuses.values().filter(|status| *status == "pending").count();
    assert_eq!(u64::try_from(n_pending).unwrap(), 6 - total);
    assert_eq!(root.json_lines(&["runs", "list"]).len(), 1);
    assert!(root.json_lines(&["failures", "list"]).is_empty(), "an interruption is no failure");
}

fn ctrl_c_drains() {
    let (root, run, _said, held) = interrupted_run();
    held.close();
    // What has begun is finished: the package that is being installed, and those that are generated
    // already.
    check_interrupted(&root, run, 4);
}

fn second_ctrl_c_stops() {
    let (root, run, _said, _held) = interrupted_run();
    // Signals within a second are the same request.
    std::thread::sleep(Duration::from_millis(1_100));
    interrupt(&run);
    // The files of the others never come.
    check_interrupted(&root, run, 1);
}

fn two_runs_at_once() {
    let origin = registry::serve([Package::tool("slow", 20_000)], Duration::ZERO);
    let root = TestRoot::new(&origin, "");
    root.put_pending(&["slow"]);
    let mut first = root.command(RUN).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    wait_for("the first run to take the lock", || {
        std::fs::read_to_string(root.path(".tsuku-batch/lock")).is_ok_and(|text| !text.is_empty())
    });
    let second = root.run(RUN);
    let said = String::from_utf8_lossy(&second.stderr).into_owned();
    assert_eq!(second.status.code(), Some(7), "{said}");
    assert!(said.contains(&format!("process {}", first.id())), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
    // Reading and queueing still work during a run.
    root.ok(&["queue", "add", "npm:later"]);
    root.ok(&["status"]);
    std::process::Command::new("kill").arg(first.id().to_string()).status().unwrap();
    first.wait().unwrap();
    assert!(root.queue().contains_key("npm:later"), "what was queued meanwhile is lost");
}

fn try_records_nothing() {
    let origin = registry::serve([Package::tool("one", 0)], Duration::ZERO);
    let root = TestRoot::new(&origin, "");
    let before = tree(root.dir.path());
    let report = root.json(&["try", "node:one"]);
    assert_eq!((&report["outcome"], &report["executables"]), (&json!("verified"), &json!(["one"])));
    assert_eq!(report["package_id"], "npm:one");
    let missing = root.run(&["try", "npm:none", "--json"]);
    assert_eq!(missing.status.code(), Some(5));
    let report: Value = serde_json::from_slice(&missing.stdout).unwrap();
    assert_eq!(report["failure"]["subcategory"], "package_not_found");
    assert_eq!(report["kind"], "unknown");
    assert_eq!(tree(root.dir.path()), before);
}

fn outputs_fit_their_schemas() {
    let origin = registry::serve([Package::tool("one", 0)], Duration::ZERO);
    let root = TestRoot::new(&origin, "");
    root.put_pending(&["one", "missing"]);
    let schemas = tempfile::tempdir().unwrap();
    let dir = schemas.path().to_str().unwrap();
    root.ok(&["schema", "--dir", dir]);
    root.ok(&["schema", "--dir", dir, "--check"]);
    let check = |schema: &str, document: &Value| {
        let path = schemas.path().join(format!("{schema}.schema.json"));
        let schema: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
        let validator = jsonschema::options().should_validate_formats(true).build(&schema).unwrap();
        let errors: Vec<String> = validator
            .iter_errors(document)
            .map(|e| format!("{} at {}", e, e.instance_path()))
            .collect();
        assert!(errors.is_empty(), "{errors:?} in {document:#}");
    };
    check("output-plan", &root.json(&["plan"]));
    check("output-run", &root.json(&["run", "--ecosystem", "npm", "-q"]));
    let failures = root.json_lines(&["failures", "list"]);
    let id = failures[0]["id"].as_str().unwrap().to_owned();
    let runs = root.json_lines(&["runs", "list"]);
    let batch = runs[0]["batch_id"].as_str().unwrap().to_owned();
    check("output-failures-list", &failures[0]);
    check("output-failures-show", &root.json(&["failures", "show", &id]));
    check("output-runs-list", &runs[0]);
    check("output-runs-show", &root.json(&["runs", "show", &batch]));
    check("output-status", &root.json(&["status"]));
    check("output-try", &root.json(&["try", "npm:one"]));
    check("output-queue-add", &root.json(&["queue", "add", "npm:two"]));
    check("output-queue-list", &root.json_lines(&["queue", "list"])[0]);
    check("output-queue-edit", &root.json(&["queue", "set-tier", "2", "npm:two"]));
    check("output-ecosystem-list", &root.json(&["ecosystem", "list"]));
    check("output-dashboard-build", &root.json(&["dashboard", "build"]));
    check("output-sandbox-check", &root.json(&["sandbox", "check"]));
    check("output-init", &root.json(&["init"]));
    let file = |path: &str| -> Value {
        serde_json::from_str(&std::fs::read_to_string(root.path(path)).unwrap()).unwrap()
    };
    check("dashboard", &file("site/dashboard.json"));
    check("health", &file("site/health.json"));
    check("queue", &file("data/queues/priority-queue-npm.json"));
    check("batch-control", &file("batch-control.json"));
    check("batch-run", &file(&format!("data/metrics/batch-runs-{batch}.jsonl")));
    check("failure", &file(&format!("data/failures/{batch}.jsonl")));
}
