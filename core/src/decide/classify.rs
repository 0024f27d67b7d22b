//! What the evidence of a failure says. The sources in order of their strength: tags in brackets,
//! the plugin's own patterns, the shared patterns, the exit code. A weaker source never overrides a
//! stronger one.

mod unstated;

use crate::{
    decide::patterns::Rules,
    model::{Confidence, Evidence, FailureKind, Finding, Stage},
};

/// The beginning of the line in which an external generator says, by a tag, why it made no recipe.
const TAGGED: &str = "deterministic generation failed: ";
/// The tags and their meaning.
const TAGS: &[(&str, FailureKind)] = &[
    ("[no_bottles]", FailureKind::NoBottle),
    ("[complex_archive]", FailureKind::BinaryDiscoveryFailed),
    ("[missing_dep]", FailureKind::RecipeMissing),
    ("[api_error]", FailureKind::UpstreamUnavailable),
    ("[validation_failed]", FailureKind::SchemaInvalid),
    ("[build_from_source]", FailureKind::BuildFromSource),
    ("[complex_archive] [library_only]", FailureKind::LibraryOnly),
    ("[library_only]", FailureKind::LibraryOnly),
];
/// The tag of all errors that have none of their own.
const DEFAULT_TAG: &str = "[api_error]";

/// What `evidence` says; `own` is what the ecosystem's classifier found in it. The evidence is the whole
/// output of a program that this program ran, so it is never lost.
///
/// An exit code with only one meaning is stronger than a cause that was only inferred from the
/// text.
pub fn finding(evidence: &Evidence, own: Option<Finding>) -> Finding {
    let by_text = by_text(&evidence.text, own);
    let is_stated = |finding: &Finding| finding.confidence == Confidence::Stated;
    by_text
        .clone()
        .filter(is_stated)
        .or_else(|| by_telling_exit_code(evidence))
        .or(by_text)
        .unwrap_or_else(|| by_exit_code(evidence))
}

/// What `text` says, `own` being what the ecosystem's classifier read in it; `None` where no sign
/// stands in it.
pub fn by_text(text: &str, own: Option<Finding>) -> Option<Finding> {
    by_tag(text).or(own).or_else(|| Rules::of_any_tool().read(text))
}

fn by_tag(text: &str) -> Option<Finding> {
    let tagged = text.lines().find_map(|line| line.strip_prefix(TAGGED))?;
    let fits = |&&(tag, _): &&(&str, FailureKind)| tagged.starts_with(tag);
    let &(_, kind) = TAGS.iter().filter(fits).max_by_key(|(tag, _)| tag.len())?;
    let found = Finding::stated(kind);
    if !tagged.starts_with(DEFAULT_TAG) {
        return Some(found);
    }
    // The default tag says little. If the text states a fault of a service or a machine, that fault is
    // more exact.
    let exact = Rules::of_any_tool().read(&text.replace(TAGGED, "").replace(DEFAULT_TAG, ""));
    let is_exact = |exact: &Finding| {
        exact.confidence == Confidence::Stated && exact.kind.is_not_package_fault()
    };
    Some(exact.filter(is_exact).unwrap_or(found))
}

/// How a text is read in which no rule finds a cause: a failure for an unknown reason if a line reports
/// one, otherwise lost evidence. Outputs that were stored by another program may end anywhere.
pub fn without_cause(text: &str) -> Finding {
    if unstated::reports_failure(text) {
        return Finding::stated(FailureKind::Unclassified);
    }
    Finding { confidence: Confidence::Lost, ..Finding::stated(FailureKind::EvidenceLost) }
}

/// The kind of the pattern that appears first in `text`. The time is linear: each pattern is
/// searched once.
pub fn first_pattern(text: &str, patterns: &[(&str, FailureKind)]) -> Option<FailureKind> {
    let place = |&(pattern, kind): &(&str, FailureKind)| text.find(pattern).map(|at| (at, kind));
    patterns.iter().filter_map(place).min_by_key(|&(at, _)| at).map(|(_, kind)| kind)
}

/// The host of the first address in `text`.
pub fn host_in(text: &str) -> Option<String> {
    let start = text.find("://")? + 3;
    let is_in_host = |c: char| c.is_ascii_alphanumeric() || c == '.' || c == '-';
    let is_after_host = |c: char| c.is_whitespace() || "/?#\"'`<>()[]{},;".contains(c);
    let rest = &text[start..];
    let authority = &rest[..rest.find(is_after_host).unwrap_or(rest.len())];
    let host = authority.rsplit('@').next().unwrap_or(authority);
    let host = &host[..host.find(|c| !is_in_host(c)).unwrap_or(host.len())];
    (!host.is_empty()).then(|| host.to_ascii_lowercase())
}

fn by_telling_exit_code(evidence: &Evidence) -> Option<Finding> {
    let kind = match evidence.exit_code {
        Some(124) => FailureKind::BuildTimeout,
        Some(137) => FailureKind::OutOfMemory,
        Some(127) => FailureKind::ToolchainMissing,
        None => FailureKind::ToolCrashed,
        Some(_) => return None,
    };
    Some(Finding::stated(kind).of_service(&*evidence.tool))
}

/// Nothing says why. The evidence is not lost: this is all that the tool printed.
fn by_exit_code(evidence: &Evidence) -> Finding {
    let found = Finding::stated(match evidence.stage {
        Stage::Validate => FailureKind::InstallFailed,
        Stage::Seed | Stage::Generate | Stage::Merge => FailureKind::Unclassified,
    });
    match evidence.text.trim() {
        "" => Finding { confidence: Confidence::Inferred, ..found },
        _ => found,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn evidence(exit_code: Option<i32>, text: &str) -> Evidence {
        Evidence {
            stage: Stage::Validate,
            tool: "tool".to_owned(),
            exit_code,
            text: text.to_owned(),
        }
    }

    #[track_caller]
    fn check(text: &str, kind: FailureKind) {
        assert_eq!(finding(&evidence(Some(1), text), None).kind, kind, "{text}");
    }

    #[test]
    fn the_first_cause_wins_over_its_consequences() {
        check("warning: rate limit exceeded, using 'dev'\nno such host", FailureKind::RateLimited);
        check("write: No space left on device\nconnection refused", FailureKind::DiskFull);
        check("curl: (6) Could not resolve host: x", FailureKind::DnsError);
        check("something else", FailureKind::InstallFailed);
        check("", FailureKind::InstallFailed);
    }

    #[test]
    fn tags_take_precedence_over_plugins_and_plugins_over_patterns() {
        let own = || Some(Finding::stated(FailureKind::PackageNotFound));
        let kind = |text| finding(&evidence(Some(1), text), own()).kind;
        let tagged = "deterministic generation failed: [no_bottles] x";
        assert_eq!(kind(tagged), FailureKind::NoBottle);
        assert_eq!(kind("connection refused"), FailureKind::PackageNotFound);
        // A program that prints such a tag in another way is no generator.
        for quoted in ["[no_bottles] x", "1 | [missing_dep]", "error: [missing_dep] x"] {
            assert_eq!(kind(quoted), FailureKind::PackageNotFound, "{quoted}");
        }
    }

    #[test]
    fn an_exit_code_takes_precedence_over_a_headline_but_not_over_a_cause() {
        let kind = |text| finding(&evidence(Some(124), text), None).kind;
        assert_eq!(kind("Installation failed: step 1 (x) failed:"), FailureKind::BuildTimeout);
        assert_eq!(kind("No space left on device"), FailureKind::DiskFull);
    }

    #[test]
    fn exit_codes_are_considered_last() {
        let kind = |code| finding(&evidence(code, "x"), None).kind;
        assert_eq!(kind(Some(124)), FailureKind::BuildTimeout);
        assert_eq!(kind(Some(137)), FailureKind::OutOfMemory);
        assert_eq!(kind(None), FailureKind::ToolCrashed);
    }

    #[test]
    fn a_fault_names_the_host_that_the_text_names() {
        let text = "connection refused: https://Registry.example:443/x";
        let service = finding(&evidence(Some(1), text), None).service;
        assert_eq!(service.as_deref(), Some("registry.example"));
    }
}
