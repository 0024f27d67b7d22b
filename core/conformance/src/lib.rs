//! Does a plugin keep to the contract?
//!
//! [`check`] tries a plugin against every rule of [`RULES`]. A rule quotes the words of the contract
//! that it holds the plugin to, and what it finds says what to do next: it is written for somebody
//! who writes a first plugin. Nothing here asks a real network; fixtures are read from the folder of
//! the plugin's crate.

mod answers;
mod blocking;
mod classifier;
mod clause;
mod facts;
mod fixture;
mod fuzz;
mod guard;
mod guesses;
mod harness;
mod hostile;
mod identity;
mod installer;
mod lists;
mod names;
mod network;
mod pack;
mod quotas;
mod recipes;
mod recordings;
mod rules;
mod seeder;
mod shuffle;
mod stack;
pub mod tables;
mod versions;

use std::{fmt, sync::Arc, time::Duration};

pub use clause::Clause;
pub use fuzz::fuzz;
use harness::Harness;
pub use harness::Subject;
pub use recordings::all_are_named;
pub use rules::RULES;

/// In real time, for one rule: some try hundreds of answers.
const PATIENCE: Duration = Duration::from_secs(120);
/// Problems that one rule tells at once; the rest is counted.
const MAX_PROBLEMS: usize = 6;

/// How many hostile answers each plugin is tried with.
pub const N_HOSTILE: usize = hostile::N_ROWS;

/// Something that every plugin must keep to.
pub struct Rule {
    /// Stable, for people and programs.
    pub id: &'static str,
    /// What the contract says.
    pub clause: Clause,
    check: fn(&Harness) -> Outcome,
    /// Whether it asks the plugin again and again, which takes for ever where each answer blocks.
    asks_often: bool,
}

/// A rule that asks the plugin a few times.
const fn rule(id: &'static str, clause: Clause, check: fn(&Harness) -> Outcome) -> Rule {
    Rule { id, clause, check, asks_often: false }
}

/// One that asks the plugin again and again.
const fn asking(id: &'static str, clause: Clause, check: fn(&Harness) -> Outcome) -> Rule {
    Rule { asks_often: true, ..rule(id, clause, check) }
}

/// What a rule found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The plugin keeps to it.
    Pass,
    /// There is nothing yet that could break it; why, and what to do next.
    NotApplicable(String),
    /// What is wrong and what to do about it; never empty.
    Fail(Vec<String>),
}

/// A rule, and what it found.
pub struct Checked {
    /// The rule.
    pub rule: &'static Rule,
    /// What it found.
    pub outcome: Outcome,
}

impl Outcome {
    fn no_builder() -> Self {
        let what = "the plugin has no recipe builder yet; write RecipeBuilder and set \
                    `recipe_builder`";
        Self::NotApplicable(what.to_owned())
    }

    fn no_seeder() -> Self {
        let what = "the plugin reads no list yet; write Seeder and set `seeder`";
        Self::NotApplicable(what.to_owned())
    }

    fn no_fixtures() -> Self {
        let what =
            "there are no fixtures yet; write some, as core/conformance/README.md, Fixtures, says";
        Self::NotApplicable(what.to_owned())
    }

    fn no_recipe() -> Self {
        let what = "no fixture ends in its recipe yet; see what fixtures-present and \
                    fixtures-golden say";
        Self::NotApplicable(what.to_owned())
    }
}

/// No problem is a pass.
impl From<Vec<String>> for Outcome {
    fn from(mut problems: Vec<String>) -> Self {
        if problems.is_empty() {
            return Self::Pass;
        }
        let more = problems.len().saturating_sub(MAX_PROBLEMS);
        if 0 < more {
            problems.truncate(MAX_PROBLEMS);
            problems.push(format!("and {more} more of the kind"));
        }
        Self::Fail(problems)
    }
}

/// `rule` and the words of the contract that it holds plugins to.
impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.id, self.clause)
    }
}

/// Tries every rule on `subject`, in the order of [`RULES`]. Takes seconds, and a thread at a time:
/// a plugin that panics or never ends fails the rule that saw it.
pub fn check(subject: &Subject) -> Vec<Checked> {
    check_only(subject, RULES)
}

/// Tries some rules on `subject`.
pub fn check_only(
    subject: &Subject,
    rules: impl IntoIterator<Item = &'static Rule>,
) -> Vec<Checked> {
    let of_harness = subject.clone();
    let harness =
        guard::within(PATIENCE, "fixtures", move || Harness::new(of_harness)).map(Arc::new);
    let try_rule = |rule: &'static Rule| {
        let tried = match &harness {
            Err(stuck) => Err(stuck.clone()),
            Ok(harness) if rule.asks_often && harness.blocks.is_some() => {
                Ok(Outcome::NotApplicable(
                    "first correct what the rule async-never-blocks reports".to_owned(),
                ))
            }
            Ok(harness) => {
                let harness = Arc::clone(harness);
                guard::within(PATIENCE, rule.id, move || (rule.check)(&harness))
            }
        };
        let outcome = tried.unwrap_or_else(|stuck| vec![format!("{stuck}; it must end")].into());
        Checked { rule, outcome }
    };
    rules.into_iter().map(try_rule).collect()
}
