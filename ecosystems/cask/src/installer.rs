//! How an app is installed, on macOS only. No installer of the vendor runs.

use std::collections::{BTreeMap, BTreeSet};

use batch_core::{
    io::Origins,
    model::{Access, Artifact, Environment, InstallPlan, InstallStep, Os, PackageFacts, Recipe},
    plugin::NativeInstaller,
};

use crate::{Cask, cask::IMAGE, recipe};

const APPS: &str = "apps";
const DOWNLOAD: &str = "downloads/file";
const MOUNT: &str = "mount";

impl NativeInstaller for Cask {
    fn install(
        &self,
        _recipe: &Recipe,
        facts: &PackageFacts,
        environment: Environment,
        _origins: &Origins,
    ) -> InstallPlan {
        let cell = environment.cell();
        let artifact = facts.artifacts.iter().find(|it| it.cells.contains(&cell));
        let app = recipe::text(facts, recipe::APP_NAME);
        let binaries = recipe::list(facts, recipe::BINARIES);
        let mut steps = match artifact {
            Some(artifact) if cell.os() == Os::Darwin => unpacked(artifact, app),
            // Nothing is installed, so the check fails: an app never passes on another system.
            Some(_) | None => vec![],
        };
        let inside = binaries.iter().map(|path| format!("{app}/{path}"));
        let paths = std::iter::once(app.to_owned()).chain(inside).collect();
        steps.push(InstallStep::Present { within: APPS.to_owned(), paths });
        let folders = binaries.iter().filter_map(|path| path.rsplit_once('/'));
        let folders: BTreeSet<&str> = folders.map(|(folder, _)| folder).collect();
        let bin_dirs = folders.into_iter().map(|it| format!("{APPS}/{app}/{it}")).collect();
        InstallPlan { steps, bin_dirs }
    }
}

/// Steps that take the app out of a zip file or a disk image, with the system's own tools.
fn unpacked(artifact: &Artifact, app: &str) -> Vec<InstallStep> {
    let run = |argv: &[&str]| InstallStep::Run {
        argv: argv.iter().map(|&it| it.to_owned()).collect(),
        env: BTreeMap::new(),
        network: false,
    };
    let fetch = InstallStep::Fetch {
        artifact: artifact.clone(),
        access: Access::Open,
        to: DOWNLOAD.to_owned(),
    };
    // The builder accepts only these two formats.
    if !artifact.url.ends_with(IMAGE) {
        return vec![fetch, run(&["/usr/bin/ditto", "-x", "-k", DOWNLOAD, APPS])];
    }
    let (from, to) = (format!("{MOUNT}/{app}"), format!("{APPS}/{app}"));
    let hdiutil = "/usr/bin/hdiutil";
    vec![
        fetch,
        run(&[hdiutil, "attach", "-nobrowse", "-readonly", "-mountpoint", MOUNT, DOWNLOAD]),
        run(&["/usr/bin/ditto", &from, &to]),
        run(&[hdiutil, "detach", MOUNT]),
    ]
}
