//! The changes that the fuzz tests make to texts and binary headers.

use fastrand::Rng;

/// The longest input, in bytes.
const LONGEST: usize = 1 << 20;
/// Opening and closing texts of several formats.
const BRACKETS: [(&str, &str); 8] = [
    ("{", "}"),
    ("[", "]"),
    ("(", ")"),
    ("\"", "\""),
    ("- ", ""),
    ("  ", ""),
    ("<a>", "</a>"),
    ("q{", "}"),
];
/// Numbers at which lengths and offsets behave differently.
const NUMBERS: [u64; 10] =
    [0, 1, 0x7f, 0x80, 0xff, 0xffff, 0x7fff_ffff, 0xffff_ffff, 1 << 63, u64::MAX];
/// Texts with a meaning in some format.
const WORDS: [&str; 22] = [
    "\0",
    "\n",
    "\r\n",
    "\u{feff}",
    "\u{202e}",
    "\u{1b}[2J",
    "..",
    "../../x",
    "/etc/passwd",
    "--help",
    "null",
    "true",
    "-1",
    "1e308",
    "18446744073709551616",
    "99999999999999999999",
    "&a",
    "*a",
    "!!x",
    "%s",
    "$(id)",
    "\\u0000",
];

/// Changes samples; it knows some words of their format.
#[derive(Debug)]
pub struct Mutator {
    words: Vec<String>,
}

impl Mutator {
    /// A mutator with the `words` of a format, in addition to general ones.
    pub fn new(words: &[&str]) -> Self {
        Self { words: words.iter().chain(&WORDS).map(|&word| word.to_owned()).collect() }
    }

    /// One of `samples`, changed in one to eight ways; empty if there is no sample.
    pub fn changed(&mut self, samples: &[Vec<u8>], rng: &mut Rng) -> Vec<u8> {
        if samples.is_empty() {
            return vec![];
        }
        self.changed_from(rng.usize(..samples.len()), samples, rng)
    }

    /// The same for `samples[at]`; parts of the other samples may be inserted.
    pub fn changed_from(&mut self, at: usize, samples: &[Vec<u8>], rng: &mut Rng) -> Vec<u8> {
        let mut input = samples[at].clone();
        for _ in 0..=rng.u32(0..8) {
            self.change(&mut input, samples, rng);
            input.truncate(LONGEST);
        }
        input
    }

    fn change(&self, input: &mut Vec<u8>, samples: &[Vec<u8>], rng: &mut Rng) {
        let at = rng.usize(0..=input.len());
        let end = (at + rng.usize(0..64)).min(input.len());
        match rng.u32(0..11) {
            0 if at < input.len() => input[at] ^= 1 << rng.u32(0..8),
            1 if at < input.len() => input[at] = rng.u8(..),
            2 => drop(input.drain(at..end)),
            3 => {
                let part = input[at..end].to_vec();
                let to = rng.usize(0..=input.len());
                let n = if rng.u32(0..16) == 0 { rng.usize(1..2000) } else { rng.usize(1..4) };
                input.splice(to..to, part.repeat(n));
            }
            4 => input.truncate(at),
            5 => number(input, at, rng),
            6 => drop(input.splice(at..at, nested(rng))),
            7 => line(input, rng),
            8 => {
                let other = rng.choice(samples).map(Vec::as_slice).unwrap_or_default();
                let from = rng.usize(0..=other.len());
                let to = (from + rng.usize(0..256)).min(other.len());
                input.splice(at..end, other[from..to].iter().copied());
            }
            _ => {
                let word = rng.choice(&self.words).map(String::as_str).unwrap_or_default();
                // Replaces text as often as it inserts.
                let end = if rng.bool() { end } else { at };
                input.splice(at..end, word.bytes());
            }
        }
    }
}

/// Overwrites bytes with a number of one to eight bytes in either byte order.
fn number(input: &mut Vec<u8>, at: usize, rng: &mut Rng) {
    let number = rng.choice(NUMBERS).unwrap_or_default();
    let width = 1 << rng.u32(0..4);
    let bytes =
        if rng.bool() { number.to_le_bytes() } else { number.rotate_right(8).to_be_bytes() };
    let end = (at + width).min(input.len());
    input.splice(at..end, bytes[..width].iter().copied());
}

/// Nested brackets, usually few.
fn nested(rng: &mut Rng) -> Vec<u8> {
    let (open, close) = rng.choice(BRACKETS).unwrap_or_default();
    let depth = if rng.u32(0..32) == 0 { rng.usize(1..100_000) } else { rng.usize(1..40) };
    let closed = if rng.bool() { close.repeat(depth) } else { String::new() };
    (open.repeat(depth) + &closed).into_bytes()
}

/// Removes, repeats or moves a line.
fn line(input: &mut Vec<u8>, rng: &mut Rng) {
    let mut lines: Vec<Vec<u8>> =
        input.split_inclusive(|&byte| byte == b'\n').map(<[u8]>::to_vec).collect();
    if lines.is_empty() {
        return;
    }
    let (one, other) = (rng.usize(0..lines.len()), rng.usize(0..lines.len()));
    match rng.u32(0..3) {
        0 => drop(lines.remove(one)),
        1 => lines.insert(other, lines[one].clone()),
        _ => lines.swap(one, other),
    }
    *input = lines.concat();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inputs_stay_within_their_length_and_are_the_same_for_a_seed() {
        let samples = vec![vec![b'['; LONGEST - 3], b"a\nb\nc\n".to_vec(), vec![]];
        let changed = |seed| -> Vec<Vec<u8>> {
            let mut rng = Rng::with_seed(seed);
            let mut mutator = Mutator::new(&["word"]);
            (0..60).map(|_| mutator.changed(&samples, &mut rng)).collect()
        };
        assert!(changed(1).iter().all(|input| input.len() <= LONGEST));
        assert_eq!(changed(2), changed(2));
        assert_ne!(changed(1), changed(2));
    }

    #[test]
    fn nothing_is_changed_to_nothing() {
        assert_eq!(Mutator::new(&[]).changed(&[], &mut Rng::with_seed(1)), [0_u8; 0]);
    }
}
