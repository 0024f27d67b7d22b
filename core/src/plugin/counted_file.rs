//! Files that count by groups of names, as a seeder reads them: completely, and in order.

use crate::{
    io::{GroupedCounts, Request, run_blocking},
    model::Measure,
    plugin::{PageRequest, Ranking, SourceError},
};

/// A file at a registry that counts by groups of names. Its address is that of the source.
#[derive(Debug, Clone, Copy)]
pub struct CountedFile {
    /// The names of its fields.
    pub counts: GroupedCounts,
    /// What it counts.
    pub unit: &'static str,
    /// The period in days.
    pub period_days: u32,
    /// Maximal size in bytes; a larger file is an error.
    pub longest: usize,
    /// How many names are kept: those with the greatest numbers.
    pub most_names: usize,
}

/// Names and numbers, the greatest number first.
pub type RankedNames = Vec<(String, Option<u64>)>;

impl CountedFile {
    /// The names in the file and the popularity that their numbers mean. A file that does not exist
    /// is an unexpected answer, because its publishers always have one.
    pub async fn ask(
        &'static self,
        wanted: PageRequest<'_>,
    ) -> Result<(RankedNames, Measure), SourceError> {
        let request = Request::get(wanted.source.url, &[], &[]);
        let request = request.map(|it| it.accepting_json().at_most(self.longest));
        let answer = wanted.ask(request, &format!("file of {}", self.unit)).await?;
        let ranked = run_blocking(move || {
            let mut ranking = Ranking::of(self.most_names);
            let add = &mut |name: &str, count| ranking.add(name, count);
            let last_day = self.counts.read(&answer.content, add);
            last_day.map(|day| (ranking.into_rows(), day))
        });
        let (rows, last_day) = ranked.await.map_err(|reason| wanted.unexpected(reason))?;
        let as_of = last_day.or(answer.answered_on);
        Ok((rows, wanted.measure(self.unit, Some(self.period_days), as_of)))
    }
}
