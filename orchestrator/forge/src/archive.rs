//! Folders that runs of workflows have uploaded.

use std::io::{Cursor, Read as _};

use zip::ZipArchive;

/// The most bytes that are unpacked: the journals of many hundred batches.
const MAX_UNPACKED: u64 = 256 << 20;

/// A folder that an earlier run of a workflow has uploaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Archive {
    /// Its name.
    pub name: String,
    /// Its files that lie in no subfolder: names with contents.
    pub files: Vec<(String, Vec<u8>)>,
}

impl Archive {
    /// The folder `name`, of which `bytes` are the ZIP archive. Files in subfolders are left out, because a
    /// path in an archive may lead anywhere. The error says why the bytes are no such archive.
    pub(crate) fn unpack(name: String, bytes: &[u8]) -> Result<Self, String> {
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
        Ok(Self { name, files })
    }
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
        let archive = Archive::unpack("x".to_owned(), &zipped(&files)).unwrap();
        assert_eq!(archive.files, [("a.jsonl".to_owned(), b"{}\n".to_vec())]);
        assert!(Archive::unpack("x".to_owned(), b"no archive").is_err());
        let mut damaged = zipped(&[("a.jsonl", &"text ".repeat(100))]);
        for byte in &mut damaged[40..60] {
            *byte ^= 0x55;
        }
        assert!(Archive::unpack("x".to_owned(), &damaged).is_err());
    }
}
