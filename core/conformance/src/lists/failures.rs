//! A list that cannot be read is an error, whatever else could be read.

use std::collections::BTreeSet;

use super::{Asked, of_lists};
use crate::{
    Bench, Outcome,
    fixture::is_json,
    network::{Manner, Told},
};
use batch_core::{
    io::TransportErrorKind,
    model::{PackageId, Page},
};

/// A failure in place of one answer.
struct Failure {
    what: &'static str,
    spoil: fn(&mut Told),
    of: Of,
}

/// What it is that fails.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Of {
    Any,
    Json,
    /// JSON of another shape: what only tells more about candidates may be left unknown.
    Shape,
}

const FAILURES: &[Failure] = &[
    Failure { what: "429", spoil: |told| status(told, 429), of: Of::Any },
    Failure { what: "403", spoil: |told| status(told, 403), of: Of::Any },
    Failure { what: "500", spoil: |told| status(told, 500), of: Of::Any },
    Failure { what: "no connection", spoil: |told| comes(told, REFUSED), of: Of::Any },
    Failure { what: "half of a body", spoil: |told| comes(told, Manner::BrokenOff), of: Of::Any },
    Failure { what: "a page", spoil: page, of: Of::Any },
    Failure { what: "half of the JSON", spoil: half, of: Of::Json },
    Failure { what: "a text", spoil: |told| says(told, "\"closed\""), of: Of::Shape },
];
const REFUSED: Manner = Manner::Broken(TransportErrorKind::Connect);

fn says(told: &mut Told, text: &str) {
    told.answer.body = text.as_bytes().to_vec();
}

fn status(told: &mut Told, status: u16) {
    told.answer.status = status;
    says(told, "no");
}

fn comes(told: &mut Told, manner: Manner) {
    told.manner = manner;
}

fn page(told: &mut Told) {
    says(told, "<!doctype html><title>Just a moment...</title>");
    told.answer.headers.insert("content-type".to_owned(), "text/html".to_owned());
}

fn half(told: &mut Told) {
    told.answer.body.truncate(told.answer.body.len() / 2);
}

pub(crate) fn are_told(bench: &Bench) -> Outcome {
    of_lists(bench, |plugin, list| {
        let limit = list.document.limits.last().copied().unwrap_or_default();
        let mut problems = vec![];
        let whole = list.told()?;
        let Ok(first) = list.ask(plugin, whole.clone(), None, limit)?.page else {
            return Err("its first page cannot be read; see lists-golden".to_owned());
        };
        for Failure { what, spoil, of } in FAILURES {
            for (i, answer) in whole.iter().map(|told| &told.answer).enumerate() {
                if *of != Of::Any && !is_json(&answer.body) {
                    continue;
                }
                let mut told = whole.clone();
                spoil(&mut told[i]);
                let page = match list.ask(plugin, told, None, limit) {
                    Ok(Asked { page: Ok(page), .. }) => page,
                    Ok(Asked { page: Err(_), .. }) => continue,
                    Err(stuck) => {
                        problems.push(format!("{what} for {}: {stuck}", answer.url));
                        continue;
                    }
                };
                // As it was: the answer is one of a later page.
                let ids = |page: &Page| -> BTreeSet<PackageId> {
                    page.candidates.iter().map(|it| it.id.clone()).collect()
                };
                let is_whole = page == first || *of == Of::Shape && ids(&page) == ids(&first);
                if !is_whole {
                    let url = &answer.url;
                    problems.push(format!("{what} for {url} gives a page; return the error"));
                }
            }
        }
        Ok(problems)
    })
}
