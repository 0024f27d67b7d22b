//! What a machine offers: to a run as data, and to the native validator as tools.

mod environment;

use std::{collections::BTreeMap, path::PathBuf, sync::Arc, time::Duration};

use batch_core::{
    io::Http,
    model::{EcosystemId, Environment, SkipReason},
    plugin::{EcosystemPlugin, Registry},
};

use batch_sandbox::{Limits, Sandbox};

pub use environment::{environment, is_alive, of_this};

use crate::{
    env::Env, net, settings::Settings, toolchain::FoundToolchain, validator::NativeValidator,
};

/// What a machine offers to a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Machine {
    /// Which of the known environments it is.
    pub environment: Option<Environment>,
    /// Ecosystems that can attempt nothing on it, and why.
    pub obstacles: BTreeMap<EcosystemId, SkipReason>,
}

/// This machine: its sandbox, and the ecosystems' own tools.
pub struct LocalMachine {
    environment: Option<Environment>,
    sandbox: Option<Sandbox>,
    toolchains: BTreeMap<EcosystemId, FoundToolchain>,
}

impl LocalMachine {
    /// Looks for a sandbox and for the tool of every ecosystem that this program can install.
    pub async fn look_around(env: &Env, settings: &Settings) -> Self {
        let mut toolchains = BTreeMap::new();
        let is_used = |plugin: &&EcosystemPlugin| !is_unfinished(plugin);
        for plugin in env.registry.iter().filter(is_used) {
            if let Some(found) = env.toolchain(plugin).await {
                toolchains.insert(plugin.id.clone(), found);
            }
        }
        let sandbox = Sandbox::detect(&env.host, settings.sandbox.preference()).await.sandbox;
        Self { environment: of_this(), sandbox, toolchains }
    }

    /// What it offers to the ecosystems of `registry`.
    pub fn offers(&self, registry: &Registry) -> Machine {
        let obstacle = |plugin: &EcosystemPlugin| Some((plugin.id.clone(), self.obstacle(plugin)?));
        let obstacles = registry.iter().filter_map(obstacle).collect();
        Machine { environment: self.environment, obstacles }
    }

    /// What validates in `work` and downloads by `http`; `None` without a sandbox.
    pub fn validator<'a>(
        &'a self,
        env: &'a Env,
        settings: &Settings,
        http: Arc<dyn Http>,
        work: PathBuf,
    ) -> anyhow::Result<Option<NativeValidator<'a>>> {
        let Some(sandbox) = &self.sandbox else { return Ok(None) };
        let limits = settings.sandbox;
        Ok(Some(NativeValidator {
            sandbox,
            toolchains: &self.toolchains,
            cleaner: &env.cleaner,
            passed_on: &env.passed_on,
            origins: net::origins(settings)?,
            http,
            actions: env.registry.recipe_actions().collect(),
            install_limits: Limits {
                memory_bytes: limits.memory_mib << 20,
                cpus: limits.cpus,
                processes: limits.processes,
                disk_bytes: limits.disk_mib << 20,
                wall: Duration::from_secs(limits.install_seconds),
                ..Limits::default()
            },
            verify_wall: Duration::from_secs(limits.verify_seconds),
            work,
        }))
    }

    fn obstacle(&self, plugin: &EcosystemPlugin) -> Option<SkipReason> {
        if is_unfinished(plugin) {
            return Some(SkipReason::BuilderMissing);
        }
        let Some(environment) = self.environment else { return Some(SkipReason::NotThisMachine) };
        if plugin.local_os.is_some_and(|os| os != environment.cell().os()) {
            return Some(SkipReason::NotThisMachine);
        }
        if let Some(wanted) = &plugin.toolchain
            && !self.toolchains.contains_key(&plugin.id)
        {
            return Some(SkipReason::ToolMissing { program: wanted.program.to_owned() });
        }
        self.sandbox.is_none().then_some(SkipReason::NoSandbox)
    }
}

/// Whether this program cannot make or install the recipes of `plugin`, whatever the machine.
fn is_unfinished(plugin: &EcosystemPlugin) -> bool {
    plugin.recipe_builder.is_none() || plugin.installer.is_none()
}
