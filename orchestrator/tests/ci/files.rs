//! The files that GitHub reads.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::LazyLock,
};

use serde_yaml_ng::Value;

/// The checkout.
pub(crate) fn checkout() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Workflows and actions by their paths in the checkout.
pub(crate) type Files = BTreeMap<String, Value>;

/// All of them.
pub(crate) fn all() -> Files {
    static ALL: LazyLock<Files> = LazyLock::new(read);
    ALL.clone()
}

fn read() -> Files {
    let mut files = Files::new();
    for workflow in listed(".github/workflows") {
        add(&mut files, workflow);
    }
    for action in listed(".github/actions") {
        add(&mut files, format!("{action}/action.yml"));
    }
    add(&mut files, "action.yml".to_owned());
    assert!(files.len() > 9, "{:?}", files.keys());
    files
}

fn listed(dir: &str) -> Vec<String> {
    let entries = fs::read_dir(checkout().join(dir)).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.map(|name| format!("{dir}/{name}")).collect()
}

fn add(files: &mut Files, path: String) {
    let text = fs::read_to_string(checkout().join(&path)).unwrap_or_else(|_| panic!("{path}"));
    let value = serde_yaml_ng::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}"));
    files.insert(path, value);
}

/// Whether `path` is that of a workflow, and not of an action.
pub(crate) fn is_workflow(path: &str) -> bool {
    path.starts_with(".github/workflows/")
}

/// The jobs of a workflow by their names; none for an action.
pub(crate) fn jobs(file: &Value) -> Vec<(&str, &Value)> {
    let jobs = file.get("jobs").and_then(Value::as_mapping);
    jobs.into_iter().flatten().map(|(name, job)| (name.as_str().unwrap(), job)).collect()
}

/// The steps of a job, or of a composite action.
pub(crate) fn steps(of: &Value) -> &[Value] {
    let steps = of.get("steps").or_else(|| of.get("runs")?.get("steps"));
    steps.and_then(Value::as_sequence).map_or(&[], Vec::as_slice)
}

/// The text of the field `key`.
pub(crate) fn text<'v>(of: &'v Value, key: &str) -> Option<&'v str> {
    of.get(key)?.as_str()
}

/// The steps of all jobs and actions, each with its place.
pub(crate) fn all_steps(files: &Files) -> Vec<(String, &Value)> {
    let mut found = vec![];
    for (path, file) in files {
        let of_jobs = jobs(file).into_iter().map(|(name, job)| (format!("{path}: {name}"), job));
        for (place, owner) in of_jobs.chain([(path.clone(), file)]) {
            let named = steps(owner).iter().enumerate();
            found.extend(named.map(|(n, step)| (format!("{place}, step {}", n + 1), step)));
        }
    }
    found
}

/// Calls `see` with each text in `value`, and the keys that lead to it.
pub(crate) fn texts<'v>(value: &'v Value, see: &mut dyn FnMut(&[&'v str], &'v str)) {
    fn walk<'v>(
        value: &'v Value,
        keys: &mut Vec<&'v str>,
        see: &mut dyn FnMut(&[&'v str], &'v str),
    ) {
        match value {
            Value::String(text) => see(keys, text),
            Value::Sequence(items) => items.iter().for_each(|item| walk(item, keys, see)),
            Value::Mapping(fields) => {
                for (key, value) in fields {
                    keys.push(key.as_str().unwrap_or_default());
                    walk(value, keys, see);
                    keys.pop();
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Tagged(_) => (),
        }
    }
    walk(value, &mut vec![], see);
}
