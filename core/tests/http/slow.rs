//! Large files over slow connections, on the virtual clock.

use std::{num::NonZeroU32, sync::Arc, time::Duration};

use async_trait::async_trait;
use batch_core::{
    io::{
        Body, Clock as _, Headers, Http as _, HttpError, MIN_BYTES_PER_SECOND, PoliteConfig,
        PoliteHttp, Reply, Request, Transport, TransportError, Validators,
    },
    model::{Purpose, Quota},
};
use batch_sim::SimClock;

const SECOND: Duration = Duration::from_secs(1);
const QUOTA: Quota = Quota {
    host: "a.example",
    path_prefix: "/",
    period: SECOND,
    burst: NonZeroU32::MIN,
    concurrency: NonZeroU32::MIN,
    max_per_run: None,
    retry_floor: SECOND,
    purpose: Purpose::Building,
};

/// Sends this many pieces of [`MIN_BYTES_PER_SECOND`] bytes, one after each interval, and then
/// nothing for the last time span.
#[derive(Clone)]
struct Line {
    clock: SimClock,
    n_pieces: u32,
    each: Duration,
    silence: Duration,
}

#[async_trait]
impl Transport for Line {
    async fn send(&self, _: &Request, _: &Validators) -> Result<Reply, TransportError> {
        Ok(Reply { status: 200, headers: Headers::new(), body: Box::new(self.clone()) })
    }
}

#[async_trait]
impl Body for Line {
    async fn chunk(&mut self) -> Result<Option<Vec<u8>>, TransportError> {
        let Some(left) = self.n_pieces.checked_sub(1) else {
            self.clock.sleep(self.silence).await;
            return Ok(None);
        };
        self.n_pieces = left;
        self.clock.sleep(self.each).await;
        Ok(Some(vec![7; MIN_BYTES_PER_SECOND as usize]))
    }
}

/// The result of a download, and its duration. It has 10 s in total and must receive a piece each
/// second; no piece may take 5 s.
fn download(n_pieces: u32, each: Duration, silence: Duration) -> (Result<u64, Duration>, Duration) {
    let clock = SimClock::default();
    let line = Line { clock: clock.clone(), n_pieces, each, silence };
    let cache = tempfile::tempdir().unwrap();
    let port = Arc::new(clock.clone());
    let mut config = PoliteConfig::new(port, Arc::new(line), [QUOTA], cache.path());
    (config.deadlines.artifact, config.deadlines.stall) = (10 * SECOND, 5 * SECOND);
    config.retries.n_more = 0;
    let http = PoliteHttp::new(config);
    let request =
        Request { max_bytes: 1 << 30, ..Request::get("https://a.example/", &[], &[]).unwrap() };
    let ended = match clock.run(http.fetch_to_cache(request)) {
        Ok(file) => Ok(file.metadata().unwrap().len()),
        Err(HttpError::Timeout { limit, .. }) => Err(limit),
        Err(other) => panic!("{other}"),
    };
    (ended, clock.monotonic())
}

#[test]
fn a_steady_download_of_a_large_file_is_not_cut_off() {
    let each = Duration::from_millis(990);
    let (ended, took) = download(200, each, Duration::ZERO);
    assert_eq!((ended, took), (Ok(200 * u64::from(MIN_BYTES_PER_SECOND)), 200 * each));
}

#[test]
fn a_too_slow_download_is_given_up() {
    let (ended, took) = download(200, 2 * SECOND, Duration::ZERO);
    assert_eq!((ended, took), (Err(19 * SECOND), 19 * SECOND));
}

#[test]
fn a_stalled_download_ends_before_the_total_time_limit() {
    let (ended, took) = download(100, SECOND / 10, 3_600 * SECOND);
    assert_eq!((ended, took), (Err(5 * SECOND), 15 * SECOND));
}
