//! `failures list`.

use std::{fmt, ops::ControlFlow};

use batch_core::io::{StateReader as _, Visited};

use crate::{
    cli::{
        Context, damage,
        filters::Filters,
        listing::{LimitArgs, Listing, write_count},
        out::table,
        runs,
    },
    env::Root,
    exit::Exit,
    explained::ExplainedFailure,
};

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    #[command(flatten)]
    filters: Filters,
    #[command(flatten)]
    limit: LimitArgs,
}

pub(super) fn run(args: &Args, root: &Root, cx: &Context) -> anyhow::Result<Exit> {
    let wanted = args.filters.wanted(cx)?;
    let mut listing = Listing::new(&args.limit, cx);
    root.state.visit_failures(&wanted.filter, &mut |visited| match visited {
        Visited::Record(record) if !wanted.takes_failure(&record) => ControlFlow::Continue(()),
        Visited::Record(record) => {
            listing.visit(Visited::Record(ExplainedFailure::new(record, &cx.env.registry)))
        }
        Visited::Damaged(damaged) => listing.visit(Visited::Damaged(damaged)),
    })?;
    let listed = listing.end()?;
    if let Some(id) = &wanted.filter.batch
        && listed.is_empty
        && listed.problems.is_empty()
    {
        runs::find(id, root)?;
    }
    if !cx.out.is_json() {
        let (failures, problems) = (listed.records, listed.problems);
        cx.out.text(&FailureList { failures, total: listed.total, problems })?;
    }
    Ok(listed.exit)
}

/// What a person sees.
#[derive(Debug)]
struct FailureList {
    /// Newest first.
    failures: Vec<ExplainedFailure>,
    total: Option<usize>,
    problems: Vec<String>,
}

/// Failures of one run with one cause.
struct Group<'a> {
    newest: &'a ExplainedFailure,
    n_failures: usize,
}

/// `failures` in groups of one run and one cause, in the order of the newest of each.
fn groups(failures: &[ExplainedFailure]) -> Vec<Group<'_>> {
    let mut groups: Vec<Group<'_>> = vec![];
    // The failures of a run follow one another, so only the groups of the last run are compared.
    let mut first_of_run = 0;
    for failure in failures {
        let of_run = groups.get(first_of_run).map(|group| &group.newest.record.batch_id);
        if of_run != Some(&failure.record.batch_id) {
            first_of_run = groups.len();
        }
        let is_same = |group: &&mut Group<'_>| {
            let (newest, failure) = (&group.newest.record, &failure.record);
            newest.fingerprint == failure.fingerprint && newest.kind() == failure.kind()
        };
        match groups[first_of_run..].iter_mut().find(is_same) {
            Some(group) => group.n_failures += 1,
            None => groups.push(Group { newest: failure, n_failures: 1 }),
        }
    }
    groups
}

impl fmt::Display for FailureList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let row = |group: &Group<'_>| {
            let ExplainedFailure { record, headline, .. } = group.newest;
            vec![
                record.id.clone(),
                group.n_failures.to_string(),
                format!("{}/{}", record.category(), record.subcategory()),
                headline.clone(),
            ]
        };
        let groups = groups(&self.failures);
        let rows: Vec<Vec<String>> = groups.iter().map(row).collect();
        write!(f, "{}", table(&["FAILURE", "N", "KIND", "WHAT HAPPENED"], &rows))?;
        if groups.len() < self.failures.len() {
            writeln!(
                f,
                "N failures of one run have the same cause; the first of them is named. --json lists each"
            )?;
        }
        write_count(f, self.failures.len(), self.total, ["failure", "failures"])?;
        damage::write_problems(f, &self.problems)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(batch: &str, name: &str, subcategory: &str, fingerprint: u8) -> ExplainedFailure {
        let record = serde_json::json!({
            "schema_version": 2, "id": format!("{batch}-{name}"), "package_id": format!("npm:{name}"),
            "ecosystem": "npm", "batch_id": batch, "stage": "validate",
            "category": "validation_failed", "subcategory": subcategory, "confidence": "stated",
            "message": "first\nlast", "fingerprint": format!("{fingerprint:016x}"),
            "timestamp": "2026-01-01T00:00:00Z",
        });
        let registry = crate::plugins::registry().unwrap();
        ExplainedFailure::new(serde_json::from_value(record).unwrap(), &registry)
    }

    #[test]
    fn failures_of_one_run_with_one_cause_are_one_row() {
        let (new, old) = ("npm-2026-01-02T00-00-00Z", "npm-2026-01-01T00-00-00Z");
        let failures = vec![
            failure(new, "a", "install_failed", 1),
            failure(new, "b", "install_failed", 2),
            failure(new, "c", "install_failed", 1),
            failure(new, "d", "verify_failed", 1),
            failure(old, "a", "install_failed", 1),
        ];
        let groups = groups(&failures);
        let found: Vec<(&str, usize)> =
            groups.iter().map(|group| (&*group.newest.record.id, group.n_failures)).collect();
        let [a, b, d, old_a] = ["a", "b", "d"]
            .map(|name| format!("{new}-{name}"))
            .into_iter()
            .chain([format!("{old}-a")])
            .collect::<Vec<_>>()
            .try_into()
            .unwrap();
        assert_eq!(found, [(&*a, 2), (&*b, 1), (&*d, 1), (&*old_a, 1)]);
        let list = FailureList { failures, total: Some(5), problems: vec![] }.to_string();
        assert_eq!(list.lines().count(), 7, "{list}");
        assert!(
            list.ends_with("5 of 5 failures\n") && list.contains("--json lists each"),
            "{list}"
        );
    }

    #[test]
    fn different_failures_need_no_explanation() {
        let failures = vec![failure("npm-2026-01-02T00-00-00Z", "a", "install_failed", 1)];
        let list = FailureList { failures, total: None, problems: vec![] }.to_string();
        assert!(!list.contains("same cause"), "{list}");
        assert!(list.ends_with("the newest 1 failure; --limit shows more\n"), "{list}");
    }
}
