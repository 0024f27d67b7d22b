//! Failures with their headlines and remedies, as lists and summaries show them.

use batch_core::{
    decide::headline::{FailureView, Headline, Owner, Remedy, headline, remedy},
    model::{Failure, FailureRecord, PackageId},
    plugin::Registry,
};
use schemars::JsonSchema;
use serde::Serialize;

/// A stored failure and its cause in one line.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ExplainedFailure {
    /// As stored.
    #[serde(flatten)]
    pub record: FailureRecord,
    /// What happened, to what, and whose fault it is; one line. It is not stored: it follows from
    /// the record by the rules of this version.
    pub headline: String,
    /// Whose fault it is.
    pub owner: Owner,
}

impl ExplainedFailure {
    /// `record` with its headline.
    pub fn new(record: FailureRecord, registry: &Registry) -> Self {
        let Headline { line, owner } = headline(&of_record(&record, registry));
        Self { headline: line, owner, record }
    }
}

/// The headline and the remedy of a stored failure.
pub fn of_stored(record: &FailureRecord, registry: &Registry) -> (Headline, Remedy) {
    let view = of_record(record, registry);
    (headline(&view), remedy(&view))
}

/// The headline and the remedy of a failed attempt at `package` that may not be recorded.
pub fn of_attempt(
    failure: &Failure,
    package: &PackageId,
    registry: &Registry,
) -> (Headline, Remedy) {
    let view = FailureView::of_attempt(failure, package);
    let view = with_own_reason(view, registry);
    (headline(&view), remedy(&view))
}

fn of_record<'a>(record: &'a FailureRecord, registry: &Registry) -> FailureView<'a> {
    with_own_reason(FailureView::of_record(record), registry)
}

fn with_own_reason<'a>(view: FailureView<'a>, registry: &Registry) -> FailureView<'a> {
    let reason = registry.reason(&view.package.ecosystem, view.kind, view.message);
    view.with_own_reason(reason)
}
