//! Lists of failures: all, and the parts of them that a person asks for.

use std::collections::BTreeMap;

use batch_core::model::{EcosystemId, Environment, FailureRecord};
use chrono::NaiveDate;

use super::{
    Page,
    list::{self, Facet, Index, List, Part},
    row::{self, FAILURE_COLUMNS, HIDDEN_OF_FAILURES as HIDDEN},
    table::Row,
};
use crate::{causes::Cause, jobs::Job, path, site::Site, text::Text, threads};

type Failures<'a> = Vec<&'a FailureRecord>;

/// A row for each failure, in their order. The lists share them.
pub(super) fn rows(site: &Site<'_>) -> Vec<Row> {
    threads::map(&site.records.failures, |failure| row::failure(site, failure))
}

/// A list before its rows are chosen.
struct Chosen {
    stem: String,
    title: String,
    intro: String,
    facets: Vec<Facet>,
    /// Whether the lists of its only facet have all of its rows.
    is_divided: bool,
    /// The numbers of its failures.
    failures: Vec<usize>,
    /// What is the same in all of its rows, as keys and values of columns.
    preset: Vec<(&'static str, String)>,
    without: &'static [&'static str],
}

impl Chosen {
    fn write(self, site: &Site<'_>, rows: &[Row]) -> Vec<Page> {
        let is_whole = self.stem == ALL;
        let divided = self.facets.iter().take(self.is_divided.into()).flat_map(|it| &it.parts);
        let list = List {
            stem: self.stem,
            title: self.title,
            section: "Failures",
            intro: Text::new(&self.intro),
            empty: "No failure is recorded.",
            divided: divided.cloned().collect(),
            facets: self.facets,
            columns: FAILURE_COLUMNS,
            without: self.without,
            rows: self.failures.iter().map(|&i| rows[i].clone()).collect(),
            index: if is_whole { Index::Own } else { Index::PartOf(ALL, self.preset) },
            more: vec![],
        };
        list::write(site, list)
    }
}

/// The stem of the list of all failures.
pub(super) const ALL: &str = "failures";

/// What the lists of one kind do not show.
const OF_KIND: &[&str] = &["cause", "category", "subcategory"];

const NEWEST_FIRST: &str = "Failed attempts, newest first.";

pub(super) fn jobs<'s>(site: &'s Site<'_>, rows: &'s [Row]) -> Vec<Job<'s>> {
    let job = |chosen: Chosen| -> Job<'s> { Box::new(move || chosen.write(site, rows)) };
    let all: Failures<'_> = site.records.failures.iter().collect();
    let whole = Chosen {
        stem: ALL.to_owned(),
        title: "Failures".to_owned(),
        intro: NEWEST_FIRST.to_owned(),
        facets: facets(&all),
        is_divided: false,
        failures: (0..all.len()).collect(),
        preset: vec![],
        without: HIDDEN,
    };
    let lists = std::iter::once(whole)
        .chain(by_category(&all))
        .chain(by_pair(&all))
        .chain(by_place(&all))
        .chain(by_time_and_cause(site, &all));
    lists.map(job).collect()
}

/// The numbers of failures by a property.
fn numbers<'a, K: Ord>(
    all: &[&'a FailureRecord],
    key: impl Fn(&'a FailureRecord) -> K,
) -> BTreeMap<K, Vec<usize>> {
    let mut groups: BTreeMap<K, Vec<usize>> = BTreeMap::new();
    for (i, failure) in all.iter().enumerate() {
        groups.entry(key(failure)).or_default().push(i);
    }
    groups
}

fn shown(text: &str) -> String {
    Text::new(text).to_string()
}

fn by_category(all: &[&FailureRecord]) -> Vec<Chosen> {
    let list = |(category, failures): (&str, Vec<usize>)| Chosen {
        stem: path::category(category),
        title: format!("Failures: {category}"),
        intro: NEWEST_FIRST.to_owned(),
        facets: vec![by_kind(&failures.iter().map(|&i| all[i]).collect::<Vec<_>>())],
        is_divided: true,
        failures,
        preset: vec![("category", shown(category))],
        without: &["cause", "category"],
    };
    numbers(all, FailureRecord::category).into_iter().map(list).collect()
}

fn by_pair(all: &[&FailureRecord]) -> Vec<Chosen> {
    let list = |([category, subcategory], failures): ([&str; 2], Vec<usize>)| Chosen {
        stem: path::kind(category, subcategory),
        title: format!("Failures: {category} / {subcategory}"),
        intro: format!("What to do: {}.", all[failures[0]].kind().row().remediation),
        facets: vec![],
        is_divided: false,
        failures,
        preset: vec![("category", shown(category)), ("subcategory", shown(subcategory))],
        without: OF_KIND,
    };
    numbers(all, pair).into_iter().map(list).collect()
}

/// By ecosystem and by environment.
fn by_place(all: &[&FailureRecord]) -> Vec<Chosen> {
    let of_ecosystem = |(ecosystem, failures): (&EcosystemId, Vec<usize>)| Chosen {
        stem: path::failures_in(ecosystem),
        title: format!("Failures: {ecosystem}"),
        intro: NEWEST_FIRST.to_owned(),
        facets: vec![],
        is_divided: false,
        failures,
        preset: vec![("ecosystem", ecosystem.to_string())],
        without: &["cause", "ecosystem"],
    };
    let of_environment = |(environment, failures): (Option<Environment>, Vec<usize>)| Chosen {
        stem: path::environment(environment),
        title: format!("Failures: {}", word(environment)),
        intro: NEWEST_FIRST.to_owned(),
        facets: vec![],
        is_divided: false,
        failures,
        preset: vec![("environment", environment.map_or("", |it| it.as_str()).to_owned())],
        without: &["cause", "environment"],
    };
    let ecosystems = numbers(all, |it| &it.package_id.ecosystem).into_iter().map(of_ecosystem);
    let environments = numbers(all, |it| it.environment).into_iter().map(of_environment);
    ecosystems.chain(environments).collect()
}

fn by_time_and_cause(site: &Site<'_>, all: &[&FailureRecord]) -> Vec<Chosen> {
    let of_day = |(day, failures): (NaiveDate, Vec<usize>)| Chosen {
        stem: path::day(day),
        title: format!("Failures of {day}"),
        intro: NEWEST_FIRST.to_owned(),
        facets: vec![],
        is_divided: false,
        failures,
        preset: vec![("from", day.to_string()), ("to", day.to_string())],
        without: HIDDEN,
    };
    let mut of_causes = numbers(all, |it| it.fingerprint);
    let mut of_cause = |cause: &Cause<'_>| {
        let newest = cause.newest();
        let (example, remedy) = (site.headline(newest), site.remedy(newest));
        let is_of_one_kind = cause.failures.iter().all(|it| pair(it) == pair(newest));
        Chosen {
            stem: path::cause(cause.fingerprint),
            title: format!("Failures with one cause: {}", newest.kind()),
            intro: format!("For example: {example}. What to do: {remedy}."),
            facets: vec![],
            is_divided: false,
            failures: of_causes.remove(&cause.fingerprint).unwrap_or_default(),
            preset: vec![("cause", cause.fingerprint.to_string())],
            without: if is_of_one_kind { OF_KIND } else { HIDDEN },
        }
    };
    let causes: Vec<Chosen> = site.causes.iter().map(&mut of_cause).collect();
    numbers(all, |it| it.timestamp.date_naive()).into_iter().map(of_day).chain(causes).collect()
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
