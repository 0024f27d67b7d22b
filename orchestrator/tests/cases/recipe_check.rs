//! The differences between a report and the right answer.

use batch_core::model::Recipe;
use regex::Regex;
use serde_json::Value;

use crate::path;

/// One line for each difference between `right` and `report`, the output of `try`; empty if all is
/// right. In addition, every recipe must put all its commands on `PATH`.
pub(crate) fn wrong(right: &Value, report: &Value) -> Vec<String> {
    let parts = right.as_object().unwrap().iter();
    let mut wrong: Vec<String> =
        parts.filter_map(|(key, expected)| differs(key, expected, report)).collect();
    wrong.extend(read(report).and_then(|recipe| path::missing(&recipe)));
    wrong
}

fn differs(key: &str, expected: &Value, report: &Value) -> Option<String> {
    let found = match key {
        "subcategory" => report["failure"]["subcategory"].clone(),
        "executables" => report["executables"].clone(),
        "package_kind" => report["kind"].clone(),
        "no_recipe" => Value::Bool(report["recipe"].is_null()),
        "verify" => {
            read(report).and_then(|it| it.verify).map_or(Value::Null, |it| it.command.into())
        }
        "recipe_has" => {
            let pattern = unmatched(expected, text(&report["recipe"]))?;
            return Some(format!("{pattern:?} is not in the recipe"));
        }
        "note_has" => {
            let pattern = unmatched(expected, &summary(report))?;
            return Some(format!("{pattern:?} is neither in a note nor in the failure's message"));
        }
        "recipe_or_blocked" => return unnamed(expected, report),
        other => return Some(format!("the case asks for {other}, which nobody here knows")),
    };
    let is_right = match (key, expected) {
        ("subcategory", Value::Array(any)) => any.contains(&found),
        ("executables", expected) => sorted(expected) == sorted(&found),
        (_, expected) => *expected == found,
    };
    (!is_right).then(|| format!("{key} is {found}, and should be {expected}"))
}

/// The first of `patterns` that does not match `text`.
fn unmatched(patterns: &Value, text: &str) -> Option<String> {
    let mut patterns = patterns.as_array().unwrap().iter().map(|it| it.as_str().unwrap());
    patterns.find(|pattern| !Regex::new(pattern).unwrap().is_match(text)).map(str::to_owned)
}

/// Checks that each of `names` is a dependency of the recipe, or a package that it waits for.
fn unnamed(names: &Value, report: &Value) -> Option<String> {
    let failure = &report["failure"];
    let is_blocked = failure["subcategory"] == "recipe_missing";
    let text = if is_blocked { text(&failure["message"]) } else { text(&report["recipe"]) };
    let mut names = names.as_array().unwrap().iter().map(|name| name.as_str().unwrap());
    let is_word = |c: char| c.is_ascii_alphanumeric() || "-._+".contains(c);
    let is_named = |name: &&str| text.split(|c| !is_word(c)).any(|word| word == *name);
    let missing = names.find(|name| !is_named(name))?;
    Some(format!("{missing} is neither a dependency of the recipe nor what it waits for"))
}

/// The notes, and why there is no recipe.
fn summary(report: &Value) -> String {
    let notes = report["notes"].as_array().into_iter().flatten().map(text);
    let message = text(&report["failure"]["message"]);
    notes.chain([message]).collect::<Vec<_>>().join("\n")
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn sorted(names: &Value) -> Vec<&str> {
    let mut names: Vec<&str> = names.as_array().into_iter().flatten().map(text).collect();
    names.sort_unstable();
    names
}

/// The recipe of `report`, if there is one.
fn read(report: &Value) -> Option<Recipe> {
    report["recipe"].as_str().map(path::read)
}
