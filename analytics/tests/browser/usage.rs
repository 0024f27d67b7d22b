//! What a person does with the pages: filter, sort, go back, follow ids, read on a small screen.

use chrono::TimeDelta;
use libtest_mimic::Trial;
use serde_json::json;

use crate::{
    cdp::{Browser, Tab, View},
    memory::MemoryState,
    page_types, sample, server, trial, written,
};

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        trial("every_page_type_is_quiet_and_fits_the_screen", quiet_and_fitting),
        trial("a_filter_speaks_of_the_whole_list_over_http", filters_the_whole_list),
        trial("a_filter_speaks_of_its_page_in_files", filters_the_page),
        trial("ids_lead_to_pages_and_to_lines_of_months", ids),
        trial("a_filter_of_a_part_of_a_list_speaks_of_the_whole_part", filters_a_part),
        trial("a_keyboard_reaches_and_operates_everything", keyboard),
        trial("on_paper_there_are_all_rows_and_no_controls", print),
        trial("without_scripts_rows_and_facets_are_there", without_scripts),
        barriers(),
    ]
}

/// Ignored without axe-core, which is not a part of this project.
fn barriers() -> Trial {
    let is_here = std::env::var_os("AXE").is_some();
    let kind = if is_here { "" } else { "AXE names no file of axe-core" };
    trial("no_page_type_has_a_barrier", axe).with_kind(kind).with_ignored_flag(!is_here)
}

const VIEW: View = View { width: 1280, height: 720, is_dark: false, has_script: true };

/// The sample, and more failures than one page has.
fn many() -> MemoryState {
    let mut state = sample::state();
    for i in 0..700 {
        let kind = if i % 7 == 0 { "verify_timeout" } else { "install_failed" };
        state.failure(json!({"id": format!("go-2026-11-21T11-00-00Z-p{i}"), "ecosystem": "go",
            "package_id": format!("go:p{i}"), "batch_id": "go-2026-11-21T11-00-00Z",
            "subcategory": kind, "timestamp": sample::now() - TimeDelta::minutes(i)}));
    }
    state.failure(json!({"id": "go-2026-01-21T11-00-00Z-old", "ecosystem": "go",
        "package_id": "go:old", "batch_id": "go-2026-01-21T11-00-00Z",
        "timestamp": "2026-01-21T11:01:00Z"}));
    state
}

/// The labels of regions that are wider than their place.
const CLIPPED: &str = "Array.from(document.querySelectorAll('.scroll')).filter(it => it.scrollWidth > \
    it.clientWidth + 1).map(it => it.getAttribute('aria-label'))";

fn quiet_and_fitting(browser: &mut Browser) {
    let folder = written(&many(), sample::now());
    let http = server::start(folder.path());
    let files = format!("file://{}/", folder.path().display());
    let views = [(1280, false, true), (390, true, true), (1280, true, false), (390, false, false)];
    for (base, (width, is_dark, has_script)) in
        [&http, &files].into_iter().flat_map(|base| views.map(|view| (base, view)))
    {
        let view = View { width, height: 800, is_dark, has_script };
        let mut tab = Tab::open(browser, view);
        for page in page_types(folder.path()) {
            tab.go(&format!("{base}{page}"));
            let complaints = tab.complaints();
            assert!(complaints.is_empty(), "{page} in {view:?}: {complaints:?}");
            let fits = tab.eval("document.documentElement.scrollWidth <= innerWidth");
            assert_eq!(fits, true, "{page} is wider than {width}");
            if width == 1280 {
                assert_eq!(tab.eval(CLIPPED), json!([]), "{page}");
            }
        }
    }
}

const SHOWN: &str =
    "Array.from(document.querySelectorAll('#rows tbody tr')).filter(it => !it.hidden).length";
const OUTPUT: &str = "document.querySelector('output').textContent";

fn filters_the_whole_list(browser: &mut Browser) {
    let folder = written(&many(), sample::now());
    let base = server::start(folder.path());
    let mut tab = Tab::open(browser, VIEW);
    tab.go(&format!("{base}failures.html?subcategory=verify_timeout&ecosystem=go"));
    tab.until("document.querySelector('output').textContent");
    assert_eq!(tab.eval(SHOWN), 100, "{}", tab.eval(OUTPUT));
    assert!(tab.eval(OUTPUT).as_str().unwrap().starts_with("Showing 100 of "));
    // Rows that come from the index have working links.
    let links =
        "Array.from(document.querySelectorAll('#rows tbody a')).map(a => a.getAttribute('href'))";
    let links = tab.eval(links);
    for link in links.as_array().unwrap().iter().take(20) {
        assert!(folder.path().join(link.as_str().unwrap()).is_file(), "{link}");
    }
    let type_in = |name: &str, text: &str| {
        format!(
            "(() => {{ const it = document.querySelector('[name={name}]'); it.value = '{text}'; \
             it.dispatchEvent(new Event('input', {{bubbles: true}})); }})()"
        )
    };
    tab.eval(&type_in("q", "P69"));
    assert_eq!(tab.eval(SHOWN), 1);
    assert_eq!(tab.eval("location.search"), "?q=P69&subcategory=verify_timeout&ecosystem=go");
    tab.eval(&type_in("q", "nothing is called so"));
    assert_eq!(tab.eval(SHOWN), 0);
    assert!(tab.eval(OUTPUT).as_str().unwrap().starts_with("Nothing matches"));
    tab.eval(&type_in("q", "p69"));
    // The way back restores the filter.
    tab.go(&format!("{base}index.html"));
    tab.eval("history.back()");
    tab.until("location.pathname.endsWith('failures.html') && document.querySelector('output')?.textContent");
    assert_eq!(tab.eval(SHOWN), 1);
    tab.eval("document.querySelector('[type=reset]').click()");
    tab.until("!location.search");
    assert_eq!(tab.eval(SHOWN), 500);
    assert_eq!(tab.eval("document.querySelector('.pager').hidden"), false);
    tab.eval("document.querySelector('#rows th button').click()");
    assert_eq!(
        tab.eval("document.querySelector('#rows th').getAttribute('aria-sort')"),
        "ascending"
    );
}

fn filters_a_part(browser: &mut Browser) {
    let folder = written(&many(), sample::now());
    let base = server::start(folder.path());
    let mut tab = Tab::open(browser, VIEW);
    tab.go(&format!("{base}failures-in/go.html?q=p69"));
    tab.until("document.querySelector('output').textContent");
    // Failures of other ecosystems are in the same index and not in this list.
    let names = "Array.from(document.querySelectorAll('#rows tbody th')).map(it => it.textContent)";
    let names: Vec<String> = serde_json::from_value(tab.eval(names)).unwrap();
    assert_eq!(names.len(), 11, "{names:?}");
    assert!(names.iter().all(|name| name.starts_with("p69")), "{names:?}");
    assert!(tab.eval(OUTPUT).as_str().unwrap().starts_with("Showing 11 of "));
    let link = "document.querySelector('#rows tbody a').getAttribute('href')";
    let link = tab.eval(link);
    assert!(folder.path().join("failures-in").join(link.as_str().unwrap()).is_file(), "{link}");
}

/// Presses and releases a key.
fn press(tab: &mut Tab<'_>, key: &str, text: &str, code: u32) {
    for kind in ["keyDown", "keyUp"] {
        let text = if kind == "keyDown" { text } else { "" };
        let event = json!({"type": kind, "key": key, "code": key, "text": text,
            "windowsVirtualKeyCode": code});
        tab.call("Input.dispatchKeyEvent", &event);
    }
}

fn keyboard(browser: &mut Browser) {
    let folder = written(&many(), sample::now());
    let mut tab = Tab::open(browser, VIEW);
    tab.go(&format!("file://{}/failures.html", folder.path().display()));
    let tab_key = |tab: &mut Tab<'_>| press(tab, "Tab", "", 9);
    let enter = |tab: &mut Tab<'_>| press(tab, "Enter", "\r", 13);
    // The first stop leads past the navigation, and is seen when it has the focus.
    tab_key(&mut tab);
    assert_eq!(tab.eval("document.activeElement.textContent"), "Skip to content");
    assert_eq!(tab.eval("document.activeElement.getBoundingClientRect().left >= 0"), true);
    enter(&mut tab);
    assert_eq!(tab.eval("location.hash"), "#main");
    // From there every control comes in the order of the page, and each shows that it has the focus.
    let mut seen = vec![];
    for _ in 0..60 {
        tab_key(&mut tab);
        let name = "(() => { const it = document.activeElement; return it.name || it.type || it.tagName; })()";
        seen.push(tab.eval(name).as_str().unwrap().to_owned());
        let outline = tab.eval("getComputedStyle(document.activeElement).outlineStyle");
        // The parts of a date have a look of their own.
        let is_date = seen.last().is_some_and(|it| it == "from" || it == "to");
        assert!(is_date || outline != "none", "{seen:?}");
        if seen.last().is_some_and(|it| it == "button") {
            break;
        }
    }
    for control in ["A", "q", "subcategory", "from", "to", "submit", "reset", "DIV"] {
        assert!(seen.iter().any(|it| it == control), "{control} in {seen:?}");
    }
    // The headings of columns sort.
    enter(&mut tab);
    let sorted = "document.querySelectorAll('#rows th[aria-sort=ascending]').length";
    assert_eq!(tab.eval(sorted), 1);
}

fn print(browser: &mut Browser) {
    let folder = written(&many(), sample::now());
    let mut tab = Tab::open(browser, VIEW);
    tab.go(&format!("file://{}/failures.html", folder.path().display()));
    tab.call("Emulation.setEmulatedMedia", &json!({"media": "print"}));
    let shown = |selector: &str| format!("document.querySelector('{selector}').checkVisibility()");
    for control in [".top nav", ".filters", ".pager"] {
        assert_eq!(tab.eval(&shown(control)), false, "{control}");
    }
    assert_eq!(tab.eval(&shown("#rows")), true);
    assert_eq!(tab.eval(SHOWN), 500);
    assert_eq!(
        tab.eval("getComputedStyle(document.querySelector('.scroll')).overflowX"),
        "visible"
    );
    let pdf = tab.call("Page.printToPDF", &json!({}))["data"].clone();
    assert!(pdf.as_str().unwrap().len() > 50_000, "500 rows are some pages");
}

fn filters_the_page(browser: &mut Browser) {
    let folder = written(&many(), sample::now());
    let mut tab = Tab::open(browser, VIEW);
    tab.go(&format!("file://{}/failures.html?subcategory=verify_timeout", folder.path().display()));
    let output = tab.eval(OUTPUT);
    assert!(output.as_str().unwrap().contains("Only this page"), "{output}");
    assert_ne!(tab.eval(SHOWN), 0);
    assert!(tab.complaints().is_empty());
}

fn ids(browser: &mut Browser) {
    let folder = written(&many(), sample::now());
    let http = server::start(folder.path());
    let files = format!("file://{}/", folder.path().display());
    for base in [http, files] {
        let mut tab = Tab::open(browser, VIEW);
        for (asked, found) in [
            (
                "failure.html?id=go-2026-11-21T11-00-00Z-p7",
                "failures/go-2026-11-21T11-00-00Z-p7.html",
            ),
            ("run.html?id=go-2026-11-21T11-00-00Z", "runs/go-2026-11-21T11-00-00Z.html"),
            (
                "failure.html?id=go-2026-01-21T11-00-00Z-old",
                "history/failures-2026-01.html#f-go-2026-01-21T11-00-00Z-old",
            ),
        ] {
            tab.go(&format!("{base}{asked}"));
            tab.until(&format!(
                "location.href.endsWith('{found}') && document.readyState === 'complete'"
            ));
            assert_eq!(tab.eval("!!document.querySelector('h1')"), true);
            assert_eq!(tab.eval("!location.hash || !!document.querySelector(':target')"), true);
        }
        tab.go(&format!("{base}failure.html?id=<script>"));
        let text = tab.eval("document.querySelector('[data-go]').textContent");
        assert!(text.as_str().unwrap().contains("No page can be found"), "{text}");
    }
}

fn without_scripts(browser: &mut Browser) {
    let folder = written(&many(), sample::now());
    let mut tab = Tab::open(browser, View { has_script: false, ..VIEW });
    tab.go(&format!("file://{}/failures.html", folder.path().display()));
    assert_eq!(tab.eval(SHOWN), 500);
    assert_eq!(tab.eval("document.querySelector('form').checkVisibility()"), false);
    let facet =
        "document.querySelector('a[href=\"category/validation_failed.html\"]').checkVisibility()";
    assert_eq!(tab.eval(facet), true);
}

fn axe(browser: &mut Browser) {
    let source = std::fs::read_to_string(std::env::var("AXE").unwrap()).unwrap();
    let folder = written(&many(), sample::now());
    for (width, is_dark) in [(1280, false), (1280, true), (390, false), (390, true)] {
        let mut tab = Tab::open(browser, View { width, is_dark, ..VIEW });
        tab.call("Page.setBypassCSP", &json!({"enabled": true}));
        for page in page_types(folder.path()) {
            tab.go(&format!("file://{}/{page}", folder.path().display()));
            tab.eval(&format!("{source}; 1"));
            let found = tab.eval(
                "axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', \
                 'best-practice']}).then(it => it.violations.map(v => v.id + ' ' + v.nodes[0].html))",
            );
            assert_eq!(found, json!([]), "{page} at {width}, dark: {is_dark}");
        }
    }
}
