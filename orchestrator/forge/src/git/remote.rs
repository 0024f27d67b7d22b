//! Where commits are pushed to.

use std::{
    fmt,
    path::{Path, PathBuf},
};

use url::Url;

use crate::{Secret, git::InvalidName};

/// A remote: the name of one of the person's repository, an address, or the path of a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remote(Spelling);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Spelling {
    Name(String),
    Address(String),
    Path(PathBuf),
}

impl Remote {
    /// Reads `text`. It is an address when it has a scheme, or a host before a colon; a path when
    /// it contains a separator, or is `.` or `..`; otherwise a name. A relative path is one of
    /// `current_dir`.
    pub fn new(text: &str, current_dir: &Path) -> Result<Self, InvalidName> {
        if text.is_empty() || text.starts_with('-') || text.chars().any(char::is_control) {
            return Err(InvalidName::remote(text));
        }
        Ok(Self(if is_address(text) {
            Spelling::Address(text.to_owned())
        } else if text.contains('/') || text == "." || text == ".." {
            Spelling::Path(current_dir.join(text))
        } else {
            Spelling::Name(text.to_owned())
        }))
    }

    /// What git gets.
    pub(super) fn arg(&self) -> &std::ffi::OsStr {
        match &self.0 {
            Spelling::Name(text) | Spelling::Address(text) => text.as_ref(),
            Spelling::Path(path) => path.as_os_str(),
        }
    }

    pub(super) fn is_name(&self) -> bool {
        matches!(self.0, Spelling::Name(_))
    }

    /// The folder of the repository, if it is one of this machine.
    pub fn local_path(&self) -> Option<PathBuf> {
        match &self.0 {
            Spelling::Path(path) => Some(path.clone()),
            Spelling::Address(text) => {
                Url::parse(text).ok().filter(|url| url.scheme() == "file")?.to_file_path().ok()
            }
            Spelling::Name(_) => None,
        }
    }
}

/// The remote for messages: without a user, a password, a query.
impl fmt::Display for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Spelling::Name(text) => f.write_str(text),
            Spelling::Path(path) => path.display().fmt(f),
            Spelling::Address(text) => f.write_str(&without_secrets(text)),
        }
    }
}

/// `https://…`, `host:path`, `user@host:path`. As in git, a separator before the colon makes it a
/// path.
fn is_address(text: &str) -> bool {
    let before = text.split_once(':').map(|(before, _)| before);
    before.is_some_and(|before| !before.contains('/'))
}

fn without_secrets(address: &str) -> String {
    let Ok(mut url) = Url::parse(address) else { return address.to_owned() };
    // Neither can fail for an address with a host; one without has none of them.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.set_query(None);
    url.set_fragment(None);
    url.to_string()
}

/// A token and the only origin that it is sent to.
#[derive(Debug, Clone)]
pub struct RemoteToken {
    origin: String,
    secret: Secret,
}

impl RemoteToken {
    /// `None` unless `url` is https: nowhere else would a token stay secret.
    pub fn new(url: &Url, secret: Secret) -> Option<Self> {
        let is_safe = url.scheme() == "https" && url.has_host();
        is_safe.then(|| Self { origin: url.origin().ascii_serialization(), secret })
    }

    pub(super) fn origin(&self) -> &str {
        &self.origin
    }

    pub(super) fn secret(&self) -> &Secret {
        &self.secret
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn remote(text: &str) -> Remote {
        Remote::new(text, Path::new("/here")).unwrap()
    }

    #[test]
    fn names_addresses_and_paths_are_distinguished() {
        let check = |text, expected: Spelling| assert_eq!(remote(text).0, expected, "{text}");
        check("origin", Spelling::Name("origin".into()));
        check("https://github.com/a/b", Spelling::Address("https://github.com/a/b".into()));
        check("git@github.com:a/b.git", Spelling::Address("git@github.com:a/b.git".into()));
        check("file:///srv/b.git", Spelling::Address("file:///srv/b.git".into()));
        check("/srv/b.git", Spelling::Path("/srv/b.git".into()));
        check("../b.git", Spelling::Path("/here/../b.git".into()));
        check("./a:b", Spelling::Path("/here/./a:b".into()));
        for odd in ["", "-u", "--upload-pack=x", "a\nb"] {
            assert!(Remote::new(odd, Path::new("/here")).is_err(), "{odd:?}");
        }
    }

    #[test]
    fn a_message_contains_no_secret() {
        let check = |text, expected: &str| assert_eq!(remote(text).to_string(), expected);
        check("https://joe:ghp_x@github.com/a/b?t=1#f", "https://github.com/a/b");
        check("git@github.com:a/b.git", "git@github.com:a/b.git");
        check("../b.git", "/here/../b.git");
    }

    #[test]
    fn a_path_is_found_in_both_spellings() {
        let path = Some(PathBuf::from("/srv/a b.git"));
        assert_eq!(remote("/srv/a b.git").local_path(), path);
        assert_eq!(remote("file:///srv/a%20b.git").local_path(), path);
        assert_eq!(remote("https://github.com/a").local_path(), None);
    }

    #[test]
    fn a_token_is_for_https_only() {
        let secret = Secret::new("x").unwrap();
        for (url, may) in [("https://a.example/x", true), ("http://a.example/x", false)] {
            assert_eq!(
                RemoteToken::new(&url.parse().unwrap(), secret.clone()).is_some(),
                may,
                "{url}"
            );
        }
    }
}
