//! Changes paths in ELF files that the loader reads. Nothing in a file moves, so a new path must
//! fit into the space of the old one. `$ORIGIN` makes it short, and repeated slashes fill the rest.
//! The crate `object` reads the headers. Only this module writes.

use object::{
    LittleEndian,
    elf::{self, FileHeader64, ProgramHeader64},
    read::elf::{Dyn as _, FileHeader as _, ProgramHeader as _},
};

/// A placeholder, and its possible replacements in one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Replacement {
    /// The text in the file.
    pub(super) placeholder: String,
    /// The path relative to the file's own folder, beginning with `$ORIGIN`.
    pub(super) relative: String,
    /// A path through a link beside the file, which is short for every file.
    pub(super) beside: String,
}

/// What was changed in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Relocated {
    /// Nothing.
    Untouched,
    /// Paths were changed.
    Patched,
    /// Paths were changed, and the links of [`Replacement::beside`] are needed.
    PatchedWithLinks,
}

/// The placeholder whose replacement is too long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PathTooLong(pub(super) String);

const LE: LittleEndian = LittleEndian;
/// Numbers of processors, and the path of the C library's loader on every distribution.
const LOADERS: &[(u16, &str)] = &[
    (elf::EM_X86_64, "/lib64/ld-linux-x86-64.so.2"),
    (elf::EM_AARCH64, "/lib/ld-linux-aarch64.so.1"),
];

/// A part of the file that is a path or a list of paths, without the NUL at its end.
struct Text {
    at: usize,
    text: String,
}

/// Whether `bytes` begin like a 64-bit little-endian ELF file.
pub(super) fn is_elf(bytes: &[u8]) -> bool {
    bytes.starts_with(b"\x7fELF\x02\x01")
}

/// Replaces placeholders in the interpreter and in search paths.
///
/// The interpreter is replaced by that of the system, because a bottle contains none, and the path
/// in the system is shorter than any placeholder.
pub(super) fn relocate(bytes: &mut [u8], places: &[Replacement]) -> Result<Relocated, PathTooLong> {
    // No loader would load a file with damaged headers, so nothing needs to be changed.
    let Some(LoaderView { machine, interpreter, runpaths }) = seen_by_loader(bytes) else {
        return Ok(Relocated::Untouched);
    };
    let mut done = Relocated::Untouched;
    if let Some(found) = interpreter
        && let Some(place) = named_in(&found.text, places)
    {
        let loader = LOADERS.iter().find(|(number, _)| *number == machine);
        let (_, loader) = loader.ok_or_else(|| PathTooLong(place.placeholder.clone()))?;
        put(bytes, &found, loader, place)?;
        done = Relocated::Patched;
    }
    for found in runpaths {
        let Some(place) = named_in(&found.text, places) else { continue };
        let short = filled(&found.text, places, |place| &place.relative);
        let beside = || filled(&found.text, places, |place| &place.beside);
        let how = match short {
            Some(_) => Relocated::Patched,
            None => Relocated::PatchedWithLinks,
        };
        let text = short.or_else(beside).ok_or_else(|| PathTooLong(place.placeholder.clone()))?;
        put(bytes, &found, &text, place)?;
        if done != Relocated::PatchedWithLinks {
            done = how;
        }
    }
    Ok(done)
}

fn named_in<'p>(text: &str, places: &'p [Replacement]) -> Option<&'p Replacement> {
    places.iter().find(|place| text.contains(&place.placeholder))
}

/// `text` with real paths and with the same length; `None` when they are longer. A shorter text is
/// filled with slashes after the first one, so that its end, which other texts may share, does not
/// move.
fn filled(text: &str, places: &[Replacement], real: fn(&Replacement) -> &String) -> Option<String> {
    let mut new = text.to_owned();
    for place in places {
        new = new.replace(&place.placeholder, real(place));
    }
    let slack = text.len().checked_sub(new.len())?;
    let first = places
        .iter()
        .filter_map(|place| {
            let at = text.find(&place.placeholder)?;
            // Nothing before this position has been replaced.
            Some((at, at + real(place).len()))
        })
        .min()?;
    new.insert_str(first.1, &"/".repeat(slack));
    Some(new)
}

/// Writes `text` over `found`, and adds a NUL if it is shorter.
fn put(bytes: &mut [u8], found: &Text, text: &str, place: &Replacement) -> Result<(), PathTooLong> {
    let no_room = || PathTooLong(place.placeholder.clone());
    let slack = found.text.len().checked_sub(text.len()).ok_or_else(no_room)?;
    let new: Vec<u8> = text.bytes().chain(std::iter::repeat_n(0, slack)).collect();
    let old = bytes.get_mut(found.at..found.at + found.text.len()).ok_or_else(no_room)?;
    old.copy_from_slice(&new);
    Ok(())
}

/// The paths in a file that the loader reads.
struct LoaderView {
    machine: u16,
    interpreter: Option<Text>,
    /// `RPATH` and `RUNPATH`, each position once.
    runpaths: Vec<Text>,
}

/// `None` when the headers cannot be read.
fn seen_by_loader(bytes: &[u8]) -> Option<LoaderView> {
    let header = FileHeader64::<LittleEndian>::parse(bytes).ok()?;
    let headers = header.program_headers(LE, bytes).ok()?;
    let named = headers.iter().find(|header| header.p_type(LE) == elf::PT_INTERP);
    Some(LoaderView {
        machine: header.e_machine(LE),
        interpreter: named.and_then(|header| text_at(bytes, header.p_offset(LE))),
        runpaths: runpaths(bytes, headers).unwrap_or_default(),
    })
}

fn runpaths(bytes: &[u8], headers: &[ProgramHeader64<LittleEndian>]) -> Option<Vec<Text>> {
    let dynamic = headers.iter().find_map(|header| header.dynamic(LE, bytes).ok()?)?;
    let entries: Vec<(i64, u64)> = dynamic
        .iter()
        .map(|entry| (entry.tag(LE), entry.val(LE)))
        .take_while(|(tag, _)| *tag != elf::DT_NULL)
        .collect();
    let (_, address) = *entries.iter().find(|(tag, _)| *tag == elf::DT_STRTAB)?;
    let strings = in_file(address, headers)?;
    let mut starts: Vec<u64> = entries
        .iter()
        .filter(|(tag, _)| matches!(*tag, elf::DT_RPATH | elf::DT_RUNPATH))
        .filter_map(|(_, offset)| strings.checked_add(*offset))
        .collect();
    starts.sort_unstable();
    starts.dedup();
    Some(starts.into_iter().filter_map(|start| text_at(bytes, start)).collect())
}

/// The position in the file of what is loaded at `address`.
fn in_file(address: u64, headers: &[ProgramHeader64<LittleEndian>]) -> Option<u64> {
    let into = |header: &ProgramHeader64<LittleEndian>| {
        let into = address.checked_sub(header.p_vaddr(LE))?;
        (header.p_type(LE) == elf::PT_LOAD && into < header.p_filesz(LE)).then_some(into)
    };
    let (header, into) = headers.iter().find_map(|header| Some((header, into(header)?)))?;
    header.p_offset(LE).checked_add(into)
}

fn text_at(bytes: &[u8], start: u64) -> Option<Text> {
    let at = usize::try_from(start).ok()?;
    let rest = bytes.get(at..)?;
    let end = rest.iter().position(|byte| *byte == 0)?;
    let text = std::str::from_utf8(&rest[..end]).ok()?.to_owned();
    Some(Text { at, text })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A program for this processor with an interpreter and these bytes as `RUNPATH`.
    fn program(machine: u8, interpreter: &str, search: &str) -> Vec<u8> {
        let mut bytes = vec![0; 0x200];
        bytes[..7].copy_from_slice(b"\x7fELF\x02\x01\x01");
        bytes[0x12] = machine;
        let mut put = |at: usize, number: u64, width: usize| {
            bytes[at..at + width].copy_from_slice(&number.to_le_bytes()[..width]);
        };
        put(0x20, 0x40, 8);
        put(0x36, 56, 2);
        put(0x38, 3, 2);
        // Loaded at 0x1000, so that addresses differ from positions in the file.
        for (i, (kind, offset, size)) in
            [(elf::PT_LOAD, 0, 0x200), (elf::PT_INTERP, 0x100, 0x40), (elf::PT_DYNAMIC, 0x180, 48)]
                .into_iter()
                .enumerate()
        {
            let at = 0x40 + i * 56;
            put(at, u64::from(kind), 4);
            put(at + 8, offset, 8);
            put(at + 16, 0x1000 + offset, 8);
            put(at + 32, size, 8);
        }
        for (i, (tag, value)) in [(elf::DT_STRTAB, 0x1140), (elf::DT_RUNPATH, 2), (elf::DT_NULL, 0)]
            .into_iter()
            .enumerate()
        {
            put(0x180 + i * 16, tag.cast_unsigned(), 8);
            put(0x188 + i * 16, value, 8);
        }
        bytes[0x100..0x100 + interpreter.len()].copy_from_slice(interpreter.as_bytes());
        bytes[0x142..0x142 + search.len()].copy_from_slice(search.as_bytes());
        bytes
    }

    fn places() -> Vec<Replacement> {
        let place = |placeholder: &str, relative: &str, beside: &str| Replacement {
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
            Err(placeholder) => assert_eq!(done, Err(PathTooLong(placeholder.to_owned()))),
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

    #[test]
    fn fuzz_elf() {
        let sample = program(0x3e, "@@LONG_PREFIX@@/lib/a/long/ld.so", "@@LONG_PREFIX@@:@@S@@");
        let words = ["@@LONG_PREFIX@@", "@@S@@", "\x7fELF\x02\x01\x01", "$ORIGIN"];
        batch_fuzz::run("elf", &[sample], &words, |input| {
            let mut bytes = input.to_vec();
            if is_elf(&bytes) {
                let _ = relocate(&mut bytes, &places());
            }
            assert_eq!(bytes.len(), input.len(), "nothing moves");
        });
    }
}
