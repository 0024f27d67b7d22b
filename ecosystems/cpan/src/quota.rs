//! The request limits of CPAN's API and of a mirror.

use batch_core::{model::Quota, plugin::RateLimit};

use crate::Cpan;

/// If requests to these hosts fail, the failure concerns this ecosystem.
pub(crate) const HOSTS: &[&str] = &["fastapi.metacpan.org", "cpan.metacpan.org"];

/// "Be polite" is the only rule
/// (<https://github.com/metacpan/metacpan-api/blob/master/docs/API-docs.md>). A firewall in front
/// of the API answers 402 to requests that look like those of a bot.
const API: Quota = Quota::each_second("fastapi.metacpan.org");

/// Archives of distributions.
const MIRROR: Quota = Quota::each_second("cpan.metacpan.org");

impl RateLimit for Cpan {
    fn quotas(&self) -> &'static [Quota] {
        &[API, MIRROR]
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_declared_hosts_are_those_of_the_requests() {
        let asked: BTreeSet<_> = Cpan.quotas().iter().map(|quota| quota.host).collect();
        assert_eq!(asked, HOSTS.iter().copied().collect());
    }
}
