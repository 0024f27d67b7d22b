//! The one data model: nouns, and the forms in which they are stored.

mod breaker;
mod candidate;
mod control;
mod delta;
mod ecosystem_names;
mod environment;
mod fact;
mod failure;
mod finding;
mod id;
mod install;
mod known_recipes;
mod package;
mod popularity;
mod queue;
mod quota;
mod recipe;
mod record;
mod run;
mod run_name;
mod seeding;
mod slug;
mod stored_entry;
mod text;

pub use breaker::{Breaker, BreakerTransition, CircuitState, Health, Open, UniformRow};
pub use candidate::{Candidate, Page, PassedOver, SeedSkip};
pub use control::{Budget, Control, HostPause, OpenedFor, StoredBreaker};
pub use delta::{Delta, RefusalReason, RefusedFact, Waiting};
pub use ecosystem_names::{DuplicateName, EcosystemNames};
pub use environment::{Cell, Environment, Os};
pub use fact::{
    BatchPlan, Began, Fact, Finished, Generated, GeneratedRecipe, Made, NotGenerated,
    PlannedPackage, Recovered, Started, Validated,
};
pub use failure::{Consequence, FailureKind, Fault, Row};
pub use finding::{Confidence, Evidence, Failure, Finding, Fingerprint, Stage};
pub use id::{
    BatchId, CommandName, EcosystemId, InvalidId, LONGEST_PACKAGE_NAME, PackageId, PackageName,
    RecipeName,
};
pub use install::{Access, InstallPlan, InstallStep, WORK_DIR};
pub use known_recipes::{KnownRecipes, is_dependency};
pub use package::{Action, Artifact, Executables, Missing, PackageFacts, PackageKind, Parameter};
pub use popularity::{Measure, Popularity, Threshold};
pub use queue::{Queue, QueueEntry, QueueHeader, Status, StatusLabel, Tier, TierMeanings};
pub use quota::Quota;
pub use recipe::{
    ActionShape, Metadata, Recipe, RecipeStep, Verify, VersionSource, Versions, When, is_text,
};
pub use record::{
    EnvironmentCounts, FailureHead, FailureRecord, Minutes, Origin, OutputRef, RunRecord,
    SCHEMA_VERSION, SlotOutcome,
};
pub use run::{
    Attempt, EcosystemState, EnvironmentResult, HostUsage, Outcome, Plan, Skip, SkipReason, Turn,
    ValidationSkip, Verdict,
};
pub use run_name::RunName;
pub use seeding::{
    Remembered, SeedCursor, SeedLine, SeedOutcome, SeedStart, SeedVerdict, SeedingRecord,
    SourceRun, Suspicion,
};
pub use slug::slug;
pub use stored_entry::StoredEntry;
pub use text::is_hidden;
