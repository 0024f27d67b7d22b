//! Makes the pages of the website from the stored records.
//!
//! The data flows in one direction: [`Records::read`] is the only code that reads the state,
//! [`pages`] is pure (equal records and an equal `as_of` give equal bytes), and [`SiteWriter`] is
//! the only code that writes files. [`write()`] does the three in order.
//!
//! Every text from a registry or a program may be hostile. Before it reaches a template, its
//! control and direction characters are replaced by visible marks; templates escape everything that
//! they print.

mod blockers;
mod causes;
mod health;
mod page;
mod path;
mod records;
mod site;
mod text;
mod writer;

use std::path::Path;

use batch_core::{
    io::{StateError, StateReader},
    plugin::Registry,
};
use chrono::{DateTime, Utc};

pub use page::{Page, pages};
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

/// Writes the site of `state` as it is at `as_of` into `folder`: changes what changed, removes
/// what is gone, touches nothing else. Returns as well what of the state could not be read. The
/// classifiers in `registry` read reasons that only they understand.
pub fn write(
    folder: &Path,
    state: &dyn StateReader,
    registry: Option<&Registry>,
    as_of: DateTime<Utc>,
) -> Result<(Written, Vec<Problem>), SiteError> {
    let records = Records::read(state)?;
    let mut writer = SiteWriter::begin(folder)?;
    pages(&records, registry, as_of, |page| writer.put(page))?;
    Ok((writer.finish()?, records.problems))
}
