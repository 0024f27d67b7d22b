//! What only the forge knows.

use batch_core::decide::{
    doctor::{Finding, FindingCode, Place, pull_request},
    pull_request::BRANCHES,
};
use batch_forge::{Forge, ForgeError};
use chrono::{DateTime, SubsecRound as _, Utc};

/// Less than this part of the requests is little: a push of one batch needs some twenty.
const LITTLE: u64 = 10;

/// Examines the rules of the main branch, what is left of the quota, and open pull requests.
pub async fn examine_forge(
    forge: &dyn Forge,
    now: DateTime<Utc>,
) -> Result<Vec<Finding>, ForgeError> {
    let at = Place { file: "", line: 0 };
    let mut findings = vec![];
    if let Some(quota) = forge.quota().await?
        && quota.remaining.saturating_mul(LITTLE) < quota.limit
    {
        let until = quota.renewed_at.trunc_subsecs(0);
        let message =
            format!("{} of {} requests are left until {until}", quota.remaining, quota.limit);
        findings.push(Finding::new(FindingCode::QuotaLow, at, "", message));
    }
    let rules = forge.required_checks().await?;
    if rules.is_empty() {
        let message = "no check is required before something is merged into it".to_owned();
        findings.push(Finding::new(FindingCode::BranchUnprotected, at, "", message));
    }
    for pull in forge.open_pull_requests(BRANCHES).await? {
        findings.extend(pull_request(pull.number, pull.branch.as_str(), pull.created_at, now));
    }
    Ok(findings)
}
