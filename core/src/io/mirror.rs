//! Mirrors: servers that are asked in place of registries. Everything above the transport knows
//! the registries' own addresses only, so quotas, caches and recipes are the same with and without.

use std::sync::Arc;

use async_trait::async_trait;
use url::{Host, Url};

use crate::io::{
    HttpError, Reply, Request, Transport, TransportError, TransportErrorKind, Validators, page,
    rewrite::RewrittenBody,
};

/// Which mirror stands for which registry.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Origins(Vec<(String, String)>);

impl Origins {
    /// From pairs of registry and mirror; on the way back the first of a mirror's registries counts.
    pub fn new<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Self, HttpError> {
        let bases = |(registry, mirror)| Ok((base(registry)?, base(mirror)?));
        pairs.into_iter().map(bases).collect::<Result<_, _>>().map(Self)
    }

    /// Where `url` is really asked: for the transport, and for the ecosystem's own tool.
    pub fn to_mirror(&self, url: &str) -> String {
        moved(url, self.0.iter().map(|(registry, mirror)| (&**registry, &**mirror)))
    }

    /// The registry's own address of what a mirror calls `url`.
    pub fn to_registry(&self, url: &str) -> String {
        moved(url, self.ways_back())
    }

    /// Whether every request to `host` whose path begins with `path_prefix` stays on this machine.
    pub fn keeps_local(&self, host: &str, path_prefix: &str) -> bool {
        // With a letter more: a mirror of one folder does not stand for a folder of a longer name.
        let place = self.to_mirror(&format!("https://{host}{path_prefix}x"));
        Url::parse(&place).is_ok_and(|place| is_loopback(&place))
    }

    /// The mirrors of the registries on `hosts`, in the order in which they were configured.
    pub fn mirrors_of<'a>(&'a self, hosts: &'a [&str]) -> impl Iterator<Item = &'a str> {
        let is_one = |registry: &str| {
            Url::parse(registry)
                .is_ok_and(|url| url.host_str().is_some_and(|it| hosts.contains(&it)))
        };
        self.0.iter().filter(move |(registry, _)| is_one(registry)).map(|(_, mirror)| &**mirror)
    }

    fn ways_back(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(registry, mirror)| (&**mirror, &**registry))
    }
}

/// `text` as URLs spell it, without a slash at the end.
fn base(text: &str) -> Result<String, HttpError> {
    let url = Url::parse(text).map_err(|_| HttpError::NotUrl { text: text.to_owned() })?;
    let base = url.as_str().trim_end_matches('/').to_owned();
    if may_be_sent(&url) { Ok(base) } else { Err(HttpError::Insecure { url }) }
}

/// `url` with the longest `from` that it lies under replaced; the first of several.
fn moved<'a>(url: &str, bases: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    let under = |(from, to): (&'a str, &'a str)| {
        let rest = url.strip_prefix(from)?;
        let is_under = rest.is_empty() || rest.starts_with(['/', '?', '#']);
        is_under.then_some((rest, to))
    };
    match bases.filter_map(under).min_by_key(|(rest, _)| rest.len()) {
        Some((rest, to)) => format!("{to}{rest}"),
        None => url.to_owned(),
    }
}

/// https, or plain http that does not leave this machine.
pub(crate) fn may_be_sent(url: &Url) -> bool {
    url.scheme() == "https" || url.scheme() == "http" && is_loopback(url)
}

/// Whether a request to `url` stays on this machine.
pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

/// A [`Transport`] that asks mirrors; nothing above it can tell.
pub struct MirrorTransport {
    inner: Arc<dyn Transport>,
    origins: Origins,
}

impl MirrorTransport {
    /// Carries by `inner`, to where `origins` say.
    pub fn new(inner: Arc<dyn Transport>, origins: Origins) -> Self {
        Self { inner, origins }
    }

    /// Mirrors name themselves in what they answer.
    fn corrected(&self, request: &Request, mut reply: Reply) -> Reply {
        // Resolved here: above, a relative one would be resolved against the registry's address.
        if let Some(location) = reply.headers.get_mut("location")
            && let Ok(target) = request.url.join(location)
        {
            *location = self.origins.to_registry(target.as_str());
        }
        // Positions in part of a body would no longer fit.
        if request.range.is_none() && may_name_addresses(request, &reply) {
            reply.headers.remove("content-length");
            reply.body = Box::new(RewrittenBody::new(reply.body, self.origins.ways_back()));
        }
        reply
    }
}

fn may_name_addresses(request: &Request, reply: &Reply) -> bool {
    let content_type = page::content_type(&reply.headers);
    request.accept.is_some_and(|accept| accept.contains("json"))
        || content_type.starts_with("text/")
        || ["json", "xml", "javascript"].iter().any(|form| content_type.contains(form))
}

#[async_trait]
impl Transport for MirrorTransport {
    async fn send(&self, request: &Request, known: &Validators) -> Result<Reply, TransportError> {
        let place = self.origins.to_mirror(request.url.as_str());
        if place == request.url.as_str() {
            return self.inner.send(request, known).await;
        }
        let no_url = |error| TransportError::new(TransportErrorKind::Other, error);
        let mut moved = request.clone();
        moved.move_to(place.parse::<Url>().map_err(no_url)?);
        let reply = self.inner.send(&moved, known).await?;
        Ok(self.corrected(&moved, reply))
    }
}
