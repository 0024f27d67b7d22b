//! Plain tars that are read at the server, without a download.

use batch_core::io::archive::{ArchiveError, EntryKind, RemoteError, RemoteTar};
use tar::EntryType;

use crate::{
    served::{ServingMode, TestServer, request, run, sha256},
    tars::{claiming, file, member, tar},
};

#[test]
fn headers_are_read_without_the_content_between_them() {
    let filler = vec![7; 3 << 20];
    let members = [file("metadata.gz", b"meta"), file("data.tar.gz", &filler), file("sums", b"s")];
    let served = TestServer::new(tar(&members), ServingMode::Ranges);
    run(async {
        let tar = RemoteTar::open(&served, request()).await?.unwrap();
        let entries = tar.entries().await?;
        let paths: Vec<_> = entries.iter().map(|entry| entry.path.as_str()).collect();
        assert_eq!(paths, ["metadata.gz", "data.tar.gz", "sums"]);
        assert_eq!(tar.read(&entries[0], 10).await?, b"meta");
        assert_eq!(tar.read(&entries[2], 1).await?, b"s");
        assert!(!tar.has_digest(&sha256(&served.bytes))?);
        let error = tar.read(&entries[1], 1 << 20).await.unwrap_err();
        let is_too_large = matches!(error, RemoteError::Archive(ArchiveError::TooLarge { .. }));
        assert!(is_too_large, "{error}");
        Ok::<_, RemoteError>(())
    })
    .unwrap();
    assert_eq!(served.asked().len(), 2, "{:?}", served.asked());
}

#[test]
fn an_answer_with_the_whole_file_is_accepted_too() {
    let served = TestServer::new(tar(&[file("a", b"x"), file("b", &[1; 100])]), ServingMode::Whole);
    run(async {
        let tar = RemoteTar::open(&served, request()).await?.unwrap();
        let entries = tar.entries().await?;
        assert_eq!(tar.read(&entries[1], 100).await?, [1; 100]);
        assert!(tar.has_digest(&sha256(&served.bytes))?);
        Ok::<_, RemoteError>(())
    })
    .unwrap();
}

fn refused(bytes: Vec<u8>) -> RemoteError {
    let served = TestServer::new(bytes, ServingMode::Ranges);
    run(async {
        let tar = RemoteTar::open(&served, request()).await.unwrap().unwrap();
        tar.entries().await.unwrap_err()
    })
}

#[test]
fn the_same_hostile_archives_are_refused_remotely() {
    for (members, expected) in [
        (vec![file("../x", b"")], "the unsafe path"),
        (vec![file("a", b""), file("a", b"")], "\"a\" twice"),
        (vec![claiming(EntryType::Regular, b"a", 1 << 40, b"")], "is incomplete"),
        (vec![claiming(EntryType::GNULongName, b"a", 1 << 40, b"")], "is incomplete"),
        (vec![member(EntryType::GNUSparse, b"a", b"")], "sparse files"),
        (vec![], "it holds nothing"),
    ] {
        let error = refused(tar(&members));
        assert!(error.to_string().contains(expected), "{error}, not {expected}");
    }
    let cut = refused(file("a", &[0; 2000])[..1024].to_vec());
    assert!(matches!(cut, RemoteError::Archive(ArchiveError::Truncated)), "{cut}");
}

#[test]
fn an_archive_that_scatters_its_headers_costs_a_bounded_number_of_requests() {
    let filler = vec![7; 70 << 10];
    let members: Vec<_> = (0..1200).map(|n| file(&format!("f{n}"), &filler)).collect();
    let served = TestServer::new(tar(&members), ServingMode::Ranges);
    let error = run(async {
        let tar = RemoteTar::open(&served, request()).await.unwrap().unwrap();
        tar.entries().await.unwrap_err()
    });
    let is_too_large = matches!(error, RemoteError::Archive(ArchiveError::TooLarge { .. }));
    assert!(is_too_large, "{error}");
    assert!(served.asked().len() < 100, "{}", served.asked().len());
}

#[test]
fn links_are_named() {
    let served =
        TestServer::new(tar(&[member(EntryType::Symlink, b"l", b"")]), ServingMode::Ranges);
    let entries = run(async {
        RemoteTar::open(&served, request()).await.unwrap().unwrap().entries().await.unwrap()
    });
    assert_eq!(entries[0].kind, EntryKind::Symlink("../../etc".to_owned()));
}
