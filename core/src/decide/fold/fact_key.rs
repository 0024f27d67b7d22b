//! What a fact is about, and which facts do not belong to a batch.

use std::fmt;

use crate::model::{
    Discovered, Environment, Fact, PackageId, RefusalReason, SCHEMA_VERSION, Started, Validated,
};

/// The subject of a fact. Two facts with the same key are the same fact, or they contradict each
/// other.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key<'f> {
    fact: &'static str,
    package: Option<&'f PackageId>,
    environment: Option<Environment>,
    tries: u32,
}

impl<'f> Key<'f> {
    pub(super) fn of(fact: &'f Fact) -> Self {
        let (name, package, environment, tries) = match fact {
            Fact::Started(_) => ("started", None, None, 1),
            Fact::Began(began) => {
                ("began", Some(&began.package_id), began.environment, began.tries)
            }
            Fact::Deferred(deferred) => {
                ("deferred", Some(&deferred.package_id), deferred.environment, 1)
            }
            Fact::Generated(generated) => ("generated", Some(&generated.package_id), None, 1),
            Fact::Discovered(discovered) => {
                let Discovered { package_id, environment, tries, .. } = &**discovered;
                ("discovered", Some(package_id), Some(*environment), *tries)
            }
            Fact::Validated(validated) => {
                let Validated { package_id, environment, tries, .. } = &**validated;
                ("validated", Some(package_id), Some(*environment), *tries)
            }
            Fact::Recovered(_) => ("recovered", None, None, 1),
            Fact::Finished(finished) => ("finished", None, finished.environment, 1),
        };
        Self { fact: name, package, environment, tries }
    }
}

impl fmt::Display for Key<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.fact)?;
        if let Some(package) = self.package {
            write!(f, " {package}")?;
        }
        if let Some(environment) = self.environment {
            write!(f, " in {environment}")?;
        }
        if self.tries == 1 { Ok(()) } else { write!(f, ", try {}", self.tries) }
    }
}

/// Why `fact` does not belong to the batch of `plan`.
pub(super) fn refusal(fact: &Fact, plan: &Started) -> Option<RefusalReason> {
    let schema_version = fact.schema_version();
    if schema_version != SCHEMA_VERSION {
        return Some(RefusalReason::OtherVersion { schema_version });
    }
    if *fact.batch_id() != plan.batch_id {
        return Some(RefusalReason::OtherBatch { batch_id: fact.batch_id().to_string() });
    }
    if fact.started().is_some_and(|started| started != plan) {
        return Some(RefusalReason::OtherPlan);
    }
    let Key { package, environment, .. } = Key::of(fact);
    let package = package?;
    let is_planned = plan.plan.packages.iter().any(|planned| {
        planned.package_id == *package
            && environment.is_none_or(|place| planned.environments.contains(&place))
    });
    (!is_planned).then_some(RefusalReason::NotPlanned)
}
