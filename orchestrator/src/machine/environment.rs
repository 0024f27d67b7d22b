//! Determines which environment this machine is, and which processes live on it.

use batch_core::model::Environment;

use crate::os_release::environment;

/// The environment of this machine.
pub fn of_this() -> Option<Environment> {
    // Absent on systems that are recognised by their kernel.
    let os_release = std::fs::read("/etc/os-release").unwrap_or_default();
    let (os, arch) = (std::env::consts::OS, std::env::consts::ARCH);
    environment(os, arch, &String::from_utf8_lossy(&os_release))
}

/// Whether a process with this number exists, whoever owns it.
pub fn is_alive(pid: u32) -> bool {
    let pid = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw);
    let found = pid.map(rustix::process::test_kill_process);
    matches!(found, Some(Ok(()) | Err(rustix::io::Errno::PERM)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_is_alive_and_no_process_has_an_impossible_number() {
        assert!(is_alive(std::process::id()) && is_alive(1));
        assert!(!is_alive(0) && !is_alive(u32::MAX) && !is_alive(i32::MAX as u32));
    }
}
