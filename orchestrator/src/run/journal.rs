//! Alone owns the journal of a batch: what stages tell becomes its lines.

use std::sync::Arc;

use anyhow::Context as _;
use batch_core::{
    io::{FactSink, aside},
    model::{BatchId, Fact, Started},
};
use tokio::sync::mpsc::UnboundedReceiver;

use crate::progress::Progress;

/// Facts that one write takes at most.
const MOST_AT_ONCE: usize = 64;

/// The journal of a batch that is under way, and everything that is in it.
pub(super) struct Journal {
    sink: Arc<dyn FactSink>,
    batch: BatchId,
    facts: Vec<Fact>,
}

impl Journal {
    /// Begins the journal of the batch that starts so.
    pub(super) async fn begin(sink: Arc<dyn FactSink>, started: &Started) -> anyhow::Result<Self> {
        let batch = started.batch_id.clone();
        let facts = vec![Fact::Started(Box::new(started.clone()))];
        let (kept, started) = (Arc::clone(&sink), started.clone());
        aside(move || kept.begin(&started)).await.context("cannot open the journal")?;
        Ok(Self { sink, batch, facts })
    }

    /// Notes what is `told`, until nobody is left to tell anything. Facts that come while the disk
    /// takes the ones before are written at once.
    pub(super) async fn record(
        &mut self,
        mut told: UnboundedReceiver<Fact>,
        progress: &Progress,
    ) -> anyhow::Result<()> {
        let mut new = vec![];
        while told.recv_many(&mut new, MOST_AT_ONCE).await > 0 {
            for fact in &new {
                progress.fact(fact);
            }
            self.append(std::mem::take(&mut new)).await?;
        }
        Ok(())
    }

    /// Notes `facts`.
    pub(super) async fn append(&mut self, facts: Vec<Fact>) -> anyhow::Result<()> {
        let (sink, batch) = (Arc::clone(&self.sink), self.batch.clone());
        let written = aside(move || sink.append(&batch, &facts).map(|()| facts));
        self.facts.extend(written.await.context("cannot write to the journal")?);
        Ok(())
    }

    /// Everything that was noted.
    pub(super) fn facts(&self) -> &[Fact] {
        &self.facts
    }

    /// Removes it: the batch is in the state.
    pub(super) async fn discard(self) -> anyhow::Result<()> {
        let Self { sink, batch, .. } = self;
        Ok(aside(move || sink.discard(&batch)).await?)
    }
}
