//! Quotas, and that nobody else is asked.

use std::time::Duration;

use url::Url;

use super::{
    Harness, Outcome,
    network::{FallbackAnswer, NOTHING},
};
use batch_core::model::{KnownRecipes, Quota};

/// No registry is asked less often than this; a longer period is a slip of units.
const MAX_PERIOD: Duration = Duration::from_secs(24 * 60 * 60);

/// Fifty requests a second, which no registry allows to strangers; a shorter one is such a slip too.
const MIN_PERIOD: Duration = Duration::from_millis(20);

/// Answers that lead nowhere: what is asked after them the plugin has from itself.
const GENERIC: &[FallbackAnswer] = &[
    NOTHING,
    json(200, "{}"),
    json(200, "[]"),
    json(200, ""),
    json(200, "1.0.0\n"),
    json(403, r#"{"error":"no"}"#),
    json(500, ""),
];

const fn json(status: u16, body: &'static str) -> FallbackAnswer {
    FallbackAnswer { status, content_type: "application/json", body }
}

/// Spelled as strangely as a name may be.
const ODD: &[&str] = &[
    "x",
    "a.b",
    "a-b_c",
    "@a/b",
    "a/b/c",
    "a+b",
    "x.example/a/b",
    "~a",
    "A-B",
    "..a",
    "a@1",
    "x.example/a/v2",
];

pub(super) fn are_sane(harness: &Harness) -> Outcome {
    let quotas = harness.subject.plugin.rate_limit.quotas();
    let mut problems = vec![];
    if quotas.is_empty() {
        problems.push("quotas() is empty, so nothing may be asked; declare each host".to_owned());
    }
    let is_in_host = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || ".-".contains(c);
    for (i, quota) in quotas.iter().enumerate() {
        let place = format!("{}{}", quota.host, quota.path_prefix);
        let mut add = |what: &str| problems.push(format!("{place}: {what}"));
        let is_host = quota.host.contains('.')
            && quota.host.chars().all(is_in_host)
            && Url::parse(&format!("https://{}/", quota.host))
                .is_ok_and(|url| url.host_str() == Some(quota.host));
        if !is_host {
            add("the host is no lower-case name without scheme, port and path");
        }
        if !quota.path_prefix.starts_with('/') {
            add("path_prefix does not begin with /");
        }
        if quota.period.is_zero() {
            add("period is zero, which is no quota; name the mean time between requests");
        }
        if !quota.period.is_zero() && quota.period < MIN_PERIOD {
            let n = Duration::from_secs(1).as_nanos() / quota.period.as_nanos();
            add(&format!("its period allows {n} requests a second; is its unit right?"));
        }
        if MAX_PERIOD < quota.period {
            add("period is longer than a day; is its unit right?");
        }
        if quota.retry_floor.is_zero() {
            add("retry_floor is zero; after a 429 some time must pass");
        }
        if quota.max_per_run == Some(0) {
            add("max_per_run is 0, so it can never be asked; leave it out or name at least 1");
        }
        let is_same =
            |other: &&Quota| (other.host, other.path_prefix) == (quota.host, quota.path_prefix);
        if quotas[..i].iter().any(|other| is_same(&other)) {
            add("is declared twice; one place has one quota");
        }
    }
    problems.into()
}

pub(super) fn agree_with_others(harness: &Harness) -> Outcome {
    let own = harness.subject.plugin;
    let mut problems = vec![];
    for other in harness.subject.all.iter().filter(|other| other.id != own.id) {
        for quota in own.rate_limit.quotas() {
            // What each uses the host for is its own business; how often it may be asked is not.
            let differs = other.rate_limit.quotas().iter().any(|it| {
                (it.host, it.path_prefix) == (quota.host, quota.path_prefix)
                    && *it != Quota { purpose: it.purpose, ..*quota }
            });
            if differs {
                let place = format!("{}{}", quota.host, quota.path_prefix);
                problems.push(format!("{place} is declared otherwise by {}: agree", other.id));
            }
        }
    }
    problems.into()
}

/// Whether one of `quotas` lets `url` be asked.
pub(super) fn is_covered(url: &Url, quotas: &[Quota]) -> bool {
    let covers = |quota: &Quota| {
        url.host_str() == Some(quota.host) && url.path().starts_with(quota.path_prefix)
    };
    url.scheme() == "https" && quotas.iter().any(covers)
}

pub(super) fn cover_every_host(harness: &Harness) -> Outcome {
    let subject = &harness.subject;
    if subject.plugin.recipe_builder.is_none() {
        return Outcome::no_builder();
    }
    let mut problems = vec![];
    for (case, run) in &harness.runs {
        for url in &run.undeclared_requests {
            problems.push(refused(&format!("fixture {}", case.name), url));
        }
        problems.extend(run.asked.iter().filter_map(odd));
    }
    let packages = harness.runs.iter().map(|(case, _)| case.package.as_str());
    let packages: Vec<&str> = packages.chain(ODD.iter().copied()).collect();
    for package in packages {
        if subject.plugin.names.normalise(package).is_err() {
            continue;
        }
        for generic in GENERIC {
            let run = subject.ask((package, &KnownRecipes::default()), vec![], *generic);
            problems.extend(run.undeclared_requests.iter().map(|url| refused(package, url)));
            problems.extend(run.asked.iter().filter_map(odd));
        }
    }
    problems.sort();
    problems.dedup();
    problems.into()
}

fn refused(of: &str, url: &str) -> String {
    format!(
        "{of}: it asks {url}, which no quota covers; declare that host in quotas(), or ask elsewhere"
    )
}

/// What a name must never do to an address.
fn odd(url: &Url) -> Option<String> {
    let path = url.path().to_ascii_lowercase();
    let leaves = path.split('/').any(|part| matches!(part, ".." | "%2e%2e" | ".%2e" | "%2e."));
    let has_user = !url.username().is_empty() || url.password().is_some();
    (leaves || has_user || url.port().is_some())
        .then(|| format!("it asks {url}, which a name has bent; use Request::get with segments"))
}
