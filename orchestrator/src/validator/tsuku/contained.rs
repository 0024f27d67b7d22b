//! An installation in our own sandbox, in which the program itself runs.

use std::path::Path;

use batch_core::{
    decide::tsuku::{self, Installed, Output, PROGRAM, Subcommand},
    model::{CommandName, Executables, FailureKind, InstallPlan, InstallStep, Recipe, Verify},
};
use batch_sandbox::{Ended, Job, Report, inspect};

use super::trial::Trial;
use crate::{
    progress::Phase,
    tsuku::{Container, PrivateFolder, Setting, Target, eval, install, variables},
    validator::{
        NativeValidator,
        native::{Attempt, Stop},
        place::Place,
    },
};

/// The folders for `PATH` in the folder of a validation. The program puts a link or a small script for
/// each command there.
const BIN_DIRS: [&str; 2] = ["home/tools/current", "home/bin"];

impl Trial<'_> {
    /// Plans, installs, searches the commands and verifies them.
    pub(super) async fn in_sandbox(
        &self,
        native: &NativeValidator<'_>,
        recipe: &Recipe,
        file: &Path,
        folder: &PrivateFolder,
    ) -> Result<Option<Verify>, Stop> {
        let Self { plugin, generated, context, ran, .. } = *self;
        let (facts, place) = (&generated.facts, Place::Sandbox(native.sandbox));
        let attempt = Attempt { validator: native, plugin, facts, context, place, ran };
        self.report_phase(Phase::Install);
        let program = &self.program.program;
        let target = Target::of(self.environment);
        let report = self.contained(&attempt, eval(program, file, target), folder).await?;
        tsuku::planned(&output_of_job(Subcommand::Eval, &report), &|it| self.classify(it))
            .map_err(|cause| self.caused(cause, report.exit_code))?;
        let argv = install(program, file, Container::None);
        let report = self.contained(&attempt, argv, folder).await?;
        let output = output_of_job(Subcommand::Install, &report);
        if let Installed::Failed(mut cause) = tsuku::installed(&output, &|it| self.classify(it)) {
            cause.text += &self.source.refused_text(&report);
            return Err(self.caused(cause, report.exit_code));
        }
        self.look_for_commands(folder)?;
        match &recipe.verify {
            None => Ok(None),
            Some(verify) => {
                self.report_phase(Phase::Verify);
                attempt.verify(&plan(), verify, folder.path()).await.map(Some)
            }
        }
    }

    /// Runs `argv` in the sandbox. Of this machine, it can read only itself, the files that it needs, and
    /// the recipes of the registry.
    async fn contained(
        &self,
        attempt: &Attempt<'_>,
        argv: Vec<String>,
        folder: &PrivateFolder,
    ) -> Result<Report, Stop> {
        let wanted = &self.program.wanted;
        let (home, tmp) = (folder.home(), folder.tmp());
        let setting = Setting { home: &home, tmp: &tmp, registry: wanted.registry.as_deref() };
        let env = variables(setting, &wanted.variables);
        let recipes = wanted.registry.as_ref().map(|registry| registry.join("recipes"));
        let shown = [self.program.program.clone()].into_iter().chain(wanted.needs.clone());
        let mut job = Job {
            writable: true,
            separate_stdout: true,
            read_only: shown.chain(recipes).collect(),
            path_dirs: vec![],
            ..attempt.job(argv, &env, folder.path(), &plan())
        };
        attempt.connect(&mut job);
        let report = attempt.sandboxed(&job).await?;
        if report.ended == Ended::Exited {
            return Ok(report);
        }
        Err(Stop::Failed(Box::new(self.source.of_install(self.plugin, PROGRAM, &report))))
    }

    /// Checks that every command of the recipe is in a folder of `PATH`.
    fn look_for_commands(&self, folder: &PrivateFolder) -> Result<(), Stop> {
        let Executables::Known(commands) = &self.generated.facts.executables else { return Ok(()) };
        let is_there = |command: &CommandName| {
            let found = |dir: &&str| {
                inspect(folder.path(), Path::new(dir), &[command.as_str()], &[]).is_ok()
            };
            BIN_DIRS.iter().any(found)
        };
        let missing = commands.iter().filter(|command| !is_there(command));
        let missing: Vec<&str> = missing.map(CommandName::as_str).collect();
        if missing.is_empty() {
            return Ok(());
        }
        let message = format!("installed, but not on PATH: {}", missing.join(", "));
        Err(self.stop(FailureKind::ExecutableMissing, &message))
    }
}

/// The folders of the commands, for verification. The program itself has done all other steps.
fn plan() -> InstallPlan {
    InstallPlan {
        steps: vec![InstallStep::export(&[("TSUKU_HOME", "home")])],
        bin_dirs: BIN_DIRS.map(str::to_owned).to_vec(),
    }
}

fn output_of_job(of: Subcommand, report: &Report) -> Output<'_> {
    let Report { exit_code, stdout, output, .. } = report;
    Output { of, exit_code: *exit_code, stdout, stderr: output }
}
