//! Fuzz tests on the stable toolchain: changes samples at random, for readers of hostile input.
//! README.md describes how to run them.

mod mutate;

use std::{
    env, fs,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    path::PathBuf,
    process,
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};

pub use mutate::Mutator;

/// Inputs of an ordinary test run.
const N_INPUTS: u32 = 300;
/// The seed of an ordinary test run.
const SEED: u64 = 6;
/// A reader that needs longer for one input counts as endless.
const PATIENCE: Duration = Duration::from_secs(60);

/// The duration and the seed of a search.
#[derive(Debug, Clone, Copy)]
struct Search {
    /// `None` stands for an ordinary test run.
    time: Option<Duration>,
    seed: u64,
}

impl Search {
    #[expect(clippy::disallowed_methods, reason = "settings of a test")]
    fn of_environment() -> Self {
        let number = |name: &str| env::var(name).ok()?.parse::<u64>().ok();
        let time = number("TSUKU_BATCH_FUZZ_SECONDS").map(Duration::from_secs);
        let otherwise = if time.is_some() { fastrand::u64(..) } else { SEED };
        Self { time, seed: number("TSUKU_BATCH_FUZZ_SEED").unwrap_or(otherwise) }
    }
}

/// Calls `read` with the `samples`, and then with randomly changed ones: some hundred inputs, or as
/// many as fit into `TSUKU_BATCH_FUZZ_SECONDS`. `words` are texts with a meaning in the format.
///
/// A panic of `read` fails the test, which prints the seed and the input.
pub fn run<S: AsRef<[u8]>>(target: &str, samples: &[S], words: &[&str], read: impl Fn(&[u8])) {
    let samples: Vec<Vec<u8>> = samples.iter().map(|sample| sample.as_ref().to_vec()).collect();
    let mut mutator = Mutator::new(words);
    let make = |rng: &mut fastrand::Rng, n_read: usize| match samples.get(n_read) {
        Some(sample) => sample.clone(),
        None => mutator.changed(&samples, rng),
    };
    run_made(target, N_INPUTS, make, read);
}

/// The same for inputs that `make` generates; its argument is the number of earlier inputs. An
/// ordinary test run reads `n_inputs`.
#[expect(clippy::print_stderr, reason = "what was searched is for whoever runs the search")]
pub fn run_made(
    target: &str,
    n_inputs: u32,
    mut make: impl FnMut(&mut fastrand::Rng, usize) -> Vec<u8>,
    read: impl Fn(&[u8]),
) {
    let Search { time, seed } = Search::of_environment();
    let mut rng = fastrand::Rng::with_seed(seed);
    let kept = Kept::new(target, time.is_some());
    if time.is_some() {
        eprintln!("fuzz {target}: seed {seed}, the input is kept in {}", kept.path.display());
    }
    let watch = Watch::start(target, seed);
    let began_at = now();
    let mut n_read = 0;
    let is_over = |n_read| match time {
        Some(time) => time <= now() - began_at,
        None => n_inputs <= n_read,
    };
    while !is_over(n_read) {
        let input = make(&mut rng, n_read as usize);
        kept.write(&input);
        watch.begin();
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| read(&input))) {
            eprintln!("fuzz {target}: seed {seed}, input {n_read}: {}", shown(&input));
            resume_unwind(panic);
        }
        n_read += 1;
    }
    watch.end();
    if time.is_some() {
        let seconds = (now() - began_at).as_secs_f64();
        let speed = f64::from(n_read) / seconds.max(0.001);
        eprintln!(
            "fuzz {target}: seed {seed}, {n_read} inputs in {seconds:.0} s, {speed:.0} in a second"
        );
    }
    kept.remove();
}

/// `input` as a Rust literal, cut if it is long.
fn shown(input: &[u8]) -> String {
    const LONGEST: usize = 4 << 10;
    let rest = input.len().saturating_sub(LONGEST);
    let more = if 0 < rest { format!(" and {rest} bytes more") } else { String::new() };
    format!("b\"{}\"{more}", input[..input.len() - rest].escape_ascii())
}

#[expect(clippy::disallowed_methods, reason = "how long to search is real time")]
fn now() -> Instant {
    Instant::now()
}

/// The file with the present input, for readers that crash the whole process.
struct Kept {
    path: PathBuf,
    is_kept: bool,
}

impl Kept {
    fn new(target: &str, is_kept: bool) -> Self {
        Self { path: env::temp_dir().join(format!("fuzz-{target}.input")), is_kept }
    }

    #[expect(clippy::disallowed_methods, reason = "a file for people, and no state")]
    fn write(&self, input: &[u8]) {
        if self.is_kept {
            // The search continues without the file.
            let _ = fs::write(&self.path, input);
        }
    }

    fn remove(&self) {
        if self.is_kept {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Ends the process if a reader does not end, because a thread cannot be stopped.
struct Watch(Arc<Mutex<Option<Instant>>>);

impl Watch {
    #[expect(
        clippy::disallowed_methods,
        clippy::print_stderr,
        reason = "a test that would hang says where"
    )]
    fn start(target: &str, seed: u64) -> Self {
        let began: Arc<Mutex<Option<Instant>>> = Arc::new(Mutex::new(Some(now())));
        let (watched, target) = (Arc::downgrade(&began), target.to_owned());
        thread::spawn(move || {
            while let Some(began) = watched.upgrade() {
                let began_at = *began.lock().unwrap_or_else(PoisonError::into_inner);
                if began_at.is_some_and(|began_at| PATIENCE < now() - began_at) {
                    eprintln!("fuzz {target}: seed {seed}: an input is read for {PATIENCE:?}");
                    process::abort();
                }
                drop(began);
                thread::sleep(Duration::from_millis(200));
            }
        });
        Self(began)
    }

    fn begin(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(now());
    }

    fn end(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    fn inputs(samples: &[&str]) -> Vec<Vec<u8>> {
        let seen = RefCell::new(vec![]);
        run("itself", samples, &["version"], |input| seen.borrow_mut().push(input.to_vec()));
        seen.into_inner()
    }

    #[test]
    fn samples_come_first_and_then_hundreds_of_changes_the_same_each_time() {
        let samples = ["{\"version\": 1}", "text"];
        let seen = inputs(&samples);
        assert_eq!(seen[..2], samples.map(|it| it.as_bytes().to_vec()));
        let mut distinct = seen.clone();
        distinct.sort();
        distinct.dedup();
        assert!(200 < distinct.len(), "only {} inputs differ", distinct.len());
        assert_eq!(inputs(&samples), seen);
    }

    #[test]
    #[should_panic(expected = "a version is a number")]
    fn a_reader_that_panics_fails_the_test() {
        run("panics", &["version"], &[], |input| {
            assert!(!input.is_empty() && input[0] == b'v', "a version is a number");
        });
    }
}
