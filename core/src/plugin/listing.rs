//! What registries need of a seeder and a builder: one JSON answer, a listed file, and a page of bare
//! names.

use serde::de::DeserializeOwned;

use crate::{
    io::{CachedFile, Http, Request, archive::ArchiveError, json},
    model::{Candidate, EcosystemId, PackageId, PassedOver, SeedSkip},
    plugin::{Names, Page, SourceError, SourceErrorKind},
};

/// The JSON that the registry of `ecosystem` has at `segments` under `origin`; `None` where it has
/// nothing there.
pub async fn ask<T: DeserializeOwned>(
    http: &dyn Http,
    ecosystem: &EcosystemId,
    origin: &str,
    segments: &[&str],
) -> Result<Option<T>, SourceError> {
    let request = Request::get(origin, segments, &[]).map_err(SourceError::of(ecosystem))?;
    json(http, request).await.map_err(SourceError::of(ecosystem))
}

/// The file that `request` asks for, which the registry lists. One that is not there, or has no byte
/// in it, is the store's fault: stores are filled after the list is written.
pub async fn fetch_listed(
    http: &dyn Http,
    request: Request,
) -> Result<CachedFile, SourceErrorKind> {
    let url = request.url.clone();
    let file = http.fetch_to_cache(request).await.map_err(SourceErrorKind::of_listed_file)?;
    let is_empty = file.metadata().map_err(ArchiveError::from)?.len() == 0;
    if is_empty { Err(SourceErrorKind::Unserved { url }) } else { Ok(file) }
}

impl Page {
    /// The part of `list`, which holds nothing but names as the registry spells them, that begins
    /// at the place `cursor` and has at most `limit` candidates, and at least one if there is any.
    /// What is no name is passed over; a cursor that is no place is the beginning.
    pub fn of_names(
        ecosystem: &EcosystemId,
        names: &dyn Names,
        list: Vec<String>,
        cursor: Option<&str>,
        limit: usize,
    ) -> Self {
        let from = cursor.and_then(|place| place.parse().ok()).unwrap_or(0);
        let mut page = Self { total: Some(list.len()), ..Self::default() };
        for (place, name) in list.into_iter().enumerate().skip(from) {
            match names.normalise(&name) {
                Ok(_) if limit.max(1) <= page.candidates.len() => {
                    page.next_cursor = Some(place.to_string());
                    break;
                }
                Ok(name) => page.candidates.push(Candidate {
                    id: PackageId { ecosystem: ecosystem.clone(), name },
                    popularity: None,
                    commands: None,
                    has_repository: None,
                }),
                Err(error) => {
                    let (reason, why) = (SeedSkip::InvalidName, error.to_string());
                    page.passed_over.push(PassedOver { name, reason, why });
                }
            }
        }
        page
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        model::{InvalidId, PackageName},
        plugin::Spelling,
    };

    struct Plain;

    impl Names for Plain {
        fn normalise(&self, spelling: &str) -> Result<PackageName, InvalidId> {
            Spelling::plain("word", "-").read(&spelling.to_ascii_lowercase())
        }
    }

    /// Candidates, what was passed over, and where it goes on.
    fn page(words: &str, cursor: Option<&str>, limit: usize) -> String {
        let list: Vec<String> = words.split_whitespace().map(str::to_owned).collect();
        let n_words = list.len();
        let page = Page::of_names(&"zoo".parse().unwrap(), &Plain, list, cursor, limit);
        assert_eq!(page.total, Some(n_words));
        let candidates = page.candidates.iter().map(|it| it.id.to_string());
        let passed_over = page.passed_over.iter().map(|it| format!("not {}", it.name));
        let next = page.next_cursor.unwrap_or_else(|| "end".to_owned());
        candidates.chain(passed_over).chain([next]).collect::<Vec<_>>().join(", ")
    }

    #[test]
    fn pages_follow_each_other_without_gap_or_overlap() {
        assert_eq!(page("Lion -x bear", None, 9), "zoo:lion, zoo:bear, not -x, end");
        assert_eq!(page("lion -x bear", None, 1), "zoo:lion, not -x, 2");
        assert_eq!(page("lion -x bear", Some("2"), 1), "zoo:bear, end");
        assert_eq!(page("lion bear", None, 0), "zoo:lion, 1");
        assert_eq!(page("", None, 9), "end");
    }

    #[test]
    fn any_cursor_is_read() {
        assert_eq!(page("lion", Some("else"), 9), "zoo:lion, end");
        assert_eq!(page("lion", Some("18446744073709551615"), 9), "end");
        assert_eq!(page("lion", Some("-1"), 9), "zoo:lion, end");
    }
}
