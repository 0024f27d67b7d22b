//! The only owner of the facts of a batch. It writes the facts that the stages tell.

use std::sync::Arc;

use anyhow::Context as _;
use batch_core::{
    io::{FactSink, FactWriter, run_blocking},
    model::{BatchId, Fact, Started},
};
use tokio::sync::mpsc::{self, Receiver};

use crate::{
    progress::Progress,
    stage::{Facts, Stop},
};

/// Maximal number of facts in one write.
const MAX_AT_ONCE: usize = 64;

/// How many facts may wait to be written. Whoever tells one more waits.
const MAX_WAITING: usize = 64;

/// The facts of a batch that is in progress.
pub(super) struct Journal {
    writer: Arc<dyn FactWriter>,
    batch: BatchId,
    facts: Vec<Fact>,
}

impl Journal {
    /// Begins the journal of a batch with its first fact.
    pub(super) async fn begin(sink: Arc<dyn FactSink>, started: &Started) -> anyhow::Result<Self> {
        let batch = started.batch_id.clone();
        let facts = vec![Fact::Started(Box::new(started.clone()))];
        let (kept, started) = (Arc::clone(&sink), started.clone());
        run_blocking(move || kept.begin(&started)).await.context("cannot open the journal")?;
        Ok(Self { writer: sink, batch, facts })
    }

    /// Continues with a batch about which `facts` are known.
    pub(super) fn resume(writer: Arc<dyn FactWriter>, batch: BatchId, facts: Vec<Fact>) -> Self {
        Self { writer, batch, facts }
    }

    /// Does `work` and writes the facts that it tells. A fact that cannot be stored must not happen:
    /// a full disk ends the work, and not only the journal.
    pub(super) async fn during<T>(
        &mut self,
        progress: &Progress,
        stop: &Stop,
        work: impl AsyncFnOnce(Facts, &Stop) -> T,
    ) -> anyhow::Result<T> {
        let (facts, told) = mpsc::channel(MAX_WAITING);
        let stop = stop.child();
        let recorded = async { self.record(told, progress).await.inspect_err(|_| stop.now()) };
        let (recorded, done) = futures_util::future::join(recorded, work(facts, &stop)).await;
        recorded?;
        Ok(done)
    }

    /// Writes the facts from `told` until no stage can tell any more. Facts that arrive during a
    /// write are written together.
    async fn record(
        &mut self,
        mut told: Receiver<Fact>,
        progress: &Progress,
    ) -> anyhow::Result<()> {
        let mut new = vec![];
        while told.recv_many(&mut new, MAX_AT_ONCE).await > 0 {
            for fact in &new {
                progress.fact(fact);
            }
            self.append(std::mem::take(&mut new)).await?;
        }
        Ok(())
    }

    /// Writes `facts`.
    pub(super) async fn append(&mut self, facts: Vec<Fact>) -> anyhow::Result<()> {
        let (writer, batch) = (Arc::clone(&self.writer), self.batch.clone());
        let written = run_blocking(move || writer.append(&batch, &facts).map(|()| facts));
        self.facts.extend(written.await.context("cannot write to the journal")?);
        Ok(())
    }

    /// All facts that are known.
    pub(super) fn facts(&self) -> &[Fact] {
        &self.facts
    }
}
