//! A registry similar to `LuaRocks`, with mistakes that a first plugin may make: a file that all
//! packages share, versions with a packaging number, and descriptions in a language of their own.

use std::{
    collections::{BTreeMap, HashSet},
    num::NonZeroU32,
    time::Duration,
};

use async_trait::async_trait;
use batch_core::{
    decide::recipe::{is_homepage, of_tool, one_line},
    io::{Http, Origins, Request},
    model::{
        ActionShape, Artifact, EcosystemId, Environment, Evidence, FailureKind, Finding,
        InstallPlan, InstallStep, InvalidId, PackageFacts, PackageId, PackageName, Parameter,
        Quota, Recipe,
    },
    plugin::{
        EcosystemPlugin, FailureClassifier, Listing, Missing, Names, NativeInstaller, PageRequest,
        RateLimit, RecipeBuilder, Seeder, Source, SourceError, SourceErrorKind, Spelling, ask,
        ask_listed, ask_listed_text, ask_text,
    },
};
use serde::Deserialize;

use crate::rockspec::{self, Version};

const ID: EcosystemId = EcosystemId::from_static("rocks");
const ORIGIN: &str = "https://rocks.example";
const NAMES: &str = "https://rocks.example/names.txt";
const STEP: ActionShape = ActionShape::of_commands("rocks_install");
/// The parameter of facts with the kind of rock to install.
const KIND: &str = "kind";
/// Kinds of rocks that can be installed anywhere.
const KINDS: [&str; 2] = ["all", "src"];

/// A mistake in the plugin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mistake {
    None,
    GuessesWhereNothingIsSaid,
    GuessesInPlaceOfTheOnlyCommand,
    ComparesVersionsAsTexts,
    MissingListIsAnEmptyList,
    MissingIndexIsAnAbsentPackage,
    SaysVerifiedWhatWasNotRead,
    BlocksItsThread,
    KeysReachTheCommandLine,
    VersionsReachTheCommandLine,
    ParsesToAnyDepth,
    WarningsAreFailures,
    QuotaOfAMillisecond,
    EstimatesNoRequestsPerCandidate,
    AsksAnUndeclaredHost,
    MendsHostileNames,
    TakesErrorsForAbsence,
    OrdersCommandsAtRandom,
    KeepsEscapesOfDescriptions,
    RunsAShell,
    IgnoresMirrors,
    NeverInspects,
    IgnoresTheLimitOfAPage,
    SwallowsFailuresOfTheList,
}

/// The number of mistakes.
pub(crate) const N_MISTAKES: usize = Mistake::SwallowsFailuresOfTheList as usize;

struct Rocks(Mistake);

/// The plugin with `mistake`; it lives as long as the test.
pub(crate) fn plugin(mistake: Mistake) -> &'static EcosystemPlugin {
    let rocks: &'static Rocks = Box::leak(Box::new(Rocks(mistake)));
    Box::leak(Box::new(EcosystemPlugin {
        id: ID,
        rotation_rank: 1,
        aliases: &[],
        display_name: "Rocks",
        toolchain: None,
        local_os: None,
        seeder: Some(rocks),
        rate_limit: rocks,
        classifier: rocks,
        recipe_builder: Some(rocks),
        installer: Some(rocks),
        recipe_actions: &[STEP],
        names: rocks,
    }))
}

impl RateLimit for Rocks {
    fn quotas(&self) -> &'static [Quota] {
        const fn quota(millis: u64) -> Quota {
            Quota {
                period: Duration::from_millis(millis),
                burst: NonZeroU32::MIN,
                ..Quota::each_second("rocks.example")
            }
        }
        match self.0 {
            Mistake::QuotaOfAMillisecond => const { &[quota(1)] },
            _ => const { &[quota(1000)] },
        }
    }
}

impl Names for Rocks {
    fn normalise(&self, spelling: &str) -> Result<PackageName, InvalidId> {
        let spelling = match self.0 {
            Mistake::MendsHostileNames => &spelling.replace([' ', '/', '%'], "-"),
            _ => spelling,
        };
        Spelling::plain("rock", "-_").read(&spelling.to_ascii_lowercase())
    }
}

impl FailureClassifier for Rocks {
    fn classify(&self, evidence: &Evidence) -> Option<Finding> {
        let is_failure = |line: &str| match self.0 {
            Mistake::WarningsAreFailures => line.to_lowercase().contains("warning: "),
            _ => line == "Error: No results matching query were found.",
        };
        let failed = evidence.text.lines().any(is_failure);
        failed.then(|| Finding::stated(FailureKind::PackageNotFound))
    }
}

/// The file that all packages share: versions by name, and for each its kinds with their digests.
#[derive(Deserialize)]
struct Manifest {
    repository: BTreeMap<String, BTreeMap<String, BTreeMap<String, String>>>,
}

/// One kind of one version.
struct Rock {
    version: String,
    kind: String,
    sha256: String,
}

#[async_trait]
impl RecipeBuilder for Rocks {
    async fn inspect(
        &self,
        http: &dyn Http,
        name: &PackageName,
    ) -> Result<Option<PackageFacts>, SourceError> {
        let found = self.look(http, name).await;
        if self.0 == Mistake::TakesErrorsForAbsence { Ok(found.unwrap_or_default()) } else { found }
    }

    fn build(&self, facts: &PackageFacts) -> Result<Recipe, Missing> {
        of_tool(facts, &self.recipe_name(facts))
    }
}

impl Rocks {
    async fn look(
        &self,
        http: &dyn Http,
        name: &PackageName,
    ) -> Result<Option<PackageFacts>, SourceError> {
        if self.0 == Mistake::AsksAnUndeclaredHost {
            let request = Request::get("https://mirror.example", &[name.as_str()], &[]);
            let _ = ask_text(http, &ID, request).await;
        }
        let Some(manifest) = self.manifest(http).await? else { return Ok(None) };
        let versions = manifest.repository.get(name.as_str());
        let Some(rock) = versions.and_then(|versions| self.newest(versions)) else {
            return Ok(None);
        };
        let file = format!("{name}-{}.rockspec", rock.version);
        let text = ask_listed_text(http, &ID, Request::get(ORIGIN, &[&file], &[])).await?;
        let facts = self.facts(name, rock, &text);
        facts.map(Some).map_err(|reason| {
            let host = "rocks.example".to_owned();
            SourceError::of(&ID)(SourceErrorKind::Schema { host, reason })
        })
    }

    async fn manifest(&self, http: &dyn Http) -> Result<Option<Manifest>, SourceError> {
        #[expect(clippy::disallowed_methods, reason = "the mistake itself")]
        if self.0 == Mistake::BlocksItsThread {
            std::thread::sleep(Duration::from_millis(60));
        }
        let request = Request::get(ORIGIN, &["manifest.json"], &[]);
        let request = request.map(|it| Request { fresh_for: Duration::from_secs(3600), ..it });
        match self.0 {
            Mistake::MissingIndexIsAnAbsentPackage => ask(http, &ID, request).await,
            _ => ask_listed(http, &ID, request).await.map(Some),
        }
    }

    /// Texts that are not versions are ignored.
    fn newest(&self, versions: &BTreeMap<String, BTreeMap<String, String>>) -> Option<Rock> {
        let kind = |kinds: &BTreeMap<String, String>| {
            let is_known = |kind: &str| KINDS.contains(&kind);
            let is_any = self.0 == Mistake::KeysReachTheCommandLine;
            let mut fit = kinds.iter().filter(|(kind, _)| is_any || is_known(kind));
            fit.next().map(|(kind, sha256)| (kind.clone(), sha256.clone()))
        };
        let all = versions.iter().filter_map(|(version, kinds)| {
            let (kind, sha256) = kind(kinds)?;
            Some((Version::parse(version)?, Rock { version: version.clone(), kind, sha256 }))
        });
        let newest = match self.0 {
            Mistake::ComparesVersionsAsTexts => all.max_by_key(|(_, rock)| rock.version.clone()),
            _ => all.max_by(|(one, _), (other, _)| one.cmp(other)),
        };
        newest.map(|(_, rock)| rock)
    }

    fn facts(&self, name: &PackageName, rock: Rock, text: &str) -> Result<PackageFacts, String> {
        let depth = if self.0 == Mistake::ParsesToAnyDepth { usize::MAX } else { 32 };
        let spec = rockspec::read(text, depth)?;
        let said = spec.text("version").unwrap_or_default();
        if said != rock.version && self.0 != Mistake::VersionsReachTheCommandLine {
            return Err(format!("it is of version {:?}", one_line(said)));
        }
        let description = spec.at("description").and_then(|it| it.text("summary"));
        let description = description.unwrap_or_default();
        let homepage = spec.at("description").and_then(|it| it.text("homepage"));
        let digest = format!("sha256-{}", rock.sha256);
        let url = format!("{ORIGIN}/{name}-{}.{}.rock", rock.version, rock.kind);
        let mut artifact = Artifact::unread(vec![], url, digest);
        if self.0 == Mistake::SaysVerifiedWhatWasNotRead {
            artifact.digest_verified = Some(true);
        }
        let id = PackageId { ecosystem: ID, name: name.clone() };
        let version = said.to_owned();
        let printed = version.rsplit_once('-').map(|(printed, _)| printed.to_owned());
        Ok(PackageFacts {
            printed_version: printed,
            description: match self.0 {
                Mistake::KeepsEscapesOfDescriptions => description.replace("\\27", "\u{1b}"),
                _ => one_line(description),
            },
            homepage: homepage.filter(|url| is_homepage(url)).map(str::to_owned),
            artifacts: vec![artifact],
            plugin_data: BTreeMap::from([(KIND.to_owned(), Parameter::Text(rock.kind))]),
            ..PackageFacts::of_commands(id, version, STEP.name, &self.commands(name, &spec))
        })
    }

    fn commands(&self, name: &PackageName, spec: &rockspec::Table) -> Vec<String> {
        let install = spec.at("build").and_then(|build| build.at("install"));
        let bin = install.and_then(|install| install.at("bin"));
        let mut commands = bin.map(rockspec::Table::keys).unwrap_or_default();
        match self.0 {
            // A library says that it is one.
            Mistake::GuessesWhereNothingIsSaid
                if commands.is_empty()
                    && spec.at("build").and_then(|build| build.text("type")) == Some("command") =>
            {
                commands.push(name.to_string());
            }
            Mistake::GuessesInPlaceOfTheOnlyCommand if commands.len() == 1 => {
                commands = vec![name.to_string()];
            }
            Mistake::OrdersCommandsAtRandom => {
                let by_hash: HashSet<String> = commands.into_iter().collect();
                commands = by_hash.into_iter().collect();
            }
            _ => {}
        }
        commands
    }
}

impl NativeInstaller for Rocks {
    fn install(
        &self,
        recipe: &Recipe,
        facts: &PackageFacts,
        _: Environment,
        origins: &Origins,
    ) -> InstallPlan {
        let from = match self.0 {
            Mistake::IgnoresMirrors => ORIGIN.to_owned(),
            _ => origins.to_mirror(ORIGIN),
        };
        let from = format!("--server={from}");
        let kind = match facts.plugin_data.get(KIND) {
            Some(Parameter::Text(kind)) => kind.as_str(),
            Some(_) | None => "src",
        };
        let name = facts.id.name.as_str();
        let words = ["rocks", "install", "--tree=tree", &from, name, &facts.version, kind];
        let mut steps = vec![InstallStep::run(words, &[], true)];
        if self.0 == Mistake::RunsAShell {
            steps.push(InstallStep::run(["sh", "-c", "rocks doctor"], &[], false));
        }
        let executables = recipe.commands(STEP.name, "executables");
        if self.0 != Mistake::NeverInspects {
            steps.push(InstallStep::Inspect { dir: "tree/bin".to_owned(), executables });
        }
        InstallPlan { steps, bin_dirs: vec!["tree/bin".to_owned()] }
    }
}

#[async_trait]
impl Seeder for Rocks {
    fn sources(&self) -> &'static [Source] {
        match self.0 {
            Mistake::EstimatesNoRequestsPerCandidate => {
                const { &[Source::file("names", &[NAMES], 4, &[])] }
            }
            _ => const { &[Source::file("names", &[NAMES], 4, &[ORIGIN])] },
        }
    }

    async fn read<'a>(&self, wanted: PageRequest<'a>) -> Result<Listing<'a>, SourceError> {
        let request = Request::get(wanted.source.url, &[], &[]);
        let names = match self.0 {
            Mistake::MissingListIsAnEmptyList => {
                ask_text(wanted.http, &ID, request).await?.unwrap_or_default()
            }
            Mistake::SwallowsFailuresOfTheList => {
                ask_listed_text(wanted.http, &ID, request).await.unwrap_or_default()
            }
            _ => ask_listed_text(wanted.http, &ID, request).await?,
        };
        let names: Vec<String> = names.lines().map(str::to_owned).collect();
        let rows = names.into_iter().map(move |name| wanted.candidate(&name));
        Ok(match self.0 {
            // A page of the registry, which was not asked for the wanted number.
            Mistake::IgnoresTheLimitOfAPage => Listing::page(rows, None),
            _ => Listing::whole(rows),
        })
    }
}
