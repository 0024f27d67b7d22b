//! How often CPAN's API and a mirror may be asked.

use batch_core::{model::Quota, plugin::RateLimit};

use crate::Cpan;

/// Failures of these speak about this ecosystem.
pub(crate) const HOSTS: &[&str] = &["fastapi.metacpan.org", "cpan.metacpan.org"];

/// "Be polite" is the only rule (<https://github.com/metacpan/metacpan-api/blob/master/docs/API-docs.md>);
/// a firewall before it answers 402 to what looks like a bot.
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
    fn the_own_hosts_are_those_that_are_asked() {
        let asked: BTreeSet<_> = Cpan.quotas().iter().map(|quota| quota.host).collect();
        assert_eq!(asked, HOSTS.iter().copied().collect());
    }
}
