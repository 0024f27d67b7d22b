//! Reads MetaCPAN's answer about the newest release of a distribution. Pure; the input may be any
//! bytes.

use batch_core::{decide::recipe::is_homepage, model::PackageName};
use serde_json::Value;

/// The folder of archives on a mirror.
const ARCHIVES: &str = "/authors/id/";

/// A release that can be downloaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Release {
    /// In the author's own spelling: `v3.7.0`, `1.10`.
    pub(crate) version: String,
    /// Folders and file below a mirror's `authors/id`, such as `P PE PETDANCE ack-v3.7.0.tar.gz`.
    pub(crate) path: Vec<String>,
    /// SHA-256 in hexadecimal digits; empty if MetaCPAN does not state it.
    pub(crate) sha256: String,
    /// The main module; empty if MetaCPAN does not state it.
    pub(crate) main_module: String,
    /// The description; empty if there is none.
    pub(crate) summary: String,
    /// The homepage, otherwise the repository; only https addresses.
    pub(crate) homepage: Option<String>,
    pub(crate) is_deprecated: bool,
    /// Whether it is a developer release.
    pub(crate) is_trial: bool,
}

/// The release of `distribution` in `body`; `None` if nothing can be installed. The error says what
/// is wrong with the answer.
pub(crate) fn read(distribution: &PackageName, body: &[u8]) -> Result<Option<Release>, String> {
    let answer: Value = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    let release = match answer.get("hits") {
        Some(hits) => match hits.pointer("/hits/0") {
            Some(hit) => hit.get("_source").or_else(|| hit.get("fields")).unwrap_or(hit),
            None => return Ok(None),
        },
        None => &answer,
    };
    let text = |key: &str| text(release.get(key)).unwrap_or_default();
    if text("distribution") != distribution.as_str() {
        return Err(format!("it is about {:?}", shortened(text("distribution"))));
    }
    // The release was deleted from CPAN, or was uploaded by somebody without the right to do so: no
    // installer would accept it.
    let is_refused = release.get("authorized").is_some_and(|it| flag(it) == Some(false));
    if text("status") == "backpan" || is_refused {
        return Ok(None);
    }
    let version = text("version");
    if !is_version(version) {
        return Err(format!("{:?} is not a version", shortened(version)));
    }
    let sha256 = text("checksum_sha256");
    let is_digest = sha256.len() == 64 && sha256.bytes().all(|byte| byte.is_ascii_hexdigit());
    Ok(Some(Release {
        version: version.to_owned(),
        path: path(text("download_url"))
            .ok_or_else(|| format!("{:?} is not an archive", shortened(text("download_url"))))?,
        sha256: if is_digest { sha256.to_ascii_lowercase() } else { String::new() },
        main_module: Some(text("main_module"))
            .filter(|name| is_module(name))
            .unwrap_or_default()
            .to_owned(),
        summary: text("abstract").to_owned(),
        homepage: address(release),
        is_deprecated: release.get("deprecated").and_then(flag) == Some(true),
        is_trial: text("maturity") == "developer",
    }))
}

/// The web address: the homepage, otherwise the repository, with any scheme.
fn address(release: &Value) -> Option<String> {
    let at = |pointer: &&str| text(release.pointer(pointer));
    let by_https = |url: &str| {
        let (scheme, rest) = url.split_once("://")?;
        ["git", "http", "https"].contains(&scheme).then(|| format!("https://{rest}"))
    };
    let homepage = at(&"/resources/homepage").map(str::to_owned);
    let repository = ["/resources/repository/web", "/resources/repository/url"];
    let repository = repository.iter().filter_map(at).filter_map(by_https);
    homepage.into_iter().chain(repository).find(|url| is_homepage(url))
}

/// Answers in old formats hold a text as a list with one element.
fn text(value: Option<&Value>) -> Option<&str> {
    match value? {
        Value::String(text) => Some(text),
        Value::Array(values) if values.len() == 1 => values[0].as_str(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
            None
        }
    }
}

/// Some answers write flags as texts or numbers.
fn flag(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(flag) => Some(*flag),
        Value::Number(number) => Some(number.as_u64() != Some(0)),
        Value::Array(values) if values.len() == 1 => flag(&values[0]),
        Value::String(text) => match text.as_str() {
            "true" | "1" => Some(true),
            "false" | "0" | "" => Some(false),
            _ => None,
        },
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// Whether the text is a decimal or dotted version, possibly with an underscore (trial releases).
/// Versions are printed and compared, so other texts are refused.
fn is_version(text: &str) -> bool {
    let is_part = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    let digits = text.strip_prefix('v').unwrap_or(text);
    digits.starts_with(|c: char| c.is_ascii_digit())
        && text.len() <= 64
        && text.chars().all(is_part)
}

fn is_module(name: &str) -> bool {
    let is_word = |word: &str| {
        !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    name.len() <= 255 && name.split("::").all(is_word)
}

/// The path in `…/authors/id/P/PE/PETDANCE/ack-v3.7.0.tar.gz` on any mirror; the file is downloaded
/// from our mirror. The path becomes part of a command line.
fn path(url: &str) -> Option<Vec<String>> {
    let (_, path) = url.strip_prefix("https://")?.split_once(ARCHIVES)?;
    let is_element = |element: &str| {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_.+".contains(c);
        element.starts_with(|c: char| c.is_ascii_alphanumeric()) && element.chars().all(is_plain)
    };
    let elements: Vec<&str> = path.split('/').collect();
    let [first, second, author, .., _] = &*elements else { return None };
    let is_of_author = author.starts_with(second) && second.starts_with(first);
    let is_path = is_of_author && first.len() == 1 && second.len() == 2;
    let is_path = is_path && elements.iter().all(|element| is_element(element));
    is_path.then(|| elements.into_iter().map(str::to_owned).collect())
}

fn shortened(text: &str) -> String {
    text.chars().take(100).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const URL: &str = "https://cpan.metacpan.org/authors/id/P/PE/PETDANCE/ack-v3.7.0.tar.gz";

    fn of(fields: &str) -> Result<Option<Release>, String> {
        let body = format!(
            r#"{{"distribution":"ack","version":"v3.7.0","download_url":"{URL}"{fields}}}"#
        );
        read(&"ack".parse().unwrap(), body.as_bytes())
    }

    #[test]
    fn a_release_is_read_with_numbers_as_texts_or_as_numbers() {
        let plain = of("").unwrap().unwrap();
        assert_eq!((&*plain.version, &*plain.sha256, &*plain.main_module), ("v3.7.0", "", ""));
        assert_eq!(plain.path, ["P", "PE", "PETDANCE", "ack-v3.7.0.tar.gz"]);
        for stat in [
            r#","stat":{"mode":"33188","mtime":"1648516030","size":"540531"}"#,
            r#","stat":{"mode":33204,"mtime":1398120473,"size":6559,"uid":1009}"#,
            r#","stat":null,"unknown_key":[1,{}],"tests":{"fail":20}"#,
        ] {
            assert_eq!(of(stat).unwrap().unwrap(), plain);
        }
    }

    #[test]
    fn fields_come_as_scalars_and_as_lists_of_one() {
        let release =
            of(r#","main_module":["App::Ack"],"abstract":"grep-like","deprecated":[false]"#);
        let release = release.unwrap().unwrap();
        assert_eq!((&*release.main_module, &*release.summary), ("App::Ack", "grep-like"));
        for (spelling, expected) in [
            ("true", true),
            ("\"true\"", true),
            ("1", true),
            ("false", false),
            ("\"false\"", false),
            ("0", false),
            ("null", false),
        ] {
            let release = of(&format!(r#","deprecated":{spelling}"#)).unwrap().unwrap();
            assert_eq!(release.is_deprecated, expected, "{spelling}");
        }
        let digest = "aB".repeat(32);
        let release = of(&format!(r#","checksum_sha256":"{digest}","maturity":"developer""#));
        let release = release.unwrap().unwrap();
        assert_eq!((release.sha256, release.is_trial), ("ab".repeat(32), true));
        let page = r#","resources":{"homepage":"https://beyondgrep.com/","license":["x"]}"#;
        assert_eq!(of(page).unwrap().unwrap().homepage.unwrap(), "https://beyondgrep.com/");
    }

    #[test]
    fn hits_are_unwrapped() {
        let source = format!(r#"{{"distribution":"ack","version":"1.0","download_url":"{URL}"}}"#);
        for key in ["_source", "fields"] {
            let body = format!(r#"{{"hits":{{"total":1,"hits":[{{"{key}":{source}}}]}}}}"#);
            let release = read(&"ack".parse().unwrap(), body.as_bytes()).unwrap().unwrap();
            assert_eq!(release.version, "1.0");
        }
        let none = br#"{"hits":{"total":0,"hits":[]}}"#;
        assert_eq!(read(&"ack".parse().unwrap(), none).unwrap(), None);
    }

    #[test]
    fn releases_that_no_installer_accepts_count_as_missing() {
        assert_eq!(of(r#","status":"backpan""#).unwrap(), None);
        assert_eq!(of(r#","authorized":false"#).unwrap(), None);
        assert_eq!(of(r#","authorized":"false""#).unwrap(), None);
        assert!(of(r#","authorized":true,"status":"latest""#).unwrap().is_some());
    }

    #[test]
    fn paths_outside_of_the_archive_folder_are_invalid_answers() {
        let name = "ack".parse().unwrap();
        let good = |url: &str| {
            let body = format!(r#"{{"distribution":"ack","version":"1","download_url":"{url}"}}"#);
            read(&name, body.as_bytes()).is_ok()
        };
        assert!(good(URL));
        assert!(good("https://www.cpan.org/authors/id/A/AB/ABC/sub/x-1.tgz"));
        for url in [
            "",
            "http://cpan.metacpan.org/authors/id/P/PE/PETDANCE/ack.tar.gz",
            "https://evil.example/x.tar.gz",
            "https://cpan.metacpan.org/authors/id/P/PE/PETDANCE/../../x.tar.gz",
            "https://cpan.metacpan.org/authors/id/P/PE/PETDANCE/-rf.tar.gz",
            "https://cpan.metacpan.org/authors/id/P/PE/PETDANCE/a b.tar.gz",
            "https://cpan.metacpan.org/authors/id/P/PE/PETDANCE/",
            "https://cpan.metacpan.org/authors/id/P/PE/OTHER/x.tar.gz",
            "https://cpan.metacpan.org/authors/id/PETDANCE/x.tar.gz",
            "https://cpan.metacpan.org/authors/id/P/PE/PETDANCE/x.tar.gz?y",
        ] {
            assert!(!good(url), "{url}");
        }
        for body in [
            "",
            "[]",
            "<html>",
            r#"{"code":404,"message":"Not found"}"#,
            r#"{"distribution":"other","version":"1"}"#,
            r#"{"distribution":"ack"}"#,
            r#"{"distribution":"ack","version":"1 -g"}"#,
            r#"{"distribution":"ack","version":1.10}"#,
        ] {
            assert!(read(&name, body.as_bytes()).is_err(), "{body}");
        }
    }

    #[test]
    fn versions_are_the_authors_own() {
        for version in ["v3.7.0", "1.10", "1.007_002", "2.5-TRIAL", "20230912", "5.36.0"] {
            assert!(is_version(version), "{version}");
        }
        for text in ["", "v", "latest", "1 2", "1\n", "-1", "1/2", "1~2"] {
            assert!(!is_version(text), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_release_or_an_invalid_answer(bytes: Vec<u8>) {
            let _ = read(&"x".parse().unwrap(), &bytes);
        }
    }
}
