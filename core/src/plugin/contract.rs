//! The traits of an ecosystem, on one page.
//!
//! All are object-safe and implemented by unit structs. Everything that varies is an argument, so that
//! one `static` can be used by every run and every test. Only requests to registries are async; the
//! other methods are pure.

use std::{collections::BTreeSet, time::Duration};

use async_trait::async_trait;

use crate::{
    io::{Http, Origins},
    model::{
        CommandName, DiscoveryPlan, Environment, Evidence, FailureKind, Finding, InstallPlan,
        InvalidId, KnownRecipes, Missing, PackageFacts, PackageName, Quota, Recipe, RecipeName,
        Threshold,
    },
    plugin::{Listing, PageRequest, SourceError},
};

/// Finds packages in one registry.
#[async_trait]
pub trait Seeder: Send + Sync {
    /// The lists that [`Seeder::read`] reads, the best one first. If one of them cannot be read, the
    /// others are read nevertheless.
    fn sources(&self) -> &'static [Source];

    /// The number from which on a package counts as popular; `None` if no source publishes numbers.
    fn popular(&self) -> Option<Threshold> {
        None
    }

    /// Reads the list `wanted.source`: all of it if it is a file, otherwise the registry's page at
    /// `wanted.cursor`, which the registry is asked to end after `wanted.limit` candidates.
    /// [`PageRequest::page`] cuts the wanted page out of the result, so this method only asks the
    /// registry and says what each entry is.
    ///
    /// The most popular come first where the source knows. The same answers give the same rows.
    async fn read<'a>(&self, wanted: PageRequest<'a>) -> Result<Listing<'a>, SourceError>;
}

/// States how often the hosts of a plugin may be asked. This is only data: the program limits the
/// requests of all plugins together.
pub trait RateLimit: Send + Sync {
    /// Every host that this plugin asks. Requests to other hosts are refused.
    fn quotas(&self) -> &'static [Quota];
}

/// Recognises the error messages that only the tools of one ecosystem print.
pub trait FailureClassifier: Send + Sync {
    /// The cause of a failure. `None` means that the shared patterns decide. It must accept any text,
    /// in time proportional to the length of the text.
    fn classify(&self, evidence: &Evidence) -> Option<Finding>;

    /// The reason of a failure of the kind `kind`, as the tools of this ecosystem state it in
    /// `message`: a part of one line, or parts of several lines. `None` means that the rules for any
    /// tool choose a line. It must accept any text, in time proportional to the length of the text.
    ///
    /// Only tools that divide the reason between lines need it.
    fn reason(&self, _kind: FailureKind, _message: &str) -> Option<String> {
        None
    }
}

/// Asks a registry about a package, and builds the recipe from the answers.
///
/// No method may block its thread, because the whole run would wait. Use [`crate::io::run_blocking`]
/// for long computations. Parsers limit the depth of nesting, because strangers write the texts.
#[async_trait]
pub trait RecipeBuilder: Send + Sync {
    /// What the registry says about the newest release of `name`; `None` if the registry has no such
    /// package, or no release that can be installed. If the registry does not name the newest
    /// release, versions are compared by their numbers: 1.10 comes after 1.9.
    async fn inspect(
        &self,
        http: &dyn Http,
        name: &PackageName,
    ) -> Result<Option<PackageFacts>, SourceError>;

    /// `facts` with the recipe of `_known` that provides each dependency. It is called after
    /// `inspect`, and its result is used by `build` and by the installer. Pure: equal arguments give
    /// equal facts.
    ///
    /// Only builders whose packages depend on recipes of other packages implement it.
    fn resolve(&self, facts: PackageFacts, _known: &KnownRecipes) -> PackageFacts {
        facts
    }

    /// The recipe that follows from `facts`. Equal facts give equal recipes.
    fn build(&self, facts: &PackageFacts) -> Result<Recipe, Missing>;

    /// `facts` with the commands `names`, which installations showed. Pure.
    ///
    /// Only builders whose commands have a different order implement it.
    fn discovered(&self, facts: PackageFacts, names: BTreeSet<CommandName>) -> PackageFacts {
        facts.discovered(names)
    }

    /// Whether people review the packages before the registry accepts them. Then a package with the
    /// name of a command of the system is taken for that command.
    fn is_reviewed(&self) -> bool {
        false
    }

    /// The name of the recipe, unless an override gives another one.
    fn recipe_name(&self, facts: &PackageFacts) -> RecipeName {
        RecipeName::nearest(facts.id.name.as_str())
    }
}

/// States how the ecosystem's own tool installs a recipe. It installs nothing itself.
pub trait NativeInstaller: Send + Sync {
    /// The time limit of one step, if it needs more than the general limit, for example to compile.
    /// `None` means the general limit.
    fn longest_step(&self) -> Option<Duration> {
        None
    }

    /// Whether an installed program can know its version. It is false where authors set the version
    /// by an option of their own build. Then a different version in the output is no error.
    fn programs_know_their_version(&self) -> bool {
        true
    }

    /// The steps for `recipe`. The program runs them in the sandbox of `environment`.
    /// Steps that ask a registry use the addresses in `origins`.
    fn install(
        &self,
        recipe: &Recipe,
        facts: &PackageFacts,
        environment: Environment,
        origins: &Origins,
    ) -> InstallPlan;

    /// How to find out which commands the package of `facts` installs, whose registry cannot tell
    /// them without running its code ([`Executables::undiscovered`](crate::model::Executables)).
    /// `None` where nothing can be found out.
    ///
    /// Only installers of plugins with such packages implement it.
    fn discovery(
        &self,
        _facts: &PackageFacts,
        _environment: Environment,
        _origins: &Origins,
    ) -> Option<DiscoveryPlan> {
        None
    }
}

/// The spelling of names in a registry.
pub trait Names: Send + Sync {
    /// The registry's own spelling of a name that a person wrote. Invalid names are refused.
    fn normalise(&self, spelling: &str) -> Result<PackageName, InvalidId>;

    /// A text that is equal for two names if the registry treats them as one package, although it
    /// keeps both spellings.
    fn identity(&self, name: &PackageName) -> String {
        name.to_string()
    }

    /// The address of the page about the package on the registry's website, for people; `None` if
    /// there is none.
    fn web_page(&self, _name: &PackageName) -> Option<String> {
        None
    }
}

/// A list that a seeder reads.
#[derive(Debug, Clone, Copy)]
pub struct Source {
    /// Unique among the sources of the plugin. It is a part of stored cursors.
    pub name: &'static str,
    /// Its address.
    pub url: &'static str,
    /// How often its publishers renew the list.
    pub max_age: Duration,
    /// The number of requests that it takes.
    pub shape: Shape,
    /// The approximate number of candidates. It is used for estimates, and never for decisions.
    pub about: u32,
    /// The addresses that are asked about each candidate whose commands are not in the list, with
    /// one request each.
    pub per_candidate: &'static [&'static str],
}

impl Source {
    /// A list that is a file, the first of `files`, which is renewed at least once a day. The other
    /// files are needed to read it. Without any file the build fails.
    pub const fn file(
        name: &'static str,
        files: &'static [&'static str],
        about: u32,
        per_candidate: &'static [&'static str],
    ) -> Self {
        let shape = Shape::Files(files);
        Self { name, url: files[0], max_age: DAY, shape, about, per_candidate }
    }

    /// A list that comes in pages of `length` candidates, and is renewed at least once a day.
    pub const fn pages(
        name: &'static str,
        url: &'static str,
        length: u32,
        about: u32,
        per_candidate: &'static [&'static str],
    ) -> Self {
        Self { name, url, max_age: DAY, shape: Shape::Pages(length), about, per_candidate }
    }
}

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// The parts of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// These files, each read once.
    Files(&'static [&'static str]),
    /// Pages with this number of candidates, one request for each page.
    Pages(u32),
}

/// The ecosystem's own tool, which must be installed on the machine.
#[derive(Debug, Clone, Copy)]
pub struct Toolchain {
    /// The program, which is searched on `PATH`. Failures of the tool name it as their service.
    pub program: &'static str,
    /// How to find the folder that must be visible in the sandbox.
    pub root_probe: RootProbe,
}

/// How to find the folder of a toolchain.
#[derive(Debug, Clone, Copy)]
pub enum RootProbe {
    /// This command prints it.
    Printed(&'static [&'static str]),
    /// It contains the real path of this program.
    RealPath(&'static str),
}
