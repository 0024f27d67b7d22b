//! The variables of git.

use std::{collections::BTreeMap, ffi::OsString};

use base64::{Engine as _, prelude::BASE64_STANDARD};

use crate::git::{GitSettings, RemoteToken};

/// The variables of this process that git may see: where the person's own configuration, keys,
/// certificates and proxies are.
pub const PASSED_VARIABLES: &[&str] = &[
    "ALL_PROXY",
    "CURL_CA_BUNDLE",
    "GIT_CONFIG_GLOBAL",
    "GIT_CONFIG_NOSYSTEM",
    "GIT_CONFIG_SYSTEM",
    "GIT_SSH",
    "GIT_SSH_COMMAND",
    "GIT_SSL_CAINFO",
    "GIT_SSL_CAPATH",
    "HOME",
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "LOGNAME",
    "NO_PROXY",
    "SSH_AUTH_SOCK",
    "SSL_CERT_DIR",
    "SSL_CERT_FILE",
    "TMPDIR",
    "USER",
    "XDG_CONFIG_HOME",
    "all_proxy",
    "http_proxy",
    "https_proxy",
    "no_proxy",
];

/// Variables with fixed values. Nothing waits for an answer of a person, and messages are English,
/// because they are read.
const FIXED: &[(&str, &str)] = &[
    ("GCM_INTERACTIVE", "never"),
    ("GIT_ALLOW_PROTOCOL", "file:http:https:ssh"),
    ("GIT_ASKPASS", "false"),
    ("GIT_EDITOR", "true"),
    ("GIT_LITERAL_PATHSPECS", "1"),
    ("GIT_OPTIONAL_LOCKS", "0"),
    ("GIT_TERMINAL_PROMPT", "0"),
    ("LC_ALL", "C"),
    ("SSH_ASKPASS", "false"),
    ("SSH_ASKPASS_REQUIRE", "force"),
];

/// Settings that have priority over the person's: they run programs, ask questions, change bytes of
/// files, or change what is fetched and pushed.
const CONFIG: &[(&str, &str)] = &[
    ("commit.gpgSign", "false"),
    ("core.autocrlf", "false"),
    ("core.excludesFile", "/dev/null"),
    ("core.fsmonitor", "false"),
    ("core.hooksPath", "/dev/null"),
    ("core.sparseCheckout", "false"),
    ("core.untrackedCache", "false"),
    ("fetch.writeCommitGraph", "false"),
    ("gc.auto", "0"),
    ("i18n.commitEncoding", "UTF-8"),
    ("i18n.logOutputEncoding", "UTF-8"),
    ("log.showSignature", "false"),
    ("maintenance.auto", "false"),
    ("merge.verifySignatures", "false"),
    ("push.followTags", "false"),
    ("push.gpgSign", "false"),
    ("push.recurseSubmodules", "no"),
    ("rerere.enabled", "false"),
    ("submodule.recurse", "false"),
];

/// All variables of git.
pub(super) fn variables(settings: &GitSettings) -> BTreeMap<OsString, OsString> {
    let passed = settings.variables.iter();
    let passed = passed.filter(|(name, _)| PASSED_VARIABLES.contains(&name.as_str()));
    let mut env: BTreeMap<OsString, OsString> =
        passed.map(|(name, value)| (name.into(), value.into())).collect();
    env.insert("PATH".into(), settings.path.clone());
    env.extend(FIXED.iter().map(|(name, value)| (name.into(), value.into())));
    for role in ["AUTHOR", "COMMITTER"] {
        env.insert(format!("GIT_{role}_NAME").into(), settings.author.name.clone().into());
        env.insert(format!("GIT_{role}_EMAIL").into(), settings.author.email.clone().into());
    }
    let config = CONFIG.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
    let config: Vec<_> = config.chain(settings.token.iter().flat_map(of_token)).collect();
    env.insert("GIT_CONFIG_COUNT".into(), config.len().to_string().into());
    for (at, (key, value)) in config.into_iter().enumerate() {
        env.insert(format!("GIT_CONFIG_KEY_{at}").into(), key.into());
        env.insert(format!("GIT_CONFIG_VALUE_{at}").into(), value.into());
    }
    env
}

/// The settings with which git sends `token` to its origin. The empty header removes those of the
/// person, such as the one of `actions/checkout`: a server refuses a request with two.
fn of_token(token: &RemoteToken) -> [(String, String); 2] {
    let key = format!("http.{}/.extraHeader", token.origin());
    let user = BASE64_STANDARD.encode(format!("x-access-token:{}", token.secret().reveal()));
    [(key.clone(), String::new()), (key, format!("Authorization: Basic {user}"))]
}

#[cfg(test)]
mod tests {
    use std::{sync::Arc, time::Duration};

    use batch_core::io::SystemClock;

    use super::*;
    use crate::{Secret, git::Author};

    fn settings(token: Option<RemoteToken>) -> GitSettings {
        let variables = ["HOME", "GITHUB_TOKEN", "GIT_DIR"].map(|name| (name.into(), "x".into()));
        GitSettings {
            path: "/bin".into(),
            variables: BTreeMap::from(variables),
            author: Author { name: "batch".into(), email: "batch@example.com".into() },
            token,
            cleaner: Arc::default(),
            clock: Arc::new(SystemClock::default()),
            patience: Duration::ZERO,
        }
    }

    #[test]
    fn only_listed_variables_are_passed_on() {
        let env = variables(&settings(None));
        assert_eq!(env[&OsString::from("HOME")], "x");
        for name in ["GITHUB_TOKEN", "GIT_DIR"] {
            assert!(!env.contains_key(&OsString::from(name)), "{name}");
        }
        assert_eq!(env[&OsString::from("GIT_CONFIG_COUNT")], &*CONFIG.len().to_string());
    }

    #[test]
    fn a_token_is_sent_to_its_origin_only() {
        let origin = "https://github.com/joe/x.git".parse().unwrap();
        let token = RemoteToken::new(&origin, Secret::new("ghs_x").unwrap()).unwrap();
        let env = variables(&settings(Some(token)));
        let last = CONFIG.len() + 1;
        let of = |name: &str, at| env[&OsString::from(format!("GIT_CONFIG_{name}_{at}"))].clone();
        assert_eq!(of("KEY", last - 1), "http.https://github.com/.extraHeader");
        assert_eq!(of("VALUE", last - 1), "");
        assert_eq!(of("KEY", last), "http.https://github.com/.extraHeader");
        assert_eq!(of("VALUE", last), "Authorization: Basic eC1hY2Nlc3MtdG9rZW46Z2hzX3g=");
    }
}
