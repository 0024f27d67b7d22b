//! What a person can do, as commands to paste.

use super::{Blocker, Case, Status as Explained, Unqueued};
use crate::{
    decide::shell_word::shell_word,
    model::{PackageId, SkipReason, Status, slug},
};

pub(super) fn of(case: &Case<'_>) -> Vec<String> {
    let package = shell_word(&case.package.to_string());
    let ecosystem = shell_word(case.package.ecosystem.as_str());
    let mut commands = vec![];
    if let Some(cause) = case.last_causes().first() {
        let id = shell_word(&cause.failure_id);
        commands.push(format!("tsuku-batch failures show {id}"));
        commands.push(format!("tsuku-batch repro {id} --run"));
    }
    match case.entry.map(|entry| &entry.status) {
        Some(Status::Blocked { .. }) => commands.extend(missing(case)),
        Some(Status::Pending | Status::Failed) => {
            commands.push(format!("tsuku-batch try {package}"));
        }
        Some(Status::RequiresManual { .. }) => {
            commands.push(format!("tsuku-batch try {package}"));
            commands.push(format!("tsuku-batch queue unblock {package}"));
        }
        Some(Status::Excluded { .. }) => commands.push(of_excluded(case, &package)),
        Some(Status::InProgress { batch }) => {
            commands.push(format!("tsuku-batch runs show {}", shell_word(&batch.to_string())));
        }
        Some(Status::Success) | None => (),
    }
    if let Explained::Other(unqueued) = case.status() {
        if unqueued == Unqueued::NotQueued {
            commands.push(format!("tsuku-batch try {package}"));
        }
        commands.push(format!("tsuku-batch queue add {package}"));
    }
    let reason = case.obstacle.or_else(|| case.place.and_then(|place| place.as_ref().err()));
    match reason {
        Some(SkipReason::BreakerOpen { .. }) => {
            commands.push(format!("tsuku-batch failures top --ecosystem {ecosystem}"));
        }
        Some(SkipReason::BackingOff { .. }) => {
            commands.push(format!("tsuku-batch run --package {package}"));
        }
        Some(SkipReason::Disabled | SkipReason::HostPaused { .. }) => {
            commands.push("tsuku-batch status".to_owned());
        }
        Some(_) | None => (),
    }
    if case.place.is_some_and(Result::is_ok) && case.obstacle.is_none() {
        commands.push(format!("tsuku-batch plan --ecosystem {ecosystem}"));
    }
    if let Some(recipe) = case.recipe {
        let file = slug(recipe.as_str());
        let path = format!("recipes/{}/{file}.toml", &file[..1]);
        commands.push(format!("tsuku-batch recipe check {}", shell_word(&path)));
    }
    if !case.attempts.is_empty() {
        commands.push(format!("tsuku-batch failures list --package {package}"));
    }
    commands
}

/// What brings back an excluded package.
fn of_excluded(case: &Case<'_>, package: &str) -> String {
    match case.entry.and_then(|entry| entry.routed_to.as_ref()) {
        Some(_) => "tsuku-batch disambiguation list".to_owned(),
        None => format!("tsuku-batch queue unblock {package}"),
    }
}

/// What makes progress with the packages that have no recipe yet.
fn missing(case: &Case<'_>) -> Vec<String> {
    let missing = case.blocked_by.iter().filter(|blocker| !blocker.has_recipe);
    let command = |blocker: &Blocker| {
        let id =
            PackageId { ecosystem: case.package.ecosystem.clone(), name: blocker.name.clone() };
        let verb = if blocker.status.is_some() { "explain" } else { "queue add" };
        format!("tsuku-batch {verb} {}", shell_word(&id.to_string()))
    };
    missing.map(command).collect()
}
