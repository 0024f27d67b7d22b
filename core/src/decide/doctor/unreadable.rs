//! What a part of a file that cannot be read is called.

use serde_json::Value;

use super::{Finding, FindingCode, Place};
use crate::model::{SCHEMA_VERSION, StatusLabel};

/// What a file of a root contains.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum FileKind {
    Control,
    Settings,
    Queue,
    Failures,
    Run,
    BreakerLog,
    Seeding,
    Sources,
    Archive,
    Recipe,
    Journal,
    Output,
}

impl FileKind {
    /// What it is called that a part of such a file cannot be read.
    const fn code(self) -> FindingCode {
        match self {
            Self::Control => FindingCode::ControlUnreadable,
            Self::Settings => FindingCode::SettingsInvalid,
            Self::Queue => FindingCode::QueueUnreadable,
            Self::Failures => FindingCode::FailureUnreadable,
            Self::Run => FindingCode::RunUnreadable,
            Self::BreakerLog => FindingCode::BreakerLogUnreadable,
            Self::Seeding => FindingCode::SeedingUnreadable,
            Self::Sources => FindingCode::SourceUnreadable,
            Self::Archive => FindingCode::ArchiveUnreadable,
            Self::Recipe => FindingCode::RecipeInvalid,
            Self::Journal => FindingCode::JournalUnreadable,
            Self::Output => FindingCode::OutputDamaged,
        }
    }
}

/// The finding that the text `raw` in a file of this kind cannot be read, because of `reason`. `raw` is
/// empty if it is the whole file.
pub fn unreadable(kind: FileKind, at: Place<'_>, raw: &str, reason: &str) -> Finding {
    let value: Option<Value> = serde_json::from_str(raw).ok();
    let field = |name: &str| value.as_ref().and_then(|value| value.get(name));
    let has_other_version = if let Some(version) = field("schema_version") {
        version.as_u64().is_some_and(|it| it != u64::from(SCHEMA_VERSION))
    } else {
        // 0 stands for none, which any text may lack.
        let version = reason.split_once("the file has schema version ").map(|(_, after)| after);
        version.is_some_and(|version| !version.starts_with('0'))
    };
    let is_legal = |word: &str| StatusLabel::ALL.iter().any(|label| label.as_str() == word);
    let is_no_file = raw.is_empty()
        && (reason.contains("in the place of a regular file")
            || reason.contains("bytes, more than the limit of"));
    let is_queue = kind == FileKind::Queue;
    let has_illegal_status =
        || field("status").and_then(Value::as_str).is_some_and(|word| !is_legal(word));
    let code = match () {
        () if is_no_file => FindingCode::NotAFile,
        () if kind == FileKind::Control && reason.contains("does not know") => {
            FindingCode::ControlUnknownName
        }
        () if has_other_version => FindingCode::OtherVersion,
        () if reason.starts_with("not one record a line") => FindingCode::NotOneRecordALine,
        () if is_queue && reason.ends_with(" appears twice") => FindingCode::DuplicateId,
        () if is_queue && has_illegal_status() => FindingCode::IllegalStatus,
        () if is_queue && !raw.is_empty() => FindingCode::EntryUnreadable,
        () => kind.code(),
    };
    let id = field("id").and_then(Value::as_str).unwrap_or_default();
    let message = match id {
        id if id.is_empty() || reason.contains(id) => reason.to_owned(),
        id => format!("{}: {reason}", id.chars().take(100).collect::<String>()),
    };
    Finding::new(code, at, id, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(kind: FileKind, raw: &str, reason: &str, expected: FindingCode) {
        let at = Place { file: "f", line: 3 };
        assert_eq!(unreadable(kind, at, raw, reason).code, expected, "{raw} {reason}");
    }

    #[test]
    fn an_entry_is_told_apart_by_what_is_wrong_with_it() {
        let entry = r#"{"id": "npm:a", "status": "generated"}"#;
        check(FileKind::Queue, entry, "unknown variant", FindingCode::IllegalStatus);
        let entry = r#"{"id": "npm:a", "status": "pending"}"#;
        check(FileKind::Queue, entry, "npm:a appears twice", FindingCode::DuplicateId);
        check(FileKind::Queue, entry, "missing field `tier`", FindingCode::EntryUnreadable);
        check(FileKind::Queue, "", "line 1, column 1: EOF", FindingCode::QueueUnreadable);
    }

    #[test]
    fn lines_of_other_versions_and_files_that_are_one_document_are_no_damage_of_the_disk() {
        let old = r#"{"schema_version": 1, "id": "x"}"#;
        check(FileKind::Failures, old, "whatever", FindingCode::OtherVersion);
        check(FileKind::Failures, "{}", "missing field", FindingCode::FailureUnreadable);
        let none = "the file has schema version 0, but";
        check(FileKind::Sources, "[]", none, FindingCode::SourceUnreadable);
        let reason = "not one record a line";
        check(FileKind::Run, "", reason, FindingCode::NotOneRecordALine);
        let reason = "not one record a line: the file has schema version 1, but";
        check(FileKind::Run, "", reason, FindingCode::OtherVersion);
    }
}
