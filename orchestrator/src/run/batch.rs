//! One batch: generate, validate, gate, persist.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use anyhow::Context as _;
use batch_core::{
    decide::{claims::Claims, journal, preflight::Turned},
    io::{Http, Journal, PoliteHttp},
    model::{
        ActionShape, JournalFinish, JournalLine, JournalStart, KnownRecipes, PackageId,
        SCHEMA_VERSION,
    },
    persist::persist,
    plugin::EcosystemPlugin,
};
use tokio::sync::mpsc::{self, UnboundedReceiver};
use tokio_util::sync::CancellationToken;

use crate::{
    env::{Env, Root},
    generator::{BuiltinGenerator, Generator as _},
    progress::Progress,
    run::summary::BatchSummary,
    seeds,
    stage::{
        Event, Made, generate, merge,
        preflight::{self, Machine},
        validate,
    },
    validator::NativeValidator,
};

/// What a batch works with.
pub(super) struct Tools<'a> {
    pub(super) env: &'a Env,
    pub(super) root: &'a Root,
    pub(super) machine: &'a Machine,
    pub(super) http: &'a Arc<PoliteHttp>,
    pub(super) claims: &'a Mutex<Claims>,
    pub(super) known: &'a KnownRecipes,
    pub(super) progress: &'a Arc<Progress>,
    pub(super) jobs: usize,
    pub(super) cancel: &'a CancellationToken,
}

/// Runs a batch, from its first request to its record.
pub(super) async fn run(turned: Turned, tools: &Tools<'_>) -> anyhow::Result<BatchSummary> {
    let Tools { env, root, .. } = *tools;
    let id = turned.plan.batch.clone();
    let plugin = env.registry.get(id.ecosystem()).context("a plan names registered ecosystems")?;
    let actions: Vec<ActionShape> = env.registry.recipe_actions().collect();
    let http: Arc<dyn Http> = tools.http.clone();
    let generator = BuiltinGenerator {
        http: Arc::clone(&http),
        actions: actions.clone(),
        known: tools.known.clone(),
        looked_at: seeds::looked_at(plugin, &root.settings)?,
        cleaner: Arc::clone(&env.cleaner),
    };
    let validator = tools.machine.validator(env, &root.settings, http, root.layout.work())?;
    let validator = validator.context("a plan without a sandbox has no attempts")?;
    let start = JournalStart {
        schema_version: SCHEMA_VERSION,
        batch: id.clone(),
        turn: turned.turn.clone(),
        probing: turned.plan.probing,
        generator: generator.name(),
        workflow_run_url: env.workflow_run_url.clone(),
    };
    let journal = Journal::create(&root.layout, &start).context("cannot open the journal")?;
    let (events, received) = mpsc::unbounded_channel();
    let lines = vec![JournalLine::Start(start)];
    let progress = Arc::clone(tools.progress);
    // What cannot be noted is not done either: a full disk ends the batch, not just its journal.
    let stop = tools.cancel.child_token();
    let stopper = stop.clone();
    let recorder = Recorder { journal, lines, actions, progress };
    // Each line waits for the disk.
    let noting = tokio::task::spawn_blocking(move || {
        recorder.record(received).inspect_err(|_| stopper.cancel())
    });
    let stoppable = Tools { cancel: &stop, ..*tools };
    attempt_all(turned, plugin, (&generator, &validator), &stoppable, events).await;
    let (mut journal, mut lines) = noting.await.context("the recorder came to grief")??;

    let hosts: Vec<&str> = plugin.rate_limit.quotas().iter().map(|quota| quota.host).collect();
    let is_own = |host: &String| hosts.contains(&&**host);
    lines.push(JournalLine::Finish(JournalFinish {
        ended_at: env.clock.now(),
        requests: tools.http.usage().into_iter().filter(|(host, _)| is_own(host)).collect(),
        pauses: tools.http.pauses(),
    }));
    if let Some(finish) = lines.last() {
        journal.append(finish).context("cannot finish the journal")?;
    }
    let delta = journal::delta(&lines, env.clock.now()).context("a started journal has a delta")?;
    let (backoff, breaker) = (root.settings.backoff_policy(), root.settings.breaker_policy());
    let rules = preflight::rules(env, &plugin.id, &backoff, &breaker);
    tracing::debug!(batch.id = %id, phase = "persist", "persist {id}");
    let persisted = persist(&root.state, &delta, &rules)
        .with_context(|| format!("{id} is kept in the outbox and persisted by the next run"))?;
    journal.discard()?;
    Ok(BatchSummary::new(&delta, &persisted))
}

/// Generates and validates what was planned, telling `events`.
async fn attempt_all(
    turned: Turned,
    plugin: &'static EcosystemPlugin,
    (generator, validator): (&BuiltinGenerator, &NativeValidator<'_>),
    tools: &Tools<'_>,
    events: mpsc::UnboundedSender<Event>,
) {
    let Tools { env, machine, claims, jobs, cancel, .. } = *tools;
    let clock = &*env.clock;
    let input = generate::Input { ecosystem: plugin.id.clone(), packages: turned.plan.attempts };
    let generate_tools =
        generate::Tools { plugin, generator, claims, clock, jobs, events: &events, cancel };
    let output = generate::run(input, &generate_tools).await;
    let recipe = |item: generate::Item| match item.made {
        Made::Recipe(generated) => Some(*generated),
        Made::Failed { .. } => None,
    };
    let Some(environment) = machine.environment else { return };
    let recipes = output.items.into_iter().filter_map(recipe).collect();
    let validate_tools =
        validate::Tools { plugin, validator, clock, jobs, events: &events, cancel };
    validate::run(validate::Input { environment, recipes }, &validate_tools).await;
}

/// Alone owns the journal: what stages tell becomes attempts, and attempts become lines.
struct Recorder {
    journal: Journal,
    lines: Vec<JournalLine>,
    actions: Vec<ActionShape>,
    progress: Arc<Progress>,
}

impl Recorder {
    /// Records until nobody is left to tell anything.
    fn record(
        mut self,
        mut events: UnboundedReceiver<Event>,
    ) -> anyhow::Result<(Journal, Vec<JournalLine>)> {
        let mut waiting: BTreeMap<PackageId, generate::Item> = BTreeMap::new();
        while let Some(event) = events.blocking_recv() {
            let attempt = match event {
                Event::Phase { package, phase } => {
                    self.progress.phase(&package, phase);
                    continue;
                }
                Event::Began { package, at } => {
                    self.append(JournalLine::Began { package, at })?;
                    continue;
                }
                Event::Generated(item) => {
                    let attempt = merge::attempt(&item, &[], &self.actions);
                    if attempt.is_none() {
                        waiting.insert(item.package.clone(), *item);
                    }
                    attempt
                }
                Event::Validated(result) => {
                    let item = waiting.remove(&result.package);
                    item.and_then(|item| merge::attempt(&item, &[*result], &self.actions))
                }
            };
            if let Some(attempt) = attempt {
                self.progress.ended(&attempt);
                self.append(JournalLine::Ended(Box::new(attempt)))?;
            }
        }
        Ok((self.journal, self.lines))
    }

    fn append(&mut self, line: JournalLine) -> anyhow::Result<()> {
        self.journal.append(&line).context("cannot write to the journal")?;
        self.lines.push(line);
        Ok(())
    }
}
