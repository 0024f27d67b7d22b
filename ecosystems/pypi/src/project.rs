//! Reads the registry's answer about a project. Pure; the input may be any bytes.

use std::collections::BTreeMap;

use batch_core::model::PackageName;
use serde::Deserialize;
use serde_json::Value;

use crate::{
    names::normalised,
    version::{self, Version},
};

/// The answer of `/pypi/{name}/json`.
#[derive(Deserialize)]
struct Project {
    info: Info,
    /// The files of the version that `info` describes.
    #[serde(default)]
    urls: Vec<File>,
    /// The files of every version; the registry plans to remove this field.
    #[serde(default)]
    releases: Option<BTreeMap<String, Vec<File>>>,
}

/// The data about the project as a whole. Most fields may have any type.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Info {
    name: String,
    #[serde(default)]
    version: String,
    #[serde(default)]
    summary: Value,
    #[serde(default)]
    home_page: Value,
    #[serde(default)]
    project_urls: Value,
    #[serde(default)]
    classifiers: Value,
    #[serde(default)]
    provides_extra: Value,
}

/// One file of one version.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub(crate) struct File {
    pub(crate) filename: String,
    pub(crate) url: String,
    #[serde(default)]
    pub(crate) digests: Digests,
    #[serde(default)]
    pub(crate) requires_python: Option<String>,
    #[serde(default)]
    pub(crate) yanked: bool,
    #[serde(default)]
    pub(crate) yanked_reason: Value,
}

impl File {
    /// The digest as facts state it; empty if there is none.
    pub(crate) fn digest(&self) -> String {
        match &*self.digests.sha256 {
            "" => String::new(),
            hex => format!("sha256-{hex}"),
        }
    }
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub(crate) struct Digests {
    #[serde(default)]
    pub(crate) sha256: String,
}

/// The version that a bare name installs.
#[derive(Debug)]
pub(crate) enum Newest {
    Release(Release),
    /// There is none: all candidate versions are yanked.
    Withdrawn {
        info: Info,
        /// The newest of the yanked versions.
        version: String,
        /// The publisher's reason; empty if there is none.
        why: String,
    },
}

/// The version that a bare name installs.
#[derive(Debug)]
pub(crate) struct Release {
    pub(crate) info: Info,
    /// The version in the spelling of the registry.
    pub(crate) version: String,
    pub(crate) is_prerelease: bool,
    /// Never empty; none of them is yanked.
    pub(crate) files: Vec<File>,
}

/// The version of `package` to install, from `body`; `None` if no version has a file. The error
/// says what is wrong with the answer.
pub(crate) fn newest(package: &PackageName, body: &[u8]) -> Result<Option<Newest>, String> {
    let project: Project = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    let Project { info, urls, releases } = project;
    if normalised(&info.name) != package.as_str() {
        return Err("it is about another project".to_owned());
    }
    let mut releases = releases.unwrap_or_default();
    releases.entry(info.version.clone()).or_insert(urls);
    let published = releases.into_iter().filter_map(|(text, mut files)| {
        let version = version::parse(&text)?;
        files.retain(|file| !file.filename.is_empty());
        (!files.is_empty()).then_some((version, text, files))
    });
    let mut published: Vec<(Version, String, Vec<File>)> = published.collect();
    // Prereleases count only if there is no release; pip counts a yanked release as one.
    if published.iter().any(|(version, ..)| !version.any_prerelease()) {
        published.retain(|(version, ..)| !version.any_prerelease());
    }
    published.sort_by(|(one, ..), (other, ..)| one.cmp(other));
    let is_left = |(_, _, files): &(Version, String, Vec<File>)| files.iter().any(|it| !it.yanked);
    let chosen = published.iter().rposition(is_left);
    let newest = chosen.map(|at| published.swap_remove(at)).or_else(|| published.pop());
    let Some((version, text, mut files)) = newest else { return Ok(None) };
    if chosen.is_none() {
        let why = files.iter().find_map(|file| file.yanked_reason.as_str());
        let why = why.unwrap_or_default().to_owned();
        return Ok(Some(Newest::Withdrawn { info, version: text, why }));
    }
    files.retain(|file| !file.yanked);
    let is_prerelease = version.any_prerelease();
    Ok(Some(Newest::Release(Release { info, version: text, is_prerelease, files })))
}

impl Info {
    pub(crate) fn summary(&self) -> &str {
        self.summary.as_str().unwrap_or_default()
    }

    /// The web addresses, the best one first: the homepage, then the source, then any other.
    pub(crate) fn addresses(&self) -> Vec<&str> {
        let urls = self.project_urls.as_object();
        let mut named: Vec<(String, &str)> = urls
            .into_iter()
            .flatten()
            .filter_map(|(label, url)| Some((well_known(label), url.as_str()?)))
            .collect();
        let place = |label: &str| PLACES.iter().position(|it| *it == label).unwrap_or(PLACES.len());
        named.retain(|(label, _)| place(label) < PLACES.len());
        named.sort_by(|one, other| (place(&one.0), one).cmp(&(place(&other.0), other)));
        let old = self.home_page.as_str();
        old.into_iter().chain(named.into_iter().map(|(_, url)| url)).collect()
    }

    /// Whether the project has the extra `name`. A project that does not list its extras counts as
    /// having it.
    pub(crate) fn has_extra(&self, name: &str) -> bool {
        let Some(extras) = self.provides_extra.as_array() else { return true };
        let extras = extras.iter().filter_map(Value::as_str);
        extras.into_iter().any(|extra| normalised(extra) == normalised(name))
    }

    pub(crate) fn is_inactive(&self) -> bool {
        let classifiers = self.classifiers.as_array().into_iter().flatten();
        classifiers.filter_map(Value::as_str).any(|it| it == "Development Status :: 7 - Inactive")
    }
}

/// Well-known labels of addresses, the best one first.
/// <https://packaging.python.org/en/latest/specifications/well-known-project-urls/>
const PLACES: &[&str] =
    &["homepage", "source", "repository", "sourcecode", "github", "documentation", "docs"];

/// Labels are compared without punctuation, blanks and case.
fn well_known(label: &str) -> String {
    let is_word = |c: &char| !c.is_ascii_punctuation() && !c.is_whitespace();
    label.chars().filter(is_word).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// `Err` also if every version is yanked.
    fn newest_of_x(body: &[u8]) -> Result<Option<Release>, String> {
        match newest(&"x".parse().unwrap(), body)? {
            Some(Newest::Release(release)) => Ok(Some(release)),
            Some(Newest::Withdrawn { version, why, .. }) => Err(format!("{version}: {why}")),
            None => Ok(None),
        }
    }

    /// Checks the version chosen among `releases`; the last one is that of `info`.
    #[track_caller]
    fn check(releases: &[(&str, &str)], expected: &str) {
        let file = |it: &str| match it {
            "" => String::new(),
            "yanked" => {
                r#"{"filename":"x.whl","url":"u","yanked":true,"yanked_reason":"bad"}"#.to_owned()
            }
            name => format!(r#"{{"filename":"{name}","url":"u","yanked":false}}"#),
        };
        let table: Vec<String> =
            releases.iter().map(|(version, it)| format!("\"{version}\":[{}]", file(it))).collect();
        let (version, files) = releases.last().unwrap();
        let urls = file(files);
        let body = format!(
            r#"{{"info":{{"name":"X","version":"{version}"}},"urls":[{urls}],"releases":{{{}}}}}"#,
            table.join(",")
        );
        let told = match newest_of_x(body.as_bytes()) {
            Ok(newest) => newest.map(|it| it.version).unwrap_or_default(),
            Err(yanked) => yanked,
        };
        assert_eq!(told, expected, "{body}");
    }

    #[test]
    fn the_newest_version_is_that_of_the_specification() {
        check(&[("1.9", "f"), ("1.10", "f")], "1.10");
        check(&[("1.10", "f"), ("1.9", "f")], "1.10");
        check(&[("1.0.post1", "f"), ("1.0", "f")], "1.0.post1");
        check(&[("2004d", "f"), ("2.0", "f")], "2.0");
        check(&[("1!1.0", "f"), ("2024.1", "f")], "1!1.0");
    }

    #[test]
    fn yanked_versions_and_prereleases_are_skipped() {
        check(&[("1.0", "f"), ("2.0rc1", "f")], "1.0");
        check(&[("1.0", "f"), ("2.0.dev3", "f")], "1.0");
        check(&[("1.0", "f"), ("2.0", "yanked")], "1.0");
        check(&[("1.0", "f"), ("2.0", "")], "1.0");
        check(&[("1.0", "yanked"), ("2.0", "yanked")], "2.0: bad");
        check(&[("1.0", "")], "");
    }

    #[test]
    fn prereleases_are_installed_where_nothing_else_is_left() {
        check(&[("1.0a1", "f"), ("1.0b2", "f"), ("1.0b1", "f")], "1.0b2");
        check(&[("1.0b1", "f"), ("2.0", "")], "1.0b1");
        check(&[("1.0b1", "f"), ("1.0b2", "yanked")], "1.0b1");
        check(&[("1.0b1", "yanked")], "1.0b1: bad");
    }

    #[test]
    fn a_yanked_release_still_counts_as_a_release() {
        check(&[("1.0", "yanked"), ("2.0b1", "f")], "1.0: bad");
        check(&[("1.0", "f"), ("1.5", "yanked"), ("2.0b1", "f")], "1.0");
    }

    #[test]
    fn without_the_table_of_releases_the_stated_version_is_taken() {
        let body = r#"{"info":{"name":"x","version":"3.2.4","yanked":false},"urls":[
            {"filename":"a.whl","url":"u","yanked":false},{"filename":"b.whl","url":"u","yanked":true}],
            "vulnerabilities":[],"last_serial":1}"#;
        let release = newest_of_x(body.as_bytes()).unwrap().unwrap();
        assert_eq!((&*release.version, release.files.len()), ("3.2.4", 1));
        let null = r#"{"info":{"name":"x","version":"1.0"},"urls":[],"releases":null}"#;
        assert!(newest_of_x(null.as_bytes()).unwrap().is_none());
    }

    #[test]
    fn an_answer_about_another_project_is_invalid() {
        for info in [r#"{"name":"y","version":"1.0"}"#, r#"{"version":"1.0"}"#, "{}", "7", "null"] {
            let body = format!(r#"{{"info":{info},"urls":[]}}"#);
            assert!(newest_of_x(body.as_bytes()).is_err(), "{body}");
        }
    }

    #[test]
    fn the_best_address_comes_first() {
        let addresses = |info: &str| -> Vec<String> {
            let info = info.replacen('{', r#"{"name":"x","#, 1);
            let info: Info = serde_json::from_str(&info).unwrap();
            info.addresses().into_iter().map(str::to_owned).collect()
        };
        assert_eq!(
            addresses(r#"{"home_page":"h","project_urls":{"GitHub":"g","Home-Page":"p"}}"#),
            ["h", "p", "g"]
        );
        let urls = r#"{"home_page":null,"project_urls":{"Changelog":"c","Documentation":"d","Source Code":"s","Funding":"f","Repository":"r"}}"#;
        assert_eq!(addresses(urls), ["r", "s", "d"]);
        assert!(addresses(r#"{"home_page":[],"project_urls":null}"#).is_empty());
        assert!(addresses(r#"{"project_urls":{"Homepage":7}}"#).is_empty());
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_release_or_an_invalid_project(bytes: Vec<u8>) {
            let _ = newest_of_x(&bytes);
        }
    }
}
