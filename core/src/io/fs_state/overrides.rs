//! The decisions of people about sources. Only operators write them: what a run can write is in
//! [`StateWriter`](crate::io::StateWriter), and this is not.

use crate::{
    io::{FsState, StateError, StateErrorKind, StateReader as _, atomic, fs_state::lines},
    model::CuratedSource,
};

impl FsState {
    /// Adds `source`, in the place of an earlier decision about the same tool. A file with damaged
    /// lines is not changed, because they would be lost.
    pub fn put_curated_source(&self, source: &CuratedSource) -> Result<(), StateError> {
        let path = self.layout().overrides();
        let mut found = self.curated_sources()?;
        if let Some(damaged) = found.quarantined.first() {
            let (line, reason) = (damaged.place, damaged.reason.clone());
            let line = usize::try_from(line).unwrap_or(0);
            let kind = StateErrorKind::Malformed { line, column: 0, reason };
            return Err(StateError::new(&path, kind));
        }
        found.records.retain(|other| other.tool != source.tool);
        found.records.push(source.clone());
        atomic::write(&path, lines::to_text(&path, &found.records)?.as_bytes())
    }
}
