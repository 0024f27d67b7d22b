//! The one polite client of a process.

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

/// Where a registry's operators find out who asks, unless `pipeline.toml` names somebody.
const CONTACT: &str = "https://github.com/tsukumogami/tsuku";

/// The mirrors of `settings`.
pub fn origins(settings: &Settings) -> Result<Origins, SettingsError> {
    let pairs = settings.origins.iter().map(|(registry, mirror)| (&**registry, &**mirror));
    Origins::new(pairs).map_err(|error| SettingsError::because(&error))
}

/// A client within every plugin's quotas, as `settings` change them. It keeps to the pauses of
/// earlier runs that `control` remembers, and answers in `cache`.
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

/// Drops what the cache has kept for too long. A cache that cannot be pruned is only large.
pub fn prune(http: &PoliteHttp) {
    if let Err(error) = http.prune_cache(CacheLimits::default()) {
        tracing::warn!("the cache of answers cannot be pruned: {error}");
    }
}
