//! A small ecosystem that keeps to the contract, and every way in which it can be made to break it.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    num::NonZeroU32,
    time::Duration,
};

use async_trait::async_trait;
use batch_core::{
    decide::recipe::{is_homepage, one_line},
    io::{Http, Origins, Request, archive::verify_digest, json},
    model::{
        Access, Action, ActionShape, Artifact, CommandName, EcosystemId, Environment, Evidence,
        Executables, ExecutablesFrom, FailureKind, Finding, InstallPlan, InstallStep, InvalidId,
        Metadata, PackageFacts, PackageId, PackageKind, PackageName, Parameter, Purpose, Quota,
        Recipe, RecipeName, RecipeStep, Threshold, Verify,
    },
    plugin::{
        EcosystemPlugin, FailureClassifier, Listing, Missing, Names, NativeInstaller, PageRequest,
        RateLimit, RecipeBuilder, Seeder, Shape, Source, SourceError, SourceErrorKind, Spelling,
        ask_listed,
    },
};
use serde::Deserialize;

pub(crate) const ID: EcosystemId = EcosystemId::from_static("zoo");
const REGISTRY: &str = "https://zoo.example";
const FILES: &str = "https://files.zoo.example";
const STEP: ActionShape = ActionShape::of_commands("zoo_install");

/// What is wrong with a zoo.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bug {
    None,
    AliasIsNoWord,
    AliasIsTaken,
    AliasIsReserved,
    RankIsTaken,
    LastRankIsTaken,
    StepIsGeneric,
    StepIsTaken,
    QuotaWithoutPeriod,
    QuotaOtherThanTheNeighbours,
    HostUndeclared,
    HostUndeclaredOnlyAfterOddAnswers,
    HostileNamesAreMended,
    NamesGrow,
    AllNamesAreOne,
    IdentityIsRandom,
    FactsAreOfAnother,
    ClassifierSlicesCharacters,
    ClassifierScansAgainAndAgain,
    ClassifierRemembers,
    ClassifierUnwrapsTheExitCode,
    ClassifierRescansForEachErrorLine,
    ReasonSlicesCharacters,
    ReasonExpectsOneKind,
    ReasonScansAgainAndAgain,
    RecipeIsAnother,
    FactsKeepLineBreaks,
    MapOrder,
    HomepageIsInsecure,
    OneExecutableIsLost,
    ExecutablesAreGuessed,
    ExecutableIsInvented,
    RecipeNameIsAnother,
    RecipeNameHasTheVersion,
    PlanRunsAShell,
    PlanRunsALine,
    PlanNamesTheMachine,
    PlanLeavesItsFolder,
    PlanAsksAStranger,
    PlanHasTheNetworkForNothing,
    PlanIgnoresMirrors,
    PlanInMapOrder,
    PlanNeverLooks,
    PlanLooksForNothing,
    PlanLooksForHalf,
    PlanLooksFirst,
    PlanLooksElsewhere,
    PlanHasNoPath,
    PlanFetchesUndigested,
    PlanFetchesFromUndeclaredHost,
    PlanRunsALauncher,
    PlanInterpretsAText,
    PlanHasAFlagOfTheMachine,
    SourceUndeclared,
    SourceFileUndeclared,
    SourceOfCandidatesUndeclared,
    SourcesOfOneName,
    SeederWithoutSources,
    SeederPanics,
    SeederPanicsOnNames,
    SeederPanicsOnOddCursors,
    SeederIgnoresTheLimit,
    SeederNeverEnds,
    SeederRepeats,
    SeederInMapOrder,
    SeederKeepsSpellings,
    SeederNamesANeighbour,
    SeederAsksAStrangerLater,
    SeederSwallowsFailures,
    ErrorsAreAbsence,
    NothingLimitsAnAnswer,
    MissingFieldsPanic,
    DeepFieldsPanic,
    ListsPanic,
    ShapesAreAbsence,
    GuessesWhereNothingIsSaid,
    EverythingIsALibrary,
    ArchiveIsNotCompared,
}

pub(crate) struct Zoo(pub(crate) Bug);

/// A zoo with `bug`, which lives as long as the test.
pub(crate) fn plugin(bug: Bug) -> &'static EcosystemPlugin {
    let zoo: &'static Zoo = Box::leak(Box::new(Zoo(bug)));
    let aliases: &[&str] = match bug {
        Bug::AliasIsNoWord => &["The Zoo"],
        Bug::AliasIsReserved => &["auto"],
        Bug::AliasIsTaken => &["menagerie", "aquarium"],
        _ => &["menagerie"],
    };
    Box::leak(Box::new(EcosystemPlugin {
        id: ID,
        rotation_rank: match bug {
            Bug::RankIsTaken => 2,
            Bug::LastRankIsTaken => u16::MAX,
            _ => 1,
        },
        aliases,
        display_name: "Zoo",
        toolchain: None,
        local_os: None,
        seeder: Some(zoo),
        rate_limit: zoo,
        classifier: zoo,
        recipe_builder: Some(zoo),
        installer: Some(zoo),
        recipe_actions: match bug {
            Bug::StepIsGeneric => const { &[ActionShape::of_commands("apt_install")] },
            Bug::StepIsTaken => const { &[ActionShape::of_commands("aquarium_install")] },
            _ => &[STEP],
        },
        names: zoo,
    }))
}

/// Another ecosystem of the program; it asks the same files, and has nothing else yet.
pub(crate) fn neighbour() -> &'static EcosystemPlugin {
    let (id, zoo) = (EcosystemId::from_static("aquarium"), plugin(Bug::None));
    Box::leak(Box::new(EcosystemPlugin {
        id,
        rotation_rank: 2,
        aliases: &[],
        recipe_actions: const { &[ActionShape::of_commands("aquarium_install")] },
        seeder: None,
        recipe_builder: None,
        installer: None,
        ..*zoo
    }))
}

const fn quota(host: &'static str, path_prefix: &'static str, millis: u64) -> Quota {
    Quota {
        host,
        path_prefix,
        period: Duration::from_millis(millis),
        burst: NonZeroU32::MIN,
        concurrency: NonZeroU32::MIN,
        max_per_run: None,
        retry_floor: Duration::from_secs(60),
        purpose: Purpose::Building,
    }
}

impl RateLimit for Zoo {
    fn quotas(&self) -> &'static [Quota] {
        const FILES: Quota = quota("files.zoo.example", "/", 1000);
        const PACKAGES: Quota = quota("zoo.example", "/packages/", 1000);
        match self.0 {
            Bug::QuotaWithoutPeriod => const { &[PACKAGES, quota("files.zoo.example", "/", 0)] },
            Bug::QuotaOtherThanTheNeighbours => {
                const { &[PACKAGES, quota("files.zoo.example", "/", 500)] }
            }
            _ => &[PACKAGES, FILES],
        }
    }
}

impl Names for Zoo {
    fn normalise(&self, spelling: &str) -> Result<PackageName, InvalidId> {
        const SPELLING: Spelling = Spelling {
            what: "animal",
            longest: 40,
            punctuation: "-",
            begins: ("it begins with no letter", |c| c.is_ascii_alphabetic()),
            ends: ("it ends with a hyphen", |c| c != '-'),
        };
        let spelling = match self.0 {
            Bug::HostileNamesAreMended => &spelling.replace([' ', '%', '?'], "-"),
            Bug::NamesGrow if spelling.len() < 20 => &format!("{spelling}x"),
            _ => spelling,
        };
        SPELLING.read(&spelling.to_ascii_lowercase())
    }

    fn identity(&self, name: &PackageName) -> String {
        use std::sync::atomic::{AtomicU32, Ordering};
        static N_ASKED: AtomicU32 = AtomicU32::new(0);
        match self.0 {
            Bug::AllNamesAreOne => String::new(),
            Bug::IdentityIsRandom => format!("{name}{}", N_ASKED.fetch_add(1, Ordering::Relaxed)),
            _ => name.as_str().replace('-', ""),
        }
    }
}

impl FailureClassifier for Zoo {
    fn classify(&self, evidence: &Evidence) -> Option<Finding> {
        use std::sync::atomic::{AtomicBool, Ordering};
        static HAS_SEEN: AtomicBool = AtomicBool::new(false);
        let text = &evidence.text;
        match self.0 {
            Bug::ClassifierSlicesCharacters if text.len() > 4 => {
                let _ = &text[..4];
            }
            Bug::ClassifierScansAgainAndAgain => {
                let is_found = n_with_rest_of_seven(text.as_bytes()) > 7;
                return is_found.then(|| Finding::stated(FailureKind::Timeout));
            }
            Bug::ClassifierUnwrapsTheExitCode => {
                let code = evidence.exit_code.expect("it ended with a code");
                if code == 3 {
                    return Some(Finding::stated(FailureKind::Timeout));
                }
            }
            Bug::ClassifierRescansForEachErrorLine => {
                let errors = text.lines().filter(|line| line.starts_with("error: "));
                let n = errors.filter(|line| text.contains(&format!("{line} again"))).count();
                return (7 < n).then(|| Finding::stated(FailureKind::Timeout));
            }
            Bug::ClassifierRemembers if HAS_SEEN.fetch_xor(true, Ordering::Relaxed) => {
                return Some(Finding::stated(FailureKind::Timeout));
            }
            _ => {}
        }
        let is_closed = text.lines().any(|line| line.trim_end() == "error: the zoo is closed");
        is_closed.then(|| Finding::stated(FailureKind::UpstreamUnavailable))
    }

    fn reason(&self, kind: FailureKind, message: &str) -> Option<String> {
        match self.0 {
            Bug::ReasonSlicesCharacters if 4 < message.len() => Some(message[..4].to_owned()),
            Bug::ReasonExpectsOneKind => {
                assert_eq!(kind, FailureKind::InstallFailed, "only installations fail");
                None
            }
            Bug::ReasonScansAgainAndAgain => {
                (7 < n_with_rest_of_seven(message.as_bytes())).then(String::new)
            }
            _ => None,
        }
    }
}

/// Reads at each place what follows, again and again; of that only every 128th byte, which is
/// slow enough to be noticed and takes a test less time.
fn n_with_rest_of_seven(bytes: &[u8]) -> usize {
    let rest = |at: &usize| bytes[*at..].iter().step_by(128).fold(0, |n, byte| n ^ byte);
    (0..bytes.len()).filter(|at| rest(at) == 7).count()
}

#[derive(Deserialize)]
struct Animal {
    version: String,
    #[serde(default)]
    summary: String,
    homepage: Option<String>,
    commands: BTreeMap<String, String>,
    sha256: String,
}

impl Animal {
    /// A registry whose words are taken on trust.
    fn trusted(value: &serde_json::Value, name: &PackageName, bug: Bug) -> Option<Self> {
        let read = Self::deserialize(value);
        match bug {
            Bug::DeepFieldsPanic => {
                let day = value.pointer("/keeper/of/the/day");
                day.map(|day| day.as_str().expect("a day has a name"));
                read.ok()
            }
            Bug::GuessesWhereNothingIsSaid if value.get("version").is_some() => {
                let mut value = value.clone();
                let guess = serde_json::json!({ name.as_str(): "bin" });
                value.as_object_mut()?.entry("commands").or_insert(guess);
                Self::deserialize(value).ok()
            }
            Bug::ShapesAreAbsence | Bug::GuessesWhereNothingIsSaid => read.ok(),
            _ => Some(read.expect("it says what it is")),
        }
    }
}

fn error(kind: impl Into<SourceErrorKind>) -> SourceError {
    SourceError { ecosystem: ID, kind: kind.into() }
}

#[async_trait]
impl RecipeBuilder for Zoo {
    async fn inspect(
        &self,
        http: &dyn Http,
        name: &PackageName,
    ) -> Result<Option<PackageFacts>, SourceError> {
        let found = self.look(http, name).await;
        if self.0 == Bug::ErrorsAreAbsence { Ok(found.unwrap_or_default()) } else { found }
    }

    fn build(&self, facts: &PackageFacts) -> Result<Recipe, Missing> {
        let guess = [facts.id.name.as_str().parse().expect("animals are commands")];
        let names: &[CommandName] = match &facts.executables {
            Executables::Known(names) => names,
            Executables::Unknown(_) if self.0 == Bug::ExecutablesAreGuessed => &guess,
            Executables::Unknown(_) => facts.commands()?,
        };
        let Some(first) = names.first() else {
            let reason = "it has no command".to_owned();
            return Err(Missing::new(FailureKind::LibraryOnly, reason));
        };
        let homepage = facts.homepage.clone().unwrap_or_default();
        let metadata = Metadata {
            name: facts.id.name.to_string(),
            description: match self.0 {
                Bug::RecipeIsAnother => "Another".to_owned(),
                _ => facts.description.clone(),
            },
            homepage: match self.0 {
                Bug::HomepageIsInsecure => homepage.replace("https", "http"),
                _ => homepage,
            },
            llm_validation: "skipped".to_owned(),
            ..Metadata::default()
        };
        let verify = Verify {
            command: format!("{first} --version"),
            pattern: "{version}".to_owned(),
            ..Verify::default()
        };
        let steps = vec![RecipeStep::from(&facts.install)];
        Ok(Recipe { metadata, version: None, steps, verify: Some(verify) })
    }

    fn recipe_name(&self, facts: &PackageFacts) -> RecipeName {
        let name = facts.id.name.as_str();
        RecipeName::nearest(&match self.0 {
            Bug::RecipeNameIsAnother => format!("zoo-{name}"),
            Bug::RecipeNameHasTheVersion => format!("{name}-{}", facts.version),
            _ => name.to_owned(),
        })
    }
}

impl Zoo {
    async fn look(
        &self,
        http: &dyn Http,
        name: &PackageName,
    ) -> Result<Option<PackageFacts>, SourceError> {
        if self.0 == Bug::HostUndeclared {
            let request = Request::get("https://tracker.example", &[], &[]).map_err(error)?;
            let _ = http.send(request).await;
        }
        let request = Request::get(REGISTRY, &["packages", name.as_str()], &[]).map_err(error)?;
        let max_bytes = if self.0 == Bug::NothingLimitsAnAnswer { 310 << 20 } else { 1 << 20 };
        let request = Request { max_bytes, ..request };
        let animal = match self.0 {
            Bug::MissingFieldsPanic
            | Bug::DeepFieldsPanic
            | Bug::ShapesAreAbsence
            | Bug::GuessesWhereNothingIsSaid => {
                let value: Option<serde_json::Value> = json(http, request).await.map_err(error)?;
                value.and_then(|value| Animal::trusted(&value, name, self.0))
            }
            _ => json::<Animal>(http, request).await.map_err(error)?,
        };
        let Some(animal) = animal else {
            if self.0 == Bug::HostUndeclaredOnlyAfterOddAnswers {
                let path = ["search", name.as_str()];
                let request = Request::get(REGISTRY, &path, &[]).map_err(error)?;
                let _ = http.send(request).await;
            }
            return Ok(None);
        };
        let file = format!("{name}-{}.tar.gz", animal.version);
        let request = Request::get(FILES, &[&file], &[]).map_err(error)?;
        let (url, digest) = (request.url.to_string(), format!("sha256-{}", animal.sha256));
        let archive = http.fetch_to_cache(request).await.map_err(error)?;
        if self.0 != Bug::ArchiveIsNotCompared {
            verify_digest(&archive, &digest).map_err(error)?;
        }
        let artifact = Artifact { cells: vec![], url, digest, digest_verified: Some(true) };
        let notes = self.tags(http, name).await?;
        Ok(Some(PackageFacts { notes, ..self.facts(name, animal, artifact) }))
    }

    /// A list, in an answer of its own.
    async fn tags(&self, http: &dyn Http, name: &PackageName) -> Result<Vec<String>, SourceError> {
        let path = ["packages", name.as_str(), "tags"];
        let request = Request::get(REGISTRY, &path, &[]).map_err(error)?;
        let tags: Option<Vec<String>> = match self.0 {
            Bug::ListsPanic => {
                let value: Option<serde_json::Value> = json(http, request).await.map_err(error)?;
                value.map(|value| serde_json::from_value(value).expect("tags are words"))
            }
            _ => json(http, request).await.map_err(error)?,
        };
        Ok(tags.unwrap_or_default().iter().map(|tag| one_line(tag)).collect())
    }

    fn facts(&self, name: &PackageName, animal: Animal, artifact: Artifact) -> PackageFacts {
        let mut names: Vec<Result<CommandName, _>> =
            animal.commands.keys().map(|name| name.parse()).collect();
        if self.0 == Bug::MapOrder {
            let by_hash: HashMap<_, _> =
                names.into_iter().map(|it| (format!("{it:?}"), it)).collect();
            names = by_hash.into_values().collect();
        }
        if self.0 == Bug::ExecutableIsInvented {
            names.push("zoo-keeper".parse());
        }
        let executables = match names.into_iter().collect::<Result<_, InvalidId>>() {
            Ok(names) => Executables::Known(names),
            Err(error) => Executables::unknown(FailureKind::UnsafeName, error.to_string()),
        };
        let known: Vec<String> = match &executables {
            Executables::Known(names) => names.iter().map(ToString::to_string).collect(),
            Executables::Unknown(_) => vec![],
        };
        let n_lost = usize::from(self.0 == Bug::OneExecutableIsLost);
        let is_library = known.is_empty();
        let parameters = BTreeMap::from([
            ("package".to_owned(), Parameter::Text(name.to_string())),
            ("executables".to_owned(), Parameter::List(known.into_iter().skip(n_lost).collect())),
        ]);
        let clean = one_line(&animal.summary);
        let stated = if clean.is_empty() { "An animal".to_owned() } else { clean };
        let of = match self.0 {
            Bug::FactsAreOfAnother => "lion".parse().expect("a lion is an animal"),
            _ => name.clone(),
        };
        PackageFacts {
            id: PackageId { ecosystem: ID, name: of },
            version: one_line(&animal.version),
            printed_version: None,
            executables_from: ExecutablesFrom::Registry,
            plugin_data: BTreeMap::new(),
            executables,
            description: match self.0 {
                Bug::FactsKeepLineBreaks => format!("{stated}\n\u{1b}[1m"),
                _ => stated,
            },
            homepage: animal.homepage.filter(|url| is_homepage(url)),
            kind: if is_library || self.0 == Bug::EverythingIsALibrary {
                PackageKind::Library
            } else {
                PackageKind::Tool
            },
            runtime_dependencies: vec![],
            platforms: vec![],
            artifacts: vec![artifact],
            install: Action { name: STEP.name.to_owned(), parameters },
            notes: vec![],
        }
    }
}

fn run(words: &[&str], network: bool) -> InstallStep {
    let argv = words.iter().map(|&word| word.to_owned()).collect();
    InstallStep::Run { argv, env: BTreeMap::new(), network }
}

impl NativeInstaller for Zoo {
    fn install(
        &self,
        recipe: &Recipe,
        facts: &PackageFacts,
        _: Environment,
        origins: &Origins,
    ) -> InstallPlan {
        let from = match self.0 {
            Bug::PlanIgnoresMirrors => REGISTRY.to_owned(),
            Bug::PlanAsksAStranger => "https://cdn.example".to_owned(),
            _ => origins.to_mirror(REGISTRY),
        };
        let name = facts.id.name.as_str();
        let line = format!("zoo install {name}");
        let mut steps = vec![run(&["zoo", "install", "--from", &from, "--to", "out", name], true)];
        match self.0 {
            Bug::PlanRunsAShell => steps.push(run(&["/bin/sh", "-c", &line], false)),
            Bug::PlanRunsALine => steps.push(run(&[&line], false)),
            Bug::PlanNamesTheMachine => steps.push(run(&["zoo", "--log=/home/keeper/log"], false)),
            Bug::PlanLeavesItsFolder => steps.push(run(&["zoo", "--log=../../log"], false)),
            Bug::PlanHasTheNetworkForNothing => steps.push(run(&["zoo", "sweep"], true)),
            Bug::PlanRunsALauncher => {
                steps.push(run(&["timeout", "60", "bash", "-lc", &line], false));
            }
            Bug::PlanInterpretsAText => steps.push(run(&["perl", "-E", "say"], false)),
            Bug::PlanHasAFlagOfTheMachine => steps.push(run(&["zoo", "-I/opt/cage"], false)),
            Bug::PlanFetchesUndigested => {
                let artifact = facts.artifacts[0].clone();
                steps.push(fetch(artifact.url, String::new()));
            }
            Bug::PlanFetchesFromUndeclaredHost => {
                let digest = facts.artifacts[0].digest.clone();
                steps.push(fetch("https://cdn.example/feeder".to_owned(), digest));
            }
            Bug::PlanInMapOrder => {
                let words: HashMap<String, ()> = (0..40).map(|n| (n.to_string(), ())).collect();
                steps.push(run(&words.keys().map(String::as_str).collect::<Vec<_>>(), false));
            }
            _ => {}
        }
        self.inspect_at_the_end(recipe, &mut steps);
        let bin_dirs = match self.0 {
            Bug::PlanLooksElsewhere => vec!["out/sbin".to_owned()],
            Bug::PlanHasNoPath => vec![],
            _ => vec!["out/bin".to_owned()],
        };
        InstallPlan { steps, bin_dirs }
    }
}

impl Zoo {
    fn inspect_at_the_end(&self, recipe: &Recipe, steps: &mut Vec<InstallStep>) {
        let dir = "out/bin".to_owned();
        let mut executables = recipe.commands(STEP.name, "executables");
        match self.0 {
            Bug::PlanLooksForNothing => executables.clear(),
            Bug::PlanLooksForHalf => executables.truncate(executables.len() / 2),
            _ => {}
        }
        match self.0 {
            Bug::PlanNeverLooks => {}
            Bug::PlanHasNoPath => {
                let paths = executables.iter().map(ToString::to_string).collect();
                steps.push(InstallStep::Present { within: dir, paths });
            }
            Bug::PlanLooksFirst => steps.insert(0, InstallStep::Inspect { dir, executables }),
            _ => steps.push(InstallStep::Inspect { dir, executables }),
        }
    }
}

/// A file that lies at `url`.
fn fetch(url: String, digest: String) -> InstallStep {
    let artifact = Artifact::unread(vec![], url, digest);
    InstallStep::Fetch { artifact, access: Access::Open, to: "out/file".to_owned() }
}

const LIST: &str = "https://zoo.example/packages/";

#[async_trait]
impl Seeder for Zoo {
    fn sources(&self) -> &'static [Source] {
        const fn list(url: &'static str) -> Source {
            Source {
                name: "list",
                url,
                max_age: Duration::from_secs(86_400),
                shape: Shape::Pages(100),
                about: 100,
                // The package, its tags and its archive.
                per_candidate: &[LIST, LIST, FILES],
            }
        }
        const STRANGE: &str = "https://zoo.example/popular";
        const TWO: Source = Source { shape: Shape::Files(&[LIST, STRANGE]), ..list(LIST) };
        const LOOKED_UP: Source = Source { per_candidate: &[LIST, FILES, STRANGE], ..list(LIST) };
        match self.0 {
            Bug::SourceUndeclared => const { &[list(STRANGE)] },
            Bug::SourceFileUndeclared => const { &[TWO] },
            Bug::SourceOfCandidatesUndeclared => const { &[LOOKED_UP] },
            Bug::SourcesOfOneName => const { &[list(LIST), list(LIST)] },
            Bug::SeederWithoutSources => &[],
            _ => const { &[list(LIST)] },
        }
    }

    fn popular(&self) -> Option<Threshold> {
        None
    }

    async fn read<'a>(&self, wanted: PageRequest<'a>) -> Result<Listing<'a>, SourceError> {
        if self.0 == Bug::SeederAsksAStrangerLater && wanted.cursor.is_some() {
            let request = Request::get("https://tracker.example", &[], &[]).map_err(error)?;
            let _ = wanted.http.send(request).await;
        }
        match self.list(wanted).await {
            Err(_) if self.0 == Bug::SeederSwallowsFailures => Ok(Listing::whole([])),
            listing => listing,
        }
    }
}

#[derive(Deserialize)]
struct Listed {
    names: Vec<String>,
}

impl Zoo {
    async fn list<'a>(&self, wanted: PageRequest<'a>) -> Result<Listing<'a>, SourceError> {
        let request = Request::get(LIST, &[], &[]);
        let mut names = if self.0 == Bug::SeederPanics {
            let list = wanted.ask_json::<serde_json::Value>(request, "list").await?.content;
            let names = list.get("names").cloned();
            serde_json::from_value(names.expect("there are names")).unwrap_or_default()
        } else {
            ask_listed::<Listed>(wanted.http, &ID, request).await?.names
        };
        let place = wanted.cursor.map(str::parse::<usize>);
        match self.0 {
            Bug::SeederPanicsOnNames if !names.is_empty() => panic!("on {names:?}"),
            Bug::SeederPanicsOnOddCursors => {
                let place = place.clone().map(|it| it.expect("a cursor is a place"));
                assert!(place != Some(usize::MAX), "no list is so long");
            }
            Bug::SeederInMapOrder => {
                names = names.into_iter().collect::<HashSet<_>>().into_iter().collect();
            }
            _ => {}
        }
        let bug = self.0;
        let rows = names.into_iter().map(move |name| {
            let mut candidate = wanted.candidate(&name)?;
            match bug {
                Bug::SeederKeepsSpellings => {
                    let name = candidate.id.name.to_string().to_uppercase();
                    candidate.id.name = name.parse().expect("a name in capitals is one");
                }
                Bug::SeederNamesANeighbour => {
                    candidate.id.ecosystem = EcosystemId::from_static("aquarium");
                }
                _ => {}
            }
            Ok(candidate)
        });
        let start = place.and_then(Result::ok).unwrap_or(0);
        Ok(match bug {
            Bug::SeederNeverEnds => Listing::page(rows, Some("0".to_owned())),
            Bug::SeederIgnoresTheLimit => Listing::page(rows, None),
            // The second page begins with the last row of the first one.
            Bug::SeederRepeats => {
                let start = start.saturating_sub(1).max(usize::from(0 < start));
                Listing::fixed_page(rows, start, |rank| rank.to_string(), None)
            }
            _ => Listing::whole(rows),
        })
    }
}
