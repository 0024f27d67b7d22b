//! How `cpanm` installs into a folder of its own. Data: the orchestrator runs it.

use batch_core::{
    io::Origins,
    model::{Environment, InstallPlan, InstallStep, PackageFacts, Recipe},
    plugin::NativeInstaller,
};

use crate::{Cpan, recipe, registry::MIRROR};

/// Below the sandbox's work folder.
const BIN: &str = "local/bin";
const LIBRARIES: &str = "local/lib/perl5";

/// `--verbose` because a compiler's words are in no other output. The index of the mirror says
/// where dependencies are, so nobody else is asked.
const FLAGS: &[&str] =
    &["--local-lib-contained", "local", "--notest", "--verbose", "--mirror-only"];

/// Nobody is there to answer questions.
const SETTINGS: &[(&str, &str)] = &[("NONINTERACTIVE_TESTING", "1"), ("PERL_MM_USE_DEFAULT", "1")];

impl NativeInstaller for Cpan {
    fn install(
        &self,
        recipe: &Recipe,
        facts: &PackageFacts,
        _: Environment,
        origins: &Origins,
    ) -> InstallPlan {
        let mirror = origins.to_mirror(MIRROR);
        let argv = ["cpanm"].iter().chain(FLAGS).copied();
        let argv = argv.chain(["--mirror", &*mirror, archive(facts)]);
        let run = InstallStep::run(argv, SETTINGS, true);
        let executables = recipe.commands(recipe::STEP.name, recipe::EXECUTABLES);
        let inspect = InstallStep::Inspect { dir: BIN.to_owned(), executables };
        let export = InstallStep::export(&[("PERL5LIB", LIBRARIES)]);
        InstallPlan {
            steps: vec![run, inspect, export],
            bin_dirs: vec![BIN.to_owned()],
            // Makefile.PL and Build.PL are programs, and so is what they make.
            runs_package_code: true,
        }
    }
}

/// The exact release, as cpanm calls it: `PETDANCE/ack-v3.7.0.tar.gz`. A name with a version would
/// have to be looked up, and an index knows the newest one only.
fn archive(facts: &PackageFacts) -> &str {
    let url = facts.artifacts.first().map_or("", |artifact| &artifact.url);
    let path = url.split_once("/authors/id/").map_or(url, |(_, path)| path);
    // Without the two folders that are the beginning of the author's name.
    path.splitn(3, '/').nth(2).unwrap_or(path)
}
