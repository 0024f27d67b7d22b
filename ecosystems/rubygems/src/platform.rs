//! Maps the platforms of RubyGems to the pipeline's cells.

use batch_core::model::Cell;

/// The platform of a gem without native code.
pub(crate) const RUBY: &str = "ruby";

const LINUX_X86: &[Cell] = &[Cell::LinuxGlibcX86, Cell::LinuxMuslX86];
const LINUX_ARM: &[Cell] = &[Cell::LinuxGlibcArm, Cell::LinuxMuslArm];

/// The cells in which a gem for `platform` runs; empty for Java, Windows, 32 bits and unknown
/// platforms.
///
/// As in `Gem::Platform#===`, Linux without a libc matches both, and a macOS with a number matches
/// only that number, so it stands for no cell.
pub(crate) fn cells(platform: &str) -> &'static [Cell] {
    match platform {
        RUBY => Cell::ALL,
        "x86_64-linux" => LINUX_X86,
        "x86_64-linux-gnu" => &[Cell::LinuxGlibcX86],
        "x86_64-linux-musl" => &[Cell::LinuxMuslX86],
        "aarch64-linux" | "arm64-linux" => LINUX_ARM,
        "aarch64-linux-gnu" | "arm64-linux-gnu" => &[Cell::LinuxGlibcArm],
        "aarch64-linux-musl" | "arm64-linux-musl" => &[Cell::LinuxMuslArm],
        "arm64-darwin" | "aarch64-darwin" => &[Cell::DarwinArm],
        "x86_64-darwin" => &[Cell::DarwinX86],
        "universal-darwin" => &[Cell::DarwinArm, Cell::DarwinX86],
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn platforms_fit_as_rubygems_says() {
        for (platform, n_cells) in [
            ("ruby", 6),
            ("x86_64-linux", 2),
            ("x86_64-linux-gnu", 1),
            ("aarch64-linux-musl", 1),
            ("arm64-darwin", 1),
            ("universal-darwin", 2),
            ("arm64-darwin-22", 0),
            ("java", 0),
            ("x64-mingw-ucrt", 0),
            ("x86-mswin32-60", 0),
            ("arm-linux-gnu", 0),
            ("", 0),
            ("../x", 0),
        ] {
            assert_eq!(cells(platform).len(), n_cells, "{platform}");
        }
    }
}
