//! `PoliteHttp` in virtual time, checked at the moment of sending.

#![expect(clippy::unwrap_used, reason = "a test, helpers included")]

use std::{collections::BTreeMap, num::NonZeroU32, sync::Arc, time::Duration};

use batch_core::{
    io::{
        Clock as _, Http as _, HttpError, Method, MirrorTransport, Origins, PoliteConfig,
        PoliteHttp, Request, Response, Traffic as _, TransportErrorKind,
    },
    model::{FailureKind, HostUsage, Quota},
};
use batch_sim::{Answer, SentRequest, SimClock, SimTransport};
use chrono::{DateTime, Utc};
use futures_util::future::{join, join_all};
use proptest::prelude::*;

const OK: Answer = (200, &[], "body");
const SECOND: Duration = Duration::from_secs(1);
const LATENCY: Duration = Duration::from_millis(100);
const EPOCH: DateTime<Utc> = DateTime::UNIX_EPOCH;

struct Net {
    clock: SimClock,
    transport: Arc<SimTransport>,
    http: PoliteHttp,
    _cache: tempfile::TempDir,
}

fn quota(host: &'static str, path_prefix: &'static str) -> Quota {
    let (burst, concurrency) = (NonZeroU32::MIN, NonZeroU32::MIN.saturating_add(3));
    let (period, retry_floor) = (SECOND, 60 * SECOND);
    let each_second = Quota::each_second(host);
    Quota { path_prefix, period, burst, concurrency, retry_floor, ..each_second }
}

fn net(quotas: &[Quota], answer: impl Fn(&Request) -> Answer + Send + Sync + 'static) -> Net {
    unreliable_net(quotas, |_| (), move |request| Ok(answer(request)))
}

fn unreliable_net(
    quotas: &[Quota],
    configure: impl Fn(&mut PoliteConfig),
    script: impl Fn(&Request) -> Result<Answer, TransportErrorKind> + Send + Sync + 'static,
) -> Net {
    let clock = SimClock::default();
    let transport = Arc::new(SimTransport::unreliable(clock.clone(), LATENCY, script));
    let cache = tempfile::tempdir().unwrap();
    let quotas = quotas.iter().copied();
    let mut config =
        PoliteConfig::new(Arc::new(clock.clone()), transport.clone(), quotas, cache.path());
    configure(&mut config);
    Net { clock, transport, http: PoliteHttp::new(config), _cache: cache }
}

impl Net {
    async fn get(&self, url: &str) -> Result<Response, HttpError> {
        self.http.send(Request::get(url, &[], &[]).unwrap()).await
    }

    fn sent_at(&self, url: &str) -> Duration {
        self.transport.sent().into_iter().find(|sent| sent.url == url).unwrap().at
    }

    /// When each request to `url` was sent, in whole seconds.
    fn seconds_of(&self, url: &str) -> Vec<u64> {
        let sent = self.transport.sent().into_iter();
        sent.filter(|sent| sent.url == url).map(|sent| sent.at.as_secs()).collect()
    }
}

/// The number of requests that a quota permits from one request to another, both included.
fn allowed(quota: &Quota, from: &SentRequest, to: &SentRequest) -> f64 {
    let elapsed = to.at.saturating_sub(from.at);
    f64::from(quota.burst.get()) + elapsed.as_secs_f64() / quota.period.as_secs_f64()
}

/// Checks every window that starts and ends with a request.
fn check_windows(sent: &[SentRequest], quota: &Quota) -> Result<(), TestCaseError> {
    for (i, from) in sent.iter().enumerate() {
        for (n_between, to) in (1_u32..).zip(&sent[i..]) {
            let is_allowed = f64::from(n_between) <= allowed(quota, from, to) + 1e-6;
            prop_assert!(is_allowed, "{n_between} requests from {from:?} to {to:?}");
        }
    }
    Ok(())
}

#[test]
fn concurrent_sleeps_share_the_time() {
    let clock = SimClock::default();
    clock.run(join(clock.sleep(60 * SECOND), clock.sleep(60 * SECOND)));
    assert_eq!(clock.monotonic(), 60 * SECOND);
}

/// Two plugins declare the quotas `declared` for the same place; `strictest` must be the effective
/// one.
#[track_caller]
fn check_throughput(declared: &[Quota], strictest: &Quota) {
    let net = net(declared, |_| OK);
    let urls: Vec<_> = (0..1000).map(|i| format!("https://a.example/{i}")).collect();
    let answers = net.clock.run(join_all(urls.iter().map(|url| net.get(url))));
    assert!(answers.iter().all(Result::is_ok));

    let sent = net.transport.sent();
    assert!(sent.iter().map(|sent| &sent.url).eq(&urls), "not in order of arrival");
    check_windows(&sent, strictest).unwrap();
    assert!(0.97 <= 1000.0 / allowed(strictest, &sent[0], &sent[999]), "quota left unused");
    assert_eq!(net.http.usage()["a.example"].sent, 1000);
}

#[test]
fn a_thousand_requests_use_the_whole_quota_and_never_exceed_it() {
    let single = quota("a.example", "/");
    let burst = NonZeroU32::new(5).unwrap();
    let bursting = Quota { period: SECOND / 5, burst, ..single };
    check_throughput(&[single], &single);
    check_throughput(&[bursting], &bursting);
}

#[test]
fn a_second_plugin_on_the_same_host_shares_the_budget() {
    let slow = quota("a.example", "/");
    let fast = Quota { period: SECOND / 5, burst: NonZeroU32::new(5).unwrap(), ..slow };
    check_throughput(&[fast, slow], &slow);
    check_throughput(&[slow, fast], &slow);
    let uneven = Quota { burst: NonZeroU32::new(5).unwrap(), ..slow };
    check_throughput(&[fast, uneven], &uneven);
}

/// Sends one request with this answer, then others; checks when the host's next request is sent.
#[track_caller]
fn check_pause(answer: Answer, pause_ends: Duration) {
    let quotas = [quota("a.example", "/"), quota("a.example", "/search"), quota("b.example", "/")];
    let is_busy = |request: &Request| request.url.path() == "/busy";
    let configure = |config: &mut PoliteConfig| {
        config.patience = 2 * 3600 * SECOND;
        config.retries.n_more = 0;
    };
    let script = move |request: &Request| Ok(if is_busy(request) { answer } else { OK });
    let net = unreliable_net(&quotas, configure, script);
    net.clock.run(async {
        net.get("https://a.example/busy").await.unwrap();
        let others = ["https://a.example/search", "https://b.example/"].map(|url| net.get(url));
        join_all(others).await;
    });
    let sent_at = net.sent_at("https://a.example/search");
    assert!(
        pause_ends <= sent_at && sent_at <= pause_ends + SECOND / 100,
        "{answer:?}: {sent_at:?}"
    );
    assert_eq!(net.sent_at("https://b.example/"), LATENCY, "the other host is not to blame");
}

#[test]
fn a_pause_applies_to_the_whole_host_and_to_no_other() {
    check_pause((503, &[("retry-after", "30")], ""), LATENCY + 30 * SECOND);
    check_pause((503, &[("retry-after", "Thu, 01 Jan 1970 00:00:30 GMT")], ""), 30 * SECOND);
    check_pause((503, &[("retry-after", "Thursday, 01-Jan-70 00:00:30 GMT")], ""), 30 * SECOND);
    check_pause((503, &[("retry-after", "Thu Jan  1 00:00:30 1970")], ""), 30 * SECOND);
    check_pause((503, &[], ""), LATENCY);
    check_pause((503, &[("retry-after", "-30")], ""), LATENCY);
    check_pause((503, &[("retry-after", "Thu, 01 Jan 1960 00:00:00 GMT")], ""), LATENCY);
}

#[test]
fn a_pause_has_a_minimum_and_a_maximum() {
    let (floor, cap) = (LATENCY + 60 * SECOND, LATENCY + 3600 * SECOND);
    check_pause((429, &[], ""), floor);
    check_pause((429, &[("retry-after", "0")], ""), floor);
    check_pause((429, &[("retry-after", "soon")], ""), floor);
    check_pause((429, &[("retry-after", "90")], ""), LATENCY + 90 * SECOND);
    check_pause((403, &[("retry-after", "1")], ""), floor);
    check_pause((503, &[("retry-after", "86400")], ""), cap);
    check_pause((429, &[("retry-after", "99999999999999999999999")], ""), cap);
    check_pause((503, &[("retry-after", "Fri, 31 Dec 9999 23:59:59 GMT")], ""), cap);
}

#[test]
fn the_longest_prefix_decides() {
    let slow = Quota { period: 10 * SECOND, ..quota("a.example", "/search") };
    let net = net(&[quota("a.example", "/"), slow], |_| OK);
    let urls = ["search?1", "search?2", "1", "2"].map(|path| format!("https://a.example/{path}"));
    net.clock.run(join_all(urls.iter().map(|url| net.get(url))));
    assert_eq!(urls.map(|url| net.sent_at(&url).as_secs()), [0, 10, 0, 1]);
}

#[test]
fn every_attempt_counts_against_the_quota() {
    let net = net(&[quota("a.example", "/")], |_| (500, &[], "broken"));
    let urls = ["https://a.example/1", "https://a.example/2"];
    let answers = net.clock.run(join_all(urls.map(|url| net.get(url))));
    assert!(answers.iter().all(|answer| answer.as_ref().unwrap().status == 500));
    let sent = net.transport.sent();
    assert_eq!(sent.len(), 8, "four tries each");
    check_windows(&sent, &quota("a.example", "/")).unwrap();
    // The waits are at most 1 + 2 + 4 s, and six of the other seven tickets may come in between.
    assert!(sent[7].at <= 14 * SECOND, "{sent:?}");
}

#[track_caller]
fn check_tries(method: Method, answer: Result<Answer, TransportErrorKind>, n_tries: usize) {
    let net = unreliable_net(&[quota("a.example", "/")], |_| (), move |_| answer);
    let get = Request::get("https://a.example/", &[], &[]).unwrap();
    let outcome = net.clock.run(net.http.send(Request { method, ..get }));
    let status = outcome.map(|response| response.status).ok();
    assert_eq!(status, answer.ok().map(|(status, ..)| status));
    assert_eq!(net.transport.sent().len(), n_tries, "{method:?} {answer:?}");
}

#[test]
fn transient_failures_are_retried() {
    for status in [408, 425, 429, 500, 502, 503, 504, 522] {
        check_tries(Method::Get, Ok((status, &[], "")), 4);
    }
    for status in [200, 400, 401, 403, 404, 410, 416, 451] {
        check_tries(Method::Get, Ok((status, &[], "")), 1);
    }
    check_tries(Method::Get, Err(TransportErrorKind::Connect), 4);
    check_tries(Method::Get, Err(TransportErrorKind::Body), 4);
    check_tries(Method::Post, Err(TransportErrorKind::Connect), 4);
    check_tries(Method::Post, Ok((429, &[], "")), 4);
    check_tries(Method::Post, Err(TransportErrorKind::Body), 1);
    check_tries(Method::Post, Ok((503, &[], "")), 1);
    check_tries(Method::Put, Ok((503, &[], "")), 4);
    check_tries(Method::Put, Err(TransportErrorKind::Body), 4);
    check_tries(Method::Put, Ok((409, &[], "")), 1);
    check_tries(Method::Patch, Ok((503, &[], "")), 1);
}

#[test]
fn a_request_waits_out_a_short_pause_and_fails_before_a_long_one() {
    let net = net(&[quota("a.example", "/")], |request| match request.url.path() {
        "/short" => (503, &[("retry-after", "120")], ""),
        "/long" => (503, &[("retry-after", "1800")], ""),
        _ => OK,
    });
    let get = |url| net.clock.run(net.get(url));
    assert_eq!(get("https://a.example/short").unwrap().status, 503);
    assert_eq!(net.seconds_of("https://a.example/short"), [0, 120, 240, 360]);

    let began_at = net.clock.monotonic();
    let error = get("https://a.example/long").unwrap_err();
    let HttpError::Paused { host, until, is_asked: true, .. } = &error else { panic!("{error}") };
    let (from, to) = (EPOCH + began_at + 1800 * SECOND, EPOCH + began_at + 2000 * SECOND);
    assert!(host == "a.example" && from <= *until && *until <= to, "{error}");
    let finding = error.finding();
    assert_eq!(finding.kind, FailureKind::RateLimited);
    assert_eq!(finding.service.as_deref(), Some("a.example"));

    let failed_at = net.clock.monotonic();
    let error = get("https://a.example/other").unwrap_err();
    assert!(matches!(error, HttpError::Paused { .. }), "{error}");
    assert_eq!(net.clock.monotonic(), failed_at, "it waited");
    assert_eq!(net.transport.sent().len(), 5, "a refused request was sent");
}

#[test]
fn a_pause_longer_than_requested_is_not_attributed_to_the_host() {
    let place = Quota { retry_floor: 1800 * SECOND, ..quota("a.example", "/") };
    let net = net(&[place], |_| (429, &[("retry-after", "2")], ""));
    let error = net.clock.run(net.get("https://a.example/x")).unwrap_err();
    let HttpError::Paused { is_asked, .. } = &error else { panic!("{error}") };
    assert!(!is_asked, "{error}");
}

#[test]
fn waiting_requests_fail_too_when_a_long_pause_begins() {
    let net = net(&[quota("a.example", "/")], |_| (429, &[("retry-after", "3600")], ""));
    let urls: Vec<_> = (0..20).map(|i| format!("https://a.example/{i}")).collect();
    let answers = net.clock.run(join_all(urls.iter().map(|url| net.get(url))));
    let is_paused = |answer: &Result<_, _>| matches!(answer, Err(HttpError::Paused { .. }));
    assert!(answers.iter().all(is_paused));
    assert_eq!(net.transport.sent().len(), 1);
    assert!(net.clock.monotonic() < 60 * SECOND, "an unattended run would hang");
}

#[test]
fn a_request_that_was_not_sent_does_not_count() {
    let place = Quota { max_per_run: Some(3), ..quota("a.example", "/") };
    let net = net(&[place], |request| match request.url.path() {
        "/0" => (429, &[("retry-after", "3600")], ""),
        _ => OK,
    });
    let get = |url| net.get(url);
    let urls = ["https://a.example/0", "https://a.example/1", "https://a.example/2"];
    let answers = net.clock.run(join_all(urls.map(get)));
    assert!(answers.iter().all(|answer| matches!(answer, Err(HttpError::Paused { .. }))));
    net.clock.run(net.clock.sleep(3601 * SECOND));
    for url in ["https://a.example/1", "https://a.example/2"] {
        net.clock.run(get(url)).unwrap();
    }
    let error = net.clock.run(get("https://a.example/3")).unwrap_err();
    assert!(matches!(error, HttpError::RunSpent { .. }), "{error}");
}

#[test]
fn a_used_up_budget_between_attempts_keeps_the_first_error() {
    let place = Quota { max_per_run: Some(1), ..quota("a.example", "/") };
    let broken = |_: &Request| Err(TransportErrorKind::Dns);
    let net = unreliable_net(&[place], |_: &mut PoliteConfig| {}, broken);
    let error = net.clock.run(net.get("https://a.example/")).unwrap_err();
    assert!(matches!(error, HttpError::Transport { .. }), "{error}");
    let error = net.clock.run(net.get("https://a.example/")).unwrap_err();
    assert!(matches!(error, HttpError::RunSpent { .. }), "{error}");
}

#[test]
fn pauses_are_stored_for_later_runs() {
    let quotas = [quota("a.example", "/"), quota("b.example", "/")];
    let first = net(&quotas, |_| (429, &[("retry-after", "900")], ""));
    first.clock.run(first.get("https://a.example/")).unwrap_err();
    let pauses = first.http.pauses();
    assert_eq!(pauses.keys().collect::<Vec<_>>(), ["a.example"]);

    let next = |patience| {
        let (pauses, quotas) = (pauses.clone(), quotas);
        let configure = move |config: &mut PoliteConfig| {
            config.patience = patience;
            config.pauses.clone_from(&pauses);
            config.pauses.insert("undeclared.example".to_owned(), EPOCH + 99 * SECOND);
            config.pauses.insert("b.example".to_owned(), EPOCH - SECOND);
        };
        unreliable_net(&quotas, configure, |_| Ok(OK))
    };
    let hasty = next(300 * SECOND);
    let error = hasty.clock.run(hasty.get("https://a.example/")).unwrap_err();
    assert!(matches!(error, HttpError::Paused { .. }), "{error}");
    assert_eq!(hasty.http.pauses(), pauses);
    assert_eq!(hasty.http.usage(), BTreeMap::new());

    let patient = next(3600 * SECOND);
    patient.clock.run(patient.get("https://a.example/")).unwrap();
    assert_eq!(patient.seconds_of("https://a.example/"), [900]);
    assert_eq!(patient.http.pauses(), BTreeMap::new());
}

#[test]
fn an_implausible_stored_pause_ends_within_an_hour() {
    let pauses = BTreeMap::from([("a.example".to_owned(), DateTime::<Utc>::MAX_UTC)]);
    let configure = move |config: &mut PoliteConfig| config.pauses.clone_from(&pauses);
    let net = unreliable_net(&[quota("a.example", "/")], configure, |_| Ok(OK));
    assert!(net.http.pauses()["a.example"] <= EPOCH + 3601 * SECOND);
}

#[test]
fn a_run_counts_its_requests_by_host() {
    let quotas = [quota("a.example", "/"), quota("b.example", "/"), quota("c.example", "/")];
    let net = net(&quotas, |request| match request.url.host_str() {
        Some("b.example") => (429, &[("retry-after", "70")], ""),
        _ => OK,
    });
    let urls = ["https://a.example/1", "https://a.example/2", "https://a.example/3"];
    net.clock.run(join_all(urls.map(|url| net.get(url))));
    net.clock.run(net.get("https://b.example/")).unwrap();
    let mut usage = net.http.usage();
    assert_eq!(
        usage.remove("a.example"),
        Some(HostUsage { sent: 3, throttled: 0, waited_ms: 3000 })
    );
    let throttled = usage.remove("b.example").unwrap();
    assert_eq!((throttled.sent, throttled.throttled), (4, 4));
    assert!((203_000..=210_100).contains(&throttled.waited_ms), "{throttled:?}");
    assert_eq!(usage, BTreeMap::new());
}

#[test]
fn two_that_ask_one_host_each_know_what_they_asked_and_share_its_budget() {
    let net = net(&[quota("a.example", "/")], |_| OK);
    let accounts = [net.http.account(), net.http.account()];
    let ask = |account: usize, path: &str| {
        let request = Request::get("https://a.example", &[path], &[]).unwrap();
        let account = Arc::clone(&accounts[account]);
        async move { account.send(request).await.unwrap() }
    };
    net.clock.run(join_all([ask(0, "1"), ask(1, "2"), ask(1, "3")]));
    let sent = accounts.each_ref().map(|account| account.usage()["a.example"].sent);
    assert_eq!(sent, [1, 2]);
    assert_eq!(net.http.usage(), BTreeMap::new(), "nobody else asked");
    assert_eq!(net.sent_at("https://a.example/3"), 2 * SECOND, "one budget for both");
}

#[test]
fn who_met_a_pause_says_what_it_met_and_others_that_they_were_not_asked() {
    let net = net(&[quota("a.example", "/")], |_| (429, &[("retry-after", "1800")], ""));
    let unsent = |url| {
        let error = net.clock.run(net.get(url)).unwrap_err();
        error.unsent_for_pause().map(|(host, until)| (host.to_owned(), until))
    };
    assert_eq!(unsent("https://a.example/1"), None);
    let (host, until) = unsent("https://a.example/2").unwrap();
    assert!(host == "a.example" && EPOCH + 1800 * SECOND <= until, "{host} {until}");
}

#[test]
fn every_hop_takes_a_ticket_and_leads_to_a_declared_host() {
    let net = net(&[quota("a.example", "/")], |request| match request.url.path() {
        "/moved" => (301, &[("location", "/here")], ""),
        "/away" => (302, &[("location", "https://undeclared.example/")], ""),
        "/plain" => (302, &[("location", "http://a.example/")], ""),
        "/port" => (302, &[("location", "https://a.example:8443/")], ""),
        "/user" => (302, &[("location", "https://user@a.example/")], ""),
        "/local" => (302, &[("location", "http://127.0.0.1/")], ""),
        _ => OK,
    });
    let get = |url| net.clock.run(net.get(url));
    assert_eq!(get("https://a.example/moved").unwrap().body, b"body");
    assert_eq!(net.sent_at("https://a.example/here"), SECOND);
    for url in ["https://a.example/away", "https://a.example/port", "https://a.example/user"] {
        let error = get(url).unwrap_err();
        assert!(matches!(error, HttpError::Undeclared { .. }), "{error}");
    }
    for url in ["https://a.example/plain", "https://a.example/local"] {
        let error = get(url).unwrap_err();
        assert!(matches!(error, HttpError::Insecure { .. }), "{error}");
    }
    assert_eq!(net.transport.sent().len(), 7, "a refused request was sent");
}

#[test]
fn five_redirects_are_followed_and_a_loop_is_not() {
    let net = net(&[quota("a.example", "/")], |request| match request.url.path() {
        "/6" => (302, &[("location", "/5")], ""),
        "/5" => (302, &[("location", "/4")], ""),
        "/4" => (302, &[("location", "/3")], ""),
        "/3" => (302, &[("location", "/2")], ""),
        "/2" => (302, &[("location", "/1")], ""),
        "/1" => (302, &[("location", "/0")], ""),
        "/a" => (302, &[("location", "/b")], ""),
        "/b" => (302, &[("location", "/a")], ""),
        _ => OK,
    });
    let get = |url| net.clock.run(net.get(url));
    assert_eq!(get("https://a.example/5").unwrap().url.path(), "/0");
    let n_sent = net.transport.sent().len();
    for (url, n_hops) in [("https://a.example/6", 6), ("https://a.example/a", 2)] {
        let n_sent = net.transport.sent().len();
        let error = get(url).unwrap_err();
        assert!(matches!(error, HttpError::Redirects { .. }), "{error}");
        assert_eq!(net.transport.sent().len() - n_sent, n_hops, "{url}");
    }
    assert_eq!(n_sent, 6);
}

#[test]
fn a_secret_stays_with_its_origin() {
    let quotas = [quota("a.example", "/"), quota("b.example", "/")];
    let net = net(&quotas, |request| {
        let is_secret = request.auth.is_some();
        match (request.url.host_str(), request.url.path()) {
            (Some("a.example"), "/same") => (302, &[("location", "/end")], ""),
            (Some("a.example"), "/other") => (302, &[("location", "https://b.example/")], ""),
            (Some("a.example"), _) if is_secret => (200, &[], "secret"),
            _ if is_secret => (400, &[], "a secret went to another host"),
            _ => OK,
        }
    });
    let body = |url| {
        let auth = Some("secret".to_owned());
        let request = Request { auth, ..Request::get(url, &[], &[]).unwrap() };
        net.clock.run(net.http.send(request)).unwrap().body
    };
    assert_eq!(body("https://a.example/same"), b"secret");
    assert_eq!(body("https://a.example/other"), b"body");
}

#[test]
fn a_mirror_uses_the_quota_and_the_cache_of_its_registry() {
    let clock = SimClock::default();
    let transport =
        Arc::new(SimTransport::new(clock.clone(), LATENCY, |request| match request.url.path() {
            "/a/moved" => (301, &[("location", "/a/here")], ""),
            "/a/here" => (301, &[("location", "http://127.0.0.1:4873/a/there")], ""),
            "/a/away" => (301, &[("location", "http://127.0.0.1:4873/b")], ""),
            _ if request.auth.is_some() => (400, &[], "a secret went to another host"),
            _ => OK,
        }));
    let origins = Origins::new([("https://a.example", "http://127.0.0.1:4873/a/")]).unwrap();
    let mirrored = Arc::new(MirrorTransport::new(transport.clone(), origins));
    let quotas = [quota("a.example", "/"), quota("a.example.org", "/")];
    let cache = tempfile::tempdir().unwrap();
    let config = PoliteConfig::new(Arc::new(clock.clone()), mirrored, quotas, cache.path());
    let net = Net { clock, transport, http: PoliteHttp::new(config), _cache: cache };

    let moved = Request::get("https://a.example/moved", &[], &[]).unwrap();
    let request = Request { auth: Some("secret".to_owned()), ..moved };
    let response = net.clock.run(net.http.send(request)).unwrap();
    assert_eq!((response.url.as_str(), response.status), ("https://a.example/there", 200));
    assert_eq!(net.sent_at("http://127.0.0.1:4873/a/there"), 2 * SECOND);

    let get = |url| net.clock.run(net.get(url));
    assert!(matches!(get("https://a.example/away"), Err(HttpError::Insecure { .. })));
    let other = "https://a.example.org/";
    assert_eq!(get(other).unwrap().url.as_str(), other);
    net.sent_at(other);
    let exposed = Origins::new([("https://a.example", "http://mirror.example")]);
    assert!(matches!(exposed, Err(HttpError::Insecure { .. })));
}

#[test]
fn runs_and_bodies_have_time_limits() {
    let net = net(&[Quota { max_per_run: Some(2), ..quota("a.example", "/") }], |_| OK);
    let fetch = |max_bytes| {
        let request =
            Request { max_bytes, ..Request::get("https://a.example/", &[], &[]).unwrap() };
        net.clock.run(net.http.fetch_to_cache(request))
    };
    assert_eq!(fetch(4).unwrap().metadata().unwrap().len(), 4);
    assert!(matches!(fetch(3), Err(HttpError::TooLarge { max_bytes: 3, .. })));
    assert!(matches!(fetch(4), Err(HttpError::RunSpent { .. })));
}

#[test]
fn an_answer_shorter_than_its_stated_length_is_an_error() {
    let net = net(&[quota("a.example", "/")], |_| (200, &[("content-length", "5")], "body"));
    let error = net.clock.run(net.get("https://a.example/")).unwrap_err();
    assert!(matches!(error, HttpError::Truncated { .. }), "{error}");
    assert_eq!(error.finding().kind, FailureKind::UpstreamUnavailable);
    assert_eq!(net.transport.sent().len(), 4, "it may be whole the next time");
}

#[test]
fn every_attempt_has_its_own_deadline() {
    let place = Quota { concurrency: NonZeroU32::MIN, ..quota("a.example", "/") };
    let configure = |config: &mut PoliteConfig| {
        config.deadlines.headers = LATENCY / 2;
        config.retries.base = Duration::ZERO;
    };
    let net = unreliable_net(&[place], configure, |_| Ok(OK));
    let error = net.clock.run(net.get("https://a.example/")).unwrap_err();
    assert_eq!(error.finding().kind, FailureKind::Timeout, "{error}");
    assert_eq!(net.seconds_of("https://a.example/"), [0, 1, 2, 3]);
    assert_eq!(net.clock.monotonic(), 3 * SECOND + LATENCY / 2);
}

#[test]
fn a_simulated_registry_sends_no_cached_body_again() {
    let net = net(&[quota("a.example", "/")], |_| (200, &[("etag", "1")], "body"));
    for _ in 0..2 {
        let response = net.clock.run(net.get("https://a.example/")).unwrap();
        assert_eq!((response.status, &*response.body), (200, &b"body"[..]));
    }
    assert_eq!(net.seconds_of("https://a.example/"), [0, 1], "a condition takes a ticket too");
}

fn any_answer() -> impl Strategy<Value = Result<Answer, TransportErrorKind>> {
    prop_oneof![
        6 => Just(Ok(OK)),
        1 => Just(Ok((503, &[("retry-after", "7")][..], ""))),
        1 => Just(Ok((429, &[("retry-after", "3")][..], ""))),
        1 => Just(Ok((429, &[("retry-after", "4000")][..], ""))),
        1 => Just(Ok((500, &[][..], ""))),
        1 => Just(Ok((302, &[("location", "/search/moved")][..], ""))),
        1 => Just(Ok((200, &[("content-type", "text/html")][..], "<p>just a moment"))),
        1 => Just(Err(TransportErrorKind::Connect)),
        1 => Just(Err(TransportErrorKind::Body)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Holds for all answers of the host, and for all orders of requests.
    #[test]
    fn no_window_ever_exceeds_the_quota(
        answers in prop::collection::vec(any_answer(), 1..20),
        delays_ms in prop::collection::vec(0_u64..3000, 1..60),
        burst in 1_u32..6,
        period_ms in 50_u64..2000,
    ) {
        let burst = NonZeroU32::new(burst).unwrap();
        let period = Duration::from_millis(period_ms);
        let place = Quota { period, burst, retry_floor: 5 * SECOND, ..quota("a.example", "/") };
        let search = Quota { period: 2 * period, ..quota("a.example", "/search") };
        let n_sent = std::sync::atomic::AtomicUsize::new(0);
        let script = move |_: &Request| {
            answers[n_sent.fetch_add(1, std::sync::atomic::Ordering::Relaxed) % answers.len()]
        };
        let net = unreliable_net(&[place, search], |_| (), script);
        net.clock.run(join_all(delays_ms.iter().enumerate().map(async |(i, &delay_ms)| {
            net.clock.sleep(Duration::from_millis(delay_ms)).await;
            let part = if i % 3 == 0 { "search/" } else { "" };
            // This test does not check the result.
            let _ = net.get(&format!("https://a.example/{part}{i}")).await;
        })));
        let is_search = |sent: &SentRequest| sent.url.contains("/search");
        let (searches, others): (Vec<_>, Vec<_>) =
            net.transport.sent().into_iter().partition(is_search);
        check_windows(&searches, &search)?;
        check_windows(&others, &place)?;
    }
}
