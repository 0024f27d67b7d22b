//! The real results of recipes in the environments of the earlier pipeline, decided again.
//!
//! Its files name the environments in which a recipe failed; everywhere else it had passed, except that
//! the generation counted as a pass on Debian, so that nothing was ever left out.

use std::collections::BTreeMap;

use batch_core::{
    decide::{
        constrain::{CellResults, removed},
        recipe,
    },
    model::{ActionShape, Cell, Environment, PackageFacts, RecipeName, ValidationSkip, Verdict},
};
use serde_json::Value;

use crate::corpus::FOLDER;

pub(crate) const TESTS: &[(&str, fn())] =
    &[("recorded_results_of_environments_restrict_what_they_should_and_nothing_else", replayed)];

const STEP: ActionShape = ActionShape::of_commands("homebrew");

/// The results of one recipe in one run.
type Results = Vec<(Environment, Verdict)>;

/// The results by file and recipe.
fn recorded() -> BTreeMap<(String, String), Results> {
    let mut failed: BTreeMap<(String, String), BTreeMap<Environment, Verdict>> = BTreeMap::new();
    for file in std::fs::read_dir(format!("{FOLDER}/data/failures")).unwrap() {
        let path = file.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        for line in std::fs::read_to_string(&path).unwrap().lines() {
            let Ok(line) = serde_json::from_str::<Value>(line) else { continue };
            let Some(recipe) = line["recipe"].as_str() else { continue };
            let verdict = match line["exit_code"].as_i64().unwrap() {
                124 | 137 | 5 => Verdict::Skipped { reason: ValidationSkip::Fault },
                8 => Verdict::Blocked,
                _ => Verdict::Fail,
            };
            let place = line["platform"].as_str().unwrap().parse().unwrap();
            failed.entry((name.clone(), recipe.to_owned())).or_default().insert(place, verdict);
        }
    }
    let results = |failed: BTreeMap<Environment, Verdict>| {
        let all = Environment::ALL.iter();
        all.map(|&place| (place, failed.get(&place).copied().unwrap_or(Verdict::Pass))).collect()
    };
    failed.into_iter().map(|(key, failed)| (key, results(failed))).collect()
}

fn replayed() {
    let all = recorded();
    assert_eq!(all.len(), 79);
    let (mut excluded, mut only_darwin) = (vec![], vec![]);
    for ((file, name), results) in &all {
        let cells = CellResults::of(results.iter().copied());
        let lost = removed(results);
        for lost in &lost {
            let failed = |place: &Environment| {
                place.cell() == lost.cell && results.contains(&(*place, Verdict::Fail))
            };
            assert!(lost.failed_in.iter().all(failed), "{file} {name}: {lost:?}");
        }
        if !cells.is_mergeable() {
            excluded.push(name.as_str());
            continue;
        }
        let is_left = |cell: &Cell| !lost.iter().any(|lost| lost.cell == *cell);
        let left: Vec<Cell> = Cell::ALL.iter().copied().filter(is_left).collect();
        if left == [Cell::DarwinArm, Cell::DarwinX86] {
            only_darwin.push(name.as_str());
        }
        let text = restricted(name, &left);
        for family in ["debian", "rhel", "arch\"", "arch/", "suse", "alpine"] {
            assert!(!text.contains(&format!("linux/{family}")), "{file} {name}:\n{text}");
        }
    }
    excluded.sort_unstable();
    only_darwin.sort_unstable();
    // Each of them was merged in its time. Two failed everywhere, the others worked on Debian only,
    // which no constraint can say.
    assert_eq!(excluded, ["asciidoctor", "fastlane", "libgit2", "lxc", "overmind"]);
    let fails_everywhere = |name: &str| {
        let mut of_it = all.iter().filter(|((_, recipe), _)| recipe == name);
        of_it.any(|(_, results)| results.iter().all(|(_, verdict)| *verdict == Verdict::Fail))
    };
    let everywhere: Vec<&str> =
        excluded.into_iter().filter(|name| fails_everywhere(name)).collect();
    assert_eq!(everywhere, ["fastlane", "lxc"]);
    let expected = ["add-determinism", "diff-so-fancy", "global", "jsonlint", "passenger"];
    for name in expected {
        assert!(only_darwin.contains(&name), "{name} failed on every Linux: {only_darwin:?}");
    }
    // It timed out on glibc and failed on musl: only musl is lost.
    let n8n = all.iter().find(|((_, name), _)| name == "n8n-mcp").unwrap().1;
    let cells: Vec<Cell> = removed(n8n).into_iter().map(|lost| lost.cell).collect();
    assert_eq!(cells, [Cell::LinuxMuslX86, Cell::LinuxMuslArm]);
}

/// The text of a recipe that is offered for `cells`, which the strict reader reads back.
fn restricted(name: &str, cells: &[Cell]) -> String {
    let id = format!("homebrew:{name}").parse().unwrap();
    let facts = PackageFacts::of_commands(id, "1".to_owned(), STEP.name, &[name.to_owned()]);
    let toml = recipe::of_tool(&facts, &RecipeName::nearest(name)).unwrap().to_toml();
    let text = recipe::restricted(&toml, cells, "its validation failed", &[STEP]).unwrap();
    let parsed = recipe::parse(&text, &[STEP]).unwrap();
    assert_eq!(recipe::allowed_cells(&parsed.metadata), cells);
    text
}
