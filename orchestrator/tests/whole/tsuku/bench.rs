//! The adapters, tested with a registry on loopback and a program that follows a script.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, OnceLock},
    time::Duration,
};

use async_trait::async_trait;
use batch_core::{
    decide::route::Overrides,
    io::{Clock, PoliteHttp, RetryPolicy},
    model::{Control, GeneratedRecipe, KnownRecipes, NotGenerated},
    plugin::EcosystemPlugin,
};
use batch_sandbox::Host;
use chrono::{DateTime, Utc};
use fake_tsuku::{Answer, SCRIPT_VARIABLE, Script};
use orchestrator::{
    env::{Env, TestOverrides},
    generator::{BuiltinGenerator, Generator as _, NoRecipe, TsukuGenerator, Turns},
    net,
    settings::Settings,
    tsuku::{CallLimits, Found, Tsuku, Wanted},
};
use serde_json::Value;

use crate::{
    registry::{self, Package},
    root::program,
};

/// A registry on loopback that has the tool `tool`, the scoped tool `@zoo/tool` with two commands, and the
/// library `library`.
fn origin() -> &'static str {
    static ORIGIN: OnceLock<String> = OnceLock::new();
    ORIGIN.get_or_init(|| {
        let scoped = Package {
            bin: serde_json::json!({ "roar": "cli.js", "purr": "cli.js" }),
            ..Package::tool("@zoo/tool", 0)
        };
        let library = Package { bin: Value::Null, ..Package::tool("library", 0) };
        registry::serve([Package::tool("tool", 0), scoped, library], Duration::ZERO)
    })
}

/// Long enough for a busy machine to start a program, short enough to wait for.
pub(crate) const LIMITS: CallLimits = CallLimits {
    create: Duration::from_secs(30),
    check: Duration::from_secs(30),
    container: Duration::from_secs(30),
    grace: Duration::from_millis(300),
    output_bytes: 8 << 20,
};

/// A clock on which sleeping takes no time.
#[derive(Default)]
pub(crate) struct InstantClock {
    pub(crate) slept: Mutex<Vec<Duration>>,
}

#[async_trait]
impl Clock for InstantClock {
    fn now(&self) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + self.monotonic()
    }

    fn monotonic(&self) -> Duration {
        self.slept.lock().unwrap().iter().sum()
    }

    async fn sleep(&self, duration: Duration) {
        self.slept.lock().unwrap().push(duration);
    }
}

/// A folder with a script, and the results.
pub(crate) struct Bench {
    pub(crate) dir: tempfile::TempDir,
    pub(crate) env: Env,
    pub(crate) clock: Arc<InstantClock>,
    pub(crate) limits: CallLimits,
}

/// The recorded data of one call.
pub(crate) struct Noted {
    pub(crate) args: Vec<String>,
    pub(crate) env: BTreeMap<String, String>,
}

impl Bench {
    /// A folder with a program that answers `command` about `package` with `answer`.
    pub(crate) fn new(package: &str, command: &str, answer: Answer) -> Self {
        let answers = BTreeMap::from([(command.to_owned(), answer)]);
        Self::of(&Script::from([(package.to_owned(), answers)]))
    }

    pub(crate) fn of(script: &Script) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let text = serde_json::to_string(script).unwrap();
        std::fs::write(dir.path().join("script.json"), text).unwrap();
        let mut env = Env::of_process(TestOverrides::default()).unwrap();
        env.host = Host { executable: program().to_owned(), ..env.host };
        Self { dir, env, clock: Arc::default(), limits: LIMITS }
    }

    pub(crate) fn script(&self) -> PathBuf {
        self.dir.path().join("script.json")
    }

    pub(crate) fn work(&self) -> PathBuf {
        self.dir.path().join("work")
    }

    /// This test program, which is the fake as soon as a script is named. It is known to answer, so it is
    /// not asked for its version in each test.
    #[expect(clippy::unnecessary_wraps, reason = "some tests use a program that was not found")]
    pub(crate) fn program(&self) -> Found {
        let wanted = self.wanted();
        let program = std::env::current_exe().unwrap().canonicalize().unwrap();
        Ok(Tsuku { program, version: "dev".to_owned(), wanted })
    }

    /// The same, searched and asked as a command does.
    pub(crate) async fn find(&self) -> Found {
        Tsuku::find(self.wanted()).await
    }

    fn wanted(&self) -> Wanted {
        let variables = [(SCRIPT_VARIABLE, self.script())];
        let variables = variables.map(|(name, path)| (name.to_owned(), path.display().to_string()));
        let passed_on = [("ANTHROPIC_API_KEY", "sk-1"), ("SSL_CERT_FILE", "/etc/ssl/cert.pem")];
        Wanted {
            program: Some(std::env::current_exe().unwrap()),
            host: self.env.host.clone(),
            passed_on: passed_on.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
            variables: variables.into(),
            needs: vec![self.script()],
            registry: Some(self.dir.path().to_owned()),
            limits: self.limits,
        }
    }

    pub(crate) fn plugin(&self, ecosystem: &str) -> &'static EcosystemPlugin {
        self.env.registry.get(&ecosystem.parse().unwrap()).unwrap()
    }

    /// The generator's result for the npm package `name`.
    pub(crate) async fn generate(&self, name: &str) -> Result<GeneratedRecipe, NotGenerated> {
        let generator = self.generator(self.program());
        let package = format!("npm:{name}").parse().unwrap();
        let made = generator.generate(&*self.http(), self.plugin("npm"), &package).await;
        let left = std::fs::read_dir(self.work()).map_or(0, Iterator::count);
        assert_eq!(left, 0, "something is left in the work folder");
        made.map_err(|why| match why {
            NoRecipe::Failed(nothing) => nothing,
            NoRecipe::Undiscovered(_) | NoRecipe::Paused { .. } => panic!("{why:?}"),
        })
    }

    /// Sends requests to the registry on loopback.
    pub(crate) fn http(&self) -> Arc<PoliteHttp> {
        let settings = Settings::parse(&format!(
            "[origins]\n\"https://registry.npmjs.org\" = \"{}\"\n[limits]\n\"registry.npmjs.org/\" = \
             {{ period_ms = 1, burst = 50, concurrency = 8 }}\n",
            origin()
        ))
        .unwrap();
        let cache = self.dir.path().join("cache");
        net::polite(&self.env, &settings, &cache, &Control::default()).unwrap()
    }

    pub(crate) fn generator(&self, program: Found) -> TsukuGenerator {
        let builtin = BuiltinGenerator {
            actions: self.env.registry.recipe_actions().collect(),
            known: KnownRecipes::default(),
            looked_at: BTreeSet::new(),
            overrides: Overrides::default(),
            cleaner: Arc::clone(&self.env.cleaner),
        };
        TsukuGenerator {
            program,
            builtin,
            clock: Arc::clone(&self.clock) as Arc<dyn Clock>,
            jitter: Mutex::new(fastrand::Rng::with_seed(1)),
            retries: RetryPolicy::default(),
            work: self.work(),
            turns: Turns::default(),
        }
    }

    /// The recorded calls of `command`.
    pub(crate) fn calls(&self, command: &str) -> Vec<Noted> {
        let mut path = self.script().into_os_string();
        path.push(".calls");
        let text = std::fs::read_to_string(Path::new(&path)).unwrap_or_default();
        let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let noted = lines.map(|line| Noted {
            args: serde_json::from_value(line["args"].clone()).unwrap(),
            env: serde_json::from_value(line["env"].clone()).unwrap(),
        });
        noted.filter(|noted| noted.args[0] == command).collect()
    }
}

/// Runs `test` to its end.
pub(crate) fn wait_for<T>(test: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(test)
}

/// A recipe of an npm package as the program writes it.
pub(crate) fn recipe(name: &str, package: &str, executables: &[&str]) -> String {
    let commands: Vec<String> = executables.iter().map(|name| format!("\"{name}\"")).collect();
    let first = executables.first().unwrap_or(&"x");
    format!(
        "[metadata]\n  name = \"{name}\"\n  description = \"A package of the tests.\"\n  homepage = \"\"\n  \
         version_format = \"\"\n  requires_sudo = false\n  tier = 0\n  type = \"\"\n  llm_validation = \
         \"skipped\"\n\n[[steps]]\n  action = \"npm_install\"\n  executables = [{}]\n  package = \
         \"{package}\"\n\n[verify]\n  command = \"{first} --version\"\n  pattern = \"\"\n",
        commands.join(", ")
    )
}
