//! The name of a repository on GitHub.

use std::{fmt, str::FromStr};

use url::Url;

/// A repository: its owner and its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repository {
    owner: String,
    name: String,
}

/// A text that names no repository.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no repository of {host}; give one as owner/name")]
pub struct InvalidRepository {
    text: String,
    host: String,
}

impl Repository {
    /// Its owner.
    pub fn owner(&self) -> &str {
        &self.owner
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The repository with the git address `address` on `host`, in any spelling that git
    /// understands: `https://host/owner/name.git`, `git@host:owner/name`, `ssh://git@host/owner/name`.
    pub fn of_address(address: &str, host: &str) -> Result<Self, InvalidRepository> {
        let odd = || {
            // An address may contain a password.
            let text = address.rsplit('@').next().unwrap_or_default().chars().take(200).collect();
            InvalidRepository { text, host: host.to_owned() }
        };
        let (found, path) = host_and_path(address).ok_or_else(odd)?;
        let found = found.to_ascii_lowercase();
        let is_host = [host, &format!("www.{host}"), &format!("ssh.{host}")].contains(&&*found);
        if !is_host {
            return Err(odd());
        }
        let path = path.trim_matches('/');
        Self::parse(path.strip_suffix(".git").unwrap_or(path)).ok_or_else(odd)
    }

    fn parse(text: &str) -> Option<Self> {
        let (owner, name) = text.split_once('/')?;
        let may_contain = |c: u8| c.is_ascii_alphanumeric() || b"-_.".contains(&c);
        let is_name = |text: &str| {
            (1..=100).contains(&text.len())
                && text.bytes().all(may_contain)
                && !matches!(text, "." | "..")
        };
        let is_one = is_name(owner) && is_name(name);
        is_one.then(|| Self { owner: owner.to_owned(), name: name.to_owned() })
    }
}

/// `owner/name`, as in `GITHUB_REPOSITORY`.
impl FromStr for Repository {
    type Err = InvalidRepository;

    fn from_str(text: &str) -> Result<Self, InvalidRepository> {
        let host = "github.com".to_owned();
        Self::parse(text)
            .ok_or_else(|| InvalidRepository { text: text.chars().take(200).collect(), host })
    }
}

impl fmt::Display for Repository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.owner, self.name)
    }
}

/// The host and the path of an address with a scheme, or of `user@host:path`.
fn host_and_path(address: &str) -> Option<(String, String)> {
    if let Ok(url) = Url::parse(address)
        && let Some(host) = url.host_str()
    {
        return Some((host.to_owned(), url.path().to_owned()));
    }
    let (host, path) = address.split_once(':')?;
    let host = host.rsplit('@').next()?;
    (!host.contains('/')).then(|| (host.to_owned(), path.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_of_an_address_names_its_repository() {
        for address in [
            "https://github.com/joe/x",
            "https://github.com/joe/x.git",
            "https://github.com/joe/x.git/",
            "https://www.github.com/joe/x",
            "https://GitHub.com/joe/x",
            "https://joe:ghp_x@github.com/joe/x.git",
            "git@github.com:joe/x.git",
            "github.com:joe/x",
            "git@github.com:/joe/x.git",
            "ssh://git@github.com/joe/x.git",
            "ssh://git@ssh.github.com:443/joe/x.git",
            "git://github.com/joe/x.git",
        ] {
            let found = Repository::of_address(address, "github.com").unwrap();
            assert_eq!(found.to_string(), "joe/x", "{address}");
        }
        let dotted = Repository::of_address("git@github.com:joe/x.github.io.git", "github.com");
        assert_eq!(dotted.unwrap().name(), "x.github.io");
    }

    #[test]
    fn other_addresses_are_refused_without_their_passwords() {
        for address in [
            "https://gitlab.com/joe/x",
            "https://github.com.evil.example/joe/x",
            "https://github.com/joe",
            "https://github.com/joe/x/tree/main",
            "https://joe:ghp_secret@github.com/joe",
            "/srv/github.com/joe/x",
            "git@github.com:joe/..",
            "origin",
            "",
        ] {
            let error = Repository::of_address(address, "github.com").unwrap_err();
            assert!(!error.to_string().contains("ghp_"), "{error}");
        }
        assert!(Repository::of_address("git@github.example:a/b", "github.example").is_ok());
    }

    #[test]
    fn a_name_is_no_path() {
        assert_eq!("joe/x".parse::<Repository>().unwrap().owner(), "joe");
        for text in ["joe", "joe/", "/x", "joe/x/y", "joe/..", "joe/x?y", "joe/x y", "joe/%2e"] {
            assert!(text.parse::<Repository>().is_err(), "{text}");
        }
    }
}
