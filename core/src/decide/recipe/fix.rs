//! Corrects a recipe without losing information.

use toml_edit::{DocumentMut, Item};

use super::check;
use crate::model::ActionShape;

/// `text` without redundant fields. Everything else stays, including comments. `None` when there is
/// no redundant field, or when the text is not a recipe.
pub fn without_redundant(text: &str, own: &[ActionShape]) -> Option<String> {
    let mut fields: Vec<String> = check(text, own, None)
        .into_iter()
        .filter(|problem| problem.is_redundant)
        .map(|problem| problem.field)
        .collect();
    let mut document: DocumentMut = text.parse().ok()?;
    // From the end, so that positions in lists stay valid.
    fields.sort_by_key(|field| std::cmp::Reverse(place(field)));
    let n_removed = fields.iter().filter(|field| remove(&mut document, field)).count();
    (n_removed > 0).then(|| document.to_string())
}

/// The position, in its list, of the item that `field` names.
fn place(field: &str) -> Option<usize> {
    field.strip_suffix(']')?.rsplit_once('[')?.1.parse().ok()
}

/// Removes `field`. If it was the last item of a list, the list is removed too. Returns whether the
/// field existed.
fn remove(document: &mut DocumentMut, field: &str) -> bool {
    let (path, i) = match place(field) {
        None => (field, None),
        Some(i) => (field.rsplit_once('[').map_or(field, |(path, _)| path), Some(i)),
    };
    let mut keys: Vec<&str> = path.split('.').collect();
    let Some(last) = keys.pop() else { return false };
    let above = keys.iter().try_fold(document.as_item_mut(), |item, key| item.get_mut(key));
    let Some(table) = above.and_then(Item::as_table_like_mut) else { return false };
    let Some(i) = i else { return table.remove(last).is_some() };
    let Some(items) = table.get_mut(last).and_then(Item::as_array_mut) else { return false };
    if items.len() <= i {
        return false;
    }
    items.remove(i);
    if items.is_empty() {
        table.remove(last);
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Versions;

    const STEP: ActionShape = ActionShape::of_commands("zoo_install")
        .with_implied_dependencies(&["keeper"])
        .versioned(Versions::Inferred("zoo"));

    /// A recipe in which every line except `removed` stays as it is.
    #[track_caller]
    fn check_fix(text: &str, fixed: &str) {
        assert_eq!(without_redundant(text, &[STEP]).as_deref(), Some(fixed), "{text}");
        assert_eq!(check(fixed, &[STEP], None), []);
        assert_eq!(without_redundant(fixed, &[STEP]), None);
    }

    const PLAIN: &str = "# about lions\n[metadata]\nname = \"lion\"   # a cat\ndescription = \"Roars\"\n\n\
        [[steps]]\naction = \"zoo_install\"\npackage = \"lion\"\nexecutables = [\"roar\"]\n\n\
        [verify]\ncommand = \"roar --version\"\npattern = \"{version}\"\n";

    #[test]
    fn redundant_parts_are_removed_and_everything_else_is_kept() {
        let with = |dependencies: &str| {
            PLAIN.replace("\"Roars\"\n", &format!("\"Roars\"\n{dependencies}"))
        };
        check_fix(&with("dependencies = [\"keeper\"]\n"), PLAIN);
        let twice = with("runtime_dependencies = [\"grass\", \"keeper\", \"water\", \"grass\"]\n");
        check_fix(&twice, &with("runtime_dependencies = [\"grass\", \"water\"]\n"));
        let version = PLAIN.replace("[[steps]]", "[version]\nsource = \"zoo\"\n\n[[steps]]");
        check_fix(&version, PLAIN);
    }

    #[test]
    fn other_problems_are_left_to_a_person() {
        for text in ["", "x = ", &PLAIN.replace("\"lion\"   #", "\"Lion\" #"), PLAIN] {
            assert_eq!(without_redundant(text, &[STEP]), None, "{text}");
        }
    }
}
