//! The requests of a seeding: pages of lists, and questions about candidates.

use std::collections::VecDeque;

use batch_core::{
    decide::{
        recipe::one_line,
        seeding::{self as decide, Fetch, Walk},
    },
    io::{Http, HttpError, SeedJournal},
    model::{FailureKind, PackageFacts, PackageId, SeedLine, SeedSkip, SeedVerdict},
    plugin::{EcosystemPlugin, PageRequest, Seeder, SourceError, SourceErrorKind},
};
use futures_util::{StreamExt as _, stream::FuturesUnordered};
use tokio_util::sync::CancellationToken;

use super::Progress;

/// How many requests about candidates are in progress at the same time. It is enough that the quota
/// of a host limits the rate, and not its latency.
const UNDER_WAY: usize = 16;
/// This many packages in a row that cannot be read indicate a problem of the registry.
const TOO_MANY_UNREADABLE: usize = 5;

/// The plugin, its seeder, and the client for requests.
#[derive(Clone, Copy)]
#[expect(missing_docs, reason = "the types say it")]
pub struct SeedContext<'a> {
    pub plugin: &'a EcosystemPlugin,
    pub seeder: &'a dyn Seeder,
    pub http: &'a dyn Http,
}

/// Receives the facts.
pub struct FactLog<'a> {
    /// `None` when nothing must be written.
    pub journal: Option<&'a mut SeedJournal>,
    /// For people.
    pub progress: &'a Progress,
}

impl FactLog<'_> {
    fn take(&mut self, walk: &mut Walk<'_>, line: SeedLine) -> anyhow::Result<()> {
        if let Some(journal) = &mut self.journal {
            journal.append(&line)?;
        }
        walk.take(line);
        self.progress.at(walk);
        Ok(())
    }
}

/// Continues until nothing is left to do, or until `cancel`. The next page is read while the
/// registry is asked about the candidates of earlier pages.
pub async fn visit(
    walk: &mut Walk<'_>,
    seed_context: SeedContext<'_>,
    mut notes: FactLog<'_>,
    cancel: &CancellationToken,
) -> anyhow::Result<()> {
    let mut waiting: VecDeque<PackageId> = walk.undecided().cloned().collect();
    let mut questions = FuturesUnordered::new();
    let mut page = None;
    let mut n_unreadable = 0;
    loop {
        if page.is_none() && waiting.len() < UNDER_WAY {
            let is_idle = waiting.is_empty() && questions.is_empty();
            page = walk.fetch(is_idle).map(|fetch| Box::pin(seed_context.discover(fetch)));
        }
        while questions.len() < UNDER_WAY
            && let Some(id) = waiting.pop_front()
        {
            questions.push(seed_context.inspect(id));
        }
        if page.is_none() && questions.is_empty() {
            break;
        }
        tokio::select! {
            line = async { match &mut page {
                Some(page) => page.await,
                None => std::future::pending().await,
            } } => {
                page = None;
                let n_before = walk.visited().len();
                notes.take(walk, line)?;
                let came = walk.visited()[n_before..].iter();
                let open = came.filter(|visited| visited.verdict.is_none());
                waiting.extend(open.map(|visited| visited.candidate.id.clone()));
            }
            Some((id, answer)) = questions.next(), if !questions.is_empty() => {
                let is_fault = answer.as_ref().is_err_and(|error| !is_about_the_package(error));
                n_unreadable = if is_fault { n_unreadable + 1 } else { 0 };
                let verdict = match answer {
                    Ok(facts) => decide::verdict(facts.as_ref()),
                    Err(error) => {
                        let is_enough =
                            is_about_the_host(&error) || n_unreadable == TOO_MANY_UNREADABLE;
                        let why = chain(error);
                        if is_enough {
                            // Requests about the other candidates of this list would end in the
                            // same way.
                            (waiting, page, n_unreadable) = (VecDeque::new(), None, 0);
                            questions = FuturesUnordered::new();
                            let (source, reason) = (walk.source_of(&id), why);
                            notes.take(walk, SeedLine::Stopped { source, reason })?;
                            continue;
                        }
                        SeedVerdict::Not { reason: SeedSkip::Unreadable, why }
                    }
                };
                notes.take(walk, SeedLine::Verdict { id, verdict })?;
            }
            () = cancel.cancelled() => break,
        }
    }
    notes.progress.ended(walk);
    Ok(())
}

impl SeedContext<'_> {
    /// Requests a page. The result is a fact.
    async fn discover(self, fetch: Fetch) -> SeedLine {
        let Fetch { source, cursor, limit } = fetch;
        let Some(list) = self.seeder.sources().iter().find(|list| list.name == source) else {
            let reason = "this version does not read it".to_owned();
            return SeedLine::Stopped { source, reason };
        };
        let page = PageRequest::first(self.plugin, self.http, list);
        let page = PageRequest { cursor: cursor.as_deref(), limit, ..page };
        match page.page(self.seeder).await {
            Ok(page) => SeedLine::Page { source, cursor, page },
            Err(error) => SeedLine::Stopped { source, reason: chain(error) },
        }
    }

    /// Asks the registry about one candidate.
    async fn inspect(
        self,
        id: PackageId,
    ) -> (PackageId, Result<Option<PackageFacts>, SourceError>) {
        let answer = match self.plugin.recipe_builder {
            Some(builder) => builder.inspect(self.http, &id.name).await,
            None => Ok(None),
        };
        (id, answer)
    }
}

/// An error with its causes on one line.
fn chain(error: SourceError) -> String {
    one_line(&format!("{:#}", anyhow::Error::new(error)))
}

/// Whether the registry answers and only refuses this package.
fn is_about_the_package(error: &SourceError) -> bool {
    matches!(error.kind, SourceErrorKind::Withheld(_))
}

/// Whether requests about other packages would end in the same way.
fn is_about_the_host(error: &SourceError) -> bool {
    let is_spent = matches!(
        &error.kind,
        SourceErrorKind::Http(
            HttpError::RunSpent { .. } | HttpError::Paused { .. } | HttpError::Undeclared { .. }
        )
    );
    is_spent || error.finding().kind == FailureKind::RateLimited
}
