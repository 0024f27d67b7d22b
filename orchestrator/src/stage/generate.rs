//! From package ids to recipes.

use std::sync::Mutex;

use batch_core::{
    decide::claims::Claims,
    io::Clock,
    model::{EcosystemId, Finding, PackageId, Stage},
    plugin::EcosystemPlugin,
};
use chrono::{DateTime, Utc};
use futures_util::{StreamExt as _, stream};
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use crate::{
    failure::failure,
    generator::{Generated, Generator, NotGenerated},
    stage::{Event, Events, Made, Phase, elapsed_ms},
};

/// What to generate.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Input {
    /// Whose packages.
    pub ecosystem: EcosystemId,
    /// In this order; of two that want one name or command, whoever is ready first has it.
    pub packages: Vec<PackageId>,
}

/// What came of it: `results-generate.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Output {
    /// In the order of the input; those that an interruption left out are missing, and those that
    /// must wait for another recipe of this run.
    pub items: Vec<Item>,
}

/// One package.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Item {
    /// Which.
    pub package: PackageId,
    /// When its turn came.
    pub started_at: DateTime<Utc>,
    /// When it ended.
    pub ended_at: DateTime<Utc>,
    /// How long it took, in milliseconds.
    pub worked_ms: u64,
    /// A recipe or a failure.
    pub made: Made,
}

/// What the stage works with.
#[expect(missing_docs, reason = "the types say it")]
pub struct Tools<'a> {
    pub plugin: &'static EcosystemPlugin,
    pub generator: &'a dyn Generator,
    /// Names and commands that are taken; what is generated is added.
    pub claims: &'a Mutex<Claims>,
    pub clock: &'a dyn Clock,
    pub jobs: usize,
    pub events: &'a Events,
    pub cancel: &'a CancellationToken,
}

/// Generates every package of `input`, at most `jobs` at a time.
pub async fn run(input: Input, tools: &Tools<'_>) -> Output {
    let packages = stream::iter(input.packages);
    let items = packages.map(|package| one(package, tools)).buffered(tools.jobs.max(1));
    let items = items.filter_map(async |item| item);
    Output { items: items.collect().await }
}

/// `None` when the run was interrupted before it ended, or cannot decide about it.
async fn one(package: PackageId, tools: &Tools<'_>) -> Option<Item> {
    if tools.cancel.is_cancelled() {
        return None;
    }
    let (started_at, started) = (tools.clock.now(), tools.clock.monotonic());
    let _ = tools.events.send(Event::Began { package: package.clone(), at: started_at });
    let phase = Phase::Generate;
    let _ = tools.events.send(Event::Phase { package: package.clone(), phase });
    let generated = tokio::select! {
        generated = tools.generator.generate(tools.plugin, &package) => generated,
        () = tools.cancel.cancelled() => return None,
    };
    let made = match generated {
        Ok(generated) => claimed(generated, tools.claims)?,
        Err(NotGenerated { facts, failure, .. }) => {
            let (upstream_version, notes) = facts.map(|facts| (facts.version, facts.notes)).unzip();
            Made::Failed { upstream_version, notes: notes.unwrap_or_default(), failure }
        }
    };
    let (ended_at, worked_ms) = (tools.clock.now(), elapsed_ms(tools.clock, started));
    let item = Item { package, started_at, ended_at, worked_ms, made };
    let _ = tools.events.send(Event::Generated(Box::new(item.clone())));
    Some(item)
}

/// A recipe whose name or commands belong to another is none: found here, before anything is
/// installed. `None` when the other is of this run: should it fail, the way is free for this one,
/// which stays queued as it is.
fn claimed(generated: Generated, claims: &Mutex<Claims>) -> Option<Made> {
    let mut claims = claims.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let id = &generated.facts.id;
    Some(match claims.claim(&generated.name, &generated.facts) {
        Ok(()) => Made::Recipe(Box::new(generated)),
        Err(taken) if !taken.is_settled => {
            tracing::info!("wait {id}: {}, if it can be verified; asked again later", taken.reason);
            return None;
        }
        Err(taken) => {
            let failure = failure(Stage::Generate, Finding::stated(taken.kind), &taken.reason, id);
            let upstream_version = Some(generated.facts.version.clone());
            let notes = generated.facts.notes;
            Made::Failed { upstream_version, notes, failure: Box::new(failure) }
        }
    })
}
