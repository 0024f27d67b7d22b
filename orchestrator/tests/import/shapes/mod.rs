//! Each old shape, written by hand.

mod queues;
mod records;
mod whole;

use serde_json::{Value, json};

/// All tests of this folder.
pub(crate) fn tests() -> impl Iterator<Item = &'static (&'static str, fn())> {
    [queues::TESTS, records::TESTS, whole::TESTS].into_iter().flatten()
}

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
