//! The stages of a run as processes of their own, which pass artifacts to each other.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    time::Duration,
};

use batch_core::{
    io::{ArtifactFolder, ArtifactStage, FactWriter as _, RunIdentity},
    model::{BatchId, Environment, Verdict},
};
use batch_sim::FactsAt;
use libtest_mimic::Trial;
use serde_json::{Value, json};

use crate::{
    registry::{self, Package},
    root::{TestRoot, obstacle_to_npm},
    trial,
};

pub(crate) const NOW: &str = "2031-02-03T04:05:06Z";
pub(crate) const HERE: Environment = Environment::DebianX86;

pub(crate) fn trials() -> Vec<Trial> {
    let obstacle = obstacle_to_npm().or_else(|| {
        let is_debian = orchestrator::machine::of_this() == Some(HERE);
        (!is_debian).then(|| "this machine is not Debian on x86_64".to_owned())
    });
    let tests: [(&str, fn()); 7] = [
        ("stages_in_four_processes_write_the_same_bytes_as_one_run", four_processes),
        ("artifacts_of_three_environments_give_the_same_state_in_any_order", any_order),
        ("artifacts_of_another_run_or_version_or_digest_are_refused", refused_artifacts),
        ("artifacts_that_do_not_belong_together_are_refused", foreign_artifacts),
        ("a_recipe_that_the_first_rung_fails_leaves_an_empty_matrix", empty_matrix),
        ("a_stage_that_was_interrupted_is_continued", continued),
        ("a_rung_waits_for_the_cheaper_ones", waits_for_the_cheaper),
    ];
    tests.into_iter().map(|(name, test)| trial(name, test, obstacle.as_deref())).collect()
}

/// Three packages that succeed, of which two want the same command, and others that fail.
pub(crate) fn packages() -> Vec<Package> {
    let shared = |name| Package { bin: json!({ "shared": "cli.js" }), ..Package::tool(name, 0) };
    let crash = "#!/usr/bin/env node\nconsole.error('Error: no reactor'); process.exit(3);\n";
    let crashes = Package {
        files: [("cli.js".to_owned(), crash.to_owned())].into(),
        ..Package::tool("crashes", 0)
    };
    let library = Package { bin: Value::Null, ..Package::tool("library", 0) };
    vec![Package::tool("alone", 0), shared("first"), shared("second"), crashes, library]
}

const NAMES: &[&str] = &["alone", "first", "second", "crashes", "library", "missing"];

/// A root at a registry with these packages, all of them due.
pub(crate) fn root(packages: Vec<Package>, names: &[&str]) -> TestRoot {
    let root = TestRoot::new(&registry::serve(packages, Duration::ZERO), "");
    root.put_pending(names);
    root
}

/// The exit code of a command at [`NOW`], and what it printed.
pub(crate) fn command(root: &TestRoot, args: &[&str]) -> (Option<i32>, String, String) {
    let args = [&["--seed", "7", "-q", "--json"], args].concat();
    let output = root.command(&args).env("TSUKU_BATCH_NOW", NOW).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[track_caller]
fn ok(root: &TestRoot, args: &[&str]) -> Value {
    let (code, stdout, stderr) = command(root, args);
    assert_eq!(code, Some(0), "{args:?}: {stdout}{stderr}");
    serde_json::from_str(&stdout).unwrap()
}

/// The arguments of a stage of `root`, whose artifacts are in its folder `artifacts`.
pub(crate) fn stage(root: &TestRoot, args: &[&str]) -> Vec<String> {
    let artifacts = root.path("artifacts").to_str().unwrap().to_owned();
    let args = args.iter().map(|&arg| arg.to_owned());
    args.chain(["--artifacts".to_owned(), artifacts]).collect()
}

#[track_caller]
pub(crate) fn stage_ok(root: &TestRoot, args: &[&str]) -> Value {
    let args = stage(root, args);
    ok(root, &args.iter().map(String::as_str).collect::<Vec<_>>())
}

pub(crate) const PREFLIGHT: &[&str] = &["preflight", "--ecosystem", "npm"];

/// Every file of the state with its content. Artifacts and files of the machine are no state.
pub(crate) fn state(root: &TestRoot) -> BTreeMap<PathBuf, String> {
    let mut files = BTreeMap::new();
    for part in ["data", "recipes", "batch-control.json"] {
        add(root.dir.path(), &root.path(part), &mut files);
    }
    files
}

fn add(base: &Path, path: &Path, files: &mut BTreeMap<PathBuf, String>) {
    if path.is_dir() {
        for entry in std::fs::read_dir(path).unwrap() {
            add(base, &entry.unwrap().path(), files);
        }
    } else if path.is_file() {
        let text = String::from_utf8_lossy(&std::fs::read(path).unwrap()).into_owned();
        files.insert(path.strip_prefix(base).unwrap().to_owned(), text);
    }
}

/// Compares two states file by file, so that a difference is short.
#[track_caller]
fn assert_same_state(left: &TestRoot, right: &TestRoot) {
    let (left, right) = (state(left), state(right));
    assert_eq!(left.keys().collect::<Vec<_>>(), right.keys().collect::<Vec<_>>());
    for (path, text) in &left {
        assert_eq!(*text, right[path], "{}", path.display());
    }
}

fn four_processes() {
    let origin = registry::serve(packages(), Duration::ZERO);
    let roots = [0, 1].map(|_| {
        let root = TestRoot::new(&origin, "");
        root.put_pending(NAMES);
        root
    });
    let [one, four] = &roots;
    let summary = ok(one, &["run", "--ecosystem", "npm"]);
    assert_eq!(summary["batches"][0]["succeeded"], 2, "{summary:#}");

    let preflight = stage_ok(four, PREFLIGHT);
    assert_eq!(preflight["run_id"], "run-2031-02-03T04-05-06Z");
    stage_ok(four, &["generate"]);
    let matrix = stage_ok(four, &["matrix", "--rung", "1"]);
    let job = json!({
        "environment": HERE, "runner": "ubuntu-24.04", "image": null, "cost": 1,
    });
    assert_eq!(matrix, json!({ "include": [job] }));
    stage_ok(four, &["validate", "--environment", HERE.as_str()]);
    assert_eq!(stage_ok(four, &["matrix", "--rung", "1"]), json!({ "include": [] }));
    let merged = stage_ok(four, &["merge", "--local"]);
    assert_eq!(merged["batches"], summary["batches"]);
    assert_same_state(one, four);

    // Twice does nothing twice, neither in the folder nor in the state.
    let artifacts = tree(&four.path("artifacts"));
    stage_ok(four, &["generate"]);
    stage_ok(four, &["validate", "--environment", HERE.as_str()]);
    let again = stage_ok(four, &["merge", "--local"]);
    assert_eq!(again["batches"][0]["recorded"], "before", "{again:#}");
    assert_eq!(tree(&four.path("artifacts")), artifacts);
    assert_same_state(one, four);
    check_schemas(four, &preflight, &matrix);
}

pub(crate) fn tree(dir: &Path) -> BTreeMap<PathBuf, String> {
    let mut files = BTreeMap::new();
    add(dir, dir, &mut files);
    files
}

fn check_schemas(root: &TestRoot, preflight: &Value, matrix: &Value) {
    let dir = root.path("schemas");
    root.ok(&["schema", "--dir", dir.to_str().unwrap()]);
    let check = |name: &str, document: &Value| {
        let text = std::fs::read_to_string(dir.join(format!("{name}.schema.json"))).unwrap();
        let validator = jsonschema::validator_for(&serde_json::from_str(&text).unwrap()).unwrap();
        let errors: Vec<String> = validator.iter_errors(document).map(|e| e.to_string()).collect();
        assert!(errors.is_empty(), "{errors:?} in {document:#}");
    };
    check("output-preflight", preflight);
    check("output-matrix", matrix);
    check("output-stage", &stage_ok(root, &["generate"]));
    for (path, text) in tree(&root.path("artifacts")) {
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let schema = match name.split(['-', '.']).next().unwrap() {
            "run" => "run-plan",
            "manifest" => "manifest",
            "facts" => {
                for line in text.lines() {
                    check("fact", &serde_json::from_str(line).unwrap());
                }
                continue;
            }
            _ => continue,
        };
        check(schema, &serde_json::from_str(&text).unwrap());
    }
}

/// A run for machines of every environment, whose recipes are generated.
pub(crate) fn generated(packages: Vec<Package>, names: &[&str]) -> (TestRoot, BatchId, String) {
    let root = root(packages, names);
    let preflight = stage_ok(&root, &["preflight", "--ecosystem", "npm", "--matrix"]);
    stage_ok(&root, &["generate"]);
    let batch = preflight["batches"][0].as_str().unwrap().parse().unwrap();
    (root, batch, preflight["run_id"].as_str().unwrap().to_owned())
}

/// What a machine of another environment reports about `verdicts`.
pub(crate) fn report(
    dir: &Path,
    (batch, run_id): (&BatchId, &str),
    environment: Environment,
    verdicts: &[(&str, Verdict)],
) {
    let folder = ArtifactFolder::new(dir);
    let stage = ArtifactStage::Validate(environment);
    let facts = FactsAt { batch_id: batch.clone(), at: NOW.parse().unwrap() };
    let mut told = vec![];
    for (name, verdict) in verdicts {
        let package: batch_core::model::PackageId = format!("npm:{name}").parse().unwrap();
        told.push(facts.began(package.clone(), Some(environment), 1));
        let validated = facts.validated(package, environment, *verdict);
        told.push(batch_core::model::Fact::Validated(Box::new(validated)));
    }
    let finished = facts.finished(Some(environment), "registry.npmjs.org");
    told.push(batch_core::model::Fact::Finished(finished));
    folder.writer(stage).append(batch, &told).unwrap();
    let identity = RunIdentity { run_id, program_version: env!("CARGO_PKG_VERSION") };
    folder.seal(batch, stage, identity, std::iter::empty()).unwrap();
}

/// Copies what `from` has and `to` does not have.
fn download(from: &Path, to: &Path) {
    for (path, text) in tree(from) {
        let target = to.join(path);
        std::fs::create_dir_all(target.parent().unwrap()).unwrap();
        if !target.exists() {
            std::fs::write(target, text).unwrap();
        }
    }
}

fn any_order() {
    let (root, batch, run_id) = generated(packages(), NAMES);
    let environments = [HERE, Environment::AlpineX86, Environment::DebianArm];
    let machines = environments.map(|environment| {
        // Each machine has what was there before, and adds its own report.
        let dir = tempfile::tempdir().unwrap();
        download(&root.path("artifacts"), dir.path());
        let verdict = |name: &str| match (name, environment) {
            ("crashes", _) => Verdict::Fail,
            ("first", Environment::DebianArm) => Verdict::Blocked,
            _ => Verdict::Pass,
        };
        let names: &[&str] = if environment == HERE {
            &["alone", "first", "second", "crashes"]
        } else {
            &["alone", "first", "second"]
        };
        let verdicts: Vec<_> = names.iter().map(|name| (*name, verdict(name))).collect();
        report(dir.path(), (&batch, &run_id), environment, &verdicts);
        dir
    });
    let merged = [[0, 1, 2], [2, 1, 0], [1, 2, 0]].map(|order| {
        let copy = TestRoot { dir: tempfile::tempdir().unwrap() };
        download(root.dir.path(), copy.dir.path());
        for i in order {
            download(machines[i].path(), &copy.path("artifacts"));
        }
        let summary = stage_ok(&copy, &["merge", "--local", "--incomplete"]);
        assert_eq!(summary["batches"][0]["succeeded"], 2, "{summary:#}");
        copy
    });
    assert_same_state(&merged[0], &merged[1]);
    assert_same_state(&merged[0], &merged[2]);
    let record = merged[0].json_lines(&["runs", "list"])[0].clone();
    let of = |environment: Environment| record["environments"][environment.as_str()].clone();
    assert_eq!((&of(HERE)["passed"], &of(HERE)["failed"]), (&json!(3), &json!(1)), "{record:#}");
    assert_eq!(of(Environment::DebianArm)["blocked"], 1);
    assert_eq!(of(Environment::MacArm)["skip_reasons"]["not_promoted"], 1, "crashes");
    assert!(record["minutes_saved"]["macos"].as_u64().unwrap() > 0, "{record:#}");
}

/// The artifacts of a run, which a test damages and repairs.
struct Damaged {
    root: TestRoot,
    artifacts: PathBuf,
    /// The folder of its batch.
    batch: PathBuf,
    whole: BTreeMap<PathBuf, String>,
}

impl Damaged {
    fn new() -> Self {
        let (root, batch, _) = generated(packages(), NAMES);
        let artifacts = root.path("artifacts");
        let (batch, whole) = (artifacts.join(batch.to_string()), tree(&artifacts));
        Self { root, artifacts, batch, whole }
    }

    /// Checks that the artifacts are refused for this reason after `change`.
    #[track_caller]
    fn refused(&self, change: impl FnOnce(&Self), reason: &str) {
        self.ends_with(6, change, reason);
    }

    #[track_caller]
    fn ends_with(&self, exit: i32, change: impl FnOnce(&Self), reason: &str) {
        change(self);
        let args = stage(&self.root, &["merge", "--local"]);
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let (code, _, stderr) = command(&self.root, &args);
        assert_eq!(code, Some(exit), "{reason}: {stderr}");
        assert!(stderr.contains(reason), "{stderr}");
        std::fs::remove_dir_all(&self.artifacts).unwrap();
        for (path, text) in &self.whole {
            let path = self.artifacts.join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
    }

    fn edit(&self, file: &str, from: &str, to: &str) {
        let path = self.batch.join(file);
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{text}");
        std::fs::write(&path, text.replace(from, to)).unwrap();
    }
}

fn refused_artifacts() {
    let folder = Damaged::new();
    let digest = "differs from the digest in its manifest; take the artifacts of that stage again";
    folder.refused(|it| it.edit("facts-generate.jsonl", "library_only", "no_bottle"), digest);
    folder.refused(|it| it.edit("recipes/alone.toml", "alone", "other"), digest);
    let remove = |it: &Damaged| std::fs::remove_file(it.batch.join("recipes/alone.toml")).unwrap();
    folder.refused(remove, "the file is missing");
    let manifest = "manifest-generate.json";
    let reason = "it belongs to the run run-2030-02-03T04-05-06Z, not to run-2031";
    folder.refused(|it| it.edit(manifest, "run-2031", "run-2030"), reason);
    let version = format!("\"program_version\": \"{}\"", env!("CARGO_PKG_VERSION"));
    let other = "\"program_version\": \"0.0.1\"";
    let reason = "all stages of a run need the same version";
    folder.refused(|it| it.edit(manifest, &version, other), reason);
    folder.refused(|it| it.edit("../run.json", &version, other), reason);
    let (version, other) = ("\"schema_version\": 2", "\"schema_version\": 3");
    folder.refused(|it| it.edit(manifest, version, other), "its schema version is 3, not 2");
    let reason = "has schema version 3, not 2; all stages of a run need the same version";
    folder.refused(|it| it.edit("../run.json", version, other), reason);
    let cut = |it: &Damaged, file: &str| std::fs::write(it.batch.join(file), "{\n \"a").unwrap();
    for file in ["../run.json", manifest] {
        let reason = "line 2, column 3: EOF while parsing a string; take the artifacts of that";
        folder.refused(|it| cut(it, file), reason);
    }
    // Nothing of it came into the state.
    assert!(state(&folder.root).keys().all(|path| !path.starts_with("data/metrics")));
    stage_ok(&folder.root, &["matrix", "--rung", "1"]);
}

fn foreign_artifacts() {
    let folder = Damaged::new();
    let other = BatchId::new("npm".parse().unwrap(), "2030-01-01T00:00:00Z".parse().unwrap());
    let folder_of_other =
        |it: &Damaged| std::fs::create_dir(it.artifacts.join(other.to_string())).unwrap();
    folder.refused(folder_of_other, "this batch belongs to another run");
    let fact = FactsAt { batch_id: other.clone(), at: NOW.parse().unwrap() }.recovered();
    let facts_of_other = |it: &Damaged| {
        batch_core::io::append_facts(&it.batch.join("facts-other.jsonl"), &[fact]).unwrap();
    };
    folder.refused(facts_of_other, "it holds a fact about the batch npm-2030");
    let no_plan = |it: &Damaged| std::fs::remove_file(it.artifacts.join("run.json")).unwrap();
    folder.ends_with(3, no_plan, "run `tsuku-batch preflight --root /");
    let name = folder.batch.file_name().unwrap().to_str().unwrap().to_owned();
    let twice = |it: &Damaged| {
        let name = format!("\"{name}\"");
        it.edit("../run.json", &name, &format!("{name}, {name}"));
    };
    folder.refused(twice, "twice; take the artifacts");
    // The facts of one environment in the file of another.
    let batch: BatchId = name.parse().unwrap();
    let fact = FactsAt { batch_id: batch.clone(), at: NOW.parse().unwrap() };
    let fact = fact.validated("npm:alone".parse().unwrap(), Environment::MacArm, Verdict::Pass);
    let mixed_up = |it: &Damaged| {
        let writer = ArtifactFolder::new(&it.artifacts).writer(ArtifactStage::Validate(HERE));
        writer.append(&batch, &[batch_core::model::Fact::Validated(Box::new(fact))]).unwrap();
    };
    folder.refused(mixed_up, "it holds a fact of the stage validate-darwin-arm64");
}

fn empty_matrix() {
    let (root, batch, run_id) = generated(packages(), NAMES);
    let include = |rung: &str| {
        let matrix = stage_ok(&root, &["matrix", "--rung", rung]);
        let jobs = matrix["include"].as_array().unwrap().clone();
        jobs.iter().map(|job| job["environment"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(include("1"), [HERE.as_str()]);
    assert_eq!(include("2"), [""; 0], "rung 1 has not reported");
    let fails = |name| (name, Verdict::Fail);
    let verdicts = ["alone", "first", "second", "crashes"].map(fails);
    report(&root.path("artifacts"), (&batch, &run_id), HERE, &verdicts);
    for rung in ["1", "2", "3", "4"] {
        assert_eq!(include(rung), [""; 0]);
    }
    let merged = stage_ok(&root, &["merge", "--local"]);
    assert_eq!(
        (&merged["batches"][0]["succeeded"], &merged["batches"][0]["failed"]),
        (&json!(0), &json!(6))
    );
    assert_eq!(root.json_lines(&["runs", "list"])[0]["interrupted"], Value::Null);

    // Without any recipe, no rung has a job.
    let (nothing, ..) = generated(packages(), &["library", "missing"]);
    assert_eq!(stage_ok(&nothing, &["matrix", "--rung", "1"]), json!({ "include": [] }));
    stage_ok(&nothing, &["merge", "--local"]);
    assert_eq!(nothing.json_lines(&["runs", "list"])[0]["failed"], 2);
}

fn continued() {
    let origin = registry::serve(packages(), Duration::ZERO);
    let roots = [0, 1].map(|_| {
        let root = TestRoot::new(&origin, "");
        root.put_pending(NAMES);
        stage_ok(&root, PREFLIGHT);
        stage_ok(&root, &["generate"]);
        root
    });
    let [whole, torn] = &roots;
    // A process died: its last facts and its manifest are missing.
    let batch = std::fs::read_dir(torn.path("artifacts")).unwrap();
    let batch = batch.map(|it| it.unwrap().path()).find(|path| path.is_dir()).unwrap();
    std::fs::remove_file(batch.join("manifest-generate.json")).unwrap();
    std::fs::remove_dir_all(batch.join("recipes")).unwrap();
    let facts = batch.join("facts-generate.jsonl");
    let text = std::fs::read_to_string(&facts).unwrap();
    let kept: Vec<&str> = text.lines().take(5).collect();
    std::fs::write(&facts, kept.join("\n") + "\n").unwrap();
    for root in &roots {
        stage_ok(root, &["generate"]);
        stage_ok(root, &["validate", "--environment", HERE.as_str()]);
        stage_ok(root, &["merge", "--local"]);
    }
    // Its requests are not known any more; everything else is as without the interruption.
    let (left, right) = (state(whole), state(torn));
    for (path, text) in left.iter().filter(|(path, _)| !path.starts_with("data/metrics")) {
        assert_eq!(*text, right[path], "{}", path.display());
    }
    let run = |root: &TestRoot| root.json_lines(&["runs", "list"])[0]["recipes_generated"].clone();
    assert_eq!(run(whole), run(torn));
}

fn waits_for_the_cheaper() {
    let (root, batch, run_id) = generated(packages(), &["alone"]);
    let mac = Environment::MacArm.as_str();
    let args = stage(&root, &["validate", "--environment", mac]);
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let (code, _, stderr) = command(&root, &args);
    assert_eq!(code, Some(4), "{stderr}");
    assert!(stderr.contains("this machine cannot test recipes of npm in darwin-arm64"), "{stderr}");
    // An environment that reports nothing is no failure of the recipe.
    report(&root.path("artifacts"), (&batch, &run_id), HERE, &[("alone", Verdict::Pass)]);
    let merged = stage_ok(&root, &["merge", "--local", "--incomplete"]);
    assert_eq!(merged["batches"][0]["succeeded"], 1);
    let record = root.json_lines(&["runs", "list"])[0].clone();
    assert_eq!(record["interrupted"], true, "{record:#}");
}
