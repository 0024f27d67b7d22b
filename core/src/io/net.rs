//! The real [`Transport`].

use std::{error::Error, io, sync::OnceLock, time::Duration};

use async_trait::async_trait;
use reqwest::{
    Client, ClientBuilder, RequestBuilder,
    header::{self, HeaderValue},
    redirect,
};

use crate::io::{
    Body, Headers, Method, Reply, Request, Transport, TransportError, TransportErrorKind,
    Validators,
    mirror::{is_loopback, may_be_sent},
};

/// The network, with the certificates that this machine trusts.
pub struct NetTransport {
    user_agent: HeaderValue,
    remote: Clients,
    /// For servers on this machine, which no proxy can reach.
    local: Clients,
}

struct Clients {
    unpacking: LazyClient,
    /// For requests of a part: a part of a compressed body cannot be decompressed, and byte
    /// positions would have no meaning.
    verbatim: LazyClient,
}

/// Created at the first use, because reading the certificates of this machine takes some time.
struct LazyClient {
    client: OnceLock<Client>,
    adapt: fn(ClientBuilder) -> ClientBuilder,
}

impl NetTransport {
    /// `user_agent` must contain a contact address, because some registries refuse anonymous
    /// clients.
    pub fn new(user_agent: &str) -> Result<Self, TransportError> {
        let no_header = |error| TransportError::new(TransportErrorKind::Other, error);
        let clients = |unpacking, verbatim| Clients {
            unpacking: LazyClient { client: OnceLock::new(), adapt: unpacking },
            verbatim: LazyClient { client: OnceLock::new(), adapt: verbatim },
        };
        Ok(Self {
            user_agent: HeaderValue::from_str(user_agent).map_err(no_header)?,
            remote: clients(|client| client, ClientBuilder::no_gzip),
            local: clients(ClientBuilder::no_proxy, |client| client.no_proxy().no_gzip()),
        })
    }

    fn outgoing(
        &self,
        request: &Request,
        known: &Validators,
    ) -> Result<RequestBuilder, TransportError> {
        let clients = if is_loopback(&request.url) { &self.local } else { &self.remote };
        let client = match &request.range {
            Some(_) => clients.verbatim.get()?,
            None => clients.unpacking.get()?,
        };
        let url = request.url.clone();
        let with_body = |outgoing: RequestBuilder| {
            let outgoing = outgoing.header(header::CONTENT_TYPE, "application/json");
            outgoing.body(request.body.clone())
        };
        let mut outgoing = match request.method {
            Method::Get => client.get(url),
            Method::Post => with_body(client.post(url)),
            Method::Put => with_body(client.put(url)),
            Method::Patch => with_body(client.patch(url)),
        };
        outgoing = outgoing.header(header::USER_AGENT, &self.user_agent);
        if let Some(accept) = request.accept {
            outgoing = outgoing.header(header::ACCEPT, accept);
        }
        if let Some(range) = &request.range {
            let bytes = format!("bytes={}-{}", range.start(), range.end());
            outgoing = outgoing.header(header::RANGE, bytes);
            outgoing = outgoing.header(header::ACCEPT_ENCODING, "identity");
        }
        if let Some((name, value)) = known.condition() {
            outgoing = outgoing.header(name, value);
        }
        if let Some(auth) = &request.auth {
            outgoing = outgoing.bearer_auth(auth);
        }
        Ok(outgoing)
    }
}

impl LazyClient {
    fn get(&self) -> Result<&Client, TransportError> {
        if let Some(client) = self.client.get() {
            return Ok(client);
        }
        // Other deadlines use the caller's clock. This one is for each network address of a host.
        let builder =
            client().redirect(redirect::Policy::none()).connect_timeout(Duration::from_secs(10));
        let no_client = |error| TransportError::new(TransportErrorKind::Tls, error);
        let client = (self.adapt)(builder).build().map_err(no_client)?;
        Ok(self.client.get_or_init(|| client))
    }
}

/// A client whose TLS is that of [`rustls::crypto::ring`], which is built without cmake.
fn client() -> ClientBuilder {
    // The error says that this process has its TLS already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder()
}

#[async_trait]
impl Transport for NetTransport {
    async fn send(&self, request: &Request, known: &Validators) -> Result<Reply, TransportError> {
        // Used in place of `https_only`, which would forbid a mirror on this machine.
        if !may_be_sent(&request.url) {
            let reason = "neither https nor on this machine";
            return Err(TransportError::new(TransportErrorKind::Tls, reason));
        }
        let reply = self.outgoing(request, known)?.send().await.map_err(broken)?;
        let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        let headers: Headers =
            reply.headers().iter().map(|(name, value)| (name.to_string(), text(value))).collect();
        Ok(Reply { status: reply.status().as_u16(), headers, body: Box::new(reply) })
    }
}

#[async_trait]
impl Body for reqwest::Response {
    async fn chunk(&mut self) -> Result<Option<Vec<u8>>, TransportError> {
        match Self::chunk(self).await {
            Ok(chunk) => Ok(chunk.map(Into::into)),
            Err(error) => Err(TransportError::new(TransportErrorKind::Body, error.without_url())),
        }
    }
}

/// Without the URL, which may be that of a mirror and contain a secret.
fn broken(error: reqwest::Error) -> TransportError {
    TransportError::new(kind(&error), error.without_url())
}

fn kind(error: &reqwest::Error) -> TransportErrorKind {
    if error.is_dns() {
        TransportErrorKind::Dns
    } else if error.is_connect() && speaks_of_tls(error) {
        TransportErrorKind::Tls
    } else if error.is_connect() {
        TransportErrorKind::Connect
    } else if error.is_timeout() {
        TransportErrorKind::Timeout
    } else {
        TransportErrorKind::Other
    }
}

/// rustls reports its errors as an `io::Error` of the kind `InvalidData`, which connections without
/// TLS never have.
fn speaks_of_tls(error: &reqwest::Error) -> bool {
    let mut cause = error.source();
    while let Some(error) = cause {
        let as_io = error.downcast_ref::<io::Error>();
        if as_io.is_some_and(|error| error.kind() == io::ErrorKind::InvalidData) {
            return true;
        }
        cause = match as_io.and_then(io::Error::get_ref) {
            // The `source` of this error would skip the inner one.
            Some(inner) => Some(inner),
            None => error.source(),
        };
    }
    false
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use reqwest::dns::{Name, Resolve, Resolving};

    use super::*;

    struct NoNames;

    impl Resolve for NoNames {
        fn resolve(&self, _: Name) -> Resolving {
            Box::pin(std::future::ready(Err("no such name".into())))
        }
    }

    #[tokio::test]
    async fn an_unknown_host_name_is_distinguished_from_other_connection_failures() {
        let client = client().no_proxy().dns_resolver(Arc::new(NoNames)).build().unwrap();
        let error = client.get("https://a.example/").send().await.unwrap_err();
        assert_eq!(kind(&error), TransportErrorKind::Dns, "{error:?}");
    }
}
