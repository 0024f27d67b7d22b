//! Zip files that are read at the server, without a download.

use std::io::{Cursor, Write as _};

use batch_core::{
    io::{
        Request,
        archive::{RemoteError, RemoteZip, ZipEntry},
    },
    model::FailureKind,
};
use zip::{CompressionMethod, ZipWriter, write::SimpleFileOptions};

use crate::served::{ServingMode, TestServer, request, run, sha256};

/// A zip of these members without compression, so that sizes are easy to see.
fn stored(members: &[(&str, &[u8])]) -> Vec<u8> {
    packed(members, CompressionMethod::Stored)
}

fn packed(members: &[(&str, &[u8])], method: CompressionMethod) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(vec![]));
    let options = SimpleFileOptions::default().compression_method(method);
    for (name, content) in members {
        zip.start_file(*name, options).unwrap();
        zip.write_all(content).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

fn large() -> Request {
    Request { max_bytes: 64 << 20, ..request() }
}

fn named<'a>(zip: &'a RemoteZip<'_>, path: &str) -> &'a ZipEntry {
    zip.entries().iter().find(|entry| entry.path == path).unwrap()
}

#[test]
fn one_member_of_a_large_archive_needs_few_requests() {
    let filler = vec![7; 5 << 20];
    let members: &[(&str, &[u8])] =
        &[("a/first.txt", b"first"), ("filler", &filler), ("a/last.txt", b"last")];
    let served = TestServer::new(stored(members), ServingMode::Ranges);
    let content = run(async {
        let zip = RemoteZip::open(&served, request()).await?.unwrap();
        assert!(!zip.has_digest(&sha256(&served.bytes))?);
        assert_eq!(zip.total_bytes(), served.bytes.len() as u64);
        let paths: Vec<_> = zip.entries().iter().map(|entry| entry.path.as_str()).collect();
        assert_eq!(paths, ["a/first.txt", "filler", "a/last.txt"]);
        assert_eq!(zip.read(named(&zip, "a/first.txt"), 100).await?, b"first");
        zip.read(named(&zip, "a/last.txt"), 100).await
    });
    assert_eq!(content.unwrap(), b"last");
    assert_eq!(served.asked().len(), 2, "{:?}", served.asked());
}

#[test]
fn without_range_requests_the_whole_file_is_downloaded_within_the_limit() {
    let filler = vec![7; 5 << 20];
    let served = TestServer::new(stored(&[("a", b"x"), ("filler", &filler)]), ServingMode::Whole);
    run(async {
        let zip = RemoteZip::open(&served, large()).await?.unwrap();
        assert!(zip.has_digest(&sha256(&served.bytes))?);
        let error = zip.has_digest(&sha256(b"another file")).unwrap_err();
        assert_eq!(error.finding().kind, FailureKind::ArchiveExtractionFailed);
        assert!(!zip.has_digest("")?, "nothing to compare with");
        assert_eq!(zip.read(named(&zip, "a"), 1).await?, b"x");
        assert_eq!(zip.read(named(&zip, "filler"), 6 << 20).await?, filler);
        Ok::<_, RemoteError>(())
    })
    .unwrap();
    let small = Request { max_bytes: 1 << 20, ..request() };
    let error = run(RemoteZip::open(&served, small)).err().unwrap();
    assert!(matches!(error, RemoteError::Http(_)), "{error}");
}

/// Writes a little-endian number of `n_bytes` at `at`.
fn put(bytes: &mut [u8], at: usize, value: u64, n_bytes: usize) {
    bytes[at..at + n_bytes].copy_from_slice(&value.to_le_bytes()[..n_bytes]);
}

/// The offsets of the first local header, the first central header, and the end record.
fn record_offsets(bytes: &[u8]) -> [usize; 3] {
    [*b"PK\x03\x04", *b"PK\x01\x02", *b"PK\x05\x06"]
        .map(|magic| bytes.windows(4).position(|window| window == magic).unwrap())
}

/// The result of opening it and reading each member.
fn outcome(bytes: Vec<u8>, way: ServingMode) -> Result<Vec<Vec<u8>>, RemoteError> {
    let served = TestServer::new(bytes, way);
    run(async {
        let zip = RemoteZip::open(&served, large()).await?.unwrap();
        let mut contents = vec![];
        for entry in zip.entries() {
            contents.push(zip.read(entry, 1 << 20).await?);
        }
        Ok(contents)
    })
}

#[track_caller]
fn refuse(bytes: &[u8], expected: &str) {
    for way in [ServingMode::Ranges, ServingMode::Whole] {
        let error = outcome(bytes.to_vec(), way).unwrap_err();
        assert!(error.to_string().contains(expected), "{error}, not {expected}");
        assert_eq!(error.finding().kind, FailureKind::ArchiveExtractionFailed, "{error}");
    }
}

#[test]
fn packed_members_are_unpacked() {
    let text = b"abc".repeat(5000);
    let zip = packed(&[("a", &text), ("b/", b""), ("c", b"")], CompressionMethod::Deflated);
    let expected = [text, vec![], vec![]];
    assert_eq!(outcome(zip.clone(), ServingMode::Ranges).unwrap(), expected);
    assert_eq!(outcome(zip, ServingMode::Whole).unwrap(), expected);
}

#[test]
fn names_outside_of_the_archive_are_refused() {
    for name in ["../x", "/x", "a/../../x", "a\\..\\..\\x"] {
        refuse(&renamed(name.as_bytes()), "the unsafe path");
    }
    refuse(&renamed(b"a\0b"), "the unsafe path");
    refuse(&renamed(b"\xff\xfe"), "the unsafe path");
}

/// An archive of one file with this name, which may be any bytes.
fn renamed(name: &[u8]) -> Vec<u8> {
    let placeholder = "p".repeat(name.len());
    let mut bytes = stored(&[(&placeholder, b"x")]);
    let [local, central, _] = record_offsets(&bytes);
    bytes[local + 30..][..name.len()].copy_from_slice(name);
    bytes[central + 46..][..name.len()].copy_from_slice(name);
    bytes
}

#[test]
fn two_members_of_one_name_are_refused() {
    let mut bytes = stored(&[("a", b"1"), ("b", b"2")]);
    let central = record_offsets(&bytes)[1];
    let second = central + 47;
    assert_eq!(&bytes[second..second + 4], b"PK\x01\x02");
    bytes[second + 46] = b'a';
    refuse(&bytes, "\"a\" twice");
}

#[test]
fn wrong_sizes_and_checksums_are_found() {
    let text = b"abc".repeat(5000);
    let honest = packed(&[("a", &text)], CompressionMethod::Deflated);
    let [_, central, _] = record_offsets(&honest);
    let lying = |at: usize, value| {
        let mut bytes = honest.clone();
        put(&mut bytes, central + at, value, 4);
        bytes
    };
    for (what, bytes) in [
        ("sum", lying(16, 1)),
        ("packed size too small", lying(20, 3)),
        ("unpacked size too small", lying(24, 10)),
        ("unpacked size too large", lying(24, 20_000)),
    ] {
        let error = outcome(bytes, ServingMode::Ranges).unwrap_err();
        assert_eq!(error.finding().kind, FailureKind::ArchiveExtractionFailed, "{what}: {error}");
    }
    // An offset behind the end of the file.
    outcome(lying(20, 0xffff_fff0), ServingMode::Ranges).unwrap();
    outcome(lying(42, 0x7fff_ffff), ServingMode::Ranges).unwrap_err();
}

#[test]
fn a_bomb_is_refused_by_its_stated_and_by_its_real_size() {
    let zeros = vec![0; 10 << 20];
    let bomb = packed(&[("a", &zeros)], CompressionMethod::Deflated);
    refuse(&bomb, "larger than 1048576 bytes");
    let mut lying = bomb;
    let central = record_offsets(&lying)[1];
    put(&mut lying, central + 24, 100, 4);
    let error = outcome(lying, ServingMode::Ranges).unwrap_err();
    assert_eq!(error.finding().kind, FailureKind::ArchiveExtractionFailed, "{error}");
}

#[test]
fn another_number_of_members_than_there_are_is_refused() {
    let mut bytes = stored(&[("a", b"1")]);
    let end = record_offsets(&bytes)[2];
    put(&mut bytes, end + 8, 60_000, 2);
    put(&mut bytes, end + 10, 60_000, 2);
    refuse(&bytes, "it has 1 entries and says 60000");
}

#[test]
fn other_files_than_zips_are_refused() {
    let long = [vec![0; 100_000], b"P".repeat(200_000)];
    for bytes in [&b"x"[..], b"PK", b"<html>", &long[0], &long[1]] {
        let error = outcome(bytes.to_vec(), ServingMode::Ranges).unwrap_err();
        assert_eq!(error.finding().kind, FailureKind::ArchiveExtractionFailed, "{error}");
    }
    let whole = stored(&[("a", &vec![1; 100_000])]);
    for cut in [1, 30, 200, 50_000, whole.len() - 1] {
        let error = outcome(whole[..cut].to_vec(), ServingMode::Ranges).unwrap_err();
        assert_eq!(error.finding().kind, FailureKind::ArchiveExtractionFailed, "{cut}: {error}");
    }
}

#[test]
fn an_empty_file_is_no_archive_yet() {
    for way in [ServingMode::Ranges, ServingMode::Whole, ServingMode::Refusing(416)] {
        assert!(run(RemoteZip::open(&TestServer::new([], way), request())).unwrap().is_none());
    }
}

#[test]
fn encryption_is_refused_by_name() {
    let mut bytes = stored(&[("a", b"1")]);
    let [local, central, _] = record_offsets(&bytes);
    put(&mut bytes, local + 6, 1, 2);
    put(&mut bytes, central + 8, 1, 2);
    refuse(&bytes, "encryption");
}

#[test]
fn a_missing_file_is_not_an_error_and_a_refusal_blames_the_host() {
    for status in [404, 410, 451] {
        let served = TestServer::new([], ServingMode::Refusing(status));
        assert!(run(RemoteZip::open(&served, request())).unwrap().is_none(), "{status}");
    }
    let served = TestServer::new([], ServingMode::Refusing(503));
    let finding = run(RemoteZip::open(&served, request())).err().unwrap().finding();
    assert_eq!(finding.kind, FailureKind::UpstreamUnavailable);
    assert_eq!(finding.service.as_deref(), Some("a.example"));
}

#[test]
fn parts_of_different_versions_are_not_combined() {
    let zip = stored(&[("filler", &vec![7; 300_000]), ("a", b"x")]);
    for (way, kind) in [
        (ServingMode::Changing, FailureKind::UpstreamUnavailable),
        (ServingMode::Elsewhere, FailureKind::UpstreamUnavailable),
        (ServingMode::Nameless, FailureKind::UnexpectedResponse),
    ] {
        let finding = outcome(zip.clone(), way).unwrap_err().finding();
        assert_eq!(finding.kind, kind);
        assert_eq!(finding.service.as_deref(), Some("a.example"), "it is not the package's fault");
    }
}

#[test]
fn the_beginning_of_a_member_is_read_without_the_rest() {
    let text = b"package main\n".repeat(100_000);
    let served =
        TestServer::new(stored(&[("a.go", &text), ("b.go", b"short")]), ServingMode::Ranges);
    run(async {
        let zip = RemoteZip::open(&served, request()).await?.unwrap();
        let n_asked = served.asked().len();
        assert_eq!(zip.read_beginning(named(&zip, "a.go"), 12).await?, b"package main");
        assert_eq!(zip.read_beginning(named(&zip, "b.go"), 12).await?, b"short");
        assert_eq!(served.asked().len(), n_asked, "both lie in parts that are here");
        Ok::<_, RemoteError>(())
    })
    .unwrap();
}

#[test]
fn a_directory_of_many_members_is_fetched_in_growing_parts() {
    let names: Vec<String> = (0..20_000).map(|n| format!("some/folder/member-{n:06}")).collect();
    let members: Vec<(&str, &[u8])> = names.iter().map(|name| (name.as_str(), &b""[..])).collect();
    let served = TestServer::new(stored(&members), ServingMode::Ranges);
    let n_entries =
        run(async { RemoteZip::open(&served, request()).await.unwrap().unwrap().entries().len() });
    assert_eq!(n_entries, 20_000);
    assert!(served.asked().len() < 10, "{:?}", served.asked());
}
