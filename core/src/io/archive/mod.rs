//! Archives, read without trusting them and without unpacking them to disk.
//!
//! Ways in: [`read_tar`] and [`look_into_tar`] for a tar that is here, [`RemoteZip`] and
//! [`RemoteTar`] for archives that stay at their registry while only the parts that matter are asked
//! for. All of them keep to [`ArchiveLimits`]: what an archive says about itself is a claim.

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
