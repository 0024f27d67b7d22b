//! Old failures, runs, decisions about sources, and seedings.

use serde_json::{Value, json};

use super::{QUEUE, batch, entry, failure, old_run, queue, recipe_line};
use crate::old_tree::{OldTree, run};

pub(super) const TESTS: &[(&str, fn())] = &[
    ("failures_keep_their_origin_and_their_text_decides_the_cause", failures),
    ("messages_are_cleaned_and_blockers_explain_blocked_entries", messages),
    ("records_without_an_ecosystem_belong_to_the_entry_of_their_name", placed_by_queue),
    ("runs_are_read_from_documents_of_many_lines", runs),
    ("the_status_names_an_imported_run_of_no_one_ecosystem", newest_record),
    ("decisions_about_sources_become_one_line_for_each_tool", sources),
    ("a_seeding_run_keeps_what_was_left_to_a_person", seedings),
];

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
