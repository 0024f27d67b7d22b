//! States with hostile texts in every place that takes text.

use batch_core::model::Control;
use serde_json::json;

use super::{
    memory::{MemoryState, quarantined},
    sample,
};

pub(crate) const PAYLOADS: [&str; 9] = [
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>",
    "' onmouseover='alert(1)",
    "</pre></main></script><svg onload=alert(1)>",
    "</title><script src=https://evil.example/x.js></script>",
    "{{ 7 * 7 }} {% include \"/etc/passwd\" %} ${x}",
    "<!-- ]]> <![CDATA[",
    "javascript:alert(1)",
    "\u{202e}gpj.exe\u{2066} \u{1b}[31mred\u{1b}[0m \0 \u{200b}\u{9b}31m &lt;b&gt;",
];

/// A state with the payload in every text field, and a long output of it.
pub(crate) fn state(payload: &str) -> MemoryState {
    let mut state = MemoryState::default();
    let at = sample::now();
    let output = state.store_output(&payload.repeat(64 * 1024 / payload.len()));
    for (package, blocked_by) in [("npm:a", vec![]), ("npm:b", vec!["c"])] {
        state.failure(json!({
            "id": format!("{payload}-{package}"), "package_id": package, "ecosystem": "npm",
            "batch_id": payload, "category": payload, "subcategory": payload, "service": payload,
            "message": format!("{payload}\n{payload}"), "output": output, "exit_code": 1,
            "generator": payload, "sandbox": payload, "blocked_by": blocked_by, "timestamp": at,
            "notes": [payload],
            "workflow_run_url": payload, "origin": {"file": payload, "record": 1},
        }));
    }
    state.run(json!({
        "batch_id": payload, "ecosystem": "npm", "slot": "npm", "timestamp": at, "total": 2,
        "outcome": "fell_through", "skip_reason": payload, "failed": 2,
        "packages_processed": ["npm:a", "npm:b", "npm:d"], "recipes_generated": ["r"],
        "requests": {payload: {"sent": 1, "throttled": 0, "waited_ms": 0}}, "generator": payload,
        "workflow_run_url": payload,
    }));
    state.recipes.insert("r".parse().unwrap(), payload.to_owned());
    state.queue(json!({"id": "npm:a", "tier": 1, "status": "requires_manual", "added_at": at,
        "status_reason": payload, "upstream_version": payload, "generator_version": payload,
        "notes": [payload],
        "popularity": {"value": 1, "unit": payload, "source": payload, "as_of": "2026-11-21"}}));
    state.queue(
        json!({"id": "npm:b", "tier": 1, "status": "blocked", "added_at": at, "blocked_by": ["c"]}),
    );
    let control = json!({"schema_version": 2, "enabled": false, "reason": payload,
        "disabled_by": payload, "incident_url": payload,
        "hosts": {payload: {"paused_until": at + chrono::TimeDelta::hours(1)}},
        "ecosystems": {"npm": {"circuit_state": "open", "backoff_until": at, "reason": payload}}});
    state.control = serde_json::from_value::<Control>(control).unwrap();
    state.transitions.push(serde_json::from_value(json!({"schema_version": 2, "at": at, "ecosystem": "npm",
        "from": "closed", "to": "open", "reason": payload, "evidence": [payload, format!("{payload}-npm:a")]})).unwrap());
    state.failures.quarantined.push(quarantined(payload, 1, payload, payload));
    add_others(&mut state, payload);
    state
}

/// Records of seeding, of sources, of tests, and of a time before the pages begin.
fn add_others(state: &mut MemoryState, payload: &str) {
    let at = sample::now();
    let source = json!({"schema_version": 2, "tool": "a", "selected": "npm:a",
        "selection_reason": payload, "high_risk": true, "expires_at": at});
    state.sources.push(serde_json::from_value(source).unwrap());
    let audit = json!({"schema_version": 2, "tool": "b", "selected": "npm:b",
        "selection_reason": payload, "high_risk": true});
    state.audits.push(serde_json::from_value(audit).unwrap());
    let seeding = json!({"schema_version": 2, "ecosystem": "npm", "started_at": at, "ended_at": at,
        "outcome": "partial", "seen": 1, "added": 1, "refreshed": 0, "unchanged": 0, "skipped": {},
        "sources": [{"name": payload, "outcome": "partial", "seen": 1, "reason": payload}],
        "suspicious": [{"name": payload, "evidence": payload}], "usage": {}});
    state.seedings.push(serde_json::from_value(seeding).unwrap());
    state.run(json!({"batch_id": "npm-2026-11-20T01-00-00Z", "ecosystem": "npm",
        "timestamp": "2026-11-20T01:00:00Z",
        "total": 1, "succeeded": 1, "packages_processed": ["npm:b"], "recipes_generated": ["r2"],
        "disambiguations": [{"from": "npm:c", "to": "npm:b", "reason": payload}],
        "used_disambiguation": 1, "deferred": ["npm:d"], "run_id": payload, "interrupted": true,
        "results": [{"package_id": "npm:b", "environment": "linux-debian-glibc-x86_64",
            "result": "pass", "tries": 1, "duration_ms": 1}],
        "minutes": {"linux": 1, "macos": 0}}));
    let old = "2026-01-01T00:00:00Z";
    state.failure(json!({"id": format!("npm-2026-01-01T00-00-00Z-{payload}"), "ecosystem": "npm",
        "package_id": "npm:a", "batch_id": "npm-2026-01-01T00-00-00Z", "message": payload,
        "category": payload, "subcategory": payload, "timestamp": old}));
}
