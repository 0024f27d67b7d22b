//! Archives made from texts: what a fixture describes, and what a hostile publisher would add.

use std::{
    collections::BTreeSet,
    io::{Cursor, Write},
};

use flate2::{Compression, GzBuilder, write::GzEncoder};
use serde::Deserialize;
use zip::{ZipWriter, write::SimpleFileOptions};

/// `*.archive.toml` of a fixture.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Archive {
    pub(super) format: Format,
    /// Stands before every path.
    #[serde(default)]
    pub(super) root: String,
    #[serde(default)]
    pub(super) entries: Vec<Entry>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub(super) enum Format {
    #[serde(rename = "tar")]
    Tar,
    #[serde(rename = "tar.gz")]
    TarGz,
    #[serde(rename = "zip")]
    Zip,
}

/// A file: exactly one of `text`, `gzip` and `link`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Entry {
    pub(super) path: String,
    pub(super) text: Option<String>,
    /// A text to be compressed.
    pub(super) gzip: Option<String>,
    /// Where a symbolic link leads.
    pub(super) link: Option<String>,
    #[serde(default)]
    pub(super) executable: bool,
    /// What no fixture can say.
    #[serde(skip)]
    pub(super) hostile: Option<Hostile>,
}

/// What is in an archive only to do harm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hostile {
    HardLink,
    Device,
    /// The header says another size than there is.
    SaysSize(u64),
    /// That many zeros.
    Zeros(usize),
}

impl Archive {
    /// Whether a path or a text of it has `word` in it.
    pub(super) fn mentions(&self, word: &str) -> bool {
        let texts = |entry: &Entry| {
            let texts = [Some(&entry.path), entry.text.as_ref(), entry.gzip.as_ref()];
            texts.into_iter().flatten().any(|text| text.contains(word))
        };
        self.root.contains(word) || self.entries.iter().any(texts)
    }

    /// Its bytes: the same every time.
    pub(super) fn pack(&self) -> Result<Vec<u8>, String> {
        match self.format {
            Format::Tar => tar(self, vec![]).map_err(|error| error.to_string()),
            Format::TarGz => {
                let gzip = GzBuilder::new().write(vec![], Compression::fast());
                let packed = tar(self, gzip).and_then(GzEncoder::finish);
                packed.map_err(|error| error.to_string())
            }
            Format::Zip => zip(self),
        }
    }
}

impl Entry {
    fn content(&self) -> Result<Vec<u8>, String> {
        match (&self.text, &self.gzip, &self.link) {
            (Some(text), None, None) => Ok(text.clone().into_bytes()),
            (None, Some(text), None) => Ok(gzip(text.as_bytes())),
            (None, None, Some(_)) => Ok(vec![]),
            _ => Err(format!("{:?} must have one of text, gzip and link", self.path)),
        }
    }
}

pub(super) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut gzip = GzBuilder::new().write(vec![], Compression::fast());
    let packed = gzip.write_all(bytes).and_then(|()| gzip.finish());
    packed.expect("memory takes what is written")
}

fn tar<W: Write>(archive: &Archive, writer: W) -> std::io::Result<W> {
    let mut tar = tar::Builder::new(writer);
    for entry in &archive.entries {
        let content = match entry.hostile {
            Some(Hostile::Zeros(n)) => vec![0; n],
            Some(Hostile::HardLink | Hostile::Device | Hostile::SaysSize(_)) | None => {
                entry.content().map_err(std::io::Error::other)?
            }
        };
        let mut header = tar::Header::new_gnu();
        header.set_mode(if entry.executable { 0o755 } else { 0o644 });
        header.set_size(content.len() as u64);
        match entry.hostile {
            Some(Hostile::HardLink) => header.set_entry_type(tar::EntryType::Link),
            Some(Hostile::Device) => header.set_entry_type(tar::EntryType::Block),
            Some(Hostile::SaysSize(size)) => header.set_size(size),
            Some(Hostile::Zeros(_)) | None => {}
        }
        if let Some(target) = &entry.link {
            if entry.hostile.is_none() {
                header.set_entry_type(tar::EntryType::Symlink);
            }
            set_bytes(&mut header.as_old_mut().linkname, target);
        }
        // Written as it is: the crate refuses paths that no honest archive has.
        set_bytes(&mut header.as_old_mut().name, &format!("{}{}", archive.root, entry.path));
        header.set_cksum();
        tar.append(&header, content.as_slice())?;
    }
    tar.into_inner()
}

fn set_bytes(field: &mut [u8; 100], text: &str) {
    let bytes = text.as_bytes();
    let n = bytes.len().min(field.len());
    field[..n].copy_from_slice(&bytes[..n]);
}

fn zip(archive: &Archive) -> Result<Vec<u8>, String> {
    let mut zip = ZipWriter::new(Cursor::new(vec![]));
    let failed = |error: zip::result::ZipError| error.to_string();
    let mut known = BTreeSet::new();
    let mut renamed = vec![];
    for entry in &archive.entries {
        let mode = if entry.executable { 0o755 } else { 0o644 };
        let options = SimpleFileOptions::default().unix_permissions(mode);
        let mut path = format!("{}{}", archive.root, entry.path);
        // The crate writes no path twice, so the second gets its name afterwards.
        if !known.insert(path.clone()) {
            // Each has a name of its own, also beside others of the same length.
            let letter = char::from(b'A'.saturating_add(u8::try_from(renamed.len()).unwrap_or(0)));
            let stand_in = "\u{1}".repeat(path.len().saturating_sub(1)) + &letter.to_string();
            renamed.push((stand_in.clone(), std::mem::replace(&mut path, stand_in)));
        }
        if let Some(target) = &entry.link {
            zip.add_symlink(path, target, options).map_err(failed)?;
            continue;
        }
        let content = match entry.hostile {
            Some(Hostile::Zeros(n)) => vec![0; n],
            Some(Hostile::HardLink | Hostile::Device | Hostile::SaysSize(_)) | None => {
                entry.content()?
            }
        };
        zip.start_file(path, options).map_err(failed)?;
        zip.write_all(&content).map_err(|error| error.to_string())?;
    }
    let mut packed = zip.finish().map_err(failed)?.into_inner();
    for (stand_in, path) in renamed {
        replace(&mut packed, stand_in.as_bytes(), path.as_bytes());
    }
    Ok(packed)
}

/// Both are equally long.
fn replace(bytes: &mut [u8], from: &[u8], to: &[u8]) {
    let mut at = 0;
    while at + from.len() <= bytes.len() {
        if bytes[at..].starts_with(from) {
            bytes[at..at + to.len()].copy_from_slice(to);
        }
        at += 1;
    }
}
