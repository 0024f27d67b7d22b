//! Makes facts from the proxy's answers. Pure; the input may be any text.

use std::collections::BTreeMap;

use batch_core::{
    decide::recipe::{is_homepage, one_line},
    model::{
        Action, Artifact, Executables, ExecutablesFrom, FailureKind, PackageFacts, PackageId,
        PackageKind, PackageName, Parameter,
    },
};

use crate::{
    ID,
    gomod::GoMod,
    main_packages::MainPackages,
    paths, recipe,
    registry::ORIGIN,
    versions::{Version, VersionKind},
};

/// A module at the version that its path without a version stands for.
#[derive(Debug)]
pub(crate) struct Module {
    pub(crate) path: String,
    pub(crate) version: Version,
    /// The go.mod of this version.
    pub(crate) go_mod: GoMod,
    /// Why the module is deprecated.
    pub(crate) deprecated: Option<String>,
    /// The newest version, if its author retracted it and the chosen version is older.
    pub(crate) taken_back: Option<Version>,
    /// A later major version, which is a separate module: its path and its newest release.
    pub(crate) later: Option<(String, Version)>,
}

/// The facts about `name` in a module whose author retracted every version. None can be installed,
/// so its content is not read; `module` is at the newest version.
pub(crate) fn withdrawn(name: &PackageName, module: &Module) -> PackageFacts {
    let notes = module.notes();
    let mut reasons = vec!["its author has retracted every version"];
    reasons.extend(notes.iter().map(String::as_str));
    let reason = format!("{name}: {}", reasons.join("; "));
    let executables = Executables::unknown(FailureKind::PackageNotFound, reason);
    PackageFacts {
        artifacts: vec![],
        ..of(name, module, (name.as_str(), String::new(), executables))
    }
}

/// The facts about `name`, which is in `module`; `None` if it is not there.
pub(crate) fn facts(
    name: &PackageName,
    module: &Module,
    main_packages: MainPackages,
) -> Option<PackageFacts> {
    let (dirs, synopsis, unknown) = match main_packages {
        MainPackages::NoFolder => return None,
        MainPackages::None => (vec![], String::new(), None),
        MainPackages::Found { dirs, synopsis } => (dirs, synopsis, None),
        MainPackages::Doubtful(dirs) => {
            let dirs = dirs.join(", ");
            let why = format!(
                "{} has commands only in folders that usually contain internal tools; name the intended one: {dirs}",
                module.path
            );
            (vec![], String::new(), Some(one_line(&why)))
        }
        MainPackages::TooMany(n) => {
            let why = format!(
                "{} has {n} folders of Go code; name the folder of the command",
                module.path
            );
            (vec![], String::new(), Some(why))
        }
    };
    let mut packages: Vec<String> =
        dirs.iter().map(|dir| paths::package(&module.path, dir)).collect();
    packages.sort_unstable();
    let executables = match unknown {
        Some(why) => Executables::unknown(FailureKind::BinaryDiscoveryFailed, why),
        None => executables(&packages),
    };
    // Several packages would need several recipes, so this name has none.
    let installed = match packages.as_slice() {
        [package] => package,
        _ => name.as_str(),
    };
    Some(of(name, module, (installed, synopsis, executables)))
}

/// The facts about `name`, for which the package `installed` with its synopsis and its commands is
/// installed.
fn of(
    name: &PackageName,
    module: &Module,
    (installed, synopsis, executables): (&str, String, Executables),
) -> PackageFacts {
    PackageFacts {
        id: PackageId { ecosystem: ID, name: name.clone() },
        version: module.version.as_str().to_owned(),
        printed_version: None,
        executables_from: ExecutablesFrom::Registry,
        description: one_line(&synopsis),
        homepage: Some(homepage(installed)).filter(|url| is_homepage(url)),
        kind: PackageKind::of(&executables),
        runtime_dependencies: vec![],
        platforms: vec![],
        artifacts: module.zip().into_iter().collect(),
        install: Action::of_commands(recipe::STEP.name, recipe::MODULE, installed, &executables),
        plugin_data: BTreeMap::from([(
            recipe::MODULE.to_owned(),
            Parameter::Text(module.path.clone()),
        )]),
        notes: module.notes(),
        executables,
    }
}

/// The programs of `packages`, sorted. Two programs with the same name would be the same file.
fn executables(packages: &[String]) -> Executables {
    let mut names: Vec<&str> = packages.iter().map(|package| paths::command(package)).collect();
    names.sort_unstable();
    Executables::named(names)
}

fn homepage(package: &str) -> String {
    paths::repository(package).unwrap_or_else(|| format!("https://pkg.go.dev/{package}"))
}

impl Module {
    /// The reasons why `go install` refuses this version for every package.
    fn refusals(&self) -> Vec<String> {
        let GoMod { module, refused, .. } = &self.go_mod;
        let mut why = vec![];
        if !module.is_empty() && *module != self.path {
            why.push(format!("its go.mod declares its path as {}", one_line(module)));
        }
        why.extend(refused.first().map(|directive| {
            format!("its go.mod has {directive} directives, with which no version can be installed")
        }));
        why
    }

    /// The zip, if the module can be installed from it. The proxy states no digest; the go command
    /// asks the checksum database.
    fn zip(&self) -> Option<Artifact> {
        let (path, version) = (paths::escaped(&self.path), paths::escaped(self.version.as_str()));
        let url = format!("{ORIGIN}/{path}/@v/{version}.zip");
        let (cells, digest) = (vec![], String::new());
        let artifact = Artifact { cells, url, digest, digest_verified: Some(false) };
        self.refusals().is_empty().then_some(artifact)
    }

    fn notes(&self) -> Vec<String> {
        let mut notes = self.refusals();
        let version = self.version.as_str();
        match self.version.kind() {
            VersionKind::Release => {}
            VersionKind::Incompatible => {
                notes.push(format!("{version} was published before Go modules existed"));
            }
            VersionKind::Prerelease => {
                notes.push(format!("the newest version {version} is a prerelease"));
            }
            VersionKind::Pseudo => notes.push(format!("nothing is tagged; {version} is a commit")),
        }
        let taken_back = self.taken_back.as_ref().map(Version::as_str);
        notes.extend(taken_back.map(|newest| format!("its author has retracted {newest}")));
        let deprecated = self.deprecated.as_deref().map(one_line);
        notes.extend(deprecated.map(|why| format!("deprecated: {why}")));
        notes.extend(self.later.as_ref().map(|(path, version)| {
            format!("a later major version is published as {path}, now {}", version.as_str())
        }));
        let go = self.go_mod.go.as_deref().map(one_line);
        notes.extend(go.map(|go| format!("needs Go {go} or later")));
        notes
    }
}
