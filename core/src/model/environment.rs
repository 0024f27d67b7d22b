//! The environments in which recipes are tried, and the cells to which recipes can be restricted.

use std::{fmt, str::FromStr};

use schemars::JsonSchema;

use crate::model::{InvalidId, as_text::serde_as_text};

/// An operating system.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "proper names")]
pub enum Os {
    Linux,
    Darwin,
}

impl Os {
    /// The name that recipes use.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Linux => "linux",
            Self::Darwin => "darwin",
        }
    }
}

/// Environments and cells are closed lists, so that no combination can be written that is never
/// validated.
macro_rules! environments {
    ($($cell:ident $cell_text:literal on $os:ident: $($environment:ident $text:literal),*;)*) => {
        /// What the constraints of a recipe can distinguish: operating system, architecture and
        /// libc.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, JsonSchema)]
        #[schemars(with = "String", extend("enum" = [$($cell_text),*]))]
        #[expect(missing_docs, reason = "proper names")]
        pub enum Cell { $($cell,)* }

        impl Cell {
            /// Every cell.
            pub const ALL: &[Self] = &[$(Self::$cell),*];

            /// The operating system of the cell.
            pub const fn os(self) -> Os {
                match self { $(Self::$cell => Os::$os,)* }
            }

            /// The stored word.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$cell => $cell_text,)* }
            }
        }

        /// A kind of machine that validates recipes. Environments of one cell differ in their Linux
        /// distribution.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, JsonSchema)]
        #[schemars(with = "String", extend("enum" = [$($($text),*),*]))]
        #[expect(missing_docs, reason = "proper names")]
        pub enum Environment { $($($environment,)*)* }

        impl Environment {
            /// Every environment.
            pub const ALL: &[Self] = &[$($(Self::$environment,)*)*];

            /// The cell that the results of this environment count for.
            pub const fn cell(self) -> Cell {
                match self { $($(Self::$environment => Cell::$cell,)*)* }
            }

            /// The stored word.
            pub const fn as_str(self) -> &'static str {
                match self { $($(Self::$environment => $text,)*)* }
            }

            /// Names all of them, for a message.
            const KNOWN: &str = concat!("the known ones are:" $($(, " ", $text)*)*);
        }
    };
}

environments! {
    LinuxGlibcX86 "linux-glibc-x86_64" on Linux:
        DebianX86 "linux-debian-glibc-x86_64",
        RhelX86 "linux-rhel-glibc-x86_64",
        ArchX86 "linux-arch-glibc-x86_64",
        SuseX86 "linux-suse-glibc-x86_64";
    LinuxMuslX86 "linux-musl-x86_64" on Linux: AlpineX86 "linux-alpine-musl-x86_64";
    LinuxGlibcArm "linux-glibc-arm64" on Linux:
        DebianArm "linux-debian-glibc-arm64",
        RhelArm "linux-rhel-glibc-arm64",
        SuseArm "linux-suse-glibc-arm64";
    LinuxMuslArm "linux-musl-arm64" on Linux: AlpineArm "linux-alpine-musl-arm64";
    DarwinArm "darwin-arm64" on Darwin: MacArm "darwin-arm64";
    DarwinX86 "darwin-x86_64" on Darwin: MacX86 "darwin-x86_64";
}

/// Reads spellings of older files, in which the first distribution of a cell stood for the whole
/// cell, and in which the processors were called `amd64` and `aarch64`.
fn modern_spelling(text: &str) -> String {
    let text = text.replace('/', "-").replace("amd64", "x86_64").replace("aarch64", "arm64");
    match &*text {
        "linux-x86_64" | "linux-glibc-x86_64" => "linux-debian-glibc-x86_64".to_owned(),
        "linux-arm64" | "linux-glibc-arm64" => "linux-debian-glibc-arm64".to_owned(),
        "linux-musl-x86_64" => "linux-alpine-musl-x86_64".to_owned(),
        "linux-musl-arm64" => "linux-alpine-musl-arm64".to_owned(),
        _ => text,
    }
}

impl FromStr for Environment {
    type Err = InvalidId;

    fn from_str(s: &str) -> Result<Self, InvalidId> {
        let text = modern_spelling(s);
        let found = Self::ALL.iter().copied().find(|environment| environment.as_str() == text);
        found.ok_or_else(|| InvalidId::because("environment", s, Self::KNOWN))
    }
}

impl FromStr for Cell {
    type Err = InvalidId;

    fn from_str(s: &str) -> Result<Self, InvalidId> {
        let found = Self::ALL.iter().copied().find(|cell| cell.as_str() == s);
        found.ok_or_else(|| InvalidId::new("cell", s))
    }
}

impl fmt::Display for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

serde_as_text!(Environment, Cell);

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn eleven_environments_lie_in_six_cells() {
        assert_eq!((Environment::ALL.len(), Cell::ALL.len()), (11, 6));
        let cells: BTreeSet<Cell> = Environment::ALL.iter().map(|e| e.cell()).collect();
        assert_eq!(cells, Cell::ALL.iter().copied().collect());
    }

    #[test]
    fn every_spelling_reads_back_and_old_ones_are_known() {
        for environment in Environment::ALL {
            assert_eq!(environment.to_string().parse(), Ok(*environment));
        }
        assert_eq!("linux-x86_64".parse(), Ok(Environment::DebianX86));
        assert_eq!("linux-alpine-musl-aarch64".parse(), Ok(Environment::AlpineArm));
        let error = "plan9".parse::<Environment>().unwrap_err().to_string();
        assert!(Environment::ALL.iter().all(|it| error.contains(it.as_str())), "{error}");
    }
}
