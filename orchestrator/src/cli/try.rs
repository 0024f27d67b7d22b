//! `try`: makes and verifies the recipe of one package and records nothing.

mod report;

use batch_core::{
    decide::{ladder::ToTest, recipe},
    model::{ActionShape, Finding, NotGenerated, PackageFacts, Stage},
};

use report::TryOutcome;
pub(super) use report::TryReport;

use super::{
    Context, names,
    programs::ProgramArgs,
    signal::cancel_on_signal,
    trial::{Trial, Tried, paused},
};
use crate::{exit::Exit, failure::failure, generator::NoRecipe, validator::Validation};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Package, written `<ecosystem>:<name>`
    #[arg(value_name = "PACKAGE ID")]
    package: String,
    /// Stop after the recipe is made; needs no tool and no sandbox
    #[arg(long)]
    generate_only: bool,
    #[command(flatten)]
    programs: ProgramArgs,
}

pub(super) async fn run(args: &Args, cx: &Context) -> anyhow::Result<Exit> {
    let (plugin, package) = names::package(&cx.env.registry, &args.package)?;
    cancel_on_signal(cx);
    let trial = Trial::new(plugin, &args.programs, cx).await?;
    let generated = tokio::select! {
        generated = trial.generator.generate(&*trial.http, plugin, &package) => generated,
        () = cx.stop.token().cancelled() => return Ok(Exit::Interrupted),
    };
    let to_test = match generated {
        Err(NoRecipe::Paused { host, until }) => return Err(paused(&host, until)),
        Err(NoRecipe::Failed(NotGenerated { facts, failure, draft })) => {
            let report = TryReport::new(package, facts.as_deref());
            return show(
                &TryReport { recipe: draft, ..report.failed(&failure, &cx.env.registry) },
                cx,
            );
        }
        Err(NoRecipe::Undiscovered(undiscovered)) if args.generate_only => {
            return show(&not_installed(&undiscovered.facts, cx), cx);
        }
        Ok(recipe) if args.generate_only => return show(&TryReport::generated(&recipe), cx),
        Err(NoRecipe::Undiscovered(undiscovered)) => ToTest::Undiscovered(undiscovered),
        Ok(recipe) => ToTest::Recipe(Box::new(recipe)),
    };
    let environment = trial.here().await?;
    match trial.validated(to_test, environment).await? {
        Some(tried) => show(&validated(&tried, cx), cx),
        None => Ok(Exit::Interrupted),
    }
}

fn show(report: &TryReport, cx: &Context) -> anyhow::Result<Exit> {
    cx.out.show(report)?;
    Ok(match report.outcome {
        TryOutcome::Generated | TryOutcome::Verified => Exit::Ok,
        TryOutcome::Failed => Exit::PackageFailed,
    })
}

fn validated(tried: &Tried, cx: &Context) -> TryReport {
    let report = match &tried.recipe {
        Some(recipe) => TryReport::generated(recipe),
        None => TryReport::new(tried.facts.id.clone(), Some(&tried.facts)),
    };
    match (&tried.validation, &tried.recipe) {
        (Validation::Passed { verify, .. }, Some(generated)) => {
            let actions: Vec<ActionShape> = cx.env.registry.recipe_actions().collect();
            let recipe = Some(recipe::verified_by(generated, verify.as_ref(), &actions));
            TryReport { outcome: TryOutcome::Verified, recipe, ..report }
        }
        (Validation::Passed { .. }, None) => report,
        (Validation::Failed { failure, .. }, _) => report.failed(failure, &cx.env.registry),
    }
}

/// The report of a package whose commands nobody may discover.
fn not_installed(facts: &PackageFacts, cx: &Context) -> TryReport {
    let report = TryReport::new(facts.id.clone(), Some(facts));
    match facts.commands() {
        Ok(_) => report,
        Err(missing) => {
            let message =
                format!("{}; without --generate-only it is installed to see them", missing.reason);
            let finding = Finding::stated(missing.kind);
            let failure = failure(Stage::Generate, finding, &message, &facts.id);
            report.failed(&failure, &cx.env.registry)
        }
    }
}
