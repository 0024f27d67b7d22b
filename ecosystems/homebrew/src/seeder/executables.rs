//! Reads the list of the commands of every formula, line by line. The input may be any bytes.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{self, BufRead},
};

use batch_core::{model::PackageName, plugin::Names as _};

use crate::Homebrew;

/// The names in `bin` and `sbin` of each formula in `wanted`; formulae that the list does not name
/// are left out. The inner error says what is wrong with the list.
pub(crate) fn read(
    mut list: impl BufRead,
    wanted: &BTreeSet<PackageName>,
) -> io::Result<Result<BTreeMap<PackageName, Vec<String>>, String>> {
    let mut found = BTreeMap::new();
    let mut n_formulae = 0_usize;
    let mut line = vec![];
    while list.read_until(b'\n', &mut line)? != 0 {
        if line.pop() != Some(b'\n') {
            // Every line ends with a newline. Without this check, the missing rest would look like
            // formulae without commands.
            return Ok(Err("the list of executables ends in the middle of a line".to_owned()));
        }
        let text = String::from_utf8_lossy(&line);
        if let Some((formula, executables)) = parse(&text) {
            n_formulae += 1;
            if let Some(name) = Homebrew.normalise(formula).ok().filter(|it| wanted.contains(it)) {
                let names = executables.split_whitespace().map(str::to_owned).collect();
                // If a formula has two lines, the first one counts, as in brew.
                found.entry(name).or_insert(names);
            }
        }
        line.clear();
    }
    if n_formulae == 0 {
        return Ok(Err("the list of executables names no formula".to_owned()));
    }
    Ok(Ok(found))
}

/// `name:executables`, or `name(version):executables`.
fn parse(line: &str) -> Option<(&str, &str)> {
    let end = line.find(['(', ':'])?;
    let (name, rest) = line.split_at(end);
    let rest = match rest.strip_prefix('(') {
        Some(version) => version.split_once(')')?.1,
        None => rest,
    };
    Some((name, rest.strip_prefix(':')?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_may_have_a_version() {
        assert_eq!(parse("wget:wget"), Some(("wget", "wget")));
        assert_eq!(parse("aalib(1.4rc5_2):aafire aainfo"), Some(("aalib", "aafire aainfo")));
        assert_eq!(parse("x(1:2):a:b"), Some(("x", "a:b")));
        assert_eq!(parse("gtk+3(3.24):"), Some(("gtk+3", "")));
        for odd in ["", "wget", "wget(1.0)", "wget(1.0", "wget(1.0) :x", "wget(1.0)x:y"] {
            assert_eq!(parse(odd), None, "{odd:?}");
        }
    }
}
