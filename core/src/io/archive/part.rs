//! Requests for a part of a file, and their answers.

use crate::io::{HttpError, Request, Response, archive::RemoteError, page};

/// The answer to a request for a part.
pub(super) struct Received {
    pub(super) start: u64,
    pub(super) total: u64,
    pub(super) is_whole: bool,
    pub(super) etag: Option<String>,
    pub(super) body: Vec<u8>,
}

impl Received {
    pub(super) fn of(response: Response) -> Result<Self, RemoteError> {
        let Response { url, status, headers, body } = response;
        let etag = headers.get("etag").cloned();
        let n_bytes = body.len() as u64;
        if status == 200 {
            return Ok(Self { start: 0, total: n_bytes, is_whole: true, etag, body });
        }
        if status != 206 {
            return Err(page::refusal(url, status, &headers, &body).into());
        }
        let range = headers.get("content-range").and_then(|text| content_range(text));
        match range {
            Some((start, end, total)) if end - start + 1 == n_bytes && end < total => {
                Ok(Self { start, total, is_whole: n_bytes == total, etag, body })
            }
            Some(_) => Err(HttpError::Truncated { url }.into()),
            None => {
                let reason = "a part that does not say which".to_owned();
                Err(HttpError::Malformed { url, reason }.into())
            }
        }
    }
}

/// The first byte, the last byte, and the total length in `bytes 0-99/1234`.
fn content_range(text: &str) -> Option<(u64, u64, u64)> {
    let (range, total) = text.trim().strip_prefix("bytes ")?.split_once('/')?;
    let (start, end) = range.split_once('-')?;
    let (start, end) = (start.trim().parse().ok()?, end.trim().parse().ok()?);
    (start <= end).then_some((start, end, total.trim().parse().ok()?))
}

/// `request` for `n_bytes` from `start` on, and at least one byte.
pub(super) fn part(request: &Request, start: u64, n_bytes: u64) -> Request {
    let range = Some(start..=start + n_bytes - 1);
    let max_bytes = usize::try_from(n_bytes).unwrap_or(usize::MAX);
    Request { range, max_bytes, ..request.clone() }
}
