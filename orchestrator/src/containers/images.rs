//! The images of containers: one for each family of Linux distributions, each named by its digest.

use std::{collections::BTreeMap, fmt, str::FromStr};

use batch_core::model::Environment;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The table of this program.
const TABLE: &str = include_str!("../../container-images.toml");

/// A family of Linux distributions.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "proper names")]
pub enum Family {
    Debian,
    Rhel,
    Arch,
    Suse,
    Alpine,
}

impl Family {
    /// The family of `environment`; `None` for other systems than Linux.
    pub const fn of(environment: Environment) -> Option<Self> {
        match environment {
            Environment::DebianX86 | Environment::DebianArm => Some(Self::Debian),
            Environment::RhelX86 | Environment::RhelArm => Some(Self::Rhel),
            Environment::ArchX86 => Some(Self::Arch),
            Environment::SuseX86 | Environment::SuseArm => Some(Self::Suse),
            Environment::AlpineX86 | Environment::AlpineArm => Some(Self::Alpine),
            Environment::MacArm | Environment::MacX86 => None,
        }
    }

    /// The key in the tables of images.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Debian => "debian",
            Self::Rhel => "rhel",
            Self::Arch => "arch",
            Self::Suse => "suse",
            Self::Alpine => "alpine",
        }
    }
}

/// Whether recipes are tested in a container there, and not on the hosted machine itself. Hosted
/// machines with Linux are of the family of Debian.
pub fn needs_container(environment: Environment) -> bool {
    Family::of(environment).is_some_and(|family| family != Family::Debian)
}

/// The name of an image with its digest: `docker.io/library/debian@sha256:…`. It has no tag, because some
/// runtimes refuse a name with both.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct ImageReference(String);

/// The name of an image does not say which one it is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not an image with its digest; write `name@sha256:` and 64 hexadecimal digits")]
pub struct InvalidImage(String);

impl ImageReference {
    /// The name with the digest.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A tag before the digest is accepted and left out.
impl FromStr for ImageReference {
    type Err = InvalidImage;

    fn from_str(text: &str) -> Result<Self, InvalidImage> {
        let invalid = || InvalidImage(text.to_owned());
        let (name, digest) = text.split_once("@sha256:").ok_or_else(invalid)?;
        let is_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-/:".contains(&byte);
        let is_digest = digest.len() == 64 && digest.bytes().all(is_hex);
        let is_name = name.starts_with(|first: char| first.is_ascii_alphanumeric());
        if !is_digest || !is_name || !name.bytes().all(is_plain) {
            return Err(invalid());
        }
        // A colon before the last slash separates a port.
        let last = name.rfind('/').map_or(0, |slash| slash + 1);
        let name = name[last..].find(':').map_or(name, |colon| &name[..last + colon]);
        Ok(Self(format!("{name}@sha256:{digest}")))
    }
}

impl TryFrom<String> for ImageReference {
    type Error = InvalidImage;

    fn try_from(text: String) -> Result<Self, InvalidImage> {
        text.parse()
    }
}

impl From<ImageReference> for String {
    fn from(image: ImageReference) -> Self {
        image.0
    }
}

impl fmt::Display for ImageReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The image of each family.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Images(BTreeMap<Family, ImageReference>);

impl Images {
    /// The table of this program, in which `changed` replaces single images.
    pub fn new(changed: &BTreeMap<Family, ImageReference>) -> Self {
        // A test reads the table.
        let mut images: BTreeMap<_, _> = toml::from_str(TABLE).unwrap_or_default();
        images.extend(changed.clone());
        Self(images)
    }

    /// The image for `environment`; `None` for a system that has none.
    pub fn of(&self, environment: Environment) -> Option<&ImageReference> {
        self.0.get(&Family::of(environment)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_linux_environment_has_an_image_in_the_table() {
        let images = Images::new(&BTreeMap::new());
        for environment in Environment::ALL.iter().copied() {
            let is_linux = environment.as_str().starts_with("linux-");
            assert_eq!(images.of(environment).is_some(), is_linux, "{environment}");
            if let Some(family) = Family::of(environment) {
                let words: Vec<&str> = environment.as_str().split('-').collect();
                assert_eq!(words[1], family.as_str());
            }
        }
        let alpine = images.of(Environment::AlpineArm).unwrap();
        assert!(alpine.as_str().starts_with("docker.io/library/alpine@sha256:c3f8"), "{alpine}");
    }

    #[test]
    fn an_image_without_its_digest_is_refused() {
        let digest = "0123456789abcdef".repeat(4);
        for (name, expected) in [
            ("debian", "debian"),
            ("debian:12-slim", "debian"),
            ("localhost:5000/a/b:1", "localhost:5000/a/b"),
            ("localhost:5000/a/b", "localhost:5000/a/b"),
        ] {
            let image: ImageReference = format!("{name}@sha256:{digest}").parse().unwrap();
            assert_eq!(image.to_string(), format!("{expected}@sha256:{digest}"));
        }
        for text in [
            "debian".to_owned(),
            "debian:12".to_owned(),
            format!("debian@sha256:{}", &digest[1..]),
            format!("debian@sha256:{}", digest.to_uppercase()),
            format!("--privileged@sha256:{digest}"),
            format!("a b@sha256:{digest}"),
            format!("@sha256:{digest}"),
        ] {
            assert!(text.parse::<ImageReference>().is_err(), "{text}");
        }
    }

    #[test]
    fn settings_replace_single_images() {
        let own: ImageReference = format!("own/debian@sha256:{}", "0".repeat(64)).parse().unwrap();
        let images = Images::new(&BTreeMap::from([(Family::Debian, own.clone())]));
        assert_eq!(images.of(Environment::DebianX86), Some(&own));
        assert_ne!(images.of(Environment::SuseX86), None);
        assert_eq!(images.of(Environment::MacArm), None);
    }
}
