//! `create` with every possible result.

use batch_core::model::PackageName;
use fake_tsuku::{Answer, Recorded};
use libtest_mimic::Trial;

use super::bench::{Bench, recipe, wait_for};
use crate::trial;

/// The adapter's result for one answer about the package `tool`.
struct Case {
    name: &'static str,
    answer: Answer,
    /// A kind of failure, or `recipe`.
    expected: &'static str,
    /// A part of the message or of the recipe.
    says: &'static str,
    /// The time limit of the call in milliseconds; 0 is long enough for anything that ends by
    /// itself.
    deadline_ms: u64,
}

fn case(name: &'static str, answer: Answer, expected: &'static str, says: &'static str) -> Case {
    Case { name, answer, expected, says, deadline_ms: 0 }
}

fn stderr(text: &str, exit: u8) -> Answer {
    Answer { stderr: Some(text.to_owned()), exit: Some(exit), ..Answer::default() }
}

fn recorded(recorded: Recorded) -> Answer {
    Answer { recorded: Some(recorded), ..Answer::default() }
}

fn written(recipe: String) -> Answer {
    Answer { file: Some(recipe), ..recorded(Recorded::Created) }
}

fn good() -> Answer {
    written(recipe("tool", "tool", &["tool"]))
}

/// A text that states no cause, so the exit code decides.
const ODD: &str = "Error: something odd happened\n";

/// Every exit code, with a text that states no cause.
const EXIT_CODES: &[(u8, &str)] = &[
    (0, "infrastructure/tool_crashed"),
    (1, "unknown/unclassified"),
    (2, "infrastructure/tool_crashed"),
    (3, "deterministic_insufficient/package_not_found"),
    (4, "deterministic_insufficient/package_not_found"),
    (5, "api_error/connection_error"),
    (6, "validation_failed/install_failed"),
    (7, "validation_failed/verify_failed"),
    (8, "infrastructure/toolchain_unavailable"),
    (9, "deterministic_insufficient/binary_discovery_failed"),
    (10, "deterministic_insufficient/ambiguous_source"),
    (11, "infrastructure/tool_crashed"),
    (12, "infrastructure/tool_crashed"),
    (13, "infrastructure/tool_crashed"),
    (14, "infrastructure/tool_crashed"),
    (15, "infrastructure/tool_crashed"),
    (99, "infrastructure/tool_crashed"),
    (124, "infrastructure/build_timeout"),
    (130, "infrastructure/runner_lost"),
    (137, "infrastructure/out_of_memory"),
];

/// Signals that end the program.
const SIGNALS: &[(i32, &str)] = &[
    (4, "infrastructure/tool_crashed"),
    (6, "infrastructure/tool_crashed"),
    (9, "infrastructure/out_of_memory"),
    (11, "infrastructure/tool_crashed"),
    (15, "infrastructure/tool_crashed"),
];

/// Recorded outputs of the real program.
#[expect(clippy::too_many_lines, reason = "a table")]
fn recorded_outputs() -> Vec<Case> {
    let text = |text: &str, exit| stderr(text, exit);
    let tagged =
        |tag: &str| stderr(&format!("deterministic generation failed: [{tag}] it is so\n"), 9);
    vec![
        case("a recipe", good(), "recipe", "action = \"npm_install\""),
        case(
            "a missing package",
            recorded(Recorded::MissingPackage),
            "deterministic_insufficient/package_not_found",
            "package 'tool' not found in npm",
        ),
        case(
            "no network",
            recorded(Recorded::Network),
            "api_error/connection_error",
            "connection refused",
        ),
        case(
            "a file that is there",
            recorded(Recorded::Exists),
            "deterministic_insufficient/recipe_exists",
            "already exists",
        ),
        case(
            "missing recipes",
            recorded(Recorded::MissingDependency),
            "missing_dep/recipe_missing",
            "zlibfoo",
        ),
        case(
            "several sources",
            recorded(Recorded::Ambiguous),
            "deterministic_insufficient/ambiguous_source",
            "Multiple sources",
        ),
        case(
            "no bottles",
            tagged("no_bottles"),
            "deterministic_insufficient/no_bottle",
            "it is so",
        ),
        case(
            "a complex archive",
            tagged("complex_archive"),
            "deterministic_insufficient/binary_discovery_failed",
            "it is so",
        ),
        case(
            "an invalid recipe",
            tagged("validation_failed"),
            "validation_failed/schema_invalid",
            "it is so",
        ),
        case("the default tag", tagged("api_error"), "api_error/upstream_unavailable", "it is so"),
        case(
            "a language model",
            text(
                "Error: 'x' resolved to github (a/x), which requires LLM for recipe generation.\n",
                9,
            ),
            "deterministic_insufficient/requires_llm",
            "requires LLM",
        ),
        case(
            "an unknown flag",
            text("Error: unknown flag: --deterministic-only\n", 1),
            "infrastructure/tool_crashed",
            "unknown flag",
        ),
        case(
            "a rate limit",
            text("Error checking package: npm registry returned status 429\n", 5),
            "api_error/rate_limited",
            "429",
        ),
        case(
            "an answer that is no JSON",
            text("Error checking package: failed to parse response: invalid character '<'\n", 5),
            "api_error/unexpected_response",
            "invalid character",
        ),
        case(
            "a full disk",
            text("Error: failed to write recipe: no space left on device\n", 1),
            "infrastructure/disk_full",
            "no space left",
        ),
        case(
            "a toolchain that cannot be had",
            text("Error: failed to install dependency nodejs: no such host\n", 8),
            "api_error/dns_error",
            "no such host",
        ),
    ]
}

/// Invalid outputs and files.
#[expect(clippy::too_many_lines, reason = "a table")]
fn odd_outputs() -> Vec<Case> {
    let crashed = "infrastructure/tool_crashed";
    let invalid = "validation_failed/schema_invalid";
    let both = |stdout: &str, stderr: &str, exit| Answer {
        stdout: Some(stdout.to_owned()),
        stderr: Some(stderr.to_owned()),
        exit: Some(exit),
        ..Answer::default()
    };
    let half = recipe("tool", "tool", &["tool"]);
    let half = half[..half.len() / 2].to_owned();
    vec![
        case("nothing at all", stderr("", 1), "unknown/unclassified", "printed nothing"),
        case(
            "a cause on standard output",
            both("Error: rate limit exceeded\n", "", 1),
            "api_error/rate_limited",
            "rate limit",
        ),
        case(
            "no UTF-8",
            Answer {
                latin1: true,
                ..both("\u{ff}\u{fe}", "Error: \u{e9}\u{ff} no such host\n", 1)
            },
            "api_error/dns_error",
            "no such host",
        ),
        case(
            "escape sequences",
            stderr("\u{1b}[31mError: connection refused\u{1b}[0m\n::error::x\n", 1),
            "api_error/connection_error",
            "connection refused",
        ),
        case("no file", recorded(Recorded::Created), crashed, "wrote no recipe"),
        case(
            "a folder for a file",
            Answer { folder: true, ..recorded(Recorded::Created) },
            crashed,
            "cannot be read",
        ),
        case("an empty recipe", written(String::new()), invalid, "no step"),
        case("half a recipe", written(half), invalid, "cannot be read"),
        case("a recipe without end", written("#".repeat(1 << 20)), crashed, "cannot be read"),
        case(
            "a recipe that is no TOML",
            written("{\"a\": 1}".to_owned()),
            invalid,
            "cannot be read",
        ),
        case(
            "another package",
            written(recipe("tool", "typescript", &["tsc"])),
            "deterministic_insufficient/ambiguous_source",
            "asked for npm:tool",
        ),
        case(
            "another source",
            written(
                recipe("tool", "tool", &["tool"])
                    .replace("npm_install", "gem_install")
                    .replace("package =", "gem ="),
            ),
            "deterministic_insufficient/ambiguous_source",
            "gem_install",
        ),
    ]
}

/// Recipes that are corrected with the facts.
fn corrections() -> Vec<Case> {
    let homepage = recipe("tool", "tool", &["tool"])
        .replace("\"\"\n  version_format", "\"http://x.example\"\n  version_format");
    let guessed = Answer {
        stderr: Some("Warning: No bin field found; using package name as executable\n".to_owned()),
        ..good()
    };
    vec![
        case(
            "other commands",
            written(recipe("tool", "tool", &["tol"])),
            "recipe",
            "executables = [\"tool\"]",
        ),
        case(
            "other commands are noted",
            written(recipe("tool", "tool", &["tol"])),
            "recipe",
            "# tsuku wrote \"tol\" for the executables tool",
        ),
        case(
            "a homepage that is not https",
            written(homepage),
            "recipe",
            "# tsuku wrote the homepage \"http://x.example\"",
        ),
        case(
            "a slash in the name",
            written(recipe("@zoo/tool", "tool", &["tool"])),
            "recipe",
            "name = \"tool\"",
        ),
        case("a command that was made up", guessed, "recipe", "# tsuku found no command"),
        case(
            "comments",
            written(format!("# by hand\n{}", recipe("tool", "tool", &["tool"]))),
            "recipe",
            "# by hand",
        ),
    ]
}

/// Processes that do not end in the usual way.
fn processes() -> Vec<Case> {
    const HOUR_MS: u64 = 60 * 60 * 1000;
    let slow = |case: Case| Case { deadline_ms: 700, ..case };
    let hangs = Answer { after_ms: HOUR_MS, ..good() };
    let timeout = "infrastructure/build_timeout";
    vec![
        slow(case("a program that hangs", hangs.clone(), timeout, "did not end")),
        slow(case(
            "one that ignores the first signal",
            Answer { ignored_signals: 1, ..hangs.clone() },
            timeout,
            "canceling operation",
        )),
        slow(case(
            "one that ignores all signals",
            Answer { ignored_signals: u32::MAX, ..hangs },
            timeout,
            "canceling operation",
        )),
        case(
            "a child that holds the streams",
            Answer { child_ms: HOUR_MS, ..good() },
            "recipe",
            "npm_install",
        ),
        case(
            "a child of a program that fails",
            Answer { child_ms: HOUR_MS, ..stderr(ODD, 9) },
            "deterministic_insufficient/binary_discovery_failed",
            "something odd",
        ),
        case("much output", Answer { flood_bytes: 4 << 20, ..good() }, "recipe", "npm_install"),
        case(
            "too much output",
            Answer { flood_bytes: 100 << 20, ..good() },
            "infrastructure/tool_crashed",
            "printed too much",
        ),
        case(
            "too many errors",
            Answer { flood_stderr_bytes: 100 << 20, ..good() },
            "infrastructure/tool_crashed",
            "printed too much",
        ),
    ]
}

/// The names of all cases.
pub(super) fn names() -> Vec<String> {
    let by_code = EXIT_CODES.iter().map(|(code, _)| format!("exit code {code}"));
    let by_signal = SIGNALS.iter().map(|(signal, _)| format!("signal {signal}"));
    let named = cases().into_iter().map(|case| case.name.to_owned());
    by_code.chain(by_signal).chain(named).collect()
}

fn cases() -> Vec<Case> {
    [recorded_outputs(), odd_outputs(), corrections(), processes()].into_iter().flatten().collect()
}

pub(super) fn trials() -> Vec<Trial> {
    let by_code = EXIT_CODES.iter().map(|&(code, expected)| {
        trial(
            format!("tsuku create: exit code {code}"),
            move || {
                check(&case("", stderr(ODD, code), expected, "something odd"));
            },
            None,
        )
    });
    let by_signal = SIGNALS.iter().map(|&(signal, expected)| {
        trial(
            format!("tsuku create: signal {signal}"),
            move || {
                let answer = Answer { signal: Some(signal), ..stderr(ODD, 0) };
                check(&case("", answer, expected, "something odd"));
            },
            None,
        )
    });
    let named = cases()
        .into_iter()
        .map(|case| trial(format!("tsuku create: {}", case.name), move || check(&case), None));
    let more: [(&str, fn()); 9] = [
        ("a program is known by its version", versions),
        ("a network error is tried four times and then believed", network_errors),
        ("a second try may end well", second_tries),
        ("other failures are not tried again", no_second_try),
        ("a library has no recipe", libraries),
        ("a scoped package is named twice, and its recipe without a slash", scoped),
        ("a call is private and has no keys", environment),
        ("missing recipes block by name", blockers),
        ("a program that is not there is a failure of its own", missing_program),
    ];
    let more = more.map(|(name, test)| trial(format!("tsuku create: {name}"), test, None));
    by_code.chain(by_signal).chain(named).chain(more).collect()
}

#[track_caller]
fn check(case: &Case) {
    let mut bench = Bench::new("tool", "create", case.answer.clone());
    if case.deadline_ms > 0 {
        bench.limits.create = std::time::Duration::from_millis(case.deadline_ms);
    }
    match wait_for(bench.generate("tool")) {
        Ok(made) => {
            assert_eq!(case.expected, "recipe", "{}", made.toml);
            assert!(made.toml.contains(case.says), "{}", made.toml);
            assert_eq!(made.name.as_str(), "tool");
        }
        Err(nothing) => {
            let failure = nothing.failure;
            assert_eq!(failure.finding.kind.to_string(), case.expected, "{failure:?}");
            let said = format!("{}\n{}", failure.message, failure.output);
            assert!(said.contains(case.says), "{failure:?}");
            assert!(!said.contains('\u{1b}') && !said.contains("\n::error::"), "{failure:?}");
        }
    }
}

fn versions() {
    let found = |answer| {
        let bench = Bench::new("*", "--version", answer);
        wait_for(bench.find()).map(|program| program.name()).map_err(|error| error.reason)
    };
    let stdout = |text: &str| Answer { stdout: Some(text.to_owned()), ..Answer::default() };
    assert_eq!(found(recorded(Recorded::Version)), Ok("tsuku dev".to_owned()));
    let released = found(stdout("tsuku version v0.5.0-rc.1+x (abc)\n"));
    assert_eq!(released, Ok("tsuku v0.5.0-rc.1+x".to_owned()));
    for odd in ["", "hello\n", "tsuku version\n", "tsuku version \u{1b}[31m\n"] {
        assert!(found(stdout(odd)).is_err(), "{odd:?}");
    }
    let failing = Answer { exit: Some(1), ..recorded(Recorded::Version) };
    assert!(found(failing).is_err());
}

fn network_errors() {
    let bench = Bench::new("tool", "create", stderr(ODD, 5));
    let failure = wait_for(bench.generate("tool")).unwrap_err().failure;
    assert_eq!(failure.finding.kind.to_string(), "api_error/connection_error");
    assert_eq!(bench.calls("create").len(), 4);
    // The pause of the ecosystem comes first, and takes no time.
    let slept = bench.clock.slept.lock().unwrap().clone();
    let [turn, waits @ ..] = slept.as_slice() else { panic!("{slept:?}") };
    assert!(turn.is_zero() && waits.len() == 3, "{slept:?}");
    for (wait, most) in waits.iter().zip([1, 2, 4]) {
        assert!(*wait <= std::time::Duration::from_secs(most), "{slept:?}");
    }
}

fn second_tries() {
    let answer = Answer { then: Some(Box::new(good())), ..recorded(Recorded::Network) };
    let bench = Bench::new("tool", "create", answer);
    assert!(wait_for(bench.generate("tool")).is_ok());
    assert_eq!(bench.calls("create").len(), 2);
}

fn no_second_try() {
    for code in [1, 6, 8, 9, 124, 137] {
        let bench = Bench::new("tool", "create", stderr(ODD, code));
        assert!(wait_for(bench.generate("tool")).is_err());
        assert_eq!(bench.calls("create").len(), 1, "{code}");
    }
}

fn libraries() {
    let bench =
        Bench::new("library", "create", written(recipe("library", "library", &["library"])));
    let failure = wait_for(bench.generate("library")).unwrap_err().failure;
    assert_eq!(failure.finding.kind.to_string(), "deterministic_insufficient/library_only");
    assert!(bench.calls("create").is_empty(), "the registry has said it");
}

fn scoped() {
    let answer = written(recipe("@zoo/tool", "@zoo/tool", &["purr", "roar"]));
    let bench = Bench::new("@zoo/tool", "create", answer);
    let made = wait_for(bench.generate("@zoo/tool")).unwrap();
    assert_eq!(made.name.as_str(), "zoo-tool");
    assert!(made.toml.contains("name = \"zoo-tool\""), "{}", made.toml);
    let args = bench.calls("create").remove(0).args;
    assert_eq!(args[..4], ["create", "@zoo/tool", "--from", "npm:@zoo/tool"]);
    assert_eq!(args[6..], ["--yes", "--skip-sandbox", "--deterministic-only"]);
}

fn environment() {
    let answer = Answer { then: Some(Box::new(good())), ..recorded(Recorded::Network) };
    let bench = Bench::new("tool", "create", answer);
    wait_for(bench.generate("tool")).unwrap();
    let calls = bench.calls("create");
    let homes: std::collections::BTreeSet<&str> =
        calls.iter().map(|call| &*call.env["TSUKU_HOME"]).collect();
    assert_eq!(homes.len(), 2, "each call has a home of its own");
    for call in &calls {
        let names: Vec<&str> = call.env.keys().map(String::as_str).collect();
        let expected = [
            "CI",
            "FAKE_TSUKU_SCRIPT",
            "HOME",
            "LANG",
            "PATH",
            "SSL_CERT_FILE",
            "TMPDIR",
            "TSUKU_HOME",
            "TSUKU_NO_TELEMETRY",
            "TSUKU_NO_UPDATE_CHECK",
            "TSUKU_REGISTRY_URL",
        ];
        assert_eq!(names, expected);
        assert!(!std::path::Path::new(&call.env["TSUKU_HOME"]).exists());
    }
}

fn blockers() {
    let bench = Bench::new("tool", "create", recorded(Recorded::MissingDependency));
    let failure = wait_for(bench.generate("tool")).unwrap_err().failure;
    let names: Vec<&str> = failure.blocked_by.iter().map(PackageName::as_str).collect();
    assert_eq!(names, ["zlibfoo", "barlib"]);
}

fn missing_program() {
    use orchestrator::generator::{Generator as _, NoRecipe};

    let bench = Bench::of(&fake_tsuku::Script::default());
    let not_found = orchestrator::tsuku::NotFound { reason: "it is not there".to_owned() };
    let generator = bench.generator(Err(not_found));
    let package = "npm:tool".parse().unwrap();
    let made =
        wait_for(async { generator.generate(&*bench.http(), bench.plugin("npm"), &package).await });
    let Err(NoRecipe::Failed(nothing)) = made else { panic!("{made:?}") };
    let failure = nothing.failure;
    assert_eq!(failure.finding.kind.to_string(), "infrastructure/tool_missing");
    assert_eq!(failure.finding.service.as_deref(), Some("tsuku"));
}
