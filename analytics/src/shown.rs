//! What many pages show of a failure.

use batch_core::{
    decide::headline::{FailureView, Headline, headline},
    model::FailureRecord,
    plugin::Registry,
};

use crate::{path, text::Text};

/// A failure as many pages show it.
pub(crate) struct Shown {
    pub(crate) headline: Headline,
    /// The headline as a text.
    pub(crate) line: Text,
    /// The address of its page.
    pub(crate) href: String,
}

impl Shown {
    pub(crate) fn new(registry: Option<&Registry>, failure: &FailureRecord) -> Self {
        let headline = headline(&view(registry, failure));
        let line = Text::of(&headline);
        Self { headline, line, href: path::failure(&failure.id) }
    }
}

/// `failure` as headlines and remedies need it.
pub(crate) fn view<'f>(registry: Option<&Registry>, failure: &'f FailureRecord) -> FailureView<'f> {
    let ecosystem = &failure.package_id.ecosystem;
    let reason = |registry: &Registry| registry.reason(ecosystem, failure.kind(), &failure.message);
    FailureView::of_record(failure).with_own_reason(registry.and_then(reason))
}
