//! Numbers with their nouns.

use std::fmt::Display;

/// `n` with its noun: `1 batch`, `2 batches`.
pub fn counted<N: Copy + Display + PartialEq + From<u8>>(n: N, one: &str, many: &str) -> String {
    let noun = if n == N::from(1) { one } else { many };
    format!("{n} {noun}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_singular() {
        let texts = [0_usize, 1, 2].map(|n| counted(n, "batch", "batches"));
        assert_eq!(texts, ["0 batches", "1 batch", "2 batches"]);
    }
}
