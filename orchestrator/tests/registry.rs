//! Rules that hold for every plugin, tested once over the whole registry.

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use batch_core::{
    decide::evidence::{HEAD_BYTES, TAIL_BYTES},
    model::{Evidence, Os, PackageName, Quota, Stage},
    plugin::{EcosystemPlugin, Registry},
};
use orchestrator::plugins;
use proptest::prelude::*;

/// Later ecosystems come after these and need no change here.
const IDS: [&str; 8] = ["homebrew", "cargo", "npm", "pypi", "rubygems", "go", "cpan", "cask"];

fn registry() -> Registry {
    plugins::registry().expect("the linked plugins are a registry")
}

#[test]
fn the_first_eight_ecosystems_are_in_the_order_of_the_rotation() {
    let registry = registry();
    let ids: Vec<String> = registry.iter().map(|plugin| plugin.id.to_string()).collect();
    assert_eq!(ids[..IDS.len()], IDS);
    let ranks = registry.iter().map(|plugin| usize::from(plugin.rotation_rank));
    assert!(ranks.take(IDS.len()).eq(0..IDS.len()));
}

#[test]
fn every_ecosystem_folder_is_linked_and_has_a_readme() {
    #[expect(clippy::disallowed_methods, reason = "looks at the checkout, not at a root")]
    let folders = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../ecosystems")).unwrap();
    let paths: Vec<_> = folders.map(|entry| entry.unwrap().path()).collect();
    let crates: Vec<&PathBuf> =
        paths.iter().filter(|path| path.join("Cargo.toml").exists()).collect();
    let registry = registry();
    for path in &crates {
        let name = path.file_name().unwrap().to_str().unwrap();
        assert!(registry.iter().any(|plugin| plugin.id.to_string() == name), "{name}");
        assert!(path.join("README.md").exists(), "{name} has no README");
    }
    assert_eq!(crates.len(), registry.iter().count());
}

#[test]
fn plugins_name_the_page_of_a_package_on_their_website() {
    let name: PackageName = "some-name".parse().unwrap();
    let mut n_pages = 0;
    for plugin in registry().iter() {
        // A registry need not have pages for people.
        let Some(page) = plugin.names.web_page(&name) else { continue };
        n_pages += 1;
        let is_address = page.starts_with("https://") && page.contains("some-name");
        assert!(is_address, "{}: {page}", plugin.id);
    }
    assert!(8 <= n_pages, "all registries of this project have pages");
}

#[test]
fn every_known_spelling_leads_to_its_ecosystem() {
    let registry = registry();
    for (id, spellings) in [
        ("homebrew", &["brew"][..]),
        ("cargo", &["crates.io", "crates", "crates_io"]),
        ("npm", &["node", "nodejs", "npmjs"]),
        ("pypi", &["python", "pip", "pypi.org"]),
        ("rubygems", &["gem", "gems", "rubygems.org"]),
        ("go", &["golang"]),
        ("cpan", &["metacpan", "perl"]),
        ("cask", &[]),
    ] {
        for spelling in spellings.iter().copied().chain([id]) {
            let found = registry.resolve(spelling).map(|plugin| plugin.id.to_string());
            assert_eq!(found.as_deref(), Some(id), "{spelling}");
        }
    }
    assert!(registry.resolve("no ecosystem").is_none());
}

#[test]
fn ecosystems_declare_their_tools_and_systems() {
    for plugin in registry().iter() {
        let id = plugin.id.to_string();
        if IDS.contains(&&*id) {
            assert_eq!(plugin.toolchain.is_none(), ["homebrew", "cask"].contains(&&*id), "{id}");
            assert_eq!(plugin.local_os, (id == "cask").then_some(Os::Darwin), "{id}");
            assert!(!plugin.recipe_actions.is_empty(), "{id}");
        }
        assert!(plugin.recipe_actions.iter().all(|shape| !shape.required.is_empty()), "{id}");
    }
}

#[test]
fn quotas_are_limits_of_places_and_shared_places_have_one_limit() {
    let mut by_place: BTreeMap<(&str, &str), Quota> = BTreeMap::new();
    for plugin in registry().iter() {
        let quotas = plugin.rate_limit.quotas();
        assert!(!quotas.is_empty(), "{}", plugin.id);
        let mut places: Vec<_> = quotas.iter().map(|q| (q.host, q.path_prefix)).collect();
        places.sort_unstable();
        places.dedup();
        assert_eq!(places.len(), quotas.len(), "{} declares a place twice", plugin.id);
        for quota in quotas {
            check_quota(quota);
            let known = *by_place.entry((quota.host, quota.path_prefix)).or_insert(*quota);
            // What each uses the place for may differ, how often it is asked may not.
            let expected = Quota { purpose: quota.purpose, ..known };
            assert_eq!(expected, *quota, "{} shares this place", plugin.id);
        }
    }
}

fn check_quota(quota: &Quota) {
    let is_in_host = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || ".-".contains(c);
    assert!(quota.host.contains('.') && quota.host.chars().all(is_in_host), "{quota:?}");
    assert!(quota.path_prefix.starts_with('/'), "{quota:?}");
    assert!(quota.period > Duration::ZERO && quota.retry_floor > Duration::ZERO, "{quota:?}");
    assert!(quota.max_per_run != Some(0), "{quota:?}");
}

#[test]
fn no_ecosystem_has_a_hostile_name() {
    let long = "a".repeat(300);
    for plugin in registry().iter() {
        for name in [
            "",
            "../../x",
            "x/../../y",
            "-rf",
            "--version",
            &long,
            "a\nb",
            "a\0b",
            "<script>",
            "раypal",          // Cyrillic
            "ｒipgrep",        // full width
            "rip\u{200b}grep", // zero width
            "a b",
            "a;b",
            "$(id)",
            "a`id`",
            "a%2fb",
            "a\\b",
            "a?b",
            "a#b",
            ".",
            "..",
            "/etc/passwd",
            "a//b",
            "a/",
        ] {
            let read = plugin.names.normalise(name);
            assert!(read.is_err(), "{} takes {name:?}", plugin.id);
            assert!(read.unwrap_err().to_string().len() < 400, "{} echoes {name:?}", plugin.id);
        }
    }
}

#[test]
fn every_ecosystem_accepts_an_example_name() {
    let known = [
        ("homebrew", "python@3.13"),
        ("cargo", "Foo_Bar"),
        ("npm", "@angular/cli"),
        ("pypi", "Flask_Login"),
        ("rubygems", "RedCloth"),
        ("go", "github.com/cli/cli/v2"),
        ("cpan", "App-Ack"),
        ("cask", "1password-cli@beta"),
    ];
    for (id, name) in known {
        let registry = registry();
        let plugin = registry.resolve(id).unwrap();
        let read = plugin.names.normalise(name).unwrap();
        assert_eq!(plugin.names.normalise(read.as_str()).unwrap(), read, "{id}");
    }
}

fn classify(plugin: &EcosystemPlugin, text: &str) {
    for stage in [Stage::Seed, Stage::Generate, Stage::Validate, Stage::Merge] {
        let (tool, text) = ("tool".to_owned(), text.to_owned());
        let evidence = Evidence { stage, tool, exit_code: Some(1), text };
        if let Some(finding) = plugin.classifier.classify(&evidence) {
            let service = finding.service.unwrap_or_default();
            assert!(
                service.is_empty() || finding.kind.row().breaker,
                "{} {text:?}",
                plugin.id,
                text = evidence.text
            );
        }
    }
}

proptest! {
    #[test]
    fn a_name_that_is_read_is_read_the_same_again(spelling in "[A-Za-z0-9@/._+~-]{1,24}") {
        for plugin in registry().iter() {
            if let Ok(name) = plugin.names.normalise(&spelling) {
                prop_assert_eq!(plugin.names.normalise(name.as_str()), Ok(name.clone()));
                prop_assert!(name.as_str().parse::<PackageName>().is_ok());
            }
        }
    }

    #[test]
    fn any_text_can_be_named_or_refused(spelling: String) {
        for plugin in registry().iter() {
            let _ = plugin.names.normalise(&spelling);
        }
    }

    #[test]
    fn any_output_can_be_classified(bytes: Vec<u8>) {
        let text = String::from_utf8_lossy(&bytes);
        for plugin in registry().iter() {
            classify(plugin, &text);
        }
    }

    #[test]
    fn pieces_of_real_messages_in_any_order_can_be_classified(
        pieces in proptest::collection::vec(
            prop::sample::select(&[
                "npm error code E404\n", "://", "https://", "ERROR: ", "\n", "\r\n", "got 429", "`",
                "error: could not find `", "(from versions: ", "(from versions: none)", "é", "\u{1f4a5}",
                "connection refused", "No matching distribution found for", "in any repository",
                ": 403 Forbidden\n\tserver response: ", "https://user:pw@", "[]", "toomanyrequests",
                "WARNING: Retrying (Retry(", "ghcr.io", "https://registry.npmjs.org/", "İ",
            ][..]),
            0..24,
        )
    ) {
        let text = pieces.concat();
        for plugin in registry().iter() {
            classify(plugin, &text);
        }
    }
}

#[test]
fn the_longest_kept_output_can_be_classified() {
    for plugin in registry().iter() {
        for piece in ["a", "\n", "https://", "error: ", "warning: retrying (retry(", "://x "] {
            classify(plugin, &piece.repeat((HEAD_BYTES + TAIL_BYTES) / piece.len()));
        }
    }
}
