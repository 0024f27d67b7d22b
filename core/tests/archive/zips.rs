//! Zip files that stay where they are.

use std::io::{Cursor, Write as _};

use batch_core::io::{
    Request,
    archive::{RemoteError, RemoteZip, ZipEntry},
};
use zip::{CompressionMethod, ZipWriter, write::SimpleFileOptions};

use crate::served::{Served, Way, request, run};

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
        assert!(!zip.was_read_whole());
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
        assert!(zip.was_read_whole());
        assert_eq!(zip.read(named(&zip, "a"), 1).await?, b"x");
        assert_eq!(zip.read(named(&zip, "filler"), 6 << 20).await?, filler);
        Ok::<_, RemoteError>(())
    })
    .unwrap();
    let small = Request { max_bytes: 1 << 20, ..request() };
    let error = run(RemoteZip::open(&served, small)).err().unwrap();
    assert!(matches!(error, RemoteError::Http(_)), "{error}");
}
