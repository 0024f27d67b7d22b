//! Queue files. An unreadable entry does not affect the others, and its bytes are kept.

use std::{collections::btree_map, fmt, io, path::Path};

use chrono::{DateTime, Utc};
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{self, MapAccess, SeqAccess, Visitor, value::MapAccessDeserializer},
    ser::{Error as _, SerializeSeq as _},
};
use serde_json::value::RawValue;

use crate::{
    io::{Quarantined, QueueFile, StateError, StateErrorKind, fs_state::lines, state_error},
    model::{
        EcosystemId, Queue, QueueEntry, QueueHeader, SCHEMA_VERSION, StoredEntry, TierMeanings,
    },
};

/// A queue file, whose entries are read as `P`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document<P> {
    schema_version: u32,
    ecosystem: EcosystemId,
    updated_at: DateTime<Utc>,
    #[serde(default)]
    tiers: TierMeanings,
    packages: P,
}

/// An entry that is an object. serde would also take the list of its values.
struct Object(StoredEntry);

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(OfObject)
    }
}

struct OfObject;

impl<'de> Visitor<'de> for OfObject {
    type Value = Object;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Object, A::Error> {
        StoredEntry::deserialize(MapAccessDeserializer::new(map)).map(Object)
    }
}

/// Entries, each of which can be read. Each one goes to its place at once, because a list of all of
/// them would be as large as the queue itself.
struct Entries(Queue);

impl<'de> Deserialize<'de> for Entries {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(OfEntries)
    }
}

struct OfEntries;

impl<'de> Visitor<'de> for OfEntries {
    type Value = Entries;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Entries, A::Error> {
        let mut entries = Queue::new();
        while let Some(Object(stored)) = list.next_element()? {
            add(&mut entries, stored).map_err(de::Error::custom)?;
        }
        Ok(Entries(entries))
    }
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
    // A queue may be long, and nearly always every entry of it can be read.
    match parse_at_once(ecosystem, content) {
        Some(queue) => Ok(queue),
        None => parse_one_by_one(path, label, ecosystem, content),
    }
}

/// The queue in `content`; `None` if there is anything wrong with it.
fn parse_at_once(ecosystem: &EcosystemId, content: &[u8]) -> Option<QueueFile> {
    // The characters are checked once and not in each text.
    let document: Document<Entries> = serde_json::from_str(str::from_utf8(content).ok()?).ok()?;
    let Entries(entries) = document.packages;
    let is_expected = document.schema_version == SCHEMA_VERSION
        && document.ecosystem == *ecosystem
        && entries.keys().all(|id| id.ecosystem == *ecosystem);
    let header = QueueHeader {
        ecosystem: document.ecosystem,
        updated_at: document.updated_at,
        tiers: document.tiers,
    };
    is_expected.then_some(QueueFile { header, entries, quarantined: vec![] })
}

/// The queue in `content`, in which an entry that cannot be read does not affect the others.
fn parse_one_by_one(
    path: &Path,
    label: &str,
    ecosystem: &EcosystemId,
    content: &[u8],
) -> Result<QueueFile, StateError> {
    let document = serde_json::from_slice::<Document<Vec<&RawValue>>>(content);
    // The version is read separately only if it may be the cause of an error.
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
        let added = stored(raw.get(), ecosystem).and_then(|entry| add(&mut entries, entry));
        if let Err(reason) = added {
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

/// The entry `raw` of the queue of `ecosystem`. The error is the reason.
fn stored(raw: &str, ecosystem: &EcosystemId) -> Result<StoredEntry, String> {
    if !raw.starts_with('{') {
        return Err("an entry is an object".to_owned());
    }
    let stored: StoredEntry =
        serde_json::from_str(raw).map_err(|error| state_error::reason(&error))?;
    if stored.id.ecosystem == *ecosystem {
        Ok(stored)
    } else {
        Err(format!("{} does not belong to the queue of {ecosystem}", stored.id))
    }
}

/// The error is the reason.
fn add(entries: &mut Queue, stored: StoredEntry) -> Result<(), String> {
    let entry = QueueEntry::try_from(stored).map_err(|error| error.to_string())?;
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
