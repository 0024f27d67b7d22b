//! Archived outputs.

use std::{collections::BTreeSet, ops::ControlFlow};

use memchr::memmem;

use super::{ArchiveKind, lines::ArchivedLines, write::ArchiveWriter};
use crate::{
    decide::archive::{self, Digest},
    io::{
        FsState, Quarantined, StateError, StateErrorKind, Visited, Visitor,
        fs_state::{lines, read::MAX_TEXT, write::output_ref},
        regular,
    },
    model::{Month, OutputRecord, SCHEMA_VERSION},
};

impl FsState {
    /// The archived output with the digest `sha256`; `None` when there is none. Every month is
    /// searched, the newest first, because an output is kept with the newest record that refers to
    /// it. Damage is an error only when the output is not found, because it may be there.
    pub(in crate::io) fn archived_output(
        &self,
        sha256: &str,
    ) -> Result<Option<String>, StateError> {
        let mut damage = None;
        for month in self.archived_months()? {
            let mut found = None;
            let is_it = |line: &[u8]| memmem::find(line, sha256.as_bytes()).is_some();
            self.visit_archived_outputs(month, &is_it, &mut |output| {
                match output {
                    Ok(output) if output.sha256 == sha256 => {
                        found = Some(output.text);
                        return Ok(ControlFlow::Break(()));
                    }
                    Ok(_) => (),
                    Err(damaged) => {
                        let path = self.layout.archived(month, ArchiveKind::Outputs);
                        let Quarantined { place, reason, .. } = damaged;
                        let kind = StateErrorKind::DamagedArchive { line: place, reason };
                        damage.get_or_insert(StateError { path, kind });
                    }
                }
                Ok(ControlFlow::Continue(()))
            })?;
            if found.is_some() {
                return Ok(found);
            }
        }
        damage.map_or(Ok(None), Err)
    }

    /// Calls `visit` for the archived outputs of `month` whose lines are `wanted`, sorted by
    /// digest, until it stops. A file that is not a regular one is an error.
    pub(in crate::io) fn visit_archived_outputs(
        &self,
        month: Month,
        wanted: &dyn Fn(&[u8]) -> bool,
        visit: &mut dyn FnMut(
            Result<OutputRecord, Quarantined>,
        ) -> Result<ControlFlow<()>, StateError>,
    ) -> Result<(), StateError> {
        let path = self.layout.archived(month, ArchiveKind::Outputs);
        let Some(mut archived) = ArchivedLines::open(&path, self.layout.label(&path))? else {
            return Ok(());
        };
        while let Some(line) = archived.next() {
            if line.as_ref().is_ok_and(|line| !wanted(&line.text)) {
                continue;
            }
            let output = line.and_then(|line| {
                let quarantined = |reason| archived.quarantined(line.place, reason, &line.text);
                read(&line.text).map_err(quarantined)
            });
            if visit(output)?.is_break() {
                break;
            }
        }
        Ok(())
    }

    /// Calls `visit` for those of the outputs `wanted` that are archived, until it stops. Damage is
    /// shown only as long as some of them are not found.
    pub(in crate::io) fn visit_archived(
        &self,
        mut wanted: BTreeSet<&str>,
        visit: Visitor<'_, OutputRecord>,
    ) -> Result<(), StateError> {
        for month in self.archived_months()? {
            if wanted.is_empty() {
                break;
            }
            let mut flow = ControlFlow::Continue(());
            let read = self.visit_archived_outputs(month, &|_| true, &mut |output| {
                match output {
                    Ok(output) if wanted.remove(&*output.sha256) => {
                        flow = visit(Visited::Record(output));
                    }
                    Ok(_) => (),
                    Err(damaged) => flow = visit(Visited::Damaged(damaged)),
                }
                let is_over = flow.is_break() || wanted.is_empty();
                Ok(if is_over { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
            });
            match read {
                Err(error) if error.kind.is_about_the_file() => {
                    let label = self.layout.label(&error.path);
                    flow = visit(Visited::Damaged(lines::damaged_file(&error, label)));
                }
                read => read?,
            }
            if flow.is_break() {
                break;
            }
        }
        Ok(())
    }

    /// The digests of all archived outputs that can be read. Damage is added to `left`.
    pub fn archived_digests(
        &self,
        left: &mut Vec<Quarantined>,
    ) -> Result<BTreeSet<Digest>, StateError> {
        let mut found = BTreeSet::new();
        for month in self.archived_months()? {
            let read = self.visit_archived_outputs(month, &|_| true, &mut |output| {
                match output {
                    Ok(output) => found.extend(archive::digest(&output.sha256)),
                    Err(damaged) => left.push(damaged),
                }
                Ok(ControlFlow::Continue(()))
            });
            match read {
                Err(error) if error.kind.is_about_the_file() => {
                    left.push(lines::damaged_file(&error, self.layout.label(&error.path)));
                }
                read => read?,
            }
        }
        Ok(found)
    }

    /// The outputs that are not archived, or not only.
    pub fn live_outputs(&self) -> Result<BTreeSet<Digest>, StateError> {
        let mut found = BTreeSet::new();
        for (_, dir) in regular::list(&self.layout.outputs())? {
            if !dir.is_dir() {
                continue;
            }
            for (name, path) in regular::list(&dir)? {
                let hex = name.strip_suffix(".txt");
                let is_there =
                    hex.and_then(|hex| self.layout.output(hex)).as_deref() == Some(&path);
                found.extend(hex.filter(|_| is_there).and_then(archive::digest));
            }
        }
        Ok(found)
    }

    /// The text of the live output `digest`, or what is wrong with it.
    pub(crate) fn whole_output(
        &self,
        digest: &Digest,
    ) -> Result<Result<OutputRecord, Quarantined>, StateError> {
        let sha256 = hex::encode(digest);
        let path = self.layout.output(&sha256).expect("it is a digest");
        let damaged = |reason| {
            let (file, raw) = (self.layout.label(&path), String::new());
            Ok(Err(Quarantined { file, place: 0, reason, raw }))
        };
        let content = match regular::read_within(&path, MAX_TEXT) {
            Err(error) if error.kind.is_about_the_file() => return damaged(error.kind.to_string()),
            content => content?.unwrap_or_default(),
        };
        match String::from_utf8(content) {
            Ok(text) if output_ref(&text, false).sha256 == sha256 => {
                Ok(Ok(OutputRecord { schema_version: SCHEMA_VERSION, sha256, text }))
            }
            Ok(_) | Err(_) => damaged("its text does not have the digest in its name".to_owned()),
        }
    }

    /// Adds the live outputs `new` to the archive of `month`, sorted by digest. They stay where
    /// they are. Each was looked at with [`Self::whole_output`].
    pub(crate) fn archive_outputs(
        &self,
        month: Month,
        new: &BTreeSet<Digest>,
    ) -> Result<(), StateError> {
        let path = self.layout.archived(month, ArchiveKind::Outputs);
        let error_of = |damaged: Quarantined| {
            let Quarantined { place: line, reason, .. } = damaged;
            StateError::new(&path, StateErrorKind::DamagedArchive { line, reason })
        };
        self.put_archived(month, ArchiveKind::Outputs, |archive| {
            let mut new = new.iter().map(hex::encode).peekable();
            let add_new = |archive: &mut ArchiveWriter<'_>, sha256: &str| {
                let digest = archive::digest(sha256).unwrap_or_default();
                let output = self.whole_output(&digest)?.map_err(error_of)?;
                archive.add(lines::to_line(&path, &output)?.as_bytes())
            };
            self.visit_archived_outputs(month, &|_| true, &mut |output| {
                let output = output.map_err(error_of)?;
                while let Some(sha256) = new.next_if(|new| *new < output.sha256) {
                    add_new(archive, &sha256)?;
                }
                new.next_if_eq(&output.sha256);
                archive.add(lines::to_line(&path, &output)?.as_bytes())?;
                Ok(ControlFlow::Continue(()))
            })?;
            new.try_for_each(|sha256| add_new(archive, &sha256))
        })
    }
}

/// The error is a reason.
fn read(line: &[u8]) -> Result<OutputRecord, String> {
    let output: OutputRecord = lines::record(line)?;
    if output_ref(&output.text, false).sha256 != output.sha256 {
        return Err("its text does not have its digest".to_owned());
    }
    Ok(output)
}
