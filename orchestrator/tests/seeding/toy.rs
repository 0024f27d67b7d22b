//! An ecosystem with two lists, and a registry whose answers the test defines.

use std::{
    collections::{BTreeMap, BTreeSet},
    num::NonZeroU32,
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use batch_core::{
    decide::seeding::{Merged, Merging, TrustedSize, Walk, merge, record},
    io::{Clock as _, Http, PoliteConfig, PoliteHttp, Request, json},
    model::{
        EcosystemId, Evidence, Finding, InvalidId, PackageFacts, PackageId, PackageName, Purpose,
        Quota, Recipe, RecipeName, SCHEMA_VERSION, SeedStart, SeedVerdict, SeedingRecord,
        SourceRun, Threshold,
    },
    plugin::{
        EcosystemPlugin, FailureClassifier, Listing, Missing, Names, PageRequest, RateLimit,
        RecipeBuilder, Seeder, Shape, Source, SourceError,
    },
};
use batch_sim::{Answer, SentRequest, SimClock, SimTransport};
use orchestrator::stage::seed::{FactLog, Progress, SeedContext, visit};
use serde::Deserialize;
use tokio_util::sync::CancellationToken;

struct Toy;

const ID: EcosystemId = EcosystemId::from_static("toy");
const ORIGIN: &str = "https://toy.example";

static PLUGIN: EcosystemPlugin = EcosystemPlugin {
    id: ID,
    rotation_rank: 0,
    aliases: &[],
    display_name: "Toy",
    toolchain: None,
    local_os: None,
    seeder: Some(&Toy),
    rate_limit: &Toy,
    classifier: &Toy,
    recipe_builder: Some(&Toy),
    installer: None,
    recipe_actions: &[],
    names: &Toy,
};

#[derive(Deserialize)]
struct Listed {
    names: Vec<String>,
    next: Option<String>,
    total: Option<usize>,
}

#[derive(Deserialize)]
struct ScriptedTotals {
    commands: Vec<String>,
}

const fn list(name: &'static str, url: &'static str) -> Source {
    Source {
        name,
        url,
        max_age: Duration::from_secs(86_400),
        shape: Shape::Pages(100),
        about: 5_000,
        per_candidate: &["https://toy.example/p/"],
    }
}

fn source_error(kind: impl Into<batch_core::plugin::SourceErrorKind>) -> SourceError {
    SourceError { ecosystem: ID, kind: kind.into() }
}

#[async_trait]
impl Seeder for Toy {
    fn sources(&self) -> &'static [Source] {
        const { &[list("list", "https://toy.example/list"), list("more", "https://toy.example/more")] }
    }

    fn popular(&self) -> Option<Threshold> {
        None
    }

    async fn read<'a>(&self, wanted: PageRequest<'a>) -> Result<Listing<'a>, SourceError> {
        let query = [("page", wanted.cursor.unwrap_or("0"))];
        let request = Request::get(ORIGIN, &[wanted.source.name], &query);
        let listed = wanted.ask_json::<Listed>(request, "list").await?.content;
        let rows = listed.names.into_iter().map(move |name| wanted.candidate(&name));
        Ok(Listing::page(rows, listed.next).of_total(listed.total))
    }
}

#[async_trait]
impl RecipeBuilder for Toy {
    async fn inspect(
        &self,
        http: &dyn Http,
        name: &PackageName,
    ) -> Result<Option<PackageFacts>, SourceError> {
        let request = Request::get(ORIGIN, &["p", name.as_str()], &[]).map_err(source_error)?;
        let told: Option<ScriptedTotals> = json(http, request).await.map_err(source_error)?;
        let id = PackageId { ecosystem: ID, name: name.clone() };
        let facts = |told: ScriptedTotals| {
            PackageFacts::of_commands(id, "1.0".to_owned(), "toy", &told.commands)
        };
        Ok(told.map(facts))
    }

    fn build(&self, _: &PackageFacts) -> Result<Recipe, Missing> {
        unreachable!("a seeding builds nothing")
    }

    fn recipe_name(&self, _: &PackageFacts) -> RecipeName {
        unreachable!("a seeding builds nothing")
    }
}

impl RateLimit for Toy {
    fn quotas(&self) -> &'static [Quota] {
        const fn quota(path_prefix: &'static str, max_per_run: Option<u32>) -> Quota {
            Quota {
                host: "toy.example",
                path_prefix,
                period: Duration::from_secs(1),
                burst: NonZeroU32::MIN,
                concurrency: NonZeroU32::MIN.saturating_add(7),
                max_per_run,
                retry_floor: Duration::from_secs(60),
                purpose: Purpose::Building,
            }
        }
        const { &[quota("/", None), quota("/list", Some(60))] }
    }
}

impl FailureClassifier for Toy {
    fn classify(&self, _: &Evidence) -> Option<Finding> {
        None
    }
}

impl Names for Toy {
    fn normalise(&self, spelling: &str) -> Result<PackageName, InvalidId> {
        spelling.to_lowercase().parse()
    }
}

/// The values that a test checks.
pub(crate) struct Ended {
    pub(crate) merged: Merged,
    pub(crate) record: SeedingRecord,
    pub(crate) sent: Vec<SentRequest>,
    pub(crate) took: Duration,
}

/// The start of a seeding.
#[derive(Default, Clone)]
pub(crate) struct Begin {
    pub(crate) left: Vec<SourceRun>,
    pub(crate) expected: Option<usize>,
    /// Whether the second list is read too.
    pub(crate) both: bool,
}

/// Seeds from a registry that answers by `answer`, on the virtual clock.
pub(crate) fn seed(
    begin: &Begin,
    answer: impl Fn(&str, usize) -> Answer + Send + Sync + 'static,
) -> Ended {
    let clock = SimClock::default();
    let n_asked = std::sync::atomic::AtomicUsize::new(0);
    let transport = SimTransport::new(clock.clone(), Duration::from_millis(120), move |request| {
        let n = n_asked.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let query = request.url.query().map(|query| format!("?{query}")).unwrap_or_default();
        answer(&format!("{}{query}", request.url.path()), n)
    });
    let transport = Arc::new(transport);
    let cache = tempfile::tempdir().unwrap();
    let quotas = Toy.quotas().iter().copied();
    let mut config =
        PoliteConfig::new(Arc::new(clock.clone()), transport.clone(), quotas, cache.path());
    config.jitter = fastrand::Rng::with_seed(7);
    let http = PoliteHttp::new(config);
    let start = SeedStart {
        schema_version: SCHEMA_VERSION,
        ecosystem: ID,
        started_at: clock.now(),
        limit: None,
        left: begin.left.clone(),
    };
    let identity = |name: &PackageName| name.to_string();
    let known = |_: &PackageId| -> Option<SeedVerdict> { None };
    let trusted_size = TrustedSize { total: begin.expected, size: None };
    let lists = [("list", trusted_size), ("more", TrustedSize::default())];
    let n_lists = 1 + usize::from(begin.both);
    let mut walk = Walk::new(start, &lists[..n_lists], &identity, &known);
    let progress = Progress::silent();
    let notes = FactLog { journal: None, progress: &progress };
    let cancel = CancellationToken::new();
    let seed_context = SeedContext { plugin: &PLUGIN, seeder: &Toy, http: &http };
    clock.run(visit(&mut walk, seed_context, notes, &cancel)).unwrap();
    let merging = Merging {
        curated: &BTreeMap::new(),
        threshold: None,
        identity: &identity,
        started_at: walk.started_at(),
    };
    let merged = merge(BTreeMap::new(), &BTreeSet::new(), &walk, &merging);
    let record = record(&walk, &merged, clock.now(), http.usage());
    Ended { merged, record, sent: transport.sent(), took: clock.monotonic() }
}

/// A page of the list: names `from..from + n`.
pub(crate) fn page(from: usize, n: usize, next: Option<usize>) -> &'static str {
    let names: Vec<String> = (from..from + n).map(|i| format!("\"tool-{i}\"")).collect();
    let next = next.map_or("null".to_owned(), |next| format!("\"{next}\""));
    Box::leak(format!(r#"{{"names":[{}],"next":{next}}}"#, names.join(",")).into_boxed_str())
}

/// The list with `n_pages` pages of `of` names; each package has a command.
pub(crate) fn ordinary_answer(path: &str, n_pages: usize, of: usize) -> Answer {
    match path.strip_prefix("/list?page=") {
        Some(at) => {
            let at: usize = at.parse().unwrap();
            (200, &[], page(at * of, of, Some(at + 1).filter(|next| *next < n_pages)))
        }
        None => (200, &[], r#"{"commands":["x"]}"#),
    }
}
