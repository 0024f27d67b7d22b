//! The HTTP client of a process, which keeps to the quotas.

use std::{collections::BTreeMap, path::Path, sync::Arc};

use anyhow::Context as _;
use batch_core::{
    decide::ahead,
    io::{
        CacheLimits, Layout, MirrorTransport, NetTransport, Origins, PoliteConfig, PoliteHttp,
        limited,
    },
    model::Control,
};

use batch_forge::github;

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
    let net = NetTransport::new(&user_agent(settings)).context("no HTTP client")?;
    let origins = origins(settings)?;
    let of_registries = settings.limits.iter().filter(|(place, _)| !is_of_forge(place));
    let limits = of_registries.map(|(place, limit)| (place.clone(), *limit)).collect();
    let quotas = limited(env.registry.quotas(), &limits, &origins)
        .map_err(|error| SettingsError::because(&error))?;
    let transport = Arc::new(MirrorTransport::new(Arc::new(net), origins));
    let config = PoliteConfig::new(Arc::clone(&env.clock), transport, quotas, cache);
    let now = env.clock.now();
    let hosts = control.hosts.iter().map(|(host, pause)| (host.clone(), pause.paused_until));
    let pauses: BTreeMap<_, _> = hosts.filter(|&(_, until)| ahead::is_paused(until, now)).collect();
    let jitter = env.jitter.clone();
    let (retries, patience) = (settings.requests.retries(), settings.requests.patience());
    Ok(Arc::new(PoliteHttp::new(PoliteConfig { pauses, jitter, retries, patience, ..config })))
}

/// A client for the API of a forge at `api`, which keeps to the quota of the forge. It is another one than
/// that of the registries, because only it has to do with a token.
pub fn forge(
    env: &Env,
    settings: &Settings,
    layout: &Layout,
    api: &str,
) -> anyhow::Result<Arc<PoliteHttp>> {
    let net = NetTransport::new(&user_agent(settings)).context("no HTTP client")?;
    let origins = github::api_origins(api).map_err(|error| SettingsError::because(&error))?;
    let of_forge = settings.limits.iter().filter(|(place, _)| is_of_forge(place));
    let limits = of_forge.map(|(place, limit)| (place.clone(), *limit)).collect();
    let quotas = limited([github::QUOTA], &limits, &origins)
        .map_err(|error| SettingsError::because(&error))?;
    let transport = Arc::new(MirrorTransport::trusted(Arc::new(net), origins));
    let config = PoliteConfig::new(Arc::clone(&env.clock), transport, quotas, layout.cache());
    Ok(Arc::new(PoliteHttp::new(PoliteConfig { jitter: env.jitter.clone(), ..config })))
}

/// The store of the artifacts of a forge: other hosts, which no quota knows, at addresses that the forge
/// gives for each artifact.
pub fn store(settings: &Settings) -> anyhow::Result<Arc<NetTransport>> {
    Ok(Arc::new(NetTransport::new(&user_agent(settings)).context("no HTTP client")?))
}

/// Whether `place`, a host and a path in `[limits]`, belongs to the forge.
fn is_of_forge(place: &str) -> bool {
    place.split('/').next() == Some(github::QUOTA.host)
}

fn user_agent(settings: &Settings) -> String {
    let contact = settings.contact.as_deref().unwrap_or(CONTACT);
    format!("tsuku-batch/{} (+{contact})", env!("CARGO_PKG_VERSION"))
}

/// Removes old entries from the cache. If that fails, the cache only stays large.
pub fn prune(http: &PoliteHttp) {
    if let Err(error) = http.prune_cache(CacheLimits::default()) {
        tracing::warn!("old answers cannot be removed from the cache: {error}");
    }
}
