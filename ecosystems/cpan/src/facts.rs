//! What MetaCPAN and the archive say, as facts. Pure.

use batch_core::{
    decide::recipe::one_line,
    model::{
        Action, Artifact, Executables, PackageFacts, PackageId, PackageKind, PackageName, Parameter,
    },
};

use crate::{ID, contents::Contents, recipe, registry::MIRROR, release::Release, scripts};

/// Facts about `release`, `contents` being what lies in its archive; an error is why that could
/// not be used.
pub(crate) fn of(
    distribution: &PackageName,
    release: Release,
    contents: Result<&Contents, String>,
) -> PackageFacts {
    let was_read = contents.is_ok();
    let executables = match contents {
        Ok(contents) => scripts::of(distribution.as_str(), contents),
        Err(why) => Executables::Unknown(format!("{}: {why}", recipe::UNREADABLE)),
    };
    let is_library = matches!(&executables, Executables::Known(names) if names.is_empty());
    PackageFacts {
        id: PackageId { ecosystem: ID, name: distribution.clone() },
        description: one_line(&release.summary),
        kind: if is_library { PackageKind::Library } else { PackageKind::Tool },
        runtime_dependencies: vec![],
        platforms: vec![],
        artifacts: vec![artifact(&release, was_read)],
        install: install(distribution, &release, &executables),
        notes: notes(&release),
        executables,
        homepage: release.homepage,
        version: release.version,
    }
}

fn notes(release: &Release) -> Vec<String> {
    let undigested = release.sha256.is_empty();
    let notes = [
        release.is_deprecated.then(|| "deprecated by its author".to_owned()),
        release.is_trial.then(|| format!("the newest version {} is a trial", release.version)),
        undigested.then(|| "no digest is stated to compare its archive with".to_owned()),
    ];
    notes.into_iter().flatten().collect()
}

/// An archive that was read has the digest that is stated, if one is.
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
