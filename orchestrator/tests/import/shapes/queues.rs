//! Old queues and the old control file.

use serde_json::{Value, json};

use super::{CONTROL, QUEUE, entry, queue};
use crate::old_tree::OldTree;

pub(super) const TESTS: &[(&str, fn())] = &[
    ("a_queue_of_all_ecosystems_becomes_one_queue_for_each", unified_queue),
    ("a_queue_of_one_ecosystem_is_read_if_it_is_the_newest", older_queues),
    ("an_unknown_status_affects_one_entry_and_legal_ones_are_translated", statuses),
    ("a_control_file_with_two_names_of_one_ecosystem_becomes_one_breaker", control),
];

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
