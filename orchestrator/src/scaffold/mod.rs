//! A new ecosystem: its crate, from templates, and the two lines that link it.

mod checkout;
mod template;

use std::{io, path::PathBuf};

use batch_core::{
    decide::recipe::is_generic_step,
    model::{EcosystemId, InvalidId},
    plugin::{RESERVED_WORDS, Registry, is_windows_device},
};
use url::{Host, Url};

pub use checkout::{AddedLine, Changes, Checkout};

/// What a crate is made for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEcosystem {
    /// Known by no other ecosystem, not even as an alias.
    pub id: EcosystemId,
    /// What the registry is asked at.
    pub host: String,
    /// The next free place in the rotation.
    pub rotation_rank: u16,
}

/// Nothing was made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the messages say it")]
pub enum ScaffoldError {
    #[error("{0}; an id is lower-case letters and digits, a letter first, as in `zoo2`")]
    Id(#[from] InvalidId),
    #[error("{id:?} is no id: {why}")]
    Unfit { id: String, why: &'static str },
    #[error("{id} already means {by}; take another id")]
    Taken { id: EcosystemId, by: EcosystemId },
    #[error(
        "{host:?} is no host name; write it as in `registry.example`, without scheme, port and path"
    )]
    Host { host: String },
    #[error("{} is no checkout of this workspace: {why}; name one with --in", dir.display())]
    NotCheckout { dir: PathBuf, why: String },
    #[error("{what} is there already")]
    Exists { what: String },
    #[error(
        "the folders under ecosystems/ and the ecosystems of this program differ ({differ}); build \
         the program from this checkout, and give a folder without its two lines (one in \
         orchestrator/Cargo.toml, one in orchestrator/src/plugins.rs) these lines, or remove it"
    )]
    OtherProgram { differ: String },
    #[error("cannot read or write {}; the checkout must be writable", path.display())]
    Io { path: PathBuf, source: io::Error },
}

impl NewEcosystem {
    /// For `id` beside the ecosystems of `registry`; without `host`, one that no registry can have.
    pub fn new(id: &str, host: Option<&str>, registry: &Registry) -> Result<Self, ScaffoldError> {
        const LONGEST: usize = 30;
        let unfit = |why| Err(ScaffoldError::Unfit { id: id.to_owned(), why });
        if LONGEST < id.len() {
            return unfit("it is longer than 30 letters");
        }
        if is_windows_device(id) {
            return unfit("no folder may be called so on Windows");
        }
        let parsed: EcosystemId = id.parse()?;
        if let Some(other) = registry.resolve(id) {
            return Err(ScaffoldError::Taken { id: parsed, by: other.id.clone() });
        }
        if RESERVED_WORDS.contains(&id) {
            return unfit("it means something else where an ecosystem is named");
        }
        let step = format!("{id}_install");
        if is_generic_step(&step) || registry.recipe_actions().any(|shape| shape.name == step) {
            return unfit("recipes have a step of its name already, with `_install` after it");
        }
        let id = parsed;
        let host = host.map_or_else(|| format!("{id}.example"), str::to_owned);
        if !is_host(&host) {
            return Err(ScaffoldError::Host { host });
        }
        let last = registry.iter().map(|plugin| plugin.rotation_rank).max();
        let rotation_rank = last.map_or(0, |last| last.saturating_add(1));
        Ok(Self { id, host, rotation_rank })
    }
}

/// As quotas name hosts.
fn is_host(text: &str) -> bool {
    let is_label = |label: &str| {
        let is_in = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        !label.is_empty()
            && label.chars().all(is_in)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let url = Url::parse(&format!("https://{text}/"));
    let is_name =
        url.is_ok_and(|url| matches!(url.host(), Some(Host::Domain(name)) if name == text));
    is_name && text.len() <= 253 && text.contains('.') && text.split('.').all(is_label)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plugins;

    fn refusal(id: &str, host: Option<&str>) -> String {
        let registry = plugins::registry().unwrap();
        NewEcosystem::new(id, host, &registry).unwrap_err().to_string()
    }

    #[test]
    fn an_id_that_is_none_or_is_taken_is_refused() {
        for id in ["", "Zoo", "2zoo", "zoo-2", "zoo_2", "../zoo", "zo o", "zoó", "zoo\n"] {
            assert!(refusal(id, None).contains("an id is lower-case letters"), "{id:?}");
        }
        assert!(refusal(&"z".repeat(31), None).contains("longer than 30"));
        assert!(refusal("com1", None).contains("on Windows"));
        for id in ["all", "auto", "status", "help"] {
            assert!(refusal(id, None).contains("means something else"), "{id}");
        }
        for id in ["apt", "apk", "dnf", "pacman", "zypper", "pipx"] {
            assert!(refusal(id, None).contains("have a step of its name"), "{id}");
        }
        assert_eq!(refusal("npm", None), "npm already means npm; take another id");
        assert_eq!(refusal("brew", None), "brew already means homebrew; take another id");
    }

    #[test]
    fn a_host_is_a_name_and_nothing_else() {
        for host in [
            "",
            "zoo",
            "https://zoo.example",
            "zoo.example/",
            "zoo.example:80",
            "Zoo.example",
            "127.0.0.1",
            "0x7f.1",
            "[::1]",
            "zoo..example",
            ".zoo.example",
            "zoo.example.",
            "-a.example",
            "zöo.example",
            "a@zoo.example",
            "zoo.example?x",
            "zoo.exa mple",
            "zoo.example\n",
            "__ID__.example",
        ] {
            assert!(refusal("nobodys", Some(host)).contains("is no host name"), "{host:?}");
        }
    }

    #[test]
    fn a_new_one_comes_last_in_the_rotation_and_asks_nobody_unless_told() {
        let registry = plugins::registry().unwrap();
        let new = NewEcosystem::new("nobodys", None, &registry).unwrap();
        assert_eq!(new.host, "nobodys.example");
        assert!(registry.iter().all(|plugin| plugin.rotation_rank < new.rotation_rank));
        let told = NewEcosystem::new("nobodys", Some("api.nix-2.example"), &registry).unwrap();
        assert_eq!(told.host, "api.nix-2.example");
    }
}
