//! Makes the pages of the website from the stored records.
//!
//! The data flows in one direction: [`Records::read`] and `history` are the only code that reads the
//! state, the pages are pure (equal records and an equal `as_of` give equal bytes), and
//! [`SiteWriter`] is the only code that writes files. [`write()`] does the three in order.
//!
//! Every text from a registry or a program may be hostile. Before it reaches a template, its
//! control and direction characters are replaced by visible marks; templates escape everything that
//! they print.

mod blockers;
mod causes;
mod explained;
mod health;
mod history;
mod page;
mod path;
mod records;
mod site;
mod text;
mod tried;
mod writer;

use std::path::Path;

use batch_core::{
    io::{StateError, StateReader},
    plugin::Registry,
};
use chrono::{DateTime, Utc};

pub use page::{Page, schemas};
pub use records::{Problem, Records, StoredOutput};
pub use writer::{SiteWriter, WriteError, WriteErrorKind, Written};

/// Why the site could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SiteError {
    /// The state cannot be read.
    #[error(transparent)]
    State(#[from] StateError),
    /// The pages cannot be written.
    #[error(transparent)]
    Write(#[from] WriteError),
}

/// Passes every page of `state`, as it is at `as_of`, to `put`; stops at the first error of `put`.
/// Returns what of the state could not be read. The classifiers in `registry` read reasons that only
/// they understand. Only one page is in memory at a time, because a site of one year needs more
/// memory than a CI machine has.
pub fn pages<E: From<StateError>>(
    state: &dyn StateReader,
    registry: Option<&Registry>,
    as_of: DateTime<Utc>,
    mut put: impl FnMut(Page) -> Result<(), E>,
) -> Result<Vec<Problem>, E> {
    let mut records = Records::read(state, as_of)?;
    let found = history::visit(state, registry, records.since, &mut |part| match part {
        history::Part::File(file) => put(file),
        history::Part::Month(month) => put(page::month(&month)),
    })?;
    records.problems.extend(found.problems);
    records.problems.sort();
    // A file whose name says no time is looked at for both.
    records.problems.dedup();
    page::pages(&records, &found.months, registry, as_of, put)?;
    Ok(records.problems)
}

/// Writes the site of `state` as it is at `as_of` into `folder`: changes what changed, removes
/// what is gone, touches nothing else. Returns as well what of the state could not be read.
pub fn write(
    folder: &Path,
    state: &dyn StateReader,
    registry: Option<&Registry>,
    as_of: DateTime<Utc>,
) -> Result<(Written, Vec<Problem>), SiteError> {
    let mut writer = SiteWriter::begin(folder)?;
    let problems = pages(state, registry, as_of, |page| Ok::<_, SiteError>(writer.put(page)?))?;
    Ok((writer.finish()?, problems))
}
