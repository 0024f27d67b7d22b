//! What `runs show` says about environments.

use std::{collections::BTreeMap, fmt};

use batch_core::model::{Environment, EnvironmentCounts, ValidationSkip};

/// One line for each environment in which a recipe was tested, and one for each reason for which
/// others were left out.
pub(super) fn write_environments(
    f: &mut fmt::Formatter<'_>,
    environments: &BTreeMap<Environment, EnvironmentCounts>,
) -> fmt::Result {
    let mut left_out: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for (environment, counts) in environments {
        let EnvironmentCounts { tested, passed, blocked, skip_reasons, .. } = counts;
        if *tested + *blocked == 0 && !skip_reasons.is_empty() {
            let why: Vec<&str> = skip_reasons.keys().map(|&reason| untested(reason)).collect();
            left_out.entry(why.join(", or ")).or_default().push(environment.as_str());
            continue;
        }
        write!(f, "  {environment}  {passed} of {tested} passed")?;
        for (&reason, n) in skip_reasons {
            write!(f, ", {n} {}", untested(reason))?;
        }
        writeln!(f)?;
    }
    for (why, environments) in left_out {
        writeln!(f, "  {why}: {}", environments.join(", "))?;
    }
    Ok(())
}

/// What became of a recipe that was skipped for `reason`.
fn untested(reason: ValidationSkip) -> &'static str {
    match reason {
        ValidationSkip::Fault => "without a result because a service or the machine failed",
        ValidationSkip::RunnerLost => "without a result because the machine was lost",
        ValidationSkip::NotThisMachine => "not tested on this machine",
        ValidationSkip::UnsupportedPlatform => "not tested because the package does not run there",
        ValidationSkip::LeftOut => "not tested because an option of the run left it out",
        ValidationSkip::Budget => "not tested because the week's budget did not suffice",
        ValidationSkip::NotPromoted => "not tested because no cheaper environment had passed",
    }
}
