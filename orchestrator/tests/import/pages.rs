//! The pages that are made of the real data of an earlier pipeline.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use crate::{
    corpus::FOLDER,
    count, is_html,
    links::{check_links, distances},
    old_tree::{import, run},
};

pub(crate) const TESTS: &[(&str, fn())] = &[(
    "on_all_pages_of_the_corpus_numbers_equal_their_rows_and_every_output_is_two_clicks_away",
    hold_together,
)];

/// Every page by its path. Other files are empty.
fn read(folder: &Path, path: &str, site: &mut BTreeMap<String, String>) {
    for entry in fs::read_dir(folder.join(path)).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        let path = if path.is_empty() { name } else { format!("{path}/{name}") };
        if entry.file_type().unwrap().is_dir() {
            read(folder, &path, site);
        } else {
            let text = if is_html(&path) {
                fs::read_to_string(entry.path()).unwrap()
            } else {
                String::new()
            };
            site.insert(path, text);
        }
    }
}

fn hold_together() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("root");
    import(Path::new(FOLDER), &root, &[]);
    let output = run(&root, &["dashboard", "build", "--json"]);
    assert!(output.status.success(), "{output:?}");
    let mut site = BTreeMap::new();
    read(&root.join("site"), "", &mut site);
    assert!(site.len() > 10_000, "another corpus: {} files", site.len());
    let (n_links, n_numbers) = (check_links(&site), count::check_all(&site));
    assert!(n_links > 100_000 && n_numbers > 1_000, "{n_links} links, {n_numbers} numbers");

    let distances = distances(&site);
    let asked_for_by_id = BTreeSet::from(["failure.html", "run.html"]);
    for path in site.keys().filter(|path| is_html(path) && !asked_for_by_id.contains(&***path)) {
        let n = *distances.get(path).unwrap_or_else(|| panic!("nothing leads to {path}"));
        // The whole output of a failure is on its page.
        assert!(n <= 2 || !path.starts_with("failures/"), "{n} clicks to {path}");
    }
    let of_machine = ["/home/", "/tmp/", &*root.to_string_lossy()];
    for (path, body) in site.iter().filter(|(path, _)| !path.contains('/')) {
        for folder in of_machine {
            assert!(!body.contains(folder), "{folder} in {path}");
        }
    }
}
