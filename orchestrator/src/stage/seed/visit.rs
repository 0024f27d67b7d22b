//! Asking: pages of lists, and the registry about candidates.

use batch_core::{
    decide::{
        recipe::one_line,
        seeding::{self as decide, Step, Walk},
    },
    io::{Http, HttpError, SeedJournal},
    model::{FailureKind, PackageId, SeedLine, SeedSkip, SeedVerdict},
    plugin::{EcosystemPlugin, Seeder, SourceError, SourceErrorKind},
};
use futures_util::{StreamExt as _, stream};
use tokio_util::sync::CancellationToken;

use super::Progress;

/// Questions about candidates that are under way at once: enough that a host's quota, not its
/// latency, limits the pace.
const UNDER_WAY: usize = 16;
/// So many packages in a row that cannot be read say something about the registry.
const TOO_MANY_UNREADABLE: usize = 5;

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

/// Goes on until nothing is left to do, or until `cancel`.
pub async fn visit(
    walk: &mut Walk<'_>,
    plugin: &EcosystemPlugin,
    seeder: &dyn Seeder,
    http: &dyn Http,
    mut notes: Notes<'_>,
    cancel: &CancellationToken,
) -> anyhow::Result<()> {
    while !cancel.is_cancelled() {
        match walk.next() {
            Step::Finished => break,
            Step::Fetch { source, cursor, limit } => {
                let Some(list) = seeder.sources().iter().find(|list| list.name == source) else {
                    let reason = "this version does not read it".to_owned();
                    notes.take(walk, SeedLine::Stopped { source, reason })?;
                    continue;
                };
                let asked = seeder.discover(http, list, cursor.as_deref(), limit);
                let answer = tokio::select! {
                    answer = asked => answer,
                    () = cancel.cancelled() => break,
                };
                let line = match answer {
                    Ok(page) => SeedLine::Page { source, cursor, page },
                    Err(error) => SeedLine::Stopped { source, reason: told(error) },
                };
                notes.take(walk, line)?;
            }
            Step::Inspect { source, ids } => {
                if let Some(reason) = inspect(walk, plugin, http, ids, &mut notes, cancel).await? {
                    notes.take(walk, SeedLine::Stopped { source, reason })?;
                }
            }
        }
    }
    notes.progress.ended(walk);
    Ok(())
}

/// Asks about each of `ids`; why that came to an end before the last, if it did.
async fn inspect(
    walk: &mut Walk<'_>,
    plugin: &EcosystemPlugin,
    http: &dyn Http,
    ids: Vec<PackageId>,
    notes: &mut Notes<'_>,
    cancel: &CancellationToken,
) -> anyhow::Result<Option<String>> {
    let questions = ids.into_iter().map(|id| async move {
        let answer = match plugin.recipe_builder {
            Some(builder) => builder.inspect(http, &id.name).await,
            None => Ok(None),
        };
        (id, answer)
    });
    let mut answers = stream::iter(questions).buffer_unordered(UNDER_WAY);
    let mut n_unreadable = 0;
    loop {
        let (id, answer) = tokio::select! {
            next = answers.next() => match next {
                Some(next) => next,
                None => return Ok(None),
            },
            () = cancel.cancelled() => return Ok(None),
        };
        let verdict = match answer {
            Ok(facts) => decide::verdict(facts.as_ref()),
            Err(error) => {
                n_unreadable += 1;
                let is_enough = is_about_the_host(&error) || n_unreadable == TOO_MANY_UNREADABLE;
                let why = told(error);
                if is_enough {
                    return Ok(Some(why));
                }
                SeedVerdict::Not { reason: SeedSkip::Unreadable, why }
            }
        };
        if !matches!(verdict, SeedVerdict::Not { reason: SeedSkip::Unreadable, .. }) {
            n_unreadable = 0;
        }
        notes.take(walk, SeedLine::Verdict { id, verdict })?;
    }
}

/// An error with its causes, in one line.
fn told(error: SourceError) -> String {
    one_line(&format!("{:#}", anyhow::Error::new(error)))
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
