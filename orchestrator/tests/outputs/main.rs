//! Outputs of the tools of all ecosystems, and what they must be classified as by tags, classifier,
//! shared patterns and exit code together.
#![expect(clippy::unwrap_used, reason = "tests, helpers included")]

use std::collections::BTreeSet;

use batch_core::{
    decide::classify,
    model::{Confidence, Evidence, FailureKind, Finding, Stage},
};
use orchestrator::plugins;

const STATED: [&str; 4] = [
    include_str!("registries.txt"),
    include_str!("machines.txt"),
    include_str!("builds.txt"),
    include_str!("packages.txt"),
];
const TWINS: &str = include_str!("twins.txt");

const ECOSYSTEMS: [&str; 8] =
    ["homebrew", "cargo", "npm", "pypi", "rubygems", "go", "cpan", "cask"];

struct Row {
    ecosystem: &'static str,
    kind: FailureKind,
    service: Option<&'static str>,
    text: &'static str,
}

/// The blocks of `table`.
fn rows(table: &'static str) -> Vec<Row> {
    let row = |block: &'static str| {
        let (head, text) = block.split_once('\n').unwrap();
        let [ecosystem, kind, service] = head.split(' ').collect::<Vec<_>>()[..] else {
            panic!("{head}");
        };
        let service = (service != "-").then_some(service);
        let kind = kind.parse().unwrap();
        Row { ecosystem, kind, service, text: text.trim_end_matches('\n') }
    };
    table.split("\n@@ ").skip(1).map(row).collect()
}

fn read(ecosystem: &str, stage: Stage, text: &str) -> Finding {
    let registry = plugins::registry().expect("the linked plugins are a registry");
    let plugin = registry.resolve(ecosystem).expect("a test uses ecosystems");
    let (tool, text) = ("tool".to_owned(), text.to_owned());
    let evidence = Evidence { stage, tool, exit_code: Some(1), text };
    classify::finding(&evidence, plugin.classifier.classify(&evidence))
}

#[test]
fn each_output_gets_the_kind_and_the_service_that_it_states() {
    let rows: Vec<Row> = STATED.into_iter().flat_map(rows).collect();
    assert!(rows.len() >= 240, "{} rows", rows.len());
    let ecosystems: BTreeSet<&str> = rows.iter().map(|row| row.ecosystem).collect();
    assert_eq!(ecosystems, ECOSYSTEMS.into_iter().collect());
    for Row { ecosystem, kind, service, text } in rows {
        let found = read(ecosystem, Stage::Validate, text);
        assert_eq!((found.kind, found.service.as_deref()), (kind, service), "{ecosystem}: {text}");
        // What an ecosystem's breaker counts must be certain.
        let is_certain = service.is_none() || found.confidence == Confidence::Stated;
        assert!(is_certain, "{ecosystem}: {text}");
    }
}

#[test]
fn an_output_that_resembles_a_cause_does_not_get_its_kind() {
    let rows = rows(TWINS);
    assert!(rows.len() >= 30, "{} rows", rows.len());
    for Row { ecosystem, kind, text, .. } in rows {
        let found = read(ecosystem, Stage::Validate, text);
        assert_ne!(found.kind, kind, "{ecosystem}: {text}");
    }
}

#[test]
fn progress_and_banners_state_no_cause() {
    for ecosystem in ECOSYSTEMS {
        for text in [
            "   Installing 1 packages with hash verification",
            "   ⚠ Low GitHub API rate limit: 6 requests remaining (resets at 2026-04-24T02:49:59Z)",
            "tsuku collects anonymous usage statistics to improve the tool.\nNo personal \
             information is collected. See: https://tsuku.dev/telemetry",
            "Warning: Skipping recipe review (--yes). The recipe will be installed without \
             confirmation.",
        ] {
            let finding = read(ecosystem, Stage::Generate, text);
            assert_eq!(finding, Finding::stated(FailureKind::Unclassified), "{ecosystem}: {text}");
        }
    }
}
