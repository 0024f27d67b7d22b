//! One case of damage for each kind of finding.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::healthy::{
    BATCH, CONTROL, CURATED, DIGEST, FAILURES, LOG, NOW, QUEUE, RUN, SEEDINGS, append, curated,
    edit, edit_two, failure, output, read, recipe, run, seeding, transition, write,
};
use crate::root::TestRoot;

/// Damage, and where it is to be found.
pub(super) struct Planted {
    /// The word of the finding.
    pub(super) code: &'static str,
    pub(super) plant: fn(&TestRoot),
    pub(super) file: String,
    pub(super) line: Option<u64>,
    /// The time of the examination.
    pub(super) now: &'static str,
}

fn case(code: &'static str, file: &str, line: u64, plant: fn(&TestRoot)) -> Planted {
    let line = (line > 0).then_some(line);
    Planted { code, plant, file: file.to_owned(), line, now: NOW }
}

const OTHER: &str = "npm-2026-01-03T00-00-00Z";
const OTHER_RUN: &str = "data/metrics/batch-runs-npm-2026-01-03T00-00-00Z.jsonl";
const OTHER_FAILURES: &str = "data/failures/npm-2026-01-03T00-00-00Z.jsonl";

/// All cases but those of the forge.
pub(super) fn all() -> Vec<Planted> {
    [documents(), entries(), records(), relations(), of_machine()].into_iter().flatten().collect()
}

/// Files that cannot be read, or not completely.
fn documents() -> Vec<Planted> {
    vec![
        case("control_unreadable", CONTROL, 3, |root| {
            write(root, CONTROL, "{\n  \"schema_version\": 2,\n  \"enabled\": perhaps\n}\n");
        }),
        case("control_unknown_name", CONTROL, 0, |root| {
            edit(root, CONTROL, |it| it["disabled_ecosytems"] = json!(["npm"]));
        }),
        case("breaker_unreadable", CONTROL, 5, |root| {
            edit(root, CONTROL, |it| {
                *it = json!({"schema_version": 2, "enabled": true, "ecosystems": {
                    "npm": {"circuit_state": "ajar"}}});
            });
        }),
        case("settings_invalid", "pipeline.toml", 2, |root| {
            write(root, "pipeline.toml", "[breaker]\nopen_aftr = 3\n");
        }),
        case("queue_unreadable", QUEUE, 4, |root| write(root, QUEUE, "{\n\"a\": 1,\n\n]")),
        case("other_version", RUN, 1, |root| {
            write(
                root,
                RUN,
                &read(root, RUN).replace("\"schema_version\":2", "\"schema_version\":1"),
            );
        }),
        case("not_one_record_a_line", RUN, 0, |root| {
            write(root, RUN, &format!("{:#}\n", run(BATCH)));
        }),
        case("not_a_file", LOG, 0, |root| {
            std::fs::remove_file(root.path(LOG)).unwrap();
            std::os::unix::fs::symlink("elsewhere", root.path(LOG)).unwrap();
        }),
        case("recipe_invalid", "recipes/x/x.toml", 4, |root| {
            let with = "description = \"One.\"\nhomepage = \"http://x.example\"";
            let text = recipe("x", "x").replace("description = \"One.\"", with);
            write(root, "recipes/x/x.toml", &text);
        }),
        case("archive_unreadable", "data/archive/2025-09/runs.jsonl.zst", 1, |root| {
            write(root, "data/archive/2025-09/runs.jsonl.zst", "not packed");
        }),
        case("output_damaged", &output(DIGEST), 0, |root| {
            write(root, &output(DIGEST), "something else");
        }),
        case("journal_unreadable", &format!(".tsuku-batch/unpushed/{OTHER}.jsonl"), 1, |root| {
            write(root, &format!(".tsuku-batch/unpushed/{OTHER}.jsonl"), "{}\n");
        }),
    ]
}

/// Entries of queues.
fn entries() -> Vec<Planted> {
    vec![
        case("entry_unreadable", QUEUE, 18, |root| edit_two(root, |it| it["tier"] = json!(9))),
        case("illegal_status", QUEUE, 18, |root| {
            edit_two(root, |it| it["status"] = json!("generated"));
        }),
        case("duplicate_id", QUEUE, 26, |root| {
            edit(root, QUEUE, |queue| {
                let two = queue["packages"][1].clone();
                queue["packages"].as_array_mut().unwrap().push(two);
            });
        }),
        case("success_without_recipe", QUEUE, 18, |root| {
            edit_two(root, |it| {
                it["status"] = json!("success");
                it["recipe"] = json!("two");
            });
        }),
        case("blocked_without_blocker", QUEUE, 18, |root| {
            edit_two(root, |it| it["status"] = json!("blocked"));
        }),
        case("blocked_by_recipe", QUEUE, 18, |root| {
            edit_two(root, |it| {
                it["status"] = json!("blocked");
                it["blocked_by"] = json!(["one"]);
            });
        }),
        case("in_progress_without_batch", QUEUE, 18, |root| {
            edit_two(root, |it| {
                it["status"] = json!("in_progress");
                it["batch_id"] = json!(OTHER);
            });
        }),
        case("retry_time_absurd", QUEUE, 18, |root| {
            edit_two(root, |it| it["next_retry_at"] = json!("1734-03-17T21:04:51Z"));
        }),
        case("record_ahead", QUEUE, 18, |root| {
            edit_two(root, |it| it["last_attempt_at"] = json!("2031-01-01T00:00:00Z"));
        }),
        case("never_seeded", QUEUE, 0, |root| {
            edit_two(root, |it| it["added_at"] = json!("2025-11-01T00:00:00Z"));
            std::fs::remove_file(root.path(SEEDINGS)).unwrap();
        }),
        case("seeding_old", QUEUE, 0, |root| {
            let old = seeding().to_string().replace("2026-01-01", "2025-11-01");
            write(root, SEEDINGS, &(old + "\n"));
        }),
    ]
}

/// Lines of records.
fn records() -> Vec<Planted> {
    vec![
        case("failure_unreadable", FAILURES, 2, |root| {
            append(root, FAILURES, "{\"schema_version\":2}");
        }),
        case("run_unreadable", RUN, 1, |root| write(root, RUN, "{\"schema_version\":2}\n")),
        case("breaker_log_unreadable", LOG, 3, |root| append(root, LOG, "no record")),
        case("seeding_unreadable", SEEDINGS, 2, |root| append(root, SEEDINGS, "[]")),
        case("source_unreadable", CURATED, 2, |root| append(root, CURATED, "{}")),
        case("clock_backwards", LOG, 3, |root| append(root, LOG, &transition("go", 1).to_string())),
        case("override_expired", CURATED, 2, |root| {
            let old = curated().to_string().replace("2027", "2025").replace("\"one\"", "\"two\"");
            append(root, CURATED, &old);
        }),
        case("pause_expired", CONTROL, 7, |root| {
            edit(root, CONTROL, |it| {
                let pause = |until: &str| json!({"since": "2026-01-01T00:00:00Z", "until": until, "reason": "work"});
                let pauses = [pause("2026-01-03T00:00:00Z"), pause("2026-01-05T00:00:00Z")];
                *it = json!({"schema_version": 2, "enabled": true, "pauses": pauses});
            });
        }),
        case("ecosystem_alias", CONTROL, 5, |root| {
            edit(root, CONTROL, |it| {
                *it = json!({"schema_version": 2, "enabled": true,
                    "ecosystems": {"gem": {"circuit_state": "closed", "note": 1}}});
            });
        }),
        case("correlated_outage", LOG, 0, |root| {
            for id in ["go", "cpan", "pypi"] {
                append(root, LOG, &transition(id, 3).to_string());
            }
            edit(root, CONTROL, |it| {
                let open = json!({"circuit_state": "open", "opened_at": "2026-01-01T03:00:00Z",
                    "backoff_until": "2026-01-01T04:00:00Z", "backoff_level": 1});
                it["ecosystems"] = json!({"go": open, "cpan": open, "pypi": open});
            });
        }),
    ]
}

/// Records that contradict each other.
fn relations() -> Vec<Planted> {
    vec![
        case("output_missing", FAILURES, 1, |root| {
            std::fs::remove_file(root.path(&output(DIGEST))).unwrap();
        }),
        case("output_orphan", &output(OLD_DIGEST), 0, |root| {
            write(root, &output(OLD_DIGEST), "what it printed long ago\n");
            let long_ago = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_700_000_000);
            let file = std::fs::File::options().write(true).open(root.path(&output(OLD_DIGEST)));
            file.unwrap().set_modified(long_ago).unwrap();
        }),
        case("recipe_without_entry", "recipes/o/one.toml", 0, |root| {
            edit(root, QUEUE, |queue| drop(queue["packages"].as_array_mut().unwrap().remove(0)));
        }),
        case("command_twice", "recipes/t/three.toml", 1, |root| {
            write(root, "recipes/t/three.toml", &recipe("three", "one"));
        }),
        case("failure_without_run", OTHER_FAILURES, 1, |root| {
            let other = failure("two").to_string().replace(BATCH, OTHER);
            write(root, OTHER_FAILURES, &(other + "\n"));
        }),
        case("failure_elsewhere", OTHER_FAILURES, 1, |root| {
            write(root, OTHER_FAILURES, &format!("{}\n", failure("one")));
        }),
        case("run_without_failures", OTHER_RUN, 1, |root| {
            write(root, OTHER_RUN, &format!("{}\n", run(OTHER)));
        }),
        case("batch_id_twice", RUN, 2, |root| append(root, RUN, &run(BATCH).to_string())),
        case("unclassified_share", "data/failures", 0, |root| many(root, "unclassified")),
        case("evidence_lost_share", "data/failures", 0, |root| many(root, "evidence_lost")),
    ]
}

const OLD_DIGEST: &str = "2f6293d71e333205125f748d39126e05163af4421dae986d570c548af146f088";

/// Failures of an unknown cause.
fn many(root: &TestRoot, subcategory: &str) {
    let mut lines = String::new();
    for n in 0..30 {
        let mut failure: Value = failure(&format!("n{n}"));
        failure["category"] = json!("unknown");
        failure["subcategory"] = json!(subcategory);
        writeln!(lines, "{failure}").unwrap();
    }
    write(root, FAILURES, &lines);
}

/// What processes left.
fn of_machine() -> Vec<Planted> {
    let draft = "data/queues/.priority-queue-npm.json.x.tsuku-batch-tmp";
    vec![
        case("unknown_file", "data/queues/priority-queue.json", 0, |root| {
            write(root, "data/queues/priority-queue.json", "{}");
        }),
        case("draft_left", draft, 0, |root| {
            write(root, "data/queues/.priority-queue-npm.json.x.tsuku-batch-tmp", "half");
        }),
        case("lock_left", ".tsuku-batch/lock", 0, |root| {
            write(root, ".tsuku-batch/lock", "{\"pid\":0,\"since\":\"2026-01-03T00:00:00Z\"}\n");
        }),
        case("work_left", ".tsuku-batch/work/npm-x", 0, |root| {
            write(root, ".tsuku-batch/work/npm-x/home/file", "x");
        }),
        case("runner_retired", "pipeline.toml", 0, |root| {
            write(root, "pipeline.toml", "[runners]\ndarwin-arm64 = \"macos-12\"\n");
        }),
        Planted {
            now: "2026-10-01T00:00:00Z",
            ..case("runner_retiring", "pipeline.toml", 0, |root| {
                write(root, "pipeline.toml", "[runners]\ndarwin-arm64 = \"macos-14\"\n");
                let seeding = seeding().to_string().replace("2026-01-01", "2026-09-20");
                write(root, SEEDINGS, &(seeding + "\n"));
            })
        },
        case("set_aside", ".tsuku-batch/set-aside/x.jsonl", 0, |root| {
            write(root, ".tsuku-batch/set-aside/x.jsonl", "x");
        }),
        case("dead_run", &format!(".tsuku-batch/outbox/{OTHER}.jsonl"), 0, |root| {
            write(root, &format!(".tsuku-batch/outbox/{OTHER}.jsonl"), "");
        }),
        case("unpushed_old", &format!(".tsuku-batch/unpushed/{BATCH}.jsonl"), 0, |root| {
            write(root, &format!(".tsuku-batch/unpushed/{BATCH}.jsonl"), "");
        }),
        case("artifacts_old", ".tsuku-batch/artifacts/run-x", 0, |root| {
            let folder = root.path(".tsuku-batch/artifacts/run-x");
            std::fs::create_dir_all(&folder).unwrap();
            let long_ago = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_700_000_000);
            std::fs::File::open(folder).unwrap().set_modified(long_ago).unwrap();
        }),
    ]
}
