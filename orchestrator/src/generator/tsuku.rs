//! The generator that runs the package manager's own program. The program writes the recipe, and the
//! facts of the registry check and correct it.

use std::{
    collections::BTreeSet,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;
use batch_core::{
    decide::{
        recipe,
        tsuku::{self, Asked, Cause, Output, PROGRAM, Subcommand},
    },
    io::{Clock, Http, RetryPolicy, read_within},
    model::{
        CommandName, Failure, FailureKind, Finding, GeneratedRecipe, NotGenerated, PackageFacts,
        PackageId, Stage,
    },
    plugin::EcosystemPlugin,
};
use batch_sandbox::{CallReport, Ended};

use crate::{
    failure::Source,
    generator::{BuiltinGenerator, Generator, NoRecipe, Turns},
    ran::RanSteps,
    tsuku::{Found, PrivateFolder, Tsuku, create},
};

/// The mode of a recipe's file. The program itself writes files that only their owner can read.
const RECIPE_MODE: u32 = 0o644;
/// The exit code of network errors, for which a second try can succeed.
const NETWORK: i32 = 5;

/// A generator that runs the package manager's own program.
pub struct TsukuGenerator {
    /// The program. If it was not found, every package fails, because it was requested explicitly and
    /// no other generator is used instead.
    pub program: Found,
    /// Reads the facts of the registry and builds the recipe that the program's recipe is compared
    /// with.
    pub builtin: BuiltinGenerator,
    /// The clock for waits.
    pub clock: Arc<dyn Clock>,
    /// The random part of waits.
    pub jitter: Mutex<fastrand::Rng>,
    /// How often a call is repeated after a network error.
    pub retries: RetryPolicy,
    /// The folder for calls. Each call has its own folder in it, which is removed at the end.
    pub work: PathBuf,
    /// When the program may be called for each ecosystem.
    pub turns: Turns,
}

/// The output of a successful call.
struct Written {
    toml: String,
    is_guessed: bool,
}

impl TsukuGenerator {
    fn source<'a>(&'a self, package: &'a PackageId) -> Source<'a> {
        Source { package, cleaner: &self.builtin.cleaner, works: Some(&self.work) }
    }

    /// A failure of the program or of this machine, not of the package.
    fn fault(&self, package: &PackageId, kind: FailureKind, message: &str) -> Failure {
        let finding = Finding::stated(kind).of_service(PROGRAM);
        self.source(package).failure(Stage::Generate, finding, message)
    }

    /// The recipe of `package` as the program writes it. Waits for the turn of the ecosystem.
    async fn written(
        &self,
        program: &Tsuku,
        plugin: &EcosystemPlugin,
        package: &PackageId,
    ) -> Result<Written, Failure> {
        let turn = self.turns.of(plugin);
        let mut turn = turn.lock().await;
        turn.wait(&*self.clock).await;
        let written = self.with_retries(program, plugin, package).await;
        turn.end(&*self.clock);
        written
    }

    async fn with_retries(
        &self,
        program: &Tsuku,
        plugin: &EcosystemPlugin,
        package: &PackageId,
    ) -> Result<Written, Failure> {
        let (mut n_tried, ran) = (0, RanSteps::default());
        loop {
            n_tried += 1;
            let disk = |error: &std::io::Error| {
                let message = format!("cannot make a folder in {}: {error}", self.work.display());
                self.fault(package, FailureKind::DiskFull, &message)
            };
            let folder = PrivateFolder::new_in(&self.work).map_err(|error| disk(&error))?;
            let outcome = self.call(program, plugin, package, (&folder, &ran)).await;
            folder.remove().await;
            let is_network = matches!(&outcome, Err(failed) if failed.exit_code == Some(NETWORK));
            if !is_network || self.retries.n_more < n_tried {
                return outcome.map_err(|failed| ran.before(failed));
            }
            let random = self.jitter.lock().unwrap_or_else(PoisonError::into_inner).f64();
            let wait = self.retries.wait(n_tried, random);
            tracing::debug!(n_tried, "asking {PROGRAM} for {package} again in {wait:?}");
            self.clock.sleep(wait).await;
        }
    }

    async fn call(
        &self,
        program: &Tsuku,
        plugin: &EcosystemPlugin,
        package: &PackageId,
        (folder, ran): (&PrivateFolder, &RanSteps),
    ) -> Result<Written, Failure> {
        let file = folder.output("recipe.toml");
        let argv = create(&program.program, package, &file);
        let deadline = program.wanted.limits.create;
        let report = program.call(argv.clone(), folder, deadline, std::future::pending()).await;
        let exit_code = report.as_ref().ok().and_then(|report| report.exit_code);
        ran.call(&argv, &program.environment(folder), exit_code, &self.source(package));
        let report = report
            .map_err(|error| self.fault(package, FailureKind::ToolCrashed, &error.to_string()))?;
        let source = self.source(package);
        let (stdout, stderr) = (source.text(&report.stdout), source.text(&report.stderr));
        let output = Output {
            of: Subcommand::Create,
            exit_code: report.exit_code,
            stdout: &stdout,
            stderr: &stderr,
        };
        if report.ended != Ended::Exited || report.exit_code != Some(0) {
            return Err(self.failure(plugin, package, &report, &output));
        }
        let is_guessed = tsuku::guessed_command(&output);
        match read_recipe(&file) {
            Ok(toml) => Ok(Written { toml, is_guessed }),
            Err(why) => {
                let cause = Cause {
                    finding: Finding::stated(FailureKind::ToolCrashed).of_service(PROGRAM),
                    text: format!("{stderr}\n{stdout}\nerror: {PROGRAM} ended well, and {why}"),
                    blocked_by: vec![],
                };
                Err(source.of_call(Stage::Generate, cause, report.exit_code))
            }
        }
    }

    fn failure(
        &self,
        plugin: &EcosystemPlugin,
        package: &PackageId,
        report: &CallReport,
        output: &Output<'_>,
    ) -> Failure {
        let cause = match stopped(report) {
            Some((kind, how)) => Cause {
                finding: Finding::stated(kind).of_service(PROGRAM),
                text: format!("{}\n{}\nerror: {PROGRAM} {how}", output.stderr, output.stdout),
                blocked_by: vec![],
            },
            None => tsuku::failed(output, &|evidence| plugin.classifier.classify(evidence)),
        };
        self.source(package).of_call(Stage::Generate, cause, report.exit_code)
    }

    /// The program's recipe after corrections from `ours`, the recipe that our own builder makes from
    /// the facts of the registry.
    fn judged(
        &self,
        plugin: &EcosystemPlugin,
        ours: GeneratedRecipe,
        written: &Written,
    ) -> Result<GeneratedRecipe, NotGenerated> {
        let GeneratedRecipe { facts, name, toml } = ours;
        let refused = |facts: PackageFacts, kind, reason: &str| {
            let source = self.source(&facts.id);
            let failure = source.failure(Stage::Generate, Finding::stated(kind), reason);
            NotGenerated { facts: Some(Box::new(facts)), failure: Box::new(failure), draft: None }
        };
        let actions = &self.builtin.actions;
        let recipe = match recipe::parse(&toml, actions) {
            Ok(recipe) => recipe,
            Err(error) => {
                return Err(refused(facts, FailureKind::SchemaInvalid, &error.to_string()));
            }
        };
        let identity = |text: &str| match text.parse() {
            Ok(name) => plugin.names.identity(&name),
            Err(_) => text.to_owned(),
        };
        let asked = Asked {
            facts: &facts,
            ours: &recipe,
            actions,
            identity: &identity,
            is_guessed: written.is_guessed,
        };
        match tsuku::corrected(&written.toml, &asked) {
            Err(tsuku::Refused { kind, reason }) => Err(refused(facts, kind, &reason)),
            Ok(corrected) => {
                let clean = |note: &String| recipe::one_line(&self.source(&facts.id).text(note));
                let notes: Vec<String> = corrected.notes.iter().map(clean).collect();
                let notes = [facts.notes.clone(), notes].concat();
                let toml = recipe::commented(&corrected.toml, &notes);
                Ok(GeneratedRecipe { facts: PackageFacts { notes, ..facts }, name, toml })
            }
        }
    }
}

#[async_trait]
impl Generator for TsukuGenerator {
    fn name(&self) -> String {
        match &self.program {
            Ok(program) => program.name(),
            Err(_) => format!("{PROGRAM} not found"),
        }
    }

    async fn generate(
        &self,
        http: &dyn Http,
        plugin: &EcosystemPlugin,
        package: &PackageId,
    ) -> Result<GeneratedRecipe, NoRecipe> {
        let none = |facts, failure| {
            NoRecipe::Failed(NotGenerated { facts, failure: Box::new(failure), draft: None })
        };
        let program = match &self.program {
            Ok(program) => program,
            Err(not_found) => {
                let message = format!("{}; nothing takes its place", not_found.reason);
                return Err(none(None, self.fault(package, FailureKind::ToolMissing, &message)));
            }
        };
        // If the registry already shows that there can be no recipe, the program is not called.
        let ours = self.builtin.generate(http, plugin, package).await?;
        match self.written(program, plugin, &ours.facts.id).await {
            Ok(written) => Ok(self.judged(plugin, ours, &written)?),
            Err(failure) => Err(none(Some(Box::new(ours.facts)), failure)),
        }
    }

    /// The program is not asked: like the built-in generator, it would know no commands.
    fn discovered(
        &self,
        plugin: &EcosystemPlugin,
        facts: &PackageFacts,
        names: BTreeSet<CommandName>,
    ) -> Result<GeneratedRecipe, NotGenerated> {
        self.builtin.discovered(plugin, facts, names)
    }
}

/// Why a call was stopped; `None` if it ended by itself.
fn stopped(report: &CallReport) -> Option<(FailureKind, String)> {
    let seconds = report.duration_ms / 1000;
    match report.ended {
        Ended::Exited => None,
        Ended::TimedOut => {
            Some((FailureKind::BuildTimeout, format!("did not end within {seconds} s")))
        }
        Ended::OutputFlood => Some((FailureKind::ToolCrashed, "printed too much".to_owned())),
        Ended::OutOfMemory
        | Ended::TooManyProcesses
        | Ended::TooManyFiles
        | Ended::DiskFull
        | Ended::Cancelled => Some((FailureKind::ToolCrashed, "was stopped".to_owned())),
    }
}

/// The recipe in `file`, which becomes readable for everybody. The error says why there is none.
fn read_recipe(file: &Path) -> Result<String, String> {
    let most = recipe::MAX_RECIPE as u64;
    let bytes = match read_within(file, most) {
        Ok(Some(bytes)) => bytes,
        Ok(None) => return Err("wrote no recipe".to_owned()),
        Err(error) => return Err(format!("its recipe cannot be read: {}", error.kind)),
    };
    std::fs::set_permissions(file, std::fs::Permissions::from_mode(RECIPE_MODE))
        .map_err(|error| format!("its recipe cannot be made readable: {error}"))?;
    String::from_utf8(bytes).map_err(|_| "its recipe is no UTF-8".to_owned())
}
