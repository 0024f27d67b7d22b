//! `try`: one package, recipe and verdict, nothing recorded.

use std::{fmt, sync::Arc};

use batch_core::{
    decide::recipe,
    io::{FsState, Http, StateError, StateErrorKind},
    model::{ActionShape, Executables, GeneratedRecipe, NotGenerated, PackageId, PackageKind},
    plugin::EcosystemPlugin,
};
use schemars::JsonSchema;
use serde::Serialize;

use super::{Context, Refusal, names, run::cancel_on_signal};
use crate::{
    env::{self, Root},
    exit::Exit,
    generator::{BuiltinGenerator, Generator as _},
    machine::LocalMachine,
    net,
    progress::Progress,
    run::FailureSummary,
    seeds,
    settings::Settings,
    stage::preflight,
    validator::{Onlookers, Validation, Validator as _},
};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Which package: `<ecosystem>:<name>`
    #[arg(value_name = "PACKAGE ID")]
    package: String,
    /// Stop after the recipe; needs no tool and no sandbox
    #[arg(long)]
    generate_only: bool,
}

pub(super) async fn run(args: &Args, cx: &Context) -> anyhow::Result<Exit> {
    let (plugin, package) = names::package(&cx.env.registry, &args.package)?;
    // A root's mirrors, limits, pauses, recipes and kill switch hold here too; without a root there
    // are none.
    let (settings, control, known) = match FsState::open(&cx.root) {
        Ok(state) => {
            let control = env::control(&state, &cx.env.registry)?;
            let root = Root::of(state)?;
            let known = preflight::recipes(
                &cx.env.registry.recipe_actions().collect::<Vec<_>>(),
                &root.settings.bundled_recipes,
                &root.state,
            )?
            .known;
            (root.settings, control, known)
        }
        Err(StateError { kind: StateErrorKind::NotRoot, .. }) => Default::default(),
        Err(error) => return Err(error.into()),
    };
    if !control.allows(&plugin.id) {
        let why = control.reason.as_deref().unwrap_or("no reason given");
        let message = format!("{} is disabled in batch-control.json: {why}", plugin.id);
        return Err(Refusal { exit: Exit::Unavailable, message }.into());
    }
    cancel_on_signal(cx.cancel.clone());
    let scratch = batch_sandbox::TemporaryDir::new()?;
    let http: Arc<dyn Http> =
        net::polite(&cx.env, &settings, &scratch.path().join("cache"), &control)?;
    let actions: Vec<ActionShape> = cx.env.registry.recipe_actions().collect();
    let looked_at = seeds::looked_at(plugin, &settings)?;
    let cleaner = Arc::clone(&cx.env.cleaner);
    let generator =
        BuiltinGenerator { http: Arc::clone(&http), actions, known, looked_at, cleaner };
    let generated = tokio::select! {
        generated = generator.generate(plugin, &package) => generated,
        () = cx.cancel.cancelled() => return Ok(Exit::Interrupted),
    };
    let report = match generated {
        Err(NotGenerated { facts, failure, draft }) => {
            let report = TryReport::new(package, facts.as_deref());
            let failure = Some((&*failure).into());
            TryReport { outcome: TryOutcome::Failed, failure, recipe: draft, ..report }
        }
        Ok(generated) if args.generate_only => TryReport::generated(&generated),
        Ok(generated) => {
            let work = scratch.path().join("work");
            match validated(&generated, plugin, (&settings, http), &work, cx).await? {
                Some(report) => report,
                None => return Ok(Exit::Interrupted),
            }
        }
    };
    cx.out.show(&report)?;
    Ok(match report.outcome {
        TryOutcome::Generated | TryOutcome::Verified => Exit::Ok,
        TryOutcome::Failed => Exit::PackageFailed,
    })
}

async fn validated(
    generated: &GeneratedRecipe,
    plugin: &'static EcosystemPlugin,
    (settings, http): (&Settings, Arc<dyn Http>),
    work: &std::path::Path,
    cx: &Context,
) -> anyhow::Result<Option<TryReport>> {
    let local = LocalMachine::look_around(&cx.env, settings).await;
    let machine = local.offers(&cx.env.registry);
    let obstacle = machine.obstacles.get(&plugin.id);
    let (Some(environment), None) = (machine.environment, obstacle) else {
        let reason = obstacle.map_or_else(String::new, ToString::to_string);
        let hint = "--generate-only needs no tool and no sandbox";
        let message = format!("{} cannot be validated here: {reason}; {hint}", plugin.id);
        return Err(Refusal { exit: Exit::Unavailable, message }.into());
    };
    let Some(validator) = local.validator(&cx.env, settings, http, work.to_owned())? else {
        return Ok(None);
    };
    let onlookers = Onlookers { progress: &Progress::silent(), cancel: &cx.cancel };
    let validation = validator.validate(plugin, generated, environment, onlookers).await;
    let report = TryReport::generated(generated);
    let actions: Vec<ActionShape> = cx.env.registry.recipe_actions().collect();
    Ok(validation.map(|validation| match validation {
        Validation::Passed { verify, .. } => {
            let recipe = Some(recipe::verified_by(generated, verify.as_ref(), &actions));
            TryReport { outcome: TryOutcome::Verified, recipe, ..report }
        }
        Validation::Failed { failure, .. } => {
            TryReport { outcome: TryOutcome::Failed, failure: Some((&*failure).into()), ..report }
        }
    }))
}

/// What `try --json` prints.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct TryReport {
    /// In the registry's own spelling.
    package_id: PackageId,
    /// The newest version, if the registry said.
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<String>,
    /// What it is for.
    kind: TryKind,
    /// What it puts on `PATH`.
    executables: Vec<String>,
    /// What a person should know of it: deprecated, a prerelease, code at install.
    notes: Vec<String>,
    /// The recipe, as TOML, with the verification that was seen to hold. Where the failure is
    /// `missing_dep/recipe_missing`, what it will be as soon as those recipes are there.
    #[serde(skip_serializing_if = "Option::is_none")]
    recipe: Option<String>,
    /// How far it came.
    outcome: TryOutcome,
    /// Why it came no further.
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<FailureSummary>,
}

#[derive(Debug, Clone, Copy, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum TryKind {
    Tool,
    Library,
    Unknown,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum TryOutcome {
    /// There is a recipe; it was not installed.
    Generated,
    /// The recipe installed and verified.
    Verified,
    /// There is a failure.
    Failed,
}

impl TryReport {
    fn new(package_id: PackageId, facts: Option<&batch_core::model::PackageFacts>) -> Self {
        let executables = match facts.map(|facts| &facts.executables) {
            Some(Executables::Known(commands)) => {
                commands.iter().map(ToString::to_string).collect()
            }
            Some(Executables::Unknown(_)) | None => vec![],
        };
        let kind = match facts.map(|facts| facts.kind) {
            Some(PackageKind::Tool) => TryKind::Tool,
            Some(PackageKind::Library) => TryKind::Library,
            None => TryKind::Unknown,
        };
        Self {
            package_id,
            version: facts.map(|facts| facts.version.clone()),
            kind,
            executables,
            notes: facts.map(|facts| facts.notes.clone()).unwrap_or_default(),
            recipe: None,
            outcome: TryOutcome::Generated,
            failure: None,
        }
    }

    fn generated(generated: &GeneratedRecipe) -> Self {
        let report = Self::new(generated.facts.id.clone(), Some(&generated.facts));
        Self { recipe: Some(generated.toml.clone()), ..report }
    }
}

impl fmt::Display for TryReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(recipe) = &self.recipe {
            writeln!(f, "{recipe}")?;
        }
        let version = self.version.as_deref().unwrap_or("-");
        let verdict = match self.outcome {
            TryOutcome::Generated => "generated, not installed",
            TryOutcome::Verified => "installed and verified",
            TryOutcome::Failed => "failed",
        };
        writeln!(f, "{} {version}: {verdict}", self.package_id)?;
        for note in &self.notes {
            writeln!(f, "  note: {note}")?;
        }
        if let Some(FailureSummary { category, subcategory, message, .. }) = &self.failure {
            writeln!(f, "  {category}/{subcategory}")?;
            for line in message.lines() {
                writeln!(f, "  {line}")?;
            }
        }
        Ok(())
    }
}
