//! What an answer of GitHub means that is no success.

use std::time::Duration;

use batch_core::{decide::clean::Cleaner, io::Response};
use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::Value;

use crate::{ForgeError, pull_request::line};

/// How long to wait at least when GitHub asks for fewer requests and names no time.
pub(super) const MIN_PAUSE: Duration = Duration::from_secs(60);

/// The longest wait that is believed: limits are counted by the hour.
const MAX_PAUSE: Duration = Duration::from_secs(2 * 60 * 60);

#[derive(Default, Deserialize)]
struct Body {
    #[serde(default)]
    message: String,
    /// Texts, or objects with a message or a code.
    #[serde(default)]
    errors: Vec<Value>,
}

/// What `response` means. The order of the questions is the one that GitHub documents.
pub(super) fn read(response: &Response, now: DateTime<Utc>, cleaner: &Cleaner) -> ForgeError {
    let body: Body = serde_json::from_slice(&response.body).unwrap_or_default();
    let message = line(cleaner, &body.message);
    let status = response.status;
    if let Some(limit) = limit(response, &message, now) {
        return limit;
    }
    let what = || response.url.path().trim_start_matches('/').to_owned();
    match status {
        401 => {
            let remedy = "set GITHUB_TOKEN to a token that has not expired".to_owned();
            ForgeError::Forbidden { reason: message, remedy }
        }
        403 => {
            let accepted = response.headers.get("x-accepted-github-permissions");
            let remedy = remedy(&message, accepted.map(|text| line(cleaner, text)).as_deref());
            ForgeError::Forbidden { reason: message, remedy }
        }
        404 | 410 => ForgeError::NotFound { what: what() },
        301 | 302 | 307 | 308 => {
            ForgeError::NotFound { what: format!("{} any more: it was moved", what()) }
        }
        408 | 425 | 500.. => ForgeError::Unreachable {
            reason: format!("it answered {status} {message}").trim_end().to_owned(),
        },
        400 | 405 | 409 | 422 => {
            let details = body.errors.iter().map(|error| line(cleaner, &detail(error)));
            let messages = Some(message).filter(|text| !text.is_empty()).into_iter().chain(details);
            ForgeError::Invalid { messages: messages.collect() }
        }
        _ => ForgeError::Unexpected { reason: format!("{} answered {status} {message}", what()) },
    }
}

/// Whether the answer asks for fewer requests.
fn limit(response: &Response, message: &str, now: DateTime<Utc>) -> Option<ForgeError> {
    if !matches!(response.status, 403 | 429) {
        return None;
    }
    let header = |name| response.headers.get(name).map(|text| text.trim());
    let number = |name| header(name).and_then(|text| text.parse::<u64>().ok());
    let until = |wait: Duration| now + wait.clamp(Duration::ZERO, MAX_PAUSE);
    if let Some(seconds) = number("retry-after") {
        return Some(ForgeError::SecondaryLimit { until: until(Duration::from_secs(seconds)) });
    }
    if header("x-ratelimit-remaining") == Some("0") {
        let reset = number("x-ratelimit-reset").and_then(|at| i64::try_from(at).ok());
        let reset = reset.and_then(|at| DateTime::from_timestamp(at, 0));
        let wait = reset.and_then(|at| (at - now).to_std().ok()).unwrap_or(MIN_PAUSE);
        return Some(ForgeError::RateLimited { until: until(wait) });
    }
    let text = message.to_ascii_lowercase();
    let is_asked = ["secondary rate limit", "abuse detection", "rate limit exceeded"];
    let is_limit = response.status == 429 || is_asked.iter().any(|part| text.contains(part));
    is_limit.then(|| ForgeError::SecondaryLimit { until: until(MIN_PAUSE) })
}

/// What a person can do about a 403. `accepted` are the permissions of which one is needed, as
/// GitHub itself says.
pub(super) fn remedy(message: &str, accepted: Option<&str>) -> String {
    if message.contains("GitHub Actions is not permitted to create or approve pull requests") {
        return "allow it in the repository's settings (Actions, General, Workflow permissions)"
            .to_owned();
    }
    if message.contains("SAML") {
        return "authorise the token for single sign-on of the organisation".to_owned();
    }
    match accepted.filter(|text| !text.is_empty()) {
        Some(accepted) => format!("the token needs one of these permissions: {accepted}"),
        None => "the token needs these permissions: contents=write, pull_requests=write, \
                 issues=write, checks=read, statuses=read"
            .to_owned(),
    }
}

/// A text for one of the `errors` of a 422.
fn detail(error: &Value) -> String {
    let text = |key: &str| error.get(key).and_then(Value::as_str);
    match (error, text("message")) {
        (Value::String(text), _) => text.clone(),
        (_, Some(message)) => message.to_owned(),
        (_, None) => {
            let parts = [text("resource"), text("field"), text("code")].into_iter().flatten();
            parts.collect::<Vec<_>>().join(" ")
        }
    }
}

/// Whether one of the `errors` in the body of a 422 has this code.
pub(super) fn has_code(body: &[u8], code: &str) -> bool {
    let body: Body = serde_json::from_slice(body).unwrap_or_default();
    body.errors.iter().any(|error| error.get("code").and_then(Value::as_str) == Some(code))
}

#[cfg(test)]
mod tests {
    use batch_core::io::Headers;

    use super::*;

    fn response(status: u16, headers: &[(&str, &str)], body: &str) -> Response {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let headers: Headers = headers.collect();
        let url = "https://api.github.com/repos/joe/x/pulls".parse().unwrap();
        Response { url, status, headers, body: body.into() }
    }

    #[track_caller]
    fn check(status: u16, headers: &[(&str, &str)], body: &str, expected: &str) {
        let now = DateTime::from_timestamp(1_700_000_000, 0).unwrap();
        let error = read(&response(status, headers, body), now, &Cleaner::default());
        assert!(format!("{error:?}").starts_with(expected), "{error:?}");
        assert!(error.to_string().contains([';', ':']), "no remedy: {error}");
    }

    #[test]
    fn the_primary_limit_ends_when_github_says() {
        let body = r#"{"message": "API rate limit exceeded for user ID 1.", "documentation_url": "https://docs.github.com/rest"}"#;
        let headers = [("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "1700001800")];
        let expected = "RateLimited { until: 2023-11-14T22:43:20Z }";
        check(403, &headers, body, expected);
        check(429, &headers, body, expected);
        // A clock that is wrong, or nonsense, makes nobody wait for years.
        let headers = [("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "99999999999")];
        check(403, &headers, body, "RateLimited { until: 2023-11-15T00:13:20Z }");
        let headers = [("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "soon")];
        check(403, &headers, body, "RateLimited { until: 2023-11-14T22:14:20Z }");
    }

    #[test]
    fn the_secondary_limit_is_not_the_primary_one() {
        let body = r#"{"message": "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."}"#;
        let minute = "SecondaryLimit { until: 2023-11-14T22:14:20Z }";
        check(403, &[("retry-after", "60")], body, minute);
        check(429, &[("retry-after", "60"), ("x-ratelimit-remaining", "0")], body, minute);
        check(403, &[("x-ratelimit-remaining", "4000")], body, minute);
        check(429, &[], "", minute);
        check(
            403,
            &[],
            r#"{"message": "You have triggered an abuse detection mechanism."}"#,
            minute,
        );
    }

    #[test]
    fn a_missing_permission_is_named() {
        let body = r#"{"message": "Resource not accessible by integration"}"#;
        let accepted = [("x-accepted-github-permissions", "pull_requests=write")];
        check(
            403,
            &accepted,
            body,
            "Forbidden { reason: \"Resource not accessible by integration\", remedy: \"the token needs one of these permissions: pull_requests=write\" }",
        );
        check(
            403,
            &[],
            body,
            "Forbidden { reason: \"Resource not accessible by integration\", remedy: \"the token needs these permissions: contents=write",
        );
        let body =
            r#"{"message": "GitHub Actions is not permitted to create or approve pull requests."}"#;
        check(
            403,
            &accepted,
            body,
            "Forbidden { reason: \"GitHub Actions is not permitted to create or approve pull requests.\", remedy: \"allow it in",
        );
        check(
            401,
            &[],
            r#"{"message": "Bad credentials"}"#,
            "Forbidden { reason: \"Bad credentials\", remedy: \"set GITHUB_TOKEN",
        );
        check(404, &[], r#"{"message": "Not Found"}"#, "NotFound { what: \"repos/joe/x/pulls\" }");
        check(307, &[], "", "NotFound { what: \"repos/joe/x/pulls any more: it was moved\" }");
    }

    #[test]
    fn every_reason_of_a_failed_validation_is_told() {
        let body = r#"{"message": "Validation Failed", "errors": [
            {"resource": "PullRequest", "code": "custom", "message": "No commits between main and batch/x"},
            {"resource": "PullRequest", "field": "base", "code": "invalid"}, "plain \u001b[31mtext"]}"#;
        check(
            422,
            &[],
            body,
            "Invalid { messages: [\"Validation Failed\", \"No commits between main and batch/x\", \"PullRequest base invalid\", \"plain text\"] }",
        );
        let exists = r#"{"message": "Validation Failed", "errors": [{"resource": "Label", "code": "already_exists", "field": "name"}]}"#;
        assert!(has_code(exists.as_bytes(), "already_exists"));
        assert!(!has_code(body.as_bytes(), "already_exists") && !has_code(b"<html>", "x"));
    }

    #[test]
    fn a_server_in_trouble_is_not_the_callers_fault() {
        check(502, &[], "<html>Unicorn!</html>", "Unreachable { reason: \"it answered 502\" }");
        check(418, &[], "", "Unexpected");
    }
}
