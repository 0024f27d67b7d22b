//! Divides work among the processors of the machine.

use std::{panic::resume_unwind, thread};

/// More threads would need more memory, and have nothing to do at other times.
const MAX_THREADS: usize = 4;

/// How many threads work at the same time.
pub(crate) fn number() -> usize {
    thread::available_parallelism().map_or(1, usize::from).min(MAX_THREADS)
}

/// What `make` makes of each of `items`, in their order.
pub(crate) fn map<I: Sync, O: Send>(items: &[I], make: impl Fn(&I) -> O + Sync) -> Vec<O> {
    let n_each = items.len().div_ceil(number()).max(1);
    let mut results = Vec::with_capacity(items.len());
    thread::scope(|scope| {
        let make = &make;
        let work = |items| scope.spawn(move || Iterator::map(<[I]>::iter(items), make).collect());
        let parts: Vec<thread::ScopedJoinHandle<'_, Vec<O>>> =
            items.chunks(n_each).map(work).collect();
        for part in parts {
            results.extend(part.join().unwrap_or_else(|panic| resume_unwind(panic)));
        }
    });
    results
}

/// Frees all of `items`, of which each has memory of its own.
pub(crate) fn free<T: Send>(mut items: Vec<T>) {
    let n_each = items.len().div_ceil(number()).max(1);
    thread::scope(|scope| {
        while n_each < items.len() {
            let part = items.split_off(items.len() - n_each);
            scope.spawn(move || drop(part));
        }
        drop(items);
    });
}

/// Does both at the same time.
pub(crate) fn both<A: Send, B>(a: impl FnOnce() -> A + Send, b: impl FnOnce() -> B) -> (A, B) {
    thread::scope(|scope| {
        let a = scope.spawn(a);
        let b = b();
        (a.join().unwrap_or_else(|panic| resume_unwind(panic)), b)
    })
}

#[cfg(test)]
mod tests {
    #[test]
    fn results_are_in_the_order_of_the_items() {
        for n in [0, 1, 2, 3, 1_001] {
            let items: Vec<usize> = (0..n).collect();
            assert_eq!(
                super::map(&items, |n| n * 2),
                items.iter().map(|n| n * 2).collect::<Vec<_>>()
            );
        }
    }
}
