//! Names of wheels: the machines that they are for, and which wheel to read.
//!
//! <https://packaging.python.org/en/latest/specifications/binary-distribution-format/>

use std::cmp::Reverse;

use batch_core::model::Cell;

use crate::project::File;

/// A wheel that Python 3 can install on a supported machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wheel<'a> {
    pub(crate) file: &'a File,
    /// All six cells if it contains no machine code.
    pub(crate) cells: Vec<Cell>,
    /// The sort key; the best wheel has the smallest one.
    rank: (Interpreter, Reverse<u32>),
}

/// The interpreters that a wheel is for; the most widespread ones come first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Interpreter {
    /// Any Python 3 on one kind of machine: pip prefers it to a wheel for all machines.
    AnyHere,
    /// Any Python 3.
    Any,
    /// The stable ABI of `CPython`, from one version on.
    Stable,
    /// One version of `CPython`.
    Exact,
    /// One version of another interpreter, or of `CPython` without the global interpreter lock.
    Other,
}

/// `file` as a wheel; `None` if it is not a wheel, or not one for Python 3 on our systems.
pub(crate) fn read(file: &File) -> Option<Wheel<'_>> {
    let stem = file.filename.strip_suffix(".whl")?;
    let mut tags = stem.rsplit('-');
    let (platforms, abis, pythons) = (tags.next()?, tags.next()?, tags.next()?);
    if tags.count() < 2 {
        return None;
    }
    let is_everywhere = platforms.split('.').any(|platform| platform == "any");
    let rank = |python| rank(python, abis, is_everywhere);
    let rank = pythons.split('.').filter_map(rank).min()?;
    let is_here = |cell: &Cell| platforms.split('.').any(|platform| runs_on(platform, *cell));
    let cells: Vec<Cell> = Cell::ALL.iter().copied().filter(is_here).collect();
    (!cells.is_empty()).then_some(Wheel { file, cells, rank })
}

/// `None` if no Python 3 can install it.
fn rank(python: &str, abis: &str, is_everywhere: bool) -> Option<(Interpreter, Reverse<u32>)> {
    let (implementation, version) = python.split_at_checked(2)?;
    let minor = version.strip_prefix('3')?.parse().unwrap_or(0);
    let interpreter = match implementation {
        "py" if abis == "none" && !is_everywhere => Interpreter::AnyHere,
        "py" if abis == "none" => Interpreter::Any,
        "cp" | "py" if abis.split('.').any(|abi| abi == "abi3") => Interpreter::Stable,
        "cp" if !abis.ends_with('t') => Interpreter::Exact,
        "cp" | "py" | "pp" => Interpreter::Other,
        _ => return None,
    };
    Some((interpreter, Reverse(minor)))
}

/// Whether a wheel for `platform` installs into `cell`.
fn runs_on(platform: &str, cell: Cell) -> bool {
    let (family, is_arm) = match cell {
        Cell::LinuxGlibcX86 => ("manylinux", false),
        Cell::LinuxGlibcArm => ("manylinux", true),
        Cell::LinuxMuslX86 => ("musllinux", false),
        Cell::LinuxMuslArm => ("musllinux", true),
        Cell::DarwinArm => ("macosx", true),
        Cell::DarwinX86 => ("macosx", false),
    };
    if platform == "any" {
        return true;
    }
    // The registry refuses wheels for Linux without a family, but a mirror may have them.
    let is_plain = platform.starts_with("linux_") && family == "manylinux";
    if !platform.starts_with(family) && !is_plain {
        return false;
    }
    if is_arm {
        ["_arm64", "_aarch64", "_universal2"].iter().any(|end| platform.ends_with(end))
    } else {
        // `intel` stands for 32 and 64 bits.
        ["_x86_64", "_universal2", "_intel"].iter().any(|end| platform.ends_with(end))
    }
}

/// The best wheel for each cell, each wheel once; the one for most machines comes first. The result
/// does not depend on the order of `files`.
pub(crate) fn best(files: &[File]) -> Vec<Wheel<'_>> {
    let mut wheels: Vec<Wheel<'_>> = files.iter().filter_map(read).collect();
    wheels.sort_by(|one, other| {
        (one.rank, &one.file.filename).cmp(&(other.rank, &other.file.filename))
    });
    let mut best: Vec<Wheel<'_>> = vec![];
    for &cell in Cell::ALL {
        let Some(wheel) = wheels.iter().find(|wheel| wheel.cells.contains(&cell)) else { continue };
        match best.iter_mut().find(|chosen| chosen.file == wheel.file) {
            Some(chosen) => chosen.cells.push(cell),
            None => best.push(Wheel { cells: vec![cell], ..wheel.clone() }),
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(files: &[&str], expected: &[(&str, &str)]) {
        let file = |name: &&str| File { filename: (*name).to_owned(), ..File::default() };
        let mut files: Vec<File> = files.iter().map(file).collect();
        let told = |files: &[File]| -> Vec<(String, String)> {
            let words = |cells: &[Cell]| {
                let words: Vec<&str> = cells.iter().map(|cell| cell.as_str()).collect();
                words.join(" ").replace("x86_64", "x86")
            };
            let best = best(files);
            best.iter().map(|it| (it.file.filename.clone(), words(&it.cells))).collect()
        };
        let first = told(&files);
        let first: Vec<(&str, &str)> = first.iter().map(|(a, b)| (&**a, &**b)).collect();
        assert_eq!(first, expected);
        files.reverse();
        assert_eq!(told(&files).len(), expected.len());
    }

    const ALL: &str =
        "linux-glibc-x86 linux-musl-x86 linux-glibc-arm64 linux-musl-arm64 darwin-arm64 darwin-x86";

    #[test]
    fn a_wheel_without_machine_code_is_for_every_cell() {
        check(
            &["httpie-3.2.4-py3-none-any.whl", "httpie-3.2.4.tar.gz"],
            &[("httpie-3.2.4-py3-none-any.whl", ALL)],
        );
        check(&["x-1-py2.py3-none-any.whl"], &[("x-1-py2.py3-none-any.whl", ALL)]);
        check(&["x-1-1build-py3-none-any.whl"], &[("x-1-1build-py3-none-any.whl", ALL)]);
        check(
            &["black-26-cp313-cp313-manylinux_2_28_x86_64.whl", "black-26-py3-none-any.whl"],
            &[("black-26-py3-none-any.whl", ALL)],
        );
        let here = "x-1-py3-none-manylinux_2_17_x86_64.whl";
        let rest = ALL.strip_prefix("linux-glibc-x86 ").unwrap();
        check(
            &["x-1-py3-none-any.whl", here],
            &[(here, "linux-glibc-x86"), ("x-1-py3-none-any.whl", rest)],
        );
        check(&["x-1-cp39.cp310-none-any.whl"], &[("x-1-cp39.cp310-none-any.whl", ALL)]);
    }

    #[test]
    fn machine_code_has_its_cells() {
        check(
            &[
                "ruff-1-py3-none-manylinux_2_17_aarch64.manylinux2014_aarch64.whl",
                "ruff-1-py3-none-manylinux_2_17_x86_64.manylinux2014_x86_64.whl",
                "ruff-1-py3-none-musllinux_1_2_x86_64.whl",
                "ruff-1-py3-none-macosx_11_0_arm64.whl",
                "ruff-1-py3-none-macosx_10_12_x86_64.whl",
                "ruff-1-py3-none-win_amd64.whl",
                "ruff-1-py3-none-manylinux_2_17_i686.whl",
            ],
            &[
                (
                    "ruff-1-py3-none-manylinux_2_17_x86_64.manylinux2014_x86_64.whl",
                    "linux-glibc-x86",
                ),
                ("ruff-1-py3-none-musllinux_1_2_x86_64.whl", "linux-musl-x86"),
                (
                    "ruff-1-py3-none-manylinux_2_17_aarch64.manylinux2014_aarch64.whl",
                    "linux-glibc-arm64",
                ),
                ("ruff-1-py3-none-macosx_11_0_arm64.whl", "darwin-arm64"),
                ("ruff-1-py3-none-macosx_10_12_x86_64.whl", "darwin-x86"),
            ],
        );
        check(
            &["x-1-cp38-abi3-macosx_10_9_universal2.whl"],
            &[("x-1-cp38-abi3-macosx_10_9_universal2.whl", "darwin-arm64 darwin-x86")],
        );
        check(
            &["x-1-cp311-cp311-linux_x86_64.whl"],
            &[("x-1-cp311-cp311-linux_x86_64.whl", "linux-glibc-x86")],
        );
    }

    #[test]
    fn the_most_widespread_interpreter_wins() {
        let newest = "x-1-cp314-cp314-manylinux_2_17_x86_64.whl";
        check(
            &[
                "x-1-cp39-cp39-manylinux_2_17_x86_64.whl",
                newest,
                "x-1-cp314-cp314t-manylinux_2_17_x86_64.whl",
                "x-1-pp311-pypy311_pp73-manylinux_2_17_x86_64.whl",
            ],
            &[(newest, "linux-glibc-x86")],
        );
        let stable = "x-1-cp37-abi3-manylinux_2_17_x86_64.whl";
        check(&[newest, stable], &[(stable, "linux-glibc-x86")]);
    }

    #[test]
    fn wheels_that_no_supported_python_installs_are_refused() {
        check(
            &[
                "x-1-py2-none-any.whl",
                "x-1-cp27-cp27mu-manylinux1_x86_64.whl",
                "x-1-py3-none-win32.whl",
                "x-1-py3-none-manylinux_2_17_s390x.whl",
                "x-1.tar.gz",
                "py3-none-any.whl",
                "x-py3-none-any.whl",
                ".whl",
                "x-1-é3-none-any.whl",
                "x-1-zz3-none-any.whl",
                "x-1-python-none-any.whl",
            ],
            &[],
        );
    }
}
