//! The facts of a batch give the same decisions, in whichever files and in whatever order they were
//! recorded.
#![expect(clippy::unwrap_used, reason = "a test, helpers included")]

use std::collections::BTreeSet;

use batch_core::{
    decide::{
        fold::{Context, fold, has_ended},
        merge_policy::MergePolicy,
        name_registry::NameRegistry,
        record,
    },
    io::{FactSink as _, FactWriter as _, Layout, Outbox, append_facts, read_facts},
    model::{
        BatchId, Cell, Delta, EcosystemId, Environment, Fact, Finished, KnownRecipes, Outcome,
        PackageId, RunnerMinutes, Started, Validated, ValidationSkip, Verdict,
    },
};
use batch_sim::{FactsAt, INSTALL};
use chrono::{DateTime, Utc};
use proptest::{collection::vec, prelude::*, sample::Index};

const ENVIRONMENTS: [Environment; 3] =
    [Environment::DebianX86, Environment::AlpineX86, Environment::MacArm];

fn second(n: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(n, 0).unwrap()
}

/// The events of one environment for one recipe.
#[derive(Debug, Clone, Copy)]
enum Step {
    /// It does not start.
    NotBegun,
    /// It starts, and no end is recorded.
    Begun,
    Said(Verdict),
    /// A fault, and then this verdict at the second attempt.
    SaidAgain(Verdict),
}

/// The events of the generator for one package.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Generation {
    /// It does not start.
    NotBegun,
    /// It starts, and no end is recorded.
    Begun,
    Library,
    Recipe,
    /// Each environment that validates it discovers its commands first.
    Undiscovered,
}

/// The events of one package.
#[derive(Debug, Clone)]
struct BatchScript {
    made: Generation,
    /// The number of its command; there are few numbers, so that packages conflict.
    command: u8,
    steps: [Step; 3],
}

/// All events of one batch.
#[derive(Debug, Clone)]
struct History {
    scripts: Vec<BatchScript>,
    /// Which processes finished regularly: the one that generates, then the three that validate.
    finished: [bool; 4],
    recovered: bool,
}

fn verdict() -> impl Strategy<Value = Verdict> {
    prop_oneof![
        4 => Just(Verdict::Pass),
        1 => Just(Verdict::Fail),
        1 => Just(Verdict::Skipped { reason: ValidationSkip::Fault }),
        1 => Just(Verdict::Blocked),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        1 => Just(Step::NotBegun),
        1 => Just(Step::Begun),
        5 => verdict().prop_map(Step::Said),
        1 => verdict().prop_map(Step::SaidAgain),
    ]
}

fn history() -> impl Strategy<Value = History> {
    use Generation::{Begun, Library, NotBegun, Recipe, Undiscovered};
    let made = prop_oneof![
        1 => Just(NotBegun), 1 => Just(Begun), 1 => Just(Library), 7 => Just(Recipe),
        2 => Just(Undiscovered)
    ];
    let script = (made, 0_u8..4, [step(), step(), step()])
        .prop_map(|(made, command, steps)| BatchScript { made, command, steps });
    (vec(script, 1..6), any::<[bool; 4]>(), any::<bool>())
        .prop_map(|(scripts, finished, recovered)| History { scripts, finished, recovered })
}

fn batch() -> BatchId {
    BatchId::new(EcosystemId::from_static("eco"), second(0))
}

fn package(i: usize) -> PackageId {
    format!("eco:p{i}").parse().unwrap()
}

fn started(history: &History) -> Started {
    let packages: Vec<PackageId> = (0..history.scripts.len()).map(package).collect();
    FactsAt { batch_id: batch(), at: second(0) }.started(&packages, &ENVIRONMENTS)
}

/// A clock that advances by a second at each reading.
struct TickingClock(i64);

impl TickingClock {
    fn next(&mut self) -> FactsAt {
        self.0 += 1;
        FactsAt { batch_id: batch(), at: second(self.0) }
    }

    fn validated(
        &mut self,
        id: PackageId,
        place: Environment,
        verdict: Verdict,
        tries: u32,
    ) -> [Fact; 2] {
        let began = self.next().began(id.clone(), Some(place), tries);
        let validated = Validated { tries, ..self.next().validated(id, place, verdict) };
        [began, Fact::Validated(Box::new(validated))]
    }
}

/// The four files of a batch: the facts of its generator, then those of each validator.
fn files(history: &History) -> [Vec<Fact>; 4] {
    let mut clock = TickingClock(0);
    let mut files: [Vec<Fact>; 4] = Default::default();
    files[0].push(Fact::Started(Box::new(started(history))));
    for (i, script) in history.scripts.iter().enumerate() {
        if script.made == Generation::NotBegun {
            continue;
        }
        files[0].push(clock.next().began(package(i), None, 1));
        let command = format!("command{}", script.command);
        match script.made {
            Generation::NotBegun | Generation::Begun => (),
            Generation::Undiscovered => files[0].push(clock.next().undiscovered(package(i))),
            Generation::Library => files[0].push(clock.next().generated(package(i), None)),
            Generation::Recipe => {
                files[0].push(clock.next().generated(package(i), Some(&command)));
            }
        }
    }
    for (i, &place) in ENVIRONMENTS.iter().enumerate() {
        let file = &mut files[i + 1];
        for (n, script) in history.scripts.iter().enumerate() {
            if !matches!(script.made, Generation::Recipe | Generation::Undiscovered) {
                continue;
            }
            if script.made == Generation::Undiscovered && !matches!(script.steps[i], Step::NotBegun)
            {
                let command = format!("command{}", script.command);
                let found = clock.next().discovered(package(n), place, Some(&command));
                file.push(Fact::Discovered(Box::new(found)));
            }
            match script.steps[i] {
                Step::NotBegun => (),
                Step::Begun => file.push(clock.next().began(package(n), Some(place), 1)),
                Step::Said(verdict) => {
                    file.extend(clock.validated(package(n), place, verdict, 1));
                }
                Step::SaidAgain(verdict) => {
                    let fault = Verdict::Skipped { reason: ValidationSkip::Fault };
                    file.extend(clock.validated(package(n), place, fault, 1));
                    file.extend(clock.validated(package(n), place, verdict, 2));
                }
            }
        }
    }
    let processes = [None, Some(ENVIRONMENTS[0]), Some(ENVIRONMENTS[1]), Some(ENVIRONMENTS[2])];
    for (i, process) in processes.into_iter().enumerate() {
        if history.finished[i] {
            let minutes = process.map(|_| RunnerMinutes { linux: 2, macos: 1 });
            let finished = clock.next().finished(process, "own.example");
            files[i].push(Fact::Finished(Finished { minutes, ..finished }));
        }
    }
    if history.recovered {
        files[0].push(recovered());
    }
    files
}

fn recovered() -> Fact {
    FactsAt { batch_id: batch(), at: second(1_000) }.recovered()
}

fn folded(plan: &Started, facts: &[Fact]) -> Delta {
    let name_registry = NameRegistry::default();
    let context = Context {
        plan,
        actions: &[INSTALL],
        name_registry: &name_registry,
        known: &KnownRecipes::default(),
        policy: &MergePolicy::default(),
    };
    fold(facts, &context, second(2_000))
}

fn bytes(delta: &Delta) -> String {
    serde_json::to_string(delta).unwrap()
}

/// Every fact of `files` at least once, some twice, in a random order.
fn shuffled(files: &[Vec<Fact>; 4], again: &[Index], order: &[u32]) -> Vec<Fact> {
    let all: Vec<Fact> = files.concat();
    let mut facts = all.clone();
    facts.extend(again.iter().map(|index| index.get(&all).clone()));
    let mut keyed: Vec<(u32, Fact)> = order.iter().copied().cycle().zip(facts).collect();
    keyed.sort_by_key(|(key, _)| *key);
    keyed.into_iter().map(|(_, fact)| fact).collect()
}

/// Distributes `facts` to four files, and reads their folder.
fn through_four_files(facts: &[Fact], deal: &[u8]) -> Vec<Fact> {
    let dir = tempfile::tempdir().unwrap();
    for file in 0..4 {
        let dealt = facts.iter().zip(deal.iter().cycle()).filter(|(_, to)| **to == file);
        let dealt: Vec<Fact> = dealt.map(|(fact, _)| fact.clone()).collect();
        append_facts(&dir.path().join(format!("facts-{file}.jsonl")), &dealt).unwrap();
    }
    let read = read_facts(dir.path()).unwrap();
    assert_eq!(read.quarantined, []);
    assert_eq!(read.records.len(), facts.len());
    read.records
}

/// `fact` with another time: the two contradict each other.
fn otherwise(fact: &Fact) -> Fact {
    let mut other = fact.clone();
    let at = match &mut other {
        Fact::Started(fact) => &mut fact.at,
        Fact::Began(fact) => &mut fact.at,
        Fact::Generated(fact) => &mut fact.at,
        Fact::Discovered(fact) => &mut fact.at,
        Fact::Validated(fact) => &mut fact.at,
        Fact::Deferred(fact) => &mut fact.at,
        Fact::Recovered(fact) => &mut fact.at,
        Fact::Finished(fact) => &mut fact.at,
    };
    *at += chrono::Duration::milliseconds(1);
    other
}

/// All facts in one journal, as a single process records them.
fn through_a_journal(plan: &Started, files: &[Vec<Fact>; 4]) -> Vec<Fact> {
    let dir = tempfile::tempdir().unwrap();
    let outbox = Outbox::new(&Layout::new(dir.path()));
    outbox.begin(plan).unwrap();
    let mut rest = files.concat().split_off(1); // the start is there
    rest.sort_by_key(Fact::at);
    outbox.append(&batch(), &rest).unwrap();
    outbox.pending().unwrap().remove(0).facts
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn four_files_in_any_order_with_repetitions_give_the_same_result_as_one_journal(
        history in history(),
        contradicted in vec(any::<Index>(), 0..3),
        again in vec(any::<Index>(), 0..20),
        order in vec(any::<u32>(), 97),
        deal in vec(0_u8..4, 89),
    ) {
        let (plan, mut files) = (started(&history), files(&history));
        let all = files.concat();
        files[3].extend(contradicted.iter().map(|index| otherwise(index.get(&all))));
        let in_one = folded(&plan, &through_a_journal(&plan, &files));
        let facts = through_four_files(&shuffled(&files, &again, &order), &deal);
        prop_assert_eq!(bytes(&folded(&plan, &facts)), bytes(&in_one));
        prop_assert_eq!(in_one.refused.is_empty(), contradicted.is_empty());
    }

    #[test]
    fn a_killed_run_and_its_recovery_give_the_same_result(
        history in history(),
        cut in any::<Index>(),
        again in vec(any::<Index>(), 0..20),
        order in vec(any::<u32>(), 97),
        deal in vec(0_u8..4, 89),
    ) {
        let history = History { recovered: false, ..history };
        let plan = started(&history);
        let noted = through_a_journal(&plan, &files(&history));
        let mut left = noted[..=cut.index(noted.len())].to_vec();
        if !has_ended(&left, &plan) {
            left.push(recovered());
        }
        let in_one = folded(&plan, &left);
        let files = [left, vec![], vec![], vec![]];
        let facts = through_four_files(&shuffled(&files, &again, &order), &deal);
        prop_assert_eq!(bytes(&folded(&plan, &facts)), bytes(&in_one));
        prop_assert!(has_ended(&facts, &plan) && in_one.waiting.is_empty());
    }

    #[test]
    fn every_planned_package_has_one_result_and_no_two_recipes_share_a_command(history in history()) {
        let (plan, files) = (started(&history), files(&history));
        let delta = folded(&plan, &files.concat());
        let attempted = delta.attempts.iter().map(|attempt| attempt.package.clone());
        let waiting = delta.waiting.iter().map(|waiting| waiting.package_id.clone());
        let mut found: Vec<PackageId> = attempted.chain(delta.deferred.clone()).chain(waiting).collect();
        found.sort();
        let planned: Vec<PackageId> = (0..history.scripts.len()).map(package).collect();
        prop_assert_eq!(&found, &planned);
        if history.recovered {
            prop_assert_eq!(&delta.waiting, &[]);
        }
        let mut commands = vec![];
        for attempt in &delta.attempts {
            let with = |verdict: Verdict| -> BTreeSet<Cell> {
                let found = attempt.results.iter().filter(|result| result.verdict == verdict);
                found.map(|result| result.environment.cell()).collect()
            };
            let works = with(Verdict::Pass).difference(&with(Verdict::Fail)).count() > 0;
            if let Outcome::Succeeded { .. } = attempt.outcome {
                prop_assert!(works);
                let i = planned.iter().position(|id| *id == attempt.package).unwrap();
                commands.push(history.scripts[i].command);
            }
        }
        let n_succeeded = commands.len();
        commands.sort_unstable();
        commands.dedup();
        prop_assert_eq!(commands.len(), n_succeeded);
        let run = record::run(&delta);
        prop_assert_eq!(run.total, run.succeeded + run.failed + run.blocked);
    }
}

/// Lines of journals, changed at random. `core/fuzz/README.md` says how to search for longer.
#[test]
#[expect(clippy::disallowed_methods, reason = "a test that damages files")]
fn fuzz_journal() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("facts.jsonl");
    let steps = [Step::Said(Verdict::Pass), Step::SaidAgain(Verdict::Fail), Step::Begun];
    let script = |made, command| BatchScript { made, command, steps };
    let history = History {
        scripts: vec![
            script(Generation::Recipe, 0),
            script(Generation::Library, 1),
            script(Generation::Undiscovered, 2),
        ],
        finished: [true; 4],
        recovered: true,
    };
    let samples = files(&history).map(|facts| {
        append_facts(&path, &facts).unwrap();
        let written = std::fs::read(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        written
    });
    let words = ["\"schema_version\":", "\"kind\":", "\n{", "}\n"];
    batch_fuzz::run("journal", &samples, &words, |input| {
        std::fs::write(&path, input).unwrap();
        for fact in &read_facts(dir.path()).unwrap().records {
            let text = serde_json::to_string(fact).unwrap();
            assert_eq!(serde_json::from_str::<Fact>(&text).unwrap(), *fact, "{text}");
        }
        assert_eq!(std::fs::read(&path).unwrap(), input, "reading changed the file");
    });
}
