//! Makes facts from the index and from gems. Pure.

use std::collections::BTreeMap;

use batch_core::{
    decide::recipe::{is_homepage, one_line},
    io::archive::ArchiveError,
    model::{
        Action, Artifact, Cell, Executables, ExecutablesFrom, FailureKind, PackageFacts, PackageId,
        PackageKind, PackageName,
    },
};

use crate::{
    ID,
    gemspec::{self, Gemspec},
    index::{Choice, GemFile},
    platform, recipe,
    registry::{Metadata, ORIGIN},
};

/// One file of a version with its specification.
pub(crate) struct InspectedFile<'a> {
    choice: &'a Choice,
    /// The error says why the specification cannot be read.
    spec: Result<Gemspec, String>,
    is_verified: Option<bool>,
}

impl<'a> InspectedFile<'a> {
    /// A downloaded file of `gem`.
    pub(crate) fn new(
        gem: &PackageName,
        choice: &'a Choice,
        read: &Result<Metadata, ArchiveError>,
    ) -> Self {
        let is_verified = read.as_ref().ok().map(|metadata| metadata.is_verified);
        let metadata = read.as_ref().map_err(ToString::to_string);
        let spec = metadata.and_then(|metadata| gemspec::read(&metadata.yaml));
        let spec = spec.and_then(|spec| checked(spec, gem, &choice.file));
        Self { choice, spec, is_verified }
    }

    /// Its commands, as a file of `gem`.
    fn executables(&self, gem: &PackageName) -> Executables {
        match &self.spec {
            Ok(spec) => spec.executables.clone(),
            Err(why) => {
                let reason = format!("{gem} {} cannot be read: {why}", self.choice.file.version);
                Executables::unknown(FailureKind::ArchiveExtractionFailed, reason)
            }
        }
    }

    fn artifact(&self, gem: &PackageName) -> Artifact {
        let Choice { file, cells } = self.choice;
        let cells = if cells.len() == Cell::ALL.len() { vec![] } else { cells.clone() };
        let url = format!("{ORIGIN}/gems/{}", file.file_name(gem.as_str()));
        let artifact = Artifact::unread(cells, url, file.digest());
        Artifact { digest_verified: self.is_verified, ..artifact }
    }
}

/// The facts about one version, for which `files` exist; `None` if there is none.
///
/// The commands are those of the first file that has any, because one file may be empty while
/// another, with compiled code, has the content. Cells whose file has other commands are left out.
pub(crate) fn of(gem: &PackageName, files: Vec<InspectedFile<'_>>) -> Option<PackageFacts> {
    let none = Executables::Known(vec![]);
    let lead = files.iter().find(|file| file.executables(gem) != none).or(files.first())?;
    let executables = lead.executables(gem);
    let (version, spec) = (lead.choice.file.version.clone(), lead.spec.as_ref().ok());
    let description = spec.map(|spec| one_line(&spec.summary)).unwrap_or_default();
    let homepage = spec.and_then(|spec| spec.homepage.clone()).filter(|url| is_homepage(url));
    let (kept, others): (Vec<InspectedFile<'_>>, Vec<InspectedFile<'_>>) =
        files.into_iter().partition(|file| file.executables(gem) == executables);
    let is_kept = |cell: &&Cell| kept.iter().any(|file| file.choice.cells.contains(cell));
    let platforms: Vec<Cell> = Cell::ALL.iter().filter(is_kept).copied().collect();
    Some(PackageFacts {
        id: PackageId { ecosystem: ID, name: gem.clone() },
        version,
        printed_version: None,
        executables_from: ExecutablesFrom::Registry,
        description,
        homepage,
        kind: PackageKind::of(&executables),
        runtime_dependencies: vec![],
        platforms: if platforms.len() == Cell::ALL.len() { vec![] } else { platforms },
        artifacts: kept.iter().map(|file| file.artifact(gem)).collect(),
        install: Action::of_commands(recipe::STEP.name, recipe::GEM, gem.as_str(), &executables),
        plugin_data: BTreeMap::new(),
        notes: notes(&kept, &others),
        executables,
    })
}

/// Refuses a file with the name of another gem, as `gem` does.
fn checked(spec: Gemspec, gem: &PackageName, file: &GemFile) -> Result<Gemspec, String> {
    if spec.name != gem.as_str() || spec.version != file.version {
        let says = one_line(&format!("{} {}", spec.name, spec.version));
        return Err(format!("its metadata is of {says}"));
    }
    Ok(spec)
}

fn notes(kept: &[InspectedFile<'_>], others: &[InspectedFile<'_>]) -> Vec<String> {
    let any = |holds: fn(&Gemspec) -> bool| {
        kept.iter().filter_map(|file| file.spec.as_ref().ok()).any(holds)
    };
    let is_compiled = |file: &InspectedFile<'_>| file.choice.file.platform != platform::RUBY;
    let notes = [
        any(|spec| spec.builds_native_code)
            .then(|| "compiles native code when it is installed".to_owned()),
        any(|spec| spec.is_plugin)
            .then(|| "extends gem itself by code that runs when it is installed".to_owned()),
        kept.iter()
            .all(is_compiled)
            .then(|| "compiled gems only, which no other platform can install".to_owned()),
    ];
    let others = others.iter().map(|file| {
        let Choice { file: GemFile { platform, .. }, cells } = file.choice;
        let cells: Vec<String> = cells.iter().map(ToString::to_string).collect();
        format!("its gem for {platform} has other commands, or none: not for {}", cells.join(", "))
    });
    notes.into_iter().flatten().chain(others).collect()
}
