//! Pattern tables: what programs print when they know why they failed.

mod context;
mod lines;
mod search;
mod service;
mod shared;

use std::sync::LazyLock;

use crate::{
    decide::quoted,
    model::{Confidence, FailureKind, Fault, Finding},
};

pub(in crate::decide) use lines::is_remark;
use lines::{Lines, Trust};
use search::{Hit, Search};

/// A part of a message, in lower case, and the cause that it means.
pub type Pattern = (&'static str, FailureKind);

/// Where a pattern must stand in its line to state a cause.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Context {
    /// Nobody writes these words for another reason.
    Anywhere,
    /// Not where a sentence only speaks about such failures.
    Phrase,
    /// They may occur in any sentence: they state a cause at the beginning of a message, or in a line
    /// that reports a failure.
    Reported,
    /// Only at the beginning of a message.
    Beginning,
}

/// The patterns of the tools of one ecosystem, in addition to the patterns of any tool.
#[derive(Debug, Clone, Copy)]
pub struct PatternTable {
    /// The hosts of the ecosystem. Some messages name them without a scheme.
    pub hosts: &'static [&'static str],
    /// The program of the ecosystem. It is named when it is missing.
    pub program: Option<&'static str>,
    /// Patterns that state a cause. The first one in the text decides, because the following ones
    /// are its consequences.
    pub causes: &'static [Pattern],
    /// What the tool prints when a build failed. These patterns are stronger than every cause:
    /// compilers quote source code, and build scripts print anything, so the rest of such a text is
    /// not reliable.
    pub build_failures: &'static [Pattern],
    /// Whether a line, in lower case, repeats the words of a package, for example why its author
    /// deprecates it. Nothing in such a line is a cause.
    pub quotes_package: fn(&str) -> bool,
    /// Patterns that say what went wrong, but not why. They are used only if the text states no
    /// cause. The last one in the text decides, because it is the most specific.
    pub symptoms: &'static [Pattern],
    /// Parts of lines that report a repeated try. Such a line is a cause only if no other line
    /// states one, because the next try may have succeeded.
    pub retry_markers: &'static [&'static str],
}

/// A table and the patterns of any tool, compiled once to be searched together.
pub struct Rules {
    table: PatternTable,
    search: Search,
}

static OF_ANY_TOOL: LazyLock<Rules> = LazyLock::new(|| Rules::new(PatternTable::SHARED));

impl PatternTable {
    /// The table of an ecosystem at `hosts` that has no program of its own and prints only
    /// `causes`.
    pub const fn of_causes(hosts: &'static [&'static str], causes: &'static [Pattern]) -> Self {
        Self { hosts, causes, ..Self::SHARED }
    }

    /// Only the patterns of any tool.
    pub const SHARED: Self = Self {
        hosts: &[],
        program: None,
        causes: &[],
        build_failures: &[],
        quotes_package: |_| false,
        symptoms: &[],
        retry_markers: &[],
    };
}

impl Rules {
    /// Compiles `table`. Do this once, not for each text.
    pub fn new(table: PatternTable) -> Self {
        Self { search: Search::new(&table), table }
    }

    /// The rules that hold for every tool.
    pub fn of_any_tool() -> &'static Self {
        &OF_ANY_TOOL
    }

    /// What `text` says; `None` when no pattern is in it. The time is proportional to its length.
    pub fn read(&self, text: &str) -> Option<Finding> {
        let text = text.to_ascii_lowercase();
        let PatternTable { quotes_package, retry_markers, .. } = self.table;
        let mut lines = Lines::new(&text, quotes_package, retry_markers);
        let found = self.search.find(&text, &mut lines);
        let compiler = found.is_compile_error.then_some(FailureKind::NativeBuildFailed);
        let build = found.build.map(|hit| hit.kind).or(compiler);
        if let Some(kind) = build {
            return Some(of_build(&text, kind));
        }
        if let Some(hit) = found.firm.or(found.weak) {
            return Some(self.cause(&text, hit, found.libc));
        }
        let inferred = |kind| Finding { confidence: Confidence::Inferred, ..Finding::stated(kind) };
        let cut = cut(&text);
        let begun = cut.filter(|kept| lines.trust(lines.number(kept.len())) == Trust::Firm);
        let begun = begun.and_then(|kept| self.search.begun(kept));
        // What is said at the end of a log that was cut is not its end.
        let is_last_word = |hit: &Hit| cut.is_none() || hit.kind != FailureKind::VerifyFailed;
        let symptom = || found.symptom.filter(is_last_word).map(|hit| hit.kind);
        begun.or_else(symptom).map(inferred)
    }

    fn cause(&self, text: &str, hit: Hit, libc: Option<Hit>) -> Finding {
        // A verification says how the program failed, and the program says why.
        let hit = match libc {
            Some(libc) if hit.kind == FailureKind::VerifyFailed => libc,
            Some(_) | None => hit,
        };
        let Hit { kind, at, .. } = hit;
        let service = match (kind.fault(), kind) {
            (Fault::Registry, _) | (_, FailureKind::ToolchainUnavailable) => {
                service::host_near(text, at, self.table.hosts)
            }
            (_, FailureKind::ToolchainMissing) => self.table.program.map(str::to_owned),
            (Fault::Package | Fault::Machine | Fault::Nobody, _) => None,
        };
        Finding { service, ..Finding::stated(kind) }
    }
}

/// The part of `text` before the mark that it was cut, if it was.
pub(in crate::decide) fn cut(text: &str) -> Option<&str> {
    let text = text.trim_end();
    text.strip_suffix("...").or_else(|| text.strip_suffix('…'))
}

/// Why a build that printed `text` failed: a fault of the machine if the text reports one,
/// otherwise `otherwise`.
pub fn of_build(text: &str, otherwise: FailureKind) -> Finding {
    Finding::stated(quoted::machine_fault(&text.to_ascii_lowercase()).unwrap_or(otherwise))
}

#[cfg(test)]
mod tests;
