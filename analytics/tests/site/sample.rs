//! A pipeline that has run for some weeks, with every state that the pages distinguish: 8
//! ecosystems, 200 packages, 30 runs, about 60 failures.

use batch_core::model::slug;
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use super::memory::{MemoryState, quarantined};

const ECOSYSTEMS: [&str; 8] =
    ["homebrew", "cargo", "npm", "pypi", "rubygems", "go", "cpan", "cask"];

const STEMS: [&str; 25] = [
    "ripgrep",
    "bat",
    "fd-find",
    "hyperfine",
    "tokei",
    "just",
    "starship",
    "zoxide",
    "delta",
    "difftastic",
    "watchexec",
    "prettier",
    "eslint",
    "httpie",
    "poetry",
    "ruff",
    "jekyll",
    "rubocop",
    "golangci-lint",
    "buf",
    "ack",
    "exiftool",
    "cloc",
    "sqlite-utils",
    "asciinema",
];

/// Kind, fingerprint, message and output.
const CAUSES: [(&str, &str, &str, &str); 7] = [
    (
        "validation_failed/install_failed",
        "1f00a1b2c3d4e5f6",
        "step 1 (cargo_install) failed: exit status 101\nerror: failed to compile `tool v1.4.2`, intermediate artifacts can be found at `/tmp/cargo-install`",
        "    Updating crates.io index\n  Downloaded cc v1.2.1\n   Compiling libc v0.2.170\n   Compiling openssl-sys v0.9.104\nerror: could not find system library 'openssl' required by the 'openssl-sys' crate\n",
    ),
    (
        "validation_failed/executable_missing",
        "2a00a1b2c3d4e5f6",
        "step 1 (npm_exec) failed: expected executable tool not found in node_modules/.bin",
        "added 112 packages in 4s\n\n18 packages are looking for funding\n",
    ),
    (
        "api_error/rate_limited",
        "3b00a1b2c3d4e5f6",
        "GET https://registry.example/api/v1/crates/tool: 429 Too Many Requests, retry after 60 s",
        "",
    ),
    (
        "deterministic_insufficient/binary_discovery_failed",
        "4c00a1b2c3d4e5f6",
        "no executable is declared, and the archive holds none under bin/",
        "",
    ),
    ("missing_dep/recipe_missing", "5d00a1b2c3d4e5f6", "needs recipes that do not exist", ""),
    (
        "validation_failed/verify_failed",
        "6e00a1b2c3d4e5f6",
        "verify command `tool --version` ended with 127\ntool: error while loading shared libraries: libssl.so.1.1: cannot open shared object file",
        "installed tool 3.1.0\n$ tool --version\ntool: error while loading shared libraries: libssl.so.1.1: cannot open shared object file: No such file or directory\n",
    ),
    ("unknown/evidence_lost", "7f00a1b2c3d4e5f6", "", ""),
];

const BLOCKERS: [&str; 4] = ["openssl-3", "icu4c", "libpq", "protobuf"];

/// The start of the newest run.
pub(crate) fn now() -> DateTime<Utc> {
    "2026-11-21T13:00:00Z".parse().unwrap()
}

fn name(i: usize) -> String {
    let stem = STEMS[i / 8 % STEMS.len()];
    if ECOSYSTEMS[i % 8] == "npm" && i.is_multiple_of(3) {
        format!("@scope/{stem}")
    } else {
        stem.into()
    }
}

fn id(i: usize) -> String {
    format!("{}:{}", ECOSYSTEMS[i % 8], name(i))
}

pub(crate) fn state() -> MemoryState {
    let mut state = MemoryState::default();
    for i in 0..200 {
        state.queue(entry(i));
    }
    for hour in 0..30 {
        run(&mut state, hour);
    }
    state.control = serde_json::from_value(json!({
        "schema_version": 2, "enabled": true, "disabled_ecosystems": ["cask"],
        "reason": "no macOS minutes left this week",
        "budget": {"week_start": "2026-11-16", "macos_minutes_used": 1000, "linux_minutes_used": 412},
        "hosts": {"registry.npmjs.org": {"paused_until": now() + TimeDelta::minutes(40)}},
        "ecosystems": {
            "npm": {"circuit_state": "open", "consecutive_failures": 3, "backoff_level": 2,
                    "opened_at": now() - TimeDelta::hours(1),
                    "backoff_until": now() + TimeDelta::hours(1),
                    "reason": "3 runs in which registry.npmjs.org answered nothing but 429"},
            "cpan": {"circuit_state": "open", "consecutive_failures": 4, "backoff_level": 1,
                     "opened_at": now() - TimeDelta::hours(2),
                     "backoff_until": now() - TimeDelta::minutes(30),
                     "reason": "10 packages in a row failed in one way: the generator may be broken"},
        },
    }))
    .unwrap();
    state.transitions.push(
        serde_json::from_value(json!({
            "schema_version": 2, "at": now() - TimeDelta::hours(1), "ecosystem": "npm",
            "from": "closed", "to": "open", "next_probe_at": now() + TimeDelta::hours(1),
            "reason": "3 unhealthy runs in a row; one probe that installs, or fails for its own reasons, closes it",
            "evidence": [state.failures.records[0].id, "npm-2026-11-01T00-00-00Z-gone"],
        }))
        .unwrap(),
    );
    let bad = quarantined(
        "data/failures/npm-2026-11-20T10-00-00Z.jsonl",
        3,
        "EOF while parsing a string at column 118",
        "{\"schema_version\":2,\"id\":\"npm-2026-",
    );
    state.failures.quarantined.push(bad);
    state
}

fn entry(i: usize) -> Value {
    let added = now() - TimeDelta::days(40) + TimeDelta::hours(i64::try_from(i).unwrap());
    let mut entry = json!({"id": id(i), "tier": 1 + i % 3, "status": "pending", "added_at": added});
    let extra = match i % 10 {
        0..=3 => json!({}),
        4 | 5 => json!({"status": "success", "last_attempt_at": now() - TimeDelta::days(2),
            "upstream_version": "1.4.2", "generator_version": "builtin 0.1.0",
            "notes": ["deprecated: use <tool-2> instead"],
            "popularity": {"value": 120_431, "unit": "downloads", "period_days": 90,
                           "source": "registry API", "as_of": "2026-11-16"}}),
        6 => json!({"status": "failed", "consecutive_failures": 2,
            "last_attempt_at": now() - TimeDelta::hours(9), "next_retry_at": now() + TimeDelta::hours(63)}),
        7 => json!({"status": "blocked", "blocked_by": [BLOCKERS[i % 3], BLOCKERS[3]],
            "last_attempt_at": now() - TimeDelta::hours(5)}),
        8 => {
            json!({"status": "requires_manual", "status_reason": "run_command: the recipe runs a command of its own"})
        }
        _ if i % 20 == 9 => json!({"status": "in_progress", "batch_id": batch(i % 8, i % 29)}),
        _ => {
            json!({"status": "excluded", "status_reason": "library_only: the package ships no command"})
        }
    };
    entry.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
    entry
}

fn batch(ecosystem: usize, hours_ago: usize) -> String {
    format!("{}-{}", ECOSYSTEMS[ecosystem], at(hours_ago).format("%Y-%m-%dT%H-%M-%SZ"))
}

fn at(hours_ago: usize) -> DateTime<Utc> {
    now() - TimeDelta::hours(i64::try_from(hours_ago).unwrap())
}

/// The run of `hours_ago` hours ago: six attempts, of which at most three succeed.
fn run(state: &mut MemoryState, hours_ago: usize) {
    let ecosystem = (29 - hours_ago) % 8;
    let start = at(hours_ago);
    if hours_ago % 7 == 3 {
        let id = format!("slot-{}", start.format("%Y-%m-%dT%H-%M-%SZ"));
        state.run(json!({"batch_id": id, "slot": ECOSYSTEMS[ecosystem], "timestamp": start,
            "outcome": "skipped", "duration_seconds": 2,
            "skip_reason": "cask: disabled in batch-control.json; npm: breaker open until 2026-11-21 14:00:00 UTC; others: nothing in their queues is due"}));
        return;
    }
    let batch_id = batch(ecosystem, hours_ago);
    let n_good = if hours_ago < 4 { 0 } else { hours_ago * 7 % 4 };
    let n_failed = if hours_ago < 12 { 4 } else { 2 };
    let picked: Vec<usize> =
        (0..n_good + n_failed).map(|k| ecosystem + 8 * ((hours_ago * 5 + k) % 25)).collect();
    let recipes: Vec<String> = picked
        .iter()
        .take(n_good)
        .map(|i| format!("{}-{}", STEMS[i / 8], ECOSYSTEMS[ecosystem]))
        .collect();
    let mut n_blocked = 0;
    for (k, i) in picked.iter().enumerate().skip(n_good) {
        n_blocked += usize::from(failure(state, &batch_id, *i, hours_ago + k));
    }
    for recipe in &recipes {
        let toml = format!(
            "[metadata]\nname = \"{recipe}\"\ndescription = \"A sample\"\n\n[[steps]]\naction = \"install\"\n\n[verify]\ncommand = \"{recipe} --version\"\n"
        );
        state.recipes.insert(recipe.parse().unwrap(), toml);
    }
    let total = picked.len();
    let fell_through = hours_ago % 9 == 5;
    state.run(json!({
        "batch_id": batch_id, "ecosystem": ECOSYSTEMS[ecosystem], "timestamp": start,
        "slot": if fell_through { "cask" } else { ECOSYSTEMS[ecosystem] },
        "outcome": if fell_through { "fell_through" } else { "ran" },
        "skip_reason": fell_through.then_some("disabled in batch-control.json"),
        "duration_seconds": 300 + hours_ago * 37, "total": total, "succeeded": n_good,
        "failed": total - n_good - n_blocked, "blocked": n_blocked, "generated": n_good + 1,
        "merged": n_good, "packages_processed": picked.iter().map(|i| id(*i)).collect::<Vec<_>>(),
        "recipes_generated": recipes,
        "environments": {"linux-debian-glibc-x86_64": {"tested": total, "passed": n_good, "failed": total - n_good, "skipped": 0},
                         "linux-alpine-musl-x86_64": {"tested": n_good, "passed": n_good, "failed": 0, "skipped": 0}},
        "minutes": {"linux": 9, "macos": 0},
        "requests": {"registry.example": {"sent": 41, "throttled": hours_ago % 3, "waited_ms": 38_250}},
        "generator": "builtin 0.1.0",
        "workflow_run_url": "https://github.com/example/registry/actions/runs/22036696489",
    }));
}

/// Adds a failure; returns whether it made the package blocked.
fn failure(state: &mut MemoryState, batch_id: &str, i: usize, n: usize) -> bool {
    let (kind, fingerprint, message, printed) = CAUSES[n * 3 % CAUSES.len()];
    let (category, subcategory) = kind.split_once('/').unwrap();
    let tool = name(i);
    let is_blocked = category == "missing_dep";
    let output = (!printed.is_empty())
        .then(|| state.store_output(&printed.replace("tool", &tool).repeat(3)));
    let run_at = DateTime::parse_from_str(
        &format!("{}+0000", &batch_id[batch_id.len() - 20..]),
        "%Y-%m-%dT%H-%M-%SZ%z",
    );
    state.failure(json!({
        "id": format!("{batch_id}-{}", slug(&tool)), "package_id": id(i), "ecosystem": ECOSYSTEMS[i % 8],
        "batch_id": batch_id, "category": category, "subcategory": subcategory,
        "stage": if printed.is_empty() { "generate" } else { "validate" },
        "confidence": if message.is_empty() { "lost" } else { "stated" },
        "service": (category == "api_error").then_some("registry.example"),
        "message": message.replace("tool", &tool), "fingerprint": fingerprint, "output": output,
        "exit_code": (!printed.is_empty()).then_some(1),
        "environment": (!printed.is_empty()).then_some("linux-debian-glibc-x86_64"),
        "generator": "builtin 0.1.0", "sandbox": "bubblewrap",
        "blocked_by": if is_blocked { vec![BLOCKERS[n % 4]] } else { vec![] },
        "timestamp": run_at.unwrap() + TimeDelta::seconds(i64::try_from(40 + n).unwrap()),
        "workflow_run_url": "https://github.com/example/registry/actions/runs/22036696489",
    }));
    is_blocked
}
