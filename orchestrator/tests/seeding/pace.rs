//! Each ecosystem's whole seeding at the declared limits, on the virtual clock: from the first
//! request to the last, only a quota limits the speed.

mod network;
mod registries;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use batch_core::{
    decide::seeding::{Identity, Known, Merging, TrustedSize, Walk, merge, record},
    io::{Clock as _, PoliteConfig, PoliteHttp, Request},
    model::{
        EcosystemId, PackageId, PackageName, Quota, SCHEMA_VERSION, SeedOutcome, SeedStart,
        SeedVerdict, SeedingRecord,
    },
    plugin::{EcosystemPlugin, Shape},
};
use batch_sim::{SentRequest, SimClock};
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use orchestrator::{
    plugins,
    stage::seed::{FactLog, Progress, SeedContext, cost, visit},
};
use tokio_util::sync::CancellationToken;

use self::{
    network::{Answer, Network},
    registries::{N, answer},
};

/// The result of seedings that ran at the same time.
struct Ended {
    records: BTreeMap<EcosystemId, SeedingRecord>,
    /// The number of tools found.
    n_tools: BTreeMap<EcosystemId, usize>,
    sent: Vec<SentRequest>,
}

fn plugin(id: &str) -> &'static EcosystemPlugin {
    plugins::registry().unwrap().resolve(id).unwrap()
}

/// Seeds the ecosystems `ids` at the same time with one client, from registries that answer by
/// `script`.
fn seed(ids: &[&str], script: impl Fn(&Request) -> Answer + Send + Sync + 'static) -> Ended {
    let clock = SimClock::default();
    let network = Arc::new(Network::new(clock.clone(), script));
    let cache = tempfile::tempdir().unwrap();
    let quotas: Vec<Quota> = plugins::registry().unwrap().quotas().collect();
    let mut config =
        PoliteConfig::new(Arc::new(clock.clone()), network.clone(), quotas, cache.path());
    config.jitter = fastrand::Rng::with_seed(7);
    let http = PoliteHttp::new(config);
    let seedings: FuturesUnordered<_> =
        ids.iter().map(|id| one(plugin(id), &http, &clock)).collect();
    let (mut records, mut n_tools) = (BTreeMap::new(), BTreeMap::new());
    for (record, n) in clock.run(seedings.collect::<Vec<_>>()) {
        n_tools.insert(record.ecosystem.clone(), n);
        records.insert(record.ecosystem.clone(), record);
    }
    Ended { records, n_tools, sent: network.sent() }
}

/// One complete seeding without files; also returns the number of tools found.
async fn one(
    plugin: &'static EcosystemPlugin,
    http: &PoliteHttp,
    clock: &SimClock,
) -> (SeedingRecord, usize) {
    let seeder = plugin.seeder.unwrap();
    let start = SeedStart {
        schema_version: SCHEMA_VERSION,
        ecosystem: plugin.id.clone(),
        started_at: clock.now(),
        limit: None,
        left: vec![],
    };
    let identity: Identity<'_> = &|name: &PackageName| plugin.names.identity(name);
    let known: Known<'_> = &|_: &PackageId| None;
    let sources: Vec<_> =
        seeder.sources().iter().map(|source| (source.name, TrustedSize::default())).collect();
    let mut walk = Walk::new(start, &sources, identity, known);
    let progress = Progress::silent();
    let notes = FactLog { journal: None, progress: &progress };
    let seed_context = SeedContext { plugin, seeder, http };
    visit(&mut walk, seed_context, notes, &CancellationToken::new()).await.unwrap();
    let is_tool = |verdict: &Option<SeedVerdict>| matches!(verdict, Some(SeedVerdict::Tool { .. }));
    let n_tools = walk.visited().iter().filter(|visited| is_tool(&visited.verdict)).count();
    let merging = Merging {
        curated: &BTreeMap::new(),
        threshold: seeder.popular(),
        identity,
        started_at: walk.started_at(),
    };
    let merged = merge(BTreeMap::new(), &BTreeSet::new(), &walk, &merging);
    (record(&walk, &merged, clock.now(), http.usage()), n_tools)
}

/// The quota of every place; if several plugins declare one, the strictest.
fn places() -> BTreeMap<(&'static str, &'static str), Quota> {
    let mut places = BTreeMap::new();
    let registry = plugins::registry().unwrap();
    for quota in registry.quotas() {
        let place = (quota.host, quota.path_prefix);
        places.entry(place).and_modify(|it: &mut Quota| *it = it.stricter(quota)).or_insert(quota);
    }
    places
}

/// The times of requests, and their quota.
struct Bucket {
    quota: Quota,
    at: Vec<Duration>,
}

fn buckets(sent: &[SentRequest]) -> Vec<Bucket> {
    let mut buckets: Vec<Bucket> =
        places().into_values().map(|quota| Bucket { quota, at: vec![] }).collect();
    for SentRequest { at, url } in sent {
        let url: url::Url = url.parse().unwrap();
        let covers = |bucket: &&mut Bucket| {
            let Quota { host, path_prefix, .. } = bucket.quota;
            url.host_str() == Some(host) && url.path().starts_with(path_prefix)
        };
        let covering = buckets.iter_mut().filter(covers);
        let longest = covering.max_by_key(|bucket| bucket.quota.path_prefix.len());
        longest.expect("nobody is asked who is not declared").at.push(*at);
    }
    buckets.retain(|bucket| !bucket.at.is_empty());
    buckets
}

impl Bucket {
    fn place(&self) -> String {
        format!("{}{}", self.quota.host, self.quota.path_prefix)
    }

    /// The shortest time that all requests can take.
    fn cost(&self) -> Duration {
        self.quota.period * u32::try_from(self.at.len()).unwrap()
    }

    fn took(&self) -> Duration {
        self.at.last().unwrap().saturating_sub(self.at[0])
    }

    /// The part of the permitted requests that was made, from the first request to the last.
    fn used(&self) -> f64 {
        let allowed = f64::from(self.quota.burst.get())
            + self.took().as_secs_f64() / self.quota.period.as_secs_f64();
        f64::from(u32::try_from(self.at.len()).unwrap()) / allowed
    }

    /// Checks that between any two requests, both included, there is at most a burst plus as many
    /// as fit into the time. Only the tightest earlier request must be remembered.
    fn check_windows(&self) {
        let Quota { period, burst, .. } = self.quota;
        let tolerance = period.as_secs_f64() * (f64::from(burst.get()) - 1.0) + 1e-6;
        let (mut n, mut tightest) = (0.0, f64::NEG_INFINITY);
        for at in &self.at {
            let lead = at.as_secs_f64() - period.as_secs_f64() * n;
            tightest = lead.max(tightest);
            assert!(tightest - lead <= tolerance, "{} is exceeded at {at:?}", self.place());
            n += 1.0;
        }
        let most = self.quota.max_per_run.unwrap_or(u32::MAX);
        assert!(self.at.len() <= most as usize, "{} is asked more often", self.place());
    }
}

/// Checks that no quota is exceeded, and that the one that takes longest is used to at least 97 %;
/// returns its requests.
#[track_caller]
fn check_pace(what: &str, sent: &[SentRequest], limiting: &str) -> usize {
    let buckets = buckets(sent);
    for bucket in &buckets {
        bucket.check_windows();
        let (n, took, used) = (bucket.at.len(), bucket.took(), 100.0 * bucket.used());
        println!("{what}: {} {n} requests in {took:.1?}, {used:.2} %", bucket.place());
    }
    let slowest = buckets.iter().max_by_key(|bucket| bucket.cost()).unwrap();
    assert_eq!(slowest.place(), limiting, "{what}");
    assert!(0.97 <= slowest.used(), "{what}: {} uses {}", slowest.place(), slowest.used());
    slowest.at.len()
}

/// The registry is asked about each of [`N`] packages, and `limiting` determines the speed.
#[track_caller]
fn check_asked(id: &str, limiting: &str, outcome: SeedOutcome) {
    let ended = seed(&[id], answer);
    assert_eq!(ended.n_tools[&plugin(id).id], N);
    assert_eq!(ended.records[&plugin(id).id].outcome, outcome);
    assert!(N <= check_pace(id, &ended.sent, limiting));
}

#[test]
fn five_thousand_npm_packages_use_up_the_registry_s_quota() {
    // The largest number of search requests of a run is reached before its last page.
    check_asked("npm", "registry.npmjs.org/", SeedOutcome::Partial);
}

#[test]
fn five_thousand_projects_use_up_the_quota_of_pypi() {
    check_asked("pypi", "pypi.org/", SeedOutcome::Full);
}

#[test]
fn five_thousand_gems_use_up_the_quota_of_their_files() {
    check_asked("rubygems", "rubygems.org/gems/", SeedOutcome::Full);
}

#[test]
fn five_thousand_modules_use_up_the_quota_of_the_proxy() {
    check_asked("go", "proxy.golang.org/", SeedOutcome::Full);
}

#[test]
fn five_thousand_distributions_use_up_the_quota_of_metacpan() {
    check_asked("cpan", "fastapi.metacpan.org/", SeedOutcome::Full);
}

/// Everything that the lists name is requested once, and no single packages.
#[track_caller]
fn check_dumps(id: &str) {
    let ended = seed(&[id], answer);
    let seeder = plugin(id).seeder.unwrap();
    assert_eq!(ended.n_tools[&plugin(id).id], N);
    assert_eq!(ended.records[&plugin(id).id].outcome, SeedOutcome::Full);
    let is_file = |url: &&str| {
        seeder.sources().iter().any(|source| match source.shape {
            Shape::Files(urls) => urls.contains(url),
            Shape::Pages(_) => false,
        })
    };
    let sent: Vec<&str> = ended.sent.iter().map(|sent| sent.url.as_str()).collect();
    let files: Vec<&str> = sent.iter().copied().filter(is_file).collect();
    let declared = seeder.sources().iter().flat_map(|source| match source.shape {
        Shape::Files(urls) => urls.to_vec(),
        Shape::Pages(_) => vec![],
    });
    assert_eq!(files, declared.collect::<Vec<_>>());
    // The remaining requests are for pages of a list, as many as `seed status` announces.
    let quotas: Vec<Quota> = plugins::registry().unwrap().quotas().collect();
    let for_lists = cost(seeder, &quotas, &|_| Some(N)).buckets;
    let for_lists: u64 = for_lists.iter().map(|bucket| bucket.for_lists).sum();
    assert_eq!(sent.len() as u64, for_lists, "{sent:?}");
    buckets(&ended.sent).iter().for_each(Bucket::check_windows);
    let took = ended.sent.last().unwrap().at;
    println!("{id}: {} requests in {took:.1?}, {} of them for files", sent.len(), files.len());
}

#[test]
fn formulae_cost_the_declared_files_and_no_more() {
    check_dumps("homebrew");
}

#[test]
fn casks_cost_the_declared_files_and_no_more() {
    check_dumps("cask");
}

#[test]
fn crates_cost_the_dump_and_the_pages_of_one_category() {
    check_dumps("cargo");
}

#[test]
fn all_ecosystems_together_use_their_full_quotas() {
    // The ecosystems whose registries are simulated here.
    let all = ["homebrew", "cargo", "npm", "pypi", "rubygems", "go", "cpan", "cask"];
    let ended = seed(&all, answer);
    assert_eq!(ended.n_tools.values().filter(|n| **n == N).count(), all.len());
    let buckets = buckets(&ended.sent);
    buckets.iter().for_each(Bucket::check_windows);
    for place in [
        "registry.npmjs.org/",
        "pypi.org/",
        "rubygems.org/gems/",
        "proxy.golang.org/",
        "fastapi.metacpan.org/",
    ] {
        let bucket = buckets.iter().find(|bucket| bucket.place() == place).unwrap();
        assert!(0.97 <= bucket.used(), "{place} uses {}", bucket.used());
    }
    // The slowest one alone determines the total time.
    let slowest = buckets.iter().max_by_key(|bucket| bucket.cost()).unwrap();
    assert!(ended.sent.last().unwrap().at.as_secs_f64() * 0.97 <= slowest.cost().as_secs_f64());
}

/// `what` is not available, and the rest is seeded at the speed that `limiting` permits.
#[track_caller]
fn check_without(id: &str, what: &'static str, status: u16, limiting: &str) {
    let ended = seed(&[id], move |request| {
        if request.url.as_str().starts_with(what) {
            (status, b"<html>gone</html>".to_vec())
        } else {
            answer(request)
        }
    });
    assert_eq!(ended.n_tools[&plugin(id).id], N, "{id} without {what}");
    assert_eq!(ended.records[&plugin(id).id].outcome, SeedOutcome::Partial);
    check_pace(&format!("{id} without {what}"), &ended.sent, limiting);
}

#[test]
fn a_missing_source_does_not_slow_the_others_down() {
    let leaderboard = "https://fastapi.metacpan.org/v1/favorite/";
    check_without("cpan", leaderboard, 404, "fastapi.metacpan.org/");
    let dumps = "https://s3-us-west-2.amazonaws.com/";
    check_without("rubygems", dumps, 404, "rubygems.org/gems/");
}

#[test]
fn a_source_that_is_down_does_not_slow_the_others_down() {
    let search = "https://registry.npmjs.org/-/v1/search";
    check_without("npm", search, 503, "registry.npmjs.org/");
    // It blocks addresses for a while, and then the whole host is left alone.
    check_without("npm", search, 429, "registry.npmjs.org/");
    let dump = "https://static.crates.io/db-dump.tar.gz";
    check_without("cargo", dump, 503, "static.crates.io/");
}
