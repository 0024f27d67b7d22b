//! A plugin at work on its fixtures: what every rule looks at.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc, time::Duration};

use url::Url;

use super::{
    blocking::{self, RecordingHttp},
    fixture::{self, Case, ExpectedOutcome},
    guard::GuardError,
    network::{self, FallbackAnswer, NOTHING, ScriptedAnswer, SimRegistry},
    shuffle::shuffled,
    stack,
};
use batch_core::{
    io::Clock as _,
    model::{FailureKind, KnownRecipes, PackageFacts, Recipe},
    plugin::EcosystemPlugin,
};
use batch_sim::SimClock;

/// In real time, for anything that asks no real network.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);

/// What is checked.
#[derive(Clone)]
pub struct Subject {
    /// The plugin.
    pub plugin: &'static EcosystemPlugin,
    /// Every plugin of the program, itself included.
    pub all: Vec<&'static EcosystemPlugin>,
    /// The folder of its crate: README, fixtures, sources.
    pub home: PathBuf,
}

/// The plugin, its cases, and what came of each.
pub(super) struct Harness {
    pub(super) subject: Subject,
    /// Why the fixtures cannot be read, or all of them.
    pub(super) cases: Result<Vec<Case>, String>,
    pub(super) runs: Vec<(Case, Run)>,
    /// Where it keeps a thread waiting: no rule that asks often is tried then.
    pub(super) blocks: Option<String>,
}

/// What came of one question.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) end: End,
    /// What the plugin or the registry said.
    pub(super) said: String,
    pub(super) facts: Option<PackageFacts>,
    pub(super) recipe: Option<Recipe>,
    pub(super) asked: Vec<Url>,
    /// What it wanted to ask and was not allowed to.
    pub(super) undeclared_requests: Vec<String>,
    /// In virtual time.
    pub(super) took: Duration,
    /// How many bytes of each body were sent to it.
    pub(super) sent: BTreeMap<Url, usize>,
    /// The longest time for which it kept its thread without working.
    pub(super) blocked: Duration,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum End {
    Recipe,
    Absent,
    Failure(FailureKind),
    GuardError(GuardError),
}

impl std::fmt::Display for End {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Recipe => f.write_str("a recipe"),
            Self::Absent => f.write_str("absent"),
            Self::Failure(kind) => kind.fmt(f),
            Self::GuardError(stuck) => stuck.fmt(f),
        }
    }
}

impl Run {
    fn new(end: End, said: String) -> Self {
        Self {
            end,
            said,
            facts: None,
            recipe: None,
            asked: vec![],
            undeclared_requests: vec![],
            took: Duration::ZERO,
            sent: BTreeMap::new(),
            blocked: Duration::ZERO,
        }
    }
}

impl Harness {
    pub(super) fn new(subject: Subject) -> Self {
        let cases = fixture::cases(&subject.home.join("fixtures"));
        let run = |case: &Case| (case.clone(), subject.replay(case, None));
        let runs = cases.iter().flatten().map(run).collect();
        let mut harness = Self { subject, cases, runs, blocks: None };
        harness.blocks = blocking::blocks(&harness);
        harness
    }

    /// Facts and recipe of every case that made one.
    pub(super) fn recipes(&self) -> impl Iterator<Item = (&Case, &PackageFacts, &Recipe)> {
        self.runs
            .iter()
            .filter_map(|(case, run)| Some((case, run.facts.as_ref()?, run.recipe.as_ref()?)))
    }

    /// Every case whose registry said something about the package.
    pub(super) fn facts(&self) -> impl Iterator<Item = (&Case, &PackageFacts)> {
        self.runs.iter().filter_map(|(case, run)| Some((case, run.facts.as_ref()?)))
    }
}

impl Subject {
    /// What the plugin makes of `case`; with `seed`, every JSON of it in another order.
    pub(super) fn replay(&self, case: &Case, seed: Option<u64>) -> Run {
        let answers = match case.packed() {
            Ok(answers) => answers,
            Err(why) => return Run::new(End::GuardError(GuardError::Panicked(why.clone())), why),
        };
        let mut rng = fastrand::Rng::with_seed(seed.unwrap_or_default());
        let scripted = answers.into_iter().map(|mut answer| {
            if seed.is_some() {
                answer.body = shuffled(&answer.body, &mut rng);
            }
            ScriptedAnswer::from(answer)
        });
        self.ask(case.asked(), scripted.collect(), NOTHING)
    }

    /// What the plugin makes of `package` where there are the recipes `known`, on a registry of its
    /// own.
    pub(super) fn ask(
        &self,
        (package, known): (&str, &KnownRecipes),
        scripted: Vec<ScriptedAnswer>,
        fallback: FallbackAnswer,
    ) -> Run {
        let (plugin, spelling, known) = (self.plugin, package.to_owned(), known.clone());
        let work = move || ask(plugin, (&spelling, &known), scripted, fallback);
        let ended = stack::within(PATIENCE, &self.inspecting(), work);
        ended.unwrap_or_else(|stuck| Run::new(End::GuardError(stuck.clone()), stuck.to_string()))
    }

    /// The same, and how many bytes of its stack the plugin has used; `None` where that is unknown.
    pub(super) fn ask_deeply(
        &self,
        (package, known): (&str, &KnownRecipes),
        scripted: Vec<ScriptedAnswer>,
    ) -> (Run, Option<usize>) {
        let (plugin, spelling, known) = (self.plugin, package.to_owned(), known.clone());
        let work = move || ask(plugin, (&spelling, &known), scripted, NOTHING);
        let ended = stack::used(PATIENCE, &self.inspecting(), work);
        let stuck =
            |stuck: GuardError| (Run::new(End::GuardError(stuck.clone()), stuck.to_string()), None);
        ended.unwrap_or_else(stuck)
    }

    /// The name of the thread.
    fn inspecting(&self) -> String {
        format!("{} inspect", self.plugin.id)
    }
}

fn ask(
    plugin: &EcosystemPlugin,
    (spelling, known): (&str, &KnownRecipes),
    scripted: Vec<ScriptedAnswer>,
    fallback: FallbackAnswer,
) -> Run {
    let stopped = |why: String| Run::new(End::GuardError(GuardError::Panicked(why.clone())), why);
    let Some(builder) = plugin.recipe_builder else {
        return stopped("it has no recipe builder".to_owned());
    };
    let name = match plugin.names.normalise(spelling) {
        Ok(name) => name,
        Err(error) => return stopped(format!("Names::normalise refuses it: {error}")),
    };
    let clock = SimClock::default();
    let network = Arc::new(SimRegistry::new(clock.clone(), scripted, fallback));
    let http = match network::RecordingHttp::new(plugin, &network) {
        Ok(http) => http,
        Err(why) => return stopped(why),
    };
    let (inspected, blocked) = clock.run(RecordingHttp::new(builder.inspect(&http, &name)));
    let mut run = match inspected {
        Ok(None) => Run::new(End::Absent, String::new()),
        Err(error) => {
            let cause: &dyn std::error::Error = &error;
            let said = std::iter::successors(Some(cause), |error| error.source());
            let said: Vec<String> = said.map(ToString::to_string).collect();
            Run::new(End::Failure(error.finding().kind), said.join(": "))
        }
        Ok(Some(facts)) => {
            let facts = builder.resolve(facts, known);
            let (end, said, recipe) = match builder.build(&facts) {
                Ok(recipe) => (End::Recipe, String::new(), Some(recipe)),
                Err(missing) => (End::Failure(missing.kind), missing.reason, None),
            };
            Run { facts: Some(facts), recipe, ..Run::new(end, said) }
        }
    };
    run.asked = network.asked();
    run.undeclared_requests = http.undeclared_requests();
    run.took = clock.monotonic();
    run.sent = network.sent();
    run.blocked = blocked;
    run
}

impl ExpectedOutcome {
    /// In the words of `case.toml`.
    pub(super) fn word(&self) -> String {
        match self {
            Self::Recipe(_) => "recipe".to_owned(),
            Self::Absent => "absent".to_owned(),
            Self::Failure(kind) => kind.to_string(),
        }
    }
}
