//! Mirrors: servers that are asked in place of registries. Code above the transport knows only the
//! registries' own addresses, so quotas, caches and recipes are the same with and without mirrors.

use std::sync::Arc;

use async_trait::async_trait;
use url::{Host, Url};

use crate::io::{
    HttpError, Reply, Request, Transport, TransportError, TransportErrorKind, Validators, page,
    rewrite::RewrittenBody,
};

/// The mirrors, each with the registry that it replaces.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Origins(Vec<(String, String)>);

impl Origins {
    /// Builds the table from pairs of registry and mirror. If one mirror replaces several
    /// registries, its addresses are translated back to the first one.
    pub fn new<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Self, HttpError> {
        let bases = |(registry, mirror)| Ok((base(registry)?, base(mirror)?));
        pairs.into_iter().map(bases).collect::<Result<_, _>>().map(Self)
    }

    /// The address that is asked in place of `url`, by the transport and by the ecosystem's own
    /// tool.
    pub fn to_mirror(&self, url: &str) -> String {
        moved(url, self.0.iter().map(|(registry, mirror)| (&**registry, &**mirror)))
    }

    /// The registry's own address for the mirror's address `url`.
    pub fn to_registry(&self, url: &str) -> String {
        moved(url, self.mirror_to_registry())
    }

    /// Whether every request to `host` with a path that begins with `path_prefix` stays on this
    /// machine.
    pub fn keeps_local(&self, host: &str, path_prefix: &str) -> bool {
        // With one more letter, because a mirror of a folder does not replace a folder with a
        // longer name.
        let place = self.to_mirror(&format!("https://{host}{path_prefix}x"));
        Url::parse(&place).is_ok_and(|place| is_loopback(&place))
    }

    /// The mirrors of the registries on `hosts`, in the order of the configuration.
    pub fn mirrors_of<'a>(&'a self, hosts: &'a [&str]) -> impl Iterator<Item = &'a str> {
        let is_one = |registry: &str| {
            Url::parse(registry)
                .is_ok_and(|url| url.host_str().is_some_and(|it| hosts.contains(&it)))
        };
        self.0.iter().filter(move |(registry, _)| is_one(registry)).map(|(_, mirror)| &**mirror)
    }

    /// The header `Link` (RFC 8288), whose addresses are in angle brackets, with those of mirrors
    /// replaced.
    fn linked_to_registry(&self, link: &str) -> String {
        let moved = |part: &str| match part.split_once('>') {
            Some((url, rest)) => format!("{}>{rest}", self.to_registry(url)),
            None => part.to_owned(),
        };
        link.split('<').map(moved).collect::<Vec<_>>().join("<")
    }

    fn mirror_to_registry(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(registry, mirror)| (&**mirror, &**registry))
    }
}

/// `text` as a normalised address, without a slash at the end.
fn base(text: &str) -> Result<String, HttpError> {
    let url = Url::parse(text).map_err(|_| HttpError::NotUrl { text: text.to_owned() })?;
    let base = url.as_str().trim_end_matches('/').to_owned();
    if may_be_sent(&url) { Ok(base) } else { Err(HttpError::Insecure { url }) }
}

/// `url`, in which the longest matching `from` is replaced. Of equal ones the first is used.
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

/// Whether the address uses https, or http on this machine.
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

/// A [`Transport`] that asks mirrors. Code above it does not notice.
pub struct MirrorTransport {
    inner: Arc<dyn Transport>,
    origins: Origins,
    /// Whether a mirror gets the secrets that are for the registry.
    is_trusted: bool,
}

impl MirrorTransport {
    /// Uses `inner` to send requests to the mirrors in `origins`. They get no secrets.
    pub fn new(inner: Arc<dyn Transport>, origins: Origins) -> Self {
        Self { inner, origins, is_trusted: false }
    }

    /// The same for places that the operator named to get the secrets too: an API of one's own that
    /// stands in for a public one.
    pub fn trusted(inner: Arc<dyn Transport>, origins: Origins) -> Self {
        Self { inner, origins, is_trusted: true }
    }

    /// Replaces the mirror's own addresses in an answer.
    fn corrected(&self, request: &Request, mut reply: Reply) -> Reply {
        // A relative address must be resolved here, because later it would be resolved against the
        // registry's address.
        if let Some(location) = reply.headers.get_mut("location")
            && let Ok(target) = request.url.join(location)
        {
            *location = self.origins.to_registry(target.as_str());
        }
        if let Some(link) = reply.headers.get_mut("link") {
            *link = self.origins.linked_to_registry(link);
        }
        // Byte positions in a part of a body would be wrong.
        if request.range.is_none() && may_name_addresses(request, &reply) {
            reply.headers.remove("content-length");
            reply.body =
                Box::new(RewrittenBody::new(reply.body, self.origins.mirror_to_registry()));
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
        if self.is_trusted {
            moved.auth.clone_from(&request.auth);
        }
        let reply = self.inner.send(&moved, known).await?;
        Ok(self.corrected(&moved, reply))
    }
}
