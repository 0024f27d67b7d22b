//! Eight ecosystems at their declared limits on virtual time: only a quota limits the speed.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use batch_core::{
    decide::preflight::Choice,
    io::{Clock as _, Http, PoliteConfig, PoliteHttp, Request},
    model::{
        CommandName, EcosystemId, Fact, GeneratedRecipe, NotGenerated, PackageFacts, PackageId,
        Purpose, Quota,
    },
    plugin::EcosystemPlugin,
};
use batch_sim::SimTransport;
use orchestrator::{
    generator::{Generator, NoRecipe},
    plugins,
    stage::Stop,
};

use crate::test_ports::{Around, SECOND, TestPorts, command_of, packages, passed, recipe};

const ALL: [&str; 8] = ["homebrew", "cargo", "npm", "pypi", "rubygems", "go", "cpan", "cask"];
/// Packages of each ecosystem.
const N: usize = 25;
const LATENCY: Duration = Duration::from_millis(300);

/// Asks every host of an ecosystem that building uses once about each package.
struct Asking;

/// The quotas that building uses.
fn quotas(plugin: &EcosystemPlugin) -> impl Iterator<Item = &Quota> {
    plugin.rate_limit.quotas().iter().filter(|quota| quota.purpose == Purpose::Building)
}

#[async_trait]
impl Generator for Asking {
    fn name(&self) -> String {
        "asking 1".to_owned()
    }

    async fn generate(
        &self,
        http: &dyn Http,
        plugin: &EcosystemPlugin,
        package: &PackageId,
    ) -> Result<GeneratedRecipe, NoRecipe> {
        for quota in quotas(plugin) {
            let prefix = quota.path_prefix.split('/').filter(|part| !part.is_empty());
            let path: Vec<&str> = prefix.chain([package.name.as_str()]).collect();
            let request = Request::get(&format!("https://{}", quota.host), &path, &[]).unwrap();
            http.send(request).await.unwrap();
        }
        let npm = plugins::registry().unwrap().resolve("npm").unwrap();
        Ok(recipe(npm, package, &command_of(package)))
    }

    fn discovered(
        &self,
        _plugin: &EcosystemPlugin,
        facts: &PackageFacts,
        _names: BTreeSet<CommandName>,
    ) -> Result<GeneratedRecipe, NotGenerated> {
        panic!("the commands of {} are known", facts.id)
    }
}

/// How long the limits alone make each ecosystem take. A quota that several ecosystems share lets the
/// requests of all of them through, one after the other.
fn limit_bound_times() -> BTreeMap<EcosystemId, Duration> {
    let registry = plugins::registry().unwrap();
    let mut users: BTreeMap<(&str, &str), BTreeSet<&EcosystemId>> = BTreeMap::new();
    for plugin in registry.iter() {
        for quota in quotas(plugin) {
            users.entry((quota.host, quota.path_prefix)).or_default().insert(&plugin.id);
        }
    }
    let takes = |quota: &Quota| {
        let n_users = users[&(quota.host, quota.path_prefix)].len();
        let n_waiting = (N * n_users).saturating_sub(quota.burst.get() as usize);
        quota.period * u32::try_from(n_waiting).unwrap()
    };
    let slowest = |plugin: &EcosystemPlugin| quotas(plugin).map(takes).max().unwrap_or_default();
    registry.iter().map(|plugin| (plugin.id.clone(), slowest(plugin))).collect()
}

/// The duration of a run whose tests each take `test`, and when the generation of each ecosystem
/// ended.
fn run(test: Duration, jobs: usize) -> (Duration, BTreeMap<EcosystemId, Duration>) {
    let mut test_ports = TestPorts::new(&packages(&ALL, N));
    test_ports.batch_size = N;
    test_ports.validator.script = Box::new(move |_| (test, passed()));
    let clock = test_ports.clock.clone();
    let network = SimTransport::new(clock.clone(), LATENCY, |_| (200, &[], "{}"));
    let cache = tempfile::tempdir().unwrap();
    let quotas: Vec<Quota> = plugins::registry().unwrap().quotas().collect();
    let config =
        PoliteConfig::new(Arc::new(clock.clone()), Arc::new(network), quotas, cache.path());
    let http = PoliteHttp::new(config);
    let around = Around { generator: &Asking, validator: &test_ports.validator, traffic: &http };
    let summary =
        clock.run(test_ports.run_around(&around, Choice::All, jobs, &Stop::default())).unwrap();
    assert_eq!(summary.batches.len(), ALL.len());
    assert!(summary.batches.iter().all(|batch| batch.succeeded == N as u64), "{summary}");
    let mut generated = BTreeMap::new();
    for fact in &*test_ports.facts.all.lock().unwrap() {
        if let Fact::Generated(made) = fact {
            let at = (made.at - chrono::DateTime::UNIX_EPOCH).to_std().unwrap();
            let last: &mut Duration =
                generated.entry(made.package_id.ecosystem.clone()).or_default();
            *last = at.max(*last);
        }
    }
    (test_ports.clock.monotonic(), generated)
}

#[test]
fn eight_ecosystems_take_as_long_as_the_limits_of_the_slowest() {
    let (took, _) = run(SECOND / 2, 8);
    let slowest = limit_bound_times().into_values().max().unwrap();
    assert!(slowest <= took, "a quota was passed over: {took:?} of {slowest:?}");
    assert!(took <= slowest.mul_f64(1.1), "{took:?}, and the limits alone take {slowest:?}");
}

#[test]
fn slow_tests_hold_no_generation_up() {
    // With two jobs, the tests take an hour and a half.
    let (took, generated) = run(60 * SECOND, 2);
    assert!(took >= 6_000 * SECOND, "{took:?}");
    let slack = 3 * SECOND;
    for (ecosystem, limit) in limit_bound_times() {
        let ended = generated[&ecosystem];
        assert!(ended <= limit.mul_f64(1.1) + slack, "{ecosystem}: {ended:?} of {limit:?}");
    }
}
