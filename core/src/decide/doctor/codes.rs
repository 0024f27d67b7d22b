//! Everything that an examination can find: one table, from which also the documentation is checked.

use schemars::JsonSchema;
use serde::Serialize;

/// How serious a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Something does not work, or is lost.
    Error,
    /// Somebody should look at it.
    Warning,
    /// It does no harm.
    Info,
}

impl Severity {
    /// The word in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Info => "info",
        }
    }
}

/// What is known about a kind of finding.
#[derive(Debug, Clone, Copy)]
pub struct CodeRow {
    /// The word in JSON.
    pub word: &'static str,
    /// How serious it is.
    pub severity: Severity,
    /// What it means, as a sentence without its end.
    pub meaning: &'static str,
    /// What a person can do. `{file}` and `{subject}` stand for words of a shell.
    pub remedy: &'static str,
    /// What a repair changes; `None` if only a person can decide.
    pub fix: Option<&'static str>,
}

/// Makes the enum, the list of its values and the table from the same lines.
macro_rules! codes {
    ($($code:ident $word:literal $severity:ident $meaning:literal $remedy:literal $fix:expr;)*) => {
        /// A kind of finding.
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema,
        )]
        #[serde(rename_all = "snake_case")]
        #[expect(missing_docs, reason = "the table says it")]
        pub enum FindingCode { $($code,)* }

        impl FindingCode {
            /// All of them, in the order in which they are shown.
            pub const ALL: &[Self] = &[$(Self::$code,)*];

            /// What is known about it.
            pub const fn row(self) -> CodeRow {
                match self {
                    $(Self::$code => CodeRow {
                        word: $word,
                        severity: Severity::$severity,
                        meaning: $meaning,
                        remedy: $remedy,
                        fix: $fix,
                    },)*
                }
            }
        }
    };
}

codes! {
    ControlUnreadable "control_unreadable" Error
        "the control file cannot be read, so nothing runs"
        "correct it, or `tsuku-batch doctor --restore {file}`" None;
    ControlUnknownName "control_unknown_name" Error
        "the control file has a key or an ecosystem that is none, so a switch has no effect"
        "correct the name in {file}" None;
    BreakerUnreadable "breaker_unreadable" Warning
        "a circuit breaker in the control file cannot be read and counts as closed"
        "`tsuku-batch breaker close {subject} --reason TEXT` writes it anew" None;
    SettingsInvalid "settings_invalid" Error
        "the settings cannot be used, so nothing runs"
        "correct the line, or `tsuku-batch doctor --restore {file}`; docs/settings.md lists the keys" None;
    QueueUnreadable "queue_unreadable" Error
        "a queue cannot be read, so its ecosystem does not run"
        "correct the line, or `tsuku-batch doctor --restore {file}`" None;
    EntryUnreadable "entry_unreadable" Error
        "an entry of a queue cannot be read; it is kept and never attempted"
        "correct the entry, or `tsuku-batch doctor --restore {file}`" None;
    IllegalStatus "illegal_status" Error
        "an entry of a queue has a status that does not exist; it is kept and never attempted"
        "give it one of the states in data/schemas/queue.schema.json" None;
    DuplicateId "duplicate_id" Error
        "a queue has two entries for one package; only the first one is used"
        "remove one of the entries from {file}" None;
    FailureUnreadable "failure_unreadable" Error
        "a record of a failure cannot be read; commands leave it out"
        "correct the line, or `tsuku-batch doctor --restore {file}`" None;
    RunUnreadable "run_unreadable" Error
        "the record of a run cannot be read; commands leave it out"
        "correct the line, or `tsuku-batch doctor --restore {file}`" None;
    BreakerLogUnreadable "breaker_log_unreadable" Error
        "a line of the log of the breakers cannot be read"
        "correct the line, or `tsuku-batch doctor --restore {file}`" None;
    SeedingUnreadable "seeding_unreadable" Error
        "what a seeding left cannot be read"
        "correct the line, or `tsuku-batch doctor --restore {file}`" None;
    SourceUnreadable "source_unreadable" Error
        "a decision about a source cannot be read, so it is not in force"
        "correct the line, or `tsuku-batch doctor --restore {file}`" None;
    ArchiveUnreadable "archive_unreadable" Error
        "an archive cannot be read to its end"
        "`tsuku-batch doctor --restore {file}`" None;
    RecipeInvalid "recipe_invalid" Error
        "the package manager would refuse a recipe"
        "`tsuku-batch recipe check {file}` says all that is wrong with it" None;
    JournalUnreadable "journal_unreadable" Warning
        "a line of a journal cannot be read; the next run sets the journal aside if it needs the line"
        "look at {file} before the next run" None;
    NotAFile "not_a_file" Error
        "something else is in the place of a file, or the file is larger than any valid one"
        "move {file} away, and restore the file from version control" None;
    OtherVersion "other_version" Error
        "a file has the format of another version of this program"
        "use the version that wrote it; older files come in through `tsuku-batch import` only" None;
    NotOneRecordALine "not_one_record_a_line" Warning
        "a file of records is not one record on each line, so none of them is read"
        "`tsuku-batch doctor --fix`"
        Some("writes each record on one line, if every record in the file is valid");
    UnknownFile "unknown_file" Info
        "a file under data/ is none that this program knows"
        "remove {file}, or keep it outside of data/" None;
    OutputDamaged "output_damaged" Error
        "a stored output does not have the digest in its name"
        "`tsuku-batch doctor --restore {file}`" None;
    OutputMissing "output_missing" Warning
        "a failure names an output that is not stored"
        "restore data/outputs/ from version control; without it the failure has only its message" None;
    OutputOrphan "output_orphan" Info
        "no failure refers to a stored output"
        "`tsuku-batch doctor --fix` removes those that are older than 30 days"
        Some("removes the output if its file is older than 30 days and every failure can be read");
    SuccessWithoutRecipe "success_without_recipe" Error
        "an entry counts as done, and its recipe does not exist"
        "`tsuku-batch doctor --fix`; the next run does it too"
        Some("makes the entry pending, as `queue reconcile` does");
    RecipeWithoutEntry "recipe_without_entry" Warning
        "this program made a recipe, and no entry of a queue has it, so it is never verified again"
        "`tsuku-batch runs show {subject}` names its package; add it with `tsuku-batch queue add ID`" None;
    CommandTwice "command_twice" Warning
        "two recipes install a command of the same name"
        "decide which of them keeps it: `tsuku-batch disambiguation add {subject} --select ID --reason TEXT`" None;
    BlockedWithoutBlocker "blocked_without_blocker" Warning
        "an entry is blocked, and nothing says by what"
        "`tsuku-batch doctor --fix`; the next run does it too"
        Some("makes the entry pending, as `queue reconcile` does");
    BlockedByRecipe "blocked_by_recipe" Info
        "an entry waits for recipes, and all of them exist"
        "`tsuku-batch doctor --fix`; the next run does it too"
        Some("makes the entry pending, as `queue reconcile` does");
    InProgressWithoutBatch "in_progress_without_batch" Error
        "an entry is in a pull request of a batch that is neither recorded nor kept for a push"
        "`tsuku-batch merge --push --resume --forge github` finds out what became of the pull request" None;
    RetryTimeAbsurd "retry_time_absurd" Warning
        "an entry is to be tried again before it was queued, or later than any waiting time allows"
        "`tsuku-batch doctor --fix`"
        Some("removes the time, so that the entry is due");
    OverrideExpired "override_expired" Warning
        "somebody wanted to look again at a decision about a source, and the day has passed"
        "`tsuku-batch disambiguation check`, then `disambiguation add {subject}` again" None;
    PauseExpired "pause_expired" Info
        "a pause in the control file has ended"
        "`tsuku-batch doctor --fix`"
        Some("removes the pause from the control file");
    NeverSeeded "never_seeded" Warning
        "a queue is older than 30 days and was never filled from the lists of its registry"
        "`tsuku-batch seed {subject}`" None;
    SeedingOld "seeding_old" Warning
        "a queue was last filled more than 30 days ago, so it lacks new packages"
        "`tsuku-batch seed {subject}`" None;
    RecordAhead "record_ahead" Warning
        "a record has a time in the future and is ignored in decisions"
        "check the clock of the machine that wrote it; the record counts once its time has come" None;
    ClockBackwards "clock_backwards" Warning
        "a record ends before it begins, or before the one that was written before it"
        "check the clock of the machine that wrote it" None;
    UnclassifiedShare "unclassified_share" Warning
        "no rule knows the cause of many failures of the last 30 days"
        "`tsuku-batch failures list --category unknown --ecosystem {subject}`" None;
    EvidenceLostShare "evidence_lost_share" Warning
        "the text of many failures of the last 30 days ends before it states a cause"
        "`tsuku-batch failures list --category unknown --ecosystem {subject}`" None;
    FailureWithoutRun "failure_without_run" Warning
        "failures name a run that has no record"
        "restore the record of {subject} from version control" None;
    FailureElsewhere "failure_elsewhere" Error
        "a failure is in the file of another run, where no command looks for it"
        "move the line to the file of its run" None;
    RunWithoutFailures "run_without_failures" Warning
        "the record of a run counts failures, and none of them is recorded"
        "restore the failures of {subject} from version control" None;
    BatchIdTwice "batch_id_twice" Error
        "two records have the same batch id, or a record is in the file of another run"
        "remove or correct one of them" None;
    EcosystemAlias "ecosystem_alias" Warning
        "an ecosystem is called by another name than its id, so it is not found"
        "`tsuku-batch doctor --fix`"
        Some("replaces the name in the control file by the id, unless the id is there too");
    CorrelatedOutage "correlated_outage" Error
        "several ecosystems stopped working within two hours of each other"
        "look for a cause that they share, such as the network; `tsuku-batch breaker status`" None;
    UnpushedOld "unpushed_old" Warning
        "a batch has been kept for a push for more than a day; its packages are not attempted again"
        "`tsuku-batch merge --push --resume`" None;
    DeadRun "dead_run" Warning
        "a run ended without a record; its facts are in its journal"
        "`tsuku-batch run` records what it did" None;
    SetAside "set_aside" Info
        "a file could not be used and was set aside"
        "look at {file}, then delete it, or move it back once it is mended" None;
    ArtifactsOld "artifacts_old" Info
        "the artifacts of stages have not changed for 14 days"
        "`tsuku-batch fold --artifacts {file}` shows what is in them; delete them if they are recorded" None;
    WorkLeft "work_left" Info
        "the work folder of an attempt was left by a process that died"
        "`tsuku-batch doctor --fix`"
        Some("removes the folder, unless a run is in progress");
    DraftLeft "draft_left" Info
        "a temporary file was left by a writer that died"
        "`tsuku-batch doctor --fix`; the next run does it too"
        Some("removes the file");
    LockLeft "lock_left" Info
        "a lock names a process that has ended; it hinders nobody"
        "`tsuku-batch doctor --fix`; the next run does it too"
        Some("empties the file");
    BranchUnprotected "branch_unprotected" Warning
        "the branch that recipes are merged into requires no checks"
        "require the checks of recipes in the rules of the branch, on the forge" None;
    QuotaLow "quota_low" Warning
        "little is left of the number of requests that the forge allows"
        "wait until it is renewed, or use the token of an app" None;
    RunnerRetired "runner_retired" Error
        "recipes are to be tested on a hosted machine whose label is gone, so its jobs never start"
        "name another label in `[runners]` of pipeline.toml" None;
    RunnerRetiring "runner_retiring" Warning
        "the label of a hosted machine on which recipes are tested ends within 90 days"
        "name another label in `[runners]` of pipeline.toml" None;
    PullRequestOld "pull_request_old" Warning
        "a pull request of a batch has been open for more than two days"
        "`tsuku-batch pr list`, then `tsuku-batch pr merge {subject} --reason TEXT`, or close it" None;
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_code_has_its_own_word_which_json_has_too() {
        let words: BTreeSet<&str> = FindingCode::ALL.iter().map(|code| code.row().word).collect();
        assert_eq!(words.len(), FindingCode::ALL.len());
        for code in FindingCode::ALL {
            assert_eq!(serde_json::to_value(code).unwrap(), code.row().word);
        }
    }

    #[test]
    fn what_can_be_fixed_names_the_command_that_does_it() {
        for code in FindingCode::ALL {
            let row = code.row();
            assert_eq!(row.fix.is_some(), row.remedy.contains("doctor --fix"), "{}", row.word);
        }
    }
}
