//! The first screen answers whether the pipeline works, why not, and what to do.

use chrono::{DateTime, TimeDelta, Utc};
use libtest_mimic::Trial;
use serde_json::json;

use crate::{
    cdp::{Browser, Tab, View},
    memory::MemoryState,
    sample, trial, written,
};

pub(crate) fn trials() -> Vec<Trial> {
    vec![trial("the_first_screen_says_everything_in_each_of_eight_states", says_everything)]
}

/// A state in which two packages were attempted an hour ago, and one was verified.
fn healthy() -> MemoryState {
    let mut state = MemoryState::default();
    attempt(&mut state, 1, 1);
    state.queue(json!({"id": "npm:c", "tier": 2, "status": "pending", "added_at": sample::now()}));
    state
}

/// Adds a run of that many hours ago.
fn attempt(state: &mut MemoryState, hours_ago: i64, n_good: u64) {
    let at = sample::now() - TimeDelta::hours(hours_ago);
    let batch = format!("npm-{}", at.format("%Y-%m-%dT%H-%M-%SZ"));
    state.run(json!({"batch_id": batch, "ecosystem": "npm", "slot": "npm", "timestamp": at,
        "total": 2, "succeeded": n_good, "failed": 2 - n_good, "merged": n_good,
        "packages_processed": ["npm:a", "npm:b"],
        "recipes_generated": if n_good > 0 { vec!["a"] } else { vec![] }}));
    for name in if n_good > 0 { &["b"][..] } else { &["a", "b"] } {
        state.failure(json!({"id": format!("{batch}-{name}"), "ecosystem": "npm",
            "package_id": format!("npm:{name}"), "batch_id": batch, "timestamp": at}));
    }
}

/// Each state with the word of its verdict, a word of its cause, and a word of its remedy.
fn states() -> Vec<(&'static str, MemoryState, DateTime<Utc>, [&'static str; 3])> {
    let now = sample::now();
    let control = |mut state: MemoryState, more: serde_json::Value| {
        let mut json = json!({"schema_version": 2, "enabled": true});
        json.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        state.control = serde_json::from_value(json).unwrap();
        state
    };
    let paused = json!({"enabled": false, "reason": "registry outage", "disabled_by": "ada"});
    let mut drought = MemoryState { queues: healthy().queues, ..MemoryState::default() };
    attempt(&mut drought, 40, 1);
    (1..30).for_each(|hours| attempt(&mut drought, hours, 0));
    let open = json!({"ecosystems": {"npm": {"circuit_state": "open", "opened_at": now - TimeDelta::hours(1),
        "backoff_until": now + TimeDelta::hours(1), "reason": "3 unhealthy runs"}}});
    let mut old = healthy();
    old.queue(json!({"id": "npm:d", "tier": 2, "status": "in_progress", "added_at": now,
        "batch_id": "npm-2026-11-01T00-00-00Z"}));
    let mut empty = healthy();
    empty.queues.clear();
    empty.queue(json!({"id": "npm:a", "tier": 2, "status": "success", "added_at": now}));
    let mut ahead = healthy();
    let later = now + TimeDelta::days(3);
    ahead.run(
        json!({"batch_id": "npm-2026-11-24T00-00-00Z", "ecosystem": "npm", "timestamp": later}),
    );
    let stale = now + TimeDelta::hours(3);
    vec![
        ("healthy", healthy(), now, ["healthy", "nothing needs a person", ""]),
        ("stalled", healthy(), now + TimeDelta::days(4), ["stalled", "4 days", "tsuku-batch run"]),
        ("paused", control(healthy(), paused), now, ["paused", "registry outage", "resume"]),
        ("drought", drought, now, ["degraded", "no verified recipe", "runs list"]),
        ("outage", control(healthy(), open), now, ["degraded", "circuit breaker", "failures list"]),
        ("pull request", old, now, ["degraded", "pull request", "pr list"]),
        ("queue empty", empty, now, ["degraded", "nothing left", "tsuku-batch seed npm"]),
        ("data stale", ahead, stale, ["stalled", "Nothing was recorded", "tsuku-batch run"]),
    ]
}

/// The text of everything of the first screen that is whole, above its lower edge.
const SEEN: &str = "(() => Array.from(document.querySelectorAll('.verdict .word, .verdict .why, \
    .remedy, .verdict .facts div')).filter(it => it.getBoundingClientRect().bottom <= innerHeight)\
    .map(it => it.innerText).join('\\n'))()";

fn says_everything(browser: &mut Browser) {
    for (name, state, as_of, words) in states() {
        let folder = written(&state, as_of);
        let url = format!("file://{}/index.html", folder.path().display());
        for (width, height) in [(1280, 720), (390, 844)] {
            let view = View { width, height, is_dark: width < 1000, has_script: true };
            let mut tab = Tab::open(browser, view);
            tab.go(&url);
            let seen = tab.eval(SEEN).as_str().unwrap().to_lowercase();
            let facts = ["last run", "last success", "runs since success", "pipeline"];
            for word in words.iter().chain(&facts) {
                assert!(seen.contains(&word.to_lowercase()), "{name} at {width}: {word} in {seen}");
            }
        }
    }
}
