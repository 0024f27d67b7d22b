//! Decisions about the source of a tool.

use std::collections::btree_map::Entry;

use crate::{
    decide::import::{
        Import,
        report::{Oddity, RecordKind},
    },
    model::{
        CuratedSource, InvalidId, PackageId, PackageName, SCHEMA_VERSION, SourceAudit, SourceProbe,
        Status,
    },
    old_formats::{Audit, OldRecords, Probe, Refused, Selection},
};

impl Import<'_> {
    /// Imports the decisions of a person in `file`.
    pub fn selections(&mut self, file: &str, old: OldRecords<Selection>) {
        self.begin(RecordKind::Selection, file, &old.refused);
        for selection in old.records {
            let source = match self.selection(&selection) {
                Ok(source) => source,
                Err(error) => {
                    let refused = Refused { line: selection.line, reason: error.to_string() };
                    self.imported.report.refuse(RecordKind::Selection, file, refused);
                    continue;
                }
            };
            let count = self.imported.report.count(RecordKind::Selection);
            count.records_in += 1;
            match self.imported.curated_sources.entry(source.tool.clone()) {
                Entry::Vacant(place) => drop(place.insert(source)),
                // The last decision counts.
                Entry::Occupied(mut place) => {
                    count.merged += 1;
                    place.insert(source);
                }
            }
        }
    }

    fn selection(&mut self, old: &Selection) -> Result<CuratedSource, InvalidId> {
        Ok(CuratedSource {
            schema_version: SCHEMA_VERSION,
            tool: old.tool.parse()?,
            selected: self.source_id(&old.selected)?,
            recipe_name: None,
            alternatives: self.source_ids(&old.alternatives)?,
            selection_reason: self.known.cleaner.text(old.selection_reason.as_bytes()),
            high_risk: old.high_risk,
            reviewed_at: None,
            expires_at: None,
        })
    }

    /// Imports the decision of the earlier program in `file`.
    pub fn audit(&mut self, file: &str, old: &Audit) {
        self.begin(RecordKind::Audit, file, &[]);
        let audit = match self.source_audit(old) {
            Ok(audit) => audit,
            Err(error) => {
                let refused = Refused { line: 1, reason: error.to_string() };
                return self.imported.report.refuse(RecordKind::Audit, file, refused);
            }
        };
        let count = self.imported.report.count(RecordKind::Audit);
        count.records_in += 1;
        match self.imported.audits.entry(audit.tool.clone()) {
            Entry::Vacant(place) => drop(place.insert(audit)),
            Entry::Occupied(mut place) => {
                count.merged += 1;
                if place.get().decided_at < audit.decided_at {
                    place.insert(audit);
                }
            }
        }
    }

    fn source_audit(&mut self, old: &Audit) -> Result<SourceAudit, InvalidId> {
        let Selection { tool, selected, alternatives, selection_reason, high_risk, .. } =
            &old.selection;
        let probes = old.probe_results.iter().map(|probe| self.probe(probe));
        Ok(SourceAudit {
            schema_version: SCHEMA_VERSION,
            tool: tool.parse()?,
            probes: probes.collect::<Result<_, _>>()?,
            selected: self.source_id(selected)?,
            alternatives: self.source_ids(alternatives)?,
            selection_reason: self.known.cleaner.text(selection_reason.as_bytes()),
            high_risk: *high_risk,
            downloads_ratio: old.downloads_ratio,
            previous_source: old
                .previous_source
                .as_deref()
                .filter(|text| !text.is_empty())
                .map(|text| self.source_id(text))
                .transpose()?,
            decided_at: old.disambiguated_at.at(),
            seeding_run: old.seeding_run.at(),
        })
    }

    fn probe(&mut self, old: &Probe) -> Result<SourceProbe, InvalidId> {
        Ok(SourceProbe {
            source: self.source_id(&old.source)?,
            downloads: old.downloads,
            version_count: old.version_count,
            has_repository: old.has_repository,
        })
    }

    fn source_id(&mut self, text: &str) -> Result<PackageId, InvalidId> {
        let source = self.known.source(text)?;
        self.note(Oddity::Aliases, u64::from(source.is_alias));
        Ok(source.id)
    }

    fn source_ids(&mut self, texts: &[String]) -> Result<Vec<PackageId>, InvalidId> {
        texts.iter().map(|text| self.source_id(text)).collect()
    }

    /// Counts pending entries whose source nobody has confirmed.
    pub(super) fn count_unconfirmed(&mut self) {
        let is_pending = |id: &PackageId| {
            let queue = self.imported.queues.get(&id.ecosystem);
            let entry = queue.and_then(|queue| queue.entries.get(id));
            entry.is_some_and(|entry| entry.status == Status::Pending)
        };
        let is_curated = |tool: &PackageName| self.imported.curated_sources.contains_key(tool);
        let unconfirmed = self.imported.audits.values().filter(|audit| {
            audit.high_risk && is_pending(&audit.selected) && !is_curated(&audit.tool)
        });
        let n_unconfirmed = super::n(unconfirmed.count());
        self.note(Oddity::UnconfirmedSources, n_unconfirmed);
    }
}
