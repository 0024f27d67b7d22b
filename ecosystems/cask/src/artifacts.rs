//! Which app a cask installs, and which commands lie inside the app.

use std::collections::BTreeSet;

use batch_core::model::{CommandName, InvalidId, UnknownCommands};
use serde_json::{Map, Value};

use crate::{
    cask::{Manifest, plain},
    refusal,
};

/// Artifacts that run code or an installer of the vendor during the installation. Artifacts that
/// run only at the removal of a cask are not listed.
const RUN_CODE: &[&str] = &["pkg", "installer", "preflight", "postflight"];
/// Newer casks describe the same as data, under keys with this ending.
const STEPS: &str = "_steps";
const UNINSTALL: &str = "uninstall";
/// Artifacts that link a command.
const COMMANDS: [&str; 2] = ["binary", "command_wrapper"];
/// Folders into which brew installs apps.
const APP_DIRS: &[&str] = &["$APPDIR/", "/Applications/"];
/// Folders in which links are commands; other folders hold completions, plugins and data.
const COMMAND_DIRS: &[&str] = &["bin", "sbin"];

/// An app and the commands that it puts on `PATH`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct App {
    /// `X.app`.
    pub(crate) name: String,
    /// Paths inside the app, each once, sorted by the command's name.
    pub(crate) binaries: Vec<String>,
    /// The file names of `binaries`.
    pub(crate) commands: Vec<CommandName>,
    /// Commands that could not be linked, each with the reason.
    pub(crate) notes: Vec<String>,
}

/// The app that `cask` installs. The error is the reason why the cask cannot be installed.
pub(crate) fn app(cask: &Manifest) -> Result<App, UnknownCommands> {
    let kinds = cask.by_kind();
    let runs_code: Vec<&str> = kinds.keys().copied().filter(|kind| runs_code(kind)).collect();
    if !runs_code.is_empty() {
        return Err(refusal::runs_code(&plain(&runs_code.join(", "))));
    }
    let apps = kinds.get("app").map(Vec::as_slice).unwrap_or_default();
    let [artifact] = apps else {
        let others: Vec<&str> = kinds.keys().copied().filter(|kind| is_installed(kind)).collect();
        return Err(match apps.len() {
            0 => refusal::without_app(&plain(&others.join(", "))),
            n => refusal::several_apps(n),
        });
    };
    let source = first(artifact, "app").ok_or_else(refusal::odd_app)?;
    let name = base(source);
    let is_app = name.strip_suffix(".app").is_some_and(|stem| !stem.is_empty());
    if !is_app || name != plain(name) || name.starts_with(['-', '~']) {
        return Err(refusal::odd_app());
    }
    let installed = target(artifact, "app").map_or(name, base);
    let mut app = App { name: name.to_owned(), binaries: vec![], commands: vec![], notes: vec![] };
    let mut linked = BTreeSet::new();
    for kind in COMMANDS {
        for artifact in kinds.get(kind).into_iter().flatten() {
            match command(artifact, kind, &[name, installed]) {
                Ok(Some(found)) => {
                    linked.insert(found);
                }
                Ok(None) => {}
                Err(note) => app.notes.push(note),
            }
        }
    }
    for (command, path) in linked {
        // If two links have the same name, the first one counts, as it would in a folder.
        if app.commands.last() != Some(&command) {
            app.commands.push(command);
            app.binaries.push(path);
        }
    }
    app.notes.sort();
    Ok(app)
}

/// The commands that brew would put on `PATH`, sorted, even if a recipe cannot install them. The
/// error is the reason why they are not known.
pub(crate) fn commands(cask: &Manifest) -> Result<Vec<CommandName>, String> {
    let kinds = cask.by_kind();
    let mut commands = BTreeSet::new();
    for kind in COMMANDS {
        for artifact in kinds.get(kind).into_iter().flatten() {
            let Some(source) = first(artifact, kind) else {
                return Err(format!("has a {kind} of an unknown shape"));
            };
            if let Some(name) = linked_as(artifact, kind, source) {
                commands.insert(name.parse().map_err(|error: InvalidId| error.to_string())?);
            }
        }
    }
    Ok(commands.into_iter().collect())
}

fn runs_code(kind: &str) -> bool {
    RUN_CODE.contains(&kind) || kind.ends_with(STEPS) && !kind.starts_with(UNINSTALL)
}

fn is_installed(kind: &str) -> bool {
    !kind.starts_with(UNINSTALL) && kind != "zap"
}

/// The command that `artifact` puts on `PATH`, and its path inside the app; `None` if the artifact
/// is not a command. The error is a note.
fn command(
    artifact: &Map<String, Value>,
    kind: &str,
    apps: &[&str],
) -> Result<Option<(CommandName, String)>, String> {
    let Some(source) = first(artifact, kind) else {
        return Err(format!("a {kind} of an unknown shape is not linked"));
    };
    let Some(name) = linked_as(artifact, kind, source) else { return Ok(None) };
    let name: CommandName = name.parse().map_err(|error| format!("not linked: {error}"))?;
    let path = if kind == "binary" { Some(source) } else { wrapped(artifact) };
    let Some(path) = path else {
        return Err(format!("{name} is a wrapper with settings of its own and is not linked"));
    };
    let Some(inside) = apps.iter().find_map(|app| inside(path, app)) else {
        return Err(format!("{name} is not inside the app and is not linked"));
    };
    if base(inside) != name.as_str() {
        let file = plain(base(inside));
        return Err(format!("{name} is called {file} inside the app and is not linked"));
    }
    Ok(Some((name, inside.to_owned())))
}

/// The name of `artifact` on `PATH`; `None` if the artifact is not a command.
fn linked_as<'a>(artifact: &'a Map<String, Value>, kind: &str, source: &'a str) -> Option<&'a str> {
    match target(artifact, kind) {
        Some(target) => is_command_place(target).then(|| base(target)),
        None => Some(base(source)),
    }
}

/// Whether a link at `target` is a command. A name without a folder is linked into `bin`.
fn is_command_place(target: &str) -> bool {
    match target.rsplit_once('/') {
        None => true,
        Some((folder, _)) => COMMAND_DIRS.contains(&base(folder)),
    }
}

/// The program that a wrapper starts, if the wrapper does nothing else.
fn wrapped(artifact: &Map<String, Value>) -> Option<&str> {
    let settings = artifact.get("command_wrapper")?.get(1)?.as_object()?;
    let only = settings.keys().all(|key| key == "executable");
    only.then(|| settings.get("executable")?.as_str()).flatten()
}

/// `path` relative to the app, if it leads into the app without `..`.
fn inside<'p>(path: &'p str, app: &str) -> Option<&'p str> {
    let below = APP_DIRS.iter().find_map(|dir| path.strip_prefix(dir)).unwrap_or(path);
    let inside = below.strip_prefix(app)?.strip_prefix('/')?;
    let is_plain = inside.split('/').all(|part| !matches!(part, "" | "." | ".."));
    (is_plain && inside == plain(inside) && !inside.contains('\\')).then_some(inside)
}

/// The first text of an artifact's value.
fn first<'a>(artifact: &'a Map<String, Value>, kind: &str) -> Option<&'a str> {
    let value = artifact.get(kind)?;
    value.as_str().or_else(|| value.get(0)?.as_str())
}

/// The target of the link: beside the kind, or in a table after the source.
fn target<'a>(artifact: &'a Map<String, Value>, kind: &str) -> Option<&'a str> {
    let beside = artifact.get("target").and_then(Value::as_str);
    beside.or_else(|| artifact.get(kind)?.get(1)?.get("target")?.as_str())
}

fn base(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}
