//! Reads archives without trusting them and without unpacking them to disk.
//!
//! Entry points: [`read_tar`] and [`look_into_tar`] for a local tar file, [`RemoteZip`] and
//! [`RemoteTar`] for archives at a registry, of which only the necessary parts are requested. All
//! of them keep to [`ArchiveLimits`], because what an archive says about itself may be wrong.

mod blocks;
mod bounded;
mod digest;
mod entry;
mod error;
mod gzip;
mod part;
mod remote_tar;
mod remote_zip;
mod tar;

pub use digest::verify_digest;
pub use entry::{ArchiveLimits, Entry, EntryKind, Flow};
pub use error::{ArchiveError, DigestError, RemoteError};
pub use gzip::{gunzip, unpacked};
pub use remote_tar::{RemoteTar, TarEntry};
pub use remote_zip::{RemoteZip, ZipEntry};
pub use tar::{look_into_tar, read_tar};
