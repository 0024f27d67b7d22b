//! Classifies the error messages of npm.
//!
//! npm's last lines begin with `npm error` (since npm 10.6) or `npm ERR!` (before), and one of them
//! says `code E…`. The codes come from npm, node or zlib; the texts in the tests are printed by npm
//! 8 and npm 11.

use batch_core::{
    decide::{
        classify::{first_pattern, host_in},
        patterns::of_build,
    },
    model::{Evidence, FailureKind, Fault, Finding},
    plugin::FailureClassifier,
};

use crate::{Npm, quota::HOST, version};

/// The heading above the dependency that does not fit.
const UNRESOLVED: &str = "Could not resolve dependency:";

/// The labels of lines about versions, platforms and engines.
const LABELS: &[&str] = &["notarget ", "notsup "];

const PREFIXES: &[&str] = &["npm error", "npm ERR!"];

/// What a code means without further text.
const CODES: &[(&str, FailureKind)] = &[
    ("E401", FailureKind::AuthRequired),
    ("E402", FailureKind::AuthRequired),
    ("E403", FailureKind::AuthRequired),
    ("E404", FailureKind::PackageNotFound),
    ("E429", FailureKind::RateLimited),
    ("ENEEDAUTH", FailureKind::AuthRequired),
    ("E451", FailureKind::PackageNotFound),
    ("EACCES", FailureKind::InstallFailed),
    ("EAI_AGAIN", FailureKind::DnsError),
    ("EBADENGINE", FailureKind::DependencyResolutionFailed),
    ("EBADPLATFORM", FailureKind::NoBottle),
    ("ECONNABORTED", FailureKind::ConnectionError),
    ("ECONNREFUSED", FailureKind::ConnectionError),
    ("ECONNRESET", FailureKind::ConnectionError),
    ("EDQUOT", FailureKind::DiskFull),
    ("EEXIST", FailureKind::InstallFailed),
    ("EHOSTUNREACH", FailureKind::ConnectionError),
    ("EINTEGRITY", FailureKind::ArchiveExtractionFailed),
    ("EINVALIDPACKAGENAME", FailureKind::DependencyResolutionFailed),
    ("EINVALIDTAGNAME", FailureKind::DependencyResolutionFailed),
    ("EJSONPARSE", FailureKind::InstallFailed),
    ("ELIFECYCLE", FailureKind::InstallFailed),
    ("ENETUNREACH", FailureKind::ConnectionError),
    ("ENOSPC", FailureKind::DiskFull),
    ("ENOTFOUND", FailureKind::DnsError),
    ("ENOTSUP", FailureKind::DependencyResolutionFailed),
    ("ENOVERSIONS", FailureKind::PackageNotFound),
    ("EPERM", FailureKind::InstallFailed),
    ("EPIPE", FailureKind::ConnectionError),
    ("EPROTO", FailureKind::TlsError),
    ("ERESOLVE", FailureKind::DependencyResolutionFailed),
    ("EROFS", FailureKind::InstallFailed),
    ("ERR_SOCKET_TIMEOUT", FailureKind::Timeout),
    ("ERR_TLS_CERT_ALTNAME_INVALID", FailureKind::TlsError),
    ("ESOCKETTIMEDOUT", FailureKind::Timeout),
    ("ETARGET", FailureKind::DependencyResolutionFailed),
    ("ETIMEDOUT", FailureKind::Timeout),
    ("EUNSUPPORTEDPROTOCOL", FailureKind::DependencyResolutionFailed),
    // `npm ci` found that the lock file and package.json differ.
    ("EUSAGE", FailureKind::DependencyResolutionFailed),
    ("CERT_HAS_EXPIRED", FailureKind::TlsError),
    ("CERT_NOT_YET_VALID", FailureKind::TlsError),
    ("DEPTH_ZERO_SELF_SIGNED_CERT", FailureKind::TlsError),
    ("SELF_SIGNED_CERT_IN_CHAIN", FailureKind::TlsError),
    ("TAR_BAD_ARCHIVE", FailureKind::ArchiveExtractionFailed),
    ("UNABLE_TO_GET_ISSUER_CERT", FailureKind::TlsError),
    ("UNABLE_TO_GET_ISSUER_CERT_LOCALLY", FailureKind::TlsError),
    ("UNABLE_TO_VERIFY_LEAF_SIGNATURE", FailureKind::TlsError),
    ("Z_BUF_ERROR", FailureKind::ArchiveExtractionFailed),
    ("Z_DATA_ERROR", FailureKind::ArchiveExtractionFailed),
];

/// Texts that are more specific than any code, or that occur without one.
const PATTERNS: &[(&str, FailureKind)] = &[
    ("gyp ERR!", FailureKind::NativeBuildFailed),
    ("npm error gyp", FailureKind::NativeBuildFailed),
    ("JavaScript heap out of memory", FailureKind::OutOfMemory),
    ("Invalid response body while trying to fetch", FailureKind::UpstreamUnavailable),
    ("invalid json response body", FailureKind::UnexpectedResponse),
    ("Exit handler never called!", FailureKind::ToolCrashed),
    ("cb() never called!", FailureKind::ToolCrashed),
    ("network timeout at", FailureKind::Timeout),
];

impl FailureClassifier for Npm {
    fn classify(&self, evidence: &Evidence) -> Option<Finding> {
        let text = &evidence.text;
        if let Some(finding) = missing_program(text) {
            return Some(finding);
        }
        if let Some(finding) = failed_script(text) {
            return Some(finding);
        }
        let kind = by_code(text).or_else(|| by_pattern(text))?;
        let finding = Finding::stated(kind);
        if kind == FailureKind::ToolCrashed {
            return Some(finding.of_service("npm"));
        }
        // The registry is not to blame for a full disk.
        let is_ours = kind.fault() == Fault::Registry && names_registry(text);
        Some(if is_ours { finding.of_service(HOST) } else { finding })
    }

    /// npm names the dependency that does not fit in the line after a heading, and begins lines
    /// about platforms and engines with a label.
    fn reason(&self, _: FailureKind, message: &str) -> Option<String> {
        let mut after = error_lines(message).skip_while(|line| *line != UNRESOLVED);
        let unfit = after.nth(1).filter(|line| !line.is_empty());
        let text_of = |line| LABELS.iter().find_map(|label| str::strip_prefix(line, label));
        let labelled = || error_lines(message).find_map(text_of);
        unfit.or_else(labelled).map(str::to_owned)
    }
}

/// npm's own error lines, without their prefix.
fn error_lines(text: &str) -> impl Iterator<Item = &str> {
    let rest = |line: &'_ str| -> Option<usize> {
        PREFIXES.iter().find(|prefix| line.starts_with(**prefix)).map(|prefix| prefix.len())
    };
    // The external installer puts this before the output of a tool.
    let lines = text.lines().map(|line| line.strip_prefix("Output: ").unwrap_or(line));
    lines.filter_map(move |line| Some(line[rest(line)?..].trim()))
}

/// A package's script failed. npm then repeats the output of the script, in lines that look like
/// npm's own.
fn failed_script(text: &str) -> Option<Finding> {
    let is_script = |line: &str| line == "command failed" || line == "code ELIFECYCLE";
    error_lines(text).any(is_script).then(|| {
        let is_native = text.contains("gyp ERR!") || text.contains("npm error gyp ");
        let is_killed = |line: &str| line == "signal SIGKILL";
        let is_heap = |line: &str| {
            let said = PREFIXES.iter().find_map(|it| line.strip_prefix(it)).unwrap_or(line).trim();
            said.starts_with("FATAL ERROR: ") && said.ends_with("JavaScript heap out of memory")
        };
        match is_native {
            true => of_build(text, FailureKind::NativeBuildFailed),
            // Only the kernel kills a script in this way, when memory is short.
            false if text.lines().any(is_heap) || error_lines(text).any(is_killed) => {
                Finding::stated(FailureKind::OutOfMemory)
            }
            false => Finding::stated(FailureKind::InstallFailed),
        }
    })
}

fn by_pattern(text: &str) -> Option<FailureKind> {
    first_pattern(text, PATTERNS)
}

fn by_code(text: &str) -> Option<FailureKind> {
    let code = error_lines(text).find_map(|line| line.strip_prefix("code "))?.trim();
    if matches!(code, "E404" | "ETARGET") && wants_a_range(text) {
        return Some(FailureKind::DependencyResolutionFailed);
    }
    let is_server_error = |digits: &str| digits.len() == 3 && digits.starts_with('5');
    let known = CODES.iter().find(|(known, _)| *known == code).map(|&(_, kind)| kind);
    let server = code.strip_prefix('E').filter(|digits| is_server_error(digits));
    known
        .or_else(|| server.map(|_| FailureKind::UpstreamUnavailable))
        .or_else(|| is_missing_command(code, text).then_some(FailureKind::InstallFailed))
}

/// A package's script called a missing command. npm returns the shell's exit code, which alone
/// would mean that npm is missing.
fn is_missing_command(code: &str, text: &str) -> bool {
    code == "127" && error_lines(text).any(|line| line.starts_with("command "))
}

/// Whether npm did not find something that was requested by a range or a tag. We request exact
/// versions, so it is a dependency.
fn wants_a_range(text: &str) -> bool {
    let spec = error_lines(text).find_map(|line| {
        let quoted = line.split_once('\'').and_then(|(_, rest)| rest.split_once('\''));
        let named = line.split_once("No matching version found for ").map(|(_, rest)| rest);
        quoted.map(|(spec, _)| spec).or(named)
    });
    let wanted = spec.and_then(|spec| spec.trim_end_matches('.').rsplit_once('@'));
    // The address of a tarball stands for one exact version.
    wanted.is_some_and(|(_, it)| version::parse(it).is_none() && !it.contains("://"))
}

/// How shells, `env` and the external installer say that a program is not there.
const MISSING: &[&str] = &[
    ": npm: not found",
    ": npm: command not found",
    "‘npm’: No such file or directory",
    ": node: not found",
    ": node: command not found",
    "‘node’: No such file or directory",
    "npm not found: install ",
    "exec: \"npm\": executable file not found in $PATH",
];

/// npm needs node, and a dependency that is fetched with git needs git.
fn missing_program(text: &str) -> Option<Finding> {
    let is_missing = |line: &str| MISSING.iter().any(|sign| line.contains(sign));
    // If npm printed something, a script may have printed this.
    if error_lines(text).next().is_none() && text.lines().any(is_missing) {
        return Some(Finding::stated(FailureKind::ToolchainMissing).of_service("npm"));
    }
    let is_about_git = |line: &str| line.contains("spawn git") || line.contains("enoent git");
    let has_code = error_lines(text).any(|line| line == "code ENOENT");
    (has_code && error_lines(text).any(is_about_git))
        .then(|| Finding::stated(FailureKind::ToolchainMissing).of_service("git"))
}

/// Whether the error lines name the registry: a dependency may be on another host.
fn names_registry(text: &str) -> bool {
    let is_bare = |line: &str| {
        let words = line.split(|c: char| !(c.is_ascii_alphanumeric() || c == '.' || c == '-'));
        words.map(|word| word.trim_end_matches('.')).any(|word| word == HOST)
    };
    let named = error_lines(text).find_map(host_in);
    named.map_or_else(|| error_lines(text).any(is_bare), |host| host == HOST)
}

#[cfg(test)]
mod tests {
    use batch_conformance::tables::no_quote_is_believed;
    use batch_core::model::Stage;
    use proptest::prelude::*;

    use super::*;

    fn classify(text: &str) -> Option<Finding> {
        let (stage, tool, text) = (Stage::Validate, "npm".to_owned(), text.to_owned());
        Npm.classify(&Evidence { stage, tool, exit_code: Some(1), text })
    }

    /// Checks the lines with the prefix of npm 11, and with the older prefix.
    #[track_caller]
    fn check(lines: &[&str], kind: FailureKind) {
        for prefix in PREFIXES {
            let tail = "A complete log of this run can be found in: x.log";
            let all = lines.iter().chain([&tail]).map(|line| format!("{prefix} {line}"));
            let text = all.collect::<Vec<_>>().join("\n");
            let finding = classify(&text).expect(&text);
            assert_eq!(finding.kind, kind, "{text}");
        }
    }

    #[test]
    fn answers_of_the_registry_are_classified() {
        const OF: &str = "GET https://registry.npmjs.org/x - x";
        let check = |code: &str, line: &str, kind| check(&[&format!("code {code}"), line], kind);
        check("E404", &format!("404 Not Found - {OF}"), FailureKind::PackageNotFound);
        check("E401", &format!("401 Unauthorized - {OF}"), FailureKind::AuthRequired);
        check("E402", &format!("402 Payment Required - {OF}"), FailureKind::AuthRequired);
        check("E403", &format!("403 403 Forbidden - {OF}"), FailureKind::AuthRequired);
        check("E429", &format!("429 Too Many Requests - {OF}"), FailureKind::RateLimited);
        check("E451", "451 Unavailable For Legal Reasons", FailureKind::PackageNotFound);
        check("E500", "500 Internal Server Error", FailureKind::UpstreamUnavailable);
        check("E503", "503 Service Unavailable", FailureKind::UpstreamUnavailable);
        check("E522", "522 undefined", FailureKind::UpstreamUnavailable);
        let page = "invalid json response body at https://registry.npmjs.org/x reason: Unexpected token '<'";
        check("FETCH_ERROR", page, FailureKind::UnexpectedResponse);
    }

    #[test]
    fn faults_of_the_network_are_classified() {
        let check = |code: &str, line: &str, kind| check(&[&format!("code {code}"), line], kind);
        check(
            "FETCH_ERROR",
            "network timeout at: https://registry.npmjs.org/x",
            FailureKind::Timeout,
        );
        check(
            "ETIMEDOUT",
            "network request to https://registry.npmjs.org/x failed",
            FailureKind::Timeout,
        );
        check("ESOCKETTIMEDOUT", "errno ESOCKETTIMEDOUT", FailureKind::Timeout);
        check(
            "ENOTFOUND",
            "network getaddrinfo ENOTFOUND registry.npmjs.org",
            FailureKind::DnsError,
        );
        check("EAI_AGAIN", "syscall getaddrinfo", FailureKind::DnsError);
        check("ECONNREFUSED", "syscall connect", FailureKind::ConnectionError);
        check("ECONNRESET", "network aborted", FailureKind::ConnectionError);
        check(
            "DEPTH_ZERO_SELF_SIGNED_CERT",
            "reason: self-signed certificate",
            FailureKind::TlsError,
        );
        check("SELF_SIGNED_CERT_IN_CHAIN", "reason: self-signed", FailureKind::TlsError);
        check("UNABLE_TO_GET_ISSUER_CERT_LOCALLY", "errno x", FailureKind::TlsError);
    }

    #[test]
    fn failures_of_the_package_and_its_dependencies_are_classified() {
        let check = |code: &str, line: &str, kind| check(&[&format!("code {code}"), line], kind);
        let unresolved = FailureKind::DependencyResolutionFailed;
        check("E404", "404  The requested resource 'dep@^1.0.0' could not be found", unresolved);
        check("E404", "404  'dep@^1.0.0' is not in this registry.", unresolved);
        check("E404", "404  'dep@next' is not in this registry.", unresolved);
        check("E404", "404  '@s/x@1.0.0' is not in this registry.", FailureKind::PackageNotFound);
        check("E404", "404  'x@https://r.example/x.tgz' is not in", FailureKind::PackageNotFound);
        check("ETARGET", "notarget No matching version found for dep@^9.0.0.", unresolved);
        check("ERESOLVE", "ERESOLVE unable to resolve dependency tree", unresolved);
        check("EBADENGINE", "engine Unsupported engine", unresolved);
        check("ENOTSUP", "notsup Required: {\"node\":\">=99\"}", unresolved);
        check(
            "EUNSUPPORTEDPROTOCOL",
            "Unsupported URL Type \"workspace:\": workspace:*",
            unresolved,
        );
        check("EINVALIDPACKAGENAME", "Invalid package name \"Bad Name\"", unresolved);
        check("EBADPLATFORM", "notsup Unsupported platform for x@1.0.0", FailureKind::NoBottle);
        check(
            "EINTEGRITY",
            "sha512-x integrity checksum failed",
            FailureKind::ArchiveExtractionFailed,
        );
        check("Z_BUF_ERROR", "zlib: unexpected end of file", FailureKind::ArchiveExtractionFailed);
        check("EJSONPARSE", "JSON.parse Failed to parse package.json", FailureKind::InstallFailed);
        check("ELIFECYCLE", "errno 1", FailureKind::InstallFailed);
        check("127", "command sh -c husky install", FailureKind::InstallFailed);
        check("1", "gyp ERR! stack Error: not found: make", FailureKind::NativeBuildFailed);
    }

    #[test]
    fn faults_of_the_machine_are_classified() {
        let check = |code: &str, line: &str, kind| check(&[&format!("code {code}"), line], kind);
        check("ENOSPC", "nospc ENOSPC: no space left on device, write", FailureKind::DiskFull);
        let cut_off = "nospc Invalid response body while trying to fetch https://r/x: ENOSPC: x";
        check("ENOSPC", cut_off, FailureKind::DiskFull);
        let full =
            "npm error code ENOSPC\nnpm error nospc fetch https://registry.npmjs.org/x: ENOSPC";
        assert_eq!(classify(full), Some(Finding::stated(FailureKind::DiskFull)));
        check("EACCES", "Error: EACCES: permission denied, mkdir '/x'", FailureKind::InstallFailed);
        check("ENOENT", "syscall spawn git", FailureKind::ToolchainMissing);
        let crashed = classify("npm error Exit handler never called!\n").unwrap();
        assert_eq!(crashed.service.as_deref(), Some("npm"));
        let memory = "FATAL ERROR: Reached heap limit - JavaScript heap out of memory\n";
        assert_eq!(classify(memory).unwrap().kind, FailureKind::OutOfMemory);
    }

    #[test]
    fn only_the_registry_is_blamed_and_only_where_an_error_line_names_it() {
        let service = |line: &str| {
            let notice = "npm notice https://registry.npmjs.org/ is fine";
            classify(&format!("{notice}\nnpm error code E429\nnpm error {line}\n")).unwrap().service
        };
        let ours = Some(HOST.to_owned());
        assert_eq!(service("429 Too Many Requests - GET https://registry.npmjs.org/x"), ours);
        assert_eq!(service("network getaddrinfo ENOTFOUND registry.npmjs.org"), ours);
        assert_eq!(service("429 - GET https://registry.npmjs.org.evil.example/x"), None);
        assert_eq!(service("429 - GET https://elsewhere.example/?registry.npmjs.org"), None);
        assert_eq!(service("429 Too Many Requests"), None);
        let gone = "npm error code E404\nnpm error 404 GET https://registry.npmjs.org/x\n";
        assert_eq!(classify(gone).unwrap().service, None);
    }

    #[test]
    fn other_outputs_than_errors_of_npm_are_left_to_core() {
        for text in [
            "",
            "added 1 package in 2s",
            "npm warn deprecated x@1.0.0: use y",
            "npm warn EBADENGINE Unsupported engine",
            "npm notice New major version of npm",
            "code E404",
            "  npm error code E404 (quoted by someone)",
            "npm error code EWHATEVER",
            "npm error code 128\nnpm error An unknown git error occurred",
        ] {
            assert_eq!(classify(text), None, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_classified_without_a_panic(
            lines in prop::collection::vec("(npm error |npm ERR! |)(code |404 |'|@|é|.){0,12}", 0..8),
        ) {
            let _ = classify(&lines.join("\n"));
        }

        #[test]
        fn any_bytes_are_classified_without_a_panic(bytes: Vec<u8>) {
            let _ = classify(&String::from_utf8_lossy(&bytes));
        }
    }

    #[test]
    fn a_long_text_takes_no_longer_than_its_length() {
        let text = format!("{}npm error code ", "npm error '@".repeat(100_000));
        assert_eq!(classify(&text), None);
    }

    #[test]
    fn the_dependency_that_does_not_fit_is_the_reason() {
        let reason = |text: &str| Npm.reason(FailureKind::DependencyResolutionFailed, text);
        let conflict = "npm error ERESOLVE unable to resolve dependency tree\n\
                        npm error Could not resolve dependency:\n\
                        npm error peer react@\"^18.2.0\" from react-dom@18.2.0\nnpm error node_modules/x";
        assert_eq!(reason(conflict).unwrap(), "peer react@\"^18.2.0\" from react-dom@18.2.0");
        let platform = "npm error code EBADPLATFORM\nnpm error notsup Unsupported platform for x";
        assert_eq!(reason(platform).unwrap(), "Unsupported platform for x");
        for text in ["", "npm error Could not resolve dependency:", "peer react from x"] {
            assert_eq!(reason(text), None, "{text}");
        }
    }

    #[test]
    fn output_of_a_script_is_not_a_cause() {
        for prefix in PREFIXES {
            let output = |lines: &[&str]| {
                let lines = lines.iter().map(|line| format!("{prefix} {line}\n"));
                format!(
                    "{{fault}}\nnpm warn deprecated x@1.0.0: {{fault}}\n{}",
                    lines.collect::<String>()
                )
            };
            let head = ["code 1", "path /t/node_modules/x", "command failed"];
            let native = [
                &head[..],
                &[
                    "command sh -c node-gyp rebuild",
                    "gyp ERR! build error",
                    "gyp ERR! stack Error: {fault}",
                    "{fault}",
                ],
            ]
            .concat();
            no_quote_is_believed(&Npm, &output(&native), FailureKind::NativeBuildFailed);
            let other = [&head[..], &["command sh -c node install.js", "Error: {fault}"]].concat();
            no_quote_is_believed(&Npm, &output(&other), FailureKind::InstallFailed);
        }
        let heap = "npm error code 1\nnpm error command failed\nnpm error command sh -c x\n\
                    npm error FATAL ERROR: Reached heap limit - JavaScript heap out of memory";
        assert_eq!(classify(heap), Some(Finding::stated(FailureKind::OutOfMemory)));
    }

    #[test]
    fn a_deprecation_message_is_not_a_cause() {
        let text = "npm warn deprecated x@1.0.0: connection refused\nsomething else";
        assert_eq!(batch_core::decide::patterns::Rules::of_any_tool().read(text), None);
    }
}
