//! Divides work among the processors of the machine.

use std::{
    panic::resume_unwind,
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

/// More threads would need more memory, and have nothing to do at other times.
const MAX_THREADS: usize = 4;

/// How many threads work at the same time.
pub(crate) fn number() -> usize {
    thread::available_parallelism().map_or(1, usize::from).min(MAX_THREADS)
}

/// Parts of the work of each thread: some take longer than others.
const N_PARTS: usize = 8;

/// What `make` makes of each of `items`, in their order.
pub(crate) fn map<I: Sync, O: Send>(items: &[I], make: impl Fn(&I) -> O + Sync) -> Vec<O> {
    let parts: Vec<&[I]> = items.chunks(items.len().div_ceil(number() * N_PARTS).max(1)).collect();
    let next = AtomicUsize::new(0);
    let work = || {
        let mut done = vec![];
        loop {
            let i = next.fetch_add(1, Ordering::Relaxed);
            let Some(part) = parts.get(i) else { return done };
            done.push((i, part.iter().map(&make).collect::<Vec<O>>()));
        }
    };
    let mut done = vec![];
    thread::scope(|scope| {
        let threads: Vec<_> = (0..number()).map(|_| scope.spawn(work)).collect();
        for thread in threads {
            done.extend(thread.join().unwrap_or_else(|panic| resume_unwind(panic)));
        }
    });
    done.sort_unstable_by_key(|(i, _)| *i);
    let mut results = Vec::with_capacity(items.len());
    for (_, part) in done {
        results.extend(part);
    }
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
