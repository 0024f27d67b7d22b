//! Whether recipes for macOS are really tested there.
//!
//! Most recipes are for macOS too, and most machines of the pipeline are not. A machine with macOS on which
//! nothing passes any more would therefore be noticed late, and until then recipes would lose their support for macOS.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use super::{Code, Reason, reason};
use crate::model::{Environment, Os, RunRecord};

/// What the newest runs say about each environment of macOS.
#[derive(Debug, Clone, Default)]
pub(super) struct DarwinTests(BTreeMap<Environment, Tests>);

#[derive(Debug, Clone, Copy, Default)]
struct Tests {
    /// Whether a run with a pass was added.
    has_pass: bool,
    /// The start of the oldest run that tested something after the newest run with a pass.
    without_pass_since: Option<DateTime<Utc>>,
}

impl DarwinTests {
    /// Adds a run. Runs come newest first.
    pub(super) fn add(&mut self, run: &RunRecord) {
        let darwin = run.environments.iter().filter(|(it, _)| it.cell().os() == Os::Darwin);
        for (&environment, counts) in darwin.filter(|(_, counts)| 0 < counts.tested) {
            let tests = self.0.entry(environment).or_default();
            tests.has_pass |= 0 < counts.passed;
            if !tests.has_pass {
                tests.without_pass_since = Some(run.timestamp);
            }
        }
    }

    /// The environments whose newest runs tested recipes and passed none.
    pub(super) fn reasons(&self) -> impl Iterator<Item = Reason> {
        self.0.iter().filter_map(|(environment, tests)| {
            let since = Some(tests.without_pass_since?);
            let command = Some("tsuku-batch runs list".to_owned());
            Some(reason(Code::DarwinUnproven, environment.as_str(), since, command))
        })
    }
}
