//! Whether a file has the digest that its registry states.

use std::io::Write as _;

use batch_core::{
    io::archive::{DigestError, verify_digest},
    model::FailureKind,
};
use tempfile::NamedTempFile;

/// The digest of `hello`.
const SHA256: &str = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";
const SHA256_BASE64: &str = "LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=";
const SHA512: &str = "9b71d224bd62f3785d96d46ad3ea3d73319bfbc2890caadae2dff72519673ca72323c3d99ba5c11d7c7acc6e14b8c5da0c4663475c2e5c3adef46f73bcdec043";
const SHA512_BASE64: &str =
    "m3HSJL1i83hdltRq0+o9czGb+8KJDKra4t/3JRlnPKcjI8PZm6XBHXx6zG4UuMXaDEZjR1wuXDre9G9zvN7AQw==";

fn hello() -> NamedTempFile {
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(b"hello").unwrap();
    file
}

#[test]
fn every_way_to_write_a_digest_is_read() {
    for expected in [
        SHA256.to_owned(),
        SHA256.to_uppercase(),
        format!(" {SHA256}\n"),
        format!("sha256-{SHA256}"),
        format!("sha256:{SHA256}"),
        format!("sha256-{SHA256_BASE64}"),
        SHA512.to_owned(),
        format!("sha512-{SHA512}"),
        format!("sha512-{SHA512_BASE64}"),
    ] {
        verify_digest(hello().path(), &expected).unwrap();
    }
}

#[test]
fn a_different_file_is_distinguished_from_a_missing_digest() {
    for (expected, is_digest) in [
        (SHA256.replace('2', "3"), true),
        (format!("sha512-{}", SHA512_BASE64.replace('m', "n")), true),
        (String::new(), false),
        ("sha256-".to_owned(), false),
        (SHA256[..62].to_owned(), false),
        (format!("sha512-{SHA256}"), false),
        (format!("sha1-{SHA256}"), false),
        ("md5-XUFAKrxLKna5cZ2REBfFkg==".to_owned(), false),
        (format!("sha256-{SHA256_BASE64} sha512-{SHA512_BASE64}"), false),
        ("é".repeat(32), false),
        ("\u{1b}[2J".to_owned(), false),
    ] {
        let error = verify_digest(hello().path(), &expected).unwrap_err();
        assert_eq!(matches!(error, DigestError::Mismatch { .. }), is_digest, "{expected}: {error}");
        let kind = if is_digest {
            FailureKind::ArchiveExtractionFailed
        } else {
            FailureKind::UnexpectedResponse
        };
        assert_eq!(error.finding().kind, kind);
        assert!(!error.to_string().contains(char::is_control), "{error:?}");
    }
}

#[test]
fn a_missing_local_file_is_a_fault_of_the_machine() {
    let error = verify_digest("/nowhere/at/all".as_ref(), SHA256).unwrap_err();
    assert_eq!(error.finding().kind, FailureKind::DiskFull);
}
