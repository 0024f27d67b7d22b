//! Lists of failures: all, and the parts of them that a person asks for.

use std::collections::BTreeMap;

use batch_core::model::{Environment, FailureRecord};
use chrono::NaiveDate;

use super::{
    Page,
    list::{self, Facet, List, Part},
    row::{self, FAILURE_COLUMNS},
};
use crate::{path, site::Site, text::Text};

type Failures<'a> = Vec<&'a FailureRecord>;

pub(super) fn build<E>(
    site: &Site<'_>,
    put: &mut impl FnMut(Page) -> Result<(), E>,
) -> Result<(), E> {
    let all: Failures<'_> = site.records.failures.iter().collect();
    let intro = "Failed attempts, newest first.";
    let facets = facets(&all);
    write(site, ("failures", "Failures", intro), (&all, facets), put)?;
    for (category, failures) in group(&all, FailureRecord::category) {
        let title = format!("Failures: {category}");
        let facets = vec![by_kind(&failures)];
        write(site, (&path::category(category), &title, intro), (&failures, facets), put)?;
    }
    for ([category, subcategory], failures) in group(&all, pair) {
        let title = format!("Failures: {category} / {subcategory}");
        let stem = path::kind(category, subcategory);
        let remedy = failures[0].kind().row().remediation;
        write(site, (&stem, &title, &format!("What to do: {remedy}.")), (&failures, vec![]), put)?;
    }
    for (ecosystem, failures) in group(&all, |it| &it.package_id.ecosystem) {
        let title = format!("Failures: {ecosystem}");
        let stem = path::failures_in(ecosystem);
        write(site, (&stem, &title, intro), (&failures, vec![]), put)?;
    }
    for (environment, failures) in group(&all, |it| it.environment) {
        let title = format!("Failures: {}", word(environment));
        let stem = path::environment(environment);
        write(site, (&stem, &title, intro), (&failures, vec![]), put)?;
    }
    for (day, failures) in group(&all, |it| it.timestamp.date_naive()) {
        let title = format!("Failures of {day}");
        write(site, (&path::day(day), &title, intro), (&failures, vec![]), put)?;
    }
    for cause in &site.causes {
        let newest = cause.newest();
        let title = format!("Failures with one cause: {}", newest.kind());
        let (example, remedy) = (site.headline(newest), site.remedy(newest));
        let intro = format!("For example: {example}. What to do: {remedy}.");
        let stem = path::cause(cause.fingerprint);
        write(site, (&stem, &title, &intro), (&cause.failures, vec![]), put)?;
    }
    Ok(())
}

fn write<E>(
    site: &Site<'_>,
    (stem, title, intro): (&str, &str, &str),
    (failures, facets): (&[&FailureRecord], Vec<Facet>),
    put: &mut impl FnMut(Page) -> Result<(), E>,
) -> Result<(), E> {
    let list = List {
        stem: stem.to_owned(),
        title: title.to_owned(),
        section: "Failures",
        intro: Text::new(intro),
        empty: "No failure is recorded.",
        facets,
        columns: FAILURE_COLUMNS,
        rows: failures.iter().map(|failure| row::failure(site, failure)).collect(),
        more: vec![],
    };
    list::write(site, list, put)
}

/// The failures by a property, in the order of its values.
pub(super) fn group<'a, K: Ord>(
    failures: &[&'a FailureRecord],
    key: impl Fn(&'a FailureRecord) -> K,
) -> BTreeMap<K, Failures<'a>> {
    let mut groups: BTreeMap<K, Failures<'a>> = BTreeMap::new();
    for failure in failures {
        groups.entry(key(failure)).or_default().push(failure);
    }
    groups
}

pub(super) fn pair(failure: &FailureRecord) -> [&str; 2] {
    [failure.category(), failure.subcategory()]
}

/// The parts of all failures, each of which has a list.
fn facets(all: &[&FailureRecord]) -> Vec<Facet> {
    vec![
        facet("By category", group(all, FailureRecord::category), |it| {
            (it.to_string(), path::category(it))
        }),
        by_kind(all),
        by_ecosystem(all),
        facet("By environment", group(all, |it| it.environment), |&it| {
            (word(it).to_owned(), path::environment(it))
        }),
        facet("By day", group(all, |it| std::cmp::Reverse(it.timestamp.date_naive())), |it| {
            let day: NaiveDate = it.0;
            (day.to_string(), path::day(day))
        }),
    ]
}

fn word(environment: Option<Environment>) -> &'static str {
    environment.map_or("before any environment", |environment| environment.as_str())
}

/// By kind. `failures` must have all failures of each kind that it has, as a category does.
fn by_kind(failures: &[&FailureRecord]) -> Facet {
    facet("By kind", group(failures, pair), |[category, subcategory]| {
        (format!("{category} / {subcategory}"), path::kind(category, subcategory))
    })
}

fn by_ecosystem(failures: &[&FailureRecord]) -> Facet {
    facet("By ecosystem", group(failures, |it| &it.package_id.ecosystem), |it| {
        (it.to_string(), path::failures_in(it))
    })
}

fn facet<K>(
    name: &'static str,
    groups: BTreeMap<K, Failures<'_>>,
    target: impl Fn(&K) -> (String, String),
) -> Facet {
    let part = |(key, failures): (K, Failures<'_>)| {
        let (label, stem) = target(&key);
        Part { label: Text::new(&label), n: failures.len(), href: path::list(&stem, 1) }
    };
    Facet { name, parts: groups.into_iter().map(part).collect() }
}
