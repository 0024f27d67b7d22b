//! What `import` prints.

use std::{collections::BTreeMap, fmt};

use batch_core::{
    decide::import::{Count, Oddity, RecordKind, RefusedPiece, Report, Sum, Total},
    persist::ImportChanges,
};
use schemars::JsonSchema;
use serde::Serialize;

use crate::cli::out::table;

/// What `import --json` prints.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::cli) struct ImportReport {
    /// The root.
    root: String,
    /// Whether nothing was written because nothing was to be written.
    dry_run: bool,
    /// The queue that was imported; absent if the old tree has none that can be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    queue: Option<String>,
    /// Number of files that were read.
    files: u64,
    /// Number of records that were read.
    records_in: u64,
    /// Number of records that are in the current format now.
    records_out: u64,
    /// Parts of files that were not imported.
    quarantined: Vec<RefusedPiece>,
    /// Everything odd, with the number of cases.
    oddities: BTreeMap<Oddity, u64>,
    /// The numbers by kind of record.
    kinds: BTreeMap<RecordKind, Count>,
    /// Sums over all records, before and after.
    sums: BTreeMap<Sum, Total>,
    /// Number of files that were written or changed, outputs included; 0 if the same was imported
    /// before.
    written: u64,
    /// Number of entries that were not changed, because the queue knows more about them than the old
    /// one.
    kept_entries: u64,
    /// Whether the control file was not imported, because the root has its own.
    kept_control: bool,
    #[serde(skip)]
    is_balanced: bool,
}

impl ImportReport {
    /// The report about an import; `changes` is `None` for one that wrote nothing.
    pub(super) fn new(
        root: String,
        queue: Option<String>,
        report: Report,
        changes: Option<ImportChanges>,
    ) -> Self {
        let is_balanced = report.is_balanced();
        let sum = |of: fn(&Count) -> u64| report.kinds.values().map(of).sum();
        let ImportChanges { n_written, n_kept, kept_control } = changes.unwrap_or_default();
        Self {
            root,
            dry_run: changes.is_none(),
            queue,
            files: sum(|count| count.files),
            records_in: sum(|count| count.records_in),
            records_out: sum(|count| count.records_out),
            quarantined: report.quarantined,
            oddities: report.oddities,
            kinds: report.kinds,
            sums: report.sums,
            written: n_written,
            kept_entries: n_kept,
            kept_control,
            is_balanced,
        }
    }

    /// Whether nothing was lost on the way.
    pub(super) fn is_balanced(&self) -> bool {
        self.is_balanced
    }
}

/// So many refused parts are named one by one. The JSON output has all of them.
const N_NAMED: usize = 20;

impl fmt::Display for ImportReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let row = |(kind, count): (&RecordKind, &Count)| {
            let numbers =
                [count.files, count.records_in, count.records_out, count.merged, count.quarantined];
            let numbers = numbers.iter().map(ToString::to_string);
            std::iter::once(kind.as_str().to_owned()).chain(numbers).collect::<Vec<_>>()
        };
        let rows: Vec<Vec<String>> = self.kinds.iter().map(row).collect();
        let headings = ["records", "files", "in", "out", "merged", "quarantined"];
        f.write_str(&table(&headings, &rows))?;
        let sums: Vec<Vec<String>> = self
            .sums
            .iter()
            .map(|(sum, total)| vec![word(sum), total.before.to_string(), total.after.to_string()])
            .collect();
        write!(f, "\n{}", table(&["sums", "in", "out"], &sums))?;
        if !self.oddities.is_empty() {
            let oddities: Vec<Vec<String>> =
                self.oddities.iter().map(|(oddity, n)| vec![word(oddity), n.to_string()]).collect();
            write!(f, "\n{}", table(&["oddities", "cases"], &oddities))?;
        }
        for RefusedPiece { file, line, reason } in self.quarantined.iter().take(N_NAMED) {
            writeln!(f, "problem: {file}, line {line}: {reason}; it is not imported")?;
        }
        if N_NAMED < self.quarantined.len() {
            let n_more = self.quarantined.len() - N_NAMED;
            writeln!(f, "problem: {n_more} more parts are not imported; --json names all of them")?;
        }
        self.write_end(f)
    }
}

impl ImportReport {
    fn write_end(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(queue) = &self.queue {
            writeln!(f, "\nqueue: {queue}")?;
        }
        if self.kept_entries > 0 {
            let n = self.kept_entries;
            writeln!(f, "{n} entries are unchanged, because the queue knows more about them")?;
        }
        if self.kept_control {
            writeln!(f, "the control file is unchanged, because the root has its own")?;
        }
        if !self.is_balanced {
            writeln!(f, "problem: what came in and what went out differ; please report this")?;
        }
        if self.dry_run {
            writeln!(f, "dry run: nothing was written")
        } else {
            writeln!(f, "{} files written in {}", self.written, self.root)
        }
    }
}

/// The stored word of a value, with blanks.
fn word(value: &impl Serialize) -> String {
    let word = serde_json::to_value(value).ok();
    word.as_ref().and_then(|word| word.as_str()).unwrap_or_default().replace('_', " ")
}
