//! What this machine is, among the environments that recipes are validated in.

use batch_core::model::Environment;

/// The environment that this machine is.
pub fn of_this() -> Option<Environment> {
    // Absent on systems that are told by their kernel alone.
    let os_release = std::fs::read("/etc/os-release").unwrap_or_default();
    let (os, arch) = (std::env::consts::OS, std::env::consts::ARCH);
    environment(os, arch, &String::from_utf8_lossy(&os_release))
}

/// Whether a process with this number is there, whoever owns it.
pub fn is_alive(pid: u32) -> bool {
    let pid = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw);
    let found = pid.map(rustix::process::test_kill_process);
    matches!(found, Some(Ok(()) | Err(rustix::io::Errno::PERM)))
}

/// The environment that a machine is: `os` and `arch` as Rust names them, `os_release` the text of
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
    // The system's own name first, then what it is like: the first that is known decides.
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
    fn a_system_is_known_by_its_name_or_by_what_it_is_like() {
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
    fn this_process_is_alive_and_no_process_has_an_impossible_number() {
        assert!(is_alive(std::process::id()) && is_alive(1));
        assert!(!is_alive(0) && !is_alive(u32::MAX) && !is_alive(i32::MAX as u32));
    }

    #[test]
    fn what_is_not_known_is_not_guessed() {
        check("linux", "x86_64", "ID=nixos", "");
        check("linux", "riscv64", "ID=debian", "");
        check("linux", "aarch64", "ID=arch", "");
        check("windows", "x86_64", "", "");
    }
}
