//! The HTTP client of a process, which keeps to the quotas.

use std::{collections::BTreeMap, path::Path, sync::Arc};

use anyhow::Context as _;
use batch_core::{
    decide::ahead,
    io::{CacheLimits, MirrorTransport, NetTransport, Origins, PoliteConfig, PoliteHttp, limited},
    model::Control,
};

use crate::{
    env::Env,
    settings::{Settings, SettingsError},
};

/// Tells the operators of a registry who asks, unless `pipeline.toml` names a contact.
const CONTACT: &str = "https://github.com/tsukumogami/tsuku";

/// The mirrors of `settings`.
pub fn origins(settings: &Settings) -> Result<Origins, SettingsError> {
    let pairs = settings.origins.iter().map(|(registry, mirror)| (&**registry, &**mirror));
    Origins::new(pairs).map_err(|error| SettingsError::because(&error))
}

/// A client that keeps to the quotas of all plugins, with the changes in `settings`. It continues
/// the pauses of earlier runs in `control`, and caches answers in `cache`.
pub fn polite(
    env: &Env,
    settings: &Settings,
    cache: &Path,
    control: &Control,
) -> anyhow::Result<Arc<PoliteHttp>> {
    let contact = settings.contact.as_deref().unwrap_or(CONTACT);
    let user_agent = format!("tsuku-batch/{} (+{contact})", env!("CARGO_PKG_VERSION"));
    let net = NetTransport::new(&user_agent).context("no HTTP client")?;
    let origins = origins(settings)?;
    let quotas = limited(env.registry.quotas(), &settings.limits, &origins)
        .map_err(|error| SettingsError::because(&error))?;
    let transport = Arc::new(MirrorTransport::new(Arc::new(net), origins));
    let config = PoliteConfig::new(Arc::clone(&env.clock), transport, quotas, cache);
    let now = env.clock.now();
    let hosts = control.hosts.iter().map(|(host, pause)| (host.clone(), pause.paused_until));
    let pauses: BTreeMap<_, _> = hosts.filter(|&(_, until)| ahead::is_paused(until, now)).collect();
    let jitter = env.jitter.clone();
    Ok(Arc::new(PoliteHttp::new(PoliteConfig { pauses, jitter, ..config })))
}

/// Removes old entries from the cache. If that fails, the cache only stays large.
pub fn prune(http: &PoliteHttp) {
    if let Err(error) = http.prune_cache(CacheLimits::default()) {
        tracing::warn!("old answers cannot be removed from the cache: {error}");
    }
}
