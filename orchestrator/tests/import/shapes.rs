//! Each old shape, written by hand.

use serde_json::{Value, json};

use crate::old_tree::{OldTree, bytes, run};

pub(crate) const TESTS: &[(&str, fn())] = &[
    ("a_queue_of_all_ecosystems_becomes_one_queue_for_each", unified_queue),
    ("a_queue_of_one_ecosystem_is_read_if_it_is_the_newest", older_queues),
    ("an_unknown_status_affects_one_entry_and_legal_ones_are_translated", statuses),
    ("failures_keep_their_origin_and_their_text_decides_the_cause", failures),
    ("messages_are_cleaned_and_blockers_explain_blocked_entries", messages),
    ("records_without_an_ecosystem_belong_to_the_entry_of_their_name", placed_by_queue),
    ("runs_are_read_from_documents_of_many_lines", runs),
    ("the_status_names_an_imported_run_of_no_one_ecosystem", newest_record),
    ("a_control_file_with_two_names_of_one_ecosystem_becomes_one_breaker", control),
    ("decisions_about_sources_become_one_line_for_each_tool", sources),
    ("a_seeding_run_keeps_what_was_left_to_a_person", seedings),
    ("a_malformed_part_is_named_with_its_line_and_nothing_else_is_lost", malformed),
    ("importing_twice_changes_no_byte_and_undoes_nothing", twice),
    ("a_dry_run_writes_nothing", dry_run),
    ("the_root_itself_and_other_folders_are_refused", refusals),
];

fn entry(name: &str, source: &str, status: &str, more: &Value) -> Value {
    let mut entry = json!({
        "name": name, "source": source, "priority": 3, "status": status, "confidence": "auto",
        "disambiguated_at": "2026-02-17T00:10:01.867521792Z", "failure_count": 0,
        "next_retry_at": null,
    });
    let more = more.as_object().cloned().unwrap_or_default();
    entry.as_object_mut().unwrap().extend(more);
    entry
}

fn queue(entries: &[Value]) -> String {
    let queue = json!({
        "schema_version": 1, "updated_at": "2026-08-13T20:39:55Z", "entries": entries,
    });
    serde_json::to_string_pretty(&queue).unwrap()
}

const QUEUE: &str = "data/queues/priority-queue.json";

fn failure(id: &str, category: &str, message: &str) -> Value {
    json!({
        "package_id": id, "category": category, "message": message,
        "timestamp": "2026-02-19T08:45:18.830743027Z",
    })
}

fn batch(ecosystem: &str, failures: &[Value]) -> String {
    let batch = json!({
        "schema_version": 1, "ecosystem": ecosystem, "environment": "linux-glibc-x86_64",
        "updated_at": "2026-02-19T08-45-18Z", "failures": failures,
    });
    format!("{batch}\n")
}

fn recipe_line(recipe: &str, platform: &str, exit_code: i32, category: &str) -> String {
    let line = json!({
        "schema_version": 1, "recipe": recipe, "platform": platform, "exit_code": exit_code,
        "category": category, "timestamp": "2026-02-18T14:01:11Z",
    });
    format!("{line}\n")
}

fn unified_queue() {
    let never = json!({"next_retry_at": "1734-03-17T21:04:51.642391339Z", "failure_count": 893});
    let done = json!({"next_retry_at": "2026-02-24T06:13:30.8Z", "failure_count": 3});
    let tree = OldTree::new(&[(
        QUEUE,
        &queue(&[
            entry("jq", "homebrew:jq", "pending", &never),
            entry("bindgen", "crates.io:bindgen-cli", "success", &done),
            entry("bat", "github:sharkdp/bat", "pending", &json!({})),
            entry("rg", "github:BurntSushi/ripgrep", "success", &json!({})),
            entry("curl", "manual:curl", "excluded", &json!({})),
            entry(
                "0xjacky/tools/nginx-ui",
                "homebrew:0xjacky/tools/nginx-ui",
                "pending",
                &json!({}),
            ),
            entry("go-task", "homebrew:go-task", "pending", &json!({"priority": 1})),
            entry("task", "homebrew:go-task", "success", &json!({})),
        ]),
    )]);
    let report = tree.import(&[]);
    assert_eq!(report["kinds"]["queue_entry"]["records_in"], 8, "{report:#}");
    assert_eq!(report["kinds"]["queue_entry"]["records_out"], 7);
    assert_eq!(report["kinds"]["queue_entry"]["merged"], 1);
    let oddities = json!({
        "aliases": 1, "counters_of_successes": 1, "duplicate_sources": 1, "impossible_dates": 1,
        "refused_names": 1, "unsupported_sources": 3,
    });
    assert_eq!(report["oddities"], oddities);

    let homebrew = tree.queue("homebrew");
    let jq = &homebrew["homebrew:jq"];
    assert_eq!((&jq["status"], &jq["consecutive_failures"]), (&json!("pending"), &json!(893)));
    assert!(jq.get("next_retry_at").is_none(), "{jq}");
    assert_eq!(jq["added_at"], "2026-02-17T00:10:01.867521792Z");
    let tap = &homebrew["homebrew:0xjacky/tools/nginx-ui"];
    assert_eq!(tap["status"], "requires_manual");
    assert!(tap["status_reason"].as_str().unwrap().starts_with("unsupported_source: "), "{tap}");
    let task = &homebrew["homebrew:go-task"];
    assert_eq!((&task["status"], &task["tier"]), (&json!("success"), &json!(1)));
    assert_eq!(task["recipe"], "task");
    let bindgen = &tree.queue("cargo")["cargo:bindgen-cli"];
    assert_eq!((&bindgen["status"], &bindgen["recipe"]), (&json!("success"), &json!("bindgen")));
    assert!(bindgen.get("consecutive_failures").is_none(), "{bindgen}");
    let github = tree.queue("github");
    assert_eq!(github["github:sharkdp/bat"]["status"], "requires_manual");
    assert_eq!(github["github:BurntSushi/ripgrep"]["status"], "success");
    assert_eq!(tree.queue("manual")["manual:curl"]["status"], "excluded");
}

fn older_queues() {
    let package = |id: &str, status: &str| {
        json!({"id": id, "source": "homebrew", "name": "x", "tier": 2, "status": status,
            "added_at": "2026-02-07T02:32:02Z"})
    };
    let old = json!({
        "schema_version": 1, "updated_at": "2026-02-15T04:57:24Z",
        "tiers": {"1": "Critical", "2": "Popular", "3": "Standard"},
        "packages": [package("homebrew:awscli", "failed"), package("homebrew:gh", "skipped")],
    });
    let tree = OldTree::new(&[("data/queues/priority-queue-homebrew.json", &old.to_string())]);
    let report = tree.import(&["--dry-run"]);
    assert_eq!(report["queue"], "data/queues/priority-queue-homebrew.json");
    assert_eq!(report["kinds"]["queue_entry"]["records_out"], 2);

    tree.put(QUEUE, &queue(&[entry("jq", "homebrew:jq", "pending", &json!({}))]));
    let report = tree.import(&["--dry-run"]);
    assert_eq!(report["queue"], QUEUE);
    assert_eq!(report["kinds"]["queue_entry"]["records_out"], 1);
    assert_eq!(report["oddities"], json!({"older_queues": 1, "entries_of_older_queues": 2}));

    let file = tree.old().join("data/queues/priority-queue-homebrew.json");
    tree.import(&["--queue", file.to_str().unwrap()]);
    let homebrew = tree.queue("homebrew");
    assert_eq!(homebrew["homebrew:awscli"]["status"], "failed");
    assert_eq!(homebrew["homebrew:awscli"]["added_at"], "2026-02-07T02:32:02Z");
    assert_eq!(homebrew["homebrew:gh"]["status"], "excluded");
}

fn statuses() {
    let words = ["pending", "success", "failed", "blocked", "requires_manual", "excluded"];
    let more = ["skipped", "generated", "in_progress", "merged"];
    let entries: Vec<Value> = words
        .iter()
        .chain(&more)
        .map(|word| entry(word, &format!("npm:{}", word.replace('_', "-")), word, &json!({})))
        .collect();
    let text = queue(&entries);
    let tree = OldTree::new(&[(QUEUE, &text)]);
    let report = tree.import(&[]);
    let npm = tree.queue("npm");
    let status = |name: &str| npm[&format!("npm:{name}")]["status"].as_str().unwrap().to_owned();
    for word in words {
        assert_eq!(status(&word.replace('_', "-")), word);
    }
    assert_eq!(status("skipped"), "excluded");
    assert_eq!((status("generated"), status("in-progress")), ("pending".into(), "pending".into()));
    let line = text.lines().position(|line| line.contains("npm:merged")).unwrap() - 6;
    let quarantined = report["quarantined"].as_array().unwrap();
    assert_eq!(quarantined.len(), 1, "{report:#}");
    assert_eq!(quarantined[0]["file"], QUEUE);
    assert_eq!(quarantined[0]["reason"], "unknown status \"merged\"");
    let found = quarantined[0]["line"].as_u64().unwrap();
    let near = text.lines().skip(usize::try_from(found).unwrap() - 1).take(12);
    assert!(near.clone().any(|text| text.contains("npm:merged")), "line {found}, not {line}");
    let oddities = &report["oddities"];
    for oddity in ["illegal_statuses", "in_progress", "skipped", "blocked_by_nothing"] {
        assert_eq!(oddities[oddity], 1, "{oddity}: {oddities}");
    }
}

fn kind(record: &Value) -> String {
    format!("{}/{}", record["category"], record["subcategory"]).replace('"', "")
}

fn failures() {
    let file = "data/failures/crates.io-2026-02-19T08-45-18Z.jsonl";
    let text = batch(
        "crates.io",
        &[
            failure("crates.io:basis_universal", "validation_failed", ""),
            failure("crates.io:b", "install_failed", "write: No space left on device"),
            failure("crates.io:basis_universal", "network_error", "telemetry banner"),
        ],
    );
    let tree = OldTree::new(&[(file, &text)]);
    let report = tree.import(&[]);
    assert_eq!(report["kinds"]["failure"]["records_in"], 3, "{report:#}");
    assert_eq!(report["kinds"]["failure"]["records_out"], 3);
    assert_eq!(report["oddities"], json!({"aliases": 3}));

    let records = tree.lines("data/failures/cargo-2026-02-19T08-45-18Z.jsonl");
    let ids: Vec<&str> = records.iter().map(|record| record["id"].as_str().unwrap()).collect();
    let expected = [
        "cargo-2026-02-19T08-45-18Z-basis_universal-linux-debian-glibc-x86_64",
        "cargo-2026-02-19T08-45-18Z-b-linux-debian-glibc-x86_64",
        "cargo-2026-02-19T08-45-18Z-basis_universal",
    ];
    assert_eq!(ids, expected);
    assert_eq!(kind(&records[0]), "unknown/evidence_lost");
    assert_eq!(records[0]["confidence"], "lost");
    assert_eq!(kind(&records[1]), "infrastructure/disk_full");
    assert_eq!(kind(&records[2]), "api_error/connection_error");
    for (n, record) in records.iter().enumerate() {
        assert_eq!(record["ecosystem"], "cargo");
        assert_eq!(record["schema_version"], 2);
        assert_eq!(record["origin"], json!({"file": file, "record": n}));
    }
}

fn messages() {
    let blocked = json!({
        "package_id": "homebrew:node", "category": "missing_dep", "blocked_by": ["ada-url", "a b"],
        "message": "Error: registry: recipe ada-url not found in registry",
        "timestamp": "2026-02-19T08:45:20Z",
    });
    let secret = "error: token=ghp_0123456789abcdefghijABCDEFGHIJ012345 \u{1b}[31mrefused\u{1b}[0m";
    let file = "data/failures/homebrew-2026-02-19T08-45-18Z.jsonl";
    let text = batch("homebrew", &[blocked])
        + &batch("homebrew", &[failure("homebrew:x", "generation_failed", secret)]);
    let tree = OldTree::new(&[
        (file, &text),
        (QUEUE, &queue(&[entry("node", "homebrew:node", "blocked", &json!({}))])),
    ]);
    let report = tree.import(&[]);
    assert_eq!(report["oddities"], json!({"impossible_blockers": 1}), "{report:#}");
    let records = tree.lines(file);
    assert_eq!(kind(&records[0]), "missing_dep/recipe_missing");
    assert_eq!(records[0]["blocked_by"], json!(["ada-url"]));
    assert_eq!(records[1]["origin"], json!({"file": file, "record": 1}));
    let message = records[1]["message"].as_str().unwrap();
    assert!(message.contains("refused") && !message.contains("ghp_"), "{message:?}");
    assert!(!message.contains('\u{1b}'), "{message:?}");
    let node = &tree.queue("homebrew")["homebrew:node"];
    assert_eq!(node["blocked_by"], json!(["ada-url"]));
    assert_eq!(node["last_attempt_at"], "2026-02-19T08:45:20Z");
}

fn placed_by_queue() {
    let tree = OldTree::new(&[
        (
            QUEUE,
            &queue(&[
                entry("watchexec", "crates.io:watchexec-cli", "pending", &json!({})),
                entry("bat", "github:sharkdp/bat", "pending", &json!({})),
            ]),
        ),
        (
            "data/failures/batch-2026-02-18T14-01-11Z.jsonl",
            &(recipe_line("watchexec", "linux-alpine-musl-x86_64", 6, "deterministic")
                + &recipe_line("watchexec", "linux-alpine-musl-arm64", 124, "timeout")
                + &recipe_line("gone", "darwin-arm64", 8, "missing_dep")
                + &recipe_line("bat", "plan9", 6, "generation_failed")),
        ),
        ("data/failures/batch-2026-02-20T14-01-11Z.jsonl", ""),
        (
            "data/failures/github-2026-02-18T14-01-11Z.jsonl",
            &batch(
                "github",
                &[failure(
                    "github:sharkdp/bat",
                    "generation_failed",
                    "Error: 'bat' resolved to github (sharkdp/bat), which requires LLM",
                )],
            ),
        ),
    ]);
    let report = tree.import(&[]);
    let oddities = json!({
        "aliases": 1, "empty_files": 1, "placed_by_queue": 2, "placed_nowhere": 3,
        "unknown_environments": 1, "unsupported_sources": 1,
    });
    assert_eq!(report["oddities"], oddities, "{report:#}");
    let cargo = tree.lines("data/failures/cargo-2026-02-18T14-01-11Z.jsonl");
    let of = |record: &Value, key: &str| record[key].as_str().unwrap_or_default().to_owned();
    assert_eq!(of(&cargo[0], "package_id"), "cargo:watchexec-cli");
    assert_eq!(of(&cargo[0], "environment"), "linux-alpine-musl-x86_64");
    assert_eq!(of(&cargo[0], "subcategory"), "evidence_lost");
    assert_eq!(cargo[0]["exit_code"], 6);
    assert_eq!(of(&cargo[1], "subcategory"), "build_timeout");
    let unknown = tree.lines("data/failures/unknown-2026-02-18T14-01-11Z.jsonl");
    let ids: Vec<String> = unknown.iter().map(|record| of(record, "package_id")).collect();
    assert_eq!(ids, ["unknown:gone", "unknown:bat", "unknown:sharkdp/bat"]);
    assert_eq!(of(&unknown[0], "subcategory"), "recipe_missing");
    assert_eq!(of(&unknown[2], "subcategory"), "requires_llm");
    // The listing finds them by their ecosystem.
    let list =
        run(&tree.root(), &["failures", "list", "--package", "cargo:watchexec-cli", "--json"]);
    let list = String::from_utf8(list.stdout).unwrap();
    assert_eq!(list.lines().count(), 2, "{list}");
}

fn old_run(timestamp: &str, more: &Value) -> String {
    let counts =
        |tested, passed, failed| json!({"tested": tested, "passed": passed, "failed": failed});
    let mut run = json!({
        "batch_id": "2026-02-18", "total": 0, "generated": 0,
        "platforms": {"linux-x86_64": counts(5, 4, 1), "darwin-arm64": counts(0, 0, 0)},
        "merged": 0, "excluded": 0, "constrained": 1, "timestamp": timestamp, "duration_seconds": 5,
    });
    run.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    serde_json::to_string_pretty(&run).unwrap() + "\n"
}

fn runs() {
    let one = json!({"ecosystem": "homebrew", "total": 2, "generated": 2, "merged": 2});
    let several = json!({"ecosystems": {"crates.io": 1, "npm": 5}});
    let other = json!({"ecosystems": {"crates.io": 10}, "total": 1, "merged": 1, "generated": 1});
    let tree = OldTree::new(&[
        (
            "data/metrics/batch-runs.jsonl",
            &(old_run("2026-02-03T04:58:07Z", &one) + &old_run("2026-02-03T04:58:07Z", &one)),
        ),
        (
            "data/metrics/batch-runs-2026-02-18T14-01-11Z.jsonl",
            &old_run("2026-02-18T14:01:12Z", &several),
        ),
        (
            "data/metrics/batch-runs-2026-02-19T14-01-11Z.jsonl",
            &old_run("2026-02-19T14:01:11Z", &other),
        ),
    ]);
    let report = tree.import(&[]);
    let run = &report["kinds"]["run"];
    assert_eq!((&run["files"], &run["records_in"]), (&json!(3), &json!(4)), "{report:#}");
    assert_eq!(run["records_out"], 4);
    assert_eq!(report["oddities"], json!({"aliases": 1, "runs_of_no_one_ecosystem": 1}));
    let sums = &report["sums"];
    for (sum, n) in [("attempts", 20), ("merged", 5), ("generated", 5), ("constrained", 4)] {
        assert_eq!(sums[sum], json!({"in": n, "out": n}), "{sum}");
    }
    for (sum, n) in [("tested", 20), ("passed", 16), ("failed", 4), ("duration_seconds", 20)] {
        assert_eq!(sums[sum], json!({"in": n, "out": n}), "{sum}");
    }
    let failed = &tree.lines("data/metrics/batch-runs-batch-2026-02-18T14-01-11Z.jsonl")[0];
    assert_eq!((&failed["total"], &failed["failed"]), (&json!(6), &json!(6)), "{failed}");
    assert_eq!(failed["environments"]["linux-debian-glibc-x86_64"]["tested"], 5);
    assert!(failed.get("ecosystem").is_none());
    let cargo = &tree.lines("data/metrics/batch-runs-cargo-2026-02-19T14-01-11Z.jsonl")[0];
    assert_eq!((&cargo["total"], &cargo["succeeded"]), (&json!(10), &json!(1)), "{cargo}");
    // A second run of the same second has a number.
    tree.lines("data/metrics/batch-runs-homebrew-2026-02-03T04-58-07Z.jsonl");
    let list = run_list(&tree);
    let mut ids: Vec<&str> = list.iter().map(|run| run["batch_id"].as_str().unwrap()).collect();
    ids.sort_unstable();
    let expected = [
        "batch-2026-02-18T14-01-11Z",
        "cargo-2026-02-19T14-01-11Z",
        "homebrew-2026-02-03T04-58-07Z",
        "homebrew-2026-02-03T04-58-07Z-2",
    ];
    assert_eq!(ids, expected);
}

fn newest_record() {
    let several = json!({"ecosystems": {"crates.io": 1, "npm": 5}});
    let file = "data/metrics/batch-runs-2026-02-18T14-01-11Z.jsonl";
    let tree = OldTree::new(&[(file, &old_run("2026-02-18T14:01:11Z", &several))]);
    tree.import(&[]);
    let status = String::from_utf8(run(&tree.root(), &["status"]).stdout).unwrap();
    let expected =
        "STALLED: the pipeline is stalled; the newest record is batch-2026-02-18T14-01-11Z";
    assert_eq!(status.lines().next(), Some(expected), "{status}");
}

fn run_list(tree: &OldTree) -> Vec<Value> {
    let list = run(&tree.root(), &["runs", "list", "--json"]);
    let list = String::from_utf8(list.stdout).unwrap();
    list.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

const CONTROL: &str = r#"{
  "enabled": true, "disabled_ecosystems": ["gem", "github"], "reason": "", "incident_url": "",
  "disabled_by": "", "disabled_at": "", "expected_resume": "",
  "circuit_breaker": {
    "crates.io": {"state": "open", "failures": 993, "last_failure": "2026-06-26T20:51:01Z", "opens_at": "2026-06-26T21:51:01Z"},
    "cargo": {"state": "closed", "failures": 1, "last_failure": "2026-02-18T15:55:47Z"},
    "homebrew": {"state": "closed", "failures": 2, "last_failure": "2026-02-18T15:55:47Z", "opens_at": "2026-02-08T10:31:11Z"},
    "github": {"state": "open", "failures": 996},
    "default": {"state": "closed", "failures": 0},
    "npm": 7
  },
  "budget": {"macos_minutes_used": 12, "linux_minutes_used": 34, "week_start": "", "sampling_active": false}
}"#;

fn control() {
    let tree = OldTree::new(&[("batch-control.json", CONTROL)]);
    let report = tree.import(&[]);
    let oddities = json!({
        "aliases": 2, "duplicate_breakers": 1, "unsupported_breakers": 2, "unsupported_disabled": 1,
    });
    assert_eq!(report["oddities"], oddities, "{report:#}");
    assert_eq!(report["quarantined"].as_array().unwrap().len(), 1);
    let text = std::fs::read_to_string(tree.root().join("batch-control.json")).unwrap();
    let control: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(control["schema_version"], 2);
    assert_eq!(control["disabled_ecosystems"], json!(["rubygems"]));
    let cargo = &control["ecosystems"]["cargo"];
    assert_eq!(cargo["circuit_state"], "open", "{text}");
    assert_eq!(cargo["consecutive_failures"], 993);
    assert_eq!(cargo["backoff_until"], "2026-06-26T21:51:01Z");
    let homebrew = &control["ecosystems"]["homebrew"];
    assert_eq!(
        (&homebrew["circuit_state"], &homebrew["consecutive_failures"]),
        (&json!("closed"), &json!(2))
    );
    assert_eq!(control["ecosystems"].as_object().unwrap().len(), 2, "{text}");
    assert_eq!(control["budget"]["macos_minutes_used"], 12);
    // Later changes of an operator are not undone.
    std::fs::write(tree.root().join("batch-control.json"), text.replace("993", "7")).unwrap();
    assert_eq!(tree.import(&[])["kept_control"], true);
}

fn sources() {
    let selection = |tool: &str, selected: &str| {
        json!({"tool": tool, "selected": selected, "alternatives": ["gem:x"],
            "selection_reason": "curated", "high_risk": false})
    };
    let curated = json!({
        "schema_version": 1, "ecosystem": "curated", "environment": "manual-selection",
        "updated_at": "2026-05-27T12:12:43Z",
        "disambiguations": [
            selection("bat", "github:sharkdp/bat"), selection("../x", "npm:x"),
            selection("task", "brew:go-task"), {"tool": 7},
        ],
    });
    let audit = |tool: &str, selected: &str, more: &Value| {
        let mut audit = json!({
            "tool": tool, "selected": selected, "alternatives": null,
            "selection_reason": "priority_fallback", "high_risk": true,
            "probe_results": [{"source": "crates.io:a2ps", "downloads": 7, "version_count": 0,
                "has_repository": true}],
            "previous_source": "homebrew:a2ps", "disambiguated_at": "2026-02-17T00:10:15.1Z",
            "seeding_run": "2026-02-17T00:10:01.8Z",
        });
        audit.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        serde_json::to_string_pretty(&audit).unwrap()
    };
    let tree = OldTree::new(&[
        (QUEUE, &queue(&[entry("a2ps", "crates.io:a2ps", "pending", &json!({}))])),
        ("data/disambiguations/curated.jsonl", &curated.to_string()),
        (
            "data/disambiguations/audit/a2ps.json",
            &audit("a2ps", "crates.io:a2ps", &json!({"downloads_ratio": 1.5})),
        ),
        ("data/disambiguations/audit/b.json", &audit("b", "b", &json!({}))),
        ("data/discovery-seeds/other.json", "{}"),
    ]);
    let report = tree.import(&[]);
    let selections = &report["kinds"]["selection"];
    assert_eq!((&selections["records_out"], &selections["quarantined"]), (&json!(2), &json!(2)));
    let audits = &report["kinds"]["audit"];
    assert_eq!((&audits["records_out"], &audits["quarantined"]), (&json!(1), &json!(1)));
    assert_eq!(report["oddities"]["unconfirmed_sources"], 1, "{report:#}");
    assert_eq!(report["oddities"]["other_files"], 1);
    let curated = tree.lines("data/disambiguations/curated.jsonl");
    let selected = |n: usize| (curated[n]["tool"].clone(), curated[n]["selected"].clone());
    assert_eq!(selected(0), (json!("bat"), json!("github:sharkdp/bat")));
    assert_eq!(selected(1), (json!("task"), json!("homebrew:go-task")));
    assert_eq!(curated[1]["alternatives"], json!(["rubygems:x"]));
    let audits = tree.lines("data/disambiguations/audits.jsonl");
    let expected = json!({
        "schema_version": 2, "tool": "a2ps", "selected": "cargo:a2ps",
        "selection_reason": "priority_fallback", "high_risk": true, "downloads_ratio": 1.5,
        "probes": [{"source": "cargo:a2ps", "downloads": 7, "version_count": 0,
            "has_repository": true}],
        "previous_source": "homebrew:a2ps", "decided_at": "2026-02-17T00:10:15.100Z",
        "seeding_run": "2026-02-17T00:10:01.800Z",
    });
    assert_eq!(audits, [expected]);
    assert_eq!(tree.import(&[])["written"], 0);
}

fn seedings() {
    let change = |package: &str, accepted: bool| {
        json!({"package": package, "old": "homebrew:x", "new": "rubygems:x", "priority": 1,
            "auto_accepted": accepted})
    };
    let seeding = json!({
        "run_at": "2026-02-17T00:10:01.867521792Z", "sources_processed": [], "sources_failed": [],
        "new_packages": 2, "stale_refreshed": 5, "curated_skipped": 10, "curated_invalid": [],
        "errors": [], "source_changes": [change("neovim", false), change("actions-up", true)],
    });
    let file = "data/metrics/seeding-runs.jsonl";
    let tree = OldTree::new(&[(file, &format!("{seeding}\n{seeding}\n{{\"run_at\":\n"))]);
    let report = tree.import(&[]);
    let count = json!({
        "files": 1, "records_in": 3, "records_out": 1, "merged": 1, "quarantined": 1,
    });
    assert_eq!(report["kinds"]["seeding"], count, "{report:#}");
    assert_eq!(report["sums"]["added"], json!({"in": 4, "out": 4}));
    let records = tree.lines(file);
    assert_eq!(records.len(), 1);
    assert_eq!(
        (&records[0]["ecosystem"], &records[0]["outcome"]),
        (&json!("unknown"), &json!("full"))
    );
    assert_eq!((&records[0]["seen"], &records[0]["refreshed"]), (&json!(7), &json!(5)));
    let suspicious = records[0]["suspicious"].as_array().unwrap();
    assert_eq!(suspicious.len(), 1);
    assert_eq!(suspicious[0]["name"], "neovim");
    assert_eq!(tree.import(&[])["written"], 0);
}

fn malformed() {
    let good = batch("npm", &[failure("npm:good", "install_failed", "x")]);
    let nested = json!({
        "schema_version": 1, "ecosystem": "npm", "updated_at": "2026-02-19T08-45-18Z",
        "failures": [failure("npm:a", "install_failed", "x"), {"package_id": 7}, failure("npm:b", "install_failed", "x")],
    });
    let bad_id = batch("npm", &[failure("npm:<script>", "install_failed", "x")]);
    let text = format!(
        "{good}{{\"schema_version\":1,\"failures\":[{{\n{nested}\n[1]\n{bad_id}{good}{{\"a\":"
    );
    let file = "data/failures/npm-2026-02-19T08-45-18Z.jsonl";
    let tree = OldTree::new(&[(file, &text), ("batch-control.json", "{"), (QUEUE, "[]")]);
    let report = tree.import(&[]);
    let places: Vec<(&str, u64)> = report["quarantined"]
        .as_array()
        .unwrap()
        .iter()
        .map(|piece| (piece["file"].as_str().unwrap(), piece["line"].as_u64().unwrap()))
        .collect();
    let expected = [
        (QUEUE, 1),
        (file, 2),
        (file, 3),
        (file, 4),
        (file, 7),
        (file, 5),
        ("batch-control.json", 1),
    ];
    assert_eq!(places, expected, "{report:#}");
    let records = tree.lines(file);
    let origins: Vec<u64> =
        records.iter().map(|record| record["origin"]["record"].as_u64().unwrap()).collect();
    assert_eq!(origins, [0, 1, 3, 5]);
}

fn twice() {
    let tree = OldTree::new(&[
        (
            QUEUE,
            &queue(&[
                entry("jq", "homebrew:jq", "pending", &json!({"failure_count": 2})),
                entry("yq", "homebrew:yq", "pending", &json!({})),
                entry("task", "homebrew:go-task", "success", &json!({})),
            ]),
        ),
        (
            "data/failures/homebrew-2026-02-19T08-45-18Z.jsonl",
            &batch(
                "homebrew",
                &[failure("homebrew:jq", "install_failed", "one\nerror: two\nthree")],
            ),
        ),
        (
            "data/metrics/batch-runs-2026-02-18T14-01-11Z.jsonl",
            &old_run("2026-02-18T14:01:12Z", &json!({"ecosystems": {"npm": 5}})),
        ),
        ("batch-control.json", CONTROL),
    ]);
    let first = tree.import(&[]);
    // The queue, the failure with its whole text, the run and the control file.
    assert_eq!(first["written"], 5, "{first:#}");
    let before = bytes(&tree.root());
    let second = tree.import(&[]);
    assert_eq!((&second["written"], &second["kept_entries"]), (&json!(0), &json!(0)), "{second:#}");
    assert_eq!(bytes(&tree.root()), before);
    for key in ["records_in", "records_out", "oddities", "sums", "kinds"] {
        assert_eq!(first[key], second[key], "{key}");
    }
    // What happened in between stays.
    let file = tree.root().join("data/queues/priority-queue-homebrew.json");
    let text = std::fs::read_to_string(&file).unwrap().replace("\"success\"", "\"failed\"");
    std::fs::write(&file, &text).unwrap();
    assert_eq!(tree.import(&[])["kept_entries"], 1);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), text);
}

fn dry_run() {
    let tree =
        OldTree::new(&[(QUEUE, &queue(&[entry("jq", "homebrew:jq", "pending", &json!({}))]))]);
    let report = tree.import(&["--dry-run"]);
    assert_eq!((&report["dry_run"], &report["records_out"]), (&json!(true), &json!(1)));
    assert!(!tree.root().exists());
    let text = run(&tree.root(), &["import", tree.old().to_str().unwrap(), "--dry-run"]);
    let text = String::from_utf8(text.stdout).unwrap();
    assert!(text.contains("queue entries") && text.contains("nothing was written"), "{text}");
}

fn refusals() {
    let tree = OldTree::new(&[(QUEUE, &queue(&[])), ("batch-control.json", CONTROL)]);
    let old = tree.old();
    let own = run(&old, &["import", old.to_str().unwrap()]);
    assert_eq!(own.status.code(), Some(2), "{own:?}");
    let before = bytes(&old);
    let elsewhere = tempfile::tempdir().unwrap();
    let other = run(&tree.root(), &["import", elsewhere.path().to_str().unwrap()]);
    assert_eq!(other.status.code(), Some(6), "{other:?}");
    let missing = run(&tree.root(), &["import", old.to_str().unwrap(), "--queue", "no-such.json"]);
    assert_eq!(missing.status.code(), Some(3), "{missing:?}");
    assert!(!tree.root().exists());
    assert_eq!(bytes(&old), before);
}
