//! The requirements of a formula for the machine on which it runs.

use batch_core::model::{Cell, Os};
use serde::Deserialize;

/// Contexts that do not concern the machine on which a bottle runs.
const ELSEWHERE: &[&str] = &["build", "test"];

/// One of a formula's `requirements`.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Requirement {
    pub(crate) name: String,
    #[serde(default)]
    version: Option<String>,
    #[serde(default)]
    contexts: Vec<String>,
}

impl Requirement {
    /// Whether it must hold where the formula runs.
    pub(crate) fn is_to_run(&self) -> bool {
        !self.contexts.iter().any(|context| ELSEWHERE.contains(&&**context))
    }

    /// Whether it holds in `cell`. A requirement that does not concern systems or processors holds
    /// everywhere.
    pub(crate) fn allows(&self, cell: Cell) -> bool {
        let version = self.version.as_deref().filter(|version| !version.is_empty());
        match (&*self.name, version) {
            ("linux", _) => cell.os() == Os::Linux,
            ("macos", None) => cell.os() == Os::Darwin,
            ("arch", Some(arch)) => is_of(cell, arch),
            // With a release, `macos` and `maximum_macos` concern macOS only, so they hold on
            // Linux.
            _ => true,
        }
    }
}

/// Whether `cell` has a processor of the kind that brew calls `arch`.
fn is_of(cell: Cell, arch: &str) -> bool {
    let is_arm = matches!(cell, Cell::LinuxGlibcArm | Cell::LinuxMuslArm | Cell::DarwinArm);
    match arch {
        "x86_64" | "intel" => !is_arm,
        "arm64" | "arm" | "aarch64" => is_arm,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_requirement_keeps_the_cells_in_which_it_holds() {
        use Cell::{
            DarwinArm, DarwinX86, LinuxGlibcArm, LinuxGlibcX86, LinuxMuslArm, LinuxMuslX86,
        };
        let linux = [LinuxGlibcX86, LinuxMuslX86, LinuxGlibcArm, LinuxMuslArm];
        for (name, version, expected) in [
            ("linux", None, &linux[..]),
            ("macos", None, &[DarwinArm, DarwinX86]),
            ("macos", Some("13"), Cell::ALL),
            ("maximum_macos", Some("14"), Cell::ALL),
            ("arch", Some("x86_64"), &[LinuxGlibcX86, LinuxMuslX86, DarwinX86]),
            ("arch", Some("arm64"), &[LinuxGlibcArm, LinuxMuslArm, DarwinArm]),
            ("arch", Some("ppc64le"), &[]),
            ("arch", None, Cell::ALL),
            ("xcode", Some("15"), Cell::ALL),
        ] {
            let version = version.map(str::to_owned);
            let requirement = Requirement { name: name.to_owned(), version, contexts: vec![] };
            let allowed = Cell::ALL.iter().copied().filter(|cell| requirement.allows(*cell));
            let expected: Vec<Cell> =
                Cell::ALL.iter().copied().filter(|cell| expected.contains(cell)).collect();
            assert_eq!(allowed.collect::<Vec<Cell>>(), expected, "{requirement:?}");
        }
    }
}
