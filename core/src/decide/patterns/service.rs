//! The host that a message is about.

use crate::decide::classify::host_in;

/// Services that messages name without their addresses.
const NAMED: &[(&str, &str)] = &[("github api", "api.github.com")];

/// What stands directly before the name of a host without a scheme.
const BEFORE_HOST: &[&str] = &[
    "lookup ",
    "resolve host: ",
    "resolve host '",
    "resolve proxy: ",
    "enotfound ",
    "eai_again ",
    "failed to connect to ",
    "could not reach host ",
    "host address ‘",
    "bad address '",
    "temporary failure resolving '",
];

/// The beginnings of the names of hosts with documentation, to which messages point.
const DOCUMENTATION: &[&str] = &["curl.", "docs.", "doc.", "pip.pypa.io", "bundler.io", "go.dev"];

/// How many lines before and after a pattern are searched for its address. Chains of causes name it
/// some lines away.
pub(super) const LINES_AROUND: usize = 8;

/// The host that is named nearest to `at` in `text`: in the same line, otherwise shortly before,
/// otherwise after. `own` are the hosts of the ecosystem.
pub(super) fn host_near(text: &str, at: usize, own: &[&str]) -> Option<String> {
    let start = text[..at].rfind('\n').map_or(0, |newline| newline + 1);
    let end = text[at..].find('\n').map_or(text.len(), |len| at + len);
    let line = &text[start..end];
    let named = || {
        let by_name = NAMED.iter().find(|(name, _)| line.contains(name)).map(|&(_, host)| host);
        let own = || own.iter().copied().find(|host| is_word(line, host));
        by_name.or_else(own).map(str::to_owned).or_else(|| host_after_a_word(line))
    };
    let first = text[..start].rmatch_indices('\n').nth(LINES_AROUND).map_or(0, |(i, _)| i);
    let last = text[end..].match_indices('\n').nth(LINES_AROUND);
    let last = last.map_or(text.len(), |(len, _)| end + len);
    let is_asked = |host: &String| !DOCUMENTATION.iter().any(|docs| host.starts_with(docs));
    last_host_in(&text[start..at])
        .filter(is_asked)
        .or_else(|| host_in(&text[at..end]).filter(is_asked))
        .or_else(named)
        .or_else(|| last_host_in(&text[first..start]).filter(is_asked))
        .or_else(|| host_in(&text[end..last]).filter(is_asked))
}

/// Whether `line` names exactly `host`, and not a host that only begins or ends in the same way.
fn is_word(line: &str, host: &str) -> bool {
    line.split(|c| !is_in_host(c)).any(|word| word.trim_matches('.') == host)
}

fn is_in_host(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '.' || c == '-'
}

/// The name after the first of [`BEFORE_HOST`], if it has the form of a host's name.
fn host_after_a_word(line: &str) -> Option<String> {
    BEFORE_HOST.iter().find_map(|before| {
        let (_, rest) = line.split_once(before)?;
        let name = &rest[..rest.find(|c| !is_in_host(c)).unwrap_or(rest.len())];
        let name = name.trim_matches('.');
        let is_name = name.contains('.') && name.contains(|c: char| c.is_ascii_alphabetic());
        (is_name && name.len() <= 253).then(|| name.to_owned())
    })
}

fn last_host_in(text: &str) -> Option<String> {
    text.rfind("://").and_then(|at| host_in(&text[at..]))
}
