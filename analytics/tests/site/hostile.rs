//! Packages, registries and programs may contain any text; no page may execute or obey it.

use crate::{
    hostile_state::{PAYLOADS, state},
    html, is_html, sample, site,
};

#[test]
fn hostile_texts_never_become_markup() {
    let allowed: Vec<Vec<String>> = {
        let mut shapes: Vec<Vec<String>> = vec![];
        // Texts that may be read from the right are isolated.
        for text in ["harmless", "harmless שלום"] {
            let site = site(&state(text), sample::now());
            let pages = site.iter().filter(|(path, _)| is_html(path));
            shapes.extend(pages.map(|(_, body)| shape(body)));
        }
        shapes
    };
    for payload in PAYLOADS {
        let site = site(&state(payload), sample::now());
        let pages: Vec<_> = site.iter().filter(|(path, _)| is_html(path)).collect();
        assert_eq!(2 * pages.len(), allowed.len(), "{payload:?}");
        for (path, body) in pages {
            // The strict reader also refuses tags that do not nest and attributes without quotes.
            assert!(allowed.contains(&shape(body)), "{payload:?} changed the shape of {path}");
            for tag in html::tags(body) {
                for key in ["href", "src", "action"] {
                    let target = tag.attributes.get(key).map_or("", |target| target);
                    let scheme = target.split_once(':').map(|(scheme, _)| scheme);
                    assert!(matches!(scheme, None | Some("data")), "{target} in {path}");
                    assert!(scheme.is_none() || target == "data:,", "{target} in {path}");
                }
            }
            let hidden = body.chars().find(|c| {
                (c.is_control() && !"\n\t".contains(*c))
                    || ('\u{202a}'..='\u{202e}').contains(c)
                    || ('\u{2066}'..='\u{2069}').contains(c)
                    || *c == '\u{200b}'
            });
            assert_eq!(hidden, None, "{payload:?} in {path}");
        }
        serde_json::from_str::<serde_json::Value>(&site["dashboard.json"]).unwrap();
    }
}

/// The names of tags and attributes, in order.
fn shape(body: &str) -> Vec<String> {
    let keys = |tag: &html::Tag| tag.attributes.keys().cloned().collect::<Vec<_>>().join(" ");
    html::tags(body).iter().map(|tag| format!("{} {}", tag.name, keys(tag))).collect()
}

#[test]
fn the_whole_output_is_on_the_page_of_its_failure() {
    let site = site(&state(PAYLOADS[0]), sample::now());
    let (_, body) = site.iter().find(|(path, _)| path.starts_with("failures/")).unwrap();
    let output = html::tags(body).into_iter().rfind(|tag| tag.name == "pre").unwrap().text;
    assert_eq!(output, PAYLOADS[0].repeat(64 * 1024 / PAYLOADS[0].len()));
}

#[test]
fn templates_never_switch_escaping_off() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("templates");
    #[expect(clippy::disallowed_methods, reason = "reads the project's own source")]
    let files: Vec<_> =
        std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).collect();
    assert!(files.len() > 10);
    for file in files {
        #[expect(clippy::disallowed_methods, reason = "reads the project's own source")]
        let text = std::fs::read_to_string(&file).unwrap();
        let dense: String = text.split_whitespace().collect();
        for forbidden in
            ["|safe", "|escape", "autoescape", "style=", "onclick=", "<style", "http://"]
        {
            assert!(!dense.contains(forbidden), "{forbidden} in {}", file.display());
        }
    }
}
