//! One machine with the steps of its job.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    time::Duration,
};

use serde_json::{Map, Value, json};

use super::{
    Actions, Death, Ended, Run, elsewhere,
    expression::{Scope, asks_for_status},
    uses,
};

/// The name of the repository.
pub(crate) const REPOSITORY: &str = "owner/registry";

/// The keys of steps that are known.
const OF_STEPS: &[&str] = &["env", "id", "if", "name", "run", "shell", "uses", "with"];

/// Variables of this machine that a hosted machine has too: where the tools and certificates are.
const OF_MACHINES: &[&str] = &[
    "CARGO_HOME",
    "RUSTUP_HOME",
    "RUSTUP_TOOLCHAIN",
    "GOROOT",
    "PYENV_ROOT",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "NODE_EXTRA_CA_CERTS",
    "REQUESTS_CA_BUNDLE",
    "PIP_CERT",
    "CARGO_HTTP_CAINFO",
    "GIT_SSL_CAINFO",
];

pub(super) struct Job<'a> {
    pub(super) actions: &'a Actions,
    pub(super) run: &'a Run<'a>,
    id: &'a str,
    described: &'a Value,
    dir: tempfile::TempDir,
    /// The label of the machine.
    pub(super) label: String,
}

/// What a step came to.
pub(super) struct Done {
    pub(super) is_ok: bool,
    pub(super) outputs: Map<String, Value>,
    pub(super) printed: String,
}

impl<'a> Job<'a> {
    pub(super) fn new(
        actions: &'a Actions,
        run: &'a Run<'a>,
        id: &'a str,
        described: &'a Value,
    ) -> Self {
        let dir = tempfile::tempdir().unwrap();
        for folder in ["workspace", "home/bin", "temp"] {
            fs::create_dir_all(dir.path().join(folder)).unwrap();
        }
        Self { actions, run, id, described, dir, label: String::new() }
    }

    pub(super) fn path(&self, relative: &str) -> PathBuf {
        self.dir.path().join(relative)
    }

    pub(super) fn workspace(&self) -> PathBuf {
        self.path("workspace")
    }

    /// Carries out the steps, one after the other.
    pub(super) fn play(mut self, scope: &mut Scope) -> Ended {
        self.label = scope.text(&self.described["runs-on"]);
        let mut ended = Ended::new("success");
        let mut env = Map::new();
        for part in [&self.run.workflow["env"], &self.described["env"]] {
            for (name, value) in part.as_object().into_iter().flatten() {
                env.insert(name.clone(), scope.text(value).into());
            }
            scope.contexts["env"] = Value::Object(env.clone());
        }
        let steps = self.described["steps"].as_array().expect("steps");
        self.steps(steps, scope, &mut ended);
        ended.summary = fs::read_to_string(self.path("temp/summary")).unwrap_or_default();
        for (name, value) in self.described["outputs"].as_object().into_iter().flatten() {
            ended.outputs.insert(name.clone(), scope.text(value).into());
        }
        ended
    }

    /// Carries out `steps`, and adds to `ended` what came of them.
    pub(super) fn steps(&self, steps: &[Value], scope: &mut Scope, ended: &mut Ended) {
        for step in steps {
            let unknown = step.as_object().unwrap().keys().find(|key| !OF_STEPS.contains(&&***key));
            assert_eq!(unknown, None, "{step}");
            let told = [&step["run"], &step["uses"]].into_iter().find_map(Value::as_str).unwrap();
            let death = self.run.deaths.get(self.id).filter(|death| told.contains(death.at()));
            if let Some(Death::Before(_)) = death {
                ended.result = "failure";
                break;
            }
            let condition = step["if"].as_str().unwrap_or("success()");
            scope.is_success = ended.result == "success";
            if !(asks_for_status(condition) || scope.is_success) || !scope.holds(condition) {
                continue;
            }
            let done = self.step(step, scope, death);
            ended.printed.extend(["[", self.id, "] ", told, "\n", &done.printed]);
            if let Some(id) = step["id"].as_str() {
                scope.contexts["steps"][id] = json!({ "outputs": done.outputs });
            }
            if !done.is_ok {
                ended.result = "failure";
            }
            if death.is_some() {
                // The machine is gone: no further step, not even one that always runs.
                ended.result = "failure";
                break;
            }
        }
    }

    fn step(&self, step: &Value, scope: &Scope, death: Option<&Death>) -> Done {
        if let Some(action) = step["uses"].as_str() {
            let with: BTreeMap<String, String> = step["with"]
                .as_object()
                .into_iter()
                .flatten()
                .map(|(name, value)| (name.clone(), scope.text(value)))
                .collect();
            return uses::carry_out(action, &with, self, scope);
        }
        let mut env: BTreeMap<String, String> = BTreeMap::new();
        for part in [&scope.contexts["env"], &step["env"]] {
            for (name, value) in part.as_object().into_iter().flatten() {
                env.insert(name.clone(), scope.text(value));
            }
        }
        let script = step["run"].as_str().unwrap();
        if is_of_the_machine(script) {
            // This machine has what the action would install.
            uses::install_program(self);
            return Done { is_ok: true, outputs: Map::new(), printed: String::new() };
        }
        assert!(
            !script.contains("${{"),
            "an expression in a script can act as a command: {script}"
        );
        let environment = scope.contexts["matrix"]["environment"].as_str();
        if let Some(environment) = environment.filter(|_| script.contains("validate")) {
            let environment = environment.parse().unwrap();
            if orchestrator::machine::of_this() != Some(environment) {
                let told =
                    elsewhere::validate(&self.workspace().join("artifacts"), environment, self.run);
                return Done { is_ok: true, outputs: Map::new(), printed: told };
            }
        }
        self.script(script, &env, death)
    }

    fn script(&self, script: &str, env: &BTreeMap<String, String>, death: Option<&Death>) -> Done {
        let outputs = self.path("temp/outputs");
        fs::write(&outputs, "").unwrap();
        let mut command = Command::new("bash");
        command.args(["--noprofile", "--norc", "-eo", "pipefail", "-c", script]);
        command.current_dir(self.workspace()).env_clear().process_group(0);
        let bin = self.path("home/bin");
        let path = std::env::var_os("PATH").unwrap();
        let path = std::env::join_paths([bin].into_iter().chain(std::env::split_paths(&path)));
        command.env("PATH", path.unwrap()).env("HOME", self.path("home"));
        let home = PathBuf::from(std::env::var_os("HOME").unwrap());
        command.env("CARGO_HOME", home.join(".cargo")).env("RUSTUP_HOME", home.join(".rustup"));
        command.envs(OF_MACHINES.iter().filter_map(|name| Some((name, std::env::var_os(name)?))));
        command
            .env("GITHUB_OUTPUT", &outputs)
            .env("GITHUB_STEP_SUMMARY", self.path("temp/summary"))
            .env("GITHUB_REPOSITORY", REPOSITORY)
            .env("GITHUB_SERVER_URL", "https://github.com")
            .env("GITHUB_RUN_ID", self.run.number.to_string())
            .env("GITHUB_ACTION_PATH", uses::project())
            .env("GITHUB_ACTIONS", "true")
            .env("CI", "true")
            .env("TSUKU_BATCH_FORGE_API", &self.actions.api)
            .env("TSUKU_BATCH_NOW", &self.run.now);
        command.envs(env);
        let output = self.output(command, death);
        let told = fs::read_to_string(&outputs).unwrap();
        let pairs = told.lines().map(|line| line.split_once('=').expect("name=value"));
        Done {
            is_ok: output.status.success(),
            outputs: pairs.map(|(name, value)| (name.to_owned(), value.into())).collect(),
            printed: [output.stdout, output.stderr]
                .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
                .concat(),
        }
    }

    /// Waits for `command`, or kills it and what it started in the middle of it.
    fn output(&self, mut command: Command, death: Option<&Death>) -> Output {
        let log = |name: &str| fs::File::create(self.path(name)).unwrap();
        command.stdin(Stdio::null()).stdout(log("temp/out")).stderr(log("temp/err"));
        let mut child = command.spawn().unwrap();
        if let Some(Death::During(_, after)) = death {
            std::thread::sleep(Duration::from_millis(*after));
            let group = rustix::process::Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
            let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        }
        let status = child.wait().unwrap();
        let read = |name: &str| fs::read(self.path(name)).unwrap();
        Output { status, stdout: read("temp/out"), stderr: read("temp/err") }
    }
}

/// Whether `script` changes the machine, which a test does not do.
fn is_of_the_machine(script: &str) -> bool {
    ["sudo ", "cargo install "].iter().any(|begin| script.starts_with(begin))
}

impl Death {
    fn at(&self) -> &'static str {
        match self {
            Self::Before(at) | Self::During(at, _) | Self::After(at) => at,
        }
    }
}

/// Copies the files of `from` into `to`, except for hidden ones unless `hidden`. Returns how many.
pub(super) fn copy(from: &Path, to: &Path, hidden: bool) -> usize {
    let mut n_copied = 0;
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if name.starts_with('.') && !hidden {
            continue;
        }
        if path.is_dir() {
            n_copied += copy(&path, &to.join(name), hidden);
        } else {
            fs::create_dir_all(to).unwrap();
            fs::copy(&path, to.join(name)).unwrap();
            n_copied += 1;
        }
    }
    n_copied
}
