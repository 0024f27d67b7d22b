//! The control file. It is edited as a JSON value, because other programs keep keys in it too.

use std::path::Path;

use serde_json::Value;

use crate::{
    decide::unknown_names,
    io::{StateError, StateErrorKind, fs_state::lines, regular},
    model::{Control, EcosystemId, StoredBreaker},
};

/// Maximal size of a control file in bytes, about a thousand times the usual size.
const LONGEST: u64 = 4 << 20;

/// The content of the control file at `path`; `None` when it does not exist.
pub(super) fn read(path: &Path) -> Result<Option<Vec<u8>>, StateError> {
    regular::read_within(path, LONGEST)
}

/// Parses a control file. A breaker that cannot be read counts as closed, because a guard that
/// cannot be understood must not stop the pipeline for ever. Anything else that cannot be read is
/// an error, because it might mean "stop". The same holds for a key that is similar to a known one.
pub(super) fn parse(path: &Path, content: &[u8]) -> Result<Control, StateError> {
    lines::check_version(path, content)?;
    let file: Value =
        serde_json::from_slice(content).map_err(|error| StateError::json(path, &error))?;
    if let Some(name) = unknown_names::misspelt_key(&file) {
        return Err(StateError::new(path, StateErrorKind::UnknownName(name)));
    }
    // A list would be accepted as the values of the fields in their order.
    if file.get("budget").is_some_and(Value::is_array) {
        let (line, column, reason) = (1, 0, "budget: expected an object".to_owned());
        return Err(StateError::new(path, StateErrorKind::Malformed { line, column, reason }));
    }
    let breakers = file.get("ecosystems").and_then(Value::as_object);
    let has_list = breakers.is_some_and(|breakers| breakers.values().any(Value::is_array));
    match serde_json::from_slice(content) {
        Ok(control) if !has_list => Ok(control),
        Ok(control) => Ok(without_bad_breakers(path, content).unwrap_or(control)),
        Err(error) => {
            let without = without_bad_breakers(path, content);
            without.ok_or_else(|| StateError::json(path, &error))
        }
    }
}

fn without_bad_breakers(path: &Path, content: &[u8]) -> Option<Control> {
    let mut value: Value = serde_json::from_slice(content).ok()?;
    value.get_mut("ecosystems")?.as_object_mut()?.retain(|id, breaker| {
        let is_good = id.parse::<EcosystemId>().is_ok()
            && breaker.is_object()
            && serde_json::from_value::<StoredBreaker>(breaker.clone()).is_ok();
        if !is_good {
            let file = path.display();
            tracing::warn!("{file}: the breaker of {id:?} cannot be read and counts as closed");
        }
        is_good
    });
    serde_json::from_value(value).ok()
}

/// `found`, the content of the file, with all keys that this version knows taken from `control`:
/// first the known keys in the order of the struct, then the unknown keys in their own order.
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

/// Adds to `new` everything in `old` that is not in `known`, which is what this version understands
/// of `old`.
fn keep_foreign(new: &mut Value, old: Value, known: &Value) {
    let (Value::Object(new), Value::Object(old), Value::Object(known)) = (new, old, known) else {
        return;
    };
    for (key, old) in old {
        match (new.get_mut(&key), known.get(&key)) {
            (Some(new), Some(known)) => keep_foreign(new, old, known),
            (None, None) => drop(new.insert(key, old)),
            // Just set, or just removed.
            (Some(_), None) | (None, Some(_)) => (),
        }
    }
}
