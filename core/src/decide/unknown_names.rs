//! Finds unknown names in the control file. A switch that stops nothing is worse than none, so a
//! name that looks misspelt is an error and is never ignored.

use std::fmt;

use serde_json::Value;

use crate::model::{Budget, Control, EcosystemId, HostPause, Pause, StoredBreaker};

/// How similar two keys must be, from 0 to 1, so that one counts as a misspelling of the other.
const ALIKE_KEYS: f64 = 0.7;

/// The same for ecosystems, whose names are short: `nmp` is `npm`.
const ALIKE_ECOSYSTEMS: f64 = 0.6;

/// A name in the control file that this program does not know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownName {
    /// Its position in the file.
    pub place: String,
    /// The name as it is in the file, shortened. It is hostile input.
    pub name: String,
    /// The most similar known name, if one is similar enough.
    pub nearest: Option<String>,
}

impl fmt::Display for UnknownName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { place, name, nearest } = self;
        write!(f, "{place} contains {name:?}, which this program does not know")?;
        nearest.as_ref().map_or(Ok(()), |nearest| write!(f, " (did you mean {nearest:?}?)"))
    }
}

impl UnknownName {
    fn new(place: &str, name: &str, nearest: Option<&str>) -> Self {
        let name = name.chars().take(80).collect();
        Self { place: place.to_owned(), name, nearest: nearest.map(str::to_owned) }
    }
}

/// The first key of the control file `file` that is similar to a known key and is none. Keys that
/// are similar to no known key belong to somebody else.
pub fn misspelt_key(file: &Value) -> Option<UnknownName> {
    let of_children = |key: &str, known: &[&str]| {
        let children = file.get(key).and_then(Value::as_object);
        children.into_iter().flatten().find_map(|(name, child)| {
            let place = format!("\"{key}\", {:?}", name.chars().take(80).collect::<String>());
            misspelt_in(child, &place, known)
        })
    };
    let budget = file.get("budget").unwrap_or(&Value::Null);
    misspelt_in(file, "the file", Control::KEYS)
        .or_else(|| misspelt_in(budget, "\"budget\"", Budget::KEYS))
        .or_else(|| of_children("ecosystems", StoredBreaker::KEYS))
        .or_else(|| of_children("hosts", HostPause::KEYS))
        .or_else(|| {
            let pauses = file.get("pauses").and_then(Value::as_array);
            let mut pauses = pauses.into_iter().flatten();
            pauses.find_map(|pause| misspelt_in(pause, "\"pauses\"", Pause::KEYS))
        })
}

/// The known name that somebody meant, according to `message`, in which a reader names an unknown key or
/// value and the known ones, each in backticks. `None` if none is similar enough.
pub fn meant_by(message: &str) -> Option<&str> {
    let after = message.strip_prefix("unknown ")?;
    let mut names = after.split('`').skip(1).step_by(2);
    let unknown = names.next()?;
    nearest(unknown, names, ALIKE_ECOSYSTEMS)
}

fn misspelt_in(table: &Value, place: &str, known: &[&str]) -> Option<UnknownName> {
    table.as_object()?.keys().filter(|key| !known.contains(&key.as_str())).find_map(|key| {
        let near = nearest(key, known.iter().copied(), ALIKE_KEYS)?;
        Some(UnknownName::new(place, key, Some(near)))
    })
}

/// The first ecosystem that `control` disables or pauses and that is not among `known`, or that has a breaker
/// and is similar to a known one. A breaker of an ecosystem that no longer exists does no harm.
pub fn unknown_ecosystem(control: &Control, known: &[&EcosystemId]) -> Option<UnknownName> {
    let near = |id: &EcosystemId| {
        nearest(id.as_str(), known.iter().map(|id| id.as_str()), ALIKE_ECOSYSTEMS)
    };
    let is_known = |id: &EcosystemId| known.contains(&id);
    let disabled = control.disabled_ecosystems.iter().find(|id| !is_known(id));
    let disabled =
        disabled.map(|id| UnknownName::new("\"disabled_ecosystems\"", id.as_str(), near(id)));
    let mut paused = control.pauses.iter().filter_map(|pause| pause.ecosystem.as_ref());
    let paused = paused.find(|id| !is_known(id));
    let paused = paused.map(|id| UnknownName::new("\"pauses\"", id.as_str(), near(id)));
    let mut breakers = control.ecosystems.keys().filter(|id| !is_known(id));
    disabled.or(paused).or_else(|| {
        breakers
            .find_map(|id| Some(UnknownName::new("\"ecosystems\"", id.as_str(), Some(near(id)?))))
    })
}

/// The one of `known` that is most similar to `word`, if the similarity is at least `alike`.
fn nearest<'a>(word: &str, known: impl Iterator<Item = &'a str>, alike: f64) -> Option<&'a str> {
    let plain = |text: &str| text.to_ascii_lowercase().replace(['_', '-', ' '], "");
    let likeness =
        |known: &&str| strsim::normalized_damerau_levenshtein(&plain(word), &plain(known));
    let best = known.max_by(|a, b| likeness(a).total_cmp(&likeness(b)))?;
    (alike <= likeness(&best)).then_some(best)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(file: &Value, expected: &str) {
        let found = misspelt_key(file).map(|name| name.to_string()).unwrap_or_default();
        assert!(found.contains(expected) && found.is_empty() == expected.is_empty(), "{found}");
    }

    #[test]
    fn a_misspelt_key_is_an_error_and_other_unknown_keys_are_kept() {
        check(&json!({"disabled_ecosytems": ["npm"]}), "did you mean \"disabled_ecosystems\"?");
        check(&json!({"disabledEcosystems": []}), "did you mean \"disabled_ecosystems\"?");
        check(&json!({"Enabled": false}), "the file contains \"Enabled\"");
        check(&json!({"ecosystems": {"npm": {"circuit_sate": "open"}}}), "\"circuit_state\"");
        check(&json!({"hosts": {"a.example": {"pause_until": 1}}}), "\"paused_until\"");
        check(&json!({"budget": {"macos_minute_used": 1}}), "\"macos_minutes_used\"");
        check(
            &json!({"zebra": 1, "note": "x", "budget": {"sampling_active": true}, "owner": "ada",
                "ecosystems": {"npm": {"note": 1}, "reason": {}}}),
            "",
        );
        check(&json!([1]), "");
    }

    #[test]
    fn no_known_key_is_taken_for_a_misspelt_one() {
        for keys in [Control::KEYS, StoredBreaker::KEYS, Budget::KEYS, HostPause::KEYS] {
            let file = keys.iter().map(|key| ((*key).to_owned(), Value::Null)).collect();
            assert_eq!(misspelt_in(&Value::Object(file), "", keys), None);
        }
    }

    #[test]
    fn the_known_keys_are_those_of_the_schema() {
        fn keys<T: schemars::JsonSchema>() -> Vec<String> {
            let schema = schemars::schema_for!(T).to_value();
            schema["properties"].as_object().unwrap().keys().cloned().collect()
        }
        assert_eq!(keys::<Control>(), Control::KEYS);
        assert_eq!(keys::<StoredBreaker>(), StoredBreaker::KEYS);
        assert_eq!(keys::<Budget>(), Budget::KEYS);
        assert_eq!(keys::<HostPause>(), HostPause::KEYS);
    }

    #[test]
    fn an_ecosystem_that_is_disabled_and_unknown_is_named_with_the_nearest_known_one() {
        let known: Vec<EcosystemId> =
            ["npm", "pypi"].iter().map(|id| id.parse().unwrap()).collect();
        let known: Vec<&EcosystemId> = known.iter().collect();
        let check = |file: Value, expected: Option<&str>| {
            let control: Control = serde_json::from_value(file).unwrap();
            let found = unknown_ecosystem(&control, &known).map(|name| name.to_string());
            assert_eq!(found.as_deref(), expected);
        };
        let disabled =
            |id| json!({"schema_version": 2, "enabled": true, "disabled_ecosystems": [id]});
        let says = "\"disabled_ecosystems\" contains";
        let unknown = "which this program does not know";
        check(disabled("npm"), None);
        check(disabled("nmp"), Some(&format!("{says} \"nmp\", {unknown} (did you mean \"npm\"?)")));
        check(disabled("zoo"), Some(&format!("{says} \"zoo\", {unknown}")));
        let breaker =
            |id: &str| json!({"schema_version": 2, "enabled": true, "ecosystems": {id: {}}});
        check(breaker("zoo"), None);
        check(
            breaker("pypl"),
            Some(&format!("\"ecosystems\" contains \"pypl\", {unknown} (did you mean \"pypi\"?)")),
        );
    }
}
