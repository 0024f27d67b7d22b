//! Reads the answer of formulae.brew.sh about a formula. Pure; the input may be any bytes.

use std::collections::BTreeMap;

use batch_core::{
    decide::{clean::without_commands, recipe::is_homepage},
    model::{Cell, is_hidden},
};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::requirement::Requirement;

/// The longest description that is kept, in characters.
const MAX_DESCRIPTION: usize = 200;

/// A formula with the values for one platform.
#[derive(Debug, Clone, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "the registry's own words")]
pub(crate) struct Formula {
    pub(crate) name: String,
    #[serde(default)]
    aliases: Vec<String>,
    #[serde(default)]
    oldnames: Option<Vec<String>>,
    #[serde(default)]
    oldname: Option<String>,
    #[serde(default)]
    desc: Option<String>,
    #[serde(default)]
    homepage: Option<String>,
    pub(crate) versions: Versions,
    #[serde(default)]
    pub(crate) revision: u64,
    #[serde(default)]
    pub(crate) bottle: Bottles,
    #[serde(default)]
    pub(crate) keg_only: bool,
    #[serde(default)]
    pub(crate) dependencies: Vec<String>,
    #[serde(default)]
    uses_from_macos: Vec<Value>,
    #[serde(default)]
    requirements: Vec<Requirement>,
    /// A missing list is unknown; an empty list means that the formula has no commands.
    #[serde(default)]
    pub(crate) executables: Option<Vec<String>>,
    #[serde(default)]
    pub(crate) deprecated: bool,
    #[serde(default)]
    deprecation_reason: Option<String>,
    #[serde(default, rename = "deprecation_replacement_formula")]
    deprecation_replacement: Option<String>,
    #[serde(default)]
    pub(crate) disabled: bool,
    #[serde(default)]
    disable_reason: Option<String>,
    #[serde(default, rename = "disable_replacement_formula")]
    disable_replacement: Option<String>,
    #[serde(default)]
    pub(crate) post_install_defined: bool,
    #[serde(default)]
    pub(crate) service: Option<Value>,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Versions {
    #[serde(default)]
    pub(crate) stable: Option<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
pub(crate) struct Bottles {
    #[serde(default)]
    pub(crate) stable: Option<BottleSet>,
}

/// The bottles of one version.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct BottleSet {
    #[serde(default)]
    pub(crate) rebuild: u64,
    #[serde(default)]
    pub(crate) files: BTreeMap<String, BottleFile>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct BottleFile {
    #[serde(default)]
    pub(crate) cellar: Option<String>,
    pub(crate) url: String,
    pub(crate) sha256: String,
}

/// A formula with the values for macOS and for Linux.
#[derive(Debug, Clone)]
pub(crate) struct Views {
    pub(crate) darwin: Formula,
    pub(crate) linux: Formula,
}

/// Reads the answer `body`. The error is what is odd about it.
pub(crate) fn read(body: &[u8]) -> Result<Views, String> {
    let base: Map<String, Value> = serde_json::from_slice(body).map_err(|e| e.to_string())?;
    // Of the two Linux processors, the one for which most bottles exist. If there is no variation
    // for it, the values are those of the formula itself, because only differences are listed.
    let files = base.get("bottle").and_then(|it| it.pointer("/stable/files"));
    let is_for = |tag| files.is_some_and(|files| files.get(tag).is_some());
    let is_arm_only = is_for("arm64_linux") && !is_for("x86_64_linux");
    let tag = if is_arm_only { "arm64_linux" } else { "x86_64_linux" };
    let of_linux = base.get("variations").and_then(|all| all.get(tag)).and_then(Value::as_object);
    let mut linux = base.clone();
    for (key, value) in of_linux.into_iter().flatten() {
        linux.insert(key.clone(), value.clone());
    }
    let formula = |map| serde_json::from_value(Value::Object(map)).map_err(|e| e.to_string());
    let views = Views { linux: formula(linux)?, darwin: formula(base)? };
    match &views.linux.versions.stable {
        Some(version) if !is_version(version) => Err(format!("{version:?} is not a version")),
        _ => Ok(views),
    }
}

/// Whether a version can be part of a path and of an image's tag.
fn is_version(text: &str) -> bool {
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || "._+-,~".contains(c);
    let begins = text.starts_with(|c: char| c.is_ascii_alphanumeric());
    begins && text.len() <= 100 && text.chars().all(is_allowed)
}

impl Formula {
    /// Whether `name` is a present name, an earlier name or an alias of the formula.
    pub(crate) fn is_called(&self, name: &str) -> bool {
        let others = self.aliases.iter().chain(self.oldnames.iter().flatten()).chain(&self.oldname);
        others.chain([&self.name]).any(|other| other == name)
    }

    /// The version with its revision: the name of the keg, and the first part of an image's tag.
    pub(crate) fn pkg_version(&self) -> Option<String> {
        let version = self.versions.stable.as_ref()?;
        Some(match self.revision {
            0 => version.clone(),
            revision => format!("{version}_{revision}"),
        })
    }

    /// The formulae that it needs to run on Linux, including those that macOS would provide;
    /// dependencies for building or testing are left out.
    pub(crate) fn linux_dependencies(&self) -> Vec<String> {
        let brought = self.uses_from_macos.iter().filter_map(needed_to_run);
        let mut names: Vec<String> = vec![];
        for name in self.dependencies.iter().map(String::as_str).chain(brought) {
            if !names.iter().any(|known| known == name) {
                names.push(name.to_owned());
            }
        }
        names
    }

    /// Whether `cell` meets all of its requirements for running.
    pub(crate) fn runs_in(&self, cell: Cell) -> bool {
        self.requirements.iter().filter(|it| it.is_to_run()).all(|it| it.allows(cell))
    }

    /// Its requirements for running, other than Linux itself.
    pub(crate) fn requirements(&self) -> Vec<&str> {
        let to_run = |it: &&Requirement| it.is_to_run() && it.name != "linux";
        self.requirements.iter().filter(to_run).map(|it| it.name.as_str()).collect()
    }

    /// Why the formula is disabled, and what replaces it.
    pub(crate) fn disabled_because(&self) -> String {
        because(self.disable_reason.as_deref(), self.disable_replacement.as_deref())
    }

    /// Why the formula is deprecated, and what replaces it.
    pub(crate) fn deprecated_because(&self) -> String {
        because(self.deprecation_reason.as_deref(), self.deprecation_replacement.as_deref())
    }

    /// The description in one line; a recipe must have one.
    pub(crate) fn description(&self) -> String {
        let text = self.desc.as_deref().unwrap_or_default();
        let line = plain(text);
        match line.trim() {
            "" => format!("{} from Homebrew", self.name),
            line => line.to_owned(),
        }
    }

    /// The homepage, if its scheme is https.
    pub(crate) fn homepage(&self) -> Option<String> {
        self.homepage.clone().filter(|url| is_homepage(url))
    }
}

/// The formula that an entry of `uses_from_macos` names: by itself, or as a key whose value is one
/// context or a list of contexts. `None` if it is only for building or testing.
fn needed_to_run(entry: &Value) -> Option<&str> {
    let Some((name, contexts)) = entry.as_object().and_then(|entry| entry.iter().next()) else {
        return entry.as_str();
    };
    let is_elsewhere = |context: &Value| matches!(context.as_str(), Some("build" | "test"));
    let only_elsewhere = match contexts.as_array() {
        Some(contexts) => !contexts.is_empty() && contexts.iter().all(is_elsewhere),
        None => is_elsewhere(contexts),
    };
    (!only_elsewhere).then_some(name.as_str())
}

/// `text` as one line without characters that control a terminal or a CI system.
fn plain(text: &str) -> String {
    let shown = text.chars().filter(|c| !is_hidden(*c)).take(MAX_DESCRIPTION);
    without_commands(&shown.collect::<String>())
}

fn because(reason: Option<&str>, replacement: Option<&str>) -> String {
    let plain = |text: &str| plain(&text.replace('_', " "));
    let reason = reason.map_or_else(|| "no reason given".to_owned(), plain);
    match replacement {
        Some(replacement) => format!("{reason}; {} replaces it", plain(replacement)),
        None => reason,
    }
}
