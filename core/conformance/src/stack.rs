//! Measures how much of its stack code uses. A parser that calls itself for each bracket uses as
//! much as its input demands, and the program crashes when the stack is full.

use std::{fs, thread, time::Duration};

use super::guard::{self, GuardError};

/// The stack of threads that read nested input. Only the used part needs memory.
const BYTES: usize = 512 << 20;

/// The result of `work` on a thread with a very large stack, and how many bytes of the stack it
/// used at most; `None` if the system does not tell.
pub(super) fn used<T: Send + 'static>(
    limit: Duration,
    name: &str,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<(T, Option<usize>), GuardError> {
    within(limit, name, move || (work(), touched()))
}

/// Like [`guard::within`], for code that may call itself any number of times.
pub(super) fn within<T: Send + 'static>(
    limit: Duration,
    name: &str,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, GuardError> {
    guard::within_on(thread::Builder::new().stack_size(BYTES), limit, name, work)
}

/// How many bytes of this thread's stack were used.
#[expect(clippy::disallowed_methods, reason = "the system's word about this thread is no state")]
fn touched() -> Option<usize> {
    let here = 0_u8;
    let here = std::ptr::from_ref(&here).addr();
    let maps = fs::read_to_string("/proc/self/smaps").ok()?;
    let mut is_ours = false;
    for line in maps.lines() {
        if let Some((from, to)) = range(line) {
            is_ours = (from..to).contains(&here);
        } else if is_ours && let Some(rest) = line.strip_prefix("Rss:") {
            let kibibytes: usize = rest.trim().strip_suffix(" kB")?.trim().parse().ok()?;
            return Some(kibibytes << 10);
        }
    }
    None
}

/// The addresses in the first line of a mapping, `7ffd88add000-7ffd88afe000 rw-p …`.
fn range(line: &str) -> Option<(usize, usize)> {
    let (from, to) = line.split_once(' ')?.0.split_once('-')?;
    Some((usize::from_str_radix(from, 16).ok()?, usize::from_str_radix(to, 16).ok()?))
}

#[cfg(test)]
mod tests {
    use std::hint::black_box;

    use super::*;

    fn calls_itself(n: usize) -> usize {
        let frame = black_box([n; 16]);
        if n == 0 { 0 } else { 1 + calls_itself(n - 1) + black_box(frame)[0] - n }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_use_of_a_stack_grows_with_the_calls() {
        let used = |n| used(Duration::from_secs(20), "calls", move || calls_itself(n)).unwrap();
        let (shallow, deep) = (used(10), used(100_000));
        assert_eq!((shallow.0, deep.0), (10, 100_000));
        let (shallow, deep) = (shallow.1.unwrap(), deep.1.unwrap());
        assert!(shallow < 1 << 20 && 100_000 * 128 < deep, "{shallow} {deep}");
    }
}
