//! Checks whether a file is the one that its registry describes.

use std::{
    fs::File,
    io::{self, Read},
    path::Path,
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use sha2::{Sha256, Sha512, digest::Output};

use crate::io::archive::{DigestError, error::one_line};

/// Compares the file with a digest of a registry: `sha256-` or `sha512-` before hexadecimal or
/// base64 digits (also with `:` in place of `-`), or hexadecimal digits alone, whose number tells
/// the algorithm.
///
/// A list of digests, which subresource integrity allows, is refused, because it would need a
/// choice.
pub fn verify_digest(file: &Path, expected: &str) -> Result<(), DigestError> {
    let file = File::open(file).map_err(|source| DigestError::Read { source })?;
    compare(file, expected)
}

/// The same for the bytes of `content`.
pub(crate) fn compare(content: impl Read, expected: &str) -> Result<(), DigestError> {
    let Some(digest) = Expected::parse(expected) else {
        return Err(DigestError::NotDigest { text: one_line(expected) });
    };
    let actual = digest.algorithm.of(content).map_err(|source| DigestError::Read { source })?;
    if actual == digest.bytes {
        return Ok(());
    }
    let actual = format!("{}-{}", digest.algorithm.name(), hex::encode(&actual));
    Err(DigestError::Mismatch { expected: one_line(expected), actual })
}

struct Expected {
    algorithm: Algorithm,
    bytes: Vec<u8>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Algorithm {
    Sha256,
    Sha512,
}

impl Expected {
    fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let named = [Algorithm::Sha256, Algorithm::Sha512].into_iter().find_map(|algorithm| {
            let rest = text.strip_prefix(algorithm.name())?;
            Some((algorithm, rest.strip_prefix(['-', ':'])?))
        });
        let (algorithm, digest) = match named {
            Some(named) => named,
            None if text.len() == 128 => (Algorithm::Sha512, text),
            None => (Algorithm::Sha256, text),
        };
        let from_hex =
            || hex::decode(digest).ok().filter(|bytes| bytes.len() == algorithm.n_bytes());
        let from_base64 = || named.and(BASE64_STANDARD.decode(digest).ok());
        let bytes = from_hex().or_else(from_base64)?;
        (bytes.len() == algorithm.n_bytes()).then_some(Self { algorithm, bytes })
    }
}

impl Algorithm {
    const fn name(self) -> &'static str {
        match self {
            Self::Sha256 => "sha256",
            Self::Sha512 => "sha512",
        }
    }

    const fn n_bytes(self) -> usize {
        match self {
            Self::Sha256 => 32,
            Self::Sha512 => 64,
        }
    }

    fn of(self, content: impl Read) -> io::Result<Vec<u8>> {
        Ok(match self {
            Self::Sha256 => digest_of::<Sha256>(content)?.to_vec(),
            Self::Sha512 => digest_of::<Sha512>(content)?.to_vec(),
        })
    }
}

fn digest_of<D: sha2::Digest>(mut content: impl Read) -> io::Result<Output<D>> {
    let mut digest = D::new();
    let mut buffer = vec![0; 64 << 10];
    loop {
        match content.read(&mut buffer)? {
            0 => return Ok(digest.finalize()),
            n => digest.update(&buffer[..n]),
        }
    }
}
