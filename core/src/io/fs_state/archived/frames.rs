//! A compressed file: Zstandard frames, one after the other. Each frame has a checksum. The file is
//! not trusted: what it unpacks to is read as a stream, within limits.

use std::io::{self, BufRead, Read};

use ruzstd::{
    decoding::{BlockDecodingStrategy, FrameDecoder},
    encoding::{CompressionLevel, compress_to_vec},
};

/// The largest window of a frame, in bytes. A reader keeps so much of the unpacked text in memory.
/// The frames of this program need less than 1 MiB, and those of the program `zstd` 8 MiB at most,
/// unless it is asked for more.
const MAX_WINDOW: u64 = 8 << 20;

/// The size in bytes to which a file may be unpacked: eight times the size that a file may have.
pub(super) const MAX_UNPACKED: u64 = 4 << 30;

/// The text of a frame, in bytes. Larger frames are hardly smaller when they are compressed.
const FRAME: usize = 1 << 20;

/// The unpacked content of all frames of `R`. Damage is an error of the kind `InvalidData`, whose
/// message names the frame.
pub(super) struct Frames<R> {
    packed: R,
    decoder: FrameDecoder,
    is_in_frame: bool,
    /// The number of the frame that is read, from 1; 0 before the first one.
    frame: u64,
    n_unpacked: u64,
    max_unpacked: u64,
}

impl<R: BufRead> Frames<R> {
    /// Reads `packed`, which may unpack to `max_unpacked` bytes.
    pub(super) fn new(packed: R, max_unpacked: u64) -> Self {
        let mut decoder = FrameDecoder::new();
        decoder.set_max_window_size(MAX_WINDOW);
        Self { packed, decoder, is_in_frame: false, frame: 0, n_unpacked: 0, max_unpacked }
    }

    fn damaged(&self, reason: impl std::fmt::Display) -> io::Error {
        let message = format!("frame {} cannot be unpacked: {reason}", self.frame);
        io::Error::new(io::ErrorKind::InvalidData, message)
    }

    /// Begins the next frame. Returns whether there is one.
    fn begin(&mut self) -> io::Result<bool> {
        if self.packed.fill_buf()?.is_empty() {
            return Ok(false);
        }
        self.frame += 1;
        self.decoder.init(&mut self.packed).map_err(|error| self.damaged(error))?;
        self.is_in_frame = true;
        Ok(true)
    }

    /// Unpacks until there is something to read, or the frame has ended.
    fn unpack(&mut self) -> io::Result<()> {
        while self.decoder.can_collect() == 0 && !self.decoder.is_finished() {
            let one_block = BlockDecodingStrategy::UptoBlocks(1);
            let unpacked = self.decoder.decode_blocks(&mut self.packed, one_block);
            unpacked.map_err(|error| self.damaged(error))?;
        }
        Ok(())
    }

    fn end(&mut self) -> io::Result<()> {
        self.is_in_frame = false;
        let stated = self.decoder.get_checksum_from_data();
        if stated.is_some() && stated != self.decoder.get_calculated_checksum() {
            return Err(self.damaged("its checksum is wrong"));
        }
        Ok(())
    }
}

impl<R: BufRead> Read for Frames<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        while self.is_in_frame || self.begin()? {
            self.unpack()?;
            let n = self.decoder.read(buffer)?;
            if n == 0 {
                self.end()?;
                continue;
            }
            self.n_unpacked += n as u64;
            if self.max_unpacked < self.n_unpacked {
                let limit = self.max_unpacked;
                return Err(self.damaged(format!("the file unpacks to more than {limit} bytes")));
            }
            return Ok(n);
        }
        Ok(0)
    }
}

/// Compresses lines into frames.
pub(super) struct FrameWriter<'a> {
    packed: &'a mut dyn io::Write,
    text: Vec<u8>,
}

impl<'a> FrameWriter<'a> {
    pub(super) fn new(packed: &'a mut dyn io::Write) -> Self {
        Self { packed, text: vec![] }
    }

    /// Adds `line`, which has no newline, and a newline.
    pub(super) fn add(&mut self, line: &[u8]) -> io::Result<()> {
        self.text.extend_from_slice(line);
        self.text.push(b'\n');
        if FRAME <= self.text.len() { self.flush() } else { Ok(()) }
    }

    /// Writes what is left.
    pub(super) fn finish(mut self) -> io::Result<()> {
        self.flush()
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.text.is_empty() {
            return Ok(());
        }
        let frame = compress_to_vec(self.text.as_slice(), CompressionLevel::Fastest);
        self.text.clear();
        self.packed.write_all(&frame)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packed(lines: &[&str]) -> Vec<u8> {
        let mut packed = vec![];
        let mut writer = FrameWriter::new(&mut packed);
        for line in lines {
            writer.add(line.as_bytes()).unwrap();
        }
        writer.finish().unwrap();
        packed
    }

    /// The text, or the error.
    fn unpacked(packed: &[u8], max_unpacked: u64) -> Result<String, String> {
        let mut text = String::new();
        let read = Frames::new(packed, max_unpacked).read_to_string(&mut text);
        read.map(|_| text).map_err(|error| error.to_string())
    }

    #[test]
    fn frames_that_follow_each_other_are_one_text() {
        let two = [packed(&["a", "b"]), packed(&["c"])].concat();
        assert_eq!(unpacked(&two, MAX_UNPACKED).unwrap(), "a\nb\nc\n");
        assert_eq!(unpacked(&[], MAX_UNPACKED).unwrap(), "");
        let long = "x".repeat(FRAME);
        let many = packed(&[&long, &long, "end"]);
        assert_eq!(unpacked(&many, MAX_UNPACKED).unwrap().len(), 2 * (FRAME + 1) + 4);
        assert!(many.len() < FRAME / 100);
    }

    #[test]
    fn damage_names_its_frame() {
        let first = packed(&["the first frame"]);
        let whole = [first.clone(), packed(&["the second frame, which is damaged"])].concat();
        for at in first.len()..whole.len() {
            let cut = &whole[..at];
            if at > first.len() {
                let error = unpacked(cut, MAX_UNPACKED).unwrap_err();
                assert!(error.starts_with("frame 2 cannot be unpacked: "), "{at}: {error}");
            }
            let mut flipped = whole.clone();
            flipped[at] ^= 0x10;
            // Whatever byte is changed, wrong text is never taken for right.
            if let Ok(text) = unpacked(&flipped, MAX_UNPACKED) {
                assert_eq!(text, unpacked(&whole, MAX_UNPACKED).unwrap(), "{at}");
            }
        }
        let error = unpacked(b"not compressed at all", MAX_UNPACKED).unwrap_err();
        assert!(error.starts_with("frame 1 "), "{error}");
    }

    #[test]
    fn a_small_file_that_unpacks_to_a_large_text_is_stopped() {
        let packed = packed(&["0".repeat(4 << 20).as_str()]);
        assert!(packed.len() < 4_096, "{}", packed.len());
        let error = unpacked(&packed, 1 << 20).unwrap_err();
        assert_eq!(
            error,
            "frame 1 cannot be unpacked: the file unpacks to more than 1048576 bytes"
        );
    }

    #[test]
    fn a_frame_that_wants_too_much_memory_is_refused() {
        // RFC 8878, 3.1.1.1.2: exponent 17 is a window of 128 MiB.
        let header = [0x28, 0xb5, 0x2f, 0xfd, 0x00, 17 << 3];
        let block = [0x01, 0x00, 0x00];
        let error = unpacked(&[&header[..], &block[..]].concat(), MAX_UNPACKED).unwrap_err();
        assert!(error.starts_with("frame 1 cannot be unpacked: "), "{error}");
    }
}
