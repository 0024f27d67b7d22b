//! Zip files that stay where they are.

use std::io::{Cursor, Write as _};

use batch_core::{
    io::{
        Request,
        archive::{RemoteError, RemoteZip, ZipEntry},
    },
    model::FailureKind,
};
use zip::{CompressionMethod, ZipWriter, write::SimpleFileOptions};

use crate::served::{Served, Way, request, run, sha256};

/// A zip of these members, not packed, so that sizes are what they look like.
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
fn a_member_of_a_large_archive_costs_few_requests() {
    let filler = vec![7; 5 << 20];
    let members: &[(&str, &[u8])] =
        &[("a/first.txt", b"first"), ("filler", &filler), ("a/last.txt", b"last")];
    let served = Served::new(stored(members), Way::Ranges);
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
fn a_server_that_knows_no_parts_is_asked_for_all_within_the_limit() {
    let filler = vec![7; 5 << 20];
    let served = Served::new(stored(&[("a", b"x"), ("filler", &filler)]), Way::Whole);
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

/// Little-endian number of `n_bytes` at `at`.
fn put(bytes: &mut [u8], at: usize, value: u64, n_bytes: usize) {
    bytes[at..at + n_bytes].copy_from_slice(&value.to_le_bytes()[..n_bytes]);
}

/// Where the first (local header, central header, end) begins.
fn landmarks(bytes: &[u8]) -> [usize; 3] {
    [*b"PK\x03\x04", *b"PK\x01\x02", *b"PK\x05\x06"]
        .map(|magic| bytes.windows(4).position(|window| window == magic).unwrap())
}

/// What becomes of opening it and reading each member.
fn outcome(bytes: Vec<u8>, way: Way) -> Result<Vec<Vec<u8>>, RemoteError> {
    let served = Served::new(bytes, way);
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
    for way in [Way::Ranges, Way::Whole] {
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
    assert_eq!(outcome(zip.clone(), Way::Ranges).unwrap(), expected);
    assert_eq!(outcome(zip, Way::Whole).unwrap(), expected);
}

#[test]
fn names_that_lead_out_are_refused() {
    for name in ["../x", "/x", "a/../../x", "a\\..\\..\\x"] {
        refuse(&renamed(name.as_bytes()), "not safe to use");
    }
    refuse(&renamed(b"a\0b"), "not safe to use");
    refuse(&renamed(b"\xff\xfe"), "not safe to use");
}

/// An archive of one file that is called so, whatever that is.
fn renamed(name: &[u8]) -> Vec<u8> {
    let placeholder = "p".repeat(name.len());
    let mut bytes = stored(&[(&placeholder, b"x")]);
    let [local, central, _] = landmarks(&bytes);
    bytes[local + 30..][..name.len()].copy_from_slice(name);
    bytes[central + 46..][..name.len()].copy_from_slice(name);
    bytes
}

#[test]
fn two_members_of_one_name_are_refused() {
    let mut bytes = stored(&[("a", b"1"), ("b", b"2")]);
    let central = landmarks(&bytes)[1];
    let second = central + 47;
    assert_eq!(&bytes[second..second + 4], b"PK\x01\x02");
    bytes[second + 46] = b'a';
    refuse(&bytes, "\"a\" twice");
}

#[test]
fn sizes_and_sums_that_lie_are_found() {
    let text = b"abc".repeat(5000);
    let honest = packed(&[("a", &text)], CompressionMethod::Deflated);
    let [_, central, _] = landmarks(&honest);
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
        let error = outcome(bytes, Way::Ranges).unwrap_err();
        assert_eq!(error.finding().kind, FailureKind::ArchiveExtractionFailed, "{what}: {error}");
    }
    // Beyond the end of the file.
    outcome(lying(20, 0xffff_fff0), Way::Ranges).unwrap();
    outcome(lying(42, 0x7fff_ffff), Way::Ranges).unwrap_err();
}

#[test]
fn a_bomb_is_refused_by_what_it_says_and_by_what_it_does() {
    let zeros = vec![0; 10 << 20];
    let bomb = packed(&[("a", &zeros)], CompressionMethod::Deflated);
    refuse(&bomb, "more than 1048576 bytes");
    let mut lying = bomb;
    let central = landmarks(&lying)[1];
    put(&mut lying, central + 24, 100, 4);
    let error = outcome(lying, Way::Ranges).unwrap_err();
    assert_eq!(error.finding().kind, FailureKind::ArchiveExtractionFailed, "{error}");
}

#[test]
fn more_members_than_anyone_needs_are_refused_before_they_are_read() {
    let mut bytes = stored(&[("a", b"1")]);
    let end = landmarks(&bytes)[2];
    put(&mut bytes, end + 8, 60_000, 2);
    put(&mut bytes, end + 10, 60_000, 2);
    refuse(&bytes, "more entries than its size");
}

#[test]
fn what_is_no_zip_is_refused() {
    let long = [vec![0; 100_000], b"P".repeat(200_000)];
    for bytes in [&b"x"[..], b"PK", b"<html>", &long[0], &long[1]] {
        let error = outcome(bytes.to_vec(), Way::Ranges).unwrap_err();
        assert_eq!(error.finding().kind, FailureKind::ArchiveExtractionFailed, "{error}");
    }
    let whole = stored(&[("a", &vec![1; 100_000])]);
    for cut in [1, 30, 200, 50_000, whole.len() - 1] {
        let error = outcome(whole[..cut].to_vec(), Way::Ranges).unwrap_err();
        assert_eq!(error.finding().kind, FailureKind::ArchiveExtractionFailed, "{cut}: {error}");
    }
}

#[test]
fn an_empty_file_is_no_archive_yet() {
    for way in [Way::Ranges, Way::Whole, Way::Refusing(416)] {
        assert!(run(RemoteZip::open(&Served::new([], way), request())).unwrap().is_none());
    }
}

#[test]
fn encryption_is_refused_by_name() {
    let mut bytes = stored(&[("a", b"1")]);
    let [local, central, _] = landmarks(&bytes);
    put(&mut bytes, local + 6, 1, 2);
    put(&mut bytes, central + 8, 1, 2);
    refuse(&bytes, "encryption");
}

#[test]
fn absence_is_no_error_and_a_refusal_is_the_hosts() {
    for status in [404, 410, 451] {
        let served = Served::new([], Way::Refusing(status));
        assert!(run(RemoteZip::open(&served, request())).unwrap().is_none(), "{status}");
    }
    let served = Served::new([], Way::Refusing(503));
    let finding = run(RemoteZip::open(&served, request())).err().unwrap().finding();
    assert_eq!(finding.kind, FailureKind::UpstreamUnavailable);
    assert_eq!(finding.service.as_deref(), Some("a.example"));
}

#[test]
fn parts_that_do_not_belong_together_are_not_put_together() {
    let zip = stored(&[("filler", &vec![7; 300_000]), ("a", b"x")]);
    for (way, kind) in [
        (Way::Changing, FailureKind::UpstreamUnavailable),
        (Way::Elsewhere, FailureKind::UpstreamUnavailable),
        (Way::Nameless, FailureKind::UnexpectedResponse),
    ] {
        let finding = outcome(zip.clone(), way).unwrap_err().finding();
        assert_eq!(finding.kind, kind);
        assert_eq!(finding.service.as_deref(), Some("a.example"), "it is not the package's fault");
    }
}

#[test]
fn the_beginning_of_a_member_is_read_without_the_rest() {
    let text = b"package main\n".repeat(100_000);
    let served = Served::new(stored(&[("a.go", &text), ("b.go", b"short")]), Way::Ranges);
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
    let served = Served::new(stored(&members), Way::Ranges);
    let n_entries =
        run(async { RemoteZip::open(&served, request()).await.unwrap().unwrap().entries().len() });
    assert_eq!(n_entries, 20_000);
    assert!(served.asked().len() < 10, "{:?}", served.asked());
}
