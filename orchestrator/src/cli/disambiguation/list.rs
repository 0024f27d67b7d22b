//! `disambiguation list`.

use std::fmt;

use batch_core::{
    decide::route::Queues,
    model::{CuratedSource, PackageId, SourceAudit, StatusLabel},
};
use schemars::JsonSchema;
use serde::Serialize;

use super::World;
use crate::{
    cli::{Context, damage, out::table},
    counted::counted,
    exit::Exit,
    routing,
};

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    /// Also show the decisions of the earlier pipeline
    #[arg(long)]
    audits: bool,
    /// Only its decisions between packages that may be different programs
    #[arg(long, requires = "audits")]
    high_risk: bool,
}

pub(super) fn run(args: &Args, cx: &Context) -> anyhow::Result<Exit> {
    let world = World::read(cx)?;
    let (routing, queues) = (world.routing(cx)?, routing::queues(&world.files));
    let is_in_force = |source: &CuratedSource| routing.overrides.iter().any(|it| it == source);
    let listed = |source: &CuratedSource| Listed {
        in_force: is_in_force(source),
        redirected: redirected(source, &queues),
        source: source.clone(),
    };
    let is_wanted = |audit: &&SourceAudit| args.audits && (audit.high_risk || !args.high_risk);
    let audited = |audit: &SourceAudit| Audited {
        status: status(&audit.selected, &queues),
        audit: audit.clone(),
    };
    let report = OverrideList {
        overrides: routing.sources.iter().map(listed).collect(),
        n_audits: routing.audits.len(),
        n_high_risk: routing.audits.iter().filter(|audit| audit.high_risk).count(),
        audits: routing.audits.iter().filter(is_wanted).map(audited).collect(),
        problems: routing.problems.clone(),
    };
    let n = report.overrides.len() + report.n_audits;
    let exit = damage::exit(n, &report.problems);
    cx.out.show(&report)?;
    Ok(exit)
}

/// The entries that wait for nothing else than the end of `source`.
fn redirected(source: &CuratedSource, queues: &Queues<'_>) -> Vec<PackageId> {
    let all = queues.values().flat_map(|queue| queue.values());
    let is_redirected = all.filter(|entry| entry.routed_to.as_ref() == Some(&source.selected));
    is_redirected.map(|entry| entry.id.clone()).collect()
}

fn status(id: &PackageId, queues: &Queues<'_>) -> Option<StatusLabel> {
    Some(queues.get(&id.ecosystem)?.get(id)?.status.label())
}

/// What `disambiguation list --json` prints.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct OverrideList {
    /// The decisions of people.
    overrides: Vec<Listed>,
    /// Number of decisions of the earlier pipeline.
    n_audits: usize,
    /// Number of those between packages that may be different programs.
    n_high_risk: usize,
    /// Those decisions, if they are asked for.
    audits: Vec<Audited>,
    /// What could not be read, each with file, line and reason.
    problems: Vec<String>,
}

/// A decision of a person.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "ListedOverride")]
struct Listed {
    /// As stored.
    source: CuratedSource,
    /// Whether it has an effect: it has not ended, and no later one is about the same tool.
    in_force: bool,
    /// The entries that are redirected to the selected package.
    redirected: Vec<PackageId>,
}

/// A decision of the earlier pipeline.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "ListedAudit")]
struct Audited {
    /// As stored.
    audit: SourceAudit,
    /// The status of the entry of the selected package; absent if it is not queued.
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<StatusLabel>,
}

impl fmt::Display for OverrideList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let of_override = |Listed { source, in_force, redirected }: &Listed| {
            let state = match (in_force, source.expires_at) {
                (true, None) => "in force".to_owned(),
                (true, Some(at)) => format!("until {}", at.date_naive()),
                (false, _) => "no effect".to_owned(),
            };
            let ids: Vec<String> = redirected.iter().map(ToString::to_string).collect();
            vec![
                source.tool.to_string(),
                source.selected.to_string(),
                state,
                ids.join(" "),
                source.selection_reason.clone(),
            ]
        };
        if !self.overrides.is_empty() {
            let rows: Vec<_> = self.overrides.iter().map(of_override).collect();
            let headings = ["TOOL", "TAKEN FROM", "STATE", "INSTEAD OF", "WHY"];
            write!(f, "{}", table(&headings, &rows))?;
        }
        writeln!(f, "{}", counted(self.overrides.len(), "override", "overrides"))?;
        let of_audit = |Audited { audit, status }: &Audited| {
            let risk = if audit.high_risk { "high risk" } else { "" };
            let status = status.map_or("not queued", StatusLabel::as_str);
            let others: Vec<String> = audit.alternatives.iter().map(ToString::to_string).collect();
            vec![
                audit.tool.to_string(),
                audit.selected.to_string(),
                status.to_owned(),
                risk.to_owned(),
                audit.selection_reason.clone(),
                others.join(" "),
            ]
        };
        if !self.audits.is_empty() {
            let rows: Vec<_> = self.audits.iter().map(of_audit).collect();
            let headings = ["TOOL", "CHOSEN", "STATUS", "RISK", "RULE", "OTHERS"];
            write!(f, "{}", table(&headings, &rows))?;
        }
        if self.n_audits > 0 {
            let n = counted(self.n_audits, "decision", "decisions");
            writeln!(
                f,
                "{n} of an earlier pipeline, {} of them between packages that may be different programs; \
                 --audits and --high-risk show them",
                self.n_high_risk
            )?;
        }
        damage::write_problems(f, &self.problems)
    }
}
