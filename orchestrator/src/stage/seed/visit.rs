//! Asking: pages of lists, and the registry about candidates.

use std::collections::VecDeque;

use batch_core::{
    decide::{
        recipe::one_line,
        seeding::{self as decide, Fetch, Walk},
    },
    io::{Http, HttpError, SeedJournal},
    model::{FailureKind, PackageFacts, PackageId, SeedLine, SeedSkip, SeedVerdict},
    plugin::{EcosystemPlugin, Seeder, SourceError, SourceErrorKind},
};
use futures_util::{StreamExt as _, stream::FuturesUnordered};
use tokio_util::sync::CancellationToken;

use super::Progress;

/// Questions about candidates that are under way at once: enough that a host's quota, not its
/// latency, limits the pace.
const UNDER_WAY: usize = 16;
/// So many packages in a row that cannot be read say something about the registry.
const TOO_MANY_UNREADABLE: usize = 5;

/// Who is asked, and by what.
#[derive(Clone, Copy)]
#[expect(missing_docs, reason = "the types say it")]
pub struct Desk<'a> {
    pub plugin: &'a EcosystemPlugin,
    pub seeder: &'a dyn Seeder,
    pub http: &'a dyn Http,
}

/// Where facts go.
pub struct Notes<'a> {
    /// `None` where nothing is to be written.
    pub journal: Option<&'a mut SeedJournal>,
    /// For people.
    pub progress: &'a Progress,
}

impl Notes<'_> {
    fn take(&mut self, walk: &mut Walk<'_>, line: SeedLine) -> anyhow::Result<()> {
        if let Some(journal) = &mut self.journal {
            journal.append(&line)?;
        }
        walk.take(line);
        self.progress.at(walk);
        Ok(())
    }
}

/// Goes on until nothing is left to do, or until `cancel`. Pages are read ahead while the registry
/// is asked about the candidates of those before.
pub async fn visit(
    walk: &mut Walk<'_>,
    desk: Desk<'_>,
    mut notes: Notes<'_>,
    cancel: &CancellationToken,
) -> anyhow::Result<()> {
    let mut waiting: VecDeque<PackageId> = walk.undecided().cloned().collect();
    let mut questions = FuturesUnordered::new();
    let mut page = None;
    let mut n_unreadable = 0;
    loop {
        if page.is_none() && waiting.len() < UNDER_WAY {
            let is_idle = waiting.is_empty() && questions.is_empty();
            page = walk.fetch(is_idle).map(|fetch| Box::pin(desk.discover(fetch)));
        }
        while questions.len() < UNDER_WAY
            && let Some(id) = waiting.pop_front()
        {
            questions.push(desk.inspect(id));
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
                        let why = told(error);
                        if is_enough {
                            // Asking about the others of this list would end the same way.
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

impl Desk<'_> {
    /// Asks for a page; what comes of it, as a fact.
    async fn discover(self, fetch: Fetch) -> SeedLine {
        let Fetch { source, cursor, limit } = fetch;
        let Some(list) = self.seeder.sources().iter().find(|list| list.name == source) else {
            let reason = "this version does not read it".to_owned();
            return SeedLine::Stopped { source, reason };
        };
        match self.seeder.discover(self.http, list, cursor.as_deref(), limit).await {
            Ok(page) => SeedLine::Page { source, cursor, page },
            Err(error) => SeedLine::Stopped { source, reason: told(error) },
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

/// An error with its causes, in one line.
fn told(error: SourceError) -> String {
    one_line(&format!("{:#}", anyhow::Error::new(error)))
}

/// Whether the registry answers, and only keeps this package to itself.
fn is_about_the_package(error: &SourceError) -> bool {
    matches!(error.kind, SourceErrorKind::Withheld(_))
}

/// Whether asking about another package would end the same way.
fn is_about_the_host(error: &SourceError) -> bool {
    let is_spent = matches!(
        &error.kind,
        SourceErrorKind::Http(
            HttpError::RunSpent { .. } | HttpError::Paused { .. } | HttpError::Undeclared { .. }
        )
    );
    is_spent || error.finding().kind == FailureKind::RateLimited
}
