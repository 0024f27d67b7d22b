//! When the package manager's own program may be called. It sends requests to registries itself, which
//! the rate limits of this program cannot see.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use batch_core::{io::Clock, model::EcosystemId, plugin::EcosystemPlugin};

/// One call at a time for each ecosystem, with a pause between two calls.
#[derive(Debug, Default)]
pub struct Turns {
    /// The pause between two calls. `None` means a pause that follows from the quotas of the hosts.
    pause: Option<Duration>,
    of_ecosystems: Mutex<BTreeMap<EcosystemId, Arc<tokio::sync::Mutex<Turn>>>>,
}

/// The turn of one ecosystem.
#[derive(Debug)]
pub(super) struct Turn {
    pause: Duration,
    /// The earliest start of the next call, on the monotonic clock.
    not_before: Duration,
}

impl Turns {
    /// Turns with `pause` between two calls for one ecosystem. `None` means a pause that follows from
    /// the quotas of its hosts.
    pub fn new(pause: Option<Duration>) -> Self {
        Self { pause, of_ecosystems: Mutex::default() }
    }

    /// The turn of `plugin`, which must be locked during a call.
    pub(super) fn of(&self, plugin: &EcosystemPlugin) -> Arc<tokio::sync::Mutex<Turn>> {
        let mut all = self.of_ecosystems.lock().unwrap_or_else(PoisonError::into_inner);
        let turn = all.entry(plugin.id.clone()).or_insert_with(|| {
            let pause = self.pause.unwrap_or_else(|| pause(plugin));
            Arc::new(tokio::sync::Mutex::new(Turn { pause, not_before: Duration::ZERO }))
        });
        Arc::clone(turn)
    }
}

impl Turn {
    pub(super) async fn wait(&self, clock: &dyn Clock) {
        clock.sleep(self.not_before.saturating_sub(clock.monotonic())).await;
    }

    pub(super) fn end(&mut self, clock: &dyn Clock) {
        self.not_before = clock.monotonic() + self.pause;
    }
}

/// The program fetches a package twice, so the pause is twice the longest period in the general quotas
/// of the ecosystem's hosts.
fn pause(plugin: &EcosystemPlugin) -> Duration {
    let general = plugin.rate_limit.quotas().iter().filter(|quota| quota.path_prefix == "/");
    2 * general.map(|quota| quota.period).max().unwrap_or_default()
}
