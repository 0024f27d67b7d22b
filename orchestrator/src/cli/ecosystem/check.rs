//! `ecosystem check`: tests plugins against every rule of the contract.

use std::{
    fmt,
    panic::resume_unwind,
    path::{Path, PathBuf},
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

use batch_conformance::{Checked, Outcome, Subject};
use batch_core::{model::EcosystemId, plugin::EcosystemPlugin};
use schemars::JsonSchema;
use serde::Serialize;

use super::Context;
use crate::{
    cli::{Refusal, names},
    exit::Exit,
};

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    /// Ecosystem, by its id or an alias
    #[arg(required_unless_present = "all", conflicts_with = "all")]
    ecosystem: Option<String>,
    /// Check all ecosystems of this program
    #[arg(long)]
    all: bool,
    /// Folder that contains one folder of sources for each ecosystem [default: ecosystems/ under
    /// the root]
    #[arg(long, value_name = "DIR")]
    sources: Option<PathBuf>,
}

pub(super) fn run(args: &Args, cx: &Context) -> anyhow::Result<Exit> {
    let all: Vec<&'static EcosystemPlugin> = cx.env.registry.iter().collect();
    let wanted = match &args.ecosystem {
        Some(word) => vec![names::ecosystem(&cx.env.registry, word)?],
        None => all.clone(),
    };
    let sources = args.sources.clone().unwrap_or_else(|| cx.root.join("ecosystems"));
    if !sources.is_dir() {
        let remedy = "run this in a checkout of the project, or name the folder with --sources";
        return Err(Refusal::not_found(format!("there is no {}; {remedy}", sources.display())));
    }
    let report = ConformanceReport::new(check(&wanted, &all, &sources));
    cx.out.show(&report)?;
    Ok(if report.keeps_contract { Exit::Ok } else { Exit::PackageFailed })
}

/// As many plugins at the same time as there are processors. Each needs some seconds of a
/// processor.
fn check(
    wanted: &[&'static EcosystemPlugin],
    all: &[&'static EcosystemPlugin],
    sources: &Path,
) -> Vec<(EcosystemId, Vec<Checked>)> {
    let next = AtomicUsize::new(0);
    let work = || {
        let mut done = vec![];
        while let Some(plugin) = wanted.get(next.fetch_add(1, Ordering::Relaxed)) {
            let home = sources.join(plugin.id.as_str());
            let subject = Subject { plugin, all: all.to_vec(), home };
            done.push((
                plugin.rotation_rank,
                plugin.id.clone(),
                batch_conformance::check(&subject),
            ));
        }
        done
    };
    let n_threads = thread::available_parallelism().map_or(1, usize::from).min(wanted.len());
    let mut done: Vec<_> = thread::scope(|scope| {
        let threads: Vec<_> = (0..n_threads).map(|_| scope.spawn(work)).collect();
        let done = threads.into_iter().map(|it| it.join().unwrap_or_else(|why| resume_unwind(why)));
        done.flatten().collect()
    });
    done.sort_by_key(|(rank, _, _)| *rank);
    done.into_iter().map(|(_, id, checked)| (id, checked)).collect()
}

/// What `ecosystem check --json` prints.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::cli) struct ConformanceReport {
    /// Whether no rule failed.
    keeps_contract: bool,
    /// In rotation order.
    ecosystems: Vec<Conformance>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Conformance {
    ecosystem: EcosystemId,
    /// In the order in which a plugin is written.
    rules: Vec<RuleReport>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct RuleReport {
    rule: &'static str,
    verdict: RuleVerdict,
    /// File, line and text of the contract.
    contract: String,
    /// What is wrong, or why the rule cannot be tested yet, and what to do next. Empty for a pass.
    messages: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum RuleVerdict {
    Pass,
    Fail,
    /// There is nothing yet that could break the rule.
    NotApplicable,
}

impl ConformanceReport {
    fn new(checked: Vec<(EcosystemId, Vec<Checked>)>) -> Self {
        let ecosystems: Vec<Conformance> = checked
            .into_iter()
            .map(|(ecosystem, checked)| {
                let rules = checked.into_iter().map(RuleReport::new).collect();
                Conformance { ecosystem, rules }
            })
            .collect();
        let mut rules = ecosystems.iter().flat_map(|it| &it.rules);
        let keeps_contract = rules.all(|rule| rule.verdict != RuleVerdict::Fail);
        Self { keeps_contract, ecosystems }
    }
}

impl RuleReport {
    fn new(Checked { rule, outcome }: Checked) -> Self {
        let (verdict, messages) = match outcome {
            Outcome::Pass => (RuleVerdict::Pass, vec![]),
            Outcome::Fail(problems) => (RuleVerdict::Fail, problems),
            Outcome::NotApplicable(why) => (RuleVerdict::NotApplicable, vec![why]),
        };
        Self { rule: rule.id, verdict, contract: rule.clause.to_string(), messages }
    }
}

impl fmt::Display for ConformanceReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Conformance { ecosystem, rules } in &self.ecosystems {
            writeln!(f, "{ecosystem}")?;
            for rule in rules {
                rule.fmt(f)?;
            }
            let n = |verdict| rules.iter().filter(|rule| rule.verdict == verdict).count();
            let (passed, failed) = (n(RuleVerdict::Pass), n(RuleVerdict::Fail));
            let open = n(RuleVerdict::NotApplicable);
            writeln!(f, "  {passed} passed, {failed} failed, {open} not applicable")?;
        }
        Ok(())
    }
}

impl fmt::Display for RuleReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rule, verdict, contract, messages } = self;
        match verdict {
            RuleVerdict::Pass => writeln!(f, "  ok    {rule}"),
            RuleVerdict::NotApplicable => {
                writeln!(f, "  n/a   {rule}: not applicable: {}", messages.join("; "))
            }
            RuleVerdict::Fail => {
                writeln!(f, "  fail  {rule}: {contract}")?;
                for message in messages {
                    writeln!(f, "        {}", message.replace('\n', "\n          "))?;
                }
                Ok(())
            }
        }
    }
}
