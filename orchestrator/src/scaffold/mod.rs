//! Creates a new ecosystem: its crate from templates, and the two lines that link it.

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

/// The properties of the new ecosystem.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEcosystem {
    /// An id that is neither the id nor an alias of another ecosystem.
    pub id: EcosystemId,
    /// The host of its registry.
    pub host: String,
    /// The next free place in the rotation.
    pub rotation_rank: u16,
}

/// The ecosystem was not created.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the messages say it")]
pub enum ScaffoldError {
    #[error(
        "{0}; an id consists of lower-case letters and digits and begins with a letter, for example `zoo2`"
    )]
    Id(#[from] InvalidId),
    #[error("{id:?} is not a valid id: {why}")]
    Unfit { id: String, why: &'static str },
    #[error("{id} already means {by}; take another id")]
    Taken { id: EcosystemId, by: EcosystemId },
    #[error(
        "{host:?} is not a host name; write it like `registry.example`, without scheme, port and path"
    )]
    Host { host: String },
    #[error("{} is not a checkout of this workspace: {why}; name one with --in", dir.display())]
    NotCheckout { dir: PathBuf, why: String },
    #[error("{what} exists already")]
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
    /// An ecosystem `id` beside those of `registry`. Without `host`, it gets a host that cannot
    /// exist.
    pub fn new(id: &str, host: Option<&str>, registry: &Registry) -> Result<Self, ScaffoldError> {
        const LONGEST: usize = 30;
        let unfit = |why| Err(ScaffoldError::Unfit { id: id.to_owned(), why });
        if LONGEST < id.len() {
            return unfit("it is longer than 30 letters");
        }
        if is_windows_device(id) {
            return unfit("Windows does not allow a folder of this name");
        }
        let parsed: EcosystemId = id.parse()?;
        if let Some(other) = registry.resolve(id) {
            return Err(ScaffoldError::Taken { id: parsed, by: other.id.clone() });
        }
        if RESERVED_WORDS.contains(&id) {
            return unfit("this word has another meaning where an ecosystem is named");
        }
        let step = format!("{id}_install");
        if is_generic_step(&step) || registry.recipe_actions().any(|shape| shape.name == step) {
            return unfit("recipes already have a step with this name followed by `_install`");
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

/// Whether `text` has the form of hosts in quotas.
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
    fn invalid_and_used_ids_are_refused() {
        for id in ["", "Zoo", "2zoo", "zoo-2", "zoo_2", "../zoo", "zo o", "zoó", "zoo\n"] {
            assert!(refusal(id, None).contains("an id consists of lower-case letters"), "{id:?}");
        }
        assert!(refusal(&"z".repeat(31), None).contains("longer than 30"));
        assert!(refusal("com1", None).contains("Windows does not allow"));
        for id in ["all", "auto", "status", "help"] {
            assert!(refusal(id, None).contains("has another meaning"), "{id}");
        }
        for id in ["apt", "apk", "dnf", "pacman", "zypper", "pipx"] {
            assert!(refusal(id, None).contains("already have a step with this name"), "{id}");
        }
        assert_eq!(refusal("npm", None), "npm already means npm; take another id");
        assert_eq!(refusal("brew", None), "brew already means homebrew; take another id");
    }

    #[test]
    fn a_host_is_a_plain_host_name() {
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
            assert!(refusal("nobodys", Some(host)).contains("is not a host name"), "{host:?}");
        }
    }

    #[test]
    fn a_new_ecosystem_is_last_in_the_rotation_and_has_no_real_host_by_default() {
        let registry = plugins::registry().unwrap();
        let new = NewEcosystem::new("nobodys", None, &registry).unwrap();
        assert_eq!(new.host, "nobodys.example");
        assert!(registry.iter().all(|plugin| plugin.rotation_rank < new.rotation_rank));
        let told = NewEcosystem::new("nobodys", Some("api.nix-2.example"), &registry).unwrap();
        assert_eq!(told.host, "api.nix-2.example");
    }
}
