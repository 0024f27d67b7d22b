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
mod entries;
mod explained;
mod health;
mod history;
mod html;
mod jobs;
mod known;
mod manifest;
mod newest;
mod old;
mod page;
mod path;
mod records;
mod shown;
mod site;
mod text;
mod threads;
mod tried;
mod writer;

use std::{
    collections::{BTreeMap, HashMap},
    hash::{Hash as _, Hasher as _},
    path::{Path, PathBuf},
};

use batch_core::{
    io::{StateError, StateReader},
    plugin::Registry,
};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use twox_hash::XxHash64;

pub use page::{Page, missing, schemas};
pub use records::{Problem, Records, StoredOutput};
pub use writer::{MAX_SITE, SiteWriter, WARN_SITE, WriteError, WriteErrorKind, Written};

/// A map for the millions of lookups of a site. Its keys come from packages: each process has another
/// seed for their hashes.
type Map<K, V> = HashMap<K, V, foldhash::fast::RandomState>;

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

/// What pages depend on besides the state.
pub struct Circumstances<'a> {
    /// The time of the build.
    pub as_of: DateTime<Utc>,
    /// The plugins, whose classifiers read reasons that only they understand.
    pub registry: Option<&'a Registry>,
    /// The commit of the state, if that is known.
    pub source_commit: Option<String>,
    /// Whether a run is in progress.
    pub is_under_way: bool,
    /// The ids of runs that died and are not recorded yet.
    pub dead_runs: Vec<String>,
    /// The file of the program that makes the pages, if that is known. The pages that the same program
    /// made of the same state at the same time are not made again.
    pub program: Option<PathBuf>,
}

impl Circumstances<'_> {
    /// The circumstances at `as_of` about which nothing else is known.
    pub fn at(as_of: DateTime<Utc>) -> Self {
        Self {
            as_of,
            registry: None,
            source_commit: None,
            is_under_way: false,
            dead_runs: vec![],
            program: None,
        }
    }

    /// A digest of all that the pages of `state` depend on; `None` if something of it is not known.
    fn digest(&self, state: &dyn StateReader) -> Option<u64> {
        let Self { as_of, registry, source_commit, is_under_way, dead_runs, program } = self;
        let (program, state) = (identity(program.as_ref()?)?, state.digest()?);
        let plugins: Vec<_> = registry.iter().flat_map(|it| it.iter()).map(|it| &it.id).collect();
        let mut digest = XxHash64::default();
        (program, state, as_of, plugins, source_commit, is_under_way, dead_runs).hash(&mut digest);
        Some(digest.finish())
    }
}

/// What distinguishes the file at `path` from every other file, and from what was there before; `None`
/// if that is not known. Reading the tens of megabytes of a program would take a sixth of a build that
/// makes no page.
fn identity(path: &Path) -> Option<impl std::hash::Hash + use<>> {
    let metadata = path.metadata().ok()?;
    #[cfg(unix)]
    let of_system = {
        use std::os::unix::fs::MetadataExt as _;
        // No program can set the time of the last change of a file.
        (metadata.dev(), metadata.ino(), metadata.ctime(), metadata.ctime_nsec())
    };
    #[cfg(not(unix))]
    let of_system = metadata.created().ok()?;
    Some((metadata.len(), metadata.modified().ok()?, of_system))
}

/// What the manifest says about a site besides its files.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// The time of the build.
    pub generated_at: Option<DateTime<Utc>>,
    /// The time of the newest record.
    pub data_as_of: Option<DateTime<Utc>>,
    /// The commit of the state, if that is known.
    pub source_commit: Option<String>,
    /// Numbers of records, by kind.
    pub counts: BTreeMap<String, usize>,
    /// A digest of all that the site was made of, in hexadecimal digits. Without it the next build makes
    /// all pages again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub made_of: Option<String>,
}

/// Passes every page of `state` to `put`; stops at the first error of `put`. Returns what of the state
/// could not be read. Only one page is in memory at a time, because a site of one year needs more
/// memory than a CI machine has.
pub fn pages<E: From<StateError>>(
    state: &dyn StateReader,
    circumstances: &Circumstances<'_>,
    mut put: impl FnMut(Page) -> Result<(), E>,
) -> Result<(Summary, Vec<Problem>), E> {
    let &Circumstances { as_of, registry, .. } = circumstances;
    let mut records = Records::read(state, as_of)?;
    let found = history::visit(state, registry, records.since, &mut put)?;
    records.problems.extend(found.problems);
    records.problems.sort();
    // A file whose name says no time is looked at for both.
    records.problems.dedup();
    let summary = page::pages(&records, &found.months, circumstances, put)?;
    Ok((summary, records.problems))
}

/// Passes every page of `records`, which were read, to `put`, except those of older months.
pub fn pages_of<E>(
    records: &Records,
    circumstances: &Circumstances<'_>,
    put: impl FnMut(Page) -> Result<(), E>,
) -> Result<Summary, E> {
    page::pages(records, &BTreeMap::new(), circumstances, put)
}

/// Writes the site of `state` into `folder`: changes what changed, removes what is gone, touches
/// nothing else. If nothing changed, not even the time, no page is made. Returns as well what of the
/// state could not be read.
pub fn write(
    folder: &Path,
    state: &dyn StateReader,
    circumstances: &Circumstances<'_>,
) -> Result<(Written, Vec<Problem>), SiteError> {
    // Before anything is read: if something is stored in between, the next build sees a difference.
    let (made_of, writer) =
        threads::both(|| circumstances.digest(state), || SiteWriter::begin(folder));
    let (made_of, mut writer) = (made_of.map(|digest| format!("{digest:016x}")), writer?);
    if made_of.is_some() && writer.made_of() == made_of.as_deref() {
        return Ok((writer.keep()?, vec![]));
    }
    let put = |page| Ok::<_, SiteError>(writer.put(page)?);
    let (mut summary, problems) = pages(state, circumstances, put)?;
    // What cannot be read is looked for at each build, so that it is reported.
    summary.made_of = made_of.filter(|_| problems.is_empty());
    Ok((writer.finish(summary)?, problems))
}
