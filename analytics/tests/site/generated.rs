//! States that nobody thought of: every number of every page must still equal its rows, and every link
//! must lead somewhere.

use chrono::TimeDelta;
use serde_json::json;

use crate::{count, links, memory::MemoryState, sample, site};

/// Numbers that look random and are the same each time.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, n: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % n
    }

    fn one_of<'t>(&mut self, of: &[&'t str]) -> &'t str {
        of[self.roll(of.len())]
    }
}

const ECOSYSTEMS: [&str; 3] = ["npm", "cargo", "zoo"];
const KINDS: [&str; 6] = [
    "validation_failed/install_failed",
    "api_error/timeout",
    "missing_dep/recipe_missing",
    "deterministic_insufficient/library_only",
    "unknown/evidence_lost",
    "from_a_later_version/of_some_kind",
];
const ENVIRONMENTS: [&str; 3] =
    ["linux-debian-glibc-x86_64", "linux-alpine-musl-x86_64", "darwin-arm64"];
const STATUSES: [&str; 7] =
    ["pending", "in_progress", "success", "failed", "blocked", "requires_manual", "excluded"];

fn state(seed: u64) -> MemoryState {
    let (mut dice, mut state) = (Dice(seed), MemoryState::default());
    for i in 0..dice.roll(60) {
        let (ecosystem, status) = (dice.one_of(&ECOSYSTEMS), dice.one_of(&STATUSES));
        let mut entry = json!({"id": format!("{ecosystem}:p{i}"), "tier": 1 + dice.roll(3),
            "status": status, "added_at": sample::now()});
        match status {
            "blocked" => entry["blocked_by"] = json!([format!("p{}", dice.roll(60)), "x"]),
            "in_progress" => entry["batch_id"] = json!("npm-2026-11-20T00-00-00Z"),
            "requires_manual" | "excluded" => entry["status_reason"] = json!("because"),
            _ => {}
        }
        if dice.roll(3) == 0 {
            entry["last_attempt_at"] = json!(sample::now());
        }
        state.queue(entry);
    }
    for i in 0..i64::try_from(dice.roll(30)).unwrap() {
        run(&mut state, &mut dice, i);
    }
    state
}

fn run(state: &mut MemoryState, dice: &mut Dice, i: i64) {
    let ecosystem = dice.one_of(&ECOSYSTEMS);
    // Some are older than the pages, and some in the future.
    let at = sample::now() - TimeDelta::hours(i * i * 5 - 20);
    let batch = format!("{ecosystem}-{}", at.format("%Y-%m-%dT%H-%M-%SZ"));
    let (mut failed, mut blocked, mut ids) = (0, 0, vec![]);
    for _ in 0..dice.roll(6) {
        let name = format!("p{}", dice.roll(60));
        let id = format!("{ecosystem}:{name}");
        if dice.roll(4) > 0 && !ids.contains(&id) {
            ids.push(id.clone());
        }
        let (category, subcategory) = KINDS[dice.roll(KINDS.len())].split_once('/').unwrap();
        for environment in ENVIRONMENTS.iter().take(dice.roll(3)) {
            state.failure(json!({"id": format!("{batch}-{name}-{}", state.failures.records.len()),
                "package_id": id, "ecosystem": ecosystem, "batch_id": batch, "category": category,
                "subcategory": subcategory, "environment": environment,
                "fingerprint": format!("{:016x}", dice.roll(5)), "timestamp": at}));
            (failed, blocked) =
                if category == "missing_dep" { (failed, 1) } else { (1 + failed, blocked) };
        }
    }
    // Some runs count what no record describes, and some have no record themselves.
    if dice.roll(5) > 0 {
        state.run(
            json!({"batch_id": batch, "ecosystem": ecosystem, "timestamp": at, "total": ids.len(),
            "failed": failed, "blocked": blocked, "succeeded": dice.roll(3), "merged": dice.roll(2),
            "packages_processed": ids, "outcome": dice.one_of(&["ran", "fell_through", "skipped"]),
            "minutes": {"linux": dice.roll(9), "macos": 0},
            "results": ids.iter().map(|id| json!({"package_id": id, "environment": ENVIRONMENTS[0],
                "result": "pass", "tries": 1, "duration_ms": 5})).collect::<Vec<_>>()}),
        );
    }
}

#[test]
fn numbers_and_links_hold_in_states_that_nobody_thought_of() {
    let mut n_checked = 0;
    for seed in 0..12 {
        let site = site(&state(seed), sample::now());
        links::check_links(&site);
        n_checked += count::check_all(&site);
    }
    assert!(n_checked > 1_000, "{n_checked}");
}
