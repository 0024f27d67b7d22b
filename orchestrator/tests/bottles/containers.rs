//! Bottles for another Linux distribution than that of this machine, in containers.

use std::{collections::BTreeSet, sync::Arc};

use batch_core::{
    decide::{preflight::Choice, route::Overrides},
    model::{Control, Environment, GeneratedRecipe, KnownRecipes},
    plugin::EcosystemPlugin,
};
use batch_sandbox::Host;
use libtest_mimic::Trial;
use orchestrator::{
    env::{Env, TestOverrides},
    generator::{BuiltinGenerator, Generator as _},
    machine::{LocalMachine, Tester, of_this},
    net,
    progress::Progress,
    scripted,
    settings::Settings,
    validator::{Validation, ValidationContext, Validator as _},
};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::{
    fake_docker::FakeRuntime,
    layout::BottleFile,
    local_tap::LocalTap,
    obstacle,
    root::{TestRoot, program},
    trial,
};

const FEDORA: &str = "ID=fedora\nVERSION_ID=41\n";

/// A script that works on Fedora only, with a file of its own keg that only its owner may read.
const SCRIPT: &[u8] = b"#!/bin/sh\n. /etc/os-release\n\
    [ \"$ID\" = fedora ] || exit 9\n\
    read -r version < @@HOMEBREW_CELLAR@@/tiny/1.2.3/share/version\necho tiny $version\n";

pub(crate) fn trials(backends: &[String]) -> Vec<Trial> {
    let no_fake = FakeRuntime::why_not();
    let obstacle = obstacle(backends).or(no_fake.as_deref());
    let is_debian = of_this() == Some(Environment::DebianX86);
    let ladder = obstacle.or((!is_debian).then_some("this machine is not Debian on x86_64"));
    let whole = trial("a_run_climbs_the_ladder_in_containers", whole_run, ladder);
    let tests: [(&str, fn()); 5] = [
        ("a_bottle_is_verified_in_a_container_of_another_family", another_family),
        ("a_program_that_fails_in_a_container_is_the_packages_failure", own_failure),
        ("an_image_of_another_family_blames_no_package", wrong_image),
        ("a_runtime_that_dies_blames_no_package", dead_runtime),
        ("a_recipe_that_needs_a_tool_is_not_tried_in_a_container", needs_a_tool),
    ];
    tests.into_iter().map(|(name, test)| trial(name, test, obstacle)).chain([whole]).collect()
}

/// The family of the tests, for the processor of this machine.
const RHEL: Environment =
    if cfg!(target_arch = "aarch64") { Environment::RhelArm } else { Environment::RhelX86 };

fn image() -> String {
    format!("registry.example/fedora@sha256:{}", "7".repeat(64))
}

/// A machine with a container runtime, and a registry with the formula `tiny`.
struct Bench {
    fake: FakeRuntime,
    env: Env,
    settings: Settings,
    dir: tempfile::TempDir,
}

impl Bench {
    /// `os_release` describes the image.
    fn new(script: &[u8], os_release: &str) -> Self {
        let fake = FakeRuntime::new(&["docker"], &[(&image(), os_release)]);
        let mut tap = LocalTap::new();
        let files: &[BottleFile<'_>] =
            &[("bin/tiny", script, 0o500), ("share/version", b"1.2.3\n", 0o400)];
        tap.add("tiny", files, Some("bin/tiny"), &json!({}));
        let (origin, _) = tap.serve();
        let fast = "{ period_ms = 5, burst = 10, concurrency = 8 }";
        let settings = Settings::parse(&format!(
            "[origins]\n\"https://formulae.brew.sh\" = \"{origin}/brew\"\n\
             \"https://ghcr.io\" = \"{origin}/ghcr\"\n\
             [limits]\n\"formulae.brew.sh/\" = {fast}\n\"ghcr.io/\" = {fast}\n\
             [containers.images]\nrhel = \"{}\"\n[sandbox]\nverify_seconds = 100\n",
            image()
        ));
        let mut env = Env::of_process(TestOverrides::default()).unwrap();
        let path = fake.path().into_os_string();
        env.host = Host { executable: program().to_owned(), path, ..env.host };
        let dir = tempfile::tempdir().unwrap();
        Self { fake, env, settings: settings.unwrap(), dir }
    }

    fn plugin(&self, ecosystem: &str) -> &'static EcosystemPlugin {
        self.env.registry.get(&ecosystem.parse().unwrap()).unwrap()
    }

    /// The result for `generated`, or for the formula `tiny`, after `change`.
    fn validate(
        &self,
        ecosystem: &str,
        generated: Option<GeneratedRecipe>,
        change: fn(&Self),
    ) -> Validation {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let plugin = self.plugin(ecosystem);
            let cache = self.dir.path().join("cache");
            let http = net::polite(&self.env, &self.settings, &cache, &Control::default()).unwrap();
            let generated = if let Some(generated) = generated {
                generated
            } else {
                let package = "homebrew:tiny".parse().unwrap();
                self.generator().generate(&*http, plugin, &package).await.unwrap()
            };
            let choice = Choice::One(plugin.id.clone());
            let local = LocalMachine::detect(&self.env, &self.settings, choice, [].into()).await;
            let machine = local.offers(&self.env.registry, Tester::Ecosystem);
            assert_eq!(machine.can_run(&plugin.id, RHEL), plugin.toolchain.is_none());
            assert!(!machine.can_run(&plugin.id, Environment::MacArm));
            let work = self.dir.path().join("work");
            let validator =
                local.validator(&self.env, &self.settings, work.clone()).unwrap().unwrap();
            validator.clean_up().await.unwrap();
            change(self);
            let (progress, cancel) = (Progress::silent(), CancellationToken::new());
            let context = ValidationContext { progress: &progress, cancel: &cancel, http: &*http };
            let validation = validator.validate(plugin, &generated, RHEL, context).await.unwrap();
            let left = std::fs::read_dir(work).map_or(0, Iterator::count);
            assert_eq!(left, 0, "something is left in the work folder");
            assert!(self.fake.containers().is_empty(), "a container is left");
            validation
        })
    }

    fn generator(&self) -> BuiltinGenerator {
        BuiltinGenerator {
            actions: self.env.registry.recipe_actions().collect(),
            known: KnownRecipes::default(),
            looked_at: BTreeSet::new(),
            overrides: Overrides::default(),
            cleaner: Arc::clone(&self.env.cleaner),
        }
    }

    /// Checks the kind of the failure and a part of what it says.
    #[track_caller]
    fn check(&self, validation: Validation, kind: &str, says: &str) {
        let Validation::Failed { failure, .. } = validation else { panic!("{validation:?}") };
        assert_eq!(failure.finding.kind.to_string(), kind, "{failure:?}");
        let said = format!("{}\n{}", failure.output, failure.message);
        assert!(said.contains(says), "{failure:?}");
        let place = self.dir.path().display().to_string();
        assert!(!said.contains(&place), "a path is shown: {failure:?}");
    }
}

fn another_family() {
    let bench = Bench::new(SCRIPT, FEDORA);
    let validation = bench.validate("homebrew", None, |_| ());
    let Validation::Passed { sandbox, verify } = validation else { panic!("{validation:?}") };
    assert_eq!(sandbox, "docker");
    assert_eq!(verify.unwrap().command, "tiny --version");
}

fn own_failure() {
    let bench = Bench::new(b"#!/bin/sh\necho broken >&2; exit 125\n", FEDORA);
    let validation = bench.validate("homebrew", None, |_| ());
    bench.check(validation, "validation_failed/verify_failed", "broken");
}

fn wrong_image() {
    let bench = Bench::new(SCRIPT, "ID=alpine\n");
    let validation = bench.validate("homebrew", None, |_| ());
    bench.check(validation, "infrastructure/tool_crashed", "is linux-alpine-musl");
}

fn dead_runtime() {
    let bench = Bench::new(SCRIPT, FEDORA);
    let validation = bench.validate("homebrew", None, |bench| bench.fake.put("dead", ""));
    bench.check(validation, "infrastructure/tool_crashed", "Cannot connect to the daemon");
}

fn needs_a_tool() {
    let bench = Bench::new(SCRIPT, FEDORA);
    let (package, command) = ("npm:tool".parse().unwrap(), "tool".parse().unwrap());
    let recipe = scripted::recipe_of(bench.plugin("npm"), &package, "1.0.0", &command).unwrap();
    let validation = bench.validate("npm", Some(recipe), |_| ());
    bench.check(validation, "infrastructure/tool_missing", "does not contain npm");
}

/// The bottle fails on Arch Linux only.
fn whole_run() {
    let images: Vec<(String, String)> = ["rhel fedora", "arch arch", "suse opensuse"]
        .iter()
        .zip(1..)
        .map(|(names, n)| {
            let (family, id) = names.split_once(' ').unwrap();
            let digest = n.to_string().repeat(64);
            (format!("{family} = \"r.example/{id}@sha256:{digest}\""), format!("ID={id}\n"))
        })
        .collect();
    let name = |line: &str| line.split('"').nth(1).unwrap().to_owned();
    let remote: Vec<(String, &str)> =
        images.iter().map(|(line, system)| (name(line), &**system)).collect();
    let remote: Vec<(&str, &str)> = remote.iter().map(|(name, it)| (&**name, *it)).collect();
    let fake = FakeRuntime::new(&["podman"], &remote);
    let script = b"#!/bin/sh\n. /etc/os-release\n[ \"$ID\" != arch ] || exit 9\necho tiny 1.2.3\n";
    let mut tap = LocalTap::new();
    tap.add("tiny", &[("bin/tiny", script, 0o755)], Some("bin/tiny"), &json!({}));
    let (origin, _) = tap.serve();
    let lines: Vec<&str> = images.iter().map(|(line, _)| &**line).collect();
    let settings = format!(
        "[containers]\nruntime = \"podman\"\n[containers.images]\n{}\n[sandbox]\nverify_seconds = 100\n",
        lines.join("\n")
    );
    let root = TestRoot::new(&origin, &settings);
    let queue = root.path("data/queues/priority-queue-homebrew.json");
    std::fs::remove_file(queue).unwrap();
    assert!(root.run(&["queue", "add", "homebrew:tiny"]).status.success());
    let output = root.run_with_path(&fake.path(), &["run", "--ecosystem", "homebrew", "-q"]);
    assert!(output.status.success(), "{output:?}");
    let list = root.run(&["runs", "list", "--json"]);
    let list: serde_json::Value = serde_json::from_slice(&list.stdout).unwrap();
    let id = list["batch_id"].as_str().unwrap_or_else(|| panic!("{list:#}"));
    let record = root.path(&format!("data/metrics/batch-runs-{id}.jsonl"));
    let record: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(record).unwrap()).unwrap();
    let results = record["results"].as_array().unwrap_or_else(|| panic!("{record:#}"));
    let of = |it: &serde_json::Value| {
        let place = it["environment"].as_str().unwrap().split('-').nth(1).unwrap().to_owned();
        (place, it["result"].to_string())
    };
    let mut results: Vec<(String, String)> = results.iter().map(of).collect();
    results.sort();
    let expected = [("arch", "fail"), ("debian", "pass"), ("rhel", "pass"), ("suse", "pass")];
    let expected = expected.map(|(place, it)| (place.to_owned(), format!("{it:?}")));
    let failures = root.run(&["failures", "list", "--json"]);
    assert_eq!(results, expected, "{record:#}\n{failures:?}");
    assert!(fake.containers().is_empty(), "a container is left");
}
