//! Files that count by groups of names, as a seeder reads them: as a whole, and in order.

use crate::{
    io::{GroupedCounts, Http, Request, aside},
    model::{EcosystemId, Measure},
    plugin::{Ranking, SourceError, SourceErrorKind},
};

/// Such a file at a registry.
#[derive(Debug, Clone, Copy)]
pub struct CountedFile {
    /// Where it lies.
    pub url: &'static str,
    /// How it calls what it holds.
    pub counts: GroupedCounts,
    /// What it counts.
    pub unit: &'static str,
    /// Over how many days.
    pub period_days: u32,
    /// In bytes; a longer one is an error.
    pub longest: usize,
    /// Names that are kept, those of the greatest numbers.
    pub most_names: usize,
}

/// Names and numbers, the greatest first.
pub type RankedNames = Vec<(String, Option<u64>)>;

impl CountedFile {
    /// The names in it, and what their numbers are. A file that is not there is an odd answer: its
    /// publishers always have one.
    pub async fn ask(
        &'static self,
        http: &dyn Http,
        ecosystem: &EcosystemId,
    ) -> Result<(RankedNames, Measure), SourceError> {
        let request = Request::get(self.url, &[], &[]).map_err(SourceError::of(ecosystem))?;
        let host = request.url.host_str().unwrap_or_default().to_owned();
        let odd = |reason| SourceError::of(ecosystem)(SourceErrorKind::Schema { host, reason });
        let accept = Some("application/json");
        let request = Request { accept, max_bytes: self.longest, ..request };
        let response = http.send(request).await.map_err(SourceError::of(ecosystem))?;
        let answered_on = response.answered_on();
        let body = response.found().map_err(SourceError::of(ecosystem))?;
        let Some(body) = body else { return Err(odd(format!("it has no file of {}", self.unit))) };
        let ranked = aside(move || {
            let mut ranking = Ranking::of(self.most_names);
            let last_day = self.counts.read(&body, &mut |name, count| ranking.add(name, count));
            last_day.map(|day| (ranking.into_rows(), day))
        });
        let (rows, last_day) = ranked.await.map_err(odd)?;
        let (unit, period_days) = (self.unit, Some(self.period_days));
        let (source, as_of) = (self.url.to_owned(), last_day.or(answered_on));
        Ok((rows, Measure { unit, period_days, source, as_of }))
    }
}
