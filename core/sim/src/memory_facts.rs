//! Journals in memory.

use std::{
    collections::{BTreeMap, btree_map},
    io,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

use batch_core::{
    io::{FactSink, FactWriter, Journal, StateError, StateErrorKind},
    model::{BatchId, Fact, Started},
};

/// Keeps the facts of each batch in memory. All of them are readable.
#[derive(Debug, Default)]
pub struct MemoryFacts(Mutex<BTreeMap<BatchId, Vec<Fact>>>);

impl MemoryFacts {
    fn journals(&self) -> MutexGuard<'_, BTreeMap<BatchId, Vec<Fact>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl FactWriter for MemoryFacts {
    fn append(&self, batch: &BatchId, facts: &[Fact]) -> Result<(), StateError> {
        self.journals().entry(batch.clone()).or_default().extend_from_slice(facts);
        Ok(())
    }
}

impl FactSink for MemoryFacts {
    fn begin(&self, started: &Started) -> Result<(), StateError> {
        match self.journals().entry(started.batch_id.clone()) {
            btree_map::Entry::Vacant(place) => {
                place.insert(vec![Fact::Started(Box::new(started.clone()))]);
                Ok(())
            }
            btree_map::Entry::Occupied(_) => {
                let path = Path::new("memory").join(started.batch_id.to_string());
                let exists = io::Error::from(io::ErrorKind::AlreadyExists);
                Err(StateError { path, kind: StateErrorKind::Io(exists) })
            }
        }
    }

    fn pending(&self) -> Result<Vec<Journal>, StateError> {
        let journal = |(batch_id, facts): (&BatchId, &Vec<Fact>)| Journal {
            batch_id: batch_id.clone(),
            facts: facts.clone(),
            unreadable: vec![],
        };
        Ok(self.journals().iter().map(journal).collect())
    }

    fn set_aside(&self, batch: &BatchId) -> Result<PathBuf, StateError> {
        self.journals().remove(batch);
        Ok(Path::new("memory").join(batch.to_string()))
    }

    fn discard(&self, batch: &BatchId) -> Result<(), StateError> {
        self.journals().remove(batch);
        Ok(())
    }
}
