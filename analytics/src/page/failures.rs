//! Lists of failures: all, by category, and by cause.

use std::collections::{BTreeMap, BTreeSet};

use askama::Template;
use batch_core::model::{Environment, FailureRecord};

use super::{
    Page,
    frame::Frame,
    list::{self, Pager},
    row::FailureRow,
};
use crate::{path, site::Site, text::Text};

#[derive(Template)]
#[template(path = "failures.html")]
struct Failures<'f> {
    frame: Frame,
    intro: String,
    pager: Pager,
    rows: Vec<FailureRow>,
    f: &'f Facets,
}

/// The values by which a list of failures can be filtered.
struct Facets {
    categories: BTreeSet<Text>,
    subcategories: BTreeSet<Text>,
    ecosystems: BTreeSet<Text>,
    environments: BTreeSet<&'static str>,
}

impl Facets {
    fn of(failures: &[&FailureRecord]) -> Self {
        let environments = failures.iter().filter_map(|failure| failure.environment);
        Self {
            categories: failures.iter().map(|failure| Text::new(failure.category())).collect(),
            subcategories: failures
                .iter()
                .map(|failure| Text::new(failure.subcategory()))
                .collect(),
            ecosystems: failures
                .iter()
                .map(|failure| Text::of(&failure.package_id.ecosystem))
                .collect(),
            environments: environments.map(Environment::as_str).collect(),
        }
    }
}

pub(super) fn build<E>(
    site: &Site<'_>,
    put: &mut impl FnMut(Page) -> Result<(), E>,
) -> Result<(), E> {
    let all: Vec<&FailureRecord> = site.records.failures.iter().collect();
    list(site, ("failures", "Failures", "All recorded failed attempts."), &all, put)?;
    for (category, failures) in by_category(&all) {
        let title = format!("Failures: {category}");
        list(site, (&path::category(category), &title, "One category."), &failures, put)?;
    }
    for cause in &site.causes {
        let newest = cause.newest();
        let title = format!("Cause {}: {}", cause.fingerprint, newest.kind());
        let (example, remedy) = (site.headline(newest), site.remedy(newest));
        let intro = format!("For example: {example}. Remedy: {remedy}.");
        list(site, (&path::cause(cause.fingerprint), &title, &intro), &cause.failures, put)?;
    }
    Ok(())
}

/// Sorted by the name of the category.
pub(super) fn by_category<'a>(
    failures: &[&'a FailureRecord],
) -> BTreeMap<&'a str, Vec<&'a FailureRecord>> {
    let mut categories: BTreeMap<&str, Vec<&FailureRecord>> = BTreeMap::new();
    for failure in failures {
        categories.entry(failure.category()).or_default().push(failure);
    }
    categories
}

fn list<E>(
    site: &Site<'_>,
    (stem, title, intro): (&str, &str, &str),
    failures: &[&FailureRecord],
    put: &mut impl FnMut(Page) -> Result<(), E>,
) -> Result<(), E> {
    let facets = Facets::of(failures);
    for (path, pager, failures) in list::pages(stem, failures) {
        let page = Failures {
            frame: Frame::live(site, &path, title, "Failures"),
            intro: Text::new(intro).to_string(),
            pager,
            rows: failures.iter().map(|failure| FailureRow::new(site, failure)).collect(),
            f: &facets,
        };
        put(super::page(path, &page))?;
    }
    Ok(())
}
