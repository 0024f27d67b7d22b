//! The control plane, edited as a JSON value: others keep keys in it too.

use std::path::Path;

use serde_json::Value;

use crate::{
    decide::unknown_names,
    io::{StateError, StateErrorKind, fs_state::lines, regular},
    model::{Control, EcosystemId, StoredBreaker},
};

/// Largest control file that is read: some thousand times the usual one.
const LONGEST: u64 = 4 << 20;

/// The bytes of the control file at `path`; `None` where there is none.
pub(super) fn read(path: &Path) -> Result<Option<Vec<u8>>, StateError> {
    regular::read_within(path, LONGEST)
}

/// The control plane in `content`. A breaker that cannot be read is closed: a guard that nobody
/// understands must not stop the pipeline for good. Anything else is an error: it may say stop, and
/// so may a key that is nearly a known one.
pub(super) fn parse(path: &Path, content: &[u8]) -> Result<Control, StateError> {
    lines::check_version(path, content)?;
    let file: Value =
        serde_json::from_slice(content).map_err(|error| StateError::json(path, &error))?;
    if let Some(name) = unknown_names::misspelt_key(&file) {
        return Err(StateError::new(path, StateErrorKind::UnknownName(name)));
    }
    serde_json::from_slice(content).or_else(|error| {
        let without = without_bad_breakers(path, content);
        without.ok_or_else(|| StateError::json(path, &error))
    })
}

fn without_bad_breakers(path: &Path, content: &[u8]) -> Option<Control> {
    let mut value: Value = serde_json::from_slice(content).ok()?;
    value.get_mut("ecosystems")?.as_object_mut()?.retain(|id, breaker| {
        let is_good = id.parse::<EcosystemId>().is_ok()
            && serde_json::from_value::<StoredBreaker>(breaker.clone()).is_ok();
        if !is_good {
            tracing::warn!(path = %path.display(), ?id, "a breaker cannot be read and counts as closed");
        }
        is_good
    });
    serde_json::from_value(value).ok()
}

/// `found`, the file as it is, with everything that this version knows taken from `control`. Known
/// keys in struct order, then foreign ones in their own.
pub(super) fn to_text(
    path: &Path,
    found: Option<&[u8]>,
    control: &Control,
) -> Result<String, StateError> {
    let failed = |error| StateError::json(path, &error);
    let mut new = serde_json::to_value(control).map_err(failed)?;
    if let Some(content) = found {
        let known = serde_json::to_value(parse(path, content)?).map_err(failed)?;
        let old = serde_json::from_slice(content).map_err(failed)?;
        keep_foreign(&mut new, old, &known);
    }
    Ok(serde_json::to_string_pretty(&new).map_err(failed)? + "\n")
}

/// Adds to `new` what `old` has and `known`, which is how this version reads `old`, has not.
fn keep_foreign(new: &mut Value, old: Value, known: &Value) {
    let (Value::Object(new), Value::Object(old), Value::Object(known)) = (new, old, known) else {
        return;
    };
    for (key, old) in old {
        match (new.get_mut(&key), known.get(&key)) {
            (Some(new), Some(known)) => keep_foreign(new, old, known),
            (None, None) => drop(new.insert(key, old)),
            // Set just now, or removed just now.
            (Some(_), None) | (None, Some(_)) => (),
        }
    }
}
