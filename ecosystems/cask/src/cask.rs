//! Reads the answer of formulae.brew.sh about a cask. Pure; the input may be any bytes.

use std::collections::BTreeMap;

use batch_core::{
    decide::{clean::without_commands, recipe::is_homepage},
    model::is_hidden,
};
use serde::Deserialize;
use serde_json::{Map, Value};

/// Longest text of a registry that is kept, in characters.
const MAX_TEXT: usize = 200;
/// The ending of the address of an archive that the package manager can unpack.
const ARCHIVE: &str = ".zip";
/// The ending of the address of a disk image.
pub(crate) const IMAGE: &str = ".dmg";
/// The first release of macOS that runs on Apple's processors. For older releases, a missing
/// variation for them says nothing.
const FIRST_ON_ARM: &str = "big_sur";
/// Releases of macOS, the newest first. Unknown names are sorted last: they are newer than all
/// listed ones, or typing errors.
const RELEASES: &[&str] = &[
    "golden_gate",
    "tahoe",
    "sequoia",
    "sonoma",
    "ventura",
    "monterey",
    "big_sur",
    "catalina",
    "mojave",
    "high_sierra",
    "sierra",
    "el_capitan",
];

/// A cask with the values for one platform.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Manifest {
    pub(crate) token: String,
    #[serde(default)]
    old_tokens: Vec<String>,
    #[serde(default)]
    name: Vec<String>,
    #[serde(default)]
    desc: Option<String>,
    #[serde(default)]
    homepage: Option<String>,
    #[serde(default)]
    pub(crate) url: Option<String>,
    #[serde(default)]
    pub(crate) version: Option<String>,
    #[serde(default)]
    pub(crate) sha256: Option<String>,
    /// Each artifact has one key, and may have `target`; the shapes of the values differ.
    #[serde(default)]
    pub(crate) artifacts: Vec<Map<String, Value>>,
    /// How to unpack the download, if its file name does not tell.
    #[serde(default)]
    container: Option<Value>,
    /// Files that have another name in the download.
    #[serde(default)]
    rename: Option<Value>,
    #[serde(default)]
    depends_on: Map<String, Value>,
    #[serde(default)]
    pub(crate) caveats_rosetta: Option<bool>,
    #[serde(default)]
    pub(crate) deprecated: bool,
    #[serde(default)]
    deprecation_reason: Option<String>,
    #[serde(default)]
    deprecation_replacement_cask: Option<String>,
    #[serde(default)]
    pub(crate) disabled: bool,
    #[serde(default)]
    disable_reason: Option<String>,
    #[serde(default)]
    disable_replacement_cask: Option<String>,
    /// Missing in data from before August 2026.
    #[serde(default)]
    supported_platforms: Option<Vec<String>>,
}

/// The cask for each kind of Mac processor; `None` if it does not run there.
#[derive(Debug, Clone)]
pub(crate) struct Views {
    /// The cask as the registry describes it by default: for the newest macOS.
    pub(crate) base: Manifest,
    pub(crate) arm: Option<Manifest>,
    pub(crate) intel: Option<Manifest>,
}

/// Reads the answer `body`. The error says what is wrong with it.
pub(crate) fn read(body: &[u8]) -> Result<Views, String> {
    let map: Map<String, Value> = serde_json::from_slice(body).map_err(|e| e.to_string())?;
    let variations = map.get("variations").and_then(Value::as_object).cloned().unwrap_or_default();
    let of = |overlay: Option<&Value>| -> Result<Manifest, String> {
        let mut map = map.clone();
        for (key, value) in overlay.and_then(Value::as_object).into_iter().flatten() {
            map.insert(key.clone(), value.clone());
        }
        serde_json::from_value(Value::Object(map)).map_err(|error| error.to_string())
    };
    let base = of(None)?;
    let view = |is_arm: bool| -> Result<Option<Manifest>, String> {
        let Some(tag) = newest(&base, &variations, is_arm) else { return Ok(None) };
        of(variations.get(&tag)).map(Some)
    };
    Ok(Views { arm: view(true)?, intel: view(false)?, base })
}

/// The cask for the newest macOS on one kind of processor. A cask that names no platforms runs on
/// all of them, and only the differences are listed as variations. A variation that exists for
/// Intel but not for Apple's processors is about Intel; one that exists for both is about an old
/// release.
fn newest(base: &Manifest, variations: &Map<String, Value>, is_arm: bool) -> Option<String> {
    if !base.processors().contains(&is_arm) {
        return None;
    }
    let is_here = |tag: &&String| is_mac(tag) && tag.starts_with("arm64_") == is_arm;
    let in_order =
        |tags: Vec<&String>| tags.into_iter().min_by_key(|tag| (release(tag), *tag)).cloned();
    match &base.supported_platforms {
        Some(tags) => in_order(tags.iter().filter(is_here).collect()),
        None if is_arm => Some(format!("arm64_{}", RELEASES[0])),
        None => {
            let has_twin = |tag: &&String| {
                variations.contains_key(&format!("arm64_{tag}"))
                    || release(FIRST_ON_ARM) < release(tag)
            };
            let tags = variations.keys().filter(is_here).filter(|tag| !has_twin(tag));
            let named = in_order(tags.collect());
            named.or_else(|| Some(RELEASES[0].to_owned()))
        }
    }
}

fn is_mac(tag: &str) -> bool {
    !tag.ends_with("linux")
}

fn release(tag: &str) -> usize {
    let name = tag.strip_prefix("arm64_").unwrap_or(tag);
    RELEASES.iter().position(|release| *release == name).unwrap_or(RELEASES.len())
}

impl Manifest {
    /// Whether `token` is a present or an earlier name of the cask.
    pub(crate) fn is_called(&self, token: &str) -> bool {
        self.token == token || self.old_tokens.iter().any(|old| old == token)
    }

    /// The kinds of processor that `depends_on` permits; `true` stands for Apple's.
    fn processors(&self) -> Vec<bool> {
        let Some(wanted) = self.depends_on.get("arch").and_then(Value::as_array) else {
            return vec![true, false];
        };
        let is_arm = |it: &Value| it.get("type").and_then(Value::as_str).map(|it| it == "arm");
        wanted.iter().filter_map(is_arm).collect()
    }

    /// Why the package manager's `app_bundle` cannot use the download, if so: it unpacks `.zip` and
    /// `.dmg` files, but no archive inside them, and it renames nothing.
    pub(crate) fn not_unpacked(&self) -> Option<String> {
        let is_there = |value: &Option<Value>| match value {
            None | Some(Value::Null) => false,
            Some(Value::Array(items)) => !items.is_empty(),
            Some(Value::Object(settings)) => !settings.is_empty(),
            Some(_) => true,
        };
        let url = self.url.as_deref().unwrap_or_default();
        if is_there(&self.container) {
            return Some("it is inside another container".to_owned());
        }
        if is_there(&self.rename) {
            return Some("the app has another name in the download".to_owned());
        }
        let is_known = [ARCHIVE, IMAGE].iter().any(|end| url.ends_with(end));
        (!is_known).then(|| format!("{} ends in neither .zip nor .dmg", plain(url)))
    }

    /// The formulae that the cask depends on, in the registry's order.
    pub(crate) fn formulae(&self) -> Vec<String> {
        self.needs("formula")
    }

    /// The casks that the cask depends on, in the registry's order.
    pub(crate) fn casks(&self) -> Vec<String> {
        self.needs("cask")
    }

    fn needs(&self, kind: &str) -> Vec<String> {
        let names = self.depends_on.get(kind).and_then(Value::as_array);
        names.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
    }

    /// Why the cask is disabled, and what replaces it.
    pub(crate) fn disabled_because(&self) -> String {
        because(self.disable_reason.as_deref(), self.disable_replacement_cask.as_deref())
    }

    /// Why the cask is deprecated, and what replaces it.
    pub(crate) fn deprecated_because(&self) -> String {
        because(self.deprecation_reason.as_deref(), self.deprecation_replacement_cask.as_deref())
    }

    /// The description in one line; a recipe must have one.
    pub(crate) fn description(&self) -> String {
        let named = self.name.first().map(String::as_str);
        let texts = [self.desc.as_deref(), named, Some(self.token.as_str())];
        let mut lines = texts.into_iter().flatten().map(plain);
        lines.find(|line| !line.is_empty()).unwrap_or_default()
    }

    /// The homepage, if its scheme is https.
    pub(crate) fn homepage(&self) -> Option<String> {
        self.homepage.clone().filter(|url| is_homepage(url))
    }

    /// Its artifacts by kind.
    pub(crate) fn by_kind(&self) -> BTreeMap<&str, Vec<&Map<String, Value>>> {
        let mut kinds: BTreeMap<&str, Vec<&Map<String, Value>>> = BTreeMap::new();
        for artifact in &self.artifacts {
            for kind in artifact.keys().filter(|key| *key != "target") {
                kinds.entry(kind).or_default().push(artifact);
            }
        }
        kinds
    }
}

fn because(reason: Option<&str>, replacement: Option<&str>) -> String {
    let reason =
        reason.map_or_else(|| "no reason given".to_owned(), |it| plain(&it.replace('_', " ")));
    match replacement {
        Some(replacement) => format!("{reason}; {} replaces it", plain(replacement)),
        None => reason,
    }
}

/// `text` as one line without characters that control a terminal or a CI system.
pub(crate) fn plain(text: &str) -> String {
    let shown: String = text.chars().filter(|c| !is_hidden(*c)).take(MAX_TEXT).collect();
    without_commands(shown.trim())
}
