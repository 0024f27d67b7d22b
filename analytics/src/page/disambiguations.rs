//! From which source each tool is taken, and who decided it.

use std::collections::{BTreeMap, BTreeSet};

use batch_core::model::{CuratedSource, PackageId, PackageName, SourceAudit, slug};
use chrono::{DateTime, Utc};

use super::{
    Page,
    list::{self, Facet, List, Part},
    row::Link,
    table::{Cell, Column, ColumnKind as Kind, Row},
};
use crate::{
    path,
    site::Site,
    text::{Text, Timestamp},
};

const COLUMNS: &[Column] = &[
    Column::keyed("package", "Tool", Kind::Name),
    Column::new("Taken from", Kind::Other),
    Column::new("Instead of", Kind::Other),
    Column::keyed("reason", "Why", Kind::Choice),
    Column::keyed("decided", "Decided by", Kind::Choice),
    Column::keyed("review", "Review", Kind::Status),
    Column::keyed("time", "Decided", Kind::Time),
    Column::new("Ends", Kind::Time),
];

/// A decision about a source.
pub(super) struct Decision<'a> {
    tool: &'a PackageName,
    selected: &'a PackageId,
    alternatives: &'a [PackageId],
    pub(super) reason: &'a str,
    is_by_person: bool,
    /// Whether a person should look at it: the packages may be different programs, and nobody has
    /// decided, or the decision has ended.
    pub(super) needs_review: bool,
    at: Option<DateTime<Utc>>,
    ends_at: Option<DateTime<Utc>>,
}

/// All decisions: those of people first, then those that the earlier pipeline made by rules.
pub(super) fn decisions<'a>(site: &Site<'a>) -> Vec<Decision<'a>> {
    let records = site.records;
    let curated: BTreeSet<&PackageName> = records.sources.iter().map(|it| &it.tool).collect();
    let of_person = |source: &'a CuratedSource| Decision {
        tool: &source.tool,
        selected: &source.selected,
        alternatives: &source.alternatives,
        reason: &source.selection_reason,
        is_by_person: true,
        needs_review: source.expires_at.is_some_and(|at| at <= site.as_of),
        at: source.reviewed_at,
        ends_at: source.expires_at,
    };
    let of_rule = |audit: &'a SourceAudit| Decision {
        tool: &audit.tool,
        selected: &audit.selected,
        alternatives: &audit.alternatives,
        reason: &audit.selection_reason,
        is_by_person: false,
        needs_review: audit.high_risk && !curated.contains(&audit.tool),
        at: audit.decided_at,
        ends_at: None,
    };
    let people = records.sources.iter().map(of_person);
    people.chain(records.audits.iter().map(of_rule)).collect()
}

/// The decisions by the rule or the reason for them.
pub(super) fn by_reason<'d, 'a>(
    decisions: &'d [Decision<'a>],
) -> BTreeMap<&'a str, Vec<&'d Decision<'a>>> {
    let mut reasons: BTreeMap<&str, Vec<&Decision<'_>>> = BTreeMap::new();
    for decision in decisions {
        reasons.entry(decision.reason).or_default().push(decision);
    }
    reasons
}

/// Stem of the list of decisions with one reason.
pub(super) fn stem(reason: &str) -> String {
    format!("disambiguations/{}", slug(reason))
}

pub(super) const NEED_REVIEW: &str = "disambiguations-need-review";

fn row(site: &Site<'_>, decision: &Decision<'_>) -> Row {
    let link = |id: &PackageId| Link::new(site.package_href(id), Text::of(id));
    let others = decision.alternatives.iter().map(link).collect();
    Row::from([
        Cell::text(decision.tool),
        Cell::link(link(decision.selected)),
        Cell::Links(Text::default(), others),
        Cell::text(decision.reason),
        Cell::text(if decision.is_by_person { "a person" } else { "a rule" }),
        if decision.needs_review { Cell::Word("needs_review") } else { Cell::None },
        Cell::time(decision.at.map(Timestamp)),
        Cell::time(decision.ends_at.map(Timestamp)),
    ])
}

pub(super) fn build(site: &Site<'_>) -> Vec<Page> {
    let all = decisions(site);
    let all_rows: Vec<Row> = all.iter().map(|decision| row(site, decision)).collect();
    let mut reasons: BTreeMap<&str, Vec<Row>> = BTreeMap::new();
    let mut review = vec![];
    for (decision, row) in all.iter().zip(&all_rows) {
        reasons.entry(decision.reason).or_default().push(row.clone());
        review.extend(decision.needs_review.then(|| row.clone()));
    }
    let part = |(reason, rows): (&&str, &Vec<Row>)| Part {
        label: Text::new(reason),
        n: rows.len(),
        href: path::list(&stem(reason), 1),
    };
    let to_review = Part {
        label: Text::new("need a person"),
        n: review.len(),
        href: path::list(NEED_REVIEW, 1),
    };
    let mut parts: Vec<Part> = reasons.iter().map(part).collect();
    parts.push(to_review);
    let facets = vec![Facet { name: "By reason", parts }];
    let intro = "From which source each tool is taken. Overrides by people redirect packages; \
                 decisions by rules come from the earlier pipeline.";
    let mut pages = vec![];
    let mut write = |stem: &str, title: &str, intro: &str, (rows, facets): (Vec<Row>, _)| {
        pages.extend(list::write(
            site,
            List {
                stem: stem.to_owned(),
                title: title.to_owned(),
                section: "Sources",
                intro: Text::new(intro),
                empty: "No decision about a source is recorded.",
                facets,
                columns: COLUMNS,
                rows,
                ..List::default()
            },
        ));
    };
    write("disambiguations", "Sources", intro, (all_rows, facets));
    for (reason, rows) in reasons {
        write(&stem(reason), &format!("Sources: {reason}"), "", (rows, vec![]));
    }
    let intro = "The packages of these tools may be different programs of the same name. A person \
                 decides with `tsuku-batch disambiguation add`.";
    write(NEED_REVIEW, "Sources that need a person", intro, (review, vec![]));
    pages
}
