//! Texts of packages execute nothing, and the harness would notice if they did.

use libtest_mimic::Trial;
use serde_json::json;

use crate::{
    cdp::{Browser, Tab, View},
    hostile_state::{PAYLOADS, state},
    page_types, sample, server, trial, written,
};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("hostile_texts_execute_nothing", execute_nothing),
        trial("without_escaping_the_policy_holds_and_without_both_the_harness_notices", controls),
    ]
}

const VIEW: View = View { width: 1280, height: 720, is_dark: false, has_script: true };

/// Notes what hostile texts try to do, and what the policy refuses.
const NOTE: &str = "window.ran = 0; window.refused = 0; window.alert = () => { window.ran += 1; }; \
    addEventListener('securitypolicyviolation', () => { window.refused += 1; }, true);";

fn noting(tab: &mut Tab<'_>) {
    tab.call("Page.addScriptToEvaluateOnNewDocument", &json!({"source": NOTE}));
}

fn execute_nothing(browser: &mut Browser) {
    for payload in PAYLOADS {
        let folder = written(&state(payload), sample::now());
        let base = server::start(folder.path());
        let files = format!("file://{}/", folder.path().display());
        let mut tab = Tab::open(browser, VIEW);
        noting(&mut tab);
        for (i, page) in page_types(folder.path()).into_iter().enumerate() {
            let base = if i % 2 == 0 { &base } else { &files };
            tab.go(&format!("{base}{page}"));
            let found = tab.eval("[window.ran, window.refused]");
            assert_eq!(found, json!([0, 0]), "{payload:?} in {page}");
            let handlers = "Array.from(document.querySelectorAll('*')).filter(it => Array.from(\
                it.attributes).some(a => a.name.startsWith('on') || (/^(href|src|action)$/.test(a.name) && /^\\s*javascript:/i.test(a.value)))).length";
            assert_eq!(tab.eval(handlers), 0, "{payload:?} in {page}");
            let complaints = tab.complaints();
            assert!(complaints.is_empty(), "{payload:?} in {page}: {complaints:?}");
        }
    }
}

/// A page as it would be if a template did not escape: with the policy the browser refuses the script,
/// without it the script runs.
fn controls(browser: &mut Browser) {
    let folder = written(&state("harmless"), sample::now());
    let path = folder.path().join("index.html");
    let page = std::fs::read_to_string(&path).unwrap();
    let broken =
        page.replacen("harmless", "<img src=x onerror=alert(1)><script>alert(1)</script>", 1);
    assert_ne!(page, broken);
    let url = server::start(folder.path()) + "index.html";
    std::fs::write(&path, &broken).unwrap();
    let mut tab = Tab::open(browser, VIEW);
    noting(&mut tab);
    tab.go(&url);
    assert_eq!(tab.eval("window.ran"), 0);
    assert!(tab.eval("window.refused").as_u64() > Some(0), "the policy refuses it");
    let (before, rest) = broken.split_once("<meta http-equiv").unwrap();
    let (_, after) = rest.split_once('>').unwrap();
    std::fs::write(&path, format!("{before}{after}")).unwrap();
    tab.go(&url);
    assert!(tab.eval("window.ran").as_u64() > Some(0), "the harness notices it");
}
