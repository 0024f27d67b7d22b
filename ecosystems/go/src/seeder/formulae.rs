//! Reads Homebrew's list of formulae.

use std::{cmp::Reverse, collections::BTreeMap, path::Path};

use batch_core::{
    io::{GroupedCounts, HttpError, Request, published_day, published_number, read_list},
    model::{Candidate, Measure, PassedOver, Popularity, SeedSkip},
    plugin::{Listing, PageRequest, Row},
};
use serde_json::{
    Value,
    value::{RawValue, to_raw_value},
};

use crate::{
    paths,
    seeder::{DAYS, FORMULAE, INSTALLS, UNIT},
};

const COUNTS: GroupedCounts = GroupedCounts { groups: "formulae", name: "formula" };

/// The formulae that are built with Go.
#[derive(Default)]
pub(crate) struct Formulae {
    built: Vec<Formula>,
    n_others: usize,
    /// Entries without a name.
    n_unreadable: usize,
}

struct Formula {
    name: String,
    /// The repository of its sources, as an import path.
    repository: Option<String>,
    is_disabled: bool,
    installs: Option<Popularity>,
}

impl Formulae {
    /// Reads `file`, which answers `request`. The inner error says what is wrong with it.
    pub(crate) fn read(file: &Path, request: &Request) -> Result<Result<Self, String>, HttpError> {
        let mut formulae = Self::default();
        read_list(file, &request.url, None, &mut |listed| match listed
            .get("name")
            .and_then(Value::as_str)
        {
            None => formulae.n_unreadable += 1,
            Some(name) if is_built_with_go(&listed) => {
                formulae.built.push(Formula::read(name, &listed));
            }
            Some(_) => formulae.n_others += 1,
        })?;
        let Self { built, n_others, n_unreadable } = &formulae;
        if built.is_empty() && *n_others == 0 && 0 < *n_unreadable {
            return Ok(Err("no formula has a name".to_owned()));
        }
        Ok(Ok(formulae))
    }

    /// Whether no entry of the list has a number of installations.
    pub(crate) fn lack_installs(&self) -> bool {
        self.built.iter().any(|formula| formula.installs.is_none())
    }

    /// Adds the missing numbers from `installs`.
    pub(crate) fn count(&mut self, installs: &Installs) {
        for formula in &mut self.built {
            if formula.installs.is_none() {
                formula.installs = installs.of(&formula.name);
            }
        }
    }

    pub(crate) fn list(mut self, wanted: PageRequest<'_>) -> Listing<'_> {
        self.built.sort_by(|one, other| one.place().cmp(&other.place()));
        let built = self.built.into_iter().map(move |formula| formula.evaluate(wanted));
        let what = "entries of the list name no formula";
        Listing::whole(built).with_unreadable(self.n_unreadable, what)
    }
}

impl Formula {
    fn read(name: &str, listed: &Value) -> Self {
        let addresses = ["/urls/stable/url", "/urls/head/url", "/homepage"];
        let mut addresses = addresses.iter().filter_map(|at| listed.pointer(at)?.as_str());
        Self {
            name: name.to_owned(),
            repository: addresses.find_map(repository),
            is_disabled: listed.get("disabled").and_then(Value::as_bool) == Some(true),
            installs: own_installs(name, listed),
        }
    }

    /// The sort key. Formulae with equal keys do not differ in anything that matters for the order.
    fn place(&self) -> (Reverse<Option<u64>>, &str, Option<&str>) {
        let installs = self.installs.as_ref().map(|it| it.value);
        (Reverse(installs), &self.name, self.repository.as_deref())
    }

    fn evaluate(self, wanted: PageRequest<'_>) -> Row {
        if self.is_disabled {
            let why = "Homebrew has disabled the formula";
            return Err(PassedOver::because(self.name, SeedSkip::Retired, why));
        }
        let Some(path) = self.repository else {
            let why = "its source code is not at a host whose addresses are import paths";
            return Err(PassedOver::because(self.name, SeedSkip::NotThere, why));
        };
        let (popularity, has_repository) = (self.installs, Some(true));
        Ok(Candidate { popularity, has_repository, ..wanted.candidate(&path)? })
    }
}

fn is_built_with_go(listed: &Value) -> bool {
    let needed = listed.get("build_dependencies").and_then(Value::as_array);
    let is_go = |name: &str| name == "go" || name.starts_with("go@");
    needed.is_some_and(|needed| needed.iter().filter_map(Value::as_str).any(is_go))
}

/// The repository that `url` leads to, without scheme.
fn repository(url: &str) -> Option<String> {
    let path = url.split_once("://")?.1;
    let path = path.split(['?', '#']).next()?.trim_end_matches('/');
    let page = paths::repository(path)?;
    let path = page.strip_prefix("https://")?;
    Some(path.strip_suffix(".git").unwrap_or(path).to_owned())
}

/// The number of installations in the formula's own entry, if there is one.
fn own_installs(name: &str, listed: &Value) -> Option<Popularity> {
    let installs = listed.pointer("/analytics/install_on_request/30d")?.get(name)?;
    let as_of = published_day(listed.get("generated_date")?.as_str()?);
    Measure { as_of, ..measure(FORMULAE) }
        .popularity(published_number(&to_raw_value(installs).ok()?))
}

/// How often each formula was installed, from a separate list.
pub(crate) struct Installs {
    counts: BTreeMap<String, u64>,
    measure: Measure,
}

impl Installs {
    /// Reads the counts of formulae without options; variants with options have separate rows.
    /// `None` if it is not such a list.
    pub(crate) fn read(answer: &RawValue) -> Option<Self> {
        let mut counts = BTreeMap::new();
        let last_day = COUNTS.read(answer.get().as_bytes(), &mut |name, count| {
            counts.extend(count.map(|count| (name.to_owned(), count)));
        });
        let as_of = last_day.ok()?;
        Some(Self { counts, measure: Measure { as_of, ..measure(INSTALLS) } })
    }

    fn of(&self, name: &str) -> Option<Popularity> {
        self.measure.popularity(self.counts.get(name).copied())
    }
}

/// The meaning of the numbers of `source`, except for their date.
fn measure(source: &str) -> Measure {
    Measure { unit: UNIT, period_days: Some(DAYS), source: source.to_owned(), as_of: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_within_a_repository_names_it() {
        let check = |url, path: Option<&str>| assert_eq!(repository(url).as_deref(), path, "{url}");
        check("https://github.com/o/r/archive/refs/tags/v1.0.tar.gz", Some("github.com/o/r"));
        check("https://github.com/o/r.git", Some("github.com/o/r"));
        check("https://github.com/O/R/", Some("github.com/O/R"));
        check("https://github.com/o/r.js?x#y", Some("github.com/o/r.js"));
        check("https://gitlab.com/o/r/-/archive/v1/r.tar.gz", Some("gitlab.com/o/r"));
        check("https://codeberg.org/o/r/archive/v1.tar.gz", Some("codeberg.org/o/r"));
        check("https://github.com/o", None);
        check("https://o.github.io/r", None);
        check("https://go.dev/dl/go1.tar.gz", None);
        check("github.com/o/r", None);
        check("", None);
    }
}
