//! A recipe: the TOML file from which the package manager installs.
//!
//! Fields are named as the package manager names them. Equal recipes are written as equal bytes.
//! The strict reader is in [`crate::decide::recipe`].

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize, Serializer, ser::SerializeMap as _};

use crate::model::{Action, CommandName, Parameter};

/// The content of a recipe file.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[expect(missing_docs, reason = "the package manager's own words")]
pub struct Recipe {
    pub metadata: Metadata,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<VersionSource>,
    pub steps: Vec<RecipeStep>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verify: Option<Verify>,
}

/// `[metadata]`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[expect(missing_docs, reason = "the package manager's own words")]
pub struct Metadata {
    pub name: String,
    pub description: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub homepage: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub version_format: String,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub requires_sudo: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub dependencies: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub runtime_dependencies: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub extra_dependencies: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub extra_runtime_dependencies: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tier: Option<i64>,
    #[serde(rename = "type", skip_serializing_if = "String::is_empty")]
    pub kind: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub llm_validation: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub curated: Option<bool>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub binaries: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub supported_os: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub supported_arch: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub supported_libc: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unsupported_platforms: Vec<String>,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub unsupported_reason: String,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub satisfies: BTreeMap<String, Vec<String>>,
}

/// `[version]`: where the newest version is asked for. Absent when the first step implies it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct VersionSource(pub BTreeMap<String, toml::Value>);

/// One of `[[steps]]`.
#[derive(Debug, Clone, Default, PartialEq)]
#[expect(missing_docs, reason = "the package manager's own words")]
pub struct RecipeStep {
    pub action: String,
    /// Sorted, so that equal steps produce equal bytes.
    pub params: BTreeMap<String, toml::Value>,
    pub phase: Option<String>,
    pub when: Option<When>,
}

/// `[steps.when]`: the systems on which a step applies.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[expect(missing_docs, reason = "the package manager's own words")]
pub struct When {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub platform: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub os: Vec<String>,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub arch: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub linux_family: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub package_manager: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub libc: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub gpu: Vec<String>,
}

/// `[verify]`: the command that shows whether the installation works.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[expect(missing_docs, reason = "the package manager's own words")]
pub struct Verify {
    pub command: String,
    pub pattern: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub patterns: Vec<String>,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub mode: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub version_format: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub reason: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(with = "Vec<serde_json::Value>")]
    pub additional: Vec<toml::Value>,
}

impl Verify {
    /// The verification by `command --version`, which must print the version.
    pub fn of_version(command: &str) -> Self {
        let (command, pattern) = (format!("{command} --version"), "{version}".to_owned());
        Self { command, pattern, ..Self::default() }
    }
}

impl Recipe {
    /// The text of the file, with the keys in a fixed order and a newline at the end.
    pub fn to_toml(&self) -> String {
        toml::to_string(self).expect("a recipe is made of tables, strings, numbers and lists")
    }

    /// All recipes that it names as dependencies, for the installation or at run time, of the whole
    /// recipe or of one step. A name may appear twice.
    pub fn dependencies(&self) -> impl Iterator<Item = &str> {
        let Metadata {
            dependencies,
            runtime_dependencies,
            extra_dependencies,
            extra_runtime_dependencies,
            ..
        } = &self.metadata;
        let lists =
            [dependencies, runtime_dependencies, extra_dependencies, extra_runtime_dependencies];
        let of_steps = self.steps.iter().flat_map(RecipeStep::dependencies);
        lists.into_iter().flatten().map(String::as_str).chain(of_steps)
    }

    /// The commands that steps called `action` list under `key`. Invalid names are left out,
    /// because a recipe may come from anywhere and installers look for these names as files.
    pub fn commands(&self, action: &str, key: &str) -> Vec<CommandName> {
        let steps = self.steps.iter().filter(|step| step.action == action);
        let lists = steps.filter_map(|step| step.params.get(key)?.as_array());
        lists.flatten().filter_map(|name| name.as_str()?.parse().ok()).collect()
    }
}

impl RecipeStep {
    /// The dependencies that only this step has.
    pub fn dependencies(&self) -> impl Iterator<Item = &str> {
        let list = self.params.get("dependencies").and_then(|list| list.as_array());
        list.into_iter().flatten().filter_map(|name| name.as_str())
    }
}

/// The step that a builder has determined.
impl From<&Action> for RecipeStep {
    fn from(action: &Action) -> Self {
        let value = |parameter: &Parameter| match parameter {
            Parameter::Text(text) => toml::Value::from(text.as_str()),
            Parameter::List(texts) => toml::Value::from(texts.clone()),
            Parameter::Flag(flag) => toml::Value::from(*flag),
        };
        let params = action.parameters.iter().map(|(key, it)| (key.clone(), value(it))).collect();
        Self { action: action.name.clone(), params, ..Self::default() }
    }
}

impl Serialize for RecipeStep {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut step = serializer.serialize_map(None)?;
        step.serialize_entry("action", &self.action)?;
        for (key, value) in &self.params {
            step.serialize_entry(key, value)?;
        }
        if let Some(phase) = &self.phase {
            step.serialize_entry("phase", phase)?;
        }
        if let Some(when) = &self.when {
            step.serialize_entry("when", when)?;
        }
        step.end()
    }
}
