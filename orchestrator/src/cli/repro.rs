//! `repro`: prints what failed, and repeats it.

mod report;

use std::fmt::Display;

use batch_core::{
    decide::ladder::ToTest,
    io::StateReader as _,
    model::{
        Environment, Failure, FailureRecord, Generation, NotGenerated, PackageId, Repro, Stage,
    },
    plugin::{EcosystemPlugin, Registry},
};

pub(super) use report::ReproReport;
use report::{Again, ReproOutcome};

use super::{
    Context, Refusal,
    damage::Damage,
    failures, names,
    programs::ProgramArgs,
    signal::cancel_on_signal,
    trial::{Trial, paused},
};
use crate::{
    env::Root, exit::Exit, generator::NoRecipe, run::FailureSummary, validator::Validation,
};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Id of the failure, as `failures list` prints it, or a package, of which the newest failure is
    /// meant
    #[arg(value_name = "FAILURE ID|PACKAGE ID")]
    id: String,
    /// Do the same again: validate the recipe in the sandbox, or generate it. Exit code 0 if the same
    /// failure occurs again, 5 if not
    #[arg(long)]
    run: bool,
    #[command(flatten)]
    programs: ProgramArgs,
}

pub(super) async fn run(args: &Args, cx: &Context) -> anyhow::Result<Exit> {
    let root = cx.open_root()?;
    let mut damage = Damage::default();
    let record = failures::find(&args.id, &root, cx, &mut damage)?;
    let (repro, lost) = match stored(&record, &root)? {
        Ok(repro) => (repro, None),
        Err(lost) => (None, Some(lost)),
    };
    let mut report = ReproReport::new(&record, repro.as_ref());
    if args.run {
        cancel_on_signal(cx);
        let (plugin, package) = names::package(&cx.env.registry, &record.package_id.to_string())?;
        let trial = Trial::new(plugin, &args.programs, cx).await?;
        let subject = repro.and_then(|repro| repro.subject);
        let again = match record.stage {
            Stage::Generate => generated(plugin, &package, &trial, cx).await?,
            Stage::Validate => match lost {
                Some(lost) => return Err(lost.into()),
                None => validated(&record, subject, &trial).await?,
            },
            Stage::Seed | Stage::Merge => {
                let message = "nothing was executed that failed: a rule refused the result";
                return Err(Refusal::usage(message));
            }
        };
        let Some(again) = again else { return Ok(Exit::Interrupted) };
        report.again = Some(again.compared(&record, &cx.env.registry));
    }
    let of_lost = lost.as_ref().map_or(Exit::Ok, |lost| lost.exit);
    if let Some(lost) = &lost {
        damage.note(lost);
    }
    report.problems = damage.into_problems();
    cx.out.show(&report)?;
    Ok(match report.again.as_ref().map(|again| again.outcome) {
        None => of_lost,
        Some(ReproOutcome::Reproduced) => Exit::Ok,
        Some(ReproOutcome::OtherFailure | ReproOutcome::Passed) => Exit::PackageFailed,
    })
}

/// What is stored to repeat the attempt of `record`, if anything is. The inner error says that it was
/// removed or damaged.
fn stored(record: &FailureRecord, root: &Root) -> anyhow::Result<Result<Option<Repro>, Refusal>> {
    let Some(text) = &record.repro else { return Ok(Ok(None)) };
    let file = root.layout.output(&text.sha256);
    let file = file.map_or(text.sha256.clone(), |file| root.layout.label(&file));
    let lost = |exit, why: &dyn Display| {
        let remedy = "restore the file from version control";
        let package = &record.package_id;
        let other = format!("or see with `tsuku-batch try {package}` how the package fails now");
        Ok(Err(Refusal { exit, message: format!("{file}: {why}; {remedy}, {other}") }))
    };
    let text = match root.state.output(&text.sha256) {
        Ok(Some(text)) => text,
        Ok(None) => {
            return lost(Exit::NotFound, &"what repeats the failure is no longer stored");
        }
        Err(error) if error.kind.is_about_the_file() => {
            return Ok(Err(Refusal { exit: Exit::State, message: error.to_string() }));
        }
        Err(error) => return Err(error.into()),
    };
    match serde_json::from_str(&text) {
        Ok(repro) => Ok(Ok(Some(repro))),
        Err(error) => lost(Exit::State, &error),
    }
}

/// Generates again; `None` after an interruption.
async fn generated(
    plugin: &'static EcosystemPlugin,
    package: &PackageId,
    trial: &Trial<'_>,
    cx: &Context,
) -> anyhow::Result<Option<Repeated>> {
    let generated = tokio::select! {
        generated = trial.generator.generate(&*trial.http, plugin, package) => generated,
        () = cx.stop.token().cancelled() => return Ok(None),
    };
    let failure = match generated {
        Ok(_) | Err(NoRecipe::Undiscovered(_)) => None,
        Err(NoRecipe::Paused { host, until }) => return Err(paused(&host, until)),
        Err(NoRecipe::Failed(NotGenerated { failure, .. })) => Some(failure),
    };
    Ok(Some(Repeated { environment: None, sandbox: None, failure }))
}

/// Validates `subject` again, where it failed; `None` after an interruption.
async fn validated(
    record: &FailureRecord,
    subject: Option<Generation>,
    trial: &Trial<'_>,
) -> anyhow::Result<Option<Repeated>> {
    let Some(to_test) = subject.as_ref().and_then(ToTest::of) else {
        let message = "what was validated is not stored with this failure; `try` makes it anew";
        return Err(Refusal::not_found(message));
    };
    let here = trial.here().await?;
    if let Some(environment) = record.environment.filter(|&environment| environment != here) {
        let message = format!("it failed in {environment}, and this machine is {here}");
        return Err(Refusal { exit: Exit::Unavailable, message }.into());
    }
    let Some(tried) = trial.validated(to_test, here).await? else { return Ok(None) };
    let (sandbox, failure) = match tried.validation {
        Validation::Passed { sandbox, .. } => (sandbox, None),
        Validation::Failed { sandbox, failure } => (sandbox, Some(failure)),
    };
    Ok(Some(Repeated { environment: Some(here), sandbox: Some(sandbox), failure }))
}

/// The result of the repetition.
struct Repeated {
    environment: Option<Environment>,
    sandbox: Option<String>,
    failure: Option<Box<Failure>>,
}

impl Repeated {
    /// Compares it with the failure `record`. Failures are the same if their fingerprints are equal, because their texts contain times and random names.
    fn compared(self, record: &FailureRecord, registry: &Registry) -> Again {
        let outcome = match &self.failure {
            None => ReproOutcome::Passed,
            Some(failure) if failure.fingerprint == record.fingerprint => ReproOutcome::Reproduced,
            Some(_) => ReproOutcome::OtherFailure,
        };
        let is_same_kind = self.failure.as_ref().is_some_and(|it| it.finding.kind == record.kind());
        let summary = |it: &Failure| FailureSummary::new(it, &record.package_id, registry);
        Again {
            outcome,
            is_same_kind,
            environment: self.environment,
            sandbox: self.sandbox,
            failure: self.failure.as_deref().map(summary),
            steps: self.failure.map(|failure| failure.steps).unwrap_or_default(),
        }
    }
}
