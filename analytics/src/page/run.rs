//! The page of one run.

use std::collections::{BTreeMap, BTreeSet};

use askama::Template;
use batch_core::model::{
    EnvironmentCounts, FailureRecord, HostUsage, PackageId, RecipeName, RunRecord, RunnerMinutes,
    SlotOutcome,
};

use super::{
    Page,
    frame::Frame,
    row::{self, FailureRow, Link, RunRow},
};
use crate::{
    path,
    site::Site,
    text::{Text, counted, https_url},
};

#[derive(Template)]
#[template(path = "run.html")]
struct RunPage {
    frame: Frame,
    id: Text,
    headline: Text,
    row: RunRow,
    slot: Text,
    n_generated: u64,
    n_excluded: u64,
    n_constrained: u64,
    n_requeued: u64,
    n_routed: u64,
    minutes: RunnerMinutes,
    generator: Text,
    workflow: Option<String>,
    gap: Option<String>,
    packages: Vec<Processed>,
    others: Vec<FailureRow>,
    /// Each with who told its commands, unless it was the registry.
    recipes: Vec<(Text, Option<&'static str>)>,
    environments: Vec<(&'static str, EnvironmentCounts)>,
    requests: Vec<(Text, HostUsage)>,
}

/// One attempt of the run.
struct Processed {
    package: Link,
    word: &'static str,
    cause: Option<Link>,
    environment: &'static str,
    line: Text,
}

pub(super) fn build(site: &Site<'_>, run: &RunRecord) -> Page {
    let path = path::run(&run.batch_id);
    let generator = if run.generator.is_empty() { "–" } else { &run.generator };
    let page = RunPage {
        frame: Frame::fixed(&path, &format!("Run {}", run.batch_id), "Runs", Some(run.timestamp)),
        id: Text::new(&run.batch_id),
        headline: Text::new(&headline(run)),
        row: RunRow::new(run),
        slot: run.slot.as_ref().map_or(Text::new("–"), Text::of),
        n_generated: run.generated,
        n_excluded: run.excluded,
        n_constrained: run.constrained,
        n_requeued: run.requeued,
        n_routed: run.used_disambiguation,
        minutes: run.minutes,
        generator: Text::new(generator),
        workflow: run.workflow_run_url.as_deref().and_then(https_url),
        gap: gap(site, run),
        packages: processed(site, run),
        others: others(site, run),
        recipes: recipes(run),
        environments: run.environments.iter().map(|(e, n)| (e.as_str(), n.clone())).collect(),
        requests: run.requests.iter().map(|(host, n)| (Text::new(host), *n)).collect(),
    };
    super::page(path, &page)
}

fn headline(run: &RunRecord) -> String {
    let reason = run.skip_reason.as_deref().unwrap_or("no reason is recorded");
    let attempts = match run.total {
        0 => "Nothing was attempted".to_owned(),
        1 => format!("{} of 1 attempt succeeded", run.succeeded),
        n => format!("{} of {n} attempts succeeded", run.succeeded),
    };
    match run.outcome {
        SlotOutcome::Ran => format!("{attempts}."),
        SlotOutcome::FellThrough => {
            let whose =
                run.slot.as_ref().map_or("another ecosystem".to_owned(), ToString::to_string);
            format!("{attempts}. The slot belonged to {whose}, which could not use it: {reason}.")
        }
        SlotOutcome::Skipped => format!("Nothing ran in this slot: {reason}."),
    }
}

fn recipes(run: &RunRecord) -> Vec<(Text, Option<&'static str>)> {
    let from = |name: &RecipeName| run.executables_from.get(name).map(|from| from.as_str());
    run.recipes_generated.iter().map(|name| (Text::of(name), from(name))).collect()
}

/// Says how many attempts the run counted that no other record describes; `None` if there are none.
fn gap(site: &Site<'_>, run: &RunRecord) -> Option<String> {
    let n_expected = usize::try_from(run.failed + run.blocked).unwrap_or(usize::MAX);
    let n_known = site.failures_of(&run.batch_id).len();
    if n_expected == n_known {
        return None;
    }
    let known = counted(n_known, "failure record");
    Some(format!("The run counts {n_expected} failed or blocked attempts, but has {known}."))
}

fn processed(site: &Site<'_>, run: &RunRecord) -> Vec<Processed> {
    let mut failures: BTreeMap<&PackageId, Vec<&FailureRecord>> = BTreeMap::new();
    for failure in site.failures_of(&run.batch_id) {
        failures.entry(&failure.package_id).or_default().push(failure);
    }
    let mut row = |id: &PackageId| match failures.get_mut(id).and_then(Vec::pop) {
        Some(failure) => {
            let row = FailureRow::new(site, failure);
            let text = Text::of(format_args!("{} / {}", row.category, row.subcategory));
            Processed {
                package: row.package,
                word: row::word(failure),
                cause: Some(Link { href: row.href, text }),
                environment: row.environment,
                line: row.line,
            }
        }
        None => Processed {
            package: Link::package(id),
            word: if site.is_complete(run) { "succeeded" } else { "not_recorded" },
            cause: None,
            environment: "",
            line: site.recipe(id).map_or_else(Text::default, |(name, _)| Text::of(name)),
        },
    };
    run.packages_processed.iter().map(&mut row).collect()
}

/// Failures of the run that its own list does not name: runs of imported data have no list.
fn others(site: &Site<'_>, run: &RunRecord) -> Vec<FailureRow> {
    let listed: BTreeSet<&PackageId> = run.packages_processed.iter().collect();
    let failures = site.failures_of(&run.batch_id).iter();
    let others = failures.filter(|failure| !listed.contains(&failure.package_id));
    others.map(|failure| FailureRow::new(site, failure)).collect()
}
