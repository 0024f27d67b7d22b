//! Recognises pages for people where data was expected.

use url::Url;

use crate::io::{Headers, HttpError, Request};

/// Texts of pages that block robots or limit requests, in lower case.
const LIMIT_PATTERNS: [&str; 5] =
    ["rate limit", "rate-limit", "too many requests", "attention required", "just a moment"];

/// The number of one content network for "you are being rate limited", as a separate word.
const LIMIT_NUMBER: &str = "1015";

/// How many bytes are enough to recognise a page.
const HEAD_BYTES: usize = 16 << 10;

/// The error for a page of HTML where data was expected; `None` when the answer may be correct.
pub(crate) fn instead_of_data(
    request: &Request,
    headers: &Headers,
    body: &[u8],
) -> Option<HttpError> {
    let accepts = |form| request.accept.is_some_and(|accept| accept.contains(form));
    let says_html = content_type(headers).contains("html");
    if accepts("html") || !(says_html || accepts("json")) || !starts_with_tag(body) {
        return None;
    }
    let url = request.url.clone();
    let asks_for_fewer = asks_for_fewer(body);
    Some(if asks_for_fewer {
        HttpError::Throttled { url, status: 200, is_page: true }
    } else {
        HttpError::Html { url }
    })
}

/// The error for a status outside 200..300.
pub(crate) fn refusal(url: Url, status: u16, headers: &Headers, body: &[u8]) -> HttpError {
    if is_throttled(status, headers) || status == 403 && asks_for_fewer(body) {
        let is_page = is_page(headers, body);
        return HttpError::Throttled { url, status, is_page };
    }
    if status == 403 && is_page(headers, body) {
        return HttpError::Forbidden { url };
    }
    HttpError::Status { url, status }
}

/// Whether `body` is HTML, and not only data with tags.
fn is_page(headers: &Headers, body: &[u8]) -> bool {
    let head = body.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(body).trim_ascii_start();
    let begins = |tag: &[u8]| head.get(..tag.len()).is_some_and(|it| it.eq_ignore_ascii_case(tag));
    let says_html = content_type(headers).contains("html");
    begins(b"<!doctype html") || begins(b"<html") || says_html && begins(b"<")
}

/// Whether a status asks for fewer requests. A 403 does if it says how long to wait.
pub(crate) fn is_throttled(status: u16, headers: &Headers) -> bool {
    status == 429 || status == 403 && headers.contains_key("retry-after")
}

/// The media type in lower case; empty when it is absent.
pub(crate) fn content_type(headers: &Headers) -> String {
    headers.get("content-type").map(|text| text.to_ascii_lowercase()).unwrap_or_default()
}

fn starts_with_tag(body: &[u8]) -> bool {
    let body = body.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(body);
    body.trim_ascii_start().starts_with(b"<")
}

fn asks_for_fewer(body: &[u8]) -> bool {
    let head = &body[..body.len().min(HEAD_BYTES)];
    let text = String::from_utf8_lossy(head).to_ascii_lowercase();
    LIMIT_PATTERNS.iter().any(|sign| text.contains(sign))
        || text.split(|c: char| !c.is_alphanumeric()).any(|word| word == LIMIT_NUMBER)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(content_type: &str) -> Headers {
        Headers::from([("content-type".to_owned(), content_type.to_owned())])
    }

    /// `None` means data; otherwise the name of the variant.
    #[track_caller]
    fn check(accept: Option<&'static str>, content_type: &str, body: &str, expected: &str) {
        let request = Request { accept, ..Request::get("https://a.example/", &[], &[]).unwrap() };
        let error = instead_of_data(&request, &headers(content_type), body.as_bytes());
        let name = match error {
            None => "data",
            Some(HttpError::Html { .. }) => "html",
            Some(HttpError::Throttled { .. }) => "throttled",
            Some(other) => panic!("{other}"),
        };
        assert_eq!(name, expected, "{accept:?} {content_type} {body}");
    }

    #[test]
    fn an_html_page_is_not_data() {
        const JSON: Option<&str> = Some("application/json");
        check(JSON, "application/json", "{\"a\": \"<b>\"}", "data");
        check(JSON, "text/html; charset=utf-8", "{}", "data");
        check(JSON, "text/html", "<html>", "html");
        check(JSON, "", "\u{feff} \n<!doctype html>", "html");
        check(JSON, "text/html", "<title>Just a moment...</title>", "throttled");
        check(JSON, "text/html", "<h1>Error 1015</h1>", "throttled");
        check(JSON, "text/html", "<p>Too Many Requests</p>", "throttled");
        check(JSON, "text/html", "<p>10154 packages</p>", "html");
        check(None, "Text/HTML", "<html>", "html");
        check(None, "application/xml", "<feed/>", "data");
        check(Some("text/html"), "text/html", "<html>", "data");
    }

    #[test]
    fn a_refusal_distinguishes_a_rate_limit_from_denied_access() {
        let url: Url = "https://a.example/".parse().unwrap();
        let is_throttled = |status, headers: &Headers, body: &str| {
            let error = refusal(url.clone(), status, headers, body.as_bytes());
            matches!(error, HttpError::Throttled { .. })
        };
        let wait = Headers::from([("retry-after".to_owned(), "5".to_owned())]);
        assert!(is_throttled(429, &Headers::new(), ""));
        assert!(is_throttled(403, &wait, ""));
        assert!(is_throttled(403, &Headers::new(), "You exceeded a secondary rate limit"));
        assert!(!is_throttled(403, &Headers::new(), "Forbidden"));
        assert!(!is_throttled(500, &wait, "rate limit service is down"));
    }

    #[test]
    fn a_rate_limit_in_plain_text_is_not_called_a_page() {
        let url: Url = "https://a.example/".parse().unwrap();
        let told = |content_type: &str, body: &str| {
            refusal(url.clone(), 429, &headers(content_type), body.as_bytes()).to_string()
        };
        for (content_type, body) in
            [("text/plain", "slow down"), ("application/json", "{}"), ("", ""), ("text/html", "no")]
        {
            let told = told(content_type, body);
            assert!(told.contains("429") && !told.contains("page"), "{told}");
        }
        assert!(told("text/html", "<html>").contains("a page"));
    }

    #[test]
    fn an_html_refusal_is_distinguished_from_a_denial_by_a_store() {
        let is_page = |status, content_type: &str, body: &str| {
            let url = "https://a.example/".parse().unwrap();
            let error = refusal(url, status, &headers(content_type), body.as_bytes());
            matches!(error, HttpError::Forbidden { .. })
        };
        assert!(is_page(403, "", "\u{feff}\n<!DOCTYPE html><p>Forbidden</p>"));
        assert!(is_page(403, "", "<HTML>"));
        assert!(is_page(403, "text/html", "<h1>Forbidden</h1>"));
        assert!(!is_page(404, "text/html", "<html>"));
        assert!(!is_page(403, "application/xml", "<?xml version=\"1.0\"?><Error>"));
        assert!(!is_page(403, "text/html", "Forbidden"));
        assert!(!is_page(403, "", ""));
    }
}
