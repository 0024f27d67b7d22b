//! From records to pages.
//!
//! One direction: [`Records::read`] (the only use of the state), [`pages`] (pure: equal records and
//! equal `as_of` make equal bytes), [`SiteWriter`] (the only use of the file system); [`write()`]
//! does the three.
//!
//! Everything that came from a registry or a program is hostile. Before it enters a template its
//! control and direction characters become visible marks, and templates escape all they print.

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

use batch_core::io::{StateError, StateReader};
use chrono::{DateTime, Utc};

pub use page::{Page, pages};
pub use records::{Problem, Records, StoredOutput};
pub use writer::{SiteWriter, WriteError, WriteErrorKind, Written};

/// The site cannot be made.
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
/// what is gone, touches nothing else.
pub fn write(
    folder: &Path,
    state: &dyn StateReader,
    as_of: DateTime<Utc>,
) -> Result<Written, SiteError> {
    let records = Records::read(state)?;
    let mut writer = SiteWriter::begin(folder)?;
    pages(&records, as_of, |page| writer.put(page))?;
    Ok(writer.finish()?)
}
