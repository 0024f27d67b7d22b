//! What `explain` prints.

use std::fmt;

use batch_core::{
    decide::explain::{AttemptResult, Blocker, Cause, Explanation, LastAttempt},
    model::PackageId,
};
use chrono::SubsecRound as _;
use schemars::JsonSchema;
use serde::Serialize;

use crate::{cli::damage, counted::counted};

/// How many of the packages that wait are named in print.
const N_NAMED: usize = 10;

/// What `explain --json` prints.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::cli) struct ExplainReport {
    /// The package, the failure or the run that was asked about.
    pub(super) subject: String,
    /// The package, also if a failure was asked about; absent for a run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) package_id: Option<PackageId>,
    #[serde(flatten)]
    pub(super) explanation: Explanation,
    /// What could not be read, each with file, position, reason and remedy.
    pub(super) problems: Vec<String>,
}

impl fmt::Display for ExplainReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let it = &self.explanation;
        let subject = match &self.package_id {
            Some(package) if package.to_string() != self.subject => {
                format!("{}, a failure of {package}", self.subject)
            }
            Some(_) | None => self.subject.clone(),
        };
        let history = it.history.map_or_else(String::new, |it| format!("; {}", it.meaning()));
        writeln!(f, "{subject}: {}{history}", it.status.as_str())?;
        writeln!(f, "  why         {}", it.rule)?;
        let at = it.next_attempt.at.map(|at| format!("{}: ", at.trunc_subsecs(0)));
        writeln!(f, "  next        {}{}", at.unwrap_or_default(), it.next_attempt.why)?;
        for blocker in &it.blocked_by {
            writeln!(f, "  blocked by  {}", described(blocker))?;
        }
        if !it.blocks.is_empty() {
            writeln!(f, "  blocks      {}", listed(&it.blocks))?;
        }
        if !it.last_attempts.is_empty() {
            writeln!(f, "\nLast attempts:")?;
        }
        it.last_attempts.iter().try_for_each(|attempt| write_attempt(f, attempt))?;
        if !it.commands.is_empty() {
            writeln!(f, "\nWhat you can do:")?;
        }
        it.commands.iter().try_for_each(|command| writeln!(f, "  {command}"))?;
        damage::write_problems(f, &self.problems)
    }
}

fn described(blocker: &Blocker) -> String {
    let recipe = if blocker.has_recipe { "its recipe exists now" } else { "it has no recipe" };
    let status = blocker.status.map_or("it is not queued", |status| status.as_str());
    format!("{}: {recipe}; {status}", blocker.name)
}

fn listed(packages: &[PackageId]) -> String {
    let named: Vec<String> = packages.iter().take(N_NAMED).map(ToString::to_string).collect();
    let n_more = packages.len().saturating_sub(N_NAMED);
    let more = (0 < n_more).then(|| format!(", and {}", counted(n_more, "other", "others")));
    format!("{}{}", named.join(", "), more.unwrap_or_default())
}

fn write_attempt(f: &mut fmt::Formatter<'_>, attempt: &LastAttempt) -> fmt::Result {
    let result = match attempt.result {
        AttemptResult::Passed => "passed",
        AttemptResult::PassedInPart => "passed in some environments only",
        AttemptResult::Failed => "failed",
    };
    let sweep = attempt.sweep.map_or("", |_| ", test of the existing recipe");
    let at = attempt.at.trunc_subsecs(0);
    let LastAttempt { package_id, batch_id, .. } = attempt;
    writeln!(f, "  {at}  {package_id}  {result}{sweep}  ({batch_id})")?;
    attempt.causes.iter().try_for_each(|cause| write_cause(f, cause))
}

fn write_cause(f: &mut fmt::Formatter<'_>, cause: &Cause) -> fmt::Result {
    let Cause { category, subcategory, environment, headline, remedy, .. } = cause;
    let place = environment.map(|environment| format!(" in {environment}"));
    writeln!(f, "    {category}/{subcategory}{}", place.unwrap_or_default())?;
    writeln!(f, "      {headline}")?;
    writeln!(f, "      what to do: {remedy}")
}
