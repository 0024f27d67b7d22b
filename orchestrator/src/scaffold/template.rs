//! The files of a new crate, and the parts that differ between ecosystems.

use super::NewEcosystem;

macro_rules! templates {
    ($($path:literal),* $(,)?) => {
        &[$(($path, include_str!(concat!("../../templates/ecosystem/", $path)))),*]
    };
}

/// The path in the crate, and the text with placeholders.
const TEMPLATES: &[(&str, &str)] = templates![
    "Cargo.toml",
    "README.md",
    "fixtures/list/list.toml",
    "fixtures/tool/case.toml",
    "fixtures/tool/recipe.toml",
    "src/lib.rs",
    "src/package.rs",
    "src/seeder.rs",
    "src/tests.rs",
];

/// The path in the crate and the text of every file.
pub(super) fn rendered(new: &NewEcosystem) -> Vec<(&'static str, String)> {
    let id = new.id.as_str();
    let name = format!("{}{}", id[..1].to_ascii_uppercase(), &id[1..]);
    let rank = new.rotation_rank.to_string();
    let values =
        [("__ID__", id), ("__NAME__", &name), ("__HOST__", &new.host), ("__RANK__", &rank)];
    let filled = |template: &str| {
        values.iter().fold(template.to_owned(), |text, (mark, value)| text.replace(mark, value))
    };
    TEMPLATES.iter().map(|(path, template)| (*path, filled(template))).collect()
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use super::*;

    fn zoo() -> Vec<(&'static str, String)> {
        let (id, host) = ("zoo".parse().unwrap(), "api.zoo.example".to_owned());
        rendered(&NewEcosystem { id, host, rotation_rank: 77 })
    }

    #[test]
    fn all_placeholders_are_replaced_and_used() {
        let files = zoo();
        for (path, text) in &files {
            assert!(!text.contains("__"), "{path} has a placeholder left: {text}");
        }
        let all: String = files.into_iter().map(|(_, text)| text).collect();
        for word in ["\"zoo\"", "\"Zoo\"", "api.zoo.example", "rotation_rank: 77"] {
            assert!(all.contains(word), "{word}");
        }
    }

    #[test]
    fn every_file_of_the_template_is_rendered() {
        let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("templates/ecosystem");
        let mut found: Vec<String> = files(&dir)
            .into_iter()
            .map(|path| path.strip_prefix(&dir).unwrap().to_string_lossy().into_owned())
            .collect();
        found.sort();
        assert_eq!(found, zoo().iter().map(|(path, _)| (*path).to_owned()).collect::<Vec<_>>());
    }

    #[expect(clippy::disallowed_methods, reason = "a test that looks at the checkout")]
    fn files(dir: &Path) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
        entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
    }
}
