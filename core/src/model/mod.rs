//! The data model: types, and the forms in which they are stored.

mod action_shape;
mod as_text;
mod batch_plan;
mod bounded;
mod breaker;
mod candidate;
mod constraint;
mod control;
mod delta;
mod ecosystem_names;
mod environment;
mod executables;
mod fact;
mod failure;
mod failure_record;
mod failure_summary;
mod finding;
mod generation;
mod id;
mod install;
mod known_recipes;
mod ladder;
mod month;
mod operator_change;
mod output;
mod package;
mod popularity;
mod pull_request;
mod queue;
mod quota;
mod recipe;
mod record;
mod recorded_result;
mod repro;
mod run;
mod run_name;
mod seeding;
mod slug;
mod source_choice;
mod stored_entry;
mod text;

pub use action_shape::{ActionShape, Versions};
pub use batch_plan::{BatchPlan, PlannedPackage, Sweep};
pub use bounded::Bounded;
pub use breaker::{Breaker, BreakerTransition, CircuitState, Health, Open, UniformRow};
pub use candidate::{Candidate, Page, PassedOver, SeedSkip};
pub use constraint::{Exclusion, RemovedCell, Restriction};
pub use control::{Budget, Control, HostPause, Pause, StoredBreaker, SystemicSignature};
pub use delta::{Delta, RefusalReason, RefusedFact, UndecidedPackage};
pub use ecosystem_names::{DuplicateName, EcosystemNames};
pub use environment::{Cell, Environment, Os};
pub use executables::{Executables, ExecutablesFrom, UnknownCommands};
pub use fact::{Began, Deferred, Fact, Finished, Generated, Recovered, Started, Validated};
pub use failure::{Consequence, FailureKind, Fault, Row};
pub use failure_record::{FailureHead, FailureRecord, Origin};
pub use failure_summary::FailureSummary;
pub use finding::{Confidence, Evidence, Failure, Finding, Fingerprint, Stage};
pub use generation::{Discovered, GeneratedRecipe, Generation, NotGenerated, Undiscovered};
pub use id::{
    BatchId, CommandName, EcosystemId, InvalidId, MAX_PACKAGE_NAME, PackageId, PackageName,
    RecipeName,
};
pub use install::{Access, DiscoveryPlan, InstallPlan, InstallStep, WORK_DIR};
pub use known_recipes::{KnownRecipes, is_dependency};
pub use ladder::{Rung, ValidationSkip};
pub use month::{Month, NotMonth};
pub use operator_change::{OperatorAction, OperatorChange};
pub use output::{OutputRecord, OutputRef};
pub use package::{Action, Artifact, Missing, PackageFacts, PackageKind, Parameter};
pub use popularity::{Measure, Popularity, Threshold};
pub use pull_request::{BatchPullRequest, Fate, PullRequestLink, RedCheck};
pub use queue::{Queue, QueueEntry, QueueHeader, Status, StatusLabel, Tier, TierMeanings};
pub use quota::{Purpose, Quota};
pub use recipe::{Metadata, Recipe, RecipeStep, Verify, VersionSource, When};
pub use record::{RunRecord, RunnerMinutes, SCHEMA_VERSION, SlotOutcome};
pub use recorded_result::{EnvironmentCounts, RecordedResult};
pub use repro::{RanStep, Repro};
pub use run::{
    Attempt, EnvironmentResult, HostUsage, Outcome, Plan, Skip, SkipReason, Turn, Verdict,
};
pub use run_name::RunName;
pub use seeding::{
    Remembered, SeedCursor, SeedLine, SeedOutcome, SeedStart, SeedVerdict, SeedingRecord,
    SourceRun, Suspicion,
};
pub use slug::slug;
pub use source_choice::{CuratedSource, Redirection, SourceAudit, SourceProbe};
pub use stored_entry::StoredEntry;
pub use text::{is_hidden, is_text};
