//! The hosted machines on which recipes are tested in CI: one table of their labels, their prices, and
//! the images of their containers.

use std::{collections::BTreeMap, fmt};

use batch_core::model::{Environment, InvalidId};
use chrono::NaiveDate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::containers::{Images, needs_container};

/// The table of this program.
const TABLE: &str = include_str!("../runners.toml");

/// A system and a processor, for which there is one hosted machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[expect(missing_docs, reason = "proper names")]
pub enum MachineKind {
    #[serde(rename = "linux-x86_64")]
    LinuxX86,
    #[serde(rename = "linux-arm64")]
    LinuxArm,
    #[serde(rename = "darwin-arm64")]
    DarwinArm,
    #[serde(rename = "darwin-x86_64")]
    DarwinX86,
}

impl MachineKind {
    /// The machine that tests recipes in `environment`.
    pub const fn of(environment: Environment) -> Self {
        match environment {
            Environment::MacArm => Self::DarwinArm,
            Environment::MacX86 => Self::DarwinX86,
            Environment::DebianArm
            | Environment::RhelArm
            | Environment::SuseArm
            | Environment::AlpineArm => Self::LinuxArm,
            Environment::DebianX86
            | Environment::RhelX86
            | Environment::ArchX86
            | Environment::SuseX86
            | Environment::AlpineX86 => Self::LinuxX86,
        }
    }
}

/// The label of a hosted machine: letters, digits, `.`, `_` and `-`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct Label(String);

impl TryFrom<String> for Label {
    type Error = InvalidId;

    fn try_from(text: String) -> Result<Self, InvalidId> {
        let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        if text.is_empty() || !text.bytes().all(is_allowed) {
            let rule = "it consists of letters, digits, '.', '_' and '-'";
            return Err(InvalidId::because("label of a runner", &text, rule));
        }
        Ok(Self(text))
    }
}

impl From<Label> for String {
    fn from(label: Label) -> Self {
        label.0
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A job that tests in one environment on a hosted machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct HostedJob {
    /// The environment.
    pub environment: Environment,
    /// The label of the hosted machine.
    pub runner: Label,
    /// The image of the container in which recipes are tested; `null` when they are tested on the
    /// machine itself.
    pub image: Option<String>,
    /// What a minute costs, as a multiple of a minute on Linux.
    pub cost: u32,
}

impl fmt::Display for HostedJob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { environment, runner, image, cost } = self;
        write!(f, "{environment} on {runner}, cost {cost}")?;
        match image {
            Some(image) => write!(f, ", in {image}"),
            None => Ok(()),
        }
    }
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Machine {
    label: Label,
    cost: u32,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    machines: BTreeMap<MachineKind, Machine>,
    retired: BTreeMap<Label, NaiveDate>,
}

/// The hosted machines, with the changes that an operator made.
#[derive(Debug, Clone)]
pub struct Hosted {
    table: Table,
    images: Images,
}

impl Hosted {
    /// The table of this program, in which `labels` replaces labels, with the containers `images`.
    pub fn new(labels: &BTreeMap<MachineKind, Label>, images: Images) -> anyhow::Result<Self> {
        let mut table: Table = toml::from_str(TABLE)?;
        for (kind, label) in labels {
            if let Some(machine) = table.machines.get_mut(kind) {
                machine.label = label.clone();
            }
        }
        Ok(Self { table, images })
    }

    /// The job that tests recipes in `environment`; `None` if no machine does.
    pub fn job(&self, environment: Environment) -> Option<HostedJob> {
        let Machine { label, cost } = self.table.machines.get(&MachineKind::of(environment))?;
        let image = self.images.of(environment).filter(|_| needs_container(environment));
        Some(HostedJob {
            environment,
            runner: label.clone(),
            image: image.map(ToString::to_string),
            cost: *cost,
        })
    }

    /// The labels in use that are retired on a known day, with that day.
    pub fn retirements(&self) -> BTreeMap<&Label, NaiveDate> {
        let labels = self.table.machines.values().map(|machine| &machine.label);
        labels.filter_map(|label| Some((label, *self.table.retired.get(label)?))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Settings;

    #[test]
    fn every_environment_has_a_machine_that_is_not_retired_and_an_image_if_it_is_another_family() {
        let hosted = Settings::default().hosted().unwrap();
        for environment in Environment::ALL.iter().copied() {
            let job = hosted.job(environment).unwrap();
            let is_mac = job.runner.0.starts_with("macos");
            assert_eq!(is_mac, environment.as_str().starts_with("darwin"), "{job}");
            assert_eq!(job.cost, if is_mac { 10 } else { 1 });
            let is_debian = environment.as_str().contains("debian");
            assert_eq!(job.image.is_none(), is_mac || is_debian, "{environment}");
            assert!(job.image.is_none_or(|image| image.contains("@sha256:")), "{environment}");
        }
    }

    #[test]
    fn an_operator_replaces_one_label() {
        let settings = Settings::parse("[runners]\ndarwin-x86_64 = \"macos-13\"\n").unwrap();
        let hosted = settings.hosted().unwrap();
        let label = |environment| hosted.job(environment).unwrap().runner.to_string();
        assert_eq!(label(Environment::MacX86), "macos-13");
        assert_eq!(label(Environment::MacArm), "macos-15");
        let retired: Vec<String> = hosted.retirements().keys().map(ToString::to_string).collect();
        assert_eq!(retired, ["macos-13"]);
        for wrong in ["linux-x86_64 = \"a b\"", "linux-x86_64 = \"\"", "linux-sparc = \"x\""] {
            assert!(Settings::parse(&format!("[runners]\n{wrong}\n")).is_err(), "{wrong}");
        }
    }
}
