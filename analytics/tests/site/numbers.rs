//! The counts on pages must equal the numbers of rows in the lists that they link to.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::{
    count, html,
    memory::{MemoryState, quarantined},
    sample, sample_site, site,
};

/// The number of rows of the list at `href`, over all of its pages.
fn n_rows(site: &BTreeMap<String, String>, href: &str) -> usize {
    count::n_rows(&count::parse(site), ("index.html", href))
}

#[test]
fn every_number_on_every_page_leads_to_as_many_rows() {
    assert!(count::check_all(&sample_site()) > 500);
    count::check_all(&site(&MemoryState::default(), sample::now()));
}

#[test]
fn a_list_of_more_than_a_page_loses_no_row() {
    let mut state = sample::state();
    for i in 0..1_300 {
        state.queue(json!({"id": format!("npm:many-{i}"), "tier": 3, "status": "pending", "added_at": sample::now()}));
        state.failure(json!({"id": format!("npm-2026-11-21T12-00-00Z-many-{i}"), "ecosystem": "npm",
            "package_id": format!("npm:many-{i}"), "batch_id": "npm-2026-11-21T12-00-00Z", "timestamp": sample::now()}));
    }
    let site = site(&state, sample::now());
    count::check_all(&site);
    assert!(site["failures.html"].contains(r#"href="failures~3.html""#));
    assert!(site["pending.html"].contains("1–500 of"));
}

#[test]
fn statuses_add_up_to_the_queue_here_and_in_the_json() {
    let site = sample_site();
    let json: Value = serde_json::from_str(&site["dashboard.json"]).unwrap();
    let by_status = json["queue"]["by_status"].as_object().unwrap();
    let sum: u64 = by_status.values().filter_map(Value::as_u64).sum();
    assert_eq!((sum, json["queue"]["total"].as_u64()), (200, Some(200)));
    for (status, n) in by_status {
        assert_eq!(
            n_rows(&site, &format!("{status}.html")),
            usize::try_from(n.as_u64().unwrap()).unwrap()
        );
    }
    assert_eq!(json["failures_summary"]["total"], n_rows(&site, "failures.html"));
    assert_eq!(json["runs"].as_array().unwrap().len(), n_rows(&site, "runs.html"));
    assert_eq!(json["failures"].as_array().unwrap().len(), n_rows(&site, "failures.html"));
    assert_eq!(json["health"]["ecosystems"]["npm"]["breaker_state"], "open");
    assert_eq!(json["health"]["ecosystems"]["cpan"]["breaker_state"], "half_open");
    assert_eq!(json["health"]["runs_since_last_success"], n_rows(&site, "runs-since-success.html"));
    assert_eq!(json["data_problems"], 1);
}

#[test]
fn six_attempts_without_a_merge_are_shown_as_none_of_six() {
    let mut state = MemoryState::default();
    let packages: Vec<String> = (0..6).map(|i| format!("npm:p{i}")).collect();
    let batch = "npm-2026-11-21T12-00-00Z";
    state.run(json!({"batch_id": batch, "ecosystem": "npm", "slot": "npm", "timestamp": "2026-11-21T12:00:00Z",
        "total": 6, "failed": 6, "packages_processed": packages}));
    for id in &packages {
        state.failure(
            json!({"id": format!("{batch}-{}", &id[4..]), "package_id": id, "ecosystem": "npm",
            "batch_id": batch, "timestamp": "2026-11-21T12:01:00Z"}),
        );
    }
    let site = site(&state, sample::now());
    assert!(site["index.html"].contains("0 of 6 verified"));
    assert!(site["index.html"].contains("running"));
    assert!(site["runs.html"].contains(&format!("<a href=\"runs/{batch}.html#failed\">6</a>")));
    let run = &site[&format!("runs/{batch}.html")];
    assert!(run.contains("0 of 6 attempts were verified."));
    assert_eq!(n_rows(&site, &format!("runs/{batch}.html#failed")), 6);
    assert!(!run.contains("class=\"notice\""));
}

#[test]
fn lost_evidence_and_unclassified_failures_are_counted_by_ecosystem() {
    let mut state = MemoryState::default();
    let batch = "npm-2026-11-21T12-00-00Z";
    for (i, subcategory) in ["evidence_lost", "unclassified", "unclassified"].iter().enumerate() {
        state.failure(json!({"id": format!("{batch}-{i}"), "package_id": format!("npm:p{i}"),
            "ecosystem": "npm", "batch_id": batch, "timestamp": "2026-11-21T12:01:00Z",
            "category": "unknown", "subcategory": subcategory}));
    }
    let site = site(&state, sample::now());
    for cell in [
        r#"data-label="Evidence lost"><bdi>1 (33 %)</bdi>"#,
        r#"data-label="Unclassified, of the rest"><bdi>2 (100 %)</bdi>"#,
    ] {
        assert!(site["ecosystems.html"].contains(cell), "{}", site["ecosystems.html"]);
    }
}

#[test]
fn a_slot_without_a_run_appears_with_its_reason() {
    let site = sample_site();
    let skipped = site.iter().filter(|(path, _)| path.starts_with("runs/slot-"));
    let pages: Vec<&String> = skipped.map(|(_, body)| body).collect();
    assert!(!pages.is_empty());
    assert!(pages.iter().all(|body| body.contains("Nothing ran in this slot: cask: disabled")));
    assert!(site["runs.html"].contains("cask: disabled in batch-control.json; npm: breaker open"));
    assert!(site["runs.html"].contains("<td>none</td>"));
    assert!(!site["runs.html"].contains("<td>several</td>"), "no run is of several");
}

#[test]
fn lost_failure_records_are_reported_as_lost() {
    let mut state = MemoryState::default();
    state.run(json!({"batch_id": "npm-2026-11-21T12-00-00Z", "ecosystem": "npm", "timestamp": "2026-11-21T12:00:00Z",
        "total": 2, "failed": 2, "packages_processed": ["npm:a", "npm:b"]}));
    let site = site(&state, sample::now());
    let run = &site["runs/npm-2026-11-21T12-00-00Z.html"];
    assert!(run.contains("counts 2 failed or blocked attempts, but has 0 failure records"));
    assert!(run.contains("s-not_recorded") && !run.contains("s-succeeded"));
    assert!(site["p/npm/a.html"].contains("s-not_recorded"));
}

#[test]
fn unreadable_records_are_counted_with_file_and_line() {
    let mut state = sample::state();
    state.damaged_queues.push("zz".parse().unwrap());
    let id = "npm:a".parse().unwrap();
    let bad = quarantined(
        "data/queues/priority-queue-npm.json",
        7,
        "unknown status",
        "{\"status\":\"generated\"}",
    );
    state.queue_file(&id).quarantined.push(bad);
    let again = state.failures.records[0].clone();
    state.failures.records.push(again);
    let site = site(&state, sample::now());
    assert!(
        site["index.html"].contains(r#"<a href="problems.html">4</a> records could not be read"#)
    );
    let problems = &site["problems.html"];
    for text in [
        "priority-queue-zz.json",
        "line 3, column 7",
        "priority-queue-npm.json",
        ">7<",
        "unknown status",
        "more than one failure has this id",
    ] {
        assert!(problems.contains(text), "{text}");
    }
    assert!(!problems.contains("/root/"), "a machine's folder is nobody's business");
}

#[test]
fn a_run_its_failures_and_its_packages_link_to_each_other() {
    let site = sample_site();
    let failure = sample::state().failures.records[0].clone();
    let (run, page) =
        (format!("runs/{}.html", failure.batch_id), format!("failures/{}.html", failure.id));
    assert!(site[&run].contains(&page));
    assert!(site[&page].contains(&run));
    let package = html::tags(&site[&page]).into_iter().find_map(|tag| {
        tag.attributes
            .get("href")
            .and_then(|href| href.strip_prefix("../p/").map(|p| format!("p/{p}")))
    });
    assert!(site[&package.unwrap()].contains(&page));
    assert!(site[&page].contains("https://github.com/example/registry/actions/runs/22036696489"));
}

#[test]
fn a_merged_package_shows_its_own_recipe() {
    let mut state = MemoryState::default();
    state.run(json!({"batch_id": "npm-2026-11-21T12-00-00Z", "ecosystem": "npm", "timestamp": "2026-11-21T12:00:00Z",
        "total": 3, "succeeded": 2, "failed": 1, "merged": 2,
        "packages_processed": ["npm:a", "npm:b", "npm:c"], "recipes_generated": ["recipe-a", "recipe-c"]}));
    state.failure(
        json!({"id": "npm-2026-11-21T12-00-00Z-b", "package_id": "npm:b", "ecosystem": "npm",
        "batch_id": "npm-2026-11-21T12-00-00Z", "timestamp": "2026-11-21T12:01:00Z"}),
    );
    for name in ["recipe-a", "recipe-c"] {
        state.recipes.insert(name.parse().unwrap(), format!("text of {name}"));
    }
    let site = site(&state, sample::now());
    assert!(site["p/npm/a.html"].contains("text of recipe-a"));
    assert!(site["p/npm/c.html"].contains("text of recipe-c"));
    assert!(!site["p/npm/b.html"].contains("text of"));
    assert!(site["index.html"].contains("2 recipes") && site["index.html"].contains("recipe-a"));
}

#[test]
fn notes_of_a_package_are_on_its_page_and_on_those_of_its_failures() {
    let mut state = MemoryState::default();
    state.queue(json!({"id": "npm:a", "tier": 1, "status": "success", "added_at": sample::now(),
        "notes": ["deprecated: use <b> instead", "wants to run scripts"]}));
    state.failure(json!({"id": "x", "package_id": "npm:c", "ecosystem": "npm", "batch_id": "x",
        "timestamp": sample::now(), "notes": ["every version is a prerelease"]}));
    let site = site(&state, sample::now());
    for (page, note) in [
        ("p/npm/a.html", "deprecated: use &#60;b&#62; instead"),
        ("p/npm/a.html", "wants to run scripts"),
        ("p/npm/c.html", "every version is a prerelease"),
        ("failures/x.html", "every version is a prerelease"),
    ] {
        assert!(site[page].contains(note), "{note} is not in {}", site[page]);
    }
    assert!(!site["index.html"].contains("Notes"));
}

#[test]
fn commands_that_installations_showed_are_marked() {
    let mut state = MemoryState::default();
    state.run(json!({"batch_id": "npm-2026-11-21T12-00-00Z", "ecosystem": "npm", "timestamp": "2026-11-21T12:00:00Z",
        "total": 2, "succeeded": 2, "packages_processed": ["npm:a", "npm:b"],
        "recipes_generated": ["recipe-a", "recipe-b"], "executables_from": {"recipe-b": "installation"}}));
    for (id, from) in [("x", json!("installation")), ("y", json!("registry")), ("z", json!(null))] {
        state.failure(json!({"id": id, "package_id": "npm:c", "ecosystem": "npm", "batch_id": id,
            "timestamp": sample::now(), "executables_from": from}));
    }
    let site = site(&state, sample::now());
    let run = &site["runs/npm-2026-11-21T12-00-00Z.html"];
    let cell = r#"data-label="Commands from">installation</td>"#;
    assert_eq!(run.matches(cell).count(), 1, "{run}");
    let shown = |id: &str| site[&format!("failures/{id}.html")].clone();
    assert!(shown("x").contains("<dt>Commands from</dt><dd>installation</dd>"));
    assert!(shown("y").contains("<dt>Commands from</dt><dd>registry</dd>"));
    assert!(!shown("z").contains("Commands from"));
    // The page of a package marks each attempt.
    let marked = |page: &str| site[page].matches(cell).count();
    assert_eq!([marked("p/npm/a.html"), marked("p/npm/b.html"), marked("p/npm/c.html")], [0, 1, 1]);
}

#[test]
fn a_run_shows_its_pull_request_and_what_its_recipes_lost() {
    let mut state = MemoryState::default();
    let batch = "npm-2026-11-21T12-00-00Z";
    let reason = format!("{batch}-a-linux-alpine-musl-x86_64");
    let cell = json!({"cell": "linux-musl-x86_64", "failed_in": ["linux-alpine-musl-x86_64"]});
    state.run(json!({"batch_id": batch, "ecosystem": "npm", "timestamp": "2026-11-21T12:00:00Z",
        "total": 1, "succeeded": 1, "constrained": 1, "packages_processed": ["npm:a"],
        "pull_request": {"number": 17, "url": "https://forge.example/pull/17"},
        "exclusions": [{"package_id": "npm:a", "cells": [cell], "failure_ids": [reason],
            "recheck_at": "2026-12-21T12:00:00Z"}],
        "results": [{"package_id": "npm:a", "environment": "linux-debian-glibc-x86_64",
            "result": "pass", "tries": 1, "duration_ms": 5}]}));
    state.failure(
        json!({"id": reason, "package_id": "npm:a", "ecosystem": "npm", "batch_id": batch,
        "environment": "linux-alpine-musl-x86_64", "removed_cell": "linux-musl-x86_64",
        "timestamp": "2026-11-21T12:01:00Z"}),
    );
    let site = site(&state, sample::now());
    let run = &site[&format!("runs/{batch}.html")];
    assert!(run.contains(r#"<a href="https://forge.example/pull/17""#), "{run}");
    assert_eq!(n_rows(&site, &format!("runs/{batch}.html#restricted")), 1);
    let link = format!("<a href=\"../failures/{reason}.html\">linux-alpine-musl-x86_64</a>");
    let (_, table) = run.split_once("<table id=\"restricted\">").unwrap();
    let (table, _) = table.split_once("</table>").unwrap();
    for text in ["linux-musl-x86_64", &link, "2026-12-21 12:00"] {
        assert!(table.contains(text), "{text} in {table}");
    }
    let failure = &site[&format!("failures/{reason}.html")];
    assert!(failure.contains("<dt>No longer offered for</dt><dd>linux-musl-x86_64</dd>"));
    assert!(site["index.html"].contains("1 recipe verified, in pull request 17"));
    count::check_all(&site);
}

#[test]
fn an_output_that_cannot_be_shown_is_named() {
    let mut state = MemoryState::default();
    let kept = state.store_output("all that it printed");
    let gone = json!({"sha256": "ab".repeat(32), "bytes": 10, "truncated": false});
    let mut huge = state.store_output("too much");
    huge["bytes"] = json!(1_u64 << 40);
    for (name, output) in [("kept", kept), ("gone", gone), ("huge", huge)] {
        state.failure(json!({"id": name, "package_id": format!("npm:{name}"), "ecosystem": "npm",
            "batch_id": "npm-2026-11-21T12-00-00Z", "timestamp": sample::now(), "output": output}));
    }
    let site = site(&state, sample::now());
    assert!(site["failures/kept.html"].contains("all that it printed"));
    assert!(
        site["failures/gone.html"]
            .contains(&format!("No longer stored; SHA-256 {}", "ab".repeat(32)))
    );
    assert!(site["failures/huge.html"].contains("too old to be shown here"));
    // The page of the package leads to the output, and does not repeat it.
    assert!(site["p/npm/kept.html"].contains(r#"failures/kept.html#output""#));
    assert!(!site["p/npm/kept.html"].contains("all that it printed"));
}

/// The keys of an example of the design, with those of its parts.
fn has_keys(found: &Value, example: &Value, path: &str) {
    match example {
        Value::Object(keys) => {
            for (key, example) in keys {
                let part = found.get(key).unwrap_or_else(|| panic!("{path}.{key} is missing"));
                has_keys(part, example, &format!("{path}.{key}"));
            }
        }
        Value::Array(examples) => {
            let parts = found.as_array().unwrap_or_else(|| panic!("{path} is no list"));
            for example in examples {
                let has = |part: &&Value| part.is_object() == example.is_object();
                let part = parts.iter().find(has).unwrap_or_else(|| panic!("{path} is empty"));
                has_keys(part, example, path);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[test]
fn the_file_for_programs_has_every_name_of_the_design() {
    let mut state = sample::state();
    let audit = json!({"schema_version": 2, "tool": "b", "selected": "npm:b",
        "selection_reason": "priority_fallback", "high_risk": true});
    state.audits.push(serde_json::from_value(audit).unwrap());
    let site = site(&state, sample::now());
    let json: Value = serde_json::from_str(&site["dashboard.json"]).unwrap();
    let run = json!({"batch_id": "", "ecosystem": "", "timestamp": "", "total": 0, "succeeded": 0,
        "failed": 0, "blocked": 0, "packages_processed": [""], "recipes_generated": [],
        "workflow_run_url": "", "platform_results":
        {"linux-debian-glibc-x86_64": {"tested": 0, "passed": 0, "failed": 0}}});
    let last = json!({"batch_id": "", "ecosystem": "", "timestamp": "", "succeeded": 0, "failed": 0,
        "total": 0});
    let breaker = json!({"breaker_state": "", "last_failure": null, "consecutive_failures": 0});
    let example = json!({
        "queue": {"total": 0, "by_status": {"pending": 0}, "packages": [{}]},
        "blockers": [{}], "runs": [run], "generated_at": "",
        "failures": [{"id": "", "package": "", "ecosystem": "", "category": "", "subcategory": "",
            "message": "", "full_output": "", "platform": "", "batch_id": "", "timestamp": "",
            "workflow_run_url": ""}],
        "failures_summary": {"total": 0, "by_category": {}, "by_subcategory": {}, "by_ecosystem": {}},
        "health": {"ecosystems": {"npm": breaker}, "last_run": last,
            "last_successful_run": {"batch_id": "", "recipes_merged": 0, "timestamp": ""},
            "runs_since_last_success": 0, "hours_since_last_run": 0, "hours_since_recipe_merged": 0},
        "disambiguations": {"total": 0, "by_reason": {"priority_fallback": 1}, "need_review": 0},
    });
    has_keys(&json, &example, "dashboard");
    assert_eq!(json["disambiguations"]["need_review"], 1);
    let has_output = |it: &&Value| it["full_output"].is_string() && it["platform"].is_string();
    let failures = json["failures"].as_array().unwrap();
    assert!(failures.iter().filter(has_output).count() > 20, "outputs are whole");
    let monitor: Value = serde_json::from_str(&site["health.json"]).unwrap();
    assert_eq!(monitor["verdict"], json["health"]["verdict"]);
    assert!(monitor["stale_after"].as_str() > Some("2026-11-21"), "{monitor}");
}

#[test]
fn the_shards_have_every_failure_once() {
    let mut state = MemoryState::default();
    let output = state.store_output(&"x".repeat(60 << 10));
    for i in 0..200 {
        state.failure(json!({"id": format!("npm-2026-11-21T12-00-00Z-p{i}"), "ecosystem": "npm",
            "package_id": format!("npm:p{i}"), "batch_id": "npm-2026-11-21T12-00-00Z",
            "output": output, "timestamp": sample::now()}));
    }
    let site = site(&state, sample::now());
    let json: Value = serde_json::from_str(&site["dashboard.json"]).unwrap();
    let ids = |json: &Value| -> Vec<String> {
        let failures = json["failures"].as_array().unwrap().iter();
        failures.map(|it| it["id"].as_str().unwrap().to_owned()).collect()
    };
    let mut all = ids(&json);
    let shards = json["failure_shards"].as_array().unwrap();
    assert!(shards.len() > 1);
    for shard in shards {
        let content: Value = serde_json::from_str(&site[shard["path"].as_str().unwrap()]).unwrap();
        assert_eq!(shard["count"], ids(&content).len());
        all.extend(ids(&content));
    }
    let n = all.len();
    all.sort();
    all.dedup();
    assert_eq!((n, all.len()), (200, 200));
    assert_eq!(json["failures_summary"]["total"], 200);
}

#[test]
fn decisions_about_sources_are_counted_and_those_that_need_a_person_listed() {
    let mut state = MemoryState::default();
    for (tool, is_risky) in [("one", true), ("two", true), ("three", false)] {
        let audit = json!({"schema_version": 2, "tool": tool, "selected": format!("npm:{tool}"),
            "selection_reason": if is_risky { "fallback" } else { "single" }, "high_risk": is_risky});
        state.audits.push(serde_json::from_value(audit).unwrap());
    }
    // A person has decided about this one.
    let source = json!({"schema_version": 2, "tool": "two", "selected": "npm:two",
        "selection_reason": "looked at", "high_risk": true});
    state.sources.push(serde_json::from_value(source).unwrap());
    let site = site(&state, sample::now());
    assert_eq!(n_rows(&site, "disambiguations.html"), 4);
    assert_eq!(n_rows(&site, "disambiguations-need-review.html"), 1);
    assert_eq!(n_rows(&site, "disambiguations/fallback.html"), 2);
    assert!(site["index.html"].contains("<a href=\"disambiguations-need-review.html\">1</a>"));
    count::check_all(&site);
}

#[test]
fn results_that_nobody_counted_are_not_called_untested() {
    let mut state = MemoryState::default();
    state.run(json!({"batch_id": "npm-2026-11-21T12-00-00Z", "ecosystem": "npm",
        "timestamp": sample::now(), "environments": {"linux-alpine-musl-x86_64":
            {"tested": 4, "passed": 3, "failed": 1, "blocked": 0, "skipped": 0}}}));
    state.failure(json!({"id": "npm-2026-11-20T12-00-00Z-a", "ecosystem": "npm",
        "package_id": "npm:a", "batch_id": "npm-2026-11-20T12-00-00Z", "timestamp": sample::now(),
        "environment": "linux-debian-glibc-x86_64"}));
    let page = &site(&state, sample::now())["environments.html"];
    let row = |environment: &str| {
        let (_, rest) = page.split_once(&format!(">{environment}<")).unwrap();
        rest.split_once("</tr>").unwrap().0.to_owned()
    };
    assert!(row("linux-debian-glibc-x86_64").contains("nothing counted"));
    assert!(row("linux-debian-glibc-x86_64").contains("linux-debian-glibc-x86_64.html\">1</a>"));
    assert!(row("linux-alpine-musl-x86_64").contains("75 %"));
    // Nothing was blocked or skipped.
    assert!(page.contains(">Failed</th>") && !page.contains(">Blocked</th>"), "{page}");
}
