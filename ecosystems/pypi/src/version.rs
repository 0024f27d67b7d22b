//! Versions of Python projects (PEP 440), as far as choosing one needs it.
//!
//! <https://packaging.python.org/en/latest/specifications/version-specifiers/>

use std::cmp::Ordering;

/// Nothing of a version is longer, and all of it ends up in a command line.
const LONGEST: usize = 128;

/// A version in its canonical order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Version {
    epoch: u64,
    /// Without zeros at the end: they make no difference.
    release: Vec<u64>,
    phase: Phase,
    post: Option<u64>,
    dev: Option<u64>,
    local: Vec<LocalPart>,
}

/// What a release is a step to; the order is that of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    Alpha(u64),
    Beta(u64),
    Candidate(u64),
    Final,
}

/// Of a local version: numbers are after words.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum LocalPart {
    Word(String),
    Number(u64),
}

impl Version {
    /// Whether it is only installed where nothing else is left.
    pub(crate) fn is_prerelease(&self) -> bool {
        self.phase != Phase::Final || self.dev.is_some()
    }

    /// A development release is before what it leads to, and before its alphas where it leads to
    /// a final one.
    fn phase_in_time(&self) -> (u8, Phase) {
        let is_before_all = self.phase == Phase::Final && self.post.is_none() && self.dev.is_some();
        (u8::from(!is_before_all), self.phase)
    }
}

impl Ord for Version {
    fn cmp(&self, other: &Self) -> Ordering {
        let key = |it: &Self| {
            (it.epoch, it.release.clone(), it.phase_in_time(), it.post, it.dev.unwrap_or(u64::MAX))
        };
        key(self).cmp(&key(other)).then_with(|| self.local.cmp(&other.local))
    }
}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// `None` for what is no version, in any of the spellings that are allowed.
pub(crate) fn parse(text: &str) -> Option<Version> {
    if LONGEST < text.len() || !text.is_ascii() {
        return None;
    }
    let text = text.trim().to_ascii_lowercase();
    let (public, local) = text.split_once('+').map_or((&*text, None), |(it, l)| (it, Some(l)));
    let mut rest = Rest(public.strip_prefix('v').unwrap_or(public));
    let mut first = rest.number()?;
    let mut epoch = 0;
    if rest.take("!") {
        epoch = first;
        first = rest.number()?;
    }
    let mut release = vec![first];
    while let Some(number) = rest.dotted_number() {
        release.push(number);
    }
    while release.last() == Some(&0) {
        release.pop();
    }
    let phase = rest.phase();
    let post = rest.post();
    let dev = rest.suffix(&["dev"]);
    let local = local.map_or(Some(vec![]), local_parts)?;
    rest.0.is_empty().then_some(Version { epoch, release, phase, post, dev, local })
}

fn local_parts(text: &str) -> Option<Vec<LocalPart>> {
    let part = |part: &str| {
        let is_word = !part.is_empty() && part.bytes().all(|c| c.is_ascii_alphanumeric());
        let number = || Some(LocalPart::Number(Rest(part).number_to_end()?));
        is_word.then(|| number().unwrap_or_else(|| LocalPart::Word(part.to_owned())))
    };
    text.split(['.', '-', '_']).map(part).collect()
}

/// What is still to be read.
struct Rest<'a>(&'a str);

impl Rest<'_> {
    fn take(&mut self, prefix: &str) -> bool {
        let rest = self.0.strip_prefix(prefix);
        self.0 = rest.unwrap_or(self.0);
        rest.is_some()
    }

    fn number(&mut self) -> Option<u64> {
        let end = self.0.find(|c: char| !c.is_ascii_digit()).unwrap_or(self.0.len());
        let number = self.0[..end].parse().ok()?;
        self.0 = &self.0[end..];
        Some(number)
    }

    fn number_to_end(mut self) -> Option<u64> {
        self.number().filter(|_| self.0.is_empty())
    }

    fn dotted_number(&mut self) -> Option<u64> {
        let mut after = Rest(self.0.strip_prefix('.')?);
        let number = after.number()?;
        self.0 = after.0;
        Some(number)
    }

    fn phase(&mut self) -> Phase {
        // Longer words first: `c` begins none of them, but `a` and `b` do.
        if let Some(number) = self.suffix(&["alpha", "a"]) {
            return Phase::Alpha(number);
        }
        if let Some(number) = self.suffix(&["beta", "b"]) {
            return Phase::Beta(number);
        }
        let candidate = self.suffix(&["preview", "pre", "rc", "c"]);
        candidate.map_or(Phase::Final, Phase::Candidate)
    }

    /// `.post1`, or `-1` alone.
    fn post(&mut self) -> Option<u64> {
        if let Some(number) = self.suffix(&["post", "rev", "r"]) {
            return Some(number);
        }
        let mut after = Rest(self.0.strip_prefix('-')?);
        let number = after.number()?;
        self.0 = after.0;
        Some(number)
    }

    /// One of `words` with its number, 0 where it has none; separators before and between.
    fn suffix(&mut self, words: &[&str]) -> Option<u64> {
        const SEPARATORS: [char; 3] = ['.', '-', '_'];
        let start = self.0.strip_prefix(SEPARATORS).unwrap_or(self.0);
        let mut after = Rest(words.iter().find_map(|word| start.strip_prefix(word))?);
        let numbered = after.0.strip_prefix(SEPARATORS).unwrap_or(after.0);
        let number = if numbered.starts_with(|c: char| c.is_ascii_digit()) {
            after.0 = numbered;
            after.number()?
        } else {
            0
        };
        self.0 = after.0;
        Some(number)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_order_is_that_of_the_specification() {
        let in_order = [
            "1.dev0",
            "1.0.dev456",
            "1.0a1",
            "1.0a2.dev456",
            "1.0a12.dev456",
            "1.0a12",
            "1.0b1.dev456",
            "1.0b2",
            "1.0b2.post345.dev456",
            "1.0b2.post345",
            "1.0rc1.dev456",
            "1.0rc1",
            "1.0",
            "1.0+abc.5",
            "1.0+abc.7",
            "1.0+5",
            "1.0.post456.dev34",
            "1.0.post456",
            "1.0.15",
            "1.1.dev1",
            "1.9",
            "1.10",
            "2024.1",
            "1!0.1",
        ];
        let versions: Vec<Version> = in_order.iter().map(|it| parse(it).unwrap()).collect();
        for pair in versions.windows(2) {
            assert!(pair[0] < pair[1], "{pair:?}");
        }
    }

    #[test]
    fn other_spellings_are_the_same_version() {
        for (one, other) in [
            ("1.0", "1"),
            ("1.0.0", "1"),
            ("v1.2", "1.2"),
            ("1.2-RC.1", "1.2rc1"),
            ("1.2c1", "1.2rc1"),
            ("1.2preview", "1.2rc0"),
            ("1.2_alpha_3", "1.2a3"),
            ("1.0-1", "1.0.post1"),
            ("1.0rev4", "1.0.post4"),
            ("1.0-r4", "1.0.post4"),
            ("1.0dev", "1.0.dev0"),
            ("1.0+Ubuntu-1", "1.0+ubuntu.1"),
            ("01.02", "1.2"),
        ] {
            assert_eq!(parse(one).unwrap(), parse(other).unwrap(), "{one} {other}");
        }
    }

    #[test]
    fn what_leads_to_a_release_is_a_prerelease() {
        for text in ["1.0a1", "1.0b1", "1.0rc1", "1.0.dev1", "1.0.post1.dev2", "2022.12.1a"] {
            assert!(parse(text).unwrap().is_prerelease(), "{text}");
        }
        for text in ["1.0", "1.0.post1", "1.0+local", "2026.10.1"] {
            assert!(!parse(text).unwrap().is_prerelease(), "{text}");
        }
    }

    #[test]
    fn what_is_no_version_never_reaches_a_command_line() {
        for text in [
            "",
            "latest",
            "1.0 --index-url=evil",
            "1..0",
            "1.0.",
            "1.0foo",
            "-1",
            "1.0\n1",
            "1.0;x",
            "1.*",
            ">=1",
            "1.0+",
            "1.0+a..b",
            "1.0+a/b",
            "2004d",
            "99999999999999999999999",
            "１.0",
            "1.0a1b1",
        ] {
            assert_eq!(parse(text), None, "{text:?}");
        }
        assert_eq!(parse(&"1.".repeat(200)), None);
    }

    proptest! {
        #[test]
        fn any_text_is_a_version_or_none(text: String, numbers: Vec<u16>) {
            let _ = parse(&text);
            if !numbers.is_empty() {
                let text = numbers.iter().map(ToString::to_string).collect::<Vec<_>>().join(".");
                prop_assert!(parse(&text).is_some());
            }
        }
    }
}
