//! `validate`, `eval` and `install`, with a simulated container and with the real sandbox.

use std::{collections::BTreeMap, sync::atomic::AtomicBool};

use batch_core::{
    decide::preflight::Choice,
    model::{Control, Environment, GeneratedRecipe},
};
use fake_tsuku::{Answer, Recorded, Script};
use libtest_mimic::Trial;
use orchestrator::{
    machine::LocalMachine,
    net,
    progress::Progress,
    scripted,
    settings::Settings,
    validator::{TsukuValidator, Validation, ValidationContext, Validator as _},
};
use tokio::sync::OnceCell;
use tokio_util::sync::CancellationToken;

use super::bench::{Bench, wait_for};
use crate::{root::usable_backends, trial};

static MACHINE: OnceCell<LocalMachine> = OnceCell::const_new();

/// The result of a validation of the tool `tool`.
struct Case {
    name: &'static str,
    /// The answers by command; commands without an answer succeed.
    answers: Vec<(&'static str, Answer)>,
    /// The environment of the validation; `None` is this machine.
    environment: Option<Environment>,
    /// A kind of failure, or `passed`.
    expected: &'static str,
    /// A part of the message, or the name of the sandbox.
    says: &'static str,
}

fn case(
    name: &'static str,
    answers: Vec<(&'static str, Answer)>,
    expected: &'static str,
    says: &'static str,
) -> Case {
    Case { name, answers, environment: None, expected, says }
}

fn stdout(text: &str, exit: u8) -> Answer {
    Answer { stdout: Some(text.to_owned()), exit: Some(exit), ..Answer::default() }
}

fn stderr(text: &str, exit: u8) -> Answer {
    Answer { stderr: Some(text.to_owned()), exit: Some(exit), ..Answer::default() }
}

fn recorded(recorded: Recorded) -> Answer {
    Answer { recorded: Some(recorded), ..Answer::default() }
}

/// The output of an installation in a container.
fn contained(passed: bool, install: i32, verify: i32, exit: u8) -> Answer {
    let text = format!(
        r#"{{"tool":"tool","passed":{passed},"verified":{passed},"install_exit_code":{install},"verify_exit_code":{verify},"duration_ms":9,"error":null}}"#
    );
    stdout(&text, exit)
}

/// A tool that is installed and prints its version.
fn installed() -> Answer {
    let script = "#!/bin/sh\necho tool 1.0.0\n".to_owned();
    let home = BTreeMap::from([("tools/current/tool".to_owned(), script)]);
    Answer { home, stderr: Some("✅ tool@1.0.0\n".to_owned()), ..Answer::default() }
}

/// With a simulated container, which needs no sandbox.
#[expect(clippy::too_many_lines, reason = "a table")]
fn in_container() -> Vec<Case> {
    let container = |name, answer, expected, says| {
        case(name, vec![("install --sandbox", answer)], expected, says)
    };
    let good = contained(true, 0, 0, 0);
    let warned = format!(
        "Warning: local recipe 'tool' shadows embedded recipe\n{}",
        good.stdout.clone().unwrap()
    );
    let elsewhere = Case {
        environment: Some(Environment::AlpineX86),
        ..container("another family", good.clone(), "passed", "container")
    };
    vec![
        case(
            "a recipe that is not strict",
            vec![("validate", recorded(Recorded::NotStrict))],
            "validation_failed/schema_invalid",
            "description is recommended",
        ),
        container("a container that passes", good, "passed", "container, tsuku dev"),
        container("a warning before the answer", stdout(&warned, 0), "passed", "container"),
        elsewhere,
        container(
            "a verification that fails",
            contained(false, 0, 1, 6),
            "validation_failed/verify_failed",
            "",
        ),
        container(
            "a verification behind a pass",
            contained(true, 0, 1, 0),
            "validation_failed/verify_failed",
            "",
        ),
        container(
            "no memory inside",
            contained(false, 137, -1, 6),
            "infrastructure/out_of_memory",
            "",
        ),
        container(
            "a build that takes too long inside",
            contained(false, 124, -1, 6),
            "infrastructure/build_timeout",
            "",
        ),
        container("no answer", stdout("", 0), "infrastructure/tool_crashed", "printed no result"),
        container(
            "half an answer",
            stdout("{\"tool\":\"tool\",\"pas", 0),
            "infrastructure/tool_crashed",
            "printed no result",
        ),
        container(
            "an answer on the wrong stream",
            stderr("{\"status\":\"error\",\"message\":\"pattern mismatch\"}\n", 6),
            "validation_failed/verify_pattern_mismatch",
            "pattern mismatch",
        ),
        container(
            "a recipe that cannot be loaded",
            stdout(
                "{\"status\":\"error\",\"category\":\"network_error\",\"message\":\"HTTP 404 from x: 404 Not Found\"}",
                6,
            ),
            "api_error/connection_error",
            "404",
        ),
    ]
}

/// In our own sandbox, because there is no container runtime.
#[expect(clippy::too_many_lines, reason = "a table")]
fn in_sandbox() -> Vec<Case> {
    let without = |mut answers: Vec<(&'static str, Answer)>| {
        answers.insert(0, ("install --sandbox", recorded(Recorded::NoContainer)));
        answers
    };
    let install = |name, answer, expected, says| {
        case(name, without(vec![("install", answer)]), expected, says)
    };
    let missing = Answer { home: BTreeMap::new(), ..installed() };
    let silent =
        BTreeMap::from([("tools/current/tool".to_owned(), "#!/bin/sh\nexit 3\n".to_owned())]);
    let elsewhere = Case {
        environment: Some(Environment::AlpineArm),
        ..install(
            "an environment that is elsewhere",
            installed(),
            "infrastructure/tool_missing",
            "nothing was installed",
        )
    };
    vec![
        install("an installation that works", installed(), "passed", ", tsuku dev"),
        elsewhere,
        install(
            "a tool of another version",
            recorded(Recorded::VerifyMismatch),
            "validation_failed/verify_pattern_mismatch",
            "pattern mismatch",
        ),
        install(
            "a command that is missing",
            missing,
            "validation_failed/executable_missing",
            "not on PATH: tool",
        ),
        install(
            "a command that does not answer",
            Answer { home: silent, ..installed() },
            "validation_failed/verify_failed",
            "",
        ),
        install(
            "a child that outlives it",
            Answer { child_ms: 3_600_000, ..installed() },
            "passed",
            "tsuku",
        ),
        install(
            "a full disk",
            Answer { fill_bytes: 200 << 20, ..installed() },
            "infrastructure/disk_full",
            "disk",
        ),
        install(
            "too much output",
            Answer { flood_bytes: 100 << 20, ..installed() },
            "validation_failed/install_failed",
            "too much output",
        ),
        install(
            "no UTF-8",
            Answer { latin1: true, ..stderr("\u{ff}Error: no such host\n", 6) },
            "api_error/dns_error",
            "no such host",
        ),
        case(
            "a plan that cannot be made",
            without(vec![("eval", stderr("Error: unsupported platform\n", 1))]),
            "validation_failed/dependency_resolution_failed",
            "unsupported",
        ),
        case(
            "a plan that is none",
            without(vec![("eval", stdout("", 0))]),
            "infrastructure/tool_crashed",
            "no plan",
        ),
    ]
}

pub(super) fn trials() -> Vec<Trial> {
    let obstacle = usable_backends().is_empty().then_some("no sandbox works on this machine");
    let name = |case: &Case| format!("tsuku install: {}", case.name);
    let outside =
        in_container().into_iter().map(|case| trial(name(&case), move || check(&case), None));
    let inside =
        in_sandbox().into_iter().map(|case| trial(name(&case), move || check(&case), obstacle));
    let more: [(&str, fn()); 2] = [
        ("an interruption is no result", interrupted),
        ("the registry is the root, and no plan is installed", command_lines),
    ];
    let more = more.map(|(name, test)| trial(format!("tsuku install: {name}"), test, obstacle));
    outside.chain(inside).chain(more).collect()
}

fn script(answers: &[(&'static str, Answer)]) -> Script {
    let plan = r#"{"format_version":5,"tool":"tool","version":"1.0.0","steps":[]}"#;
    let mut all = BTreeMap::from([
        ("validate".to_owned(), stdout("Valid recipe: tool\n", 0)),
        ("eval".to_owned(), stdout(plan, 0)),
        ("install".to_owned(), installed()),
    ]);
    all.extend(answers.iter().map(|(command, answer)| ((*command).to_owned(), answer.clone())));
    Script::from([("tool".to_owned(), all)])
}

fn recipe(bench: &Bench) -> GeneratedRecipe {
    let package = "npm:tool".parse().unwrap();
    let command = "tool".parse().unwrap();
    scripted::recipe_of(bench.plugin("npm"), &package, "1.0.0", &command).unwrap()
}

async fn validate(
    bench: &Bench,
    environment: Option<Environment>,
    cancel: &CancellationToken,
) -> Option<Validation> {
    let settings = Settings::parse("[sandbox]\ndisk_mib = 64\n").unwrap();
    // The sandbox of a machine is the same in all tests, and to find it takes a second or two.
    let npm = Choice::One("npm".parse().unwrap());
    let detected =
        MACHINE.get_or_init(|| LocalMachine::detect(&bench.env, &settings, npm, [].into()));
    let local = detected.await;
    let cache = bench.dir.path().join("cache");
    let http = net::polite(&bench.env, &settings, &cache, &Control::default()).unwrap();
    let validator = TsukuValidator {
        program: bench.program(),
        native: local.validator(&bench.env, &settings, bench.work()).unwrap(),
        environment: local.environment(),
        cleaner: &bench.env.cleaner,
        actions: bench.env.registry.recipe_actions().collect(),
        work: bench.work(),
        has_no_container: AtomicBool::new(false),
    };
    let environment = environment.or(local.environment()).unwrap();
    let context = ValidationContext { progress: &Progress::silent(), cancel, http: &*http };
    let validation =
        validator.validate(bench.plugin("npm"), &recipe(bench), environment, context).await;
    let left = std::fs::read_dir(bench.work()).map_or(0, Iterator::count);
    assert_eq!(left, 0, "something is left in the work folder");
    validation.ok()
}

#[track_caller]
fn check(case: &Case) {
    let bench = Bench::of(&script(&case.answers));
    let validation = wait_for(validate(&bench, case.environment, &CancellationToken::new()));
    match validation.unwrap() {
        Validation::Passed { sandbox, verify } => {
            assert_eq!(case.expected, "passed");
            assert!(sandbox.contains(case.says), "{sandbox}");
            assert_eq!(verify.unwrap().command, "tool --version");
        }
        Validation::Failed { failure, .. } => {
            assert_eq!(failure.finding.kind.to_string(), case.expected, "{failure:?}");
            let said = format!("{}\n{}", failure.message, failure.output);
            assert!(said.contains(case.says), "{failure:?}");
        }
    }
}

fn interrupted() {
    let hangs = Answer { after_ms: 3_600_000, ignored_signals: u32::MAX, ..installed() };
    let answers = [("install --sandbox", recorded(Recorded::NoContainer)), ("install", hangs)];
    let bench = Bench::of(&script(&answers));
    let cancel = CancellationToken::new();
    let validation = wait_for(async {
        let validating = validate(&bench, None, &cancel);
        let cancelling = async {
            while bench.calls("install").is_empty() {
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            }
            cancel.cancel();
        };
        futures_util::future::join(validating, cancelling).await.0
    });
    assert_eq!(validation, None);
}

fn command_lines() {
    let answers = [("install --sandbox", recorded(Recorded::NoContainer))];
    let bench = Bench::of(&script(&answers));
    wait_for(validate(&bench, None, &CancellationToken::new())).unwrap();
    for command in ["validate", "install"] {
        let call = bench.calls(command).remove(0);
        assert_eq!(
            call.env["TSUKU_REGISTRY_URL"],
            bench.dir.path().canonicalize().unwrap().to_str().unwrap()
        );
        assert!(!call.args.iter().any(|arg| arg == "--plan"), "{:?}", call.args);
    }
    assert!(bench.calls("validate")[0].args.contains(&"--strict".to_owned()));
    let install = &bench.calls("install")[0].args;
    for word in ["--recipe", "--sandbox", "--json", "--target-family"] {
        assert!(install.iter().any(|arg| arg == word), "{install:?}");
    }
}
