//! Changes archives at random. `core/fuzz/README.md` describes how to search for longer.

use std::io::{Cursor, Read, Write as _};

use batch_core::io::{
    Request,
    archive::{ArchiveLimits, Flow, RemoteTar, RemoteZip, gunzip, look_into_tar, read_tar},
};
use flate2::{Compression, write::GzEncoder};
use zip::{CompressionMethod, ZipWriter, write::SimpleFileOptions};

use crate::{
    served::{ServingMode, TestServer, request, run},
    tars::{file, member, tar},
};

/// Small limits, so that no input takes long.
const LIMITS: ArchiveLimits = ArchiveLimits {
    max_entries: 1000,
    max_total_bytes: 1 << 20,
    max_name_bytes: 512,
    max_ratio: 100,
};

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(vec![], Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn tars() -> Vec<Vec<u8>> {
    let plain = tar(&[
        file("a/x", b"content"),
        member(tar::EntryType::Symlink, b"a/link", b""),
        member(tar::EntryType::GNULongName, b"././@LongLink", &[b'n'; 200]),
        file("short", b""),
        member(tar::EntryType::XHeader, b"pax", b"20 path=another/name\n"),
        file("long", &[7; 700]),
    ]);
    vec![gzip(&plain), plain]
}

#[test]
fn fuzz_tar() {
    batch_fuzz::run("tar", &tars(), &["ustar", "path=", "././@LongLink", "../"], |input| {
        for read in [read_tar, look_into_tar] {
            let mut n_bytes = 0;
            let _ = read(Cursor::new(input), &LIMITS, &mut |entry, content: &mut dyn Read| {
                assert!(!entry.path.contains('\0') && !entry.path.starts_with('/'));
                n_bytes += std::io::copy(content, &mut std::io::sink())?;
                Ok(Flow::Continue)
            });
            assert!(n_bytes <= LIMITS.max_total_bytes, "more than the limit was read");
        }
        let served = TestServer::new(input, ServingMode::Ranges);
        let _ = run(async {
            let Some(tar) = RemoteTar::open(&served, limited()).await? else { return Ok(()) };
            for entry in tar.entries().await?.iter().take(8) {
                let _ = tar.read(entry, 1 << 16).await?;
            }
            Ok::<_, batch_core::io::archive::RemoteError>(())
        });
    });
}

#[test]
fn fuzz_gzip() {
    let samples = [gzip(b"a text"), gzip(&vec![0; 70_000]), [gzip(b"one"), gzip(b"two")].concat()];
    batch_fuzz::run("gzip", &samples, &["\u{1f}\u{8b}\u{8}"], |input| {
        if let Ok(unpacked) = gunzip(input, 1 << 16) {
            assert!(unpacked.len() <= 1 << 16, "more than the limit was read");
        }
    });
}

fn limited() -> Request {
    Request { max_bytes: 4 << 20, ..request() }
}

fn zips() -> Vec<Vec<u8>> {
    let methods = [CompressionMethod::Stored, CompressionMethod::Deflated];
    methods
        .map(|method| {
            let mut zip = ZipWriter::new(Cursor::new(vec![]));
            let options = SimpleFileOptions::default().compression_method(method);
            for (name, content) in [("a/x.txt", "content"), ("b", ""), ("c", "cccccccccccccccc")] {
                zip.start_file(name, options).unwrap();
                zip.write_all(content.as_bytes()).unwrap();
            }
            zip.add_directory("folder", options).unwrap();
            zip.add_symlink("link", "a/x.txt", options).unwrap();
            zip.finish().unwrap().into_inner()
        })
        .to_vec()
}

#[test]
fn fuzz_zip() {
    let words = ["PK\u{1}\u{2}", "PK\u{3}\u{4}", "PK\u{5}\u{6}", "PK\u{6}\u{6}", "../"];
    batch_fuzz::run("zip", &zips(), &words, |input| {
        let served = TestServer::new(input, ServingMode::Ranges);
        let _ = run(async {
            let Some(zip) = RemoteZip::open(&served, limited()).await? else { return Ok(()) };
            for entry in zip.entries().iter().take(8) {
                assert!(!entry.path.contains('\0') && !entry.path.starts_with('/'));
                if let Ok(content) = zip.read(entry, 1 << 16).await {
                    assert!(content.len() <= 1 << 16, "more than the limit was read");
                }
                let _ = zip.read_beginning(entry, 16).await;
            }
            Ok::<_, batch_core::io::archive::RemoteError>(())
        });
    });
}
