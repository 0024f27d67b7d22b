//! Reads the `Cargo.toml` of a published crate, as far as it describes commands. Most fields of old
//! crates may have any type.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use toml::{Table, Value};

/// The fields of a manifest that are read.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Manifest {
    #[serde(alias = "project", default)]
    pub(crate) package: Package,
    #[serde(default)]
    pub(crate) bin: Vec<Target>,
    #[serde(default)]
    features: BTreeMap<String, Vec<String>>,
    #[serde(default)]
    dependencies: Table,
    #[serde(default, rename = "build-dependencies", alias = "build_dependencies")]
    build_dependencies: Table,
    #[serde(default)]
    target: BTreeMap<String, Platform>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Package {
    #[serde(default)]
    pub(crate) name: String,
    edition: Option<String>,
    /// Whether cargo also finds binaries by their path.
    autobins: Option<bool>,
    /// A path, or a flag that says whether there is a build script.
    build: Option<Value>,
    description: Option<Value>,
    homepage: Option<Value>,
    repository: Option<Value>,
}

/// `[[bin]]`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Target {
    pub(crate) name: Option<String>,
    pub(crate) path: Option<String>,
    #[serde(default)]
    pub(crate) required_features: Vec<String>,
}

/// `[target.….dependencies]` and the like.
#[derive(Debug, Default, Deserialize)]
struct Platform {
    #[serde(default)]
    dependencies: Table,
    #[serde(default, rename = "build-dependencies", alias = "build_dependencies")]
    build_dependencies: Table,
}

/// Reads the manifest `text`. The error says what is wrong with it.
pub(crate) fn read(text: &str) -> Result<Manifest, String> {
    toml::from_str(text).map_err(|error| error.message().to_owned())
}

impl Package {
    pub(crate) fn description(&self) -> &str {
        text(self.description.as_ref())
    }

    /// The web addresses of the crate, the best one first.
    pub(crate) fn addresses(&self) -> [&str; 2] {
        [text(self.homepage.as_ref()), text(self.repository.as_ref())]
    }

    /// Whether the crate with these `files` has a build script, which is a program that runs before
    /// the crate is compiled.
    pub(crate) fn has_build_script(&self, files: &BTreeSet<String>) -> bool {
        match &self.build {
            Some(Value::Boolean(false)) => false,
            Some(Value::String(_)) => true,
            Some(_) | None => files.contains("build.rs"),
        }
    }

    /// Whether cargo finds binaries in addition to the listed ones. In editions before 2018, a
    /// manifest that lists one binary lists all of them.
    pub(crate) fn finds_more_than_listed(&self) -> bool {
        let is_of_2015 = self.edition.as_deref().is_none_or(|edition| edition == "2015");
        self.autobins.unwrap_or(!is_of_2015)
    }

    pub(crate) fn finds_binaries(&self) -> bool {
        self.autobins != Some(false)
    }
}

fn text(value: Option<&Value>) -> &str {
    value.and_then(Value::as_str).unwrap_or_default()
}

impl Manifest {
    /// All features that are on by default, including those that other features turn on: features
    /// of the crate itself, and `dependency/feature` as written.
    pub(crate) fn default_features(&self) -> BTreeSet<String> {
        let mut on = BTreeSet::new();
        let mut open = vec!["default".to_owned()];
        while let Some(feature) = open.pop() {
            if !on.insert(feature.clone()) {
                continue;
            }
            let implied = self.features.get(&feature).into_iter().flatten();
            for feature in implied.filter(|it| !it.starts_with("dep:")) {
                // `dependency/feature` also turns on the optional dependency, and the feature of
                // the same name; `dependency?/feature` does not.
                if let Some((dependency, _)) = feature.split_once('/')
                    && self.is_optional(dependency)
                    && self.has_feature(dependency)
                {
                    open.push(dependency.to_owned());
                }
                open.push(feature.clone());
            }
        }
        on
    }

    fn is_optional(&self, dependency: &str) -> bool {
        let by_platform =
            self.target.values().flat_map(|it| [&it.dependencies, &it.build_dependencies]);
        let tables = [&self.dependencies, &self.build_dependencies].into_iter().chain(by_platform);
        let mut declared = tables.filter_map(|table| table.get(dependency));
        declared.any(|it| it.get("optional").and_then(Value::as_bool).unwrap_or_default())
    }

    /// Whether a feature has the name of the optional `dependency`: a declared feature, or the
    /// implicit one, which exists if no feature mentions `dep:` with this name.
    fn has_feature(&self, dependency: &str) -> bool {
        let explicit = format!("dep:{dependency}");
        self.features.contains_key(dependency)
            || !self.features.values().flatten().any(|it| *it == explicit)
    }
}
