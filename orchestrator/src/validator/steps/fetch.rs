//! Downloads, within the quotas and never unchecked.

use std::{fs, io, path::Path};

use batch_core::{
    io::{Http, HttpError, Request, archive, json},
    model::{Access, Artifact},
};
use serde::Deserialize;

use super::StepError;

/// No artifact of a command-line tool is longer, in bytes.
const LONGEST: usize = 1 << 30;

/// What an address that hands out tokens answers.
#[derive(Deserialize)]
struct Token {
    token: String,
}

/// Downloads `artifact` to `to`, if its digest is the announced one.
pub(super) async fn fetch(
    http: &dyn Http,
    artifact: &Artifact,
    access: &Access,
    to: &Path,
) -> Result<(), StepError> {
    let Artifact { url, digest, .. } = artifact;
    if !is_sha256(digest) {
        return Err(StepError::Unchecked { url: url.clone(), digest: digest.clone() });
    }
    let broken = |source| StepError::Download { url: url.clone(), source: Box::new(source) };
    let mut request = Request::get(url, &[], &[]).map_err(broken)?;
    request.url.set_fragment(None);
    request.max_bytes = LONGEST;
    request.auth = match access {
        Access::Open => None,
        Access::TokenFrom(place) => Some(token(http, place).await?),
    };
    let file = http.fetch_to_cache(request).await.map_err(broken)?;
    let (url, digest, to) = (url.clone(), digest.clone(), to.to_owned());
    let kept = tokio::task::spawn_blocking(move || {
        archive::verify_digest(&file, &digest)
            .map_err(|error| StepError::Digest { url, reason: error.to_string() })?;
        keep(&file, &to).map_err(|source| StepError::Disk { path: to, source })
    });
    kept.await.unwrap_or_else(|panic| Err(StepError::Archive(panic.to_string())))
}

fn is_sha256(digest: &str) -> bool {
    digest
        .strip_prefix("sha256-")
        .is_some_and(|hex| hex.len() == 64 && hex.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

async fn token(http: &dyn Http, place: &str) -> Result<String, StepError> {
    let url = place.to_owned();
    let broken =
        |source: HttpError| StepError::Download { url: url.clone(), source: Box::new(source) };
    let request = Request::get(place, &[], &[]).map_err(broken)?;
    let answer: Option<Token> = json(http, request).await.map_err(broken)?;
    answer.map(|answer| answer.token).ok_or(StepError::NoToken { url })
}

/// A copy, which shares its bytes where the file system can. A second name would let a job that may
/// write its work folder change the cached file.
fn keep(file: &Path, to: &Path) -> io::Result<()> {
    fs::copy(file, to).map(|_| ())
}
