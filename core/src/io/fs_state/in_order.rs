//! Works on many items in several threads, and takes the results in the order of the items.

use std::{
    num::NonZero,
    ops::ControlFlow,
    sync::mpsc,
    thread::{self, available_parallelism},
};

/// So many items one thread works on before it hands over the results.
const CHUNK: usize = 16;
/// So many of these results may wait. More threads would need more memory.
const MAX_WAITING: usize = 2;
const MAX_THREADS: usize = 4;

/// Gives each of `items` to a worker, and the results to `take`, in the order of the items, until it
/// breaks. Each thread makes its own worker. Who takes little does not wait for other threads: the first
/// items are not divided among them.
pub(super) fn in_order<I, O, B, W>(
    items: &[I],
    worker: impl Fn() -> W + Sync,
    mut take: impl FnMut(O) -> ControlFlow<B>,
) -> ControlFlow<B>
where
    I: Sync,
    O: Send,
    W: FnMut(&I) -> O,
{
    let n_threads = available_parallelism().map_or(1, NonZero::get).min(MAX_THREADS);
    let n_first = if n_threads == 1 { items.len() } else { items.len().min(CHUNK) };
    let (first, rest) = items.split_at(n_first);
    first.iter().map(worker()).try_for_each(&mut take)?;
    let chunks = || rest.chunks(CHUNK);
    let worker = &worker;
    thread::scope(|scope| {
        let n_threads = n_threads.min(chunks().len());
        let start = |n: usize| {
            let (sender, results) = mpsc::sync_channel::<Vec<O>>(MAX_WAITING);
            scope.spawn(move || {
                let mut work = worker();
                for chunk in chunks().skip(n).step_by(n_threads) {
                    // Nobody wants more results.
                    if sender.send(chunk.iter().map(&mut work).collect()).is_err() {
                        break;
                    }
                }
            });
            results
        };
        let threads: Vec<mpsc::Receiver<Vec<O>>> = (0..n_threads).map(start).collect();
        // The channel of a thread is closed early only if it panics, which the scope passes on.
        threads
            .iter()
            .cycle()
            .take(chunks().len())
            .map_while(|thread| thread.recv().ok())
            .try_for_each(|results| results.into_iter().try_for_each(&mut take))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_come_in_the_order_of_the_items() {
        for n in [0, 1, CHUNK, CHUNK + 1, 10 * CHUNK + 7] {
            let items: Vec<usize> = (0..n).collect();
            let mut taken = vec![];
            let end = in_order(
                &items,
                || |item: &usize| item * 2,
                |result| {
                    taken.push(result);
                    ControlFlow::<()>::Continue(())
                },
            );
            assert_eq!(end, ControlFlow::Continue(()));
            assert_eq!(taken, items.iter().map(|item| item * 2).collect::<Vec<_>>());
        }
    }

    #[test]
    fn nothing_is_taken_after_a_break() {
        let items: Vec<usize> = (0..20 * CHUNK).collect();
        for last in [0, CHUNK, 3 * CHUNK + 1] {
            let mut n_taken = 0;
            let take = |item| {
                n_taken += 1;
                if item == last { ControlFlow::Break(item) } else { ControlFlow::Continue(()) }
            };
            assert_eq!(in_order(&items, || |item: &usize| *item, take), ControlFlow::Break(last));
            assert_eq!(n_taken, last + 1);
        }
    }
}
