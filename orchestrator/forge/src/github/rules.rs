//! The rules of the main branch, and what is left of the quota.

use std::collections::BTreeSet;

use chrono::DateTime;

use crate::{
    ForgeError, RequestQuota,
    github::{
        Github,
        answers::{Branch, BranchRule, RateLimits},
        api::PER_PAGE,
    },
    pull_request::line,
};

impl Github {
    /// The checks that the protection of the branch and the rulesets require together.
    pub(super) async fn all_required_checks(&self) -> Result<Vec<String>, ForgeError> {
        let base = self.base.as_str();
        let branch: Branch = self.api.ask(self.api.get(&["branches", base], &[])?).await?;
        let rules = self.api.get(&["rules", "branches", base], &[("per_page", PER_PAGE)])?;
        let rules = self.api.pages(rules, |page: Vec<BranchRule>| page).await?;
        let of_rules = rules.into_iter().filter(|rule| rule.kind == "required_status_checks");
        let of_rules = of_rules.flat_map(|rule| rule.parameters.required_status_checks);
        let names = branch.protection.required_status_checks.contexts.into_iter();
        let names: BTreeSet<String> = names.chain(of_rules.map(|check| check.context)).collect();
        Ok(names.iter().map(|name| line(&self.api.cleaner, name)).collect())
    }

    /// This request itself is not counted.
    pub(super) async fn remaining_requests(&self) -> Result<RequestQuota, ForgeError> {
        let limits: RateLimits = self.api.ask(self.api.request(&["rate_limit"], &[])?).await?;
        let core = limits.resources.core;
        let renewed_at = DateTime::from_timestamp(core.reset, 0).unwrap_or_default();
        Ok(RequestQuota { limit: core.limit, remaining: core.remaining, renewed_at })
    }
}
