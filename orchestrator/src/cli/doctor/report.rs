//! What `doctor` prints.

use std::{collections::BTreeMap, fmt};

use batch_core::decide::doctor::{Finding, FindingCode, Severity};
use schemars::JsonSchema;
use serde::Serialize;

use crate::{counted::counted, doctor::Restored};

/// How many findings of one kind are shown one by one to a person.
const N_SHOWN: usize = 5;

/// What `doctor --json` prints.
#[derive(Debug, Default, Serialize, JsonSchema)]
pub(in crate::cli) struct DoctorReport {
    /// What is wrong, by kind, file and line. At most 10,000 of each kind.
    pub(super) findings: Vec<Finding>,
    /// The number of all findings of each kind.
    pub(super) counts: BTreeMap<FindingCode, u64>,
    /// What was repaired, or with `--dry-run` what would be, one line each.
    pub(super) repairs: Vec<String>,
    /// Whether nothing was written because of `--dry-run`.
    pub(super) dry_run: bool,
    /// What was not looked at, and how to have it looked at.
    pub(super) not_examined: Vec<String>,
}

impl DoctorReport {
    pub(super) fn of(findings: Vec<Finding>, counts: BTreeMap<FindingCode, u64>) -> Self {
        Self { findings, counts, ..Self::default() }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.findings.is_empty()
    }

    pub(super) fn add(&mut self, findings: Vec<Finding>) {
        for finding in findings {
            *self.counts.entry(finding.code).or_default() += 1;
            self.findings.push(finding);
        }
        self.findings.sort();
    }

    pub(super) fn not_examined_forge(&mut self) {
        self.not_examined.push(
            "the rules of the main branch, the limit of requests, and open pull requests: add --forge \
             github"
                .to_owned(),
        );
    }

    /// The findings of each kind, the most serious kinds first.
    fn groups(&self) -> Vec<(FindingCode, Vec<&Finding>)> {
        let mut groups: BTreeMap<(Severity, FindingCode), Vec<&Finding>> = BTreeMap::new();
        for finding in &self.findings {
            groups.entry((finding.severity, finding.code)).or_default().push(finding);
        }
        groups.into_iter().map(|((_, code), findings)| (code, findings)).collect()
    }
}

/// Where a finding is, as compilers write it.
fn place(finding: &Finding) -> String {
    match (&*finding.file, finding.line) {
        ("", _) => String::new(),
        (file, None) => format!("{file}: "),
        (file, Some(line)) => format!("{file}:{line}: "),
    }
}

impl fmt::Display for DoctorReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (code, findings) in self.groups() {
            let row = code.row();
            let n = self.counts.get(&code).copied().unwrap_or(0);
            let number = if n == 1 { String::new() } else { format!(" ({n})") };
            writeln!(f, "{} {}: {}{number}", row.severity.as_str(), row.word, row.meaning)?;
            for finding in findings.iter().take(N_SHOWN) {
                writeln!(f, "  {}{}", place(finding), finding.message)?;
            }
            let shown = u64::try_from(findings.len().min(N_SHOWN)).unwrap_or(0);
            if shown < n {
                writeln!(f, "  and {} more; --json shows all", n - shown)?;
            }
            if let Some(first) = findings.first() {
                writeln!(f, "  -> {}", first.remedy)?;
            }
        }
        for repair in &self.repairs {
            let verb = if self.dry_run { "would repair" } else { "repaired" };
            writeln!(f, "{verb}  {repair}")?;
        }
        if self.dry_run {
            writeln!(f, "nothing was written (--dry-run)")?;
        }
        for not in &self.not_examined {
            writeln!(f, "not looked at: {not}")?;
        }
        let total: u64 = self.counts.values().sum();
        if total == 0 {
            return writeln!(f, "nothing was found");
        }
        let of = |severity: Severity| {
            let of_it = self.counts.iter().filter(|(code, _)| code.row().severity == severity);
            of_it.map(|(_, n)| n).sum::<u64>()
        };
        let (errors, warnings) = (of(Severity::Error), of(Severity::Warning));
        let infos = of(Severity::Info);
        writeln!(
            f,
            "{}, {}, {}; docs/doctor.md explains each kind",
            counted(errors, "error", "errors"),
            counted(warnings, "warning", "warnings"),
            counted(infos, "note", "notes"),
        )
    }
}

/// What `doctor --restore --json` prints.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::cli) struct RestoredFile {
    /// The path of the file, relative to the root.
    file: String,
    /// The last commit in which it was valid.
    commit: String,
    /// How many newer versions are not valid.
    newer_invalid: usize,
    /// Whether the file was that version already, so that nothing changed.
    unchanged: bool,
    /// Where the damaged file was moved to, relative to the root; absent if there was none.
    #[serde(skip_serializing_if = "Option::is_none")]
    set_aside: Option<String>,
    /// Whether nothing was written because of `--dry-run`.
    dry_run: bool,
}

impl RestoredFile {
    pub(super) fn of(restored: Restored, dry_run: bool) -> Self {
        let Restored { file, commit, n_invalid, set_aside, is_unchanged } = restored;
        let (commit, newer_invalid) = (commit.to_string(), n_invalid);
        Self { file, commit, newer_invalid, unchanged: is_unchanged, set_aside, dry_run }
    }
}

impl fmt::Display for RestoredFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, commit, newer_invalid, unchanged, set_aside, dry_run } = self;
        let newer = counted(*newer_invalid, "newer version is", "newer versions are");
        match (unchanged, dry_run) {
            (true, _) => writeln!(f, "{file} is as it was in {commit}; nothing changed")?,
            (false, true) => writeln!(f, "{file} would be restored from {commit} (--dry-run)")?,
            (false, false) => writeln!(f, "{file} was restored from {commit}")?,
        }
        if *newer_invalid > 0 {
            writeln!(f, "{newer} not valid")?;
        }
        match set_aside {
            Some(kept) => writeln!(f, "the damaged file is kept as {kept}"),
            None => Ok(()),
        }
    }
}
