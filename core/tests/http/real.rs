//! Servers on this machine, and a registry that is mapped to them.

use std::{num::NonZeroU32, path::Path, sync::Arc, time::Duration};

use batch_core::{
    io::{
        Http as _, HttpError, MirrorTransport, NetTransport, Origins, PoliteConfig, PoliteHttp,
        Request, Response, SystemClock,
    },
    model::{Purpose, Quota},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

/// The registry's address as plugins use it.
pub(crate) const REGISTRY: &str = "https://a.example";

thread_local! {
    /// Shared by all tests: reading the certificates takes longer than most tests.
    static NET: Arc<NetTransport> = Arc::new(NetTransport::new(AGENT).unwrap());
}

pub(crate) const JSON: Option<&str> = Some("application/json");

/// A user agent that registries accept.
pub(crate) const AGENT: &str = "batch-test/1 (+https://a.example/contact)";

const HOST: Quota = Quota {
    host: "a.example",
    path_prefix: "/",
    period: Duration::from_millis(1),
    burst: NonZeroU32::MIN,
    concurrency: NonZeroU32::MIN,
    max_per_run: None,
    retry_floor: Duration::from_millis(1),
    purpose: Purpose::Building,
};

/// A configuration that maps the registry to `server`, with a single attempt. Its deadlines are the
/// usual ones, so that a busy machine fails no test.
pub(crate) fn config(server: &str, cache: &Path) -> PoliteConfig {
    let net = NET.with(Arc::clone);
    let origins = Origins::new([(REGISTRY, server)]).unwrap();
    let mirrored = Arc::new(MirrorTransport::new(net, origins));
    let mut config = PoliteConfig::new(Arc::new(SystemClock::default()), mirrored, [HOST], cache);
    config.retries.n_more = 0;
    config
}

pub(crate) fn http(server: &str, cache: &Path) -> PoliteHttp {
    PoliteHttp::new(config(server, cache))
}

pub(crate) fn request(path: &str) -> Request {
    Request::get(REGISTRY, &[path], &[]).unwrap()
}

/// Asks the registry once, with an empty cache.
pub(crate) async fn ask(server: &str, request: Request) -> Result<Response, HttpError> {
    let cache = tempfile::tempdir().unwrap();
    http(server, cache.path()).send(request).await
}

/// A server that does not speak HTTP: `answer` gets every connection after it has sent a request.
/// Returns its address.
pub(crate) async fn raw_server<F>(answer: impl Fn(TcpStream) -> F + Send + 'static) -> String
where
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut asked = [0; 4096];
            let _ = stream.read(&mut asked).await;
            tokio::spawn(answer(stream));
        }
    });
    address
}

/// Like [`raw_server`]: writes `answer`, then closes the connection.
pub(crate) async fn server_that_says(answer: &'static str) -> String {
    raw_server(move |mut stream| async move {
        let _ = stream.write_all(answer.as_bytes()).await;
        let _ = stream.shutdown().await;
    })
    .await
}
