//! Finds the web page of a package's repository.

use batch_core::decide::recipe::is_homepage;
use serde_json::Value;

/// Hosts in `forge:owner/name` whose web pages have the address of the repository.
/// <https://docs.npmjs.com/cli/v11/configuring-npm/package-json#repository>
const FORGES: &[(&str, &str)] = &[
    ("github", "https://github.com/"),
    ("gitlab", "https://gitlab.com/"),
    ("bitbucket", "https://bitbucket.org/"),
    ("gist", "https://gist.github.com/"),
];

/// The web page of the repository in the field `repository` of a manifest, in any notation that npm
/// accepts; `None` if there is none with https.
pub(crate) fn page(repository: &Value) -> Option<String> {
    let named = repository.as_str().or_else(|| repository.get("url")?.as_str())?.trim();
    let plain = named.strip_prefix("git+").unwrap_or(named);
    let page = of_shorthand(plain).or_else(|| of_url(plain)).or_else(|| of_scp(plain))?;
    let page = page.strip_suffix(".git").unwrap_or(&page);
    Some(page).filter(|page| is_homepage(page)).map(str::to_owned)
}

/// Reads `owner/name` and `forge:owner/name`.
fn of_shorthand(text: &str) -> Option<String> {
    let (forge, place) = text.split_once(':').unwrap_or(("github", text));
    let (_, origin) = FORGES.iter().find(|(name, _)| *name == forge)?;
    let is_part = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    let parts: Vec<&str> = place.split('/').collect();
    let is_whole = parts.iter().all(|part| !part.is_empty() && part.chars().all(is_part));
    let n_parts = if forge == "gist" { 1..=2 } else { 2..=2 };
    (is_whole && n_parts.contains(&parts.len())).then(|| format!("{origin}{place}"))
}

/// Reads a URL with any scheme of git; drops the user name.
fn of_url(text: &str) -> Option<String> {
    let (scheme, rest) = text.split_once("://")?;
    let (authority, path) = rest.split_once('/')?;
    let host = authority.rsplit('@').next().unwrap_or(authority);
    let is_read = ["https", "http", "git", "ssh"].contains(&scheme);
    is_read.then(|| format!("https://{host}/{path}"))
}

/// Reads `git@host:owner/name`.
fn of_scp(text: &str) -> Option<String> {
    let (host, path) = text.strip_prefix("git@")?.split_once(':')?;
    Some(format!("https://{host}/{path}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_spelling_of_a_repository_leads_to_its_page() {
        for (named, expected) in [
            ("prettier/prettier", "https://github.com/prettier/prettier"),
            ("github:a/b", "https://github.com/a/b"),
            ("gitlab:a/b.git", "https://gitlab.com/a/b"),
            ("bitbucket:a/b", "https://bitbucket.org/a/b"),
            ("gist:11081aaa281", "https://gist.github.com/11081aaa281"),
            ("git+https://github.com/a/b.git", "https://github.com/a/b"),
            ("https://codeberg.org/a/b", "https://codeberg.org/a/b"),
            ("http://github.com/a/b", "https://github.com/a/b"),
            ("git://github.com/a/b.git", "https://github.com/a/b"),
            ("git+ssh://git@github.com/a/b.git", "https://github.com/a/b"),
            ("https://user:secret@github.com/a/b", "https://github.com/a/b"),
            ("git@github.com:a/b.git", "https://github.com/a/b"),
            ("", ""),
            ("none", ""),
            ("a/b/c", ""),
            ("other:a/b", ""),
            ("../..:x", ""),
            ("javascript://x/%0aalert(1)", ""),
            ("file:///etc/passwd", ""),
            ("https://", ""),
            ("https://x.example/ y", ""),
        ] {
            let expected = (!expected.is_empty()).then(|| expected.to_owned());
            assert_eq!(page(&named.into()), expected, "{named:?}");
            assert_eq!(page(&json!({ "type": "git", "url": named })), expected, "{named:?}");
        }
        for odd in [json!(null), json!(7), json!([]), json!({}), json!({ "url": [] })] {
            assert_eq!(page(&odd), None, "{odd}");
        }
    }
}
