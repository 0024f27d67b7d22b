//! The work on one batch: it generates recipes and tests them, and tells facts.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use anyhow::Context as _;
use batch_core::{
    decide::{ladder::Climb, name_registry::NameRegistry},
    io::{Account, Http},
    model::{Environment, Fact, Finished, PackageId, PlannedPackage, SCHEMA_VERSION, Started},
    plugin::EcosystemPlugin,
};
use futures_util::{Stream, StreamExt as _};
use tokio::sync::Semaphore;

use super::ports::{Ports, RunConfig};
use crate::{
    stage::{Facts, Stop, generate, validate},
    validator::Validator,
};

/// How many packages of a batch are generated at the same time. Generating means waiting for answers:
/// with so many, only the limits of the registries decide how fast it is.
const GENERATED_AT_ONCE: usize = 8;

/// What all batches of a process share.
#[derive(Clone, Copy)]
pub(super) struct Shared<'a> {
    pub(super) ports: &'a Ports<'a>,
    pub(super) config: &'a RunConfig<'a>,
    /// The environments that this process tests.
    pub(super) environments: &'a [Environment],
    /// One permit for each validation that may run at the same time.
    pub(super) permits: &'a Semaphore,
    /// The recipes that existed at the start of the run.
    pub(super) name_registry: &'a NameRegistry,
    /// How often the generation of packages was begun by earlier processes.
    pub(super) begun: &'a BTreeMap<PackageId, u32>,
}

/// The work on one batch.
pub(super) struct Work<'a> {
    shared: Shared<'a>,
    started: &'a Started,
    plugin: &'static EcosystemPlugin,
    /// Sends and counts the requests of this batch.
    account: Arc<dyn Account>,
    jitter: Mutex<fastrand::Rng>,
}

impl<'a> Work<'a> {
    pub(super) fn new(started: &'a Started, shared: Shared<'a>) -> anyhow::Result<Self> {
        let plugin = shared.config.registry.get(started.batch_id.ecosystem());
        Ok(Self {
            shared,
            started,
            plugin: plugin.context("a plan names registered ecosystems")?,
            account: shared.ports.traffic.account(),
            jitter: Mutex::new(shared.config.jitter.clone()),
        })
    }

    /// Generates `packages` and tests their recipes. The next packages are generated while recipes
    /// are tested.
    pub(super) async fn attempt(
        &self,
        packages: Vec<PlannedPackage>,
        facts: Facts,
        stop: &Stop,
    ) -> anyhow::Result<()> {
        let generating = self.generating(&facts, stop);
        self.test(generate::run(packages, &generating), facts.clone(), stop).await
    }

    /// Generates `packages` and tests nothing.
    pub(super) async fn generate(&self, packages: Vec<PlannedPackage>, facts: Facts, stop: &Stop) {
        let generating = self.generating(&facts, stop);
        generate::run(packages, &generating).for_each(async |_| ()).await;
    }

    /// Tests recipes in the environments of this process.
    pub(super) async fn test(
        &self,
        climbs: impl Stream<Item = Climb>,
        facts: Facts,
        stop: &Stop,
    ) -> anyhow::Result<()> {
        let validating = self.validating(&facts, stop)?;
        validate::run(climbs, &validating).await;
        Ok(())
    }

    fn http(&self) -> &dyn Http {
        &*self.account
    }

    fn generating<'t>(&'t self, facts: &'t Facts, stop: &'t Stop) -> generate::Tools<'t> {
        let Shared { ports, name_registry, begun, .. } = self.shared;
        generate::Tools {
            batch: &self.started.batch_id,
            plugin: self.plugin,
            generator: ports.generator,
            http: self.http(),
            name_registry,
            clock: ports.clock,
            jobs: GENERATED_AT_ONCE,
            begun,
            facts,
            progress: ports.progress,
            stop,
        }
    }

    fn validating<'t>(
        &'t self,
        facts: &'t Facts,
        stop: &'t Stop,
    ) -> anyhow::Result<validate::Tools<'t>> {
        let Shared { ports, environments, permits, name_registry, .. } = self.shared;
        let validator: Option<&dyn Validator> = ports.validator;
        Ok(validate::Tools {
            batch: &self.started.batch_id,
            plan: &self.started.plan,
            plugin: self.plugin,
            validator: validator.context("a plan without a sandbox has no attempts")?,
            generator: ports.generator,
            name_registry,
            http: self.http(),
            environments,
            clock: ports.clock,
            jitter: &self.jitter,
            permits,
            facts,
            progress: ports.progress,
            stop,
        })
    }

    /// The end fact of the process that generates, if `environment` is `None`, or else of the one
    /// that tests there. The requests of this work are counted in it if `with_traffic`.
    pub(super) fn end(&self, environment: Option<Environment>, with_traffic: bool) -> Fact {
        let ports = self.shared.ports;
        let counted = with_traffic.then(|| (self.account.usage(), ports.traffic.pauses()));
        let (requests, pauses) = counted.unwrap_or_default();
        Fact::Finished(Finished {
            schema_version: SCHEMA_VERSION,
            batch_id: self.started.batch_id.clone(),
            at: ports.clock.now(),
            environment,
            requests,
            pauses,
            minutes: None,
        })
    }
}
