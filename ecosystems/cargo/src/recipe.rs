//! Makes facts from the content of a crate, and a recipe from facts. Pure: equal facts give equal
//! bytes.

use std::collections::BTreeMap;

use batch_core::{
    decide::recipe::{is_homepage, of_step, one_line},
    model::{
        Action, ActionShape, Artifact, Executables, ExecutablesFrom, FailureKind, PackageFacts,
        PackageId, PackageKind, PackageName, Recipe, RecipeName, Verify, Versions,
    },
    plugin::Missing,
};

use crate::{
    ID,
    commands::{self, Commands},
    contents::Contents,
    index::Release,
    manifest::{self, Manifest},
    subcommand,
};

pub(crate) const CRATE: &str = "crate";
pub(crate) const EXECUTABLES: &str = "executables";
/// The step that compiles a crate and installs all its commands.
pub(crate) const STEP: ActionShape = ActionShape::new("cargo_install", &[CRATE, EXECUTABLES])
    .over_network()
    .naming(CRATE)
    .with_implied_dependencies(&["rust"])
    .versioned(Versions::Inferred("crates_io"));

/// The facts about `release` of `name`, from the content of its archive.
pub(crate) fn facts(
    name: &PackageName,
    release: Release,
    url: String,
    contents: &Contents,
) -> PackageFacts {
    let read = manifest::read(&contents.manifest);
    let (manifest, commands) = match read {
        Ok(manifest) => {
            let commands = commands::of(&manifest, &contents.files);
            (manifest, commands)
        }
        Err(why) => {
            let reason = format!("Cargo.toml is no manifest: {why}");
            let executables = Executables::unknown(FailureKind::BinaryDiscoveryFailed, reason);
            (Manifest::default(), Commands { executables, withheld: BTreeMap::new() })
        }
    };
    let package = &manifest.package;
    let homepage = package.addresses().into_iter().find(|url| is_homepage(url));
    let digest = format!("sha256-{}", release.checksum);
    let mut notes = notes(name, &release, &commands);
    if package.has_build_script(&contents.files) {
        notes.push("its build script runs when it is installed".to_owned());
    }
    PackageFacts {
        id: PackageId { ecosystem: ID, name: name.clone() },
        notes,
        description: one_line(package.description()),
        homepage: homepage.map(str::to_owned),
        kind: PackageKind::of(&commands.executables),
        runtime_dependencies: vec![],
        // A crate does not declare the platforms that it supports.
        platforms: vec![],
        artifacts: vec![Artifact { cells: vec![], url, digest, digest_verified: Some(true) }],
        install: Action::of_commands(STEP.name, CRATE, &release.krate, &commands.executables),
        plugin_data: BTreeMap::new(),
        printed_version: None,
        executables_from: ExecutablesFrom::Registry,
        version: release.version,
        executables: commands.executables,
    }
}

fn notes(name: &PackageName, release: &Release, commands: &Commands) -> Vec<String> {
    let mut notes = vec![];
    if release.krate != name.as_str() {
        notes.push(format!("the registry spells it {}", release.krate));
    }
    if let Some(oldest) = &release.rust_version {
        notes.push(format!("needs rustc {} or newer", one_line(oldest)));
    }
    for (name, features) in &commands.withheld {
        let features = features.join(", ");
        notes.push(one_line(&format!("{name} is not installed: it needs the features {features}")));
    }
    notes
}

/// The recipe for `facts`.
pub(crate) fn build(facts: &PackageFacts) -> Result<Recipe, Missing> {
    let name = &facts.id.name;
    let Some(first) = facts.commands()?.first() else {
        let withheld = facts.notes.iter().filter(|note| note.contains("is not installed: "));
        let why: Vec<&str> = withheld.map(String::as_str).collect();
        let reason = format!("{name} {} installs no command", facts.version);
        let reason = if why.is_empty() { reason } else { format!("{reason}: {}", why.join("; ")) };
        return Err(Missing::new(FailureKind::LibraryOnly, reason));
    };
    let (otherwise, verify) = (
        format!("{} from crates.io", facts.id.name),
        Verify::of_version(&subcommand::invocation(first)),
    );
    Ok(of_step(facts, &recipe_name(facts), otherwise, verify))
}

pub(crate) fn recipe_name(facts: &PackageFacts) -> RecipeName {
    RecipeName::nearest(facts.id.name.as_str())
}
