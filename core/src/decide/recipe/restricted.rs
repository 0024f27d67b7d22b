//! Restricts a recipe to some cells and keeps everything else as it is written.

use toml_edit::{Array, DocumentMut, Item, Table, value};

use super::{
    RecipeError, allowed_cells, constrain, parse, platforms::step_cells, without_redundant,
};
use crate::model::{ActionShape, Cell, Metadata};

/// The text of the recipe `toml`, which is offered for `cells` only. Comments and formatting stay.
/// Steps that apply to none of the cells are removed, because the package manager refuses them. The cells
/// `lost` because the recipe failed there are named in `unsupported_reason`, which the package manager
/// shows, unless the recipe has another one. `own` are the steps that only some recipes may use.
///
/// The error means that `toml` is no recipe, or that the result would be none.
pub fn restricted(
    toml: &str,
    cells: &[Cell],
    lost: &[Cell],
    own: &[ActionShape],
) -> Result<String, RecipeError> {
    let recipe = parse(toml, own)?;
    let mut constrained = recipe.metadata.clone();
    constrain(&mut constrained, cells);
    let not_toml = |error: toml_edit::TomlError| {
        let offset = error.span().map(|span| span.start);
        RecipeError::of_file(toml, offset, error.message().to_owned(), "correct the line")
    };
    let mut document: DocumentMut = toml.parse().map_err(not_toml)?;
    if let Some(metadata) = document.get_mut("metadata").and_then(Item::as_table_mut) {
        write(metadata, &constrained, lost);
    }
    let is_dead = |i: &usize| {
        let when = recipe.steps.get(*i).and_then(|step| step.when.as_ref());
        when.is_some_and(|when| !step_cells(when).any(|cell| cells.contains(&cell)))
    };
    if let Some(steps) = document.get_mut("steps").and_then(Item::as_array_of_tables_mut) {
        // From the end, so that positions stay valid.
        let dead: Vec<usize> = (0..steps.len()).filter(is_dead).collect();
        for i in dead.into_iter().rev() {
            steps.remove(i);
        }
    }
    let text = document.to_string();
    let text = without_redundant(&text, own).unwrap_or(text);
    parse(&text, own).map(|_| text)
}

/// The text of the recipe `toml`, which is offered for `cells` again; the cells `lost` are still lost.
/// `None` if it is offered there already, or is no recipe.
pub fn offered_again(
    toml: &str,
    cells: &[Cell],
    lost: &[Cell],
    own: &[ActionShape],
) -> Option<String> {
    let before = allowed_cells(&parse(toml, own).ok()?.metadata);
    let is_in = |cell: &Cell| before.contains(cell) || cells.contains(cell);
    let after: Vec<Cell> = Cell::ALL.iter().copied().filter(is_in).collect();
    (after != before).then(|| restricted(toml, &after, lost, own).ok()).flatten()
}

fn write(table: &mut Table, constrained: &Metadata, lost: &[Cell]) {
    for (key, texts) in [
        ("supported_os", &constrained.supported_os),
        ("supported_arch", &constrained.supported_arch),
        ("supported_libc", &constrained.supported_libc),
        ("unsupported_platforms", &constrained.unsupported_platforms),
    ] {
        if texts.is_empty() {
            table.remove(key);
            continue;
        }
        let written = value(texts.iter().map(String::as_str).collect::<Array>());
        match table.get_mut(key) {
            // A comment behind the old list speaks of what is replaced.
            Some(item) => *item = written,
            None => {
                table.insert(key, written);
            }
        }
    }
    let reason = table.get(REASON).and_then(Item::as_str);
    if reason.is_some_and(|reason| !reason.starts_with(FAILED)) {
        return;
    }
    let cells: Vec<&str> = lost.iter().map(|&cell| Cell::as_str(cell)).collect();
    if cells.is_empty() {
        table.remove(REASON);
    } else {
        table.insert(REASON, value(format!("{FAILED}{}", cells.join(", "))));
    }
}

/// The field that says why a recipe is not for all platforms.
const REASON: &str = "unsupported_reason";

/// The beginning of the reason that this program writes.
const FAILED: &str = "its validation failed on ";

#[cfg(test)]
mod tests {
    use super::*;

    const STEP: ActionShape = ActionShape::of_commands("zoo_install");

    const TEXT: &str = "# about lions\n[metadata]\nname = \"lion\"   # a cat\ndescription = \"Roars\"\n\n\
        [[steps]] # the only one\naction = \"zoo_install\"\npackage = \"lion\"\nexecutables = [ \"roar\" ]\n\n\
        [verify]\ncommand = \"roar --version\"\npattern = \"{version}\"\n";

    fn cells(text: &str) -> Vec<Cell> {
        allowed_cells(&parse(text, &[STEP]).unwrap().metadata)
    }

    /// All sets of cells that a recipe can be left with, and so all outcomes of all combinations of
    /// results, for recipes that every set of cells was declared for.
    #[test]
    fn each_set_of_cells_is_written_into_each_recipe_and_read_back() {
        let sets = (1_u8..1 << Cell::ALL.len()).map(|bits| {
            let is_in = move |(i, _): &(usize, &Cell)| bits & 1 << i != 0;
            Cell::ALL.iter().enumerate().filter(is_in).map(|(_, &cell)| cell).collect::<Vec<_>>()
        });
        let sets: Vec<Vec<Cell>> = sets.collect();
        for declared in &sets {
            let text = restricted(TEXT, declared, &[], &[STEP]).unwrap();
            assert_eq!(cells(&text), *declared, "{text}");
            for left in sets.iter().filter(|left| left.iter().all(|it| declared.contains(it))) {
                let text = restricted(&text, left, &[Cell::DarwinArm], &[STEP]).unwrap();
                assert_eq!(cells(&text), *left, "{text}");
                let families = ["debian", "rhel", "arch\"", "suse", "alpine"];
                assert!(!families.iter().any(|it| text.contains(&format!("linux/{it}"))), "{text}");
                for kept in TEXT.lines() {
                    assert!(text.lines().any(|line| line == kept), "{kept} is lost:\n{text}");
                }
            }
        }
    }

    #[test]
    fn steps_for_removed_cells_only_are_removed_and_all_others_stay() {
        let darwin = TEXT.replace(
            "[verify]",
            "[[steps]]\naction = \"chmod\"\nfiles = [\"a\"]\nwhen = { os = [\"darwin\"] }\n\n\
             [[steps]]\naction = \"chmod\"\nfiles = [\"b\"]\nwhen = { os = [\"linux\"], libc = [\"musl\"] }\n\n[verify]",
        );
        let n_steps = |cells: &[Cell]| {
            let text = restricted(&darwin, cells, &[], &[STEP]).unwrap();
            parse(&text, &[STEP]).unwrap().steps.len()
        };
        assert_eq!(n_steps(&[Cell::LinuxGlibcX86]), 1);
        assert_eq!(n_steps(&[Cell::LinuxGlibcX86, Cell::LinuxMuslX86]), 2);
        assert_eq!(n_steps(&[Cell::DarwinArm]), 2);
        assert_eq!(n_steps(&[Cell::DarwinArm, Cell::LinuxMuslArm]), 3);
    }

    #[test]
    fn a_recipe_that_gets_its_cells_back_is_as_it_was() {
        let (kept, lost) = ([Cell::LinuxGlibcX86, Cell::DarwinArm], [Cell::LinuxMuslX86]);
        let text = restricted(TEXT, &kept, &lost, &[STEP]).unwrap();
        assert!(text.contains("its validation failed on linux-musl-x86_64"), "{text}");
        assert_eq!(restricted(&text, Cell::ALL, &[], &[STEP]).unwrap(), TEXT);
    }

    #[test]
    fn a_reason_of_the_recipe_is_kept_and_what_is_no_recipe_is_refused() {
        let with = TEXT.replace("[[steps]]", "unsupported_reason = \"own words\"\n\n[[steps]]");
        let lost = [Cell::DarwinX86];
        let text = restricted(&with, &[Cell::DarwinArm], &lost, &[STEP]).unwrap();
        assert!(text.contains("own words") && !text.contains(FAILED), "{text}");
        for text in ["", "x = ", &TEXT.replace("\"lion\"   #", "\"Lion\" #")] {
            assert!(restricted(text, Cell::ALL, &[], &[STEP]).is_err(), "{text}");
        }
    }
}
