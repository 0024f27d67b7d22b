//! Translates between the constraints of a recipe and the six cells, in both directions.

use std::collections::BTreeSet;

use super::{document::Table, problems::Problems};
use crate::model::{Cell, Metadata, When};

pub(super) const SYSTEMS: &[&str] = &["linux", "darwin"];
pub(super) const ARCHITECTURES: &[&str] = &["amd64", "arm64"];
pub(super) const LIBCS: &[&str] = &["glibc", "musl"];

/// A cell as recipes write it. macOS has no choice of libc.
struct PlatformNames {
    os: &'static str,
    arch: &'static str,
    libc: Option<&'static str>,
}

const fn platform_names(cell: Cell) -> PlatformNames {
    let (os, arch, libc) = match cell {
        Cell::LinuxGlibcX86 => ("linux", "amd64", Some("glibc")),
        Cell::LinuxMuslX86 => ("linux", "amd64", Some("musl")),
        Cell::LinuxGlibcArm => ("linux", "arm64", Some("glibc")),
        Cell::LinuxMuslArm => ("linux", "arm64", Some("musl")),
        Cell::DarwinArm => ("darwin", "arm64", None),
        Cell::DarwinX86 => ("darwin", "amd64", None),
    };
    PlatformNames { os, arch, libc }
}

/// The cells that the constraints of `metadata` allow.
pub fn allowed_cells(metadata: &Metadata) -> Vec<Cell> {
    let is_allowed = |cell: &Cell| {
        let is_excluded = |platform: &String| is_of(*cell, platform);
        is_supported(metadata, *cell) && !metadata.unsupported_platforms.iter().any(is_excluded)
    };
    Cell::ALL.iter().copied().filter(is_allowed).collect()
}

/// Whether the three lists of supported values allow `cell`. An empty list allows everything.
fn is_supported(metadata: &Metadata, cell: Cell) -> bool {
    let PlatformNames { os, arch, libc } = platform_names(cell);
    let has = |list: &[String], word: &str| list.is_empty() || list.iter().any(|it| it == word);
    has(&metadata.supported_os, os)
        && has(&metadata.supported_arch, arch)
        && libc.is_none_or(|libc| has(&metadata.supported_libc, libc))
}

/// Whether `cell` belongs to the platform `os/arch[/libc]`.
fn is_of(cell: Cell, platform: &str) -> bool {
    let PlatformNames { os, arch, libc } = platform_names(cell);
    let mut parts = platform.split('/');
    (parts.next(), parts.next()) == (Some(os), Some(arch))
        && parts.next().is_none_or(|wanted| Some(wanted) == libc)
}

/// The cells to which a step with the condition `when` applies.
pub(super) fn step_cells(when: &When) -> impl Iterator<Item = Cell> {
    let applies = |cell: &Cell| {
        let PlatformNames { os, arch, libc } = platform_names(*cell);
        let has = |list: &[String], word: &str| list.is_empty() || list.iter().any(|it| it == word);
        let of_family = match &*when.linux_family {
            "" => true,
            "alpine" => libc == Some("musl"),
            _ => libc == Some("glibc"),
        };
        has(&when.os, os)
            && has(&when.platform, &format!("{os}/{arch}"))
            && (when.arch.is_empty() || when.arch == arch)
            && libc.map_or_else(|| when.libc.is_empty(), |libc| has(&when.libc, libc))
            && of_family
    };
    Cell::ALL.iter().copied().filter(applies)
}

/// Writes into `metadata` that the recipe works only in `cells`, with as few constraints as
/// possible. An empty list and a list of all cells mean no constraint.
pub fn constrain(metadata: &mut Metadata, cells: &[Cell]) {
    let all = |of: fn(&PlatformNames) -> Option<&'static str>,
               cells: &[Cell]|
     -> BTreeSet<&'static str> {
        cells.iter().filter_map(|&cell| of(&platform_names(cell))).collect()
    };
    let only = |of, platform_names: &[&str]| -> Vec<String> {
        let found = all(of, cells);
        let is_choice = !found.is_empty() && found.len() < platform_names.len();
        if is_choice { found.into_iter().map(str::to_owned).collect() } else { vec![] }
    };
    metadata.supported_os = only(|platform_names| Some(platform_names.os), SYSTEMS);
    metadata.supported_arch = only(|platform_names| Some(platform_names.arch), ARCHITECTURES);
    metadata.supported_libc = only(|platform_names| platform_names.libc, LIBCS);
    metadata.unsupported_platforms = vec![];
    if cells.is_empty() {
        return;
    }
    let left_over = |cell: &&Cell| is_supported(metadata, **cell) && !cells.contains(cell);
    let excluded: BTreeSet<String> =
        Cell::ALL.iter().filter(left_over).map(|&cell| platform(cell, cells)).collect();
    metadata.unsupported_platforms = excluded.into_iter().collect();
}

/// The platform to exclude for `cell`. The libc is added only if the other libc is among `cells`.
fn platform(cell: Cell, cells: &[Cell]) -> String {
    let PlatformNames { os, arch, libc } = platform_names(cell);
    let whole = format!("{os}/{arch}");
    match libc.filter(|_| cells.iter().any(|&other| is_of(other, &whole))) {
        Some(libc) => format!("{whole}/{libc}"),
        None => whole,
    }
}

/// Refuses invalid platforms, and constraints that contradict each other.
pub(super) fn check(table: &Table<'_>, metadata: &Metadata, problems: &mut Problems<'_>) {
    let n_before = problems.len();
    for (key, platform_names, is_refused) in [
        ("supported_os", SYSTEMS, false),
        ("supported_arch", ARCHITECTURES, false),
        ("supported_libc", LIBCS, true),
    ] {
        if let Some(field) = table.get(key) {
            field.check_words(platform_names, is_refused, problems);
        }
    }
    // Invalid words contradict nothing.
    let is_spelled = problems.len() == n_before;
    let excluded = table.get("unsupported_platforms");
    for item in excluded.map(|field| field.items(problems)).unwrap_or_default() {
        let Some(platform) = item.value.as_str() else { continue };
        let mut known = Cell::ALL.iter().filter(|&&cell| is_of(cell, platform)).peekable();
        if !is_in_product(metadata, platform) {
            let what = "excludes a platform that is not supported anyway, or is not os/arch";
            let fix = "remove it, or write os/arch or linux/arch/libc";
            problems.add(&item.at, what).fix(fix);
        } else if known.peek().is_none() {
            let fix = "write os/arch or linux/arch/libc";
            problems.add_own_rule(&item.at, "must be os/arch or linux/arch/libc").fix(fix);
        } else if is_spelled && !known.any(|&cell| is_supported(metadata, cell)) {
            let what = "is not supported anyway: the lists contradict each other";
            problems.add_own_rule(&item.at, what).fix("remove it");
        }
    }
    if problems.len() == n_before && allowed_cells(metadata).is_empty() {
        let fix = "remove what excludes too much";
        problems.add(&table.at, "leaves no platform to install on").fix(fix);
    }
}

/// Whether `os/arch[/libc]` is a combination of the systems and processors that `metadata`
/// supports, whatever the libc.
fn is_in_product(metadata: &Metadata, platform: &str) -> bool {
    let parts: Vec<&str> = platform.split('/').collect();
    let ([os, arch] | [os, arch, _]) = &*parts else { return false };
    let has = |list: &[String], all: &[&str], word: &str| {
        if list.is_empty() { all.contains(&word) } else { list.iter().any(|it| it == word) }
    };
    has(&metadata.supported_os, SYSTEMS, os) && has(&metadata.supported_arch, ARCHITECTURES, arch)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_set_of_cells_can_be_written_and_read_back() {
        for bits in 1_u8..1 << Cell::ALL.len() {
            let is_in = |(i, _): &(usize, &Cell)| bits & 1 << i != 0;
            let cells: Vec<Cell> =
                Cell::ALL.iter().enumerate().filter(is_in).map(|(_, &cell)| cell).collect();
            let mut metadata = Metadata::default();
            constrain(&mut metadata, &cells);
            assert_eq!(allowed_cells(&metadata), cells, "{metadata:?}");
        }
    }

    #[test]
    fn constraints_are_minimal() {
        let mut metadata = Metadata::default();
        constrain(&mut metadata, Cell::ALL);
        assert_eq!(metadata, Metadata::default());
        constrain(&mut metadata, &[]);
        assert_eq!(metadata, Metadata::default());

        constrain(&mut metadata, &[Cell::LinuxGlibcX86, Cell::LinuxMuslX86, Cell::DarwinArm]);
        assert_eq!(metadata.unsupported_platforms, ["darwin/amd64", "linux/arm64"]);
        constrain(&mut metadata, &[Cell::LinuxGlibcX86, Cell::LinuxGlibcArm, Cell::LinuxMuslX86]);
        assert_eq!(metadata.supported_os, ["linux"]);
        assert_eq!(metadata.unsupported_platforms, ["linux/arm64/musl"]);
    }
}
