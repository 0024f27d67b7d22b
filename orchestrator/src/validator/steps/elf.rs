//! Paths that the loader reads in ELF files, changed in place. Nothing in a file moves, so a new
//! path must fit where the old one is; `$ORIGIN` makes it short, and repeated slashes fill it up.

/// A placeholder, and what can stand for it in one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    /// As it stands in the file.
    pub(super) placeholder: String,
    /// From the file's own folder, beginning with `$ORIGIN`.
    pub(super) relative: String,
    /// Through a link beside the file: short wherever the file is.
    pub(super) beside: String,
}

/// What was done to a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Relocated {
    /// There was nothing to do.
    Untouched,
    /// Paths were changed.
    Patched,
    /// Paths were changed, and need the links of [`Place::beside`].
    PatchedWithLinks,
}

/// The placeholder that had no room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct NoRoom(pub(super) String);

const PT_LOAD: u64 = 1;
const PT_DYNAMIC: u64 = 2;
const PT_INTERP: u64 = 3;
const DT_NULL: u64 = 0;
const DT_STRTAB: u64 = 5;
const DT_RPATH: u64 = 15;
const DT_RUNPATH: u64 = 29;
/// Number of the processor, and where its C library has its loader on every distribution.
const LOADERS: &[(u64, &str)] =
    &[(0x3e, "/lib64/ld-linux-x86-64.so.2"), (0xb7, "/lib/ld-linux-aarch64.so.1")];

/// Part of the file that is a path or a list of paths, without the NUL that ends it.
struct Text {
    at: usize,
    text: String,
}

/// Whether `bytes` begin like a 64-bit little-endian ELF file.
pub(super) fn is_elf(bytes: &[u8]) -> bool {
    bytes.starts_with(b"\x7fELF\x02\x01")
}

/// Replaces placeholders in interpreter and search paths.
///
/// The interpreter becomes the system's: a bottle brings none, and the system's is shorter than
/// any placeholder's path.
pub(super) fn relocate(bytes: &mut [u8], places: &[Place]) -> Result<Relocated, NoRoom> {
    let headers = headers(bytes);
    let mut done = Relocated::Untouched;
    if let Some(found) = interpreter(bytes, &headers)
        && let Some(place) = named_in(&found.text, places)
    {
        let machine = number(bytes, 0x12, 2).unwrap_or_default();
        let loader = LOADERS.iter().find(|(number, _)| *number == machine);
        let (_, loader) = loader.ok_or_else(|| NoRoom(place.placeholder.clone()))?;
        put(bytes, &found, loader, place)?;
        done = Relocated::Patched;
    }
    for found in search_paths(bytes, &headers) {
        let Some(place) = named_in(&found.text, places) else { continue };
        let short = filled(&found.text, places, |place| &place.relative);
        let beside = || filled(&found.text, places, |place| &place.beside);
        let how = match short {
            Some(_) => Relocated::Patched,
            None => Relocated::PatchedWithLinks,
        };
        let text = short.or_else(beside).ok_or_else(|| NoRoom(place.placeholder.clone()))?;
        put(bytes, &found, &text, place)?;
        if done != Relocated::PatchedWithLinks {
            done = how;
        }
    }
    Ok(done)
}

fn named_in<'p>(text: &str, places: &'p [Place]) -> Option<&'p Place> {
    places.iter().find(|place| text.contains(&place.placeholder))
}

/// `text` with real paths, as long as it was; `None` where they are longer. What is too much goes
/// into slashes after the first, so that the text's end, which others may share, stays in place.
fn filled(text: &str, places: &[Place], real: fn(&Place) -> &String) -> Option<String> {
    let mut new = text.to_owned();
    for place in places {
        new = new.replace(&place.placeholder, real(place));
    }
    let slack = text.len().checked_sub(new.len())?;
    let first = places
        .iter()
        .filter_map(|place| {
            let at = text.find(&place.placeholder)?;
            // Nothing before it has been replaced.
            Some((at, at + real(place).len()))
        })
        .min()?;
    new.insert_str(first.1, &"/".repeat(slack));
    Some(new)
}

/// Writes `text` over `found`, and ends it where it is shorter.
fn put(bytes: &mut [u8], found: &Text, text: &str, place: &Place) -> Result<(), NoRoom> {
    let no_room = || NoRoom(place.placeholder.clone());
    let slack = found.text.len().checked_sub(text.len()).ok_or_else(no_room)?;
    let new: Vec<u8> = text.bytes().chain(std::iter::repeat_n(0, slack)).collect();
    let old = bytes.get_mut(found.at..found.at + found.text.len()).ok_or_else(no_room)?;
    old.copy_from_slice(&new);
    Ok(())
}

/// A program header.
struct Header {
    kind: u64,
    offset: u64,
    address: u64,
    size: u64,
}

fn headers(bytes: &[u8]) -> Vec<Header> {
    let table = number(bytes, 0x20, 8).unwrap_or_default();
    let size = number(bytes, 0x36, 2).unwrap_or_default();
    let count = number(bytes, 0x38, 2).unwrap_or_default();
    let header = |i: u64| {
        let at = usize::try_from(table.checked_add(i * size)?).ok()?;
        let field = |offset: usize, width| number(bytes, at.checked_add(offset)?, width);
        Some(Header {
            kind: field(0, 4)?,
            offset: field(8, 8)?,
            address: field(16, 8)?,
            size: field(32, 8)?,
        })
    };
    (0..count).filter_map(header).collect()
}

fn interpreter(bytes: &[u8], headers: &[Header]) -> Option<Text> {
    let header = headers.iter().find(|header| header.kind == PT_INTERP)?;
    text_at(bytes, header.offset)
}

/// `RPATH` and `RUNPATH`, each place once.
fn search_paths(bytes: &[u8], headers: &[Header]) -> Vec<Text> {
    let Some(dynamic) = headers.iter().find(|header| header.kind == PT_DYNAMIC) else {
        return vec![];
    };
    let entry = |i: u64| {
        let at = usize::try_from(dynamic.offset.checked_add(i * 16)?).ok()?;
        Some((number(bytes, at, 8)?, number(bytes, at.checked_add(8)?, 8)?))
    };
    let entries: Vec<(u64, u64)> =
        (0..dynamic.size / 16).map_while(entry).take_while(|(tag, _)| *tag != DT_NULL).collect();
    let strings = entries.iter().find(|(tag, _)| *tag == DT_STRTAB);
    let Some(strings) = strings.and_then(|(_, address)| in_file(*address, headers)) else {
        return vec![];
    };
    let mut starts: Vec<u64> = entries
        .iter()
        .filter(|(tag, _)| matches!(*tag, DT_RPATH | DT_RUNPATH))
        .filter_map(|(_, offset)| strings.checked_add(*offset))
        .collect();
    starts.sort_unstable();
    starts.dedup();
    starts.into_iter().filter_map(|start| text_at(bytes, start)).collect()
}

/// Where in the file lies what is loaded at `address`.
fn in_file(address: u64, headers: &[Header]) -> Option<u64> {
    let holds = |header: &&Header| {
        header.kind == PT_LOAD
            && address.checked_sub(header.address).is_some_and(|into| into < header.size)
    };
    let header = headers.iter().find(holds)?;
    header.offset.checked_add(address - header.address)
}

fn text_at(bytes: &[u8], start: u64) -> Option<Text> {
    let at = usize::try_from(start).ok()?;
    let rest = bytes.get(at..)?;
    let end = rest.iter().position(|byte| *byte == 0)?;
    let text = std::str::from_utf8(&rest[..end]).ok()?.to_owned();
    Some(Text { at, text })
}

/// A little-endian number of `width` bytes.
fn number(bytes: &[u8], at: usize, width: usize) -> Option<u64> {
    let field = bytes.get(at..at.checked_add(width)?)?;
    Some(field.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A program of this processor with an interpreter, and these bytes as `RUNPATH`.
    fn program(machine: u8, interpreter: &str, search: &str) -> Vec<u8> {
        let mut bytes = vec![0; 0x200];
        bytes[..6].copy_from_slice(b"\x7fELF\x02\x01");
        bytes[0x12] = machine;
        let mut put = |at: usize, number: u64, width: usize| {
            bytes[at..at + width].copy_from_slice(&number.to_le_bytes()[..width]);
        };
        put(0x20, 0x40, 8);
        put(0x36, 56, 2);
        put(0x38, 3, 2);
        // Loaded at 0x1000, so that addresses are no offsets.
        for (i, (kind, offset, size)) in
            [(PT_LOAD, 0, 0x200), (PT_INTERP, 0x100, 0x40), (PT_DYNAMIC, 0x180, 48)]
                .into_iter()
                .enumerate()
        {
            let at = 0x40 + i * 56;
            put(at, kind, 4);
            put(at + 8, offset, 8);
            put(at + 16, 0x1000 + offset, 8);
            put(at + 32, size, 8);
        }
        for (i, (tag, value)) in
            [(DT_STRTAB, 0x1140), (DT_RUNPATH, 2), (DT_NULL, 0)].into_iter().enumerate()
        {
            put(0x180 + i * 16, tag, 8);
            put(0x188 + i * 16, value, 8);
        }
        bytes[0x100..0x100 + interpreter.len()].copy_from_slice(interpreter.as_bytes());
        bytes[0x142..0x142 + search.len()].copy_from_slice(search.as_bytes());
        bytes
    }

    fn places() -> Vec<Place> {
        let place = |placeholder: &str, relative: &str, beside: &str| Place {
            placeholder: placeholder.to_owned(),
            relative: relative.to_owned(),
            beside: beside.to_owned(),
        };
        vec![
            place("@@LONG_PREFIX@@", "$ORIGIN/../..", "$ORIGIN/.p0"),
            place("@@S@@", "$ORIGIN/../../../x", "$O/.p1"),
        ]
    }

    #[track_caller]
    fn check(search: &str, expected: Result<(Relocated, &str), &str>) {
        let mut bytes = program(0x3e, "/lib/ld.so", search);
        let before = bytes.clone();
        let done = relocate(&mut bytes, &places());
        let text = text_at(&bytes, 0x142).unwrap().text;
        match expected {
            Ok((how, expected)) => assert_eq!((done, &*text), (Ok(how), expected)),
            Err(placeholder) => assert_eq!(done, Err(NoRoom(placeholder.to_owned()))),
        }
        assert_eq!(bytes.len(), before.len());
        assert_eq!(bytes[0x180..], before[0x180..], "nothing else is changed");
    }

    #[test]
    fn search_paths_keep_their_length_and_are_relative_to_the_file() {
        use Relocated::{Patched, PatchedWithLinks, Untouched};
        check("@@LONG_PREFIX@@/lib", Ok((Patched, "$ORIGIN/../..///lib")));
        let two = "@@LONG_PREFIX@@/a/lib:@@LONG_PREFIX@@/lib";
        check(two, Ok((Patched, "$ORIGIN/../../////a/lib:$ORIGIN/../../lib")));
        check("$ORIGIN/../lib", Ok((Untouched, "$ORIGIN/../lib")));
        let three = "@@LONG_PREFIX@@:@@LONG_PREFIX@@:@@S@@";
        check(three, Ok((PatchedWithLinks, "$ORIGIN/.p0///////:$ORIGIN/.p0:$O/.p1")));
        check("@@S@@", Err("@@S@@"));
    }

    #[test]
    fn the_interpreter_becomes_the_systems() {
        for (machine, loader) in
            [(0x3e, "/lib64/ld-linux-x86-64.so.2"), (0xb7, "/lib/ld-linux-aarch64.so.1")]
        {
            let mut bytes = program(machine, "@@LONG_PREFIX@@/lib/a/long/ld.so", "");
            assert_eq!(relocate(&mut bytes, &places()), Ok(Relocated::Patched));
            assert_eq!(text_at(&bytes, 0x100).unwrap().text, loader);
        }
        let mut unknown = program(0x01, "@@LONG_PREFIX@@/lib/a/long/ld.so", "");
        assert!(relocate(&mut unknown, &places()).is_err());
        let mut short = program(0x3e, "@@LONG_PREFIX@@/ld.so", "");
        assert!(relocate(&mut short, &places()).is_err(), "there is no room for the loader's name");
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_after_a_head_are_read(tail: Vec<u8>, at in 6_usize..0x1f0, with: [u8; 8]) {
            let mut bytes = program(0x3e, "@@LONG_PREFIX@@/lib/a/long/ld.so", "@@S@@");
            bytes[at..at + 8].copy_from_slice(&with);
            let _ = relocate(&mut bytes, &places());
            let mut bytes = [b"\x7fELF\x02\x01".to_vec(), tail].concat();
            let _ = relocate(&mut bytes, &places());
        }
    }
}
