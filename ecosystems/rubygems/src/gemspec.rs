//! Reads the specification of a gem: the fields of `Gem::Specification` that a recipe needs.

use batch_core::model::{Executables, FailureKind};

use crate::yaml::{self, Node, Value};

/// The largest number of commands of a gem; real gems have fewer.
const MAX_COMMANDS: usize = 200;

/// The specification of one gem file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Gemspec {
    pub(crate) name: String,
    pub(crate) version: String,
    /// Empty where there is none.
    pub(crate) summary: String,
    pub(crate) homepage: Option<String>,
    pub(crate) executables: Executables,
    /// Whether the installation compiles code and therefore runs files of the gem.
    pub(crate) builds_native_code: bool,
    /// Whether `gem` loads code of the gem during the installation.
    pub(crate) is_plugin: bool,
}

/// Reads `metadata`, the YAML that every gem contains. The error says what is wrong with it.
pub(crate) fn read(metadata: &[u8]) -> Result<Gemspec, String> {
    // Old gems use any encoding; the needed parts are ASCII.
    let text = String::from_utf8_lossy(metadata);
    let spec = yaml::read(&text)?;
    let text = |key: &str| spec.get(key).and_then(|node| node.text(&spec));
    let version = spec.get("version").map(|version| match version.resolved(&spec).get("version") {
        Some(inner) => inner.text(&spec),
        None => version.text(&spec),
    });
    let summary = text("summary").filter(|text| !text.trim().is_empty());
    Ok(Gemspec {
        name: text("name").ok_or("it names no gem")?.to_owned(),
        version: version.flatten().ok_or("it names no version")?.to_owned(),
        summary: summary.or(text("description")).unwrap_or_default().to_owned(),
        homepage: text("homepage").map(str::to_owned),
        executables: executables(&spec),
        builds_native_code: !list(&spec, "extensions").unwrap_or_default().is_empty(),
        is_plugin: list(&spec, "files").unwrap_or_default().into_iter().any(is_plugin),
    })
}

/// The items of a list; any other value counts as a list with one item, and null as an empty list.
fn list<'a>(spec: &'a Node, key: &str) -> Option<Vec<&'a Node>> {
    let node = spec.get(key)?.resolved(spec);
    Some(match &node.value {
        Value::List(nodes) => nodes.iter().collect(),
        Value::Scalar { .. } if node.text(spec).is_none() => vec![],
        Value::Scalar { .. } | Value::Map(_) | Value::Alias(_) => vec![node],
    })
}

/// Whether the file is a RubyGems plugin. Aliases are not followed, because a hostile file may
/// contain as many as it has entries.
fn is_plugin(file: &Node) -> bool {
    matches!(&file.value, Value::Scalar { text, .. } if text.ends_with("/rubygems_plugin.rb"))
}

/// `executables`: the one with the gem's name first, the others sorted.
fn executables(spec: &Node) -> Executables {
    let Some(nodes) = list(spec, "executables") else { return Executables::Known(vec![]) };
    if MAX_COMMANDS < nodes.len() {
        return unfit(&format!("has {} entries", nodes.len()));
    }
    let own = spec.get("name").and_then(|name| name.text(spec)).unwrap_or_default();
    let mut names = vec![];
    for node in nodes {
        let node = node.resolved(spec);
        match (&node.value, node.text(spec)) {
            (_, Some(name)) => names.push(name.to_owned()),
            // Very old gems have a null in the list instead of no entry.
            (Value::Scalar { .. }, None) => {}
            (Value::List(_) | Value::Map(_) | Value::Alias(_), None) => {
                return unfit("holds what is no text");
            }
        }
    }
    names.sort_by(|a, b| (a != own, a).cmp(&(b != own, b)));
    names.dedup();
    Executables::named(names)
}

/// The list is at fault, and no name in it.
fn unfit(why: &str) -> Executables {
    let reason = format!("its list of executables {why}");
    Executables::unknown(FailureKind::BinaryDiscoveryFailed, reason)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn spec(fields: &str) -> String {
        format!(
            "--- !ruby/object:Gem::Specification\nname: x\nversion: !ruby/object:Gem::Version\n  \
             version: 1.2.3\nplatform: ruby\n{fields}\n"
        )
    }

    fn executables(fields: &str) -> Result<Vec<String>, String> {
        match read(spec(fields).as_bytes()).unwrap().executables {
            Executables::Known(names) => Ok(names.iter().map(ToString::to_string).collect()),
            Executables::Unknown(unknown) => Err(unknown.reason),
        }
    }

    #[test]
    fn executables_are_read_in_every_style_that_ruby_wrote() {
        for (fields, expected) in [
            ("executables: []", &[][..]),
            ("executables:\n- x", &["x"]),
            ("executables: \n- minitar\n", &["minitar"]),
            ("executables:\n- b\n- x\n- a", &["x", "a", "b"]),
            ("executables:\n- a\n- a", &["a"]),
            ("executables: [\"a\", 'b']", &["a", "b"]),
            ("executables: only", &["only"]),
            ("executables: ", &[]),
            ("executables:\n- ", &[]),
            ("executables:\n- !str a", &["a"]),
            ("default_executable: &id001 a\nexecutables:\n- *id001", &["a"]),
            ("bindir: exe\nexecutables:\n- a.rb", &["a.rb"]),
            ("executables:\n  - a\n  - b-c_d", &["a", "b-c_d"]),
            ("files: &1\n- bin/a\ntest_files: *1\nexecutables:\n- a", &["a"]),
        ] {
            assert_eq!(executables(fields).unwrap(), expected, "{fields}");
        }
        assert_eq!(executables("").unwrap(), [""; 0]);
    }

    #[test]
    fn an_unsafe_name_makes_all_commands_unknown() {
        for name in ["\"../x\"", "a b", "-rf", "\"a\\nb\"", "bin/x", "'$(id)'"] {
            let why = executables(&format!("executables:\n- ok\n- {name}")).unwrap_err();
            assert!(why.starts_with("invalid command name"), "{why}");
        }
        assert!(executables("executables:\n- [a]").is_err());
        assert!(executables("executables:\n- {a: b}").is_err());
        assert!(executables(&format!("executables:\n{}", "- a\n".repeat(201))).is_err());
    }

    #[test]
    fn other_needed_fields_are_read() {
        let check = |fields: &str| read(spec(fields).as_bytes()).unwrap();
        assert_eq!(check("summary: Does\n  things\n").summary, "Does things");
        assert_eq!(check("summary: ''\ndescription: Long").summary, "Long");
        assert_eq!(check("homepage: https://x.example/").homepage.unwrap(), "https://x.example/");
        assert_eq!(check("homepage: ").homepage, None);
        assert!(check("extensions:\n- ext/x/extconf.rb").builds_native_code);
        assert!(!check("extensions: []").builds_native_code);
        assert!(check("files:\n- lib/rubygems_plugin.rb").is_plugin);
        assert!(!check("files:\n- lib/x.rb").is_plugin);
        let flat = "name: x\nversion: 1.0\n";
        assert_eq!(read(flat.as_bytes()).unwrap().version, "1.0");
    }

    #[test]
    fn a_text_without_a_gem_name_is_not_a_specification() {
        for text in ["", "[]", "x", "name: x", "version: 1", "name: []\nversion: 1\n", "a: ["] {
            assert!(read(text.as_bytes()).is_err(), "{text:?}");
        }
    }

    #[test]
    fn bytes_of_another_encoding_do_not_affect_other_fields() {
        let mut text = spec("executables:\n- a\nsummary: caf").into_bytes();
        text.pop();
        text.extend(b"\xe9\n");
        assert_eq!(read(&text).unwrap().summary, "caf\u{fffd}");
    }

    #[test]
    fn a_megabyte_of_aliases_is_read_fast() {
        let aliases = "- *x\n".repeat(200_000);
        let text = spec(&format!("files:\n{aliases}first: &x lib/x.rb\nexecutables:\n- a"));
        assert!(read(text.as_bytes()).is_err(), "an alias of what comes later");
        let text = spec(&format!("first: &x lib/x.rb\nfiles:\n{aliases}executables:\n- a"));
        assert!(read(text.as_bytes()).is_ok());
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_specification_or_not(bytes: Vec<u8>) {
            let _ = read(&bytes);
        }
    }
}
