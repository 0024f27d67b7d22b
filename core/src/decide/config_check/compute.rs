//! The lines, one check after the other.

use std::{collections::BTreeMap, time::Duration};

use super::{Check, Checked, Figure, RequestTimes, Schedule, ScheduledEcosystem, Unknown};
use crate::{
    decide::ladder::MINUTES_OF_A_TEST,
    model::{Os, Purpose},
};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// How often a test is tried that takes as long as it may: once more.
const TRIES_OF_A_SLOW_TEST: u64 = 2;

impl Schedule {
    pub(super) fn requests(&self, checked: &mut Checked) {
        let mut of_day: BTreeMap<&str, (u64, Vec<String>)> = BTreeMap::new();
        let n_ecosystems = u64::try_from(self.ecosystems.len().max(1)).unwrap_or(u64::MAX);
        let turns = self.slots_per_day.div_ceil(n_ecosystems);
        for ScheduledEcosystem { id, hosts, needs, .. } in &self.ecosystems {
            for host in hosts {
                let Some(Figure { value, from }) = needs.requests.get(host) else {
                    let what = format!("how many requests a package of {id} sends to {host}");
                    checked.unknown.push(Unknown { what, remedy: UNKNOWN_REQUESTS.to_owned() });
                    continue;
                };
                let needed = value.saturating_mul(self.batch_size);
                let allowed = self.most(host, self.slot);
                let arithmetic = format!(
                    "{id}: {value} requests for a package ({from}) × {} packages = {needed}; {host} \
                     allows {allowed} in {}",
                    self.batch_size,
                    minutes(self.slot)
                );
                checked.add(
                    Check::RequestsOfSlot,
                    (host, arithmetic),
                    (needed, allowed),
                    "requests",
                );
                let (sum, parts) = of_day.entry(host).or_default();
                *sum = sum.saturating_add(needed.saturating_mul(turns));
                parts.push(format!("{id} {turns} slots × {needed}"));
            }
        }
        for (host, (needed, parts)) in of_day {
            let allowed = self.most(host, DAY);
            let parts = parts.join(" + ");
            let arithmetic = format!("{parts} = {needed} a day; {host} allows {allowed}");
            checked.add(Check::RequestsOfDay, (host, arithmetic), (needed, allowed), "requests");
        }
    }

    /// How many requests to `host` fit into `time`: the sum over the parts of the host that building
    /// uses.
    fn most(&self, host: &str, time: Duration) -> u64 {
        let own = self.quotas.iter().filter(|quota| quota.host == host);
        let building = own.filter(|quota| quota.purpose == Purpose::Building);
        building.map(|quota| quota.most_in(time)).fold(0, u64::saturating_add)
    }

    pub(super) fn times(&self, ecosystem: &ScheduledEcosystem, checked: &mut Checked) {
        let ScheduledEcosystem { id, needs, longest_step, .. } = ecosystem;
        let slot = self.slot.as_secs();
        if let Some(Figure { value, from }) = &needs.seconds {
            let needed = value.saturating_mul(self.batch_size);
            let arithmetic = format!(
                "{value} s for a package ({from}) × {} packages = {needed} s of {slot} s",
                self.batch_size
            );
            checked.add(Check::TimeOfSlot, (id.as_str(), arithmetic), (needed, slot), "seconds");
        } else {
            let what = format!("how long a package of {id} takes");
            let remedy = "run it once; the record of the run says it".to_owned();
            checked.unknown.push(Unknown { what, remedy });
        }
        let one = longest_step.saturating_add(self.verify_seconds.saturating_mul(2));
        let needed = one.saturating_mul(TRIES_OF_A_SLOW_TEST);
        let arithmetic = format!(
            "({longest_step} s for a step + 2 × {} s to verify) × {TRIES_OF_A_SLOW_TEST} tries = \
             {needed} s of {slot} s",
            self.verify_seconds
        );
        checked.add(Check::TimeOfTest, (id.as_str(), arithmetic), (needed, slot), "seconds");
    }

    pub(super) fn request_time(&self, checked: &mut Checked) {
        let RequestTimes { deadline, waits } = &self.request;
        let tries = u64::try_from(waits.len()).unwrap_or(u64::MAX).saturating_add(1);
        let waited: u64 = waits.iter().map(Duration::as_secs).fold(0, u64::saturating_add);
        let needed = tries.saturating_mul(deadline.as_secs()).saturating_add(waited);
        let slot = self.slot.as_secs();
        let arithmetic = format!(
            "{tries} tries × {} s + {waited} s between them = {needed} s of {slot} s",
            deadline.as_secs()
        );
        let subject = "[requests]";
        checked.add(Check::TimeOfRequest, (subject, arithmetic), (needed, slot), "seconds");
    }

    pub(super) fn minutes(&self, checked: &mut Checked) {
        let slots = self.slots_per_day.saturating_mul(7);
        for (os, check, limit) in [
            (Os::Darwin, Check::MinutesOnMacos, self.budget.macos),
            (Os::Linux, Check::MinutesOnLinux, self.budget.linux),
        ] {
            let Some(allowed) = limit else { continue };
            let own = self.environments.iter().filter(|it| it.cell().os() == os).count();
            let n = u64::try_from(own).unwrap_or(u64::MAX);
            let tests = slots.saturating_mul(self.batch_size).saturating_mul(n);
            let needed = tests.saturating_mul(MINUTES_OF_A_TEST);
            let arithmetic = format!(
                "{slots} slots a week × {} packages × {n} environments × {MINUTES_OF_A_TEST} minutes = \
                 {needed} if every package gets there, of {allowed}",
                self.batch_size
            );
            checked.add(check, ("[budget]", arithmetic), (needed, allowed), "minutes");
        }
    }

    /// Settings that contradict each other.
    pub(super) fn settings(&self, checked: &mut Checked) {
        let hours = |wait: Duration| wait.as_secs() / 3600;
        let mut waits = self.backoff.structural.to_vec();
        waits.push(self.backoff.structural_longest);
        for pair in waits.windows(2) {
            let &[first, next] = pair else { continue };
            let (needed, allowed) = (hours(first), hours(next));
            let arithmetic = format!("{needed} h, and after the next failure {allowed} h");
            let subject = "[backoff] structural_hours";
            checked.add(Check::WaitingTimes, (subject, arithmetic), (needed, allowed), "hours");
        }
        let minutes = |wait: Duration| wait.as_secs() / 60;
        let (first, longest) = (minutes(self.backoff.fault), minutes(self.backoff.fault_longest));
        let arithmetic = format!("{first} minutes, doubled up to {longest}");
        let subject = "[backoff] fault_minutes";
        checked.add(Check::WaitingTimes, (subject, arithmetic), (first, longest), "minutes");
        let breaker = &self.breaker;
        let (first, longest) = (minutes(breaker.first_pause), minutes(breaker.longest_pause));
        let arithmetic = format!("{first} minutes, doubled up to {longest}");
        let subject = "[breaker] first_pause_minutes";
        checked.add(Check::PausesOfBreakers, (subject, arithmetic), (first, longest), "minutes");
        let probes = u64::try_from(breaker.probes).unwrap_or(u64::MAX);
        let arithmetic = format!("{probes} probes, and {} packages in a batch", self.batch_size);
        let subject = "[breaker] probes";
        checked.add(Check::Probes, (subject, arithmetic), (probes, self.batch_size), "packages");
    }
}

const UNKNOWN_REQUESTS: &str =
    "run it once, or state the number in `requests_per_package` of `[plan]` in pipeline.toml";

fn minutes(time: Duration) -> String {
    format!("{} min", time.as_secs() / 60)
}
