//! Records that are older than the window, as the pages and files of their months show them.

use std::io::Write as _;

use batch_core::{
    decide::headline::headline,
    model::{FailureRecord, PackageId, RunRecord},
    plugin::Registry,
};
use flate2::{Compression, write::GzEncoder};
use serde::Serialize;

use crate::{
    path,
    shown::{cause, view},
    text::{Text, Timestamp},
};

/// Characters of the headline in a line. The whole record is in the file of the month.
const MAX_HEADLINE: usize = 64;

/// What a month holds of one kind of record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Failures,
    Runs,
}

impl Kind {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Failures => "failures",
            Self::Runs => "runs",
        }
    }
}

/// The lines about one month.
pub(crate) struct OldMonth {
    pub(crate) kind: Kind,
    /// As in `2026-03`.
    pub(crate) month: String,
    /// The runs, each with the lines about it.
    pub(crate) runs: Vec<(Text, Vec<OldLine>)>,
    /// What is there of their outputs.
    pub(crate) outputs: OldOutputs,
}

/// The outputs of the failures of a month.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OldOutputs {
    /// No program left an output.
    None,
    /// All that are still stored are in the file of the month.
    InFile,
    /// They would make the site too large.
    TooMany,
}

/// What the page of a month says about a record.
pub(crate) struct OldLine {
    pub(crate) anchor: String,
    pub(crate) at: Timestamp,
    pub(crate) subject: Text,
    pub(crate) environment: &'static str,
    pub(crate) headline: Text,
}

/// A kind of record.
pub(crate) trait Old: Serialize + Send + Sized {
    const KIND: Kind;

    /// The id of its run.
    fn batch(&self) -> &str;

    fn line(&self, registry: Option<&Registry>) -> OldLine;

    /// The digest and the size of its output.
    fn output(&self) -> Option<(&str, u64)>;
}

impl Old for FailureRecord {
    const KIND: Kind = Kind::Failures;

    fn batch(&self) -> &str {
        &self.batch_id
    }

    fn line(&self, registry: Option<&Registry>) -> OldLine {
        let headline = headline(&view(registry, self));
        let PackageId { ecosystem, name } = &self.package_id;
        // The id of the run stands above the line.
        let is_known =
            self.batch_id.strip_prefix(ecosystem.as_str()).is_some_and(|it| it.starts_with('-'));
        let subject = if is_known { Text::of(name) } else { Text::of(&self.package_id) };
        let name = name.as_str();
        OldLine {
            anchor: path::anchor(Kind::Failures, &self.id),
            at: Timestamp(self.timestamp),
            subject,
            environment: self.environment.map_or("", |environment| environment.as_str()),
            headline: Text::last_line(cause(&headline.line, name), MAX_HEADLINE),
        }
    }

    fn output(&self) -> Option<(&str, u64)> {
        self.output.as_ref().map(|output| (&*output.sha256, output.bytes))
    }
}

impl Old for RunRecord {
    const KIND: Kind = Kind::Runs;

    fn batch(&self) -> &str {
        &self.batch_id
    }

    fn line(&self, _: Option<&Registry>) -> OldLine {
        OldLine {
            anchor: path::anchor(Kind::Runs, &self.batch_id),
            at: Timestamp(self.timestamp),
            subject: self.ecosystem.as_ref().map(Text::of).unwrap_or_default(),
            environment: "",
            headline: Text::new(&format!(
                "{} of {} verified, {} failed, {} blocked, {} merged",
                self.succeeded, self.total, self.failed, self.blocked, self.merged
            )),
        }
    }

    fn output(&self) -> Option<(&str, u64)> {
        None
    }
}

/// The lines of each run, in their order.
pub(crate) fn by_run<'l>(
    lines: impl Iterator<Item = (&'l str, OldLine)>,
) -> Vec<(Text, Vec<OldLine>)> {
    let mut runs: Vec<(&str, Vec<OldLine>)> = vec![];
    for (batch, line) in lines {
        match runs.last_mut().filter(|(last, _)| *last == batch) {
            Some((_, of_run)) => of_run.push(line),
            None => runs.push((batch, vec![line])),
        }
    }
    runs.into_iter().map(|(batch, lines)| (Text::new(batch), lines)).collect()
}

/// The records, one on each line, compressed.
pub(crate) fn packed(records: &[impl Serialize]) -> Vec<u8> {
    let mut archive = GzEncoder::new(vec![], Compression::default());
    for record in records {
        let json = serde_json::to_string(record).expect("all keys of its maps are strings");
        writeln!(archive, "{json}").expect("it is written into memory");
    }
    archive.finish().expect("it is written into memory")
}
