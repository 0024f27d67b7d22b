//! Finds out which commands a package installs, by installing it.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use batch_core::{
    decide::discovery,
    model::{
        CommandName, DiscoveryPlan, Environment, Executables, FailureKind, Finding, Stage,
        UnknownCommands,
    },
};
use batch_sandbox::{InspectError, Job, inspect};

use crate::validator::{
    native::{Attempt, Stop},
    work::discard,
};

impl Attempt<'_> {
    /// The commands that each of two installations put on `PATH`.
    pub(super) async fn discover(
        &self,
        environment: Environment,
    ) -> Result<[BTreeSet<CommandName>; 2], Stop> {
        let origins = &self.validator.origins;
        let plan = self.plugin.installer;
        let plan = plan.and_then(|it| it.discovery(self.facts, environment, origins));
        let plan = plan.ok_or_else(|| self.undiscoverable())?;
        self.look_for_tools(&plan.install)?;
        self.look_for_toolchain()?;
        Ok([self.installed(&plan).await?, self.installed(&plan).await?])
    }

    /// Which ecosystems can be attempted is decided for validations, and the package manager's own
    /// program brings its tools.
    fn look_for_toolchain(&self) -> Result<(), Stop> {
        match &self.plugin.toolchain {
            Some(wanted) if self.toolchain().is_none() => {
                let kind = FailureKind::ToolchainMissing;
                let finding = Finding::stated(kind).of_service(wanted.program);
                let message = format!(
                    "only an installation shows the commands, and {} is not installed here",
                    wanted.program
                );
                let failure = self.source().failure(Stage::Validate, finding, &message);
                Err(Stop::Failed(Box::new(failure)))
            }
            Some(_) | None => Ok(()),
        }
    }

    /// The answer of the registry is all that can be known.
    fn undiscoverable(&self) -> Stop {
        match &self.facts.executables {
            Executables::Unknown(UnknownCommands { kind, reason, .. }) => self.stop(*kind, reason),
            Executables::Known(_) => {
                self.stop(FailureKind::BinaryDiscoveryFailed, "the registry tells its commands")
            }
        }
    }

    /// The commands after one installation, in a folder of its own.
    async fn installed(&self, plan: &DiscoveryPlan) -> Result<BTreeSet<CommandName>, Stop> {
        let dir = self.work_dir()?;
        let commands = match self.place.folder(dir.path()) {
            Ok(folder) => self.install_and_list(plan, &folder).await,
            Err(error) => Err(self.no_folder(&error)),
        };
        discard(dir).await;
        commands
    }

    async fn install_and_list(
        &self,
        plan: &DiscoveryPlan,
        dir: &Path,
    ) -> Result<BTreeSet<CommandName>, Stop> {
        self.install(&plan.install, dir).await?;
        let job = self.job(plan.listing.clone(), &BTreeMap::new(), dir, &plan.install);
        let report = self.sandboxed(&Job { separate_stdout: true, ..job }).await?;
        if !report.succeeded() {
            let tool = plan.listing.first().map_or("", String::as_str);
            let failure = self.source().of_install(self.plugin, tool, &report);
            return Err(Stop::Failed(Box::new(failure)));
        }
        let bin_dirs = &plan.install.bin_dirs;
        let mut names = discovery::commands(&report.stdout, dir, bin_dirs)
            .map_err(|missing| self.stop(missing.kind, &missing.reason))?;
        let mut outside = None;
        names.retain(|name| {
            let found = bin_dirs.iter().map(|bin| self.look_at(dir, bin, name));
            let found = found.reduce(|one, other| if one.is_ok() { one } else { other });
            match found {
                Some(Ok(())) => true,
                Some(Err(error @ InspectError::Outside { .. })) => {
                    outside = Some(error);
                    false
                }
                // The list says what the package says about itself. What cannot be run is no command.
                Some(Err(_)) | None => false,
            }
        });
        match outside {
            None => Ok(names),
            Some(error) => Err(self.stop(FailureKind::ExecutableMissing, &error.to_string())),
        }
    }

    fn look_at(&self, dir: &Path, bin: &str, name: &CommandName) -> Result<(), InspectError> {
        let roots = self.toolchain().map_or(&[][..], |found| &found.read_only);
        inspect(dir, Path::new(bin), &[name.as_str()], roots)
    }
}
