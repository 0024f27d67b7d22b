//! The abilities of a machine: as data for a run, and as tools for the native validator.

mod disk;
mod environment;
mod first_look;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    time::Duration,
};

use batch_core::{
    decide::preflight::Choice,
    model::{EcosystemId, Environment, SkipReason},
    plugin::{EcosystemPlugin, Registry},
};

use batch_sandbox::{
    Limits, Sandbox,
    container::{CLIENT_VARIABLES, ContainerRuntime, NoRuntime},
};

pub use disk::force_to_disk;
pub use environment::{is_alive, of_this};

use crate::{
    containers::{Containers, Images, NotRunnable, needs_container},
    env::{Env, variables_called},
    net,
    settings::{RuntimeChoice, Settings},
    toolchain::FoundToolchain,
    validator::NativeValidator,
};

/// The abilities of a machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Machine {
    /// The environment, if it is a known one.
    pub environment: Option<Environment>,
    /// Ecosystems that can attempt nothing on it, with the reasons.
    pub obstacles: BTreeMap<EcosystemId, SkipReason>,
    /// The environments in addition to its own in which it can validate the recipes of each ecosystem, in
    /// containers. An ecosystem without one may be absent.
    pub others: BTreeMap<EcosystemId, BTreeSet<Environment>>,
}

impl Machine {
    /// Whether recipes of `ecosystem` can be validated in `environment` on this machine, if the ecosystem
    /// has no obstacle.
    pub fn can_run(&self, ecosystem: &EcosystemId, environment: Environment) -> bool {
        let others = self.others.get(ecosystem);
        self.environment == Some(environment)
            || others.is_some_and(|others| others.contains(&environment))
    }
}

/// The program that tests recipes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tester {
    /// The ecosystem's own tool in the sandbox. It must exist on the machine.
    Ecosystem,
    /// The package manager's own program, which installs tools itself and can use containers.
    PackageManager,
}

/// This machine with its sandbox and the tools of the ecosystems.
pub struct LocalMachine {
    choice: Choice,
    environment: Option<Environment>,
    sandbox: Option<Sandbox>,
    toolchains: BTreeMap<EcosystemId, FoundToolchain>,
    containers: Containers,
    /// Ecosystems that may attempt nothing now, with the reasons.
    stops: BTreeMap<EcosystemId, SkipReason>,
}

/// Searches what runs containers on this machine.
pub async fn find_containers(env: &Env, settings: &Settings) -> Containers {
    let choice = settings.containers.runtime;
    let runtime = if choice == RuntimeChoice::None {
        Err(NoRuntime(vec!["pipeline.toml says `runtime = \"none\"`".to_owned()]))
    } else {
        let variables = variables_called(CLIENT_VARIABLES.into_iter());
        ContainerRuntime::find(&env.host, choice.kinds(), &variables).await
    };
    Containers::new(runtime, Images::new(&settings.containers.images), of_this())
}

impl LocalMachine {
    /// Looks for a sandbox, for containers, and for the tool of every ecosystem of `choice` that this program can
    /// install. Each tool is a process, so the others are not asked. Nothing is started for the ecosystems of
    /// `stops`, which may attempt nothing, and nothing at all if there are no others.
    pub async fn detect(
        env: &Env,
        settings: &Settings,
        choice: Choice,
        stops: BTreeMap<EcosystemId, SkipReason>,
    ) -> Self {
        let may_attempt = |plugin: &&EcosystemPlugin| {
            choice.includes(&plugin.id) && !stops.contains_key(&plugin.id)
        };
        if !env.registry.iter().any(|plugin| may_attempt(&plugin)) {
            return Self::idle(settings, choice, stops);
        }
        let mut toolchains = BTreeMap::new();
        let used = env.registry.iter().filter(may_attempt);
        for plugin in used.filter(|plugin| !is_unfinished(plugin)) {
            if let Some(found) = env.toolchain(plugin).await {
                toolchains.insert(plugin.id.clone(), found);
            }
        }
        let sandbox = Sandbox::detect(&env.host, settings.sandbox.preference()).await;
        let containers = find_containers(env, settings).await;
        Self { choice, environment: of_this(), sandbox, toolchains, containers, stops }
    }

    /// This machine while nothing may be attempted on it.
    fn idle(settings: &Settings, choice: Choice, stops: BTreeMap<EcosystemId, SkipReason>) -> Self {
        let runtime = Err(NoRuntime(vec!["nothing may be attempted now".to_owned()]));
        Self {
            choice,
            environment: of_this(),
            sandbox: None,
            toolchains: BTreeMap::new(),
            containers: Containers::new(
                runtime,
                Images::new(&settings.containers.images),
                of_this(),
            ),
            stops,
        }
    }

    /// The environment of this machine.
    pub fn environment(&self) -> Option<Environment> {
        self.environment
    }

    /// The abilities of this machine for the chosen ecosystems of `registry` if `tester` tests recipes.
    pub fn offers(&self, registry: &Registry, tester: Tester) -> Machine {
        let chosen: Vec<&EcosystemPlugin> =
            registry.iter().filter(|plugin| self.choice.includes(&plugin.id)).collect();
        let obstacle =
            |plugin: &EcosystemPlugin| Some((plugin.id.clone(), self.obstacle(plugin, tester)?));
        let obstacles = chosen.iter().copied().filter_map(obstacle).collect();
        let others = chosen.into_iter().map(|plugin| {
            let all = Environment::ALL.iter().copied();
            let others = all.filter(|&it| self.in_container(plugin, tester, it).is_ok());
            (plugin.id.clone(), others.collect())
        });
        Machine { environment: self.environment, obstacles, others: others.collect() }
    }

    /// Whether recipes of `plugin` can be validated in a container of `environment` on this machine if
    /// `tester` tests them. The environment of this machine needs no container.
    pub fn in_container(
        &self,
        plugin: &EcosystemPlugin,
        tester: Tester,
        environment: Environment,
    ) -> Result<(), NotRunnable> {
        self.containers.image(environment)?;
        match &plugin.toolchain {
            Some(tool) if tester == Tester::Ecosystem => {
                Err(NotRunnable::NeedsTool(tool.program.to_owned()))
            }
            Some(_) | None => Ok(()),
        }
    }

    /// A validator that works in `work`; `None` without a sandbox.
    pub fn validator<'a>(
        &'a self,
        env: &'a Env,
        settings: &Settings,
        work: PathBuf,
    ) -> anyhow::Result<Option<NativeValidator<'a>>> {
        let Some(sandbox) = &self.sandbox else { return Ok(None) };
        let limits = settings.sandbox;
        Ok(Some(NativeValidator {
            sandbox,
            environment: self.environment,
            containers: &self.containers,
            toolchains: &self.toolchains,
            cleaner: &env.cleaner,
            passed_on: &env.passed_on,
            origins: net::origins(settings)?,
            actions: env.registry.recipe_actions().collect(),
            install_limits: Limits {
                memory_bytes: limits.memory_mib.get() << 20,
                cpus: limits.cpus.get_u32(),
                processes: limits.processes.get_u32(),
                disk_bytes: limits.disk_mib.get() << 20,
                files: limits.files.get(),
                wall_time: Duration::from_secs(limits.install_seconds.get()),
                ..Limits::default()
            },
            verify_wall: Duration::from_secs(limits.verify_seconds.get()),
            work,
        }))
    }

    fn obstacle(&self, plugin: &EcosystemPlugin, tester: Tester) -> Option<SkipReason> {
        let found = Found {
            environment: self.environment,
            tool: self.toolchains.contains_key(&plugin.id),
            sandbox: self.sandbox.is_some(),
        };
        self.stops.get(&plugin.id).cloned().or_else(|| found.obstacle(plugin, tester))
    }
}

/// What a machine has for an ecosystem.
#[derive(Debug, Clone, Copy)]
struct Found {
    environment: Option<Environment>,
    /// Its tool, if it needs one.
    tool: bool,
    sandbox: bool,
}

impl Found {
    /// Why `plugin` can attempt nothing if `tester` tests recipes.
    fn obstacle(self, plugin: &EcosystemPlugin, tester: Tester) -> Option<SkipReason> {
        let is_missing = match tester {
            Tester::Ecosystem => is_unfinished(plugin),
            Tester::PackageManager => plugin.recipe_builder.is_none(),
        };
        if is_missing {
            return Some(SkipReason::BuilderMissing);
        }
        let Some(environment) = self.environment else { return Some(SkipReason::NotThisMachine) };
        if plugin.local_os.is_some_and(|os| os != environment.cell().os()) {
            return Some(SkipReason::NotThisMachine);
        }
        if tester == Tester::PackageManager {
            return None;
        }
        if let Some(wanted) = plugin.toolchain.as_ref().filter(|_| !self.tool) {
            return Some(SkipReason::ToolMissing { program: wanted.program.to_owned() });
        }
        (!self.sandbox).then_some(SkipReason::NoSandbox)
    }
}

/// Whether this program cannot make or install the recipes of `plugin` on any machine.
pub fn is_unfinished(plugin: &EcosystemPlugin) -> bool {
    plugin.recipe_builder.is_none() || plugin.installer.is_none()
}

/// Whether `tester` can test recipes of `plugin` in `environment` on its hosted machine. The images of
/// containers have no tools of ecosystems.
pub fn can_test_hosted(plugin: &EcosystemPlugin, tester: Tester, environment: Environment) -> bool {
    match tester {
        Tester::PackageManager => true,
        Tester::Ecosystem => !needs_container(environment) || plugin.toolchain.is_none(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plugins;

    #[test]
    fn a_recipe_that_needs_a_tool_is_tested_in_no_container_unless_the_tester_brings_the_tool() {
        let registry = plugins::registry().unwrap();
        for plugin in registry.iter() {
            let needs_tool = plugin.toolchain.is_some();
            let check = |environment, expected| {
                assert!(can_test_hosted(plugin, Tester::PackageManager, environment));
                let found = can_test_hosted(plugin, Tester::Ecosystem, environment);
                assert_eq!(found, expected, "{} in {environment}", plugin.id);
            };
            check(Environment::DebianX86, true);
            check(Environment::DebianArm, true);
            check(Environment::MacArm, true);
            check(Environment::AlpineX86, !needs_tool);
            check(Environment::RhelArm, !needs_tool);
        }
    }
}
