//! How a bottle is installed: it is unpacked, and its placeholders are replaced by paths. No step
//! runs any program of it.

use std::collections::{BTreeMap, BTreeSet};

use batch_core::{
    io::Origins,
    model::{
        Access, Artifact, CommandName, Environment, Executables, InstallPlan, InstallStep, Os,
        PackageFacts, PackageKind, Recipe,
    },
    plugin::NativeInstaller,
};

use crate::{Homebrew, bottle, recipe, registry::token_address, resolution};

const PREFIX: &str = "prefix";
const CELLAR: &str = "prefix/Cellar";
/// Placeholders in bottles for paths that are known only at the installation.
const PLACEHOLDERS: &[(&str, &str)] = &[
    ("@@HOMEBREW_CELLAR@@", CELLAR),
    ("@@HOMEBREW_JAVA@@", "prefix/opt/openjdk/libexec"),
    ("@@HOMEBREW_LIBRARY@@", "prefix/Library"),
    ("@@HOMEBREW_PERL@@", "/usr/bin/perl"),
    ("@@HOMEBREW_PREFIX@@", PREFIX),
    ("@@HOMEBREW_REPOSITORY@@", PREFIX),
];
/// The folders of each keg that are linked into the prefix.
const LINKED: &[&str] = &["bin", "lib", "sbin", "share"];

impl NativeInstaller for Homebrew {
    fn install(
        &self,
        recipe: &Recipe,
        facts: &PackageFacts,
        environment: Environment,
        _origins: &Origins,
    ) -> InstallPlan {
        let cell = environment.cell();
        // A dependency that the recipe does not declare would be missing after a real installation
        // too.
        let beside = resolution::poured(facts, recipe, cell.os());
        let formula = recipe::text(facts, recipe::FORMULA);
        let is_for_here = |it: &&Artifact| it.cells.is_empty() || it.cells.contains(&cell);
        let here: Vec<&Artifact> = facts.artifacts.iter().filter(is_for_here).collect();
        let is_own = |it: &&&Artifact| bottle::formula(it) == Some(&*formula);
        let is_beside = |it: &&&Artifact| bottle::formula(it).is_some_and(|it| beside.contains(it));
        let own = here.iter().find(is_own);
        let poured = own.into_iter().chain(here.iter().filter(is_beside));
        let mut steps: Vec<InstallStep> =
            poured.enumerate().flat_map(|(i, artifact)| pour(i, artifact)).collect();
        let placeholders = PLACEHOLDERS.iter().map(|(from, to)| ((*from).into(), (*to).into()));
        steps.push(InstallStep::Substitute {
            within: CELLAR.to_owned(),
            placeholders: placeholders.collect::<BTreeMap<String, String>>(),
        });
        // Without a bottle for this cell there is no keg, so the check below fails.
        let own = own.and_then(|artifact| bottle::keg(artifact)).unwrap_or("none");
        let own = format!("{CELLAR}/{own}");
        let paths = paths(facts, cell.os());
        steps.extend(checks(facts, &own, &paths));
        let mut bin_dirs: Vec<String> = folders(&paths).map(|it| format!("{own}/{it}")).collect();
        bin_dirs.extend([format!("{PREFIX}/bin"), format!("{PREFIX}/sbin")]);
        InstallPlan { steps, bin_dirs }
    }
}

/// Downloads, unpacks and links a bottle.
fn pour(i: usize, artifact: &Artifact) -> Vec<InstallStep> {
    let archive = format!("downloads/{i}.tar.gz");
    let keg = bottle::keg(artifact).unwrap_or("none");
    let name = bottle::formula(artifact).unwrap_or(keg);
    let access = Access::TokenFrom(token_address(&bottle::image(name)));
    let mut steps = vec![
        InstallStep::Fetch { artifact: artifact.clone(), access, to: archive.clone() },
        InstallStep::Unpack { archive, to: CELLAR.to_owned() },
        InstallStep::Link { at: format!("{PREFIX}/opt/{name}"), to: format!("{CELLAR}/{keg}") },
    ];
    steps.extend(LINKED.iter().map(|folder| InstallStep::LinkEntries {
        of: format!("{CELLAR}/{keg}/{folder}"),
        into: format!("{PREFIX}/{folder}"),
    }));
    steps
}

/// Commands must be executable; all files of a library must exist.
fn checks(facts: &PackageFacts, keg: &str, paths: &[String]) -> Vec<InstallStep> {
    if facts.kind == PackageKind::Library {
        return vec![InstallStep::Present { within: keg.to_owned(), paths: paths.to_vec() }];
    }
    let Executables::Known(names) = &facts.executables else { return vec![] };
    let in_folder = |folder: &str| -> Vec<CommandName> {
        let is_there = |name: &&CommandName| paths.contains(&format!("{folder}/{name}"));
        names.iter().filter(is_there).cloned().collect()
    };
    let check = |folder: String| InstallStep::Inspect {
        executables: in_folder(&folder),
        dir: format!("{keg}/{folder}"),
    };
    folders(paths).map(check).collect()
}

fn paths(facts: &PackageFacts, os: Os) -> Vec<String> {
    recipe::list(
        facts,
        match os {
            Os::Linux => recipe::LINUX_PATHS,
            Os::Darwin => recipe::DARWIN_PATHS,
        },
    )
}

fn folders(paths: &[String]) -> impl Iterator<Item = String> + use<> {
    let folder = |path: &String| path.split_once('/').map(|(folder, _)| folder.to_owned());
    paths.iter().filter_map(folder).collect::<BTreeSet<_>>().into_iter()
}
