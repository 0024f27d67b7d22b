//! Archived changes of breakers.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use sha2::{Digest as _, Sha256};

use super::{ArchiveKind, lines::ArchivedLines};
use crate::{
    decide::archive::Tally,
    io::{FsState, Quarantined, Records, StateError, atomic, fs_state::lines, regular},
    model::{BreakerTransition, EcosystemId, Month},
};

/// A change of a breaker, and the line that contains it. Fields of the line that this version does
/// not know are kept.
#[derive(Debug, Clone)]
pub(crate) struct TransitionLine {
    transition: BreakerTransition,
    text: Vec<u8>,
}

impl TransitionLine {
    fn read(line: &[u8]) -> Option<Self> {
        let text = line.trim_ascii().to_owned();
        lines::record(&text).ok().map(|transition| Self { transition, text })
    }
}

impl FsState {
    /// The whole log, oldest first: `live` and the archived changes that are not in it.
    pub(in crate::io) fn with_archived_transitions(
        &self,
        mut live: Records<BreakerTransition>,
    ) -> Result<Records<BreakerTransition>, StateError> {
        let mut log = Records::default();
        for month in self.archived_months()? {
            let (lines, mut damage) = self.archived_transitions(month)?;
            log.records.extend(lines.into_iter().map(|line| line.transition));
            log.quarantined.append(&mut damage);
        }
        let known: BTreeSet<_> = live.records.iter().map(key).collect();
        log.records.retain(|transition| !known.contains(&key(transition)));
        log.records.append(&mut live.records);
        log.quarantined.append(&mut live.quarantined);
        log.records.sort_by_key(|transition| transition.at);
        Ok(log)
    }

    /// The archived changes of breakers of `month`, and what of them cannot be read.
    fn archived_transitions(
        &self,
        month: Month,
    ) -> Result<(Vec<TransitionLine>, Vec<Quarantined>), StateError> {
        let path = self.layout.archived(month, ArchiveKind::Breaker);
        let label = self.layout.label(&path);
        let mut archived = match ArchivedLines::open(&path, label.clone()) {
            Ok(Some(archived)) => archived,
            Ok(None) => return Ok((vec![], vec![])),
            Err(error) if error.kind.is_about_the_file() => {
                return Ok((vec![], vec![lines::damaged_file(&error, label)]));
            }
            Err(error) => return Err(error),
        };
        let (mut found, mut damage) = (vec![], vec![]);
        while let Some(line) = archived.next() {
            let read = line.and_then(|line| {
                let quarantined = |reason| archived.quarantined(line.place, reason, &line.text);
                let transition = lines::record(&line.text).map_err(quarantined)?;
                Ok(TransitionLine { transition, text: line.text })
            });
            match read {
                Ok(line) => found.push(line),
                Err(damaged) => damage.push(damaged),
            }
        }
        Ok((found, damage))
    }

    /// The live changes that happened before `before`, by month. None of them, if the log or an
    /// archive to which they would go has damage, which is added to `left`.
    pub(crate) fn old_transitions(
        &self,
        before: DateTime<Utc>,
        left: &mut Vec<Quarantined>,
    ) -> Result<BTreeMap<Month, Vec<TransitionLine>>, StateError> {
        let mut damage = self.live_breaker_log()?.quarantined;
        let mut by_month: BTreeMap<Month, Vec<TransitionLine>> = BTreeMap::new();
        if damage.is_empty() {
            let content = regular::read(&self.layout.breaker_log())?.unwrap_or_default();
            let lines = lines::lines(&content).filter_map(|(_, line)| TransitionLine::read(line));
            for line in lines.filter(|line| line.transition.at < before) {
                by_month.entry(Month::of(line.transition.at)).or_default().push(line);
            }
        }
        for month in by_month.keys() {
            let (_, mut archived) = self.archived_transitions(*month)?;
            damage.append(&mut archived);
        }
        if !damage.is_empty() {
            left.append(&mut damage);
            by_month.clear();
        }
        Ok(by_month)
    }

    /// Adds `lines` to the archive of `month`, oldest first. They stay in the log.
    pub(crate) fn archive_transitions(
        &self,
        month: Month,
        lines: &[TransitionLine],
    ) -> Result<(), StateError> {
        let (mut all, _) = self.archived_transitions(month)?;
        let known: BTreeSet<_> = lines.iter().map(|line| key(&line.transition)).collect();
        all.retain(|line| !known.contains(&key(&line.transition)));
        all.extend(lines.iter().cloned());
        all.sort_by_key(|line| key(&line.transition));
        self.put_archived(month, ArchiveKind::Breaker, |archive| {
            all.iter().try_for_each(|line| archive.add(&line.text))
        })
    }

    /// Counts all changes that a reader would see without the live ones that happened before
    /// `hidden_before`. What cannot be read is added to `damage`.
    pub(crate) fn transition_tally(
        &self,
        hidden_before: Option<DateTime<Utc>>,
        damage: &mut Vec<Quarantined>,
    ) -> Result<Tally, StateError> {
        let mut live = self.live_breaker_log()?;
        live.records.retain(|it| hidden_before.is_none_or(|before| before <= it.at));
        let mut log = self.with_archived_transitions(live)?;
        damage.append(&mut log.quarantined);
        let mut tally = Tally::default();
        for transition in log.records {
            let text = lines::to_line(&self.layout.breaker_log(), &transition)?;
            tally.add(&Sha256::digest(text).into());
        }
        Ok(tally)
    }

    /// Removes the changes that happened before `before` from the live log.
    pub(crate) fn drop_transitions(&self, before: DateTime<Utc>) -> Result<(), StateError> {
        let path = self.layout.breaker_log();
        let content = regular::read(&path)?.unwrap_or_default();
        let mut kept = vec![];
        for (_, line) in lines::lines(&content) {
            let is_old = lines::record(line).is_ok_and(|it: BreakerTransition| it.at < before);
            if !is_old {
                kept.extend_from_slice(line);
                kept.push(b'\n');
            }
        }
        atomic::write(&path, &kept)
    }
}

fn key(transition: &BreakerTransition) -> (DateTime<Utc>, EcosystemId) {
    (transition.at, transition.ecosystem.clone())
}
