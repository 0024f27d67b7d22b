//! Builds queues and attempts for tests, each in one line.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use batch_core::{
    decide::recipe,
    model::{
        ActionShape, Attempt, BatchId, BatchPlan, Began, Confidence, Deferred, Delta, Discovered,
        Environment, Executables, Fact, Failure, FailureKind, Finding, Fingerprint, Finished,
        Generated, GeneratedRecipe, Generation, HostUsage, NotGenerated, Outcome, PackageFacts,
        PackageId, PlannedPackage, Queue, QueueEntry, RecipeName, Recovered, RunnerMinutes,
        SCHEMA_VERSION, Stage, Started, Tier, Turn, Undiscovered, Validated, Verdict,
    },
};

/// A queue of `eco` from triples of name, tier and second of arrival.
pub fn queue<'a>(entries: impl IntoIterator<Item = (&'a str, u8, i64)>) -> Queue {
    let entry = |(name, tier, secs): (&str, u8, i64)| {
        let id = format!("eco:{name}").parse().expect("a test uses names");
        let added_at = DateTime::UNIX_EPOCH + chrono::Duration::seconds(secs);
        QueueEntry::new(id, Tier::try_from(tier).expect("a test uses tiers"), added_at)
    };
    entries.into_iter().map(entry).map(|entry| (entry.id.clone(), entry)).collect()
}

/// An attempt that ended at the epoch.
pub fn attempt(id: &str, outcome: Outcome) -> Attempt {
    Attempt {
        package: id.parse().expect("a test uses ids"),
        started_at: DateTime::UNIX_EPOCH,
        ended_at: DateTime::UNIX_EPOCH,
        worked_ms: 0,
        upstream_version: None,
        notes: vec![],
        executables_from: None,
        generated: false,
        subject: None,
        results: vec![],
        outcome,
    }
}

/// The delta of `batch` with `attempts`: asked for by name, complete, ended when it started,
/// without requests.
pub fn delta(batch: BatchId, attempts: Vec<Attempt>) -> Delta {
    Delta {
        turn: Turn::Own,
        probing: false,
        sweep: None,
        ended_at: batch.started_at(),
        batch,
        attempts,
        deferred: vec![],
        deferred_for: [].into(),
        lost: vec![],
        waiting: vec![],
        refused: vec![],
        interrupted: false,
        minutes: RunnerMinutes::default(),
        minutes_saved: RunnerMinutes::default(),
        generator: "builtin 0".to_owned(),
        requests: [].into(),
        pauses: [].into(),
        run_id: None,
        workflow_run_url: None,
        requeued: 0,
    }
}

/// Builds the facts of one batch, all at one instant.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "the line above says it")]
pub struct FactsAt {
    pub batch_id: BatchId,
    pub at: DateTime<Utc>,
}

impl FactsAt {
    /// The start of a batch that validates `packages`, in this order, each in `environments`.
    pub fn started(&self, packages: &[PackageId], environments: &[Environment]) -> Started {
        let planned = |package_id: &PackageId| PlannedPackage {
            package_id: package_id.clone(),
            environments: environments.to_vec(),
            over_budget: vec![],
            lost_before: false,
        };
        let packages = packages.iter().map(planned).collect();
        Started {
            schema_version: SCHEMA_VERSION,
            batch_id: self.batch_id.clone(),
            at: self.at,
            plan: BatchPlan {
                turn: Turn::Own,
                probing: false,
                sweep: None,
                skipped: [].into(),
                packages,
            },
            generator: "builtin 0".to_owned(),
            run_id: None,
            program_version: "0".to_owned(),
            workflow_run_url: None,
            requeued: 0,
        }
    }

    /// Work on `package_id` began: its validation in `environment`, or its generation if that is
    /// `None`.
    pub fn began(
        &self,
        package_id: PackageId,
        environment: Option<Environment>,
        tries: u32,
    ) -> Fact {
        Fact::Began(Began {
            schema_version: SCHEMA_VERSION,
            batch_id: self.batch_id.clone(),
            at: self.at,
            package_id,
            environment,
            tries,
        })
    }

    /// The generation ended with a recipe that provides `command`, or, without one, with the result
    /// that the package is a library.
    pub fn generated(&self, package_id: PackageId, command: Option<&str>) -> Fact {
        let made = match command {
            Some(command) => Generation::Recipe(Box::new(recipe_of(package_id.clone(), command))),
            None => Generation::Nothing(NotGenerated {
                facts: None,
                failure: Box::new(stated(FailureKind::LibraryOnly, None)),
                draft: None,
            }),
        };
        Fact::Generated(Box::new(Generated {
            schema_version: SCHEMA_VERSION,
            batch_id: self.batch_id.clone(),
            at: self.at,
            package_id,
            duration_ms: 100,
            made,
        }))
    }

    /// The generation ended without a recipe, because only an installation shows the commands.
    pub fn undiscovered(&self, package_id: PackageId) -> Fact {
        let GeneratedRecipe { facts, name, .. } = recipe_of(package_id.clone(), "unknown");
        let executables = Executables::undiscovered(FailureKind::BuildFromSource, "a test says so");
        let facts = PackageFacts { executables, ..facts };
        Fact::Generated(Box::new(Generated {
            schema_version: SCHEMA_VERSION,
            batch_id: self.batch_id.clone(),
            at: self.at,
            package_id,
            duration_ms: 100,
            made: Generation::Undiscovered(Box::new(Undiscovered { facts, name })),
        }))
    }

    /// Both installations in `environment` showed `command`, of which a recipe was made. Without a
    /// command, they showed different ones.
    pub fn discovered(
        &self,
        package_id: PackageId,
        environment: Environment,
        command: Option<&str>,
    ) -> Discovered {
        let set = |name: &str| BTreeSet::from([name.parse().expect("a test uses names")]);
        let recipe = command.map(|command| {
            let GeneratedRecipe { facts, name, toml } = recipe_of(package_id.clone(), command);
            let commands = set(command);
            Box::new(GeneratedRecipe { facts: facts.discovered(commands), name, toml })
        });
        Discovered {
            schema_version: SCHEMA_VERSION,
            batch_id: self.batch_id.clone(),
            at: self.at,
            package_id,
            environment,
            tries: 1,
            duration_ms: 1_000,
            sandbox: "box".to_owned(),
            installations: [set(command.unwrap_or("one")), set(command.unwrap_or("other"))],
            recipe,
        }
    }

    /// A validation that took one second ended with this verdict at its first try.
    pub fn validated(
        &self,
        package_id: PackageId,
        environment: Environment,
        result: Verdict,
    ) -> Validated {
        let kind = match result {
            Verdict::Pass => None,
            Verdict::Fail => Some(FailureKind::InstallFailed),
            Verdict::Skipped { .. } => Some(FailureKind::Timeout),
            Verdict::Blocked => Some(FailureKind::RecipeMissing),
        };
        Validated {
            schema_version: SCHEMA_VERSION,
            batch_id: self.batch_id.clone(),
            at: self.at,
            package_id,
            environment,
            result,
            tries: 1,
            duration_ms: 1_000,
            sandbox: Some("box".to_owned()),
            failure: kind.map(|kind| Box::new(stated(kind, None))),
            verify: None,
        }
    }

    /// The process that validates in `environment`, or the one that generates, ended normally. It
    /// made three requests to `host`, which asked for a pause of a minute.
    pub fn finished(&self, environment: Option<Environment>, host: &str) -> Finished {
        let usage = HostUsage { sent: 3, throttled: 1, waited_ms: 9 };
        let until = self.at + chrono::Duration::minutes(1);
        Finished {
            schema_version: SCHEMA_VERSION,
            batch_id: self.batch_id.clone(),
            at: self.at,
            environment,
            requests: [(host.to_owned(), usage)].into(),
            pauses: [(host.to_owned(), until)].into(),
            minutes: None,
        }
    }

    /// No work on `package_id` was done, because `host` asked for a pause of one minute.
    pub fn deferred(
        &self,
        package_id: PackageId,
        environment: Option<Environment>,
        host: &str,
    ) -> Fact {
        Fact::Deferred(Deferred {
            schema_version: SCHEMA_VERSION,
            batch_id: self.batch_id.clone(),
            at: self.at,
            package_id,
            environment,
            host: host.to_owned(),
            until: self.at + chrono::Duration::minutes(1),
        })
    }

    /// A later run found the batch without its end.
    pub fn recovered(&self) -> Fact {
        Fact::Recovered(Recovered {
            schema_version: SCHEMA_VERSION,
            batch_id: self.batch_id.clone(),
            at: self.at,
        })
    }
}

/// The step by which [`recipe_of`] installs.
pub const INSTALL: ActionShape = ActionShape::of_commands("eco_install");

/// A recipe with the name of its package that provides `command`.
pub fn recipe_of(package: PackageId, command: &str) -> GeneratedRecipe {
    let name = RecipeName::nearest(package.name.as_str());
    let commands = [command.to_owned()];
    let facts = PackageFacts::of_commands(package, "1.0".to_owned(), INSTALL.name, &commands);
    let recipe = recipe::of_tool(&facts, &name).expect("a tool has a recipe");
    GeneratedRecipe { facts, name, toml: recipe.to_toml() }
}

/// A recipe called `name` without content.
pub fn succeeded(name: &str) -> Outcome {
    let recipe = name.parse().expect("a test uses names");
    Outcome::Succeeded { recipe, toml: String::new(), restriction: None }
}

/// A stated failure. Each kind has its own fingerprint.
pub fn failed_on(kind: FailureKind, service: Option<&str>) -> Outcome {
    Outcome::Failed(Box::new(stated(kind, service)))
}

fn stated(kind: FailureKind, service: Option<&str>) -> Failure {
    let service = service.map(str::to_owned);
    Failure {
        stage: Stage::Validate,
        finding: Finding { kind, service, confidence: Confidence::Stated },
        fingerprint: Fingerprint(kind as u64),
        message: String::new(),
        output: String::new(),
        exit_code: None,
        blocked_by: vec![],
        steps: vec![],
    }
}
