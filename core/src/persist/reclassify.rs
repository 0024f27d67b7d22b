//! Applies today's rules of classification to recorded failures.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::ControlFlow,
};

use crate::{
    decide::reclassify::{self, Classify, Question},
    io::{
        FsState, HistoryFilter, Quarantined, StateError, StateReader as _, StateWriter as _,
        Visited,
    },
    model::{FailureRecord, Finding, OutputRecord},
};

/// What today's rules say about the failures that were recorded.
pub struct Reclassification<'a> {
    classify: Classify<'a>,
    /// By the digest of the output. Outputs are read only once, because archived ones are found by
    /// reading their whole file.
    answers: BTreeMap<(String, Question), Option<Finding>>,
    /// Outputs that cannot be read.
    damaged: Vec<Quarantined>,
}

impl<'a> Reclassification<'a> {
    /// Reads the outputs of the failures that fit `filter`.
    pub fn new(
        state: &FsState,
        filter: &HistoryFilter,
        classify: Classify<'a>,
    ) -> Result<Self, StateError> {
        let mut questions: BTreeMap<String, BTreeSet<Question>> = BTreeMap::new();
        state.visit_failures(filter, &mut |visited| {
            if let Visited::Record(failure) = visited
                && let Some(output) = &failure.output
                && let Some(question) = reclassify::question(&failure)
            {
                questions.entry(output.sha256.clone()).or_default().insert(question);
            }
            ControlFlow::Continue(())
        })?;
        let wanted: BTreeSet<String> = questions.keys().cloned().collect();
        let (mut answers, mut damaged) = (BTreeMap::new(), vec![]);
        state.visit_outputs(&wanted, &mut |visited| {
            match visited {
                Visited::Record(OutputRecord { sha256, text, .. }) => {
                    for question in questions.remove(&sha256).unwrap_or_default() {
                        let answer = reclassify::answer(&question, &text, classify);
                        answers.insert((sha256.clone(), question), answer);
                    }
                }
                Visited::Damaged(it) => damaged.push(it),
            }
            ControlFlow::Continue(())
        })?;
        Ok(Self { classify, answers, damaged })
    }

    /// Outputs that cannot be read. Their failures are judged by their messages.
    pub fn damaged(&self) -> &[Quarantined] {
        &self.damaged
    }

    /// `failure` as today's rules classify it; `None` if nothing changes.
    pub fn renewed(&self, failure: &FailureRecord) -> Option<FailureRecord> {
        let question = reclassify::question(failure)?;
        let output = failure.output.as_ref().map(|output| output.sha256.clone());
        let answer = output.and_then(|sha256| self.answers.get(&(sha256, question.clone())));
        let finding = match answer {
            Some(answer) => answer.clone(),
            None => reclassify::answer(&question, &failure.message, self.classify),
        };
        reclassify::renewed(failure, finding)
    }

    /// Writes the failures that change and fit `filter`. After an interruption the same call
    /// completes the work. Returns the number of files that changed.
    pub fn write(&self, state: &FsState, filter: &HistoryFilter) -> Result<u64, StateError> {
        let _no_operator_in_between = state.exclusive()?;
        state.renew_failures(filter, &|failure| self.renewed(failure))
    }
}
