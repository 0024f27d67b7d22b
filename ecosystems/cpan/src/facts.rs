//! Makes facts from the data of MetaCPAN and from the archive. Pure.

use std::collections::BTreeMap;

use batch_core::{
    decide::recipe::one_line,
    model::{
        Action, Artifact, Executables, ExecutablesFrom, FailureKind, PackageFacts, PackageId,
        PackageKind, PackageName, Parameter,
    },
};

use crate::{ID, contents::Contents, recipe, registry::MIRROR, release::Release, scripts};

/// Where [`PackageFacts::plugin_data`] has what cpanm is to install.
pub(crate) const ARCHIVE: &str = "archive";

/// The facts about `release`, with the `contents` of its archive or the reason why the archive
/// could not be used.
pub(crate) fn of(
    distribution: &PackageName,
    release: Release,
    contents: Result<&Contents, String>,
) -> PackageFacts {
    let was_read = contents.is_ok();
    let executables = match contents {
        Ok(contents) => scripts::of(distribution.as_str(), contents),
        Err(why) => {
            let reason = format!("its archive cannot be used: {why}");
            Executables::unknown(FailureKind::ArchiveExtractionFailed, reason)
        }
    };
    PackageFacts {
        id: PackageId { ecosystem: ID, name: distribution.clone() },
        description: one_line(&release.summary),
        kind: PackageKind::of(&executables),
        runtime_dependencies: vec![],
        platforms: vec![],
        artifacts: vec![artifact(&release, was_read)],
        install: install(distribution, &release, &executables),
        plugin_data: BTreeMap::from([(ARCHIVE.to_owned(), Parameter::Text(archive(&release)))]),
        notes: notes(&release),
        executables,
        homepage: release.homepage,
        printed_version: None,
        executables_from: ExecutablesFrom::Registry,
        version: release.version,
    }
}

/// The exact release, as cpanm calls it: `PETDANCE/ack-v3.7.0.tar.gz`. A name with a version would
/// have to be looked up, and an index knows the newest one only. The two folders that are the
/// beginning of the author's name are left out.
fn archive(release: &Release) -> String {
    release.path.get(2..).unwrap_or(&release.path).join("/")
}

fn notes(release: &Release) -> Vec<String> {
    let undigested = release.sha256.is_empty();
    let notes = [
        release.is_deprecated.then(|| "deprecated by its author".to_owned()),
        release.is_trial.then(|| format!("the newest version {} is a trial", release.version)),
        undigested.then(|| "no digest is published for its archive".to_owned()),
    ];
    notes.into_iter().flatten().collect()
}

/// An archive that was read has been compared with the stated digest, if there is one.
fn artifact(release: &Release, was_read: bool) -> Artifact {
    let digest = match &*release.sha256 {
        "" => String::new(),
        hex => format!("sha256-{hex}"),
    };
    let url = format!("{MIRROR}/authors/id/{}", release.path.join("/"));
    let digest_verified = was_read.then_some(!digest.is_empty());
    Artifact { cells: vec![], url, digest, digest_verified }
}

fn install(distribution: &PackageName, release: &Release, executables: &Executables) -> Action {
    let (step, key) = (recipe::STEP.name, recipe::DISTRIBUTION);
    let mut action = Action::of_commands(step, key, distribution.as_str(), executables);
    let module = &release.main_module;
    if !module.is_empty() && *module != distribution.as_str().replace('-', "::") {
        action.parameters.insert(recipe::MODULE.to_owned(), Parameter::Text(module.clone()));
    }
    action
}
