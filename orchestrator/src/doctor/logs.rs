//! Logs, seedings, and decisions about sources.

use std::ops::ControlFlow;

use batch_core::{
    decide::{
        doctor::{self, FileKind, Finding, FindingCode, Place},
        health::{self, Code, Digest},
    },
    io::{Located, StateReader as _, Visited},
    model::{BreakerTransition, CuratedSource, SeedingRecord, SourceAudit},
};
use serde::de::DeserializeOwned;

use super::{Examiner, Subject};

impl Examiner<'_> {
    /// Reads all files of these kinds.
    pub(super) fn logs(&mut self) -> anyhow::Result<()> {
        let Subject { state, registry, now } = self.subject;
        let layout = state.layout();
        let mut before = None;
        for line in self.lines::<BreakerTransition>(&layout.breaker_log(), FileKind::BreakerLog)? {
            let at = Place { file: &line.file, line: line.line };
            self.findings.extend(doctor::breaker_log(at, &line.record, before, now));
            before = Some(line.record.at);
        }
        self.outages()?;
        for line in self.lines::<CuratedSource>(&layout.overrides(), FileKind::Sources)? {
            let at = Place { file: &line.file, line: line.line };
            self.findings.extend(doctor::curated_source(at, &line.record, now));
        }
        self.lines::<SourceAudit>(&layout.source_audits(), FileKind::Sources)?;
        let runs = self.lines::<SeedingRecord>(&layout.seeding_runs(), FileKind::Seeding)?;
        let placed: Vec<(Place<'_>, &SeedingRecord)> =
            runs.iter().map(|it| (Place { file: &it.file, line: it.line }, &it.record)).collect();
        let found = doctor::seeding(&placed, &self.entries(), now);
        self.findings.extend(found);
        for plugin in registry.iter() {
            if let Err(error) = state.remembered(&plugin.id) {
                self.unreadable_file(FileKind::Seeding, error)?;
            }
        }
        Ok(())
    }

    /// The lines of a file that can be read. The others are added to the findings.
    fn lines<T: DeserializeOwned>(
        &mut self,
        path: &std::path::Path,
        kind: FileKind,
    ) -> anyhow::Result<Vec<Located<T>>> {
        let (mut found, mut damage) = (vec![], vec![]);
        self.subject.state.visit_located(path, &mut |visited| {
            match visited {
                Visited::Record(located) => found.push(located),
                Visited::Damaged(damaged) => damage.push(damaged),
            }
            ControlFlow::Continue(())
        })?;
        for damaged in &damage {
            self.damaged(kind, damaged, None);
        }
        Ok(found)
    }

    /// Adds ecosystems that stopped working together, and archived changes that cannot be read.
    fn outages(&mut self) -> anyhow::Result<()> {
        let log = self.subject.state.breaker_log()?;
        let archived = log.quarantined.iter().filter(|it| it.file.starts_with("data/archive/"));
        for damaged in archived {
            self.damaged(FileKind::Archive, damaged, None);
        }
        let mut digest = Digest::new(self.subject.now);
        log.records.iter().for_each(|line| digest.transition(line));
        let health = health::evaluate(&digest, &self.control);
        for reason in health.reasons.iter().filter(|it| it.code == Code::CorrelatedOutage) {
            let at = Place { file: "data/breaker-log.jsonl", line: 0 };
            let since = reason.since.map_or(String::new(), |at| format!(", since {at}"));
            let message = format!("{} stopped working{since}", reason.subject);
            let code = FindingCode::CorrelatedOutage;
            self.findings.add(Finding::new(code, at, &reason.subject, message));
        }
        Ok(())
    }
}
