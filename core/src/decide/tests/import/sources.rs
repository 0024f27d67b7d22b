//! Decisions about the source of a tool.

use serde_json::{Value, json};

use super::*;
use crate::model::{CuratedSource, SourceAudit, SourceProbe};

const CURATED: &str = "data/disambiguations/curated.jsonl";

fn curated(selections: &[Value]) -> String {
    json!({ "disambiguations": selections }).to_string()
}

fn tool(name: &str) -> PackageName {
    name.parse().unwrap()
}

#[test]
fn a_decision_of_a_person_keeps_what_it_says() {
    let selection = json!({"tool": "bat", "selected": "eco.io:Bat", "high_risk": true,
        "alternatives": ["other:bat", "e:bat-cli"], "selection_reason": "the \u{1b}[1mfirst one"});
    let imported = of_file(RecordKind::Selection, CURATED, &curated(&[selection]));
    let expected = CuratedSource {
        schema_version: crate::model::SCHEMA_VERSION,
        tool: tool("bat"),
        selected: id("eco:bat"),
        recipe_name: None,
        alternatives: vec![id("other:bat"), id("eco:bat-cli")],
        selection_reason: "the first one".to_owned(),
        high_risk: true,
        reviewed_at: None,
        expires_at: None,
    };
    assert_eq!(imported.curated_sources, [(tool("bat"), expected)].into());
    assert_eq!(n_of(&imported, Oddity::Aliases), 2);
    let count = imported.report.kinds[&RecordKind::Selection];
    assert_eq!((count.files, count.records_in, count.records_out), (1, 1, 1));
}

#[test]
fn the_last_decision_of_a_person_counts() {
    let selection = |selected: &str| json!({"tool": "bat", "selected": selected});
    let selections = ["eco:a", "eco:b", "eco:c"].map(selection);
    let imported = of_file(RecordKind::Selection, CURATED, &curated(&selections));
    assert_eq!(imported.curated_sources[&tool("bat")].selected, id("eco:c"));
    let count = imported.report.kinds[&RecordKind::Selection];
    assert_eq!((count.records_in, count.records_out, count.merged), (3, 1, 2));
    assert!(imported.report.is_balanced());
}

#[test]
fn a_decision_that_names_no_package_is_refused_with_its_place() {
    let text = "{\"disambiguations\":[\n{\"tool\":\"a\",\"selected\":\"eco:a\"},\n\
                {\"tool\":\"b\",\"selected\":\"b\"}]}";
    let imported = of_file(RecordKind::Selection, CURATED, text);
    assert_eq!(imported.curated_sources.len(), 1);
    let [refused] = &imported.report.quarantined[..] else { panic!("{:?}", imported.report) };
    assert_eq!((&*refused.file, refused.line), (CURATED, 3));
    assert!(imported.report.is_balanced());
    let name = "data/disambiguations/audit/b.json";
    let imported = of_file(RecordKind::Audit, name, r#"{"tool":"b","selected":"b"}"#);
    let [refused] = &imported.report.quarantined[..] else { panic!("{:?}", imported.report) };
    assert_eq!((&*refused.file, refused.line, imported.audits.len()), (name, 1, 0));
    assert!(imported.report.is_balanced());
}

#[test]
fn a_decision_of_the_program_keeps_its_evidence() {
    let audit = json!({"tool": "bat", "selected": "eco:bat", "alternatives": ["e:cat"],
        "selection_reason": "10x", "high_risk": true, "downloads_ratio": 2.5,
        "previous_source": "eco.io:old", "disambiguated_at": "2026-02-20T10:00:00Z",
        "seeding_run": "2026-02-19T10:00:00Z",
        "probe_results": [{"source": "eco:bat", "downloads": 7, "version_count": 3,
            "has_repository": true}]});
    let imported = of_file(RecordKind::Audit, "data/audit/bat.json", &audit.to_string());
    let probe =
        SourceProbe { source: id("eco:bat"), downloads: 7, version_count: 3, has_repository: true };
    let expected = SourceAudit {
        schema_version: crate::model::SCHEMA_VERSION,
        tool: tool("bat"),
        selected: id("eco:bat"),
        alternatives: vec![id("eco:cat")],
        selection_reason: "10x".to_owned(),
        high_risk: true,
        downloads_ratio: Some(2.5),
        probes: vec![probe],
        previous_source: Some(id("eco:old")),
        decided_at: Some(at("2026-02-20T10:00:00Z")),
        seeding_run: Some(at("2026-02-19T10:00:00Z")),
    };
    assert_eq!(imported.audits, [(tool("bat"), expected)].into());
    let count = imported.report.kinds[&RecordKind::Audit];
    assert_eq!((count.files, count.records_in, count.records_out), (1, 1, 1));
    // The old program wrote an empty text where there was no source before.
    let first = json!({"tool": "bat", "selected": "eco:bat", "previous_source": ""}).to_string();
    let imported = of_file(RecordKind::Audit, "data/audit/bat.json", &first);
    assert_eq!(imported.audits[&tool("bat")].previous_source, None);
}

#[test]
fn the_newest_decision_of_the_program_counts() {
    let audit = |selected: &str, day: u8| {
        let audit = json!({"tool": "bat", "selected": selected,
            "disambiguated_at": format!("2026-02-{day:02}T10:00:00Z")});
        (RecordKind::Audit, audit.to_string())
    };
    for (files, expected) in [
        ([audit("eco:old", 1), audit("eco:new", 2)], "eco:new"),
        ([audit("eco:new", 2), audit("eco:old", 1)], "eco:new"),
        ([audit("eco:first", 1), audit("eco:second", 1)], "eco:first"),
    ] {
        let imported = imported(&files);
        assert_eq!(imported.audits[&tool("bat")].selected, id(expected));
        let count = imported.report.kinds[&RecordKind::Audit];
        assert_eq!((count.records_in, count.records_out, count.merged), (2, 1, 1));
        assert!(imported.report.is_balanced());
    }
}

#[test]
fn a_risky_source_of_a_pending_entry_that_no_person_selected_is_counted() {
    let queue = |status: &str| {
        let entries = json!([{"id": "eco:bat", "status": status}]);
        (RecordKind::QueueEntry, json!({ "entries": entries }).to_string())
    };
    let audit = |selected: &str, is_risky: bool| {
        let audit = json!({"tool": "bat", "selected": selected, "high_risk": is_risky});
        (RecordKind::Audit, audit.to_string())
    };
    let person = |tool: &str| {
        let selection = json!({"tool": tool, "selected": "eco:bat"});
        (RecordKind::Selection, curated(&[selection]))
    };
    let risky = audit("eco:bat", true);
    for (files, expected) in [
        (vec![queue("pending"), risky.clone()], 1),
        (vec![queue("pending"), audit("eco:bat", false)], 0),
        (vec![queue("success"), risky.clone()], 0),
        (vec![queue("pending"), audit("eco:other", true)], 0),
        (vec![queue("pending"), audit("other:bat", true)], 0),
        (vec![queue("pending"), person("bat"), risky.clone()], 0),
        (vec![queue("pending"), person("cat"), risky.clone()], 1),
        (vec![risky], 0),
    ] {
        let imported = imported(&files);
        assert_eq!(n_of(&imported, Oddity::UnconfirmedSources), expected, "{files:?}");
    }
}
