//! What many pages show of a failure.

use batch_core::{
    decide::headline::{FailureView, Headline, Remedy, headline, remedy},
    model::FailureRecord,
    plugin::Registry,
};

use crate::{path, text::Text};

/// A failure as many pages show it.
pub(crate) struct Shown {
    pub(crate) headline: Headline,
    /// The headline without the package.
    pub(crate) cause: Text,
    /// What a person can do about it.
    pub(crate) remedy: Remedy,
    /// The address of its page.
    pub(crate) href: String,
}

impl Shown {
    pub(crate) fn new(registry: Option<&Registry>, failure: &FailureRecord) -> Self {
        let view = view(registry, failure);
        let (headline, remedy) = (headline(&view), remedy(&view));
        let cause = cause(&headline.line, failure.package_id.name.as_str());
        Self { cause: Text::new(cause), headline, remedy, href: path::failure(&failure.id) }
    }
}

/// `line` without the name of the package before it.
pub(crate) fn cause<'l>(line: &'l str, name: &str) -> &'l str {
    let rest = line.strip_prefix(name).and_then(|rest| rest.strip_prefix(": "));
    rest.filter(|rest| !rest.is_empty()).unwrap_or(line)
}

/// `failure` as headlines and remedies need it.
pub(crate) fn view<'f>(registry: Option<&Registry>, failure: &'f FailureRecord) -> FailureView<'f> {
    let ecosystem = &failure.package_id.ecosystem;
    let reason = |registry: &Registry| registry.reason(ecosystem, failure.kind(), &failure.message);
    FailureView::of_record(failure).with_own_reason(registry.and_then(reason))
}
