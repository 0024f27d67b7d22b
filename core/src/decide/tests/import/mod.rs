//! What must hold of an import, whatever the old files contain.

mod control;
mod entries;
mod failures;
mod report;
mod runs;
mod seedings;
mod sources;

use std::sync::LazyLock;

use chrono::{DateTime, Utc};
use proptest::prelude::*;

use crate::{
    decide::{
        clean::Cleaner,
        import::{Classify, Import, Imported, Known, Oddity, RecordKind},
    },
    model::{
        EcosystemId, EcosystemNames, Evidence, Finding, InvalidId, PackageId, PackageName, Status,
    },
    old_formats::{audit, control, failures, queue, runs, seedings, selections},
};

const ECO: EcosystemId = EcosystemId::from_static("eco");

/// Made once, because that takes long.
static CLEANER: LazyLock<Cleaner> = LazyLock::new(Cleaner::default);

/// Names of this ecosystem have no slash.
fn normalise(_: &EcosystemId, name: &str) -> Result<PackageName, InvalidId> {
    if name.contains('/') {
        return Err(InvalidId::new("eco name", name));
    }
    name.to_lowercase().parse()
}

fn classify(_: &EcosystemId, _: &Evidence) -> Option<Finding> {
    None
}

/// The import of files with these contents, of every kind.
fn imported(files: &[(RecordKind, String)]) -> Imported {
    let name = |n: usize| format!("data/x-{n}.jsonl");
    let files: Vec<(RecordKind, String, &str)> =
        files.iter().enumerate().map(|(n, (kind, text))| (*kind, name(n), &**text)).collect();
    imported_with(&files, &classify, None)
}

/// The import of the files with these names and contents.
fn imported_with(
    files: &[(RecordKind, String, &str)],
    classify: Classify<'_>,
    has_recipe: Option<&dyn Fn(&str) -> bool>,
) -> Imported {
    let aliases: &[&str] = &["eco.io", "e"];
    let names = EcosystemNames::new([(&ECO, aliases)]).unwrap();
    let known =
        Known { names: &names, normalise: &normalise, classify, cleaner: &CLEANER, has_recipe };
    let mut import = Import::new(known);
    for (kind, file, text) in files {
        let text = text.as_bytes();
        let refused = match kind {
            RecordKind::QueueEntry => queue(text).map(|queue| import.queue(file, &queue)),
            RecordKind::Control => control(text).map(|control| import.control(file, control)),
            RecordKind::Audit => audit(text).map(|audit| import.audit(file, &audit)),
            RecordKind::Failure | RecordKind::Run | RecordKind::Seeding | RecordKind::Selection => {
                records(&mut import, *kind, file, text);
                Ok(())
            }
        };
        if let Err(refused) = refused {
            import.refuse_file(*kind, file, refused);
        }
    }
    import.finish()
}

/// The import of one file.
fn of_file(kind: RecordKind, file: &str, text: &str) -> Imported {
    imported_with(&[(kind, file.to_owned(), text)], &classify, None)
}

/// How often `imported` has met `oddity`.
fn n_of(imported: &Imported, oddity: Oddity) -> u64 {
    imported.report.oddities.get(&oddity).copied().unwrap_or(0)
}

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn id(text: &str) -> PackageId {
    text.parse().unwrap()
}

/// Imports a file of records, of which each one may be refused.
fn records(import: &mut Import<'_>, kind: RecordKind, file: &str, text: &[u8]) {
    match kind {
        RecordKind::Failure => import.failures(file, failures(text, None)),
        RecordKind::Run => import.runs(file, runs(text)),
        RecordKind::Seeding => import.seedings(file, seedings(text)),
        RecordKind::Selection => import.selections(file, selections(text)),
        RecordKind::QueueEntry | RecordKind::Control | RecordKind::Audit => unreachable!(),
    }
}

/// Words of all old formats, good and bad, so that random texts of them are often nearly right.
const WORDS: &[&str] = &[
    "{",
    "}",
    "[",
    "]",
    ":",
    ",",
    "\n",
    "null",
    "true",
    "0",
    "7",
    "18446744073709551615",
    "-1",
    "\"eco:a\"",
    "\"eco.io:A\"",
    "\"eco:a/b\"",
    "\"other:a\"",
    "\"\"",
    "\"x\"",
    "\"<script>\"",
    "\"2026-02-19T08-45-18Z\"",
    "\"1734-03-17T21:04:51Z\"",
    "\"pending\"",
    "\"generated\"",
    "\"package_id\"",
    "\"failures\"",
    "\"recipe\"",
    "\"category\"",
    "\"timestamp\"",
    "\"message\"",
    "\"entries\"",
    "\"packages\"",
    "\"name\"",
    "\"source\"",
    "\"status\"",
    "\"updated_at\"",
    "\"ecosystems\"",
    "\"platforms\"",
    "\"total\"",
    "\"merged\"",
    "\"enabled\"",
    "\"circuit_breaker\"",
    "\"run_at\"",
    "\"disambiguations\"",
    "\"tool\"",
    "\"selected\"",
];

fn text() -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(WORDS), 0..60).prop_map(|words| words.concat())
}

fn line() -> impl Strategy<Value = String> {
    let id =
        prop::sample::select(vec!["eco:a", "eco.io:A", "eco:a/b", "other:a", "eco:", "x", "e:b"]);
    let category = prop::sample::select(vec!["install_failed", "timeout", "network", "new", ""]);
    let line = |(id, category, n): (&str, &str, u8)| {
        let nested = format!(
            "{{\"package_id\":\"{id}\",\"category\":\"{category}\",\"message\":\"m{n}\",\
             \"timestamp\":\"2026-02-19T08:45:{:02}Z\",\"blocked_by\":[\"b\",\"b c\"]}}",
            n % 70
        );
        match n % 3 {
            0 => format!("{{\"recipe\":\"{id}\",\"timestamp\":\"2026-02-19T08:45:18Z\"}}"),
            _ => format!("{{\"failures\":[{nested},{nested}]}}"),
        }
    };
    (id, category, any::<u8>()).prop_map(line)
}

fn entry() -> impl Strategy<Value = String> {
    let id = prop::sample::select(vec!["eco:a", "eco.io:A", "eco:a/b", "other:a", "eco:", "x"]);
    let status = prop::sample::select(vec!["pending", "success", "generated", "new", "blocked"]);
    (id, status, 0_u8..5).prop_map(|(id, status, tier)| {
        format!("{{\"id\":\"{id}\",\"status\":\"{status}\",\"tier\":{tier}}}")
    })
}

proptest! {
    #[test]
    fn any_file_is_imported_or_refused_and_never_lost(text in text()) {
        for kind in RecordKind::ALL {
            let imported = imported(&[(kind, text.clone())]);
            prop_assert!(imported.report.is_balanced(), "{kind:?}: {:?}", imported.report);
        }
    }

    #[test]
    fn every_failure_is_counted_once_and_has_an_id_of_its_own(
        lines in prop::collection::vec(line(), 0..20),
        entries in prop::collection::vec(entry(), 0..6),
    ) {
        let queue = format!("{{\"entries\":[{}]}}", entries.join(",\n"));
        let files =
            [(RecordKind::QueueEntry, queue), (RecordKind::Failure, lines.join("\n"))];
        let imported = imported(&files);
        prop_assert!(imported.report.is_balanced(), "{:?}", imported.report);
        let all = imported.failures.values().flatten();
        let mut ids: Vec<&str> = all.clone().map(|failure| &*failure.record.id).collect();
        ids.sort_unstable();
        let n = ids.len();
        ids.dedup();
        prop_assert_eq!(ids.len(), n);
        for failure in all {
            let ecosystem = failure.record.ecosystem.as_str();
            prop_assert!(["eco", "unknown"].contains(&ecosystem), "{ecosystem}");
        }
    }

    #[test]
    fn what_cannot_be_built_is_never_pending(entries in prop::collection::vec(entry(), 0..12)) {
        let queue = format!("{{\"entries\":[{}]}}", entries.join(","));
        let imported = imported(&[(RecordKind::QueueEntry, queue)]);
        for (ecosystem, queue) in &imported.queues {
            for (id, entry) in &queue.entries {
                let can_be_built = *ecosystem == ECO && !id.name.as_str().contains('/');
                let is_due = matches!(
                    entry.status,
                    Status::Pending | Status::Failed | Status::Blocked { .. }
                );
                prop_assert!(can_be_built || !is_due, "{id}");
            }
        }
    }
}
