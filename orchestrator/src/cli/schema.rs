//! `schema`: the JSON schemas of all files and outputs, generated from the types.

use std::{fmt, path::PathBuf};

use batch_core::model::{RunRecord, StoredEntry};
use schemars::schema_for;
use serde::Serialize;

use super::{
    Context, Refusal, archive, blockers, breaker, config, dashboard, disambiguation, doctor,
    ecosystem, explain, failures, fold, import, init, limits, out::ErrorReport, pause, plan, pr,
    queue, recipe, reclassify, repro, rollback, runs, sandbox, seed, stages, status, r#try,
};
use crate::{exit::Exit, explained::ExplainedFailure, schema};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Folder of the schemas [default: data/schemas/ under the root]
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Change nothing; fail if a file differs from its type
    #[arg(long)]
    check: bool,
}

pub(super) fn run(args: &Args, cx: &Context) -> anyhow::Result<Exit> {
    let default = || batch_core::io::Layout::new(&cx.root).schemas();
    let dir = args.dir.clone().unwrap_or_else(default);
    let mut report = SchemaReport { written: vec![], unchanged: 0 };
    for (name, text) in schema::all(output_schemas()) {
        let path = dir.join(format!("{name}.schema.json"));
        if schema::is_written(&path, &text)? {
            report.unchanged += 1;
            continue;
        }
        if args.check {
            let remedy = "write it with `tsuku-batch schema`";
            let message = format!("{} differs from its type; {remedy}", path.display());
            return Err(Refusal { exit: Exit::State, message }.into());
        }
        schema::write(&path, &text)?;
        report.written.push(path.display().to_string());
    }
    cx.out.show(&report)?;
    Ok(Exit::Ok)
}

/// The schemas of everything that `--json` prints, by name. Listings of the history print one record
/// on each line.
fn output_schemas() -> [(&'static str, schemars::Schema); 56] {
    [
        ("output-error", schema_for!(ErrorReport)),
        ("output-init", schema_for!(init::InitReport)),
        ("output-import", schema_for!(import::ImportReport)),
        ("output-run", schema_for!(crate::run::Summary)),
        ("output-preflight", schema_for!(stages::preflight::PreflightReport)),
        ("output-stage", schema_for!(stages::StageReport)),
        ("output-merge-push", schema_for!(crate::merge::MergeReport)),
        ("output-merge-keep", schema_for!(crate::merge::KeptReport)),
        ("output-rollback", schema_for!(rollback::RollbackReport)),
        ("output-pr-list", schema_for!(pr::PullRequestList)),
        ("output-pr-changes", schema_for!(pr::PullRequestChanges)),
        ("output-matrix", schema_for!(stages::matrix::Matrix)),
        ("output-seed", schema_for!(seed::SeedReport)),
        ("output-seed-status", schema_for!(seed::status::SeedStatusReport)),
        ("output-plan", schema_for!(plan::PlanReport)),
        ("output-plan-slots", schema_for!(plan::SlotsReport)),
        ("output-simulate", schema_for!(crate::simulate::Report)),
        ("simulated-attempt", schema_for!(crate::simulate::TraceLine<'_>)),
        ("output-status", schema_for!(status::StatusReport)),
        ("output-config-check", schema_for!(config::ConfigReport)),
        ("output-doctor", schema_for!(doctor::DoctorReport)),
        ("output-doctor-restore", schema_for!(doctor::RestoredFile)),
        ("output-pause", schema_for!(pause::PauseReport)),
        ("output-breaker", schema_for!(breaker::BreakerReport)),
        ("output-try", schema_for!(r#try::TryReport)),
        ("output-queue-add", schema_for!(queue::AddReport)),
        ("output-queue-edit", schema_for!(queue::EditReport)),
        ("output-queue-reconcile", schema_for!(queue::ReconcileReport)),
        ("output-queue-list", schema_for!(StoredEntry)),
        ("output-disambiguation-list", schema_for!(disambiguation::OverrideList)),
        ("output-disambiguation-add", schema_for!(disambiguation::AddedReport)),
        ("output-disambiguation-check", schema_for!(disambiguation::CheckReport)),
        ("output-disambiguation-lint", schema_for!(disambiguation::LintReport)),
        ("output-blockers", schema_for!(blockers::BlockersReport)),
        ("output-limits", schema_for!(limits::LimitsReport)),
        ("output-recipe-check", schema_for!(recipe::CheckReport)),
        ("output-recipe-matrix", schema_for!(recipe::RecipeMatrix)),
        ("output-recipe-test", schema_for!(recipe::TestReport)),
        ("output-ecosystem-list", schema_for!(ecosystem::EcosystemList)),
        ("output-ecosystem-show", schema_for!(ecosystem::EcosystemDetails)),
        ("output-ecosystem-tools", schema_for!(ecosystem::ToolsReport)),
        ("output-ecosystem-matrix", schema_for!(ecosystem::EcosystemMatrix)),
        ("output-ecosystem-check", schema_for!(ecosystem::ConformanceReport)),
        ("output-ecosystem-new", schema_for!(ecosystem::NewReport)),
        ("output-archive", schema_for!(archive::ArchiveReport)),
        ("output-reclassify", schema_for!(reclassify::ReclassifyReport)),
        ("output-explain", schema_for!(explain::ExplainReport)),
        ("output-failures-list", schema_for!(ExplainedFailure)),
        ("output-failures-top", schema_for!(failures::TopReport)),
        ("output-failures-show", schema_for!(failures::FailureReport)),
        ("output-repro", schema_for!(repro::ReproReport)),
        ("output-runs-list", schema_for!(RunRecord)),
        ("output-runs-show", schema_for!(runs::RunReport)),
        ("output-fold", schema_for!(fold::FoldReport)),
        ("output-dashboard-build", schema_for!(dashboard::BuildReport)),
        ("output-sandbox-check", schema_for!(sandbox::CheckReport)),
    ]
}

#[derive(Debug, Serialize)]
struct SchemaReport {
    written: Vec<String>,
    unchanged: usize,
}

impl fmt::Display for SchemaReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for path in &self.written {
            writeln!(f, "written  {path}")?;
        }
        writeln!(f, "{} unchanged", self.unchanged)
    }
}
