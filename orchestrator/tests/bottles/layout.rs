//! An OCI layout on disk, with an image index for each bottle.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

/// A file of a bottle: path relative to the keg, content, mode.
pub(crate) type BottleFile<'a> = (&'a str, &'a [u8], u32);

/// `oci-layout`, `index.json` and `blobs/sha256/`.
pub(crate) struct Layout {
    dir: PathBuf,
    /// The entries of `index.json`: image and tag, and the digest of the image index.
    indexes: BTreeMap<String, String>,
}

pub(crate) fn sha256(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    Sha256::digest(bytes).iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}"); // a string takes everything
        hex
    })
}

impl Layout {
    pub(crate) fn new(dir: &Path) -> Self {
        fs::create_dir_all(dir.join("blobs/sha256")).unwrap();
        fs::write(dir.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#).unwrap();
        Self { dir: dir.to_owned(), indexes: BTreeMap::new() }
    }

    pub(crate) fn blob(&self, digest: &str) -> Option<Vec<u8>> {
        let is_digest = digest.len() == 64 && digest.bytes().all(|b| b.is_ascii_hexdigit());
        let path = self.dir.join("blobs/sha256").join(digest);
        is_digest.then(|| fs::read(path).ok()).flatten()
    }

    /// The image index of `<image>:<tag>`.
    pub(crate) fn index(&self, image: &str, tag: &str) -> Option<Vec<u8>> {
        self.blob(self.indexes.get(&format!("{image}:{tag}"))?)
    }

    pub(crate) fn put(&self, bytes: &[u8]) -> String {
        let digest = sha256(bytes);
        fs::write(self.dir.join("blobs/sha256").join(&digest), bytes).unwrap();
        digest
    }

    /// Replaces the bytes of a blob without changing its digest.
    pub(crate) fn corrupt(&self, digest: &str) {
        let path = self.dir.join("blobs/sha256").join(digest);
        let mut bytes = fs::read(&path).unwrap();
        bytes.extend_from_slice(b"more");
        fs::write(path, bytes).unwrap();
    }

    pub(crate) fn remove(&self, digest: &str) {
        fs::remove_file(self.dir.join("blobs/sha256").join(digest)).unwrap();
    }

    /// Adds `bottle` as `<image>:<tag>`; `commands` is its annotation. Returns the digest of the
    /// bottle.
    pub(crate) fn push(
        &mut self,
        image: &str,
        tag: &str,
        bottle: &[u8],
        commands: Option<&str>,
    ) -> String {
        let digest = self.put(bottle);
        let config = self.put(b"{}");
        let entry = |kind: &str, digest: &str, size: usize| json!({ "mediaType": kind, "digest": format!("sha256:{digest}"), "size": size });
        let manifest = json!({
            "schemaVersion": 2,
            "config": entry("application/vnd.oci.image.config.v1+json", &config, 2),
            "layers": [entry("application/vnd.oci.image.layer.v1.tar+gzip", &digest, bottle.len())],
        });
        let manifest = manifest.to_string();
        let mut described = entry(
            "application/vnd.oci.image.manifest.v1+json",
            &self.put(manifest.as_bytes()),
            manifest.len(),
        );
        described["annotations"] = json!({
            "org.opencontainers.image.ref.name": format!("{tag}.x86_64_linux"),
            "sh.brew.bottle.digest": digest,
        });
        if let Some(commands) = commands {
            described["annotations"]["sh.brew.path_exec_files"] = json!(commands);
        }
        let index = json!({ "schemaVersion": 2, "manifests": [described] }).to_string();
        self.indexes.insert(format!("{image}:{tag}"), self.put(index.as_bytes()));
        self.write_index();
        digest
    }

    fn write_index(&self) {
        let manifests: Vec<Value> = self
            .indexes
            .iter()
            .map(|(name, digest)| {
                json!({
                    "mediaType": "application/vnd.oci.image.index.v1+json",
                    "digest": format!("sha256:{digest}"),
                    "size": self.blob(digest).unwrap().len(),
                    "annotations": { "org.opencontainers.image.ref.name": name },
                })
            })
            .collect();
        let index = json!({ "schemaVersion": 2, "manifests": manifests }).to_string();
        fs::write(self.dir.join("index.json"), index).unwrap();
    }
}

/// A bottle of `keg` in brew's format.
pub(crate) fn pack(keg: &str, files: &[BottleFile<'_>]) -> Vec<u8> {
    let gzip = flate2::write::GzEncoder::new(vec![], flate2::Compression::fast());
    let mut archive = tar::Builder::new(gzip);
    for (path, content, mode) in files {
        let mut header = tar::Header::new_gnu();
        header.set_mode(*mode);
        let path = format!("{keg}/{path}");
        if *mode == LINK {
            header.set_entry_type(tar::EntryType::Symlink);
            header.set_size(0);
            archive.append_link(&mut header, path, std::str::from_utf8(content).unwrap()).unwrap();
            continue;
        }
        header.set_size(u64::try_from(content.len()).unwrap());
        // Written without checks, because the crate refuses hostile paths.
        header.as_gnu_mut().unwrap().name[..path.len()].copy_from_slice(path.as_bytes());
        header.set_cksum();
        archive.append(&header, *content).unwrap();
    }
    archive.into_inner().unwrap().finish().unwrap()
}

/// The mode for a symbolic link; the content is its target.
pub(crate) const LINK: u32 = 0o777_777;
