//! From what the proxy says to facts. Pure: any text may come.

use batch_core::{
    decide::recipe::{is_homepage, one_line},
    model::{
        Action, Artifact, CommandName, Executables, PackageFacts, PackageId, PackageKind,
        PackageName,
    },
};

use crate::{
    ID,
    gomod::GoMod,
    mains::Mains,
    paths, recipe,
    registry::ORIGIN,
    versions::{Standing, Version},
};

/// A module at the version that its bare path means.
#[derive(Debug)]
pub(crate) struct Module {
    pub(crate) path: String,
    pub(crate) version: Version,
    /// Of this version.
    pub(crate) go_mod: GoMod,
    /// Why it should not be used any more.
    pub(crate) deprecated: Option<String>,
    /// The newest version, where its author has taken it back and this one is older.
    pub(crate) taken_back: Option<Version>,
    /// A later major version of it, which is a module of its own: path and newest release.
    pub(crate) later: Option<(String, Version)>,
}

/// What is known about `name` in a module of which its author has taken back every version. None
/// can be installed, so nothing is looked into; `module` is the newest.
pub(crate) fn withdrawn(name: &PackageName, module: &Module) -> PackageFacts {
    let executables = Executables::Unknown(recipe::WITHDRAWN.to_owned());
    PackageFacts {
        artifacts: vec![],
        ..of(name, module, (name.as_str(), String::new(), executables))
    }
}

/// What is known about `name`, which is in `module`; `None` where it is not.
pub(crate) fn facts(name: &PackageName, module: &Module, mains: Mains) -> Option<PackageFacts> {
    let (dirs, synopsis, unknown) = match mains {
        Mains::NoFolder => return None,
        Mains::None => (vec![], String::new(), None),
        Mains::Found { dirs, synopsis } => (dirs, synopsis, None),
        Mains::Doubtful(dirs) => {
            let dirs = dirs.join(", ");
            let why = format!(
                "{} has commands only where its authors may keep their own; name the one that is \
                 meant: {dirs}",
                module.path
            );
            (vec![], String::new(), Some(one_line(&why)))
        }
        Mains::TooMany(n) => {
            let why = format!("{} has {n} folders of Go code; name the command's own", module.path);
            (vec![], String::new(), Some(why))
        }
    };
    let mut packages: Vec<String> =
        dirs.iter().map(|dir| paths::package(&module.path, dir)).collect();
    packages.sort_unstable();
    let executables = match unknown {
        Some(why) => Executables::Unknown(why),
        None => executables(&packages),
    };
    // Several are several recipes, none of which this is.
    let installed = match packages.as_slice() {
        [package] => package,
        _ => name.as_str(),
    };
    Some(of(name, module, (installed, synopsis, executables)))
}

/// What is known about `name`, of which the package `installed` with its synopsis and its commands
/// is installed.
fn of(
    name: &PackageName,
    module: &Module,
    (installed, synopsis, executables): (&str, String, Executables),
) -> PackageFacts {
    let is_library = matches!(&executables, Executables::Known(names) if names.is_empty());
    PackageFacts {
        id: PackageId { ecosystem: ID, name: name.clone() },
        version: module.version.as_str().to_owned(),
        description: one_line(&synopsis),
        homepage: Some(homepage(installed)).filter(|url| is_homepage(url)),
        kind: if is_library { PackageKind::Library } else { PackageKind::Tool },
        runtime_dependencies: vec![],
        platforms: vec![],
        artifacts: module.zip().into_iter().collect(),
        install: Action::of_commands(recipe::STEP.name, recipe::MODULE, installed, &executables),
        notes: module.notes(),
        executables,
    }
}

/// The programs of `packages`, sorted. Two of one name would be one file.
fn executables(packages: &[String]) -> Executables {
    let names = packages.iter().map(|package| paths::command(package).parse());
    let names: Result<Vec<CommandName>, _> = names.collect();
    match names {
        Ok(mut names) => {
            names.sort_unstable();
            Executables::Known(names)
        }
        Err(invalid) => Executables::Unknown(invalid.to_string()),
    }
}

fn homepage(package: &str) -> String {
    paths::repository(package).unwrap_or_else(|| format!("https://pkg.go.dev/{package}"))
}

impl Module {
    /// Why `go install` refuses this version whatever is asked of it.
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

    /// The zip, if it can be installed from. The proxy gives no digest of it: the go command asks
    /// the checksum database.
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
        match self.version.standing() {
            Standing::Release => {}
            Standing::Incompatible => notes.push(format!("{version} is of a time before modules")),
            Standing::Prerelease => {
                notes.push(format!("the newest version {version} is a prerelease"));
            }
            Standing::Pseudo => notes.push(format!("nothing is tagged; {version} is a commit")),
        }
        let taken_back = self.taken_back.as_ref().map(Version::as_str);
        notes.extend(taken_back.map(|newest| format!("its author has taken back {newest}")));
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
