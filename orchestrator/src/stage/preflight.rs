//! Looking around: what this machine and this root allow, as data for
//! [`batch_core::decide::preflight`], which decides.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use batch_core::{
    decide::{
        apply::Rules,
        backoff::BackoffPolicy,
        breaker::BreakerPolicy,
        claims::Claims,
        plan::Share,
        preflight::{self, Candidate, Choice, Preflight},
        recipe,
    },
    io::{Http, PATIENCE, StateReader as _},
    model::{ActionShape, Control, EcosystemId, Environment, KnownRecipes, Queue, SkipReason},
    plugin::EcosystemPlugin,
};
use batch_sandbox::{Limits, Sandbox};
use chrono::{DateTime, Utc};

use crate::{
    env::{Env, Root},
    machine, net,
    settings::Settings,
    toolchain::FoundToolchain,
    validator::NativeValidator,
};

/// What this machine offers to every ecosystem.
pub struct Machine {
    /// Which of the known environments it is.
    pub environment: Option<Environment>,
    /// What contains package code; `None` where nothing works.
    pub sandbox: Option<Sandbox>,
    /// The ecosystems' own tools, where they were found.
    pub toolchains: BTreeMap<EcosystemId, FoundToolchain>,
}

impl Machine {
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
        Self { environment: machine::of_this(), sandbox, toolchains }
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

    /// What keeps `plugin` from attempting anything here.
    pub fn obstacle(&self, plugin: &EcosystemPlugin) -> Option<SkipReason> {
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

/// Decides the run that starts now.
pub fn run(
    env: &Env,
    root: &Root,
    machine: &Machine,
    choice: &Choice,
    share: Share,
) -> anyhow::Result<Preflight> {
    let control = root.state.control()?;
    let now = env.clock.now();
    let candidates = env.registry.iter().map(|plugin| {
        let candidate = candidate(plugin, root, machine);
        let obstacle = candidate.obstacle.or_else(|| paused_host(plugin, &control, now));
        Candidate { obstacle, ..candidate }
    });
    let candidates: Vec<Candidate> = candidates.collect();
    let policy = root.settings.breaker_policy();
    Ok(preflight::run(&candidates, &control, choice, share, (now, &policy)))
}

/// A pause that no request would wait for: without a request there is nothing to attempt, and
/// nothing that could be held against package or registry.
fn paused_host(
    plugin: &EcosystemPlugin,
    control: &Control,
    now: DateTime<Utc>,
) -> Option<SkipReason> {
    let hosts = plugin.rate_limit.quotas().iter().map(|quota| quota.host);
    let paused = hosts.filter_map(|host| Some((host, control.hosts.get(host)?.paused_until)));
    let (host, until) = paused.max_by_key(|&(_, until)| until)?;
    let is_long = now + PATIENCE < until;
    is_long.then(|| SkipReason::HostPaused { host: host.to_owned(), until })
}

fn candidate(plugin: &EcosystemPlugin, root: &Root, machine: &Machine) -> Candidate {
    let (queue, unreadable) = match root.state.queue(&plugin.id) {
        Ok(Some(file)) => {
            for bad in &file.quarantined {
                let (name, place, reason) = (&bad.file, bad.place, &bad.reason);
                tracing::warn!("{name}, entry {place} is passed over: {reason}");
            }
            (file.entries, None)
        }
        Ok(None) => (Queue::new(), Some(SkipReason::QueueMissing)),
        Err(error) => {
            let error = error.to_string();
            (Queue::new(), Some(SkipReason::QueueUnreadable { error }))
        }
    };
    let obstacle = machine.obstacle(plugin).or(unreadable);
    Candidate { ecosystem: plugin.id.clone(), obstacle, queue }
}

/// What applying a run of `ecosystem` depends on.
pub fn rules<'a>(
    env: &Env,
    ecosystem: &EcosystemId,
    backoff: &'a BackoffPolicy,
    breaker: &'a BreakerPolicy,
) -> Rules<'a> {
    let plugin = env.registry.get(ecosystem);
    let hosts = plugin.into_iter().flat_map(|plugin| plugin.rate_limit.quotas());
    let tool = plugin.and_then(|plugin| plugin.toolchain.as_ref()).map(|tool| tool.program);
    let own_services: BTreeSet<&str> = hosts.map(|quota| quota.host).chain(tool).collect();
    Rules { own_services, backoff, breaker }
}

/// The recipes of a root, read once.
#[derive(Debug, Default)]
pub struct Recipes {
    /// What they claim.
    pub claims: Claims,
    /// What may depend on them.
    pub known: KnownRecipes,
}

/// The recipes of `root`, and those that its settings name. A recipe that cannot be read claims its
/// name, and nothing can depend on it.
pub fn recipes(env: &Env, root: &Root) -> anyhow::Result<Recipes> {
    let actions: Vec<ActionShape> = env.registry.recipe_actions().collect();
    let mut recipes = Recipes::default();
    for (name, satisfies) in &root.settings.bundled_recipes {
        recipes.known.add_named(name, satisfies);
    }
    for name in root.state.recipe_names()? {
        let read = root.state.recipe(&name).map_err(anyhow::Error::from).and_then(|text| {
            recipe::read(&text.unwrap_or_default(), &actions).map_err(anyhow::Error::from)
        });
        match read {
            Ok(recipe) => {
                recipes.claims.add(&name, &recipe);
                recipes.known.add(&name, &recipe);
            }
            Err(error) => {
                tracing::warn!("recipe {name} cannot be read: {error}");
                recipes.claims.add_unreadable(name);
            }
        }
    }
    Ok(recipes)
}
