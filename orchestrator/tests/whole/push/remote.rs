//! A bare repository, checkouts of it that are roots, and the facts of batches that are to be pushed.

use std::{
    collections::BTreeMap,
    io::{Seek as _, Write as _},
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::LazyLock,
};

use batch_core::{
    decide::recipe,
    io::{FactSink as _, FactWriter as _, Layout, Outbox},
    model::{
        BatchId, EcosystemId, Environment, Fact, GeneratedRecipe, Generation, PackageFacts,
        PackageId, RecipeName, Sweep, Verdict,
    },
};
use batch_sim::FactsAt;
use chrono::{DateTime, Utc};
use serde_json::Value;

use crate::root::{TestRoot, program};

/// Why git cannot be used here; `None` if it can.
pub(crate) fn obstacle_to_git() -> Option<String> {
    static IS_THERE: LazyLock<bool> = LazyLock::new(|| {
        let output = Command::new("git").arg("--version").output();
        output.is_ok_and(|output| output.status.success())
    });
    (!*IS_THERE).then(|| "git is not installed".to_owned())
}

/// Output of git in `dir`, which must succeed.
#[track_caller]
pub(crate) fn git(dir: &Path, args: &[&str]) -> String {
    let output = run_git(dir, args);
    assert!(output.status.success(), "git {args:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

pub(crate) fn run_git(dir: &Path, args: &[&str]) -> Output {
    Command::new("git")
        .args(["-c", "user.name=person", "-c", "user.email=person@example.org"])
        .args(["-c", "commit.gpgsign=false", "-c", "init.defaultBranch=main"])
        .args(args)
        .current_dir(dir)
        .output()
        .unwrap()
}

/// A bare repository whose main branch is a root.
pub(crate) struct Remote {
    dir: tempfile::TempDir,
}

impl Remote {
    /// A remote whose queue has `packages`, all of them due.
    pub(crate) fn new(packages: &[String], settings: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let root = TestRoot::new("http://127.0.0.1:9", settings);
        let names: Vec<&str> = packages.iter().map(String::as_str).collect();
        root.put_pending(&names);
        let at = root.dir.path();
        std::fs::write(root.path(".gitignore"), ".tsuku-batch/\nsite/\n").unwrap();
        git(at, &["init", "--quiet"]);
        git(at, &["add", "--all"]);
        git(at, &["commit", "--quiet", "-m", "a root"]);
        let remote = Self { dir };
        let to = remote.path();
        git(at, &["clone", "--quiet", "--bare", ".", to.to_str().unwrap()]);
        remote
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.dir.path().join("registry.git")
    }

    /// A checkout of its main branch.
    pub(crate) fn checkout(&self) -> TestRoot {
        let dir = tempfile::tempdir().unwrap();
        let from = self.path();
        git(dir.path(), &["clone", "--quiet", from.to_str().unwrap(), "."]);
        TestRoot { dir }
    }

    /// The content of `path` on `branch`; `None` if it does not exist.
    pub(crate) fn file(&self, branch: &str, path: &str) -> Option<String> {
        let output = run_git(&self.path(), &["show", &format!("{branch}:{path}")]);
        output.status.success().then(|| String::from_utf8(output.stdout).unwrap())
    }

    /// The commits of `branch`, the newest first.
    pub(crate) fn commits(&self, branch: &str) -> Vec<String> {
        let listed = git(&self.path(), &["rev-list", branch]);
        listed.lines().map(str::to_owned).collect()
    }

    /// The files of each commit of `branch` but the first one that the commit changed, the oldest commit
    /// first, each with its content then; `None` if it does not exist any more.
    pub(crate) fn changes(&self, branch: &str) -> Vec<(String, String, Option<String>)> {
        let args = ["log", "--reverse", "--name-only", "--format=%x00%H", branch];
        let listed = git(&self.path(), &args);
        let mut changes = vec![];
        for commit in listed.split('\0').skip(2) {
            let (commit, paths) = commit.split_once('\n').unwrap();
            let paths = paths.lines().filter(|path| !path.is_empty());
            changes.extend(paths.map(|path| (commit.to_owned(), path.to_owned())));
        }
        let contents = self.contents(&changes);
        changes.into_iter().zip(contents).map(|((at, path), text)| (at, path, text)).collect()
    }

    /// The contents of files in commits, read by one process.
    fn contents(&self, files: &[(String, String)]) -> Vec<Option<String>> {
        let mut asked = tempfile::tempfile().unwrap();
        for (commit, path) in files {
            writeln!(asked, "{commit}:{path}").unwrap();
        }
        asked.rewind().unwrap();
        let mut command = Command::new("git");
        command.args(["cat-file", "--batch"]).current_dir(self.path()).stdin(asked);
        let output = command.output().unwrap();
        assert!(output.status.success(), "{output:?}");
        let mut rest = output.stdout.as_slice();
        let mut contents = vec![];
        while let Some(end) = rest.iter().position(|&byte| byte == b'\n') {
            let head = std::str::from_utf8(&rest[..end]).unwrap();
            rest = &rest[end + 1..];
            if head.ends_with(" missing") {
                contents.push(None);
                continue;
            }
            let (_, size) = head.rsplit_once(' ').unwrap();
            let (content, after) = rest.split_at(size.parse().unwrap());
            contents.push(Some(String::from_utf8(content.to_vec()).unwrap()));
            // Each content ends with a line break that is not in the file.
            rest = &after[1..];
        }
        assert_eq!(contents.len(), files.len());
        contents
    }

    /// The entries in the queue of npm on main, by package.
    pub(crate) fn entries(&self) -> BTreeMap<String, Value> {
        let text = self.file("main", "data/queues/priority-queue-npm.json").unwrap();
        let queue: Value = serde_json::from_str(&text).unwrap();
        let named = |entry: &Value| {
            let package = entry["id"].as_str().unwrap().strip_prefix("npm:").unwrap();
            (package.to_owned(), entry.clone())
        };
        queue["packages"].as_array().unwrap().iter().map(named).collect()
    }

    /// The entry of `package` in the queue of npm on main.
    pub(crate) fn entry(&self, package: &str) -> Value {
        self.entries().remove(package).unwrap()
    }

    /// The record of `batch` on main.
    pub(crate) fn run(&self, batch: &BatchId) -> Option<Value> {
        let text = self.file("main", &format!("data/metrics/batch-runs-{batch}.jsonl"))?;
        Some(serde_json::from_str(&text).unwrap())
    }
}

/// A batch of packages with a result each, as facts.
pub(crate) struct Batch {
    pub(crate) id: BatchId,
    pub(crate) facts: Vec<Fact>,
}

/// What happened to the recipe of one package, in each of `PLACES`.
pub(crate) type Results = [Verdict; 2];

const PLACES: [Environment; 2] = [Environment::DebianX86, Environment::AlpineX86];

pub(crate) fn second(n: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_900_000_000 + n, 0).unwrap()
}

impl Batch {
    /// The batch that started at second `n`.
    pub(crate) fn new(n: i64, packages: &[(&str, Results)]) -> Self {
        Self::at_places(n, packages, &PLACES)
    }

    /// The batch that started at second `n` and tried `package` again where it had failed.
    pub(crate) fn recheck(n: i64, package: &str) -> Self {
        let results = [Verdict::Pass, Verdict::Pass];
        let mut batch = Self::at_places(n, &[(package, results)], &PLACES[1..]);
        let Fact::Started(started) = &mut batch.facts[0] else { panic!("the first fact") };
        started.plan.sweep = Some(Sweep::Recheck);
        batch
    }

    fn at_places(n: i64, packages: &[(&str, Results)], places: &[Environment]) -> Self {
        let batch_id = BatchId::new(EcosystemId::from_static("npm"), second(n));
        let at = FactsAt { batch_id: batch_id.clone(), at: second(n) };
        let id = |name: &str| -> PackageId { format!("npm:{name}").parse().unwrap() };
        let ids: Vec<PackageId> = packages.iter().map(|(name, _)| id(name)).collect();
        let mut facts = vec![Fact::Started(Box::new(at.started(&ids, places)))];
        for (name, results) in packages {
            let Fact::Generated(mut generated) = at.generated(id(name), Some(name)) else {
                panic!("another fact")
            };
            generated.made = Generation::Recipe(Box::new(recipe_of(id(name), name)));
            facts.push(Fact::Generated(generated));
            for (&place, result) in places.iter().zip(results) {
                let validated = at.validated(id(name), place, *result);
                facts.push(Fact::Validated(Box::new(validated)));
            }
        }
        let ended = |place| {
            let mut finished = at.finished(place, "registry.npmjs.org");
            finished.pauses.clear();
            Fact::Finished(finished)
        };
        facts.extend(places.iter().map(|&place| ended(Some(place))));
        facts.push(ended(None));
        Self { id: batch_id, facts }
    }

    /// Keeps the batch in `root` until it is pushed.
    pub(crate) fn keep(&self, root: &TestRoot) {
        let unpushed = Outbox::unpushed(&Layout::new(root.dir.path()));
        unpushed.begin(self.facts[0].started().unwrap()).unwrap();
        unpushed.append(&self.id, &self.facts[1..]).unwrap();
    }
}

pub(crate) fn recipe_of(package: PackageId, command: &str) -> GeneratedRecipe {
    let name = RecipeName::nearest(package.name.as_str());
    let commands = [command.to_owned()];
    let facts = PackageFacts::of_commands(package, "1.0".to_owned(), "npm_install", &commands);
    let mut recipe = recipe::of_tool(&facts, &name).unwrap();
    "A tool".clone_into(&mut recipe.metadata.description);
    "https://example.org".clone_into(&mut recipe.metadata.homepage);
    GeneratedRecipe { facts, name, toml: recipe.to_toml() }
}

/// `merge --push --resume` in `root`, with more arguments.
pub(crate) fn merge(root: &TestRoot, args: &[&str]) -> Command {
    let mut command = Command::new(program());
    command.arg("--root").arg(root.dir.path()).args(["-q", "merge", "--push", "--resume"]);
    command.args(args);
    command
}
