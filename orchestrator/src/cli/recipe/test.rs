//! `recipe test`: installs and verifies recipe files as they are.

use std::{collections::BTreeMap, fmt};

use batch_core::{
    decide::ladder::ToTest,
    io::RetryPolicy,
    model::{
        Consequence, EcosystemId, Environment, Failure, GeneratedRecipe, NotGenerated,
        PackageFacts, PackageId,
    },
};
use schemars::JsonSchema;
use serde::Serialize;

use super::{
    files::FileArgs,
    subject::{Subject, Untested},
};
use crate::{
    cli::{
        Context, Refusal,
        annotation::Annotation,
        programs::ProgramArgs,
        signal::cancel_on_signal,
        trial::{Trial, paused},
    },
    exit::Exit,
    generator::NoRecipe,
    run::FailureSummary,
    validator::Validation,
};

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    #[command(flatten)]
    files: FileArgs,
    /// Environment in which the recipes are tested, for example `linux-debian-glibc-x86_64`
    #[arg(long, value_name = "ENVIRONMENT")]
    environment: Environment,
    /// End with 0, and not with 4, if it cannot be found out now whether a recipe works: a registry does not
    /// answer, or the pipeline is paused
    #[arg(long)]
    allow_undecided: bool,
    #[command(flatten)]
    programs: ProgramArgs,
}

pub(super) async fn run(args: &Args, cx: &Context) -> anyhow::Result<Exit> {
    let root = cx.open_root()?;
    let files = args.files.read(cx).await?;
    cancel_on_signal(cx);
    let mut report = TestReport { environment: args.environment, recipes: vec![] };
    let mut of_ecosystem: BTreeMap<EcosystemId, Vec<Subject>> = BTreeMap::new();
    for file in &files {
        match Subject::read(file, (&root, cx)) {
            Ok(subject) if subject.is_for(args.environment) => {
                of_ecosystem.entry(subject.plugin.id.clone()).or_default().push(subject);
            }
            Ok(Subject { file, package, .. }) => {
                let why = format!("it is not tested in {}", args.environment);
                let untested = TestedRecipe::untested(Untested { file, why });
                report.recipes.push(TestedRecipe { package_id: Some(package), ..untested });
            }
            Err(untested) => report.recipes.push(TestedRecipe::untested(untested)),
        }
    }
    for subjects in of_ecosystem.values() {
        let Some(first) = subjects.first() else { continue };
        let trial = match Trial::new(first.plugin, &args.programs, cx).await {
            Ok(trial) => trial,
            Err(error) => {
                let why = unavailable(error)?;
                let undecided = |subject| TestedRecipe::undecided(subject, why.clone());
                report.recipes.extend(subjects.iter().map(undecided));
                continue;
            }
        };
        trial.require(args.environment).await?;
        for subject in subjects {
            match tested(subject, args.environment, &trial, cx).await {
                Ok(Some(tested)) => report.recipes.push(tested),
                Ok(None) => {
                    cx.out.show(&report)?;
                    return Ok(Exit::Interrupted);
                }
                Err(error) => {
                    report.recipes.push(TestedRecipe::undecided(subject, unavailable(error)?));
                }
            }
        }
    }
    report.recipes.sort_by(|a, b| a.file.cmp(&b.file));
    cx.out.show(&report)?;
    cx.out.annotate(report.annotations())?;
    Ok(report.exit(args.allow_undecided))
}

/// Why nothing can be found out now, if that is what `error` says.
fn unavailable(error: anyhow::Error) -> anyhow::Result<String> {
    match error.downcast::<Refusal>() {
        Ok(Refusal { exit: Exit::Unavailable, message }) => Ok(message),
        Ok(other) => Err(other.into()),
        Err(error) => Err(error),
    }
}

/// The result for `subject`; `None` after an interruption.
async fn tested(
    subject: &Subject,
    environment: Environment,
    trial: &Trial<'_>,
    cx: &Context,
) -> anyhow::Result<Option<TestedRecipe>> {
    let Subject { file, name, toml, plugin, package, .. } = subject;
    let generated = tokio::select! {
        generated = trial.generator.generate(&*trial.http, plugin, package) => generated,
        () = cx.stop.token().cancelled() => return Ok(None),
    };
    // The registry tells about the package; what is tested is the recipe in the file.
    let facts: PackageFacts = match generated {
        Ok(GeneratedRecipe { facts, .. }) => facts,
        Err(NoRecipe::Undiscovered(undiscovered)) => undiscovered.facts,
        Err(NoRecipe::Paused { host, until }) => return Err(paused(&host, until)),
        Err(NoRecipe::Failed(NotGenerated { facts: Some(facts), .. })) => *facts,
        Err(NoRecipe::Failed(NotGenerated { facts: None, failure, .. })) => {
            return Ok(Some(TestedRecipe::failed(subject, &failure, cx)));
        }
    };
    let recipe = GeneratedRecipe { facts, name: name.clone(), toml: toml.clone() };
    let (mut n_tries, mut jitter) = (0, cx.env.jitter.clone());
    loop {
        n_tries += 1;
        let to_test = ToTest::Recipe(Box::new(recipe.clone()));
        let Some(end) = trial.validated(to_test, environment).await? else { return Ok(None) };
        let failure = match end.validation {
            Validation::Passed { .. } => {
                return Ok(Some(TestedRecipe {
                    file: file.display().to_string(),
                    package_id: Some(package.clone()),
                    outcome: TestOutcome::Passed,
                    why: None,
                    failure: None,
                }));
            }
            Validation::Failed { failure, .. } => failure,
        };
        if failure.finding.kind.tries() <= n_tries {
            return Ok(Some(TestedRecipe::failed(subject, &failure, cx)));
        }
        cx.env.clock.sleep(RetryPolicy::default().wait(n_tries, jitter.f64())).await;
    }
}

/// What `recipe test --json` prints.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::cli) struct TestReport {
    /// Where the recipes were tested.
    environment: Environment,
    /// One for each file.
    recipes: Vec<TestedRecipe>,
}

/// One file.
#[derive(Debug, Serialize, JsonSchema)]
struct TestedRecipe {
    /// The path as it was given.
    file: String,
    /// The package that the recipe installs, if it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    package_id: Option<PackageId>,
    outcome: TestOutcome,
    /// Why it was not tested, or could not be tested now.
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
    /// Why it failed, or why it could not be found out.
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<FailureSummary>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum TestOutcome {
    /// It was installed and verified.
    Passed,
    /// It does not work.
    Failed,
    /// It could not be found out, for a reason that may pass by itself.
    Undecided,
    /// This program does not test it, or not in this environment.
    Untested,
}

impl TestOutcome {
    fn as_str(self) -> &'static str {
        match self {
            Self::Passed => "ok  ",
            Self::Failed => "fail",
            Self::Undecided => "unknown",
            Self::Untested => "not tested",
        }
    }
}

impl TestedRecipe {
    fn untested(Untested { file, why }: Untested) -> Self {
        let (file, outcome) = (file.display().to_string(), TestOutcome::Untested);
        Self { file, package_id: None, outcome, why: Some(why), failure: None }
    }

    fn undecided(subject: &Subject, why: String) -> Self {
        let Subject { file, package, .. } = subject;
        let (file, package_id) = (file.display().to_string(), Some(package.clone()));
        Self { file, package_id, outcome: TestOutcome::Undecided, why: Some(why), failure: None }
    }

    fn failed(subject: &Subject, failure: &Failure, cx: &Context) -> Self {
        let Subject { file, package, .. } = subject;
        let outcome = match failure.finding.kind.consequence() {
            Consequence::Spared => TestOutcome::Undecided,
            Consequence::Blocked
            | Consequence::Excluded
            | Consequence::RequiresManual
            | Consequence::Failed => TestOutcome::Failed,
        };
        let failure = FailureSummary::new(failure, package, &cx.env.registry);
        let (file, package_id) = (file.display().to_string(), Some(package.clone()));
        Self { file, package_id, outcome, why: None, failure: Some(failure) }
    }
}

impl TestReport {
    fn annotations(&self) -> impl Iterator<Item = Annotation> {
        self.recipes.iter().filter_map(|TestedRecipe { file, outcome, why, failure, .. }| {
            let headline = failure.as_ref().map(|failure| &failure.headline);
            let message = headline.or(why.as_ref()).map_or("", String::as_str);
            let place = self.environment;
            let annotation = match outcome {
                TestOutcome::Passed | TestOutcome::Untested => return None,
                TestOutcome::Failed => {
                    Annotation::error(&format!("it does not work in {place}"), message)
                }
                TestOutcome::Undecided => {
                    Annotation::warning(&format!("it could not be tested now in {place}"), message)
                }
            };
            Some(annotation.at(file, None, None))
        })
    }

    fn exit(&self, allow_undecided: bool) -> Exit {
        let has = |outcome| self.recipes.iter().any(|recipe| recipe.outcome == outcome);
        if has(TestOutcome::Failed) {
            Exit::PackageFailed
        } else if has(TestOutcome::Undecided) && !allow_undecided {
            Exit::Unavailable
        } else {
            Exit::Ok
        }
    }
}

impl fmt::Display for TestReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for TestedRecipe { file, package_id, outcome, why, failure } in &self.recipes {
            let package = package_id.as_ref().map(|id| format!(" ({id})")).unwrap_or_default();
            let why = why.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
            writeln!(f, "{}  {file}{package}{why}", outcome.as_str())?;
            if let Some(failure) = failure {
                writeln!(f, "      {}/{}", failure.category, failure.subcategory)?;
                writeln!(f, "      {}", failure.headline)?;
                writeln!(f, "      what to do: {}", failure.remediation)?;
                for line in failure.message.lines() {
                    writeln!(f, "      {line}")?;
                }
            }
        }
        let n_tested = self.recipes.iter().filter(|it| it.outcome != TestOutcome::Untested).count();
        writeln!(f, "{n_tested} of {} tested in {}", self.recipes.len(), self.environment)
    }
}
