//! Downloads within the quotas. Every download is checked.

use std::{fs, io, path::Path};

use batch_core::{
    io::{Http, HttpError, Request, archive, json},
    model::{Access, Artifact},
};
use serde::Deserialize;

use super::StepError;

/// Maximal size of an artifact in bytes. No command-line tool is larger.
const LONGEST: usize = 1 << 30;

/// The answer of an address that issues tokens.
#[derive(Deserialize)]
struct Token {
    token: String,
}

/// Downloads `artifact` to `to` and checks its digest.
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

/// Copies the file; the bytes are shared where the file system supports it. A second name for the
/// cached file would allow a job that may write its work folder to change it.
fn keep(file: &Path, to: &Path) -> io::Result<()> {
    fs::copy(file, to).map(|_| ())
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};

    use super::*;

    #[test]
    fn a_job_that_changes_its_file_leaves_the_cached_one_as_it_was() {
        let mut cached = tempfile::NamedTempFile::new().unwrap();
        cached.write_all(b"what the registry gave").unwrap();
        let dir = tempfile::tempdir().unwrap();
        let work = dir.path().join("work");
        keep(cached.path(), &work).unwrap();
        let mut file = fs::OpenOptions::new().append(true).open(&work).unwrap();
        file.write_all(b", and something evil").unwrap();
        let mut text = String::new();
        cached.reopen().unwrap().read_to_string(&mut text).unwrap();
        assert_eq!(text, "what the registry gave");
    }
}
