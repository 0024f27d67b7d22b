//! The jobs of a validation.

use std::{collections::BTreeMap, path::Path};

use batch_core::{
    model::{FailureKind, Finding, InstallPlan, Stage, WORK_DIR},
    plugin::NativeInstaller,
};
use batch_sandbox::{Ended, Job, Limits, NetworkAccess, PROXY_VARIABLES, Report, SandboxError};

use crate::validator::{
    NoVerdict,
    native::{Attempt, Stop},
};

impl Attempt<'_> {
    pub(super) fn job(
        &self,
        argv: Vec<String>,
        env: &BTreeMap<String, String>,
        dir: &Path,
        plan: &InstallPlan,
    ) -> Job {
        let toolchain = self.toolchain().filter(|_| self.place.is_here());
        let bins = plan.bin_dirs.iter().map(|bin| dir.join(bin));
        let tools = toolchain.into_iter().flat_map(|found| found.path_dirs.iter().cloned());
        let place = dir.to_string_lossy();
        let variables = env.iter().map(|(k, v)| (k.clone(), v.replace(WORK_DIR, &place)));
        let limits = self.validator.install_limits;
        let longest = self.plugin.installer.and_then(NativeInstaller::longest_step);
        let wall_time = longest.map_or(limits.wall_time, |longest| longest.max(limits.wall_time));
        Job {
            argv,
            env: variables.collect(),
            work_dir: dir.to_owned(),
            writable: false,
            network: None,
            read_only: toolchain.map(|found| found.read_only.clone()).unwrap_or_default(),
            path_dirs: bins.chain(tools).collect(),
            separate_stdout: false,
            limits: Limits { wall_time, ..limits },
        }
    }

    /// Allows `job` to use the network, including the proxies and mirrors of this machine, and sets
    /// the variables for that. Variables in the plan have priority.
    pub(super) fn connect(&self, job: &mut Job) {
        let passed_on = self.validator.passed_on;
        let is_proxy =
            |name: &str| PROXY_VARIABLES.contains(&name) && name.to_lowercase() != "no_proxy";
        let proxies =
            passed_on.iter().filter(|(name, _)| is_proxy(name)).map(|(_, url)| url.as_str());
        let hosts: Vec<&str> = self.plugin.rate_limit.quotas().iter().map(|it| it.host).collect();
        let mut network_access = NetworkAccess::default();
        for url in proxies.chain(self.validator.origins.mirrors_of(&hosts)) {
            if !network_access.add(url) {
                tracing::warn!("no sandboxed step can reach the proxy or mirror {url:?}");
            }
        }
        job.network = Some(network_access);
        for (name, value) in passed_on {
            job.env.entry(name.clone()).or_insert_with(|| value.clone());
        }
    }

    pub(super) async fn sandboxed(&self, job: &Job) -> Result<Report, Stop> {
        let report = self.place.run(job, self.context.cancel.cancelled()).await;
        let exit_code = report.as_ref().ok().and_then(|report| report.exit_code);
        self.ran.job(job, exit_code, &self.source());
        match report {
            Ok(Report { ended: Ended::Cancelled, .. }) => {
                Err(Stop::NoVerdict(NoVerdict::Cancelled))
            }
            Ok(report) => Ok(report),
            Err(error) => Err(self.machine_fault(&error)),
        }
    }

    /// The sandbox or the container runtime does not work, so no package is to blame.
    fn machine_fault(&self, error: &SandboxError) -> Stop {
        let finding = Finding::stated(FailureKind::ToolCrashed).of_service(self.place.service());
        let failure = self.source().failure(Stage::Validate, finding, &error.to_string());
        Stop::Failed(Box::new(failure))
    }
}
