//! How `cpanm` installs into a separate folder. This is only data; the orchestrator runs the steps.

use batch_core::{
    io::Origins,
    model::{
        DiscoveryPlan, Environment, InstallPlan, InstallStep, PackageFacts, Parameter, Recipe,
    },
    plugin::NativeInstaller,
};

use crate::{Cpan, facts::ARCHIVE, recipe, registry::MIRROR};

/// Relative to the sandbox's work folder.
const BIN: &str = "local/bin";
const LIBRARIES: &str = "local/lib/perl5";

/// `--verbose`, because no other output contains the messages of a compiler. The index of the
/// mirror says where dependencies are, so no other host is asked.
const FLAGS: &[&str] =
    &["--local-lib-contained", "local", "--notest", "--verbose", "--mirror-only"];

/// Prints the files in the records (`.packlist`) of the modules in its arguments. A record has a file
/// on each line, with fields after a blank. Every distribution has a record of its own.
const LISTING: &str = r"my %is = map { s{::}{/}gr => 1 } @ARGV; my @files;
find({ no_chdir => 1, wanted => sub {
    return unless m{/auto/(.+)/\.packlist\z} and $is{$1} and open my $record, '<', $_;
    while (my $line = <$record>) { chomp $line; $line =~ s/ .*//; push @files, $line }
} }, 'local/lib/perl5');
print JSON::PP->new->ascii->encode(\@files);";

/// Nobody can answer questions.
const SETTINGS: &[(&str, &str)] = &[("NONINTERACTIVE_TESTING", "1"), ("PERL_MM_USE_DEFAULT", "1")];

impl NativeInstaller for Cpan {
    fn install(
        &self,
        recipe: &Recipe,
        facts: &PackageFacts,
        _: Environment,
        origins: &Origins,
    ) -> InstallPlan {
        let run = by_cpanm(facts, origins);
        let executables = recipe.commands(recipe::STEP.name, recipe::EXECUTABLES);
        let inspect = InstallStep::Inspect { dir: BIN.to_owned(), executables };
        let export = InstallStep::export(&[("PERL5LIB", LIBRARIES)]);
        InstallPlan { steps: vec![run, inspect, export], bin_dirs: vec![BIN.to_owned()] }
    }

    fn discovery(
        &self,
        facts: &PackageFacts,
        _: Environment,
        origins: &Origins,
    ) -> Option<DiscoveryPlan> {
        let (steps, bin_dirs) = (vec![by_cpanm(facts, origins)], vec![BIN.to_owned()]);
        let words = ["perl", "-MFile::Find", "-MJSON::PP", "-e", LISTING].map(str::to_owned);
        let listing = words.into_iter().chain(modules(facts)).collect();
        Some(DiscoveryPlan { install: InstallPlan { steps, bin_dirs }, listing })
    }
}

fn by_cpanm(facts: &PackageFacts, origins: &Origins) -> InstallStep {
    let mirror = origins.to_mirror(MIRROR);
    let argv = ["cpanm"].iter().chain(FLAGS).copied();
    InstallStep::run(argv.chain(["--mirror", &*mirror, archive(facts)]), SETTINGS, true)
}

/// The modules under which a distribution can have recorded its files.
fn modules(facts: &PackageFacts) -> Vec<String> {
    let usual = facts.id.name.as_str().replace('-', "::");
    let main = match facts.install.parameters.get(recipe::MODULE) {
        Some(Parameter::Text(module)) => Some(module.clone()),
        Some(Parameter::List(_) | Parameter::Flag(_)) | None => None,
    };
    [usual].into_iter().chain(main).collect()
}

fn archive(facts: &PackageFacts) -> &str {
    match facts.plugin_data.get(ARCHIVE) {
        Some(Parameter::Text(archive)) => archive,
        Some(Parameter::List(_) | Parameter::Flag(_)) | None => facts.id.name.as_str(),
    }
}
