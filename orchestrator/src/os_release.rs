//! Recognises a system by its own description.

use batch_core::model::Environment;

/// The environment of a machine. `os` and `arch` are Rust's names, `os_release` is the text of
/// `/etc/os-release`. `None` for a system that is none of the known ones.
pub fn environment(os: &str, arch: &str, os_release: &str) -> Option<Environment> {
    let is_arm = match arch {
        "x86_64" => false,
        "aarch64" => true,
        _ => return None,
    };
    match (os, is_arm) {
        ("macos", true) => Some(Environment::MacArm),
        ("macos", false) => Some(Environment::MacX86),
        ("linux", _) => linux(&families(os_release), is_arm),
        _ => None,
    }
}

fn linux(families: &[String], is_arm: bool) -> Option<Environment> {
    // The name of the system comes first, then the names of similar systems. The first known one
    // decides.
    families.iter().find_map(|family| match (&**family, is_arm) {
        ("debian" | "ubuntu", false) => Some(Environment::DebianX86),
        ("debian" | "ubuntu", true) => Some(Environment::DebianArm),
        ("rhel" | "fedora" | "centos", false) => Some(Environment::RhelX86),
        ("rhel" | "fedora" | "centos", true) => Some(Environment::RhelArm),
        ("arch", false) => Some(Environment::ArchX86),
        ("suse" | "opensuse", false) => Some(Environment::SuseX86),
        ("suse" | "opensuse", true) => Some(Environment::SuseArm),
        ("alpine", false) => Some(Environment::AlpineX86),
        ("alpine", true) => Some(Environment::AlpineArm),
        _ => None,
    })
}

/// `ID`, then the words of `ID_LIKE` (os-release(5)).
fn families(os_release: &str) -> Vec<String> {
    let value = |key: &str| {
        let line = os_release.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='))?;
        Some(line.trim_matches(['"', '\'']).to_ascii_lowercase())
    };
    let words = [value("ID"), value("ID_LIKE")].into_iter().flatten();
    words.flat_map(|text| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(os: &str, arch: &str, os_release: &str, expected: &str) {
        let found = environment(os, arch, os_release);
        assert_eq!(found.map_or("", Environment::as_str), expected);
    }

    #[test]
    fn a_system_is_recognised_by_its_id_or_by_id_like() {
        let debian = "PRETTY_NAME=\"Debian GNU/Linux 12\"\nID=debian\n";
        check("linux", "x86_64", debian, "linux-debian-glibc-x86_64");
        check("linux", "aarch64", debian, "linux-debian-glibc-arm64");
        check(
            "linux",
            "x86_64",
            "ID=rocky\nID_LIKE=\"rhel centos fedora\"",
            "linux-rhel-glibc-x86_64",
        );
        check("linux", "aarch64", "ID=alpine", "linux-alpine-musl-arm64");
        check(
            "linux",
            "x86_64",
            "ID=\"opensuse-leap\"\nID_LIKE=\"suse opensuse\"",
            "linux-suse-glibc-x86_64",
        );
        check("macos", "aarch64", "", "darwin-arm64");
    }

    #[test]
    fn unknown_systems_are_not_guessed() {
        check("linux", "x86_64", "ID=nixos", "");
        check("linux", "riscv64", "ID=debian", "");
        check("linux", "aarch64", "ID=arch", "");
        check("windows", "x86_64", "", "");
    }
}
