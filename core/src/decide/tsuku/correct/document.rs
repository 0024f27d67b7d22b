//! Access to parts of a recipe document.

use toml_edit::{DocumentMut, Item, Table, Value};

/// Sets `key` to `item` and keeps the comment of the old value.
pub(super) fn put(table: &mut Table, key: &str, item: &Item) {
    let mut item = item.clone();
    let Some(old) = table.get_mut(key) else {
        table.insert(key, item);
        return;
    };
    // The indentation belongs to the key, which stays, and the comment to the value.
    if let (Some(old), Some(new)) = (old.as_value(), item.as_value_mut()) {
        *new.decor_mut() = old.decor().clone();
    }
    *old = item;
}

/// The strings in `item`, which is a string or a list.
pub(super) fn strings(item: &Item) -> Vec<String> {
    let list = item.as_array().into_iter().flatten().filter_map(Value::as_str);
    item.as_str().into_iter().chain(list).map(str::to_owned).collect()
}

pub(super) fn steps(recipe: &DocumentMut) -> impl Iterator<Item = &Table> {
    recipe.get("steps").and_then(Item::as_array_of_tables).into_iter().flatten()
}

pub(super) fn is_action(step: &Table, action: &str) -> bool {
    step.get("action").and_then(Item::as_str) == Some(action)
}

/// The position of the `nth` step called `action`, from 0.
pub(super) fn position(recipe: &DocumentMut, action: &str, nth: usize) -> Option<usize> {
    let found = steps(recipe).enumerate().filter(|(_, step)| is_action(step, action));
    found.map(|(at, _)| at).nth(nth)
}

pub(super) fn step<'a>(recipe: &'a DocumentMut, action: &str, nth: usize) -> Option<&'a Table> {
    steps(recipe).nth(position(recipe, action, nth)?)
}

pub(super) fn step_mut(recipe: &mut DocumentMut, at: usize) -> Option<&mut Table> {
    recipe.get_mut("steps")?.as_array_of_tables_mut()?.get_mut(at)
}

pub(super) fn first_action(recipe: &DocumentMut) -> Option<&str> {
    steps(recipe).next()?.get("action")?.as_str()
}

/// The keys with strings, and the strings.
pub(super) fn texts(table: &Table) -> impl Iterator<Item = (&str, &str)> {
    table.iter().filter_map(|(key, value)| Some((key, value.as_str()?)))
}
