//! Runs verify commands: the recipe's own command, then others that may prove more.

use std::{collections::BTreeMap, path::Path, time::Duration};

use batch_core::{
    decide::verification::{CommandResult, Expected, Mismatch, Next},
    model::{FailureKind, InstallPlan, InstallStep, Verify},
    plugin::NativeInstaller,
};

use batch_sandbox::{Ended, Job, Limits, Report};

use crate::validator::native::{Attempt, Stop};

impl Attempt<'_> {
    /// Runs the recipe's verify command and, if it proves nothing, other commands.
    pub(super) async fn verify(
        &self,
        plan: &InstallPlan,
        verify: &Verify,
        dir: &Path,
    ) -> Result<Verify, Stop> {
        let knows_version =
            self.plugin.installer.is_none_or(NativeInstaller::programs_know_their_version);
        let version = self.facts.printed_version();
        let expected = Expected { verify, version, knows_version };
        let (mut seen, mut first) = (vec![], None);
        // The recipe's own command gets this time alone. All other commands together get it once
        // more.
        let mut left = self.validator.verify_wall;
        loop {
            let command = match expected.next(&seen) {
                Next::Proven(verify) => return Ok(verify),
                Next::Failed(mismatch) => {
                    return Err(self.not_verified(verify, mismatch, first.as_ref()));
                }
                Next::Run(command) => command,
            };
            let is_own = seen.is_empty();
            if left.is_zero() {
                seen.push(CommandResult {
                    exit_code: None,
                    output: String::new(),
                    shown: String::new(),
                });
                continue;
            }
            let report = self.verify_command(plan, &command, dir, left).await?;
            let is_stopped = !matches!(report.ended, Ended::Exited | Ended::TimedOut);
            if is_own && is_stopped {
                let failure = self.source().of_verify(&command, &report);
                return Err(Stop::Failed(Box::new(failure)));
            }
            let exit_code = report.exit_code.filter(|_| report.ended == Ended::Exited);
            let shown = self.source().text(&report.output);
            seen.push(CommandResult { exit_code, output: report.output.clone(), shown });
            if !is_own {
                left = left.saturating_sub(Duration::from_millis(report.duration_ms));
            }
            first.get_or_insert(report);
        }
    }

    async fn verify_command(
        &self,
        plan: &InstallPlan,
        command: &str,
        dir: &Path,
        wall_time: Duration,
    ) -> Result<Report, Stop> {
        // The package manager runs the recipe's verify command as a shell line, so it is one here
        // too.
        let argv = ["/bin/sh", "-c", command].map(str::to_owned).to_vec();
        let job = self.job(argv, &exported(plan, dir), dir, plan);
        let limits = Limits { wall_time, ..job.limits };
        self.sandboxed(&Job { writable: false, network: None, limits, ..job }).await
    }

    /// The failure, described by `first`, the result of the recipe's own command.
    fn not_verified(&self, verify: &Verify, mismatch: Mismatch, first: Option<&Report>) -> Stop {
        let Mismatch { kind, reason } = mismatch;
        let Some(report) = first else { return self.stop(kind, &reason) };
        let failure = if kind == FailureKind::VerifyTimeout {
            self.source().of_verify(&verify.command, report)
        } else {
            self.source().of_mismatch(kind, &reason, report)
        };
        Stop::Failed(Box::new(failure))
    }
}

/// The variables that the plan sets for commands, for an installation in `dir`.
fn exported(plan: &InstallPlan, dir: &Path) -> BTreeMap<String, String> {
    let folders = plan.steps.iter().filter_map(|step| {
        let InstallStep::Export { folders } = step else { return None };
        Some(folders)
    });
    let absolute = |folder: &String| dir.join(folder).display().to_string();
    folders.flatten().map(|(name, folder)| (name.clone(), absolute(folder))).collect()
}
