//! Watches the processes of a job, because macOS has no limit for a group of processes.

use std::{path::Path, time::Duration};

use crate::{Ended, Limits, process};

/// The time between two looks.
const TICK: Duration = Duration::from_millis(500);

/// Completes when the processes of `group` exceed `limits`.
pub(super) async fn exceeded(group: u32, limits: Limits) -> Ended {
    let mut tick = tokio::time::interval(TICK);
    loop {
        tick.tick().await;
        let listed = process::probe(Path::new("/bin/ps"), &["-axo", "pgid=,rss="], &[]).await;
        if let Some(ended) = listed.ok().and_then(|said| over(&said.stdout, group, limits)) {
            return ended;
        }
    }
}

/// Reads the list of all processes: the group and the memory in KiB of each, one on each line.
fn over(listed: &str, group: u32, limits: Limits) -> Option<Ended> {
    let numbers = |line: &str| -> Option<(u32, u64)> {
        let (of, kib) = line.trim().split_once(char::is_whitespace)?;
        Some((of.parse().ok()?, kib.trim().parse().ok()?))
    };
    let of_job = listed.lines().filter_map(numbers).filter(|(of, _)| *of == group);
    let (processes, kib) = of_job.fold((0_u32, 0_u64), |(processes, sum), (_, kib)| {
        (processes + 1, sum.saturating_add(kib))
    });
    if kib.saturating_mul(1 << 10) > limits.memory_bytes {
        return Some(Ended::OutOfMemory);
    }
    (processes > limits.processes).then_some(Ended::TooManyProcesses)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_processes_of_the_job_count() {
        let limits = Limits { memory_bytes: 100 << 10, processes: 2, ..Limits::default() };
        let over = |listed| over(listed, 7, limits);
        assert_eq!(over("    7  60\n  7 40\n    8 900000\n"), None);
        assert_eq!(over("7 60\n7 41\n"), Some(Ended::OutOfMemory));
        assert_eq!(over("7 1\n7 1\n7 1\n"), Some(Ended::TooManyProcesses));
        assert_eq!(over("x\n7\n\n8 1"), None);
    }
}
