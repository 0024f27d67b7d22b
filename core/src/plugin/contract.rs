//! The traits of an ecosystem, on one page.
//!
//! All are object-safe and implemented by unit structs: what varies comes in as an argument, so
//! one `static` serves every run and every test. Only asking a registry is async; the rest is pure.

use std::time::Duration;

use async_trait::async_trait;
use url::Url;

use crate::{
    io::{
        Http, HttpError, Origins,
        archive::{ArchiveError, DigestError, RemoteError},
    },
    model::{
        Confidence, EcosystemId, Environment, Evidence, FailureKind, Finding, InstallPlan,
        InvalidId, KnownRecipes, Missing, PackageFacts, PackageName, Page, Quota, Recipe,
        RecipeName, Threshold,
    },
};

/// Finds packages in one registry.
#[async_trait]
pub trait Seeder: Send + Sync {
    /// What [`Seeder::discover`] reads, the best first. One that cannot be read hinders no other.
    fn sources(&self) -> &'static [Source];

    /// From where on a package is popular; `None` where no source publishes a number.
    fn popular(&self) -> Option<Threshold> {
        None
    }

    /// The page of `source` at `cursor` (`None` is the first), at most `limit` candidates long and
    /// the most popular first where the source knows. The same answers give the same page.
    ///
    /// A list that is one file comes as one page, of which the caller keeps what it has done: each
    /// call may read the file anew.
    async fn discover(
        &self,
        http: &dyn Http,
        source: &Source,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<Page, SourceError>;
}

/// Says how often its hosts may be asked. Data, not a limiter: gates are built from all plugins.
pub trait RateLimit: Send + Sync {
    /// Every place this plugin asks; a host left out is refused.
    fn quotas(&self) -> &'static [Quota];
}

/// Reads the signs that only one ecosystem's tools give.
pub trait FailureClassifier: Send + Sync {
    /// `None` leaves it to the shared patterns. Total: any text may come.
    fn classify(&self, evidence: &Evidence) -> Option<Finding>;
}

/// Asks a registry, then builds from what it said.
#[async_trait]
pub trait RecipeBuilder: Send + Sync {
    /// What the registry says about the newest release of `name`; `None` when it has no such
    /// package, or none that can be installed.
    async fn inspect(
        &self,
        http: &dyn Http,
        name: &PackageName,
    ) -> Result<Option<PackageFacts>, SourceError>;

    /// `facts` with each dependency led to the recipe of `_known` that provides it: comes between
    /// inspecting and building, for the recipe and the installer. Pure: equal arguments, equal facts.
    ///
    /// Only builders whose packages depend on other packages' recipes implement it.
    fn resolve(&self, facts: PackageFacts, _known: &KnownRecipes) -> PackageFacts {
        facts
    }

    /// The recipe that follows from `facts`: equal facts, equal recipe.
    fn build(&self, facts: &PackageFacts) -> Result<Recipe, Missing>;

    /// Whether people review what the registry takes in, so that a package called like a command of
    /// the system is that command.
    fn is_reviewed(&self) -> bool {
        false
    }

    /// What the recipe is called unless an override says otherwise.
    fn recipe_name(&self, facts: &PackageFacts) -> RecipeName {
        RecipeName::nearest(facts.id.name.as_str())
    }
}

/// Says how to install with the ecosystem's own means, and installs nothing.
pub trait NativeInstaller: Send + Sync {
    /// How long one step may take where it needs more than the general limit, such as to compile.
    /// `None` is the general limit.
    fn longest_step(&self) -> Option<Duration> {
        None
    }

    /// Whether an installed program can know its version. False where authors set it by a flag of
    /// their own build: then another version in its output proves nothing against it.
    fn programs_know_their_version(&self) -> bool {
        true
    }

    /// The steps for `recipe`, for the orchestrator to run inside the sandbox of `environment`.
    /// A step that asks a registry asks where `origins` say.
    fn install(
        &self,
        recipe: &Recipe,
        facts: &PackageFacts,
        environment: Environment,
        origins: &Origins,
    ) -> InstallPlan;
}

/// Knows how its registry spells.
pub trait Names: Send + Sync {
    /// The registry's own spelling of what a person wrote.
    fn normalise(&self, spelling: &str) -> Result<PackageName, InvalidId>;

    /// What two names share if the registry takes them for one package, although it keeps each as
    /// it was written.
    fn identity(&self, name: &PackageName) -> String {
        name.to_string()
    }
}

/// One list that a seeder reads.
#[derive(Debug, Clone, Copy)]
pub struct Source {
    /// Among the plugin's own sources; part of stored cursors.
    pub name: &'static str,
    /// Where it lies.
    pub url: &'static str,
    /// How often its publishers renew it.
    pub max_age: Duration,
    /// What it costs to read.
    pub shape: Shape,
    /// How many candidates it hands out in all, roughly: for estimates, never for decisions.
    pub about: u32,
    /// The addresses that are asked about each candidate whose commands it does not tell, one
    /// request each.
    pub per_candidate: &'static [&'static str],
}

impl Source {
    /// A list that is a file, the first of `files`, and renewed at least once a day. What else must
    /// be read for it follows; without any file it is no source, and fails the build.
    pub const fn file(
        name: &'static str,
        files: &'static [&'static str],
        about: u32,
        per_candidate: &'static [&'static str],
    ) -> Self {
        const DAY: Duration = Duration::from_secs(24 * 60 * 60);
        let shape = Shape::Files(files);
        Self { name, url: files[0], max_age: DAY, shape, about, per_candidate }
    }
}

/// In what portions a list comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// These files, each read once.
    Files(&'static [&'static str]),
    /// Pages of so many candidates, one request each.
    Pages(u32),
}

/// The ecosystem's own tool, which must be on the machine.
#[derive(Debug, Clone, Copy)]
pub struct Toolchain {
    /// To be found on `PATH`; also the service that its faults name.
    pub program: &'static str,
    /// How to find the folder that the sandbox must show.
    pub root_probe: RootProbe,
}

/// A way to the folder that holds a toolchain.
#[derive(Debug, Clone, Copy)]
pub enum RootProbe {
    /// It is what this command prints.
    Printed(&'static [&'static str]),
    /// It is above the real path of this program.
    RealPath(&'static str),
}

/// A registry could not be read.
#[derive(Debug, thiserror::Error)]
#[error("cannot read the {ecosystem} registry")]
pub struct SourceError {
    /// Whose registry.
    pub ecosystem: EcosystemId,
    /// The cause.
    #[source]
    pub kind: SourceErrorKind,
}

/// Why a registry could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the messages say it")]
pub enum SourceErrorKind {
    #[error(transparent)]
    Http(#[from] HttpError),
    /// Something in an archive of the package, or on the way to it.
    #[error(transparent)]
    Remote(Box<RemoteError>),
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    #[error(transparent)]
    Digest(#[from] DigestError),
    /// A registry is believed about what there is, and a store only about what it gives.
    #[error("{url} is listed, and is not given")]
    Unserved { url: Url },
    #[error(transparent)]
    Withheld(Box<Withheld>),
    #[error("unexpected shape of answer from {host}: {reason}")]
    Schema { host: String, reason: String },
}

/// A registry that answers other questions does not hand out this one package.
#[derive(Debug, thiserror::Error)]
#[error("{url} is withheld: {reason}; {advice}")]
pub struct Withheld {
    /// What was asked for.
    pub url: Url,
    /// The registry's own words, on one line.
    pub reason: String,
    /// Where else the package may be, as a fragment without full stop.
    pub advice: String,
}

impl From<RemoteError> for SourceErrorKind {
    fn from(error: RemoteError) -> Self {
        Self::Remote(Box::new(error))
    }
}

impl SourceErrorKind {
    /// `error` of asking for a file that the registry lists: an absence is no word about the package
    /// then, nor a 403 about us, by which some stores say the same; a page for people does stay one.
    pub fn of_listed_file(error: impl Into<Self>) -> Self {
        let kind = error.into();
        let status = match &kind {
            Self::Http(error) => Some(error),
            Self::Remote(error) => match &**error {
                RemoteError::Http(error) => Some(error),
                RemoteError::Archive(_) | RemoteError::Digest(_) | RemoteError::Changed { .. } => {
                    None
                }
            },
            Self::Archive(_)
            | Self::Digest(_)
            | Self::Unserved { .. }
            | Self::Withheld(_)
            | Self::Schema { .. } => None,
        };
        match status {
            Some(HttpError::Status { url, status: 403 | 404 | 410 | 451 }) => {
                Self::Unserved { url: url.clone() }
            }
            Some(_) | None => kind,
        }
    }
}

impl SourceError {
    /// What makes errors of `ecosystem` out of their causes, for `map_err`.
    pub fn of<K: Into<SourceErrorKind>>(ecosystem: &EcosystemId) -> impl FnOnce(K) -> Self {
        move |kind| Self { ecosystem: ecosystem.clone(), kind: kind.into() }
    }

    /// What it says about registry and machine.
    pub fn finding(&self) -> Finding {
        match &self.kind {
            SourceErrorKind::Http(error) => error.finding(),
            SourceErrorKind::Remote(error) => error.finding(),
            SourceErrorKind::Archive(error) => error.finding(),
            SourceErrorKind::Digest(error) => error.finding(),
            SourceErrorKind::Unserved { url } => {
                let finding = Finding::stated(FailureKind::UpstreamUnavailable);
                finding.of_service(url.host_str().unwrap_or_default())
            }
            // It speaks of one package, so it must not count against the registry's health.
            SourceErrorKind::Withheld(withheld) => Finding {
                confidence: Confidence::Inferred,
                ..Finding::stated(FailureKind::AuthRequired)
                    .of_service(withheld.url.host_str().unwrap_or_default())
            },
            SourceErrorKind::Schema { host, .. } => {
                Finding::stated(FailureKind::UnexpectedResponse).of_service(host)
            }
        }
    }
}
