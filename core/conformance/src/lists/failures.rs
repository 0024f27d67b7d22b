//! A list that cannot be read is an error, whatever else could be read.

use std::collections::BTreeSet;

use super::{Asked, of_lists};
use crate::{
    Harness, Outcome,
    answers::is_json,
    network::{Delivery, ScriptedAnswer},
};
use batch_core::{
    io::TransportErrorKind,
    model::{PackageId, Page},
};

/// A failure in place of one answer.
struct Failure {
    what: &'static str,
    corrupt: fn(&mut ScriptedAnswer),
    of: FailedPart,
}

/// What it is that fails.
#[derive(Clone, Copy, PartialEq, Eq)]
enum FailedPart {
    Any,
    Json,
    /// One of the files that the list consists of, which its publishers always have. If it only
    /// tells more about candidates, that may be left unknown.
    Source,
    /// JSON of another shape: what only tells more about candidates may be left unknown.
    Shape,
}

const FAILURES: &[Failure] = &[
    Failure { what: "429", corrupt: |scripted| status(scripted, 429), of: FailedPart::Any },
    Failure { what: "403", corrupt: |scripted| status(scripted, 403), of: FailedPart::Any },
    Failure { what: "404", corrupt: |scripted| status(scripted, 404), of: FailedPart::Source },
    Failure { what: "500", corrupt: |scripted| status(scripted, 500), of: FailedPart::Any },
    Failure {
        what: "no connection",
        corrupt: |scripted| deliver(scripted, REFUSED),
        of: FailedPart::Any,
    },
    Failure {
        what: "half of a body",
        corrupt: |scripted| deliver(scripted, Delivery::BrokenOff),
        of: FailedPart::Any,
    },
    Failure { what: "a page", corrupt: page, of: FailedPart::Any },
    Failure { what: "half of the JSON", corrupt: half, of: FailedPart::Json },
    Failure {
        what: "a text",
        corrupt: |scripted| says(scripted, "\"closed\""),
        of: FailedPart::Shape,
    },
];
const REFUSED: Delivery = Delivery::Broken(TransportErrorKind::Connect);

fn says(scripted: &mut ScriptedAnswer, text: &str) {
    scripted.answer.body = text.as_bytes().to_vec();
}

fn status(scripted: &mut ScriptedAnswer, status: u16) {
    scripted.answer.status = status;
    says(scripted, "no");
}

fn deliver(scripted: &mut ScriptedAnswer, delivery: Delivery) {
    scripted.delivery = delivery;
}

fn page(scripted: &mut ScriptedAnswer) {
    says(scripted, "<!doctype html><title>Just a moment...</title>");
    scripted.answer.headers.insert("content-type".to_owned(), "text/html".to_owned());
}

fn half(scripted: &mut ScriptedAnswer) {
    scripted.answer.body.truncate(scripted.answer.body.len() / 2);
}

pub(crate) fn are_told(harness: &Harness) -> Outcome {
    of_lists(harness, |plugin, list| {
        let limit = list.document.limits.last().copied().unwrap_or_default();
        let mut problems = vec![];
        let whole = list.scripted()?;
        let Ok(first) = list.ask(plugin, whole.clone(), None, limit)?.page else {
            return Err("its first page cannot be read; see lists-golden".to_owned());
        };
        for Failure { what, corrupt, of } in FAILURES {
            for (i, answer) in whole.iter().map(|scripted| &scripted.answer).enumerate() {
                let fits = match of {
                    FailedPart::Any => true,
                    FailedPart::Source => list.is_source(plugin, &answer.url),
                    FailedPart::Json | FailedPart::Shape => is_json(&answer.body),
                };
                if !fits {
                    continue;
                }
                let mut scripted = whole.clone();
                corrupt(&mut scripted[i]);
                let page = match list.ask(plugin, scripted, None, limit) {
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
                let may_be_unknown = matches!(of, FailedPart::Shape | FailedPart::Source);
                let is_whole = page == first || may_be_unknown && ids(&page) == ids(&first);
                if !is_whole {
                    let url = &answer.url;
                    problems.push(format!("{what} for {url} gives a page; return the error"));
                }
            }
        }
        Ok(problems)
    })
}
