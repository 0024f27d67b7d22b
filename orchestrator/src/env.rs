//! What the program stands on: the process's surroundings, read once, and a root.

use std::{
    collections::BTreeMap,
    ffi::{OsStr, OsString},
    io::IsTerminal as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::Context as _;
use batch_core::{
    decide::{
        clean::{Cleaner, Places, Redactor},
        unknown_names,
    },
    io::{
        Clock, FsState, Layout, StateError, StateErrorKind, StateReader, SystemClock, read_within,
    },
    model::{Control, EcosystemId},
    plugin::{EcosystemPlugin, Registry},
};
use chrono::{DateTime, Utc};

use batch_sandbox::{CERTIFICATE_VARIABLES, Host, PROXY_VARIABLES};

use crate::{
    plugins,
    settings::{Settings, SettingsError},
    toolchain::{FoundToolchain, find_toolchain},
};

/// Variables of the machine that a step with network may see: how tools trust this machine's
/// certificates and reach the network. No other step sees them.
const PASSED_VARIABLES: [&[&str]; 2] = [&CERTIFICATE_VARIABLES, &PROXY_VARIABLES];

/// Variables by which toolchains find themselves.
const OF_TOOLCHAINS: &[&str] =
    &["CARGO_HOME", "GOROOT", "HOME", "NVM_DIR", "PYENV_ROOT", "RUSTUP_HOME", "VOLTA_HOME"];

/// The process's surroundings.
pub struct Env {
    /// The one source of time.
    pub clock: Arc<dyn Clock>,
    /// The one source of chance: it makes waits uneven, and decides nothing.
    pub jitter: fastrand::Rng,
    /// Every ecosystem.
    pub registry: Registry,
    /// Where programs are looked for, and which program starts the sandbox's own processes.
    pub host: Host,
    /// Cleans what is recorded and printed; knows the secrets among this process's variables.
    pub cleaner: Arc<Cleaner>,
    /// Variables that sandboxed tools may see in steps with network.
    pub passed_on: BTreeMap<String, String>,
    /// Variables by which toolchains are asked where they lie.
    pub of_toolchains: Vec<(String, OsString)>,
    /// The CI run that this is part of.
    pub workflow_run_url: Option<String>,
}

/// What a test of the whole program fixes, so that it can be repeated.
#[derive(Debug, Clone, Copy, Default)]
pub struct Fixed {
    /// Where the wall clock stands; `None` for the real time.
    pub now: Option<DateTime<Utc>>,
    /// Seed of [`Env::jitter`]; `None` for another one each time.
    pub seed: Option<u64>,
}

impl Env {
    /// Reads the surroundings of this process, but for what is `fixed`.
    #[expect(clippy::disallowed_methods, reason = "this is where the environment comes in")]
    pub fn of_process(fixed: Fixed) -> anyhow::Result<Self> {
        let variable = |name: &str| std::env::var(name).ok();
        let passed_on = PASSED_VARIABLES
            .iter()
            .flat_map(|names| names.iter())
            .filter_map(|name| Some(((*name).to_owned(), variable(name)?)));
        let of_toolchains = OF_TOOLCHAINS
            .iter()
            .filter_map(|name| Some(((*name).to_owned(), std::env::var_os(name)?)));
        let of_github = || {
            let (server, repository) =
                (variable("GITHUB_SERVER_URL")?, variable("GITHUB_REPOSITORY")?);
            Some(format!("{server}/{repository}/actions/runs/{}", variable("GITHUB_RUN_ID")?))
        };
        let all: Vec<(String, String)> = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        let secrets = all.iter().filter(|(name, value)| is_secret(name, value));
        let redactor = Redactor::new(secrets.map(|(_, value)| &**value));
        let places = Places::new(std::env::var_os("HOME").map(PathBuf::from));
        Ok(Self {
            clock: Arc::new(fixed.now.map_or_else(SystemClock::default, SystemClock::standing_at)),
            jitter: fixed.seed.map_or_else(fastrand::Rng::new, fastrand::Rng::with_seed),
            registry: plugins::registry()?,
            cleaner: Arc::new(Cleaner::new(redactor, places)),
            host: Host {
                executable: std::env::current_exe()
                    .context("cannot find this program's own file")?,
                path: std::env::var_os("PATH").unwrap_or_default(),
                namespaces: true,
            },
            passed_on: passed_on.collect(),
            of_toolchains: of_toolchains.collect(),
            workflow_run_url: of_github(),
        })
    }

    /// Where the tool of `plugin` lies; `None` where it is not on this machine or cannot be used.
    pub async fn toolchain(&self, plugin: &EcosystemPlugin) -> Option<FoundToolchain> {
        let wanted = plugin.toolchain.as_ref()?;
        let variables = self.of_toolchains.iter().map(|(name, value)| (&**name, &**value));
        let variables: Vec<(&str, &OsStr)> = variables.collect();
        match find_toolchain(wanted, &self.host.path, &variables).await {
            Ok(found) => found,
            Err(error) => {
                tracing::debug!("{} cannot be used for {}: {error}", wanted.program, plugin.id);
                None
            }
        }
    }
}

/// Parts of the names of variables that hold secrets.
const OF_SECRETS: &[&str] = &[
    "TOKEN",
    "SECRET",
    "PASSWORD",
    "PASSWD",
    "PASSPHRASE",
    "CREDENTIAL",
    "API_KEY",
    "APIKEY",
    "ACCESS_KEY",
    "PRIVATE_KEY",
    "AUTH",
];

/// Whether the variable `name` holds a secret: proxies, URLs with a user or a password in them, and
/// what is called a secret. Switches and paths are none.
fn is_secret(name: &str, value: &str) -> bool {
    const SHORTEST: usize = 8;
    let name = name.to_ascii_uppercase();
    let is_proxy = name.ends_with("_PROXY") && name != "NO_PROXY";
    let host = value.split_once("://").and_then(|(_, rest)| rest.split(['/', '?', '#']).next());
    let has_user = host.is_some_and(|host| host.contains('@'));
    let is_called = OF_SECRETS.iter().any(|part| name.contains(part));
    is_proxy || has_user || is_called && SHORTEST <= value.len() && !value.starts_with('/')
}

/// Whether standard output should be in colour: on a terminal, unless `refused` here or by the
/// variable of <https://no-color.org>.
#[expect(clippy::disallowed_methods, reason = "this is where the environment comes in")]
pub fn wants_color(refused: bool) -> bool {
    let is_refused = refused || std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    !is_refused && std::io::stdout().is_terminal()
}

/// A folder that holds a pipeline's state.
pub struct Root {
    /// Where everything lies.
    pub layout: Layout,
    /// Its state.
    pub state: FsState,
    /// Its `pipeline.toml`.
    pub settings: Settings,
}

impl Root {
    /// Opens `path`, which must be a root.
    pub fn open(path: &Path) -> anyhow::Result<Self> {
        Self::of(FsState::open(path)?)
    }

    /// The root of `state`.
    pub fn of(state: FsState) -> anyhow::Result<Self> {
        let layout = state.layout().clone();
        let settings = settings(&layout)?;
        Ok(Self { layout, state, settings })
    }

    /// Its control plane, in which every name is known to `registry`.
    pub fn control(&self, registry: &Registry) -> Result<Control, StateError> {
        control(&self.state, registry)
    }
}

/// The control plane of `state`. A name in it that `registry` does not know is an error: what an
/// operator stopped in vain must not run.
pub fn control(state: &dyn StateReader, registry: &Registry) -> Result<Control, StateError> {
    let control = state.control()?;
    let known: Vec<&EcosystemId> = registry.iter().map(|plugin| &plugin.id).collect();
    match unknown_names::unknown_ecosystem(&control, &known) {
        None => Ok(control),
        Some(name) => Err(StateError {
            path: Path::new("batch-control.json").to_owned(),
            kind: StateErrorKind::UnknownName(name),
        }),
    }
}

/// Largest `pipeline.toml` that is read, in bytes.
const LONGEST_SETTINGS: u64 = 1 << 20;

/// The settings of the root at `layout`; the defaults where there is no `pipeline.toml`. What lies
/// there and is no regular file is an error, and is neither opened nor followed.
pub fn settings(layout: &Layout) -> Result<Settings, SettingsError> {
    let found = read_within(&layout.config(), LONGEST_SETTINGS)
        .map_err(|error| SettingsError::because(&error.kind))?;
    let Some(bytes) = found else { return Ok(Settings::default()) };
    let text = String::from_utf8(bytes).map_err(|error| SettingsError::because(&error))?;
    Settings::parse(&text).map_err(|error| SettingsError::because(&error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_told_from_switches_and_paths() {
        let check = |name, value, expected| assert_eq!(is_secret(name, value), expected, "{name}");
        check("HTTPS_PROXY", "http://proxy:3128", true);
        check("all_proxy", "socks5://joe:x@proxy", true);
        check("PIP_INDEX_URL", "https://joe:x@pypi.example/simple", true);
        check("GITHUB_TOKEN", "ghs_0123456789", true);
        check("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI", true);
        check("HOMEPAGE", "https://npm.example/@joe/x", false);
        check("NO_PROXY", "localhost,.example", false);
        check("SSH_AUTH_SOCK", "/run/ssh/agent.1", false);
        check("GOOGLE_APPLICATION_CREDENTIALS", "/run/google.json", false);
        check("USE_TOKEN", "true", false);
        check("SSL_CERT_FILE", "/etc/ssl/cert.pem", false);
        check("LANG", "C.UTF-8", false);
    }
}
