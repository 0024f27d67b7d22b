//! Makes facts from the manifest of one version. Pure; the input may be any bytes.

use std::collections::BTreeMap;

use batch_core::{
    decide::recipe::{is_homepage, one_line},
    model::{
        Action, Artifact, Cell, ExecutablesFrom, PackageFacts, PackageId, PackageKind, PackageName,
    },
};
use serde::Deserialize;
use serde_json::Value;

use crate::{
    ID, commands,
    platforms::{self, Declared},
    recipe, repository, version,
};

/// The longest part of a wrong answer that is quoted, in characters.
const MAX_QUOTE: usize = 200;
/// The description of the placeholder that replaces a removed package.
const SECURITY_HOLDER: &str = "security holding package";

/// The registry's data about one version. Most fields may have any type.
#[derive(Deserialize)]
struct Manifest {
    name: String,
    version: String,
    #[serde(default)]
    description: Value,
    #[serde(default)]
    homepage: Value,
    #[serde(default)]
    repository: Value,
    #[serde(default)]
    bin: Value,
    #[serde(default)]
    directories: Value,
    #[serde(default)]
    deprecated: Value,
    #[serde(default)]
    scripts: Value,
    #[serde(default, rename = "hasInstallScript")]
    has_install_script: Value,
    #[serde(default)]
    os: Value,
    #[serde(default)]
    cpu: Value,
    #[serde(default)]
    libc: Value,
    dist: Dist,
}

#[derive(Deserialize)]
struct Dist {
    tarball: String,
    /// Missing for packages from before npm 5.
    integrity: Option<String>,
    shasum: Option<String>,
}

/// The facts about `name` in `body`; `None` if the package is only a placeholder. The error says
/// what is wrong with the answer.
pub(crate) fn facts(name: &PackageName, body: &[u8]) -> Result<Option<PackageFacts>, String> {
    let manifest: Manifest = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    if manifest.name != name.as_str() {
        return Err(format!("it is about {:?}", shortened(&manifest.name)));
    }
    let Some(version) = version::parse(&manifest.version) else {
        return Err(format!("{:?} is not a version", shortened(&manifest.version)));
    };
    if is_security_holder(&manifest) {
        return Ok(None);
    }
    let executables = commands::executables(name.as_str(), &manifest.bin);
    let kind = PackageKind::of(&executables);
    let cells = manifest.cells();
    Ok(Some(PackageFacts {
        id: PackageId { ecosystem: ID, name: name.clone() },
        notes: manifest.notes(&version, kind == PackageKind::Library),
        description: one_line(manifest.description.as_str().unwrap_or_default()),
        homepage: manifest.address(),
        kind,
        runtime_dependencies: vec![],
        artifacts: manifest.dist.artifact(&cells).into_iter().collect(),
        platforms: if is_everywhere(&cells) { vec![] } else { cells },
        install: Action::of_commands(
            recipe::STEP.name,
            recipe::PACKAGE,
            name.as_str(),
            &executables,
        ),
        plugin_data: BTreeMap::new(),
        printed_version: None,
        executables_from: ExecutablesFrom::Registry,
        version: manifest.version,
        executables,
    }))
}

fn is_security_holder(manifest: &Manifest) -> bool {
    let is_held = |text: &str| text.trim().eq_ignore_ascii_case(SECURITY_HOLDER);
    manifest.version.contains("-security") && manifest.description.as_str().is_some_and(is_held)
}

/// In old packages, `false` and `""` mean "not deprecated".
pub(crate) fn is_deprecated(field: &Value) -> bool {
    field.as_str().is_some_and(|why| !why.trim().is_empty()) || *field == Value::Bool(true)
}

fn is_everywhere(cells: &[Cell]) -> bool {
    cells.len() == Cell::ALL.len()
}

impl Manifest {
    fn cells(&self) -> Vec<Cell> {
        platforms::cells(&Declared { os: &self.os, cpu: &self.cpu, libc: &self.libc })
    }

    /// The web address of the package.
    fn address(&self) -> Option<String> {
        let homepage = self.homepage.as_str().filter(|url| is_homepage(url));
        homepage.map(str::to_owned).or_else(|| repository::page(&self.repository))
    }

    fn notes(&self, version: &semver::Version, is_library: bool) -> Vec<String> {
        let mut notes = vec![];
        if is_deprecated(&self.deprecated) {
            let why = one_line(self.deprecated.as_str().unwrap_or_default());
            notes.push(format!("deprecated: {why}"));
        }
        if version::is_prerelease(version) {
            notes.push(format!("the newest version {} is a prerelease", self.version));
        }
        if self.runs_scripts() {
            notes.push("has scripts for its installation, which are not run".to_owned());
        }
        if is_library && self.directories.get("bin").is_some_and(Value::is_string) {
            notes.push(
                "names a folder of commands, which installing by name does not link".to_owned(),
            );
        }
        notes
    }

    fn runs_scripts(&self) -> bool {
        let names = ["preinstall", "install", "postinstall"];
        self.has_install_script == Value::Bool(true)
            || names.iter().any(|name| self.scripts.get(name).is_some_and(Value::is_string))
    }
}

impl Dist {
    /// The tarball for `cells`; `None` if the package runs in no cell.
    fn artifact(&self, cells: &[Cell]) -> Option<Artifact> {
        let shasum = || self.shasum.as_ref().map(|hex| format!("sha1-{hex}"));
        let digest = self.integrity.clone().or_else(shasum).unwrap_or_default();
        let declared = if is_everywhere(cells) { vec![] } else { cells.to_vec() };
        (!cells.is_empty()).then(|| Artifact::unread(declared, self.tarball.clone(), digest))
    }
}

pub(crate) fn shortened(text: &str) -> String {
    match text.char_indices().nth(MAX_QUOTE) {
        Some((end, _)) => format!("{}…", text[..end].trim_end()),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_bytes_are_facts_or_an_invalid_answer(bytes: Vec<u8>) {
            let _ = facts(&"x".parse().unwrap(), &bytes);
        }
    }
}
