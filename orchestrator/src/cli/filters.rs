//! The options that choose a part of the history. `failures` and `runs` have the same ones.

use std::{collections::BTreeSet, ops::ControlFlow};

use batch_core::{
    io::{HistoryFilter, StateError, StateReader as _, Visited},
    model::{Environment, FailureKind, FailureRecord, RunRecord},
};

use super::{Context, Refusal, damage::Damage, names, period::Period};
use crate::env::Root;

/// Which part of the history is wanted. Without options it is all of it.
#[derive(Debug, clap::Args)]
pub(super) struct Filters {
    /// Only this ecosystem
    #[arg(long, short, value_name = "ID")]
    ecosystem: Option<String>,
    /// Only failures of this category, subcategory, or category/subcategory; runs: with such a
    /// failure
    #[arg(long, value_name = "CATEGORY")]
    category: Option<String>,
    /// Only failures of this subcategory; runs: with such a failure
    #[arg(long, value_name = "SUBCATEGORY")]
    subcategory: Option<String>,
    /// Only this package; runs: that attempted it
    #[arg(long, value_name = "PACKAGE ID")]
    package: Option<String>,
    /// Only failures in this environment; runs: that tested something in it
    #[arg(long, value_name = "ENVIRONMENT")]
    environment: Option<String>,
    /// Only this run
    #[arg(long, value_name = "BATCH ID")]
    batch: Option<String>,
    #[command(flatten)]
    period: Period,
}

/// The wanted part of the history.
#[derive(Debug)]
pub(super) struct Wanted {
    /// What the reader of the history decides.
    pub(super) filter: HistoryFilter,
    /// Only failures of one of these kinds; `None` for every kind.
    kinds: Option<BTreeSet<FailureKind>>,
    environment: Option<Environment>,
}

impl Filters {
    /// The part that the options choose. An unknown name is an error with the most similar names.
    pub(super) fn wanted(&self, cx: &Context) -> anyhow::Result<Wanted> {
        let (registry, now) = (&cx.env.registry, cx.env.clock.now());
        let ecosystem = self.ecosystem.as_deref().map(|word| names::ecosystem(registry, word));
        let package = self.package.as_deref().map(|word| names::package(registry, word));
        Ok(Wanted {
            filter: HistoryFilter {
                ecosystem: ecosystem.transpose()?.map(|plugin| plugin.id.clone()),
                package: package.transpose()?.map(|(_, id)| id),
                batch: self.batch.clone(),
                since: self.period.since(now),
                until: self.period.until(now),
                failure: None,
            },
            kinds: kinds(self.category.as_deref(), self.subcategory.as_deref())?,
            environment: self.environment.as_deref().map(environment).transpose()?,
        })
    }
}

impl Wanted {
    /// Whether a failure of the stored pair `category` and `subcategory` in `environment` is wanted.
    pub(super) fn takes(
        &self,
        [category, subcategory]: [&str; 2],
        environment: Option<Environment>,
    ) -> bool {
        let is_kind = |kinds: &BTreeSet<FailureKind>| {
            FailureKind::parse(category, subcategory).is_some_and(|kind| kinds.contains(&kind))
        };
        self.environment.is_none_or(|wanted| environment == Some(wanted))
            && self.kinds.as_ref().is_none_or(is_kind)
    }

    /// Whether `failure` is wanted, which the reader of the history has let through.
    pub(super) fn takes_failure(&self, failure: &FailureRecord) -> bool {
        self.takes([failure.category(), failure.subcategory()], failure.environment)
    }

    /// Whether `run` is wanted, which the reader of the history has let through. Its failures are
    /// read if the kind of a failure decides that; what is unreadable in them is added to `damage`.
    pub(super) fn takes_run(
        &self,
        run: &RunRecord,
        root: &Root,
        damage: &mut Damage,
    ) -> Result<bool, StateError> {
        if self.kinds.is_none() {
            let is_tested = |environment| {
                run.environments.get(&environment).is_some_and(|counts| 0 < counts.tested)
            };
            return Ok(self.environment.is_none_or(is_tested));
        }
        let mut has_failure = false;
        let of_run = HistoryFilter {
            package: self.filter.package.clone(),
            ..HistoryFilter::of_batch(&run.batch_id)
        };
        root.state.visit_failures(&of_run, &mut |visited| {
            match visited {
                Visited::Damaged(damaged) => damage.note(damaged),
                Visited::Record(failure) => has_failure |= self.takes_failure(&failure),
            }
            if has_failure { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })?;
        Ok(has_failure)
    }
}

/// The kinds that both words describe; `None` without words.
fn kinds(
    category: Option<&str>,
    subcategory: Option<&str>,
) -> anyhow::Result<Option<BTreeSet<FailureKind>>> {
    if let Some(word) = category {
        check_word("category", word, |kind| {
            let row = kind.row();
            vec![row.category.to_owned(), row.subcategory.to_owned(), kind.to_string()]
        })?;
    }
    if let Some(word) = subcategory {
        check_word("subcategory", word, |kind| vec![kind.row().subcategory.to_owned()])?;
    }
    if category.is_none() && subcategory.is_none() {
        return Ok(None);
    }
    let is_of_category = |kind: &FailureKind| {
        let row = kind.row();
        category.is_none_or(|word| {
            row.category == word || row.subcategory == word || kind.to_string() == word
        })
    };
    let of_category: Vec<FailureKind> =
        FailureKind::ALL.iter().copied().filter(is_of_category).collect();
    let both: BTreeSet<FailureKind> = of_category
        .iter()
        .copied()
        .filter(|kind| subcategory.is_none_or(|word| kind.row().subcategory == word))
        .collect();
    if let (true, Some(category), Some(subcategory)) = (both.is_empty(), category, subcategory) {
        let known: Vec<String> =
            of_category.iter().map(|kind| kind.row().subcategory.to_owned()).collect();
        let known = names::nearest(subcategory, &known);
        return Err(Refusal::usage(format!(
            "the subcategory {subcategory:?} does not belong to {category:?}{known}"
        )));
    }
    Ok(Some(both))
}

/// Checks that `word` is one of the words of some kind.
fn check_word(
    noun: &str,
    word: &str,
    words: impl Fn(&FailureKind) -> Vec<String>,
) -> anyhow::Result<()> {
    let known: BTreeSet<String> = FailureKind::ALL.iter().flat_map(words).collect();
    if known.contains(word) {
        return Ok(());
    }
    let known: Vec<String> = known.into_iter().collect();
    Err(Refusal::usage(format!("unknown {noun} {word:?}{}", names::nearest(word, &known))))
}

fn environment(word: &str) -> anyhow::Result<Environment> {
    word.parse().map_err(|_| {
        let known: Vec<String> = Environment::ALL.iter().map(ToString::to_string).collect();
        Refusal::usage(format!("unknown environment {word:?}{}", names::nearest(word, &known)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(category: Option<&str>, subcategory: Option<&str>) -> String {
        match kinds(category, subcategory) {
            Ok(None) => "all".to_owned(),
            Ok(Some(kinds)) => kinds.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn a_category_may_be_narrowed_by_a_subcategory() {
        assert_eq!(found(None, None), "all");
        let missing = "missing_dep/recipe_missing missing_dep/toolchain_missing";
        assert_eq!(found(Some("missing_dep"), None), missing);
        let one = "missing_dep/recipe_missing";
        assert_eq!(found(Some("missing_dep"), Some("recipe_missing")), one);
        assert_eq!(found(Some("recipe_missing"), None), one);
        assert_eq!(found(Some(one), None), one);
        assert_eq!(found(None, Some("recipe_missing")), one);
    }

    #[test]
    fn an_unknown_word_is_answered_with_near_ones() {
        assert_eq!(
            found(Some("mising_dep"), None),
            "unknown category \"mising_dep\"; did you mean missing_dep?"
        );
        let category = found(None, Some("missing_dep"));
        assert!(category.starts_with("unknown subcategory \"missing_dep\""), "{category}");
        assert_eq!(
            found(Some("missing_dep"), Some("library_only")),
            "the subcategory \"library_only\" does not belong to \"missing_dep\"; known: \
             recipe_missing, toolchain_missing"
        );
        let message = environment("linux-debian-x86_64").unwrap_err().to_string();
        assert!(message.contains("did you mean linux-debian-glibc-x86_64"), "{message}");
        assert_eq!(environment("linux-x86_64").unwrap(), Environment::DebianX86);
    }
}
