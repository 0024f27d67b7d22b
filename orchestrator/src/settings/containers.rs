//! `[containers]`.

use std::collections::BTreeMap;

use batch_sandbox::container::RuntimeKind;
use serde::Deserialize;

use crate::containers::{Family, ImageReference};

/// `[containers]`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ContainerSettings {
    /// Which program runs containers.
    pub runtime: RuntimeChoice,
    /// Images that replace those of this program.
    pub images: BTreeMap<Family, ImageReference>,
}

/// Which program runs containers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "proper names")]
pub enum RuntimeChoice {
    /// The first that works.
    #[default]
    Auto,
    Docker,
    Podman,
    /// No container runs.
    None,
}

impl RuntimeChoice {
    /// The runtimes to search.
    pub fn kinds(self) -> &'static [RuntimeKind] {
        match self {
            Self::Auto => &RuntimeKind::ALL,
            Self::Docker => &[RuntimeKind::Docker],
            Self::Podman => &[RuntimeKind::Podman],
            Self::None => &[],
        }
    }
}
