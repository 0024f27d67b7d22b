//! Makes pages in several threads.

use std::{
    sync::{
        Mutex, PoisonError,
        mpsc::{self, TrySendError},
    },
    thread::Scope,
};

use crate::{page::Page, threads};

/// Makes some pages that belong together.
pub(crate) type Job<'j> = Box<dyn FnOnce() -> Vec<Page> + Send + 'j>;

/// Items whose pages one job makes.
const N_AT_ONCE: usize = 64;

/// A job for each few of `items`, each of which has one page.
pub(crate) fn for_each<'j, T: Sync>(
    items: &'j [T],
    make: impl Fn(&T) -> Page + Copy + Send + Sync + 'j,
) -> impl Iterator<Item = Job<'j>> {
    let job =
        move |items: &'j [T]| -> Job<'j> { Box::new(move || items.iter().map(make).collect()) };
    items.chunks(N_AT_ONCE).map(job)
}

/// Does the jobs and passes all pages to `put`, in no order; stops at the first error of `put`.
pub(crate) fn run<E>(
    jobs: Vec<Job<'_>>,
    mut put: impl FnMut(Page) -> Result<(), E>,
) -> Result<(), E> {
    let queue = Queue::default();
    std::thread::scope(|scope| {
        let mut workers = Workers::start(scope, &queue);
        for job in jobs {
            workers.give(job, &mut put)?;
        }
        workers.end(&mut put)
    })
}

/// The end of the channel of jobs that all workers share.
#[derive(Default)]
pub(crate) struct Queue<'j>(Mutex<Option<mpsc::Receiver<Job<'j>>>>);

impl<'j> Queue<'j> {
    fn next(&self) -> Option<Job<'j>> {
        // A job that panics does so outside of the lock, and the scope passes it on.
        self.0.lock().unwrap_or_else(PoisonError::into_inner).as_ref()?.recv().ok()
    }
}

/// Threads that do jobs. Few jobs and few results wait at the same time, so that the memory of a large
/// site is that of some pages.
pub(crate) struct Workers<'j> {
    jobs: mpsc::SyncSender<Job<'j>>,
    made: mpsc::Receiver<Vec<Page>>,
}

impl<'j> Workers<'j> {
    pub(crate) fn start<'scope>(scope: &'scope Scope<'scope, '_>, queue: &'scope Queue<'j>) -> Self
    where
        'j: 'scope,
    {
        let n_threads = threads::number();
        let (jobs, given) = mpsc::sync_channel(n_threads);
        *queue.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(given);
        let (sender, made) = mpsc::sync_channel(n_threads);
        for _ in 0..n_threads {
            let sender = sender.clone();
            scope.spawn(move || {
                while let Some(job) = queue.next() {
                    // Nobody wants more pages.
                    if sender.send(job()).is_err() {
                        break;
                    }
                }
            });
        }
        Self { jobs, made }
    }

    /// Has the job done, and passes pages that are ready to `put`.
    pub(crate) fn give<E>(
        &mut self,
        job: Job<'j>,
        put: &mut impl FnMut(Page) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut job = job;
        loop {
            match self.jobs.try_send(job) {
                Ok(()) => return self.made.try_iter().flatten().try_for_each(&mut *put),
                Err(TrySendError::Full(again)) => {
                    job = again;
                    let made = self.made.recv().unwrap_or_default();
                    made.into_iter().try_for_each(&mut *put)?;
                }
                // The workers end early only if they panic, which the scope passes on.
                Err(TrySendError::Disconnected(_)) => return Ok(()),
            }
        }
    }

    /// Passes the other pages to `put`.
    pub(crate) fn end<E>(self, put: &mut impl FnMut(Page) -> Result<(), E>) -> Result<(), E> {
        drop(self.jobs);
        self.made.into_iter().flatten().try_for_each(put)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(n: usize) -> Page {
        Page { path: n.to_string(), body: vec![] }
    }

    #[test]
    fn every_page_is_put_once() {
        let items: Vec<usize> = (0..1_000).collect();
        let jobs = for_each(&items, |n| page(*n)).collect();
        let mut put = vec![];
        run(jobs, |page| {
            put.push(page.path.parse::<usize>().unwrap());
            Ok::<_, ()>(())
        })
        .unwrap();
        put.sort_unstable();
        assert_eq!(put, items);
    }

    #[test]
    fn an_error_ends_the_work() {
        let items: Vec<usize> = (0..100_000).collect();
        let jobs = for_each(&items, |n| page(*n)).collect();
        let mut n_put = 0;
        let end = run(jobs, |_| {
            n_put += 1;
            if n_put == 3 { Err("full") } else { Ok(()) }
        });
        assert_eq!((end, n_put), (Err("full"), 3));
    }
}
