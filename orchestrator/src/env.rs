//! The environment of the process, read once, and the root.

use std::{
    collections::BTreeMap,
    ffi::{OsStr, OsString},
    io::IsTerminal as _,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::Context as _;
use batch_core::{
    decide::{
        clean::{Cleaner, KnownFolders, Redactor},
        unknown_names,
    },
    io::{
        Clock, FsState, Layout, StateError, StateErrorKind, StateReader, SystemClock, read_within,
    },
    model::{Control, EcosystemId},
    plugin::{EcosystemPlugin, Registry},
};
use chrono::{DateTime, Utc};

use batch_forge::Secret;
use batch_sandbox::{CERTIFICATE_VARIABLES, Host, PROXY_VARIABLES};

use crate::{
    plugins,
    settings::{Settings, SettingsError},
    toolchain::{self, FoundToolchain, find_toolchain},
};

/// Variables of this machine that a step with network may see, because tools need them to trust
/// this machine's certificates and to reach the network. Other steps do not see them.
const PASSED_VARIABLES: [&[&str]; 2] = [&CERTIFICATE_VARIABLES, &PROXY_VARIABLES];

/// Variables that toolchains need to find their files.
const OF_TOOLCHAINS: &[&str] =
    &["CARGO_HOME", "GOROOT", "HOME", "NVM_DIR", "PYENV_ROOT", "RUSTUP_HOME", "VOLTA_HOME"];

/// The environment of the process.
pub struct Env {
    /// The one source of time.
    pub clock: Arc<dyn Clock>,
    /// The only source of random numbers. It varies waiting times and decides nothing.
    pub jitter: fastrand::Rng,
    /// Every ecosystem.
    pub registry: Registry,
    /// Where programs are searched, and which program starts the processes of the sandbox.
    pub host: Host,
    /// Cleans everything that is recorded and printed. It knows the secrets in the variables of
    /// this process.
    pub cleaner: Arc<Cleaner>,
    /// Variables that sandboxed tools may see in steps with network.
    pub passed_on: BTreeMap<String, String>,
    /// Variables for the commands that print the folder of a toolchain.
    pub of_toolchains: Vec<(String, OsString)>,
    /// The address of the CI run that this process belongs to.
    pub workflow_run_url: Option<String>,
    /// Variables that git may see.
    pub of_git: BTreeMap<String, String>,
    /// The token for the forge and its repositories. It is in no environment of package code.
    pub forge_token: Option<Secret>,
}

/// Values that tests of the whole program fix, so that a run can be repeated.
#[derive(Debug, Clone, Copy, Default)]
pub struct TestOverrides {
    /// The fixed wall-clock time; `None` for the real time.
    pub now: Option<DateTime<Utc>>,
    /// The seed of [`Env::jitter`]; `None` for a random one.
    pub seed: Option<u64>,
}

impl Env {
    /// Reads the environment of this process, except for the values in `overrides`.
    #[expect(clippy::disallowed_methods, reason = "this is where the environment comes in")]
    pub fn of_process(overrides: TestOverrides) -> anyhow::Result<Self> {
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
        let known_folders = KnownFolders::new(std::env::var_os("HOME").map(PathBuf::from));
        Ok(Self {
            clock: Arc::new(overrides.now.map_or_else(SystemClock::default, SystemClock::fixed_at)),
            jitter: overrides.seed.map_or_else(fastrand::Rng::new, fastrand::Rng::with_seed),
            registry: plugins::registry()?,
            cleaner: Arc::new(Cleaner::new(redactor, known_folders)),
            host: Host {
                executable: std::env::current_exe()
                    .context("cannot find this program's own file")?,
                path: std::env::var_os("PATH").unwrap_or_default(),
                namespaces: true,
            },
            passed_on: passed_on.collect(),
            of_toolchains: of_toolchains.collect(),
            workflow_run_url: of_github(),
            of_git: variables_called(batch_forge::git::PASSED_VARIABLES.iter().copied()),
            forge_token: variable("GITHUB_TOKEN").and_then(|token| Secret::new(&token)),
        })
    }

    /// The tool of `plugin`; `None` when it is not on this machine or cannot be used.
    pub async fn toolchain(&self, plugin: &EcosystemPlugin) -> Option<FoundToolchain> {
        let wanted = plugin.toolchain.as_ref()?;
        match find_toolchain(wanted, &self.host.path, &self.toolchain_variables()).await {
            Ok(found) => found,
            Err(error) => {
                tracing::debug!("{} cannot be used for {}: {error}", wanted.program, plugin.id);
                None
            }
        }
    }

    /// Whether the tool of `plugin`, if it needs one, may be on this machine. No program is started.
    pub async fn may_have_toolchain(&self, plugin: &EcosystemPlugin) -> bool {
        let Some(wanted) = &plugin.toolchain else { return true };
        toolchain::may_be_found(wanted, &self.host.path, &self.toolchain_variables()).await
    }

    fn toolchain_variables(&self) -> Vec<(&str, &OsStr)> {
        self.of_toolchains.iter().map(|(name, value)| (&**name, &**value)).collect()
    }
}

/// The variables of this process that are called one of `names`.
#[expect(clippy::disallowed_methods, reason = "this is where the environment comes in")]
pub fn variables_called<'a>(names: impl Iterator<Item = &'a str>) -> BTreeMap<String, String> {
    names.filter_map(|name| Some((name.to_owned(), std::env::var(name).ok()?))).collect()
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

/// Whether the variable `name` contains a secret: proxies, URLs with a user or a password, and
/// values whose names say so. Switches and paths are not secret.
fn is_secret(name: &str, value: &str) -> bool {
    const SHORTEST: usize = 8;
    let name = name.to_ascii_uppercase();
    let is_proxy = name.ends_with("_PROXY") && name != "NO_PROXY";
    let host = value.split_once("://").and_then(|(_, rest)| rest.split(['/', '?', '#']).next());
    let has_user = host.is_some_and(|host| host.contains('@'));
    let is_called = OF_SECRETS.iter().any(|part| name.contains(part));
    is_proxy || has_user || is_called && SHORTEST <= value.len() && !value.starts_with('/')
}

/// When the output has colours.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum ColorChoice {
    /// On a terminal, unless `NO_COLOR` is set; anywhere if `CLICOLOR_FORCE` is set.
    #[default]
    Auto,
    /// In any case.
    Always,
    /// In no case.
    Never,
}

/// Whether standard output should have colours, by `choice`, by the variables of
/// <https://no-color.org> and <https://bixense.com/clicolors>, and because it is a terminal.
#[expect(clippy::disallowed_methods, reason = "this is where the environment comes in")]
pub fn wants_color(choice: ColorChoice) -> bool {
    let value = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    let is_forced = value("CLICOLOR_FORCE").is_some_and(|value| value != "0");
    has_color(choice, (value("NO_COLOR").is_some(), is_forced), std::io::stdout().is_terminal())
}

fn has_color(
    choice: ColorChoice,
    (is_refused, is_forced): (bool, bool),
    is_terminal: bool,
) -> bool {
    match choice {
        ColorChoice::Auto => !is_refused && (is_forced || is_terminal),
        ColorChoice::Always => true,
        ColorChoice::Never => false,
    }
}

/// The number of columns of standard output: as the variable `COLUMNS` says, or else as its terminal
/// does. `None` if neither says it.
#[expect(clippy::disallowed_methods, reason = "this is where the environment comes in")]
pub fn columns() -> Option<usize> {
    let told = std::env::var("COLUMNS").ok().and_then(|text| text.parse().ok());
    let of_terminal = || {
        let stdout = std::io::stdout();
        let size = stdout.is_terminal().then(|| rustix::termios::tcgetwinsize(&stdout))?.ok()?;
        Some(usize::from(size.ws_col))
    };
    told.or_else(of_terminal).filter(|columns| *columns > 0)
}

/// The root in which the current folder lies, found as git finds its repository; the current folder
/// itself if it lies in none.
///
/// A root above that belongs to another user is passed over: whoever can write into a folder above, such
/// as `/tmp`, could otherwise choose the programs that are run here.
pub fn enclosing_root() -> PathBuf {
    let here = PathBuf::from(".");
    let control = |dir: &Path| Layout::new(dir).control();
    if control(&here).is_file() {
        return here;
    }
    let user = rustix::process::geteuid().as_raw();
    let is_own = |path: &Path| path.symlink_metadata().is_ok_and(|it| it.uid() == user);
    let is_own_root = |dir: &&Path| control(dir).is_file() && is_own(dir) && is_own(&control(dir));
    let current = std::env::current_dir().unwrap_or_default();
    let above = current.ancestors().skip(1).find(is_own_root);
    above.map_or(here, Path::to_owned)
}

/// A folder with the state of a pipeline.
pub struct Root {
    /// The paths of all files.
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

    /// The control file, in which `registry` knows every name.
    pub fn control(&self, registry: &Registry) -> Result<Control, StateError> {
        control(&self.state, registry)
    }
}

/// The control file of `state`. A name in it that `registry` does not know is an error, because an
/// ecosystem that an operator tried to stop must not run.
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

/// Maximal size of `pipeline.toml` in bytes.
const MAX_SETTINGS: u64 = 1 << 20;

/// The settings of the root at `layout`; the defaults when there is no `pipeline.toml`. Anything
/// but a regular file is an error and is not opened.
pub fn settings(layout: &Layout) -> Result<Settings, SettingsError> {
    let found = read_within(&layout.config(), MAX_SETTINGS)
        .map_err(|error| SettingsError::because(&error.kind))?;
    let Some(bytes) = found else { return Ok(Settings::default()) };
    let text = String::from_utf8(bytes).map_err(|error| SettingsError::because(&error))?;
    Settings::parse(&text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_distinguished_from_switches_and_paths() {
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

    #[test]
    fn an_option_decides_about_colours_then_variables_then_the_terminal() {
        use ColorChoice::{Always, Auto, Never};
        for is_terminal in [false, true] {
            for variables in [(false, false), (false, true), (true, false), (true, true)] {
                assert!(has_color(Always, variables, is_terminal));
                assert!(!has_color(Never, variables, is_terminal));
            }
            assert_eq!(has_color(Auto, (false, false), is_terminal), is_terminal);
            assert!(has_color(Auto, (false, true), is_terminal));
            assert!(!has_color(Auto, (true, false), is_terminal));
            assert!(!has_color(Auto, (true, true), is_terminal), "a refusal is the stronger one");
        }
    }
}
