//! A network without requests.

use std::{collections::BTreeMap, sync::Arc};

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use batch_core::{
    io::{Account, CachedFile, Http, HttpError, Request, Response, Traffic},
    model::HostUsage,
};

/// The traffic of a run that makes no requests, because its generator and validator need no
/// network. A request that is made all the same is refused, as at a host without a quota.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoTraffic;

impl Traffic for NoTraffic {
    fn resume(&self, _pauses: &BTreeMap<String, DateTime<Utc>>) {}

    fn account(&self) -> Arc<dyn Account> {
        Arc::new(Self)
    }

    fn pauses(&self) -> BTreeMap<String, DateTime<Utc>> {
        BTreeMap::new()
    }
}

impl Account for NoTraffic {
    fn usage(&self) -> BTreeMap<String, HostUsage> {
        BTreeMap::new()
    }
}

#[async_trait]
impl Http for NoTraffic {
    async fn send(&self, request: Request) -> Result<Response, HttpError> {
        Err(HttpError::Undeclared { url: request.url })
    }

    async fn fetch_to_cache(&self, request: Request) -> Result<CachedFile, HttpError> {
        Err(HttpError::Undeclared { url: request.url })
    }
}
