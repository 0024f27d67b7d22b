//! Rules that hold for every page.

use std::collections::BTreeMap;

use crate::{
    links::{check_links, html_pages},
    memory::MemoryState,
    sample, sample_site, site,
};

#[test]
fn every_link_leads_to_a_file_and_every_anchor_to_an_id() {
    assert!(check_links(&sample_site()) > 1_000);
    assert!(check_links(&site(&MemoryState::default(), sample::now())) > 100);
}

#[test]
fn every_page_has_the_policy_and_nothing_inline() {
    for (path, tags) in html_pages(&sample_site()) {
        let policy = tags.iter().find(|tag| {
            tag.attributes.get("http-equiv").is_some_and(|name| name == "Content-Security-Policy")
        });
        let policy = &policy.unwrap_or_else(|| panic!("no policy in {path}")).attributes["content"];
        for rule in [
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "base-uri 'none'",
            "form-action 'self'",
            "require-trusted-types-for 'script'",
            "trusted-types 'none'",
        ] {
            assert!(policy.contains(rule), "{rule} in {path}");
        }
        for tag in tags {
            assert_ne!(tag.name, "style", "{path}");
            let inline = tag.attributes.keys().find(|key| *key == "style" || key.starts_with("on"));
            assert_eq!(inline, None, "{path}");
            if tag.name == "script" {
                assert!(tag.attributes["src"].ends_with("assets/site.js"), "{path}");
            }
            let is_foreign =
                tag.attributes.get("href").is_some_and(|href| href.starts_with("https"));
            if is_foreign {
                assert_eq!(tag.attributes["rel"], "noopener noreferrer nofollow ugc", "{path}");
            }
        }
    }
}

#[test]
fn every_page_is_accessible_to_screen_readers() {
    for (path, tags) in html_pages(&sample_site()) {
        let named = |name: &str| tags.iter().filter(|tag| tag.name == name).collect::<Vec<_>>();
        assert_eq!(named("html")[0].attributes["lang"], "en", "{path}");
        assert_eq!(named("h1").len(), 1, "{path}");
        assert_eq!(named("table").len(), named("caption").len(), "{path}");
        assert!(named("th").iter().all(|th| th.attributes.contains_key("scope")), "{path}");
        let levels = tags.iter().filter_map(|tag| tag.name.strip_prefix('h')?.parse::<u8>().ok());
        let levels: Vec<u8> = levels.collect();
        assert!(levels.windows(2).all(|pair| pair[1] <= pair[0] + 1), "{path}: {levels:?}");
        let skip = tags.iter().find(|tag| tag.name == "a").unwrap();
        assert_eq!(skip.attributes["href"], "#main", "{path}");
    }
}

#[test]
fn two_builds_are_equal_byte_by_byte() {
    assert_eq!(sample_site(), sample_site());
    let mut shuffled = sample::state();
    shuffled.runs.reverse();
    shuffled.failures.records.reverse();
    assert_eq!(site(&shuffled, sample::now()), sample_site());
}

#[test]
fn a_later_build_of_the_same_records_does_not_rewrite_pages_of_single_objects() {
    let (early, late) =
        (sample_site(), site(&sample::state(), sample::now() + chrono::TimeDelta::days(2)));
    assert_ne!(early["index.html"], late["index.html"]);
    assert!(late["index.html"].contains("Nothing was recorded for "));
    assert!(late["failures.html"].contains("The newest record was"));
    for folder in ["runs/", "failures/"] {
        let of = |site: &BTreeMap<String, String>| -> Vec<(String, String)> {
            site.clone().into_iter().filter(|(path, _)| path.starts_with(folder)).collect()
        };
        assert!(!of(&early).is_empty() && of(&early) == of(&late), "{folder}");
    }
}

#[test]
fn the_pages_of_an_empty_state_explain_it() {
    let site = site(&MemoryState::default(), sample::now());
    let index = &site["index.html"];
    for text in [
        "never run",
        "No run is recorded yet; start the first one.",
        "No run yet.",
        "No failure is recorded.",
        "No data yet.",
        "Nothing waits for a missing recipe.",
    ] {
        assert!(index.contains(text), "{text}");
    }
    for path in [
        "runs.html",
        "failures.html",
        "pending.html",
        "success.html",
        "requires_manual.html",
        "excluded.html",
        "failed.html",
        "blocked.html",
        "in_progress.html",
        "run.html",
        "failure.html",
        "problems.html",
        "causes.html",
        "breakers.html",
        "blockers.html",
        "disambiguations.html",
        "ecosystems.html",
        "environments.html",
        "history.html",
        "runs-since-success.html",
        "seeding.html",
    ] {
        assert!(site.contains_key(path), "{path}");
    }
    let json: serde_json::Value = serde_json::from_str(&site["dashboard.json"]).unwrap();
    assert_eq!(json["data_as_of"], serde_json::Value::Null);
    assert_eq!(json["health"]["verdict"], "never_run");
    assert_eq!(json["health"]["status"], "stalled");
}
