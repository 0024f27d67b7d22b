//! Queue files. An unreadable entry does not affect the others, and its bytes are kept.

use std::{collections::btree_map, io, path::Path};

use chrono::{DateTime, Utc};
use serde::{
    Deserialize, Serialize, Serializer,
    ser::{Error as _, SerializeSeq as _},
};
use serde_json::value::RawValue;

use crate::{
    io::{Quarantined, QueueFile, StateError, StateErrorKind, fs_state::lines, state_error},
    model::{
        EcosystemId, Queue, QueueEntry, QueueHeader, SCHEMA_VERSION, StoredEntry, TierMeanings,
    },
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document<'a> {
    schema_version: u32,
    ecosystem: EcosystemId,
    updated_at: DateTime<Utc>,
    #[serde(default)]
    tiers: TierMeanings,
    #[serde(borrow)]
    packages: Vec<&'a RawValue>,
}

#[derive(Serialize)]
struct Written<'a> {
    schema_version: u32,
    ecosystem: &'a EcosystemId,
    updated_at: DateTime<Utc>,
    tiers: &'a TierMeanings,
    packages: Packages<'a>,
}

/// Written entry by entry, because a queue may be long.
struct Packages<'a>(&'a QueueFile);

impl Serialize for Packages<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(None)?;
        for entry in self.0.entries.values() {
            list.serialize_element(&StoredEntry::from(entry))?;
        }
        for entry in &self.0.quarantined {
            let raw: &RawValue = serde_json::from_str(&entry.raw).map_err(S::Error::custom)?;
            list.serialize_element(raw)?;
        }
        list.end()
    }
}

/// The queue of `ecosystem` in `content`. `label` is the name of the file in messages.
pub(super) fn parse(
    path: &Path,
    label: &str,
    ecosystem: &EcosystemId,
    content: &[u8],
) -> Result<QueueFile, StateError> {
    let document = serde_json::from_slice::<Document>(content);
    // The version is read separately only if it may be the cause of an error, because a queue may
    // be long.
    if document.as_ref().map_or(true, |document| document.schema_version != SCHEMA_VERSION) {
        lines::check_version(path, content)?;
    }
    let document = document.map_err(|error| StateError::json(path, &error))?;
    if document.ecosystem != *ecosystem {
        let reason = format!(
            "the file says that it is the queue of {}, but its name is that of another queue",
            document.ecosystem
        );
        return Err(StateError::new(
            path,
            StateErrorKind::Malformed { line: 1, column: 0, reason },
        ));
    }
    let mut entries = Queue::new();
    let mut quarantined = vec![];
    for (place, raw) in (1..).zip(document.packages) {
        if let Err(reason) = add(&mut entries, raw.get(), ecosystem) {
            let (file, raw) = (label.to_owned(), raw.get().to_owned());
            quarantined.push(Quarantined { file, place, reason, raw });
        }
    }
    let header = QueueHeader {
        ecosystem: document.ecosystem,
        updated_at: document.updated_at,
        tiers: document.tiers,
    };
    Ok(QueueFile { header, entries, quarantined })
}

/// The error is the reason.
fn add(entries: &mut Queue, raw: &str, ecosystem: &EcosystemId) -> Result<(), String> {
    if !raw.starts_with('{') {
        return Err("an entry is an object".to_owned());
    }
    let stored: StoredEntry =
        serde_json::from_str(raw).map_err(|error| state_error::reason(&error))?;
    let entry = QueueEntry::try_from(stored).map_err(|error| error.to_string())?;
    if entry.id.ecosystem != *ecosystem {
        return Err(format!("{} does not belong to the queue of {ecosystem}", entry.id));
    }
    match entries.entry(entry.id.clone()) {
        btree_map::Entry::Vacant(place) => {
            place.insert(entry);
            Ok(())
        }
        btree_map::Entry::Occupied(_) => Err(format!("{} appears twice", entry.id)),
    }
}

/// Writes the file at `path` to `out`: the entries by id, then the quarantined ones in the order in
/// which they were found.
pub(super) fn write(
    path: &Path,
    queue: &QueueFile,
    out: &mut dyn io::Write,
) -> Result<(), StateError> {
    let written = Written {
        schema_version: SCHEMA_VERSION,
        ecosystem: &queue.header.ecosystem,
        updated_at: queue.header.updated_at,
        tiers: &queue.header.tiers,
        packages: Packages(queue),
    };
    let failed = |error: serde_json::Error| match error.io_error_kind() {
        Some(kind) => StateError::io(path, kind.into()),
        None => StateError::json(path, &error),
    };
    serde_json::to_writer_pretty(&mut *out, &written).map_err(failed)?;
    out.write_all(b"\n").map_err(|error| StateError::io(path, error))
}
