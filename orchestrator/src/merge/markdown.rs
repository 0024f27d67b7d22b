//! A batch for the page of a CI run.

use std::fmt::Write as _;

use batch_core::decide::pull_request;

use crate::run::BatchSummary;

impl BatchSummary {
    /// The batch in Markdown: its numbers, and a table of its attempts. Nothing that a package says acts
    /// as Markdown.
    pub(super) fn markdown(&self) -> String {
        let Self { batch_id, total, succeeded, failed, blocked, deferred, .. } = self;
        let mut text = format!(
            "### `{batch_id}`\n\n{succeeded} of {total} verified, {failed} failed, {blocked} blocked, \
             {deferred} not attempted.\n\n"
        );
        if !self.attempts.is_empty() {
            text += "| package | version | result | what happened |\n| --- | --- | --- | --- |\n";
        }
        for attempt in &self.attempts {
            let (result, what) = match (&attempt.recipe, &attempt.failure) {
                (Some(recipe), _) => ("verified".to_owned(), format!("recipe {recipe}")),
                (None, Some(failure)) => (
                    format!("{}/{}", failure.category, failure.subcategory),
                    failure.headline.clone(),
                ),
                (None, None) => continue,
            };
            let cells = [
                &attempt.package_id.to_string(),
                attempt.version.as_deref().unwrap_or_default(),
                &result,
                &what,
            ];
            let _ = writeln!(text, "| {} |", cells.map(pull_request::code).join(" | "));
        }
        text + "\n"
    }
}
