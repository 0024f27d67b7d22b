//! `[[steps]]`.

use super::{
    actions::Actions,
    document::{Field, Table},
    parameters,
    problems::Problems,
    when,
};
use crate::model::{ActionShape, Metadata, Os, RecipeStep};

/// Reads and checks `[[steps]]`. A document without steps has a problem.
pub(super) fn read(
    root: &Table<'_>,
    actions: Actions<'_>,
    metadata: &Metadata,
    problems: &mut Problems<'_>,
) -> Vec<RecipeStep> {
    let field = root.get("steps");
    let items = field.as_ref().map(|field| field.items(problems)).unwrap_or_default();
    if items.is_empty() {
        let what = "is required: a recipe without steps does nothing";
        problems.add(&root.place("steps"), what).fix("write [[steps]] with an action");
    }
    let tables: Vec<_> = items.into_iter().filter_map(|item| item.table(problems)).collect();
    tables.iter().map(|table| read_step(table, actions, metadata, problems)).collect()
}

fn read_step(
    table: &Table<'_>,
    actions: Actions<'_>,
    metadata: &Metadata,
    problems: &mut Problems<'_>,
) -> RecipeStep {
    let action = table.text("action", problems);
    let shape = check_action(table, &action, actions, problems);
    for (key, field) in table.fields() {
        parameters::check(key, &field, problems);
    }
    parameters::check_download(table, &action, problems);
    let when = table.table("when", problems).map(|table| when::read(&table, metadata, problems));
    let phase = table.get("phase").map(|_| table.text("phase", problems));
    if phase.as_ref().is_some_and(|phase| !["install", "post-install"].contains(&&**phase)) {
        let what = "must be install or post-install";
        problems.add_own_rule(&table.place("phase"), what).fix("write install or post-install");
    }
    let params = table.plain(&["action", "when", "phase"], problems);
    let step = RecipeStep { action, params, phase, when };
    if let Some(shape) = shape {
        check_place(table, &step, shape, metadata, problems);
    }
    step
}

/// Checks whether `step` fits the recipe that contains it.
fn check_place(
    table: &Table<'_>,
    step: &RecipeStep,
    shape: &ActionShape,
    metadata: &Metadata,
    problems: &mut Problems<'_>,
) {
    let is_only = |systems: &[String], os: Os| matches!(systems, [only] if only == os.as_str());
    let systems = step.when.as_ref().map(|when| &*when.os).unwrap_or_default();
    if let Some(os) = shape.only_on
        && !is_only(&metadata.supported_os, os)
        && !is_only(systems, os)
    {
        let fix = format!("write supported_os = [\"{os}\"] in [metadata]", os = os.as_str());
        problems.add(&table.at, format!("works on {} only", os.as_str())).fix(fix);
    }
    if step.action == "set_env" && metadata.kind == "library" {
        let what = "is not for libraries, because they have no commands";
        problems.add(&table.place("action"), what).fix("remove the step");
    }
}

fn check_action<'a>(
    table: &Table<'_>,
    action: &str,
    actions: Actions<'a>,
    problems: &mut Problems<'_>,
) -> Option<&'a ActionShape> {
    if table.get("action").is_none() {
        problems.add(&table.place("action"), "is required").fix("write action = \"…\"");
        return None;
    }
    let Some(shape) = actions.find(action) else {
        let fix = match actions.nearest(action) {
            Some(nearest) => format!("write {nearest:?}"),
            None => "write the name of an action of the package manager".to_owned(),
        };
        let what = format!("is not a known action: {action:?}");
        problems.add(&table.place("action"), what).fix(fix);
        return None;
    };
    for key in shape.required {
        let is_empty = |field: &Field<'_>| {
            let has_no_text = field.value.as_str().is_some_and(|text| text.trim().is_empty());
            has_no_text || field.value.as_array().is_some_and(|items| items.is_empty())
        };
        let what = format!("is required by {action}");
        match table.get(key) {
            None => problems.add(&table.place(key), what).fix(format!("write {key} = …")),
            Some(field) if is_empty(&field) => {
                problems.add_own_rule(&table.place(key), what).fix(format!("write {key} = …"));
            }
            Some(_) => {}
        }
    }
    if action == "install_binaries" {
        check_binaries(table, problems);
    }
    Some(shape)
}

fn check_binaries(table: &Table<'_>, problems: &mut Problems<'_>) {
    let has = |key| table.get(key).is_some();
    // In directory mode without outputs the whole tree is installed.
    if !has("binaries") && !has("outputs") && !has("install_mode") {
        let what = "or outputs is required by install_binaries";
        problems.add(&table.place("binaries"), what).fix("write binaries = [\"bin/…\"]");
    }
    if has("binaries") && has("outputs") {
        let what = "cannot stand beside binaries";
        problems.add(&table.place("outputs"), what).fix("keep one of the two");
    }
}
