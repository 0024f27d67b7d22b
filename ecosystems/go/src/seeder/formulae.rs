//! What Homebrew says about its formulae.

use std::{cmp::Reverse, path::Path};

use batch_core::{
    io::{HttpError, Request, read_list},
    model::{Candidate, PackageId, PassedOver, Popularity, SeedSkip},
    plugin::{Cut, Listed, Names as _, Page},
};
use serde_json::{Value, json};

use crate::{
    Go, ID, paths,
    seeder::{DAYS, FORMULAE, INSTALLS, UNIT},
};

/// The formulae that are built with Go.
#[derive(Default)]
pub(crate) struct Formulae {
    built: Vec<Formula>,
    n_others: usize,
    /// Without a name.
    n_unreadable: usize,
}

struct Formula {
    name: String,
    /// Where its sources lie, as an import path.
    repository: Option<String>,
    is_disabled: bool,
    installs: Option<Popularity>,
}

impl Formulae {
    /// Reads `file`, which answers `request`.
    pub(crate) fn read(file: &Path, request: &Request) -> Result<Self, HttpError> {
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
        Ok(formulae)
    }

    /// Whether the list has entries, none of which is a formula.
    pub(crate) fn are_none(&self) -> bool {
        self.built.is_empty() && self.n_others == 0 && 0 < self.n_unreadable
    }

    /// Whether the list itself does not say how often all of them are installed.
    pub(crate) fn lack_installs(&self) -> bool {
        self.built.iter().any(|formula| formula.installs.is_none())
    }

    /// Takes the numbers that the list does not have from `installs`.
    pub(crate) fn count(&mut self, installs: &Installs) {
        for formula in &mut self.built {
            if formula.installs.is_none() {
                formula.installs = installs.of(&formula.name);
            }
        }
    }

    pub(crate) fn page(mut self, cut: Cut<'_>) -> Page {
        self.built.sort_by(|one, other| one.place().cmp(&other.place()));
        let unreadable = (0 < self.n_unreadable).then(|| {
            let why = format!("{} entries of the list name no formula", self.n_unreadable);
            passed_over(String::new(), SeedSkip::Unreadable, why)
        });
        let built = self.built.into_iter().map(Formula::listed);
        cut.page(unreadable.into_iter().chain(built), &Go)
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

    /// Formulae of equal name and number differ in nothing else that could decide.
    fn place(&self) -> (Reverse<Option<u64>>, &str, Option<&str>) {
        let installs = self.installs.as_ref().map(|it| it.value);
        (Reverse(installs), &self.name, self.repository.as_deref())
    }

    fn listed(self) -> Listed {
        if self.is_disabled {
            let why = "Homebrew has disabled the formula".to_owned();
            return passed_over(self.name, SeedSkip::Retired, why);
        }
        let Some(path) = self.repository else {
            let why = "its sources lie at no forge whose addresses are import paths".to_owned();
            return passed_over(self.name, SeedSkip::NotThere, why);
        };
        match Go.normalise(&path) {
            Ok(name) => Listed::Candidate(Candidate {
                id: PackageId { ecosystem: ID, name },
                popularity: self.installs,
                commands: None,
                has_repository: Some(true),
            }),
            Err(error) => passed_over(path, SeedSkip::InvalidName, error.to_string()),
        }
    }
}

fn passed_over(name: String, reason: SeedSkip, why: String) -> Listed {
    Listed::PassedOver(PassedOver { name, reason, why })
}

fn is_built_with_go(listed: &Value) -> bool {
    let needed = listed.get("build_dependencies").and_then(Value::as_array);
    let is_go = |name: &str| name == "go" || name.starts_with("go@");
    needed.is_some_and(|needed| needed.iter().filter_map(Value::as_str).any(is_go))
}

/// The repository that `url` leads into, without scheme.
fn repository(url: &str) -> Option<String> {
    let path = url.split_once("://")?.1;
    let path = path.split(['?', '#']).next()?.trim_end_matches('/');
    let page = paths::repository(path)?;
    let path = page.strip_prefix("https://")?;
    Some(path.strip_suffix(".git").unwrap_or(path).to_owned())
}

/// What the formula's own entry says of its installs, if it has been given any.
fn own_installs(name: &str, listed: &Value) -> Option<Popularity> {
    let installs = listed.pointer("/analytics/install_on_request/30d")?.get(name)?;
    popularity(installs, listed.get("generated_date")?, FORMULAE)
}

/// How often each formula was installed, in a list of its own.
#[derive(Default)]
pub(crate) struct Installs(Value);

impl Installs {
    pub(crate) fn new(answer: Value) -> Self {
        Self(answer)
    }

    /// Only of the formula itself: with options it is an item of its own.
    fn of(&self, name: &str) -> Option<Popularity> {
        let items = self.0.get("formulae")?.get(name)?.as_array()?;
        let is_plain = |item: &&Value| item.get("formula").and_then(Value::as_str) == Some(name);
        let count = items.iter().find(is_plain)?.get("count")?;
        popularity(count, self.0.get("end_date")?, INSTALLS)
    }
}

/// `count` is a number, or a text such as `12,345`.
fn popularity(count: &Value, day: &Value, source: &str) -> Option<Popularity> {
    let value = count.as_u64().or_else(|| count.as_str()?.replace(',', "").parse().ok())?;
    let as_of = serde_json::from_value(json!(day.as_str()?.get(..10)?)).ok()?;
    let (unit, source) = (UNIT.to_owned(), source.to_owned());
    Some(Popularity { value, unit, period_days: Some(DAYS), source, as_of })
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
