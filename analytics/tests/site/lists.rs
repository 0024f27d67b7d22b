//! Lists, their indexes, and the ways between pages.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::Read as _,
};

use analytics::{Circumstances, Page};
use batch_core::io::StateError;
use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::{count, html, links::distances, memory::MemoryState, sample, sample_site, site};

fn many(n: usize) -> MemoryState {
    let mut state = MemoryState::default();
    for i in 0..n {
        let kind = if i % 3 == 0 { "install_failed" } else { "verify_failed" };
        state.failure(json!({"id": format!("npm-2026-11-21T12-00-00Z-p{i}"), "ecosystem": "npm",
            "package_id": format!("npm:p{i}"), "batch_id": "npm-2026-11-21T12-00-00Z",
            "subcategory": kind, "timestamp": sample::now() - TimeDelta::seconds(i.try_into().unwrap())}));
    }
    state
}

/// Every file by its path.
fn files(state: &MemoryState) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    let put = |page: Page| {
        files.insert(page.path, page.body);
        Ok::<(), StateError>(())
    };
    analytics::pages(state, &Circumstances::at(sample::now()), put).unwrap();
    files
}

#[test]
fn the_index_of_a_long_list_has_all_rows_as_the_pages_show_them() {
    let site = site(&many(700), sample::now());
    let index: Value = serde_json::from_str(&site["failures.rows.json"]).unwrap();
    let columns = index["columns"].as_array().unwrap();
    let cell = |column: &Value, row: usize| {
        let i = usize::try_from(column["rows"][row].as_u64().unwrap()).unwrap();
        column["values"][i].clone()
    };
    let of = |label: &str| columns.iter().find(|column| column["label"] == label).unwrap();
    assert!(columns.iter().all(|column| column["rows"].as_array().unwrap().len() == 700));
    for i in 0..700 {
        assert_eq!(cell(of("Package"), i), json!([format!("p{i}"), format!("p/npm/p{i}.html")]));
        let kind = if i % 3 == 0 { "install_failed" } else { "verify_failed" };
        assert_eq!(cell(of("Subcategory"), i), kind);
        assert_eq!(cell(of("Category"), i), "validation_failed");
    }
    assert_eq!(cell(of("What happened"), 699)[1], "failures/npm-2026-11-21T12-00-00Z-p699.html");
    // A value that many rows have is there once. Of an instant, readers see the minute.
    assert_eq!(of("Subcategory")["values"].as_array().unwrap().len(), 2);
    assert_eq!(of("Time")["values"].as_array().unwrap().len(), 700 / 60 + 2);
    // Every column of the pages is in it by its heading: the script finds them so.
    let headings = html::tags(&site["failures.html"]);
    for heading in
        headings.iter().filter(|tag| tag.name == "th" && tag.attributes["scope"] == "col")
    {
        of(&heading.text);
    }
    assert!(site["failures.html"].contains(r#"data-index="failures.rows.json""#));
    // A part of the list has no index of its own, and says which rows are meant.
    let part = r#"data-index="../failures.rows.json" data-preset="category=validation_failed""#;
    assert!(site["category/validation_failed.html"].contains(part));
    assert!(!site.contains_key("category/validation_failed.rows.json"));
    assert!(!sample_site().contains_key("failures.rows.json"), "a short list needs none");
}

#[test]
fn a_filter_offers_the_values_that_occur() {
    let page = &site(&many(20), sample::now())["failures.html"];
    assert!(page.contains("<option>install_failed</option>"), "{page}");
    assert!(page.contains("<option>verify_failed</option>"));
    assert!(!page.contains(r#"<select name="ecosystem">"#), "there is one ecosystem only");
    for field in ["q", "from", "to"] {
        assert!(page.contains(&format!("name=\"{field}\"")), "{field}");
    }
}

#[test]
fn every_page_can_be_reached_and_every_output_with_two_clicks() {
    let mut state = sample::state();
    state.failures.records.extend(many(1_200).failures.records);
    let site = site(&state, sample::now());
    let distances = distances(&site);
    for path in site.keys().filter(|path| crate::is_html(path)) {
        let is_asked_for_by_id = ["failure.html", "run.html"].contains(&&**path);
        assert!(is_asked_for_by_id || distances.contains_key(path), "nothing leads to {path}");
    }
    // More of them are of one day than one page has.
    for failure in &state.failures.records {
        let page = format!("failures/{}.html", failure.id);
        assert!(distances[&page] <= 2, "{} clicks to {page}", distances[&page]);
    }
}

#[test]
fn a_package_that_was_never_attempted_is_a_row_to_which_others_lead() {
    let mut state = MemoryState::default();
    for i in 0..600 {
        state.queue(json!({"id": format!("npm:p{i:03}"), "tier": 3, "status": "pending",
            "added_at": sample::now(), "notes": ["it is <old>"]}));
    }
    state.queue(
        json!({"id": "npm:waits", "tier": 2, "status": "blocked", "added_at": sample::now(),
        "blocked_by": ["p550"]}),
    );
    let site = site(&state, sample::now());
    assert!(!site.contains_key("p/npm/p550.html"));
    assert!(site.contains_key("p/npm/waits.html"));
    let row = "queue/npm/pending~2.html#p-p550";
    assert!(site["blockers.html"].contains(row), "{}", site["blockers.html"]);
    assert!(site["pending~2.html"].contains(row));
    let page = &site["queue/npm/pending~2.html"];
    let (_, rest) = page.split_once("<tr id=\"p-p550\">").unwrap();
    let (row, _) = rest.split_once("</tr>").unwrap();
    assert!(page.contains("<h1>Packages of npm: pending</h1>"), "{page}");
    for text in ["p550", "it is &#60;old&#62;", "2026-11-21"] {
        assert!(row.contains(text), "{text} in {row}");
    }
    count::check_all(&site);
}

/// The text of a cell, which may be that of a link.
fn text_of(cell: &str) -> &str {
    let (text, _) = cell.split_once("</th>").unwrap();
    text.trim_end_matches("</a>").rsplit('>').next().unwrap()
}

#[test]
fn important_packages_come_first_whatever_their_ecosystem() {
    let mut state = MemoryState::default();
    for (id, tier, status) in [
        ("cargo:b", 3, "pending"),
        ("cargo:c", 1, "failed"),
        ("cargo:d", 2, "pending"),
        ("npm:a", 1, "pending"),
        ("npm:b", 3, "pending"),
        ("npm:e", 2, "pending"),
    ] {
        state.queue(json!({"id": id, "tier": tier, "status": status, "added_at": sample::now()}));
    }
    let site = site(&state, sample::now());
    let check = |path: &str, expected: &str| {
        let (_, rows) = site[path].split_once("<tbody>").unwrap();
        let names: Vec<&str> = rows.split("<th scope=\"row\">").skip(1).map(text_of).collect();
        assert_eq!(names.join(" "), expected, "{path}");
    };
    check("queue.html", "c a d e b b");
    check("pending.html", "a d e b b");
    check("queue/npm/all.html", "a e b");
}

#[test]
fn very_long_lists_name_the_lists_that_have_their_rows() {
    let mut state = MemoryState::default();
    for i in 0..10_001 {
        let ecosystem = if i < 3 { "cargo" } else { "npm" };
        state
            .queue(json!({"id": format!("{ecosystem}:p{i}"), "tier": 3, "added_at": sample::now(),
            "status": if i == 5 { "success" } else { "pending" }}));
    }
    let site = site(&state, sample::now());
    let pages = count::parse(&site);
    for (list, n) in
        [("queue.html", 10_001), ("pending.html", 10_000), ("queue/npm/all.html", 9_998)]
    {
        assert_eq!(count::n_rows(&pages, ("index.html", list)), n, "{list}");
    }
    assert!(site["queue.html"].contains("<table id=\"parts\">"));
    assert!(!site.contains_key("queue~2.html"));
    // Filters look at all rows.
    let index: Value = serde_json::from_str(&site["queue.rows.json"]).unwrap();
    assert_eq!(index["columns"][0]["rows"].as_array().unwrap().len(), 10_001);
    assert!(site["queue.html"].contains("data-total=\"10001\" data-root=\"\" data-index"));
    // The lists that are the parts of others have their rows.
    assert!(site.contains_key("queue/npm/pending~20.html"));
    count::check_all(&site);
}

#[test]
fn what_a_blocker_unlocks_is_listed() {
    let mut state = MemoryState::default();
    let waits = [("a", vec!["x"]), ("b", vec!["x", "y"]), ("c", vec!["a"])];
    for (name, by) in waits {
        state.queue(json!({"id": format!("npm:{name}"), "tier": 2, "status": "blocked",
            "added_at": sample::now(), "blocked_by": by}));
    }
    let site = site(&state, sample::now());
    // `a` waits for nothing else, and `c` waits for `a` only.
    let pages = count::parse(&site);
    assert_eq!(count::n_rows(&pages, ("blockers.html", "blockers/npm/x.html#unlocks")), 2);
    assert_eq!(count::n_rows(&pages, ("blockers.html", "blockers/npm/x.html")), 2);
    assert!(site["blockers.html"].contains("tsuku-batch queue add npm:x"));
    count::check_all(&site);
}

#[test]
fn old_records_are_lines_on_the_pages_of_their_months() {
    let mut state = many(1);
    for (day, name) in [("2026-07-30", "late"), ("2026-07-02", "early"), ("2026-06-30", "first")] {
        let batch = format!("npm-{day}T12-00-00Z");
        state.failure(json!({"id": format!("{batch}-{name}"), "ecosystem": "npm",
            "package_id": format!("npm:{name}"), "batch_id": batch, "message": "no <such> thing",
            "environment": "linux-debian-glibc-x86_64", "timestamp": format!("{day}T12:01:00Z")}));
        state.run(
            json!({"batch_id": batch, "ecosystem": "npm", "timestamp": format!("{day}T12:00:00Z"),
            "total": 1, "failed": 1, "packages_processed": [format!("npm:{name}")]}),
        );
    }
    let odd = json!({"id": "odd", "package_id": "npm:odd", "ecosystem": "npm", "batch_id": "odd",
        "timestamp": "2026-05-01T00:00:00Z"});
    state.failure(odd);
    let site = site(&state, sample::now());
    let july = &site["history/failures-2026-07.html"];
    for text in [
        "id=\"f-npm-2026-07-30T12-00-00Z-late\"",
        "id=\"f-npm-2026-07-02T12-00-00Z-early\"",
        "<th>late</th>",
        "linux-debian-glibc-x86_64",
        "href=\"failures-2026-07.jsonl.gz\"",
    ] {
        assert!(july.contains(text), "{text} in {july}");
    }
    assert!(site.contains_key("history/failures-2026-07.jsonl.gz"));
    assert!(site["history/runs-2026-06.html"].contains("id=\"r-npm-2026-06-30T12-00-00Z\""));
    assert!(site["history/failures-other.html"].contains("id=\"f-odd\""));
    assert!(!site.contains_key("failures/npm-2026-07-30T12-00-00Z-late.html"));
    // The redirection knows from when on there are pages.
    assert!(site["failure.html"].contains("data-since=\"2026-08-23T00-00-00Z\""));
    assert_eq!(count::n_rows(&count::parse(&site), ("index.html", "failures.html")), 1);
    count::check_all(&site);
}

#[test]
fn outputs_of_old_failures_are_in_a_file_of_their_month_two_clicks_away() {
    let mut state = many(1);
    let output = state.store_output("all that it printed");
    let mut huge = state.store_output("too much");
    huge["bytes"] = json!(1_u64 << 40);
    // Two failures with the same output, and one whose output would make the site too large.
    for (day, name, output) in [
        ("2026-07-30", "late", &output),
        ("2026-07-02", "early", &output),
        ("2026-06-30", "first", &huge),
    ] {
        let batch = format!("npm-{day}T12-00-00Z");
        state.failure(json!({"id": format!("{batch}-{name}"), "ecosystem": "npm",
            "package_id": format!("npm:{name}"), "batch_id": batch, "output": output,
            "timestamp": format!("{day}T12:01:00Z")}));
    }
    let bytes = files(&state);
    let file = |name: &str| {
        let mut text = String::new();
        flate2::read::GzDecoder::new(&*bytes[name]).read_to_string(&mut text).unwrap();
        text
    };
    let outputs = file("history/outputs-2026-07.jsonl.gz");
    assert_eq!(outputs.matches("all that it printed").count(), 1, "{outputs}");
    let sha256 = output["sha256"].as_str().unwrap();
    let records = file("history/failures-2026-07.jsonl.gz");
    assert!(outputs.contains(sha256) && records.contains(sha256));
    assert!(!bytes.contains_key("history/outputs-2026-06.jsonl.gz"));
    let site = site(&state, sample::now());
    assert!(site["history/failures-2026-06.html"].contains("with its output"));
    assert!(site["history.html"].contains("history/outputs-2026-07.jsonl.gz"));
    assert_eq!(distances(&site)["history/outputs-2026-07.jsonl.gz"], 2);
}

#[test]
fn the_changes_of_a_run_are_those_since_the_attempts_before() {
    let mut state = MemoryState::default();
    let batch = |hour: u32| format!("npm-2026-11-20T{hour:02}-00-00Z");
    let failed = |state: &mut MemoryState, hour: u32, name: &str, kind: [&str; 2]| {
        state.failure(json!({"id": format!("{}-{name}", batch(hour)), "ecosystem": "npm",
            "package_id": format!("npm:{name}"), "batch_id": batch(hour),
            "category": kind[0], "subcategory": kind[1],
            "timestamp": format!("2026-11-20T{hour:02}:01:00Z")}));
    };
    let structural = ["validation_failed", "install_failed"];
    let run = |state: &mut MemoryState, hour: u32, all: &[&str], n_good: usize| {
        let ids: Vec<String> = all.iter().map(|name| format!("npm:{name}")).collect();
        state.run(json!({"batch_id": batch(hour), "ecosystem": "npm", "total": all.len(),
            "succeeded": n_good, "failed": all.len() - n_good, "packages_processed": ids,
            "timestamp": format!("2026-11-20T{hour:02}:00:00Z")}));
    };
    run(&mut state, 1, &["broke", "fixed", "still"], 1);
    failed(&mut state, 1, "fixed", structural);
    failed(&mut state, 1, "still", structural);
    let all = ["broke", "fixed", "still", "new", "host"];
    run(&mut state, 2, &all, 1);
    for name in ["broke", "still", "new"] {
        failed(&mut state, 2, name, structural);
    }
    failed(&mut state, 2, "host", ["api_error", "timeout"]);
    let site = site(&state, sample::now());
    let pages = count::parse(&site);
    let run = format!("runs/{}.html", batch(2));
    let changes = [
        ("regressed", "broke"),
        ("newly-failing", "new"),
        ("newly-verified", "fixed"),
        ("still-failing", "still"),
        ("transient", "host"),
    ];
    for (kind, name) in changes {
        let target = format!("{run}#{kind}");
        assert!(site["index.html"].contains(&format!("<a href=\"{target}\">1</a>")), "{kind}");
        assert_eq!(count::n_rows(&pages, ("index.html", &target)), 1, "{kind}");
        let (_, table) = site[&run].split_once(&format!("<table id=\"{kind}\">")).unwrap();
        let (table, _) = table.split_once("</table>").unwrap();
        assert!(table.contains(&format!("p/npm/{name}.html")), "{name} in {table}");
    }
    // The grid of the ecosystem says the same about both runs together.
    let grid = &site["ecosystems/npm.html"];
    let trends: BTreeSet<&str> = ["regressed", "fixed", "fails"]
        .into_iter()
        .filter(|trend| grid.contains(&format!("status s-{trend}")))
        .collect();
    assert_eq!(trends.len(), 3, "{grid}");
    count::check_all(&site);
}
