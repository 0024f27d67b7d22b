//! Tars on the local disk.

use std::io::{self, Cursor, Read, Write as _};

use batch_core::{
    io::archive::{ArchiveError, ArchiveLimits, Entry, EntryKind, Flow, look_into_tar, read_tar},
    model::FailureKind,
};
use flate2::{Compression, write::GzEncoder};
use tar::{EntryType, Header};

/// One header and its content, padded to whole blocks. The arguments are not checked.
pub(crate) fn member(kind: EntryType, path: &[u8], content: &[u8]) -> Vec<u8> {
    claiming(kind, path, content.len() as u64, content)
}

pub(crate) fn claiming(kind: EntryType, path: &[u8], size: u64, content: &[u8]) -> Vec<u8> {
    let mut header = Header::new_gnu();
    header.as_old_mut().name[..path.len()].copy_from_slice(path);
    header.set_entry_type(kind);
    header.set_size(size);
    header.set_mode(0o100_755);
    if kind.is_symlink() || kind.is_hard_link() {
        header.as_old_mut().linkname[..9].copy_from_slice(b"../../etc");
    }
    header.set_cksum();
    let mut bytes = header.as_bytes().to_vec();
    bytes.extend_from_slice(content);
    bytes.resize(bytes.len().next_multiple_of(512), 0);
    bytes
}

pub(crate) fn file(path: &str, content: &[u8]) -> Vec<u8> {
    member(EntryType::Regular, path.as_bytes(), content)
}

pub(crate) fn tar(members: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = members.concat();
    bytes.extend_from_slice(&[0; 1024]);
    bytes
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(vec![], Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// One pax record, preceded by its length.
fn pax(key: &str, value: &[u8]) -> Vec<u8> {
    let rest = key.len() + value.len() + 3;
    let digits = |n: usize| n.to_string().len();
    let length = (rest + 1..rest + 9).find(|&length| rest + digits(length) == length).unwrap();
    [length.to_string().as_bytes(), b" ", key.as_bytes(), b"=", value, b"\n"].concat()
}

/// Every entry as `path|kind|size|content`, or the error.
fn read(bytes: &[u8], limits: &ArchiveLimits) -> Result<Vec<String>, ArchiveError> {
    let mut seen = vec![];
    read_tar(Cursor::new(bytes), limits, &mut |entry: &Entry, content: &mut dyn Read| {
        let mut text = String::new();
        content.take(20).read_to_string(&mut text)?;
        let kind = match &entry.kind {
            EntryKind::File => "file".to_owned(),
            EntryKind::Dir => "dir".to_owned(),
            EntryKind::Symlink(to) => format!("symlink to {to}"),
            EntryKind::HardLink(to) => format!("link to {to}"),
            EntryKind::Other => "other".to_owned(),
        };
        seen.push(format!("{}|{kind}|{}|{text}", entry.path, entry.size));
        Ok(Flow::Continue)
    })?;
    Ok(seen)
}

#[track_caller]
fn check(bytes: &[u8], expected: &[&str]) {
    assert_eq!(read(bytes, &ArchiveLimits::default()).unwrap(), expected);
    assert_eq!(read(&gzip(bytes), &ArchiveLimits::default()).unwrap(), expected, "packed");
}

#[track_caller]
fn refuse(bytes: &[u8], expected: &str) {
    for bytes in [bytes, &gzip(bytes)] {
        let error = read(bytes, &ArchiveLimits::default()).unwrap_err();
        assert!(error.to_string().contains(expected), "{error}, not {expected}");
        assert_eq!(error.finding().kind, FailureKind::ArchiveExtractionFailed);
    }
}

#[test]
fn every_entry_is_shown_with_its_content() {
    let members = [
        member(EntryType::Directory, b"./", b""),
        member(EntryType::Directory, b"a/", b""),
        file("./a/b", b"hello"),
        file("a//./c", b""),
        file("old/", b""),
        member(EntryType::Continuous, b"d", b"x"),
    ];
    let expected = ["a|dir|0|", "a/b|file|5|hello", "a/c|file|0|", "old|dir|0|", "d|file|1|x"];
    check(&tar(&members), &expected);
}

#[test]
fn entries_other_than_files_are_named_with_their_unchanged_target() {
    let kinds = [EntryType::Symlink, EntryType::Link, EntryType::Char, EntryType::Block];
    let names = [b"a", b"b", b"c", b"d"];
    let members = kinds.iter().zip(names).map(|(kind, name)| member(*kind, name, b""));
    let expected =
        ["a|symlink to ../../etc|0|", "b|link to ../../etc|0|", "c|other|0|", "d|other|0|"];
    check(&tar(&members.collect::<Vec<_>>()), &expected);
    check(&tar(&[member(EntryType::Fifo, b"e", b"")]), &["e|other|0|"]);
    check(&tar(&[member(EntryType::new(b'?'), b"f", b"")]), &["f|other|0|"]);
}

#[test]
fn long_names_are_read_in_both_dialects() {
    let long = "d/".repeat(80) + "end";
    let named = |text: &str| format!("{text}|file|1|x");
    let gnu = member(EntryType::GNULongName, b"././@LongLink", format!("{long}\0").as_bytes());
    check(&tar(&[gnu, file("cut", b"x"), file("next", b"x")]), &[&named(&long), &named("next")]);
    let ustar = member(EntryType::XHeader, b"PaxHeaders/x", &pax("path", long.as_bytes()));
    check(&tar(&[ustar, file("cut", b"x"), file("next", b"x")]), &[&named(&long), &named("next")]);
    let target = member(EntryType::GNULongLink, b"././@LongLink", format!("{long}\0").as_bytes());
    let link = member(EntryType::Symlink, b"l", b"");
    check(&tar(&[target, link]), &[&format!("l|symlink to {long}|0|")]);
    let global = member(EntryType::XGlobalHeader, b"pax_global_header", &pax("comment", b"x"));
    check(&tar(&[global, file("a", b"x")]), &[&named("a")]);
}

#[test]
fn paths_outside_of_the_archive_are_refused() {
    for path in ["../x", "a/../../x", "a/..", "..", "/etc/passwd", "//x", "a\\..\\x", "./../x"] {
        refuse(&tar(&[file(path, b"x")]), "the unsafe path");
        let long = member(EntryType::GNULongName, b"l", path.as_bytes());
        refuse(&tar(&[long, file("innocent", b"x")]), "the unsafe path");
        let long = member(EntryType::XHeader, b"l", &pax("path", path.as_bytes()));
        refuse(&tar(&[long, file("innocent", b"x")]), "the unsafe path");
    }
    refuse(&tar(&[member(EntryType::Regular, b"caf\xe9", b"x")]), "the unsafe path");
    refuse(&tar(&[member(EntryType::Regular, b"", b"x")]), "the unsafe path");
    refuse(
        &tar(&[member(EntryType::XHeader, b"l", &pax("path", b"a\0b")), file("c", b"")]),
        "safe",
    );
    let escape = member(EntryType::Regular, b"\x1b[2J/../x", b"");
    let error = read(&tar(&[escape]), &ArchiveLimits::default()).unwrap_err();
    assert!(!error.to_string().contains('\u{1b}'), "{error:?}");
}

#[test]
fn two_files_of_one_path_are_refused_and_two_folders_are_not() {
    refuse(&tar(&[file("a", b"1"), file("./a", b"2")]), "\"a\" twice");
    refuse(&tar(&[file("a", b"1"), member(EntryType::Symlink, b"a", b"")]), "\"a\" twice");
    let folder = || member(EntryType::Directory, b"a", b"");
    check(&tar(&[folder(), folder()]), &["a|dir|0|", "a|dir|0|"]);
}

#[test]
fn a_reader_that_does_not_unpack_sees_entries_that_cannot_be_unpacked() {
    let look = |bytes: &[u8]| -> Result<Vec<String>, ArchiveError> {
        let mut seen = vec![];
        look_into_tar(Cursor::new(bytes), &ArchiveLimits::default(), &mut |entry, content| {
            let mut text = String::new();
            content.read_to_string(&mut text)?;
            seen.push(format!("{}|{text}", entry.path));
            Ok(Flow::Continue)
        })?;
        Ok(seen)
    };
    let latin = member(EntryType::Regular, b"t/na\xefve", b"x");
    let link = member(EntryType::GNULongLink, b"l", b"na\xefve\0");
    let link = [link, member(EntryType::Symlink, b"l", b"")].concat();
    let members = [file("a", b"1"), latin, link, file("./a", b"2")];
    for bytes in [tar(&members), gzip(&tar(&members))] {
        assert_eq!(look(&bytes).unwrap(), ["a|1", "t/na\u{fffd}ve|x", "l|", "a|2"]);
    }
    // The same limits and safety checks hold.
    let pax = |path: &[u8]| member(EntryType::XHeader, b"l", &pax("path", path));
    let too_long = member(EntryType::GNULongName, b"l", &[0xef; 5000]);
    for bad in [pax(b"../na\xefve"), pax(b"/na\xefve"), pax(b"na\xefve\0"), too_long] {
        assert!(look(&tar(&[bad, file("innocent", b"x")])).is_err());
    }
    let many: Vec<Vec<u8>> = (0..9000).flat_map(|_| [pax(&[b'd'; 4000]), file("x", b"")]).collect();
    assert!(matches!(look(&tar(&many)), Err(ArchiveError::TooManyEntries { .. })));
}

#[test]
fn a_truncated_archive_is_an_error() {
    let whole = tar(&[file("a", &[b'x'; 2000]), file("b", b"y")]);
    for cut in [513, 600, 1024, 2500] {
        let error = read(&whole[..cut], &ArchiveLimits::default()).unwrap_err();
        assert!(matches!(error, ArchiveError::Truncated | ArchiveError::Damaged { .. }), "{cut}");
    }
    let packed = gzip(&whole);
    for cut in [3, 15, packed.len() / 2] {
        let error = read(&packed[..cut], &ArchiveLimits::default()).unwrap_err();
        assert!(matches!(error, ArchiveError::Truncated | ArchiveError::Damaged { .. }), "{cut}");
    }
}

#[test]
fn truncated_content_is_an_error_for_its_reader() {
    let cut = &tar(&[file("a", &[b'x'; 2000])])[..1000];
    let mut seen = None;
    let error = read_tar(cut, &ArchiveLimits::default(), &mut |_, content| {
        seen = content.read_to_end(&mut vec![]).err().map(|error| error.kind());
        Err(io::ErrorKind::UnexpectedEof.into())
    });
    assert!(matches!(error, Err(ArchiveError::Truncated)));
    assert_eq!(seen, Some(io::ErrorKind::UnexpectedEof));
}

#[test]
fn wrong_sizes_are_found() {
    let lying = |size: &[u8]| member(EntryType::XHeader, b"p", &pax("size", size));
    refuse(&tar(&[lying(b"1024"), file("a", b"x")]), "states a wrong size for \"a\": 1024 bytes");
    refuse(&tar(&[lying(b"-1"), file("a", b"x")]), "a size is no number");
    check(&tar(&[lying(b"1"), file("a", b"x")]), &["a|file|1|x"]);
    let beyond = claiming(EntryType::Regular, b"a", 1 << 40, b"x");
    let error = read(&tar(&[beyond]), &ArchiveLimits::default()).unwrap_err();
    assert!(matches!(error, ArchiveError::Damaged { .. } | ArchiveError::Truncated), "{error}");
    let most = claiming(EntryType::Regular, b"a", u64::MAX, b"x");
    read(&tar(&[most]), &ArchiveLimits::default()).unwrap_err();
}

#[test]
fn the_memory_for_a_name_is_limited() {
    let long = vec![b'a'; 5000];
    for kind in [EntryType::GNULongName, EntryType::GNULongLink] {
        refuse(&tar(&[member(kind, b"l", &long), file("a", b"")]), "path of more than 4096 bytes");
        let claimed = claiming(kind, b"l", 1 << 33, b"a");
        refuse(&tar(&[claimed]), "path of more than 4096 bytes");
    }
    let claimed = claiming(EntryType::XHeader, b"l", 1 << 33, b"a");
    refuse(&tar(&[claimed]), "larger than 1048576 bytes");
    let record = member(EntryType::XHeader, b"l", &pax("path", &long));
    refuse(&tar(&[record, file("a", b"")]), "path of more than 4096 bytes");
}

#[test]
fn sparse_files_and_nested_gzip_are_refused_by_name() {
    refuse(&tar(&[member(EntryType::GNUSparse, b"a", b"")]), "uses sparse files");
    let sparse = member(EntryType::XHeader, b"l", &pax("GNU.sparse.major", b"1"));
    refuse(&tar(&[sparse, file("a", b"")]), "uses sparse files");
    let nested = gzip(&gzip(&tar(&[file("a", b"x")])));
    let error = read(&nested, &ArchiveLimits::default()).unwrap_err();
    assert!(error.to_string().contains("gzip within gzip"), "{error}");
}

#[test]
fn gzip_may_come_in_several_members() {
    let whole = tar(&[file("a", b"hello")]);
    let (one, other) = whole.split_at(700);
    let packed = [gzip(one), gzip(other)].concat();
    assert_eq!(read(&packed, &ArchiveLimits::default()).unwrap(), ["a|file|5|hello"]);
}

#[test]
fn other_files_than_archives_are_refused() {
    for bytes in [&b""[..], b"x", b"<html>not found</html>", &[0; 1024], &[b'x'; 4096]] {
        read(bytes, &ArchiveLimits::default()).unwrap_err();
    }
    let error = read(b"\x1f\x8bnot gzip at all", &ArchiveLimits::default()).unwrap_err();
    assert_eq!(error.finding().kind, FailureKind::ArchiveExtractionFailed);
}

#[test]
fn more_entries_than_anyone_needs_are_refused() {
    let limits = ArchiveLimits { max_entries: 3, ..ArchiveLimits::default() };
    let members: Vec<_> = ["a", "b", "c", "d"].map(|name| file(name, b"")).into();
    assert_eq!(read(&tar(&members[..3]), &limits).unwrap().len(), 3);
    let error = read(&tar(&members), &limits).unwrap_err();
    assert!(matches!(error, ArchiveError::TooManyEntries { limit: 3 }), "{error}");
    // Headers that describe no entry count too, because they cost time as well.
    let names = vec![member(EntryType::GNULongName, b"l", b"x"); 4];
    let error = read(&tar(&names), &limits).unwrap_err();
    assert!(matches!(error, ArchiveError::TooManyEntries { limit: 3 }), "{error}");
}

#[test]
fn a_decompression_bomb_is_noticed_while_it_unpacks() {
    let bomb = gzip(&tar(&[file("a", &vec![0; 40 << 20])]));
    assert!(bomb.len() < 60_000, "{}", bomb.len());
    let error = read(&bomb, &ArchiveLimits::default()).unwrap_err();
    assert!(matches!(error, ArchiveError::Bomb { limit: 200 }), "{error}");
    let small = ArchiveLimits { max_total_bytes: 1 << 20, ..ArchiveLimits::default() };
    let error = read(&bomb, &small).unwrap_err();
    assert!(matches!(error, ArchiveError::TooLarge { limit: 1_048_576 }), "{error}");
    let patient = ArchiveLimits { max_ratio: 2000, ..ArchiveLimits::default() };
    assert_eq!(read(&bomb, &patient).unwrap().len(), 1);
}

#[test]
fn reading_ends_when_the_visitor_stops() {
    let damaged = [file("a", b"1"), file("b", b"2"), vec![b'x'; 512]].concat();
    let mut seen = vec![];
    read_tar(&*damaged, &ArchiveLimits::default(), &mut |entry, _| {
        seen.push(entry.path.clone());
        Ok(if entry.path == "b" { Flow::Stop } else { Flow::Continue })
    })
    .unwrap();
    assert_eq!(seen, ["a", "b"]);
    let error = read_tar(&*damaged, &ArchiveLimits::default(), &mut |_, _| {
        Err(io::Error::from(io::ErrorKind::StorageFull))
    });
    let finding = error.unwrap_err().finding();
    assert_eq!(finding.kind, FailureKind::DiskFull, "whose fault it is not");
}

#[test]
fn permissions_do_not_contain_the_file_type() {
    let mut mode = 0;
    read_tar(&*tar(&[file("a", b"")]), &ArchiveLimits::default(), &mut |entry, _| {
        mode = entry.mode;
        Ok(Flow::Continue)
    })
    .unwrap();
    assert_eq!(mode, 0o755);
}
