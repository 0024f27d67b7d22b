//! Whom a plan asks.

use std::collections::{BTreeMap, BTreeSet};

use url::Url;

use super::{MIRROR, arguments::texts, of_plans, runs};
use crate::{Harness, Outcome, quotas::is_covered};
use batch_core::model::{Access, Artifact, InstallStep, Os, Quota};

/// Hosts of the addresses in `text`.
fn hosts(text: &str) -> Vec<String> {
    let starts = text.match_indices("://").filter_map(|(at, _)| {
        let is_scheme = |c: char| c.is_ascii_alphanumeric() || "+.-".contains(c);
        let scheme = text[..at].rfind(|c| !is_scheme(c)).map_or(0, |i| i + 1);
        let end = text[at..].find(['"', ' ', ',', '|', '\'']).map_or(text.len(), |end| at + end);
        // `sparse+https` is https.
        let scheme = text[scheme..at].rsplit('+').next()?;
        Url::parse(&format!("{scheme}{}", &text[at..end])).ok()
    });
    starts.map(|url| url.host_str().unwrap_or_default().to_owned()).collect()
}

pub(crate) fn ask_only_declared_hosts(harness: &Harness) -> Outcome {
    let declared: BTreeSet<&str> =
        harness.subject.plugin.rate_limit.quotas().iter().map(|quota| quota.host).collect();
    let facts_hosts: BTreeSet<String> = harness
        .facts()
        .flat_map(|(_, facts)| facts.artifacts.iter().flat_map(|it| hosts(&it.url)))
        .collect();
    of_plans(harness, |made| {
        let tokens = made.plan.steps.iter().filter_map(|step| {
            let InstallStep::Fetch { access: Access::TokenFrom(url), .. } = step else {
                return None;
            };
            Some(url)
        });
        let words = runs(&made.plan).flat_map(|(argv, env, _)| argv.iter().chain(env.values()));
        let asked = tokens.chain(words).flat_map(|text| hosts(text));
        let strangers = asked.filter(|host| !declared.contains(&**host));
        let mut problems: Vec<String> = strangers
            .map(|host| format!("it asks {host}, which no quota covers; declare it in quotas()"))
            .collect();
        let fetched = made.plan.steps.iter().filter_map(|step| {
            let InstallStep::Fetch { artifact, .. } = step else { return None };
            Some(hosts(&artifact.url))
        });
        let unknown = fetched.flatten().filter(|host| !facts_hosts.contains(host));
        problems.extend(unknown.map(|host| {
            format!("it fetches from {host}, which the facts do not name; take their artifacts")
        }));
        problems
    })
}

pub(crate) fn use_the_network_only_to_ask(harness: &Harness) -> Outcome {
    of_plans(harness, |made| {
        let mut problems = vec![];
        let asks_mirror = |argv: &[String], env: &BTreeMap<String, String>| {
            argv.iter().chain(env.values()).any(|text| text.contains(MIRROR.trim_end_matches('/')))
        };
        for (argv, env, network) in runs(&made.mirrored) {
            let shown = argv.iter().take(3).cloned().collect::<Vec<_>>().join(" ");
            if network && !asks_mirror(argv, env) {
                problems.push(format!(
                    "the step `{shown} …` may use the network, and asks none of the mirrors; set \
                     network = false, or ask origins.to_mirror(…)"
                ));
            }
        }
        let registries = texts(&made.mirrored).into_iter().flat_map(|text| hosts(&text));
        for host in registries.filter(|host| host != "127.0.0.1") {
            problems.push(format!("with a mirror of every host it asks {host} all the same"));
        }
        problems
    })
}

/// Only where installations are tried: what is made for another system may come from its vendor.
pub(crate) fn fetch_what_can_be_checked(harness: &Harness) -> Outcome {
    let quotas = harness.subject.plugin.rate_limit.quotas();
    of_plans(harness, |made| {
        if made.environment.cell().os() != Os::Linux {
            return vec![];
        }
        let fetched = made.plan.steps.iter().filter_map(|step| {
            let InstallStep::Fetch { artifact, .. } = step else { return None };
            Some(artifact)
        });
        fetched.flat_map(|artifact| unfetchable(artifact, quotas)).collect()
    })
}

fn unfetchable(artifact: &Artifact, quotas: &[Quota]) -> Vec<String> {
    let Artifact { url: address, digest, .. } = artifact;
    let mut problems = vec![];
    let is_sha256 = digest
        .strip_prefix("sha256-")
        .is_some_and(|hex| hex.len() == 64 && hex.bytes().all(|byte| byte.is_ascii_hexdigit()));
    if !is_sha256 {
        problems.push(format!(
            "it fetches {address} with the digest {digest:?}, which is refused; an artifact needs \
             `sha256-` and 64 hexadecimal digits, from the registry"
        ));
    }
    let url = Url::parse(address).ok();
    if !url.is_some_and(|url| is_covered(&url, quotas)) {
        problems.push(format!(
            "it fetches {address}, which is refused: no quota covers it, or it is not https; \
             declare that host in quotas()"
        ));
    }
    problems
}
