//! Searches a text for all patterns of a table at once.

use std::{cmp::Reverse, ops::Range};

use aho_corasick::{AhoCorasick, MatchKind};

use super::{
    Context, PatternTable,
    context::{begun_length, is_separate, of_status, stands_in},
    lines::{Lines, Trust},
    shared,
};
use crate::{decide::quoted, model::FailureKind};

/// What it means that a pattern occurs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    /// A cause that the ecosystem's own tool prints.
    Own(FailureKind),
    Cause(FailureKind, Context),
    /// A status code follows, which says what the cause is.
    Status,
    BuildFailure(FailureKind),
    /// A compiler says so if its line has the form of such a message.
    Compiler,
    Symptom(FailureKind),
    /// The rest of the line reports a failure.
    Mark,
}

impl Role {
    /// A cause for which only the machine can be to blame: nothing that is named before it in a chain of
    /// errors can have led to it.
    fn is_of_machine(self) -> bool {
        matches!(self, Self::Cause(FailureKind::DiskFull | FailureKind::OutOfMemory, _))
    }
}

struct Entry {
    pattern: &'static str,
    role: Role,
}

/// A cause and its position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Hit {
    pub(super) at: usize,
    pub(super) kind: FailureKind,
    /// Decides between patterns that begin at the same position: the longer one is more specific,
    /// and of equal ones the first of the table is used.
    rank: (Reverse<usize>, usize),
}

impl Hit {
    /// Whether the cause after `before`, a part of its line in `text`, is an inner one of a chain of errors
    /// that this one begins: `outer: inner`.
    fn leads_to(self, text: &str, before: Range<usize>) -> bool {
        let Reverse(len) = self.rank.0;
        let end = self.at + len;
        before.start <= self.at && end < before.end && text[end..before.end].ends_with(": ")
    }
}

/// What a text states.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// The first cause in a line that may be believed.
    pub(super) firm: Option<Hit>,
    /// The first cause in a line about a repeated try.
    pub(super) weak: Option<Hit>,
    /// The first sign that a build failed.
    pub(super) build: Option<Hit>,
    /// Whether a compiler says that a source file does not compile.
    pub(super) is_compile_error: bool,
    /// The first sign of another libc.
    pub(super) libc: Option<Hit>,
    /// The last symptom.
    pub(super) symptom: Option<Hit>,
}

/// Compiled patterns.
pub(super) struct Search {
    automaton: Option<AhoCorasick>,
    entries: Vec<Entry>,
}

impl Search {
    pub(super) fn new(table: &PatternTable) -> Self {
        let entry = |pattern, role| Entry { pattern, role };
        let own = table.causes.iter();
        let own = own.map(|&(text, kind)| entry(text, Role::Own(kind)));
        let groups = shared::causes().flat_map(|&(kind, context, patterns)| {
            patterns.iter().map(move |&text| entry(text, Role::Cause(kind, context)))
        });
        let statuses = shared::BEFORE_STATUS.iter().map(|&text| entry(text, Role::Status));
        let own_failures = table.build_failures.iter();
        let own_failures = own_failures.map(|&(text, kind)| entry(text, Role::BuildFailure(kind)));
        let native = Role::BuildFailure(FailureKind::NativeBuildFailed);
        let failures = shared::BUILD_FAILURES.iter().map(|&text| entry(text, native));
        let compilers = quoted::ERRORS.iter().map(|&text| entry(text, Role::Compiler));
        let symptoms = table.symptoms.iter().chain(shared::SYMPTOMS);
        let symptoms = symptoms.map(|&(text, kind)| entry(text, Role::Symptom(kind)));
        let marks = shared::MARKS.iter().map(|&text| entry(text, Role::Mark));
        let causes = own.chain(groups).chain(statuses);
        let builds = own_failures.chain(failures).chain(compilers);
        let entries: Vec<Entry> = causes.chain(builds).chain(symptoms).chain(marks).collect();
        let patterns = entries.iter().map(|entry| entry.pattern);
        // Building fails only for more patterns than fit into memory.
        let automaton = AhoCorasick::builder().match_kind(MatchKind::Standard).build(patterns).ok();
        Self { automaton, entries }
    }

    /// What `text`, in lower case, states. Each byte is read once; how often a pattern occurs does not
    /// matter.
    pub(super) fn find(&self, text: &str, lines: &mut Lines<'_>) -> Found {
        let mut found = Found::default();
        let Some(automaton) = &self.automaton else { return found };
        // The line of the last mark, and where the first mark in that line ends.
        let mut marked = (usize::MAX, usize::MAX);
        // The last line that was read as the message of a compiler.
        let mut compiled = usize::MAX;
        for occurrence in automaton.find_overlapping_iter(text) {
            let (index, at, end) =
                (occurrence.pattern().as_usize(), occurrence.start(), occurrence.end());
            let Some(entry) = self.entries.get(index) else { continue };
            let line = lines.number(at);
            let leads_here = |outer: Hit| outer.leads_to(text, lines.start(line)..at);
            let is_inner = entry.role.is_of_machine() && found.firm.is_some_and(leads_here);
            match entry.role {
                Role::Mark => {
                    if marked.0 != line {
                        marked = (line, end);
                    }
                    continue;
                }
                _ if !is_inner && found.is_decided(at, entry.role) => continue,
                Role::Compiler => {
                    // A line may be long and contain the pattern thousands of times.
                    if compiled != line {
                        compiled = line;
                        found.is_compile_error |= quoted::is_compile_error(lines.line(line));
                    }
                    continue;
                }
                Role::Own(_)
                | Role::Cause(..)
                | Role::Status
                | Role::BuildFailure(_)
                | Role::Symptom(_) => {}
            }
            let trust = lines.trust(line);
            let is_own = matches!(entry.role, Role::Own(_));
            let is_ignored = trust == Trust::Nothing || trust == Trust::Remark && !is_own;
            if is_ignored || !is_separate(text, at, end, entry.pattern) {
                continue;
            }
            let hit = |kind| Hit { at, kind, rank: (Reverse(entry.pattern.len()), index) };
            match entry.role {
                Role::Own(kind) => found.cause(hit(kind), trust),
                Role::Cause(kind, context) => {
                    let before = &text[lines.start(line)..at];
                    // A line about a repeated try reports a failure.
                    let is_marked = || trust == Trust::Weak || marked.0 == line && marked.1 <= at;
                    if stands_in(context, before, &text[end..], is_marked) {
                        found.firm = found.firm.filter(|_| !is_inner);
                        found.cause(hit(kind), trust);
                    }
                }
                Role::Status => {
                    if let Some(kind) = of_status(&text[end..]) {
                        found.cause(hit(kind), trust);
                    }
                }
                Role::BuildFailure(kind) => first(&mut found.build, hit(kind)),
                Role::Symptom(kind) => found.symptom(hit(kind)),
                Role::Mark | Role::Compiler => {}
            }
        }
        found
    }

    /// The kind of the pattern whose beginning ends `text`, in lower case, if all patterns that begin
    /// so have one kind. A text that was cut ends in this way.
    pub(super) fn begun(&self, text: &str) -> Option<FailureKind> {
        let mut best: Option<(usize, Option<FailureKind>)> = None;
        for entry in &self.entries {
            let (Role::Own(kind) | Role::Cause(kind, _) | Role::Symptom(kind)) = entry.role else {
                continue;
            };
            let len = begun_length(text, entry.pattern);
            match best {
                _ if len == 0 => {}
                Some((longest, _)) if len < longest => {}
                Some((longest, known)) if len == longest => {
                    best = Some((len, known.filter(|known| *known == kind)));
                }
                Some(_) | None => best = Some((len, Some(kind))),
            }
        }
        best.and_then(|(_, kind)| kind)
    }
}

impl Found {
    /// Whether a pattern at `at` cannot change anything.
    fn is_decided(&self, at: usize, role: Role) -> bool {
        let is_before = |hit: &Option<Hit>| hit.as_ref().is_some_and(|hit| hit.at < at);
        match role {
            Role::Cause(FailureKind::LibcMismatch, _) => is_before(&self.libc),
            Role::Own(_) | Role::Cause(..) | Role::Status => is_before(&self.firm),
            Role::BuildFailure(_) => is_before(&self.build),
            Role::Compiler => self.is_compile_error,
            Role::Symptom(_) | Role::Mark => false,
        }
    }

    fn cause(&mut self, hit: Hit, trust: Trust) {
        let place = if trust == Trust::Firm { &mut self.firm } else { &mut self.weak };
        first(place, hit);
        if hit.kind == FailureKind::LibcMismatch {
            first(&mut self.libc, hit);
        }
    }

    fn symptom(&mut self, hit: Hit) {
        let key = |hit: &Hit| (hit.at, Reverse(hit.rank.0), Reverse(hit.rank.1));
        if self.symptom.as_ref().is_none_or(|last| key(last) < key(&hit)) {
            self.symptom = Some(hit);
        }
    }
}

/// Keeps the first one.
fn first(place: &mut Option<Hit>, hit: Hit) {
    if place.as_ref().is_none_or(|first| (hit.at, hit.rank) < (first.at, first.rank)) {
        *place = Some(hit);
    }
}

#[cfg(test)]
mod tests;
