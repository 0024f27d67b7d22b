//! What documents say about tests and about changes of the program: both have to be there.

use std::{collections::BTreeMap, fs, path::PathBuf};

use super::{sources, workspace_root};

fn read(path: &str) -> String {
    let path = workspace_root().join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The cells of the rows of all tables in `markdown`, without headings.
fn rows(markdown: &str) -> Vec<Vec<&str>> {
    let lines: Vec<&str> = markdown.lines().collect();
    let is_rule = |line: Option<&&str>| line.is_some_and(|line| line.starts_with("|---"));
    let is_row = |i: &usize| lines[*i].starts_with("| ") && !is_rule(lines.get(i + 1));
    let cells = |i: usize| lines[i].trim_matches('|').split(" | ").map(str::trim).collect();
    (0..lines.len()).filter(is_row).map(cells).collect()
}

/// The texts between backticks in `cell`.
fn quoted(cell: &str) -> impl Iterator<Item = &str> {
    cell.split('`').skip(1).step_by(2)
}

/// The folder of each package.
fn folder(package: &str) -> PathBuf {
    let path = match package {
        "batch-core" => "core",
        "batch-forge" => "orchestrator/forge",
        "batch-sandbox" => "orchestrator/sandbox",
        "analytics" => "analytics",
        "orchestrator" => "orchestrator",
        other => match other.strip_prefix("eco-") {
            Some(id) => return workspace_root().join("ecosystems").join(id),
            None => panic!("where is the package {other}?"),
        },
    };
    workspace_root().join(path)
}

/// The Rust files in which the tests lie that `command` runs.
fn files_of(command: &str) -> Vec<PathBuf> {
    let words: Vec<&str> = command.split(' ').collect();
    let after = |word: &str| words.iter().position(|it| *it == word).map(|i| words[i + 1]);
    let package = folder(after("-p").expect("a command names its package"));
    match after("--test") {
        None => sources(&package.join("src")),
        Some(target) => {
            let one = package.join("tests").join(format!("{target}.rs"));
            let one = one.exists().then_some(one);
            one.into_iter().chain(sources(&package.join("tests").join(target))).collect()
        }
    }
}

#[test]
fn the_field_lessons_are_those_of_the_document() {
    let data: toml::Table = read(".ci/field-lessons.toml").parse().unwrap();
    let document = read("docs/field-lessons.md");
    let rows = rows(&document).into_iter().filter(|row| row[0].starts_with('D'));
    let rows: BTreeMap<&str, Vec<&str>> = rows.map(|row| (row[0], row)).collect();
    let lessons = data["lesson"].as_array().unwrap();
    let mut texts: BTreeMap<PathBuf, String> = BTreeMap::new();
    for (lesson, n) in lessons.iter().zip(1..) {
        let [id, file, before, after, test] =
            ["id", "file", "before", "after", "test"].map(|key| lesson[key].as_str().unwrap());
        assert_eq!(id, format!("D{n}"), "they are in order, and none is missing");
        let [_, said, command, mutation] = &rows[id][..] else { panic!("{id}: {:?}", rows[id]) };
        assert!(!said.is_empty(), "{id} says nothing");
        assert_eq!(quoted(command).collect::<Vec<_>>(), [test], "{id}: the document names another");
        assert!(quoted(mutation).any(|it| it == file), "{id}: the document names no {file}");
        let n_found = read(file).matches(before).count();
        assert_eq!(
            n_found, 1,
            "{id}: `before` must occur once in {file}; correct .ci/field-lessons.toml"
        );
        assert_ne!(before, after, "{id} changes nothing");
        let name = test.rsplit([' ', ':']).next().unwrap();
        let is_there = files_of(test).into_iter().any(|path| {
            let content =
                texts.entry(path).or_insert_with_key(|path| fs::read_to_string(path).unwrap());
            content.contains(&format!("fn {name}("))
        });
        assert!(is_there, "{id}: there is no test {name}");
    }
    assert_eq!((lessons.len(), rows.len()), (40, 40));
}

/// Each row of the threat model names the tests that show it.
#[test]
fn the_tests_of_the_threat_model_exist() {
    let mut code = String::new();
    for folder in ["core", "analytics", "ecosystems", "orchestrator"] {
        for path in sources(&workspace_root().join(folder)) {
            code += &fs::read_to_string(path).unwrap();
        }
    }
    let attacks = read("orchestrator/sandbox/tests/attacks.pl");
    let document = read("docs/security.md");
    let model = document.split("\n## ").find(|part| part.starts_with("Threat model")).unwrap();
    let mut n_tests = 0;
    for row in rows(model) {
        let [threat, _, tests] = &row[..] else { panic!("{row:?}") };
        assert!(quoted(tests).next().is_some(), "no test shows that {threat:?} is prevented");
        for name in quoted(tests) {
            let is_function = code.contains(&format!("fn {name}("));
            let is_trial = [format!("\"{name}\""), format!("\"{name}: ")]
                .iter()
                .any(|text| code.contains(text));
            let is_attack = attacks.contains(&format!("'{name}'"));
            assert!(is_function || is_trial || is_attack, "{threat:?}: there is no test {name}");
            n_tests += 1;
        }
    }
    assert!(40 <= n_tests, "{n_tests} tests are named");
}
