//! A single file that is compressed with gzip.

use std::io::{BufReader, Read};

use flate2::{bufread, read::MultiGzDecoder};

use crate::io::archive::{
    ArchiveError, ArchiveLimits,
    bounded::{Bounded, Counted},
};

/// The decompressed content of `packed`, if that has at most `max_bytes`.
pub fn gunzip(packed: &[u8], max_bytes: usize) -> Result<Vec<u8>, ArchiveError> {
    let limit = max_bytes as u64;
    let mut unpacked = vec![];
    MultiGzDecoder::new(packed).take(limit.saturating_add(1)).read_to_end(&mut unpacked)?;
    if max_bytes < unpacked.len() {
        return Err(ArchiveError::TooLarge { limit });
    }
    Ok(unpacked)
}

/// A reader for the decompressed content of `packed`. It returns an error as soon as the content
/// exceeds `limits`.
pub fn unpacked(packed: impl Read, limits: &ArchiveLimits) -> impl Read {
    let (counted, n_packed) = Counted::new(packed);
    Bounded::new(bufread::MultiGzDecoder::new(BufReader::new(counted)), limits, n_packed)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::{Compression, write::GzEncoder};
    use proptest::prelude::*;

    use super::*;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut gzip = GzEncoder::new(vec![], Compression::best());
        gzip.write_all(bytes).unwrap();
        gzip.finish().unwrap()
    }

    #[test]
    fn the_content_is_unpacked_up_to_the_limit() {
        assert_eq!(gunzip(&gzip(b"text"), 4).unwrap(), b"text");
        assert!(matches!(gunzip(&gzip(b"text"), 3), Err(ArchiveError::TooLarge { limit: 3 })));
        let bomb = gzip(&vec![0; 32 << 20]);
        assert!(matches!(gunzip(&bomb, 1 << 20), Err(ArchiveError::TooLarge { .. })));
    }

    #[test]
    fn truncated_and_invalid_gzip_is_an_error() {
        let packed = gzip(b"a text of some length");
        assert!(matches!(gunzip(&packed[..packed.len() - 4], 99), Err(ArchiveError::Truncated)));
        assert!(gunzip(b"plain", 99).is_err());
    }

    #[test]
    fn reading_in_pieces_is_limited_too() {
        let limits = ArchiveLimits { max_total_bytes: 4, ..ArchiveLimits::default() };
        let read = |text: &[u8]| {
            let mut found = vec![];
            let packed = gzip(text);
            let read = unpacked(packed.as_slice(), &limits).read_to_end(&mut found);
            read.map(|_| found).map_err(ArchiveError::from)
        };
        assert_eq!(read(b"text").unwrap(), b"text");
        assert!(matches!(read(b"texts"), Err(ArchiveError::TooLarge { limit: 4 })));
    }

    proptest! {
        #[test]
        fn any_bytes_are_gzip_or_not(bytes: Vec<u8>) {
            let _ = gunzip(&bytes, 1 << 10);
        }
    }
}
