//! The function that makes a safe path or page name from any text.

use std::borrow::Cow;

use sha2::{Digest as _, Sha256};

const LONGEST: usize = 80;

/// Names that Windows treats as devices, whatever their case or extension.
const RESERVED: &[&str] = &["con", "prn", "aux", "nul"];

/// A file name for `text`. A text of the form `[a-z0-9._+-]{1,80}` that is no Windows device name
/// and does not end in a dot stays as it is. In any other text, characters that are not allowed
/// become `_`, and `~` with 8 hexadecimal digits of the text's SHA-256 is appended. Different texts
/// have different names, except for hash collisions; the text cannot be restored from the name.
pub fn slug(text: &str) -> Cow<'_, str> {
    let may_stay = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b'+' | b'-');
    let is_plain = (1..=LONGEST).contains(&text.len())
        && text.bytes().all(may_stay)
        && !text.ends_with('.')
        && !is_device(text);
    if is_plain {
        return text.into();
    }
    let kept = |byte: u8| if may_stay(byte) { char::from(byte) } else { '_' };
    let name: String = text.bytes().map(kept).take(LONGEST).collect();
    let digest = Sha256::digest(text);
    format!("{name}~{:02x}{:02x}{:02x}{:02x}", digest[0], digest[1], digest[2], digest[3]).into()
}

fn is_device(text: &str) -> bool {
    let stem = text.split('.').next().unwrap_or_default();
    if !(3..=4).contains(&stem.len()) {
        return false;
    }
    let is_port = |prefix| {
        stem.strip_prefix(prefix).is_some_and(|n: &str| matches!(n.as_bytes(), [b'0'..=b'9']))
    };
    RESERVED.contains(&stem) || is_port("com") || is_port("lpt")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn plain_names_are_unchanged_and_others_stay_distinct() {
        assert_eq!(slug("prettier"), "prettier");
        assert_eq!(slug("@angular/cli"), format!("_angular_cli~{}", hash("@angular/cli")));
        assert_ne!(slug("JSONStream"), slug("jsonstream"));
        for name in ["con", "nul.txt", "com1", "a.", "..", ".", ""] {
            assert!(slug(name).contains('~'), "{name}");
        }
    }

    fn hash(text: &str) -> String {
        let digest = Sha256::digest(text);
        format!("{:08x}", u32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]]))
    }

    proptest! {
        #[test]
        fn a_slug_is_one_safe_path_component(text: String) {
            let name = slug(&text);
            prop_assert!(!name.is_empty() && name.len() <= LONGEST + 9);
            prop_assert!(name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"._+-~".contains(&b)));
            prop_assert!(!name.ends_with('.'));
        }
    }
}
