//! Folders that runs of workflows have uploaded.

use std::io::{Cursor, Read as _};

use zip::ZipArchive;

/// The most bytes that are unpacked: the journals of many hundred batches.
const MAX_UNPACKED: u64 = 256 << 20;

/// The files of the ZIP archive `bytes` that lie in no folder: names with contents. Others are left out,
/// because a path in an archive may lead anywhere. The error says why the bytes are no such archive.
pub(crate) fn unpack(bytes: &[u8]) -> Result<Vec<(String, Vec<u8>)>, String> {
    let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(|error| error.to_string())?;
    let mut files = vec![];
    let mut left = MAX_UNPACKED;
    for at in 0..archive.len() {
        let file = archive.by_index(at).map_err(|error| error.to_string())?;
        let path = file.name().map_err(|error| error.to_string())?.into_owned();
        if !file.is_file() || path.contains(['/', '\\', '\0']) || path.starts_with('.') {
            continue;
        }
        let mut content = vec![];
        let read = file.take(left.saturating_add(1)).read_to_end(&mut content);
        read.map_err(|error| error.to_string())?;
        left = left
            .checked_sub(content.len().try_into().unwrap_or(u64::MAX))
            .ok_or_else(|| format!("it has more than {MAX_UNPACKED} bytes"))?;
        files.push((path, content));
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use zip::{ZipWriter, write::SimpleFileOptions};

    use super::*;

    fn zipped(files: &[(&str, &str)]) -> Vec<u8> {
        let mut zip = ZipWriter::new(Cursor::new(vec![]));
        for (name, content) in files {
            zip.start_file(*name, SimpleFileOptions::default()).unwrap();
            zip.write_all(content.as_bytes()).unwrap();
        }
        zip.finish().unwrap().into_inner()
    }

    #[test]
    fn files_of_the_folder_itself_are_unpacked_and_no_others() {
        let hostile = ["../up", "/etc/x", "a/b", "..", ".hidden", "a\\b"];
        let mut files: Vec<(&str, &str)> = hostile.map(|name| (name, "bad")).to_vec();
        files.push(("a.jsonl", "{}\n"));
        assert_eq!(unpack(&zipped(&files)).unwrap(), [("a.jsonl".to_owned(), b"{}\n".to_vec())]);
        assert!(unpack(b"no archive").is_err());
        let mut damaged = zipped(&[("a.jsonl", &"text ".repeat(100))]);
        for byte in &mut damaged[40..60] {
            *byte ^= 0x55;
        }
        assert!(unpack(&damaged).is_err());
    }
}
