//! What index and gem say, as facts. Pure.

use batch_core::{
    decide::recipe::{is_homepage, one_line},
    model::{
        Action, Artifact, Cell, Executables, PackageFacts, PackageId, PackageKind, PackageName,
    },
};

use crate::{
    ID,
    gemspec::{self, Gemspec},
    index::{Choice, GemFile},
    platform, recipe,
    registry::{Metadata, ORIGIN},
};

/// Facts about the version that was chosen, `metadata` being what its first file says; an error is
/// why that could not be read.
pub(crate) fn of(
    gem: &PackageName,
    choice: &Choice,
    metadata: Result<&Metadata, String>,
) -> Option<PackageFacts> {
    let file = choice.files.first()?;
    let is_verified = metadata.as_ref().ok().map(|metadata| metadata.is_verified);
    let spec = metadata.and_then(|metadata| gemspec::read(&metadata.yaml));
    let spec = spec.and_then(|spec| checked(spec, gem, file));
    let executables = match &spec {
        Ok(spec) => spec.executables.clone(),
        Err(why) => Executables::Unknown(format!("{}: {why}", recipe::UNREADABLE)),
    };
    let is_library = matches!(&executables, Executables::Known(names) if names.is_empty());
    let spec = spec.ok();
    let homepage = spec.as_ref().and_then(|spec| spec.homepage.clone());
    let summary = spec.as_ref().map(|spec| one_line(&spec.summary));
    Some(PackageFacts {
        id: PackageId { ecosystem: ID, name: gem.clone() },
        version: file.version.clone(),
        description: summary.unwrap_or_default(),
        homepage: homepage.filter(|url| is_homepage(url)),
        kind: if is_library { PackageKind::Library } else { PackageKind::Tool },
        runtime_dependencies: vec![],
        platforms: if choice.cells.len() == Cell::ALL.len() {
            vec![]
        } else {
            choice.cells.clone()
        },
        artifacts: artifacts(gem, choice, is_verified),
        install: Action::of_commands(recipe::STEP.name, recipe::GEM, gem.as_str(), &executables),
        notes: spec.map(|spec| notes(&spec, choice)).unwrap_or_default(),
        executables,
    })
}

/// A file that says it is another gem would be refused by `gem` too.
fn checked(spec: Gemspec, gem: &PackageName, file: &GemFile) -> Result<Gemspec, String> {
    if spec.name != gem.as_str() || spec.version != file.version {
        let says = one_line(&format!("{} {}", spec.name, spec.version));
        return Err(format!("its metadata is of {says}"));
    }
    Ok(spec)
}

fn notes(spec: &Gemspec, choice: &Choice) -> Vec<String> {
    let platform = choice.files.first().map(|file| &*file.platform);
    let compiled = platform.filter(|platform| *platform != platform::RUBY);
    let notes = [
        spec.builds_native_code.then(|| "compiles native code when it is installed".to_owned()),
        spec.is_plugin
            .then(|| "extends gem itself by code that runs when it is installed".to_owned()),
        compiled
            .map(|platform| format!("compiled gems only; its executables are those of {platform}")),
    ];
    notes.into_iter().flatten().collect()
}

/// Of the files only the first was read.
fn artifacts(gem: &PackageName, choice: &Choice, is_verified: Option<bool>) -> Vec<Artifact> {
    let mut artifacts: Vec<Artifact> =
        choice.files.iter().map(|file| artifact(gem, file)).collect();
    if let Some(first) = artifacts.first_mut() {
        first.digest_verified = is_verified;
    }
    artifacts
}

fn artifact(gem: &PackageName, file: &GemFile) -> Artifact {
    let is_anywhere = file.platform == platform::RUBY;
    let cells = if is_anywhere { vec![] } else { platform::cells(&file.platform).to_vec() };
    let url = format!("{ORIGIN}/gems/{}", file.file_name(gem.as_str()));
    Artifact::unread(cells, url, file.digest())
}
