//! The control file.

use chrono::{DateTime, SubsecRound as _, Utc};
use serde_json::{Value, map::Entry};

use super::{Finding, FindingCode, Place, line_of};
use crate::{
    decide::ahead,
    model::{CircuitState, EcosystemNames, Pause, StoredBreaker},
};

/// What is wrong with the control file `text`, whose content is `file`.
pub fn control(
    (name, text): (&str, &str),
    file: &Value,
    names: &EcosystemNames,
    now: DateTime<Utc>,
) -> Vec<Finding> {
    let mut findings = vec![];
    let mut add = |code, line, subject: &str, message| {
        findings.push(Finding::new(code, Place { file: name, line }, subject, message));
    };
    for (spelling, canonical) in aliases(file, names) {
        let line = line_of(text, &Value::from(&*spelling).to_string());
        let message = format!("{spelling} is called {canonical}");
        add(FindingCode::EcosystemAlias, line, &spelling, message);
    }
    for pause in pauses(file).filter(|pause| pause.until <= now) {
        let until = pause.until.trunc_subsecs(0);
        let line = line_of(text, &pause.until.format("%Y-%m-%dT%H:%M:%S").to_string());
        let what = pause.ecosystem.as_ref().map_or("everything", |id| id.as_str());
        let message = format!("the pause of {what} ended at {until}: {}", pause.reason);
        add(FindingCode::PauseExpired, line, what, message);
    }
    for (id, breaker) in objects(file, "ecosystems") {
        let line = line_of(text, &Value::from(&**id).to_string());
        match serde_json::from_value::<StoredBreaker>(breaker.clone()) {
            Err(error) => {
                let message = format!("{id}: {}", first_line(&error.to_string()));
                add(FindingCode::BreakerUnreadable, line, id, message);
            }
            Ok(it) if it.circuit_state == CircuitState::Open && it.backoff_until.is_none() => {
                let message = format!("{id} is open without an end");
                add(FindingCode::BreakerUnreadable, line, id, message);
            }
            Ok(it) => {
                let past = [it.opened_at, it.last_failure, it.last_run].into_iter().flatten().max();
                if let Some(at) = past.filter(|&at| ahead::is_ahead(at, now)) {
                    let message = format!("{id} has the time {}", at.trunc_subsecs(0));
                    add(FindingCode::RecordAhead, line, id, message);
                }
            }
        }
    }
    for (host, pause) in objects(file, "hosts") {
        let until = pause.get("paused_until").and_then(Value::as_str);
        let until: Option<DateTime<Utc>> = until.and_then(|text| text.parse().ok());
        if let Some(until) = until.filter(|&it| now < it && !ahead::is_paused(it, now)) {
            let line = line_of(text, &Value::from(&**host).to_string());
            let message = format!("{host} is paused until {}", until.trunc_subsecs(0));
            add(FindingCode::RecordAhead, line, host, message);
        }
    }
    findings
}

/// The control file `file` without pauses that ended before `now`, and with ids in the place of other
/// names of ecosystems. Everything else stays; `None` if nothing changes.
pub fn mended_control(file: &Value, names: &EcosystemNames, now: DateTime<Utc>) -> Option<Value> {
    let mut mended = file.clone();
    if let Some(pauses) = mended.get_mut("pauses").and_then(Value::as_array_mut) {
        let has_ended = |value: &Value| {
            serde_json::from_value::<Pause>(value.clone()).is_ok_and(|pause| pause.until <= now)
        };
        pauses.retain(|pause| !has_ended(pause));
    }
    let id = |spelling: &str| {
        let id = names.resolve(spelling).filter(|id| id.as_str() != spelling);
        id.map(|id| id.as_str().to_owned())
    };
    if let Some(disabled) = mended.get_mut("disabled_ecosystems").and_then(Value::as_array_mut) {
        for name in disabled {
            if let Some(id) = name.as_str().and_then(id) {
                *name = id.into();
            }
        }
    }
    if let Some(breakers) = mended.get_mut("ecosystems").and_then(Value::as_object_mut) {
        let spellings: Vec<String> = breakers.keys().cloned().collect();
        for spelling in spellings {
            let Some(id) = id(&spelling) else { continue };
            if let Entry::Vacant(_) = breakers.entry(id.clone())
                && let Some(breaker) = breakers.remove(&spelling)
            {
                breakers.insert(id, breaker);
            }
        }
    }
    (mended != *file).then_some(mended)
}

/// Names of ecosystems in `file` that are not ids, each with the id.
fn aliases(file: &Value, names: &EcosystemNames) -> Vec<(String, String)> {
    let disabled = file.get("disabled_ecosystems").and_then(Value::as_array);
    let disabled = disabled.into_iter().flatten().filter_map(Value::as_str);
    let breakers = objects(file, "ecosystems").map(|(id, _)| id.as_str());
    let alias = |spelling: &str| {
        let id = names.resolve(spelling).filter(|id| id.as_str() != spelling)?;
        Some((spelling.to_owned(), id.to_string()))
    };
    disabled.chain(breakers).filter_map(alias).collect()
}

fn pauses(file: &Value) -> impl Iterator<Item = Pause> {
    let pauses = file.get("pauses").and_then(Value::as_array);
    let read = |value: &Value| serde_json::from_value(value.clone()).ok();
    pauses.into_iter().flatten().filter_map(read)
}

fn objects<'a>(file: &'a Value, key: &str) -> impl Iterator<Item = (&'a String, &'a Value)> {
    file.get(key).and_then(Value::as_object).into_iter().flatten()
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().chars().take(300).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::model::EcosystemId;

    fn names() -> EcosystemNames {
        let zoo: EcosystemId = "zoo".parse().unwrap();
        EcosystemNames::new([(&zoo, &["zoos", "menagerie"][..])]).unwrap()
    }

    #[test]
    fn a_repair_changes_ended_pauses_and_other_names_and_nothing_else() {
        let now: DateTime<Utc> = "2026-01-02T00:00:00Z".parse().unwrap();
        let pause =
            |until: &str| json!({"since": "2026-01-01T00:00:00Z", "until": until, "reason": "x"});
        let (over, on) = (pause("2026-01-02T00:00:00Z"), pause("2026-01-02T00:00:01Z"));
        let file = json!({"owner": "ada", "disabled_ecosystems": ["zoos", "zoo"],
            "ecosystems": {"menagerie": {"note": 1}}, "pauses": [over, on]});
        let mended = mended_control(&file, &names(), now).unwrap();
        let expected = json!({"owner": "ada", "disabled_ecosystems": ["zoo", "zoo"],
            "ecosystems": {"zoo": {"note": 1}}, "pauses": [on]});
        assert_eq!(mended, expected);
        assert_eq!(mended_control(&mended, &names(), now), None);
        // Which of two breakers is right, only a person knows.
        let both = json!({"ecosystems": {"zoo": {}, "zoos": {"note": 1}}});
        assert_eq!(mended_control(&both, &names(), now), None);
    }
}
