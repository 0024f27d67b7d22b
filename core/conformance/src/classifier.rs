//! The rule about the classifier: it accepts any text, and its time grows in proportion to the
//! text.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use super::{Harness, Outcome, fixture, guard};
use batch_core::{
    io::{Clock as _, SystemClock},
    model::{Confidence, Evidence, FailureKind, Finding, Stage},
    plugin::EcosystemPlugin,
};

/// The longest output that is ever kept, in bytes.
const LONGEST: usize = 64 << 10;
/// Processor time that is allowed for that much output.
const LIMIT: Duration = Duration::from_secs(2);
/// Elapsed time after which a measurement is given up, whatever the load of the machine is.
const PATIENCE: Duration = Duration::from_secs(10);
/// Shorter times are too inaccurate to be compared.
const NOTICEABLE: Duration = Duration::from_millis(40);
/// How often a measurement is repeated before its result counts.
const MAX_TRIES: usize = 8;
/// A text of four times the length may take this many times as long; quadratic growth would take
/// sixteen times as long.
const GROWTH: u32 = 9;
/// How many texts from the plugin's own sources are tried: from its classifier, and from its other
/// files.
const MAX_PIECES: usize = 48;
const MAX_OTHER_PIECES: usize = 16;

/// Texts that occur in the messages of any tool.
const PIECES: &[&str] = &[
    "a",
    "\n",
    "\r\n",
    " ",
    "\"",
    "`",
    "(",
    "://",
    "https://",
    "https://a.example/",
    "error: ",
    "ERROR: ",
    "error ",
    "warning: ",
    "failed to ",
    "404 Not Found",
    "429",
    "\u{1f4a5}",
    "\u{fffd}",
    "İ",
    "é",
    "\0",
    ": ",
    "\t",
    "a\n ",
];

/// What tools say and go on.
const HARMLESS: &[&str] = &[
    "warning: ",
    "warning: unused variable: `x`",
    "Warning: the option is deprecated",
    "WARNING: no maintainer is named",
    "warn: using the default settings",
    "note: run with more output to see more",
    "info: everything is up to date",
    "Downloading https://a.example/x-1.0.tar.gz",
    "Installing x 1.0 (1 of 3)",
    "100 % done",
];

const STAGES: [Stage; 4] = [Stage::Seed, Stage::Generate, Stage::Validate, Stage::Merge];

/// Exit codes to try; a program that was ended by a signal has none.
const EXIT_CODES: [Option<i32>; 5] = [Some(1), None, Some(i32::MIN), Some(0), Some(127)];

/// Evidence in which the `nth` of several texts was printed, each by another tool with another exit
/// code.
fn evidence(plugin: &EcosystemPlugin, stage: Stage, nth: usize, text: &str) -> Evidence {
    let program = plugin.toolchain.as_ref().map_or("tool", |it| it.program);
    let tool = [program, ""][nth / EXIT_CODES.len() % 2].to_owned();
    Evidence { stage, tool, exit_code: EXIT_CODES[nth % EXIT_CODES.len()], text: text.to_owned() }
}

/// The plugin's own texts come first, because a scan is slowest on the texts that it looks for.
fn pieces(harness: &Harness) -> Vec<String> {
    let home = harness.subject.home.join("src");
    let (named, others): (Vec<_>, Vec<_>) = code_below(&home).into_iter().partition(|path| {
        let name = path.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
        name.contains("classif") || name == "lib.rs"
    });
    let generic = PIECES.iter().map(|&piece| piece.to_owned());
    [own(&named, MAX_PIECES), own(&others, MAX_OTHER_PIECES)]
        .into_iter()
        .flatten()
        .chain(generic)
        .collect()
}

/// The Rust files below `dir`.
fn code_below(dir: &Path) -> Vec<PathBuf> {
    let below = |path: PathBuf| if path.is_dir() { code_below(&path) } else { vec![path] };
    let mut files: Vec<PathBuf> =
        fixture::entries(dir).unwrap_or_default().into_iter().flat_map(below).collect();
    files.retain(|path| path.extension().is_some_and(|it| it == "rs"));
    files
}

/// At most `most` of the string literals in `files`.
fn own(files: &[PathBuf], most: usize) -> Vec<String> {
    let texts = files.iter().filter_map(|path| fixture::text(path).ok());
    let mut own: Vec<String> = texts.flat_map(|text| literals(&text)).collect();
    own.sort();
    own.dedup();
    let step = own.len().div_ceil(most).max(1);
    own.into_iter().step_by(step).collect()
}

/// The texts in double quotes, found without a parser: a missed text only means that one text less
/// is tried.
fn literals(source: &str) -> Vec<String> {
    let production = source.split("#[cfg(test)]").next().unwrap_or_default();
    let texts = production.lines().flat_map(|line| line.split('"').skip(1).step_by(2));
    let is_piece = |text: &&str| (2..80).contains(&text.len()) && !text.contains("{}");
    texts.filter(is_piece).map(|text| text.replace("\\n", "\n")).collect()
}

pub(super) fn reads_any_text(harness: &Harness) -> Outcome {
    let plugin = harness.subject.plugin;
    let mut rng = fastrand::Rng::with_seed(9);
    let pieces = pieces(harness);
    let random_bytes = |rng: &mut fastrand::Rng| {
        let bytes: Vec<u8> = (0..rng.usize(..600)).map(|_| rng.u8(..)).collect();
        String::from_utf8_lossy(&bytes).into_owned()
    };
    let random_pieces = |rng: &mut fastrand::Rng| -> String {
        (0..rng.usize(..16)).map(|_| pieces[rng.usize(..pieces.len())].as_str()).collect()
    };
    let mut texts = vec![String::new()];
    for _ in 0..400 {
        texts.push(random_bytes(&mut rng));
        texts.push(random_pieces(&mut rng));
    }
    let mut problems = vec![];
    for (nth, text) in texts.into_iter().enumerate() {
        for stage in STAGES {
            let evidence = evidence(plugin, stage, nth, &text);
            let read = move || read(plugin, &evidence, nth);
            let both = move || (read(), read());
            let shown: String = text.chars().take(60).collect();
            match guard::within(PATIENCE, "classifier", both) {
                Err(stuck) => {
                    problems
                        .push(format!("on {shown:?} {stuck}; return None for what it cannot read"));
                }
                Ok((one, other)) if one != other => {
                    problems.push(format!("{shown:?} is read in two ways; keep no state"));
                }
                Ok(((finding, _), _)) => problems.extend(finding.and_then(|it| odd(&it, &shown))),
            }
        }
        if 3 < problems.len() {
            break;
        }
    }
    problems.into()
}

/// What the classifier says about `evidence`, and the reason that it reads there for the `nth` of all
/// kinds of failures.
fn read(
    plugin: &EcosystemPlugin,
    evidence: &Evidence,
    nth: usize,
) -> (Option<Finding>, Option<String>) {
    let kind = FailureKind::ALL[nth % FailureKind::ALL.len()];
    (plugin.classifier.classify(evidence), plugin.classifier.reason(kind, &evidence.text))
}

pub(super) fn takes_no_warning_for_a_failure(harness: &Harness) -> Outcome {
    let plugin = harness.subject.plugin;
    let mut problems = vec![];
    for (nth, text) in HARMLESS.iter().enumerate() {
        for stage in STAGES {
            let evidence = evidence(plugin, stage, nth, &format!("{text}\n"));
            let read = guard::within(PATIENCE, "classifier", move || {
                plugin.classifier.classify(&evidence)
            });
            // What panics is another rule's business.
            if let Ok(Some(Finding { kind, .. })) = read {
                problems.push(format!(
                    "{text:?} is read as {kind}, and is no failure: a tool says so and goes on; \
                     look for the message of the failure itself"
                ));
            }
        }
    }
    problems.sort();
    problems.dedup();
    problems.into()
}

fn odd(finding: &Finding, shown: &str) -> Option<String> {
    let blames = finding.service.as_ref().is_some_and(|service| !service.is_empty());
    if blames && !finding.kind.row().breaker {
        let kind = finding.kind;
        return Some(format!("{shown:?} is {kind} of a service, and such a kind blames none"));
    }
    let says_lost = finding.confidence == Confidence::Lost;
    says_lost.then(|| format!("{shown:?} is read as lost: return None instead"))
}

pub(super) fn takes_time_as_long_as_the_text(harness: &Harness) -> Outcome {
    let plugin = harness.subject.plugin;
    let clock = Arc::new(SystemClock::default());
    let mut problems = vec![];
    for piece in pieces(harness) {
        // Repeated within one line, as separate lines, and as lines with more text after it.
        let repeated = [piece.clone(), format!("{piece}\n"), format!("{piece} x\n")];
        let problem = repeated.into_iter().find_map(|piece| too_slow(plugin, &clock, &piece));
        problems.extend(problem);
        // The other shapes would report the same problem.
        if !problems.is_empty() {
            break;
        }
    }
    problems.into()
}

/// Reports a problem if texts that consist only of `piece` take too long.
fn too_slow(
    plugin: &'static EcosystemPlugin,
    clock: &Arc<SystemClock>,
    piece: &str,
) -> Option<String> {
    let time = |n_bytes: usize| {
        let text = piece.repeat(n_bytes / piece.len().max(1));
        let evidence = evidence(plugin, Stage::Validate, 0, &text);
        let clock = Arc::clone(clock);
        guard::within(PATIENCE, "classifier", move || {
            let now = || guard::processor_time().unwrap_or_else(|| clock.monotonic());
            let start = now();
            let _ = read(plugin, &evidence, 0);
            now().saturating_sub(start)
        })
    };
    match time(LONGEST) {
        Err(stuck) => Some(format!("on 64 KiB of {piece:?} {stuck}; read each line once")),
        Ok(whole) if LIMIT < whole => {
            Some(format!("64 KiB of {piece:?} take {} s; read each line once", whole.as_secs()))
        }
        Ok(whole) if NOTICEABLE < whole => growth(&time, whole).map(|factor| {
            format!(
                "on {piece:?} four times the text takes {factor} times the time; read each line \
                 once"
            )
        }),
        Ok(_) => None,
    }
}

/// By which factor the whole takes longer than a quarter of it, if that is too much. Other load on
/// the machine only makes measurements longer, so the shortest of several counts, and one pair
/// within the limit is enough.
fn growth(
    time: &impl Fn(usize) -> Result<Duration, guard::GuardError>,
    mut whole: Duration,
) -> Option<u128> {
    let mut quarter = LIMIT;
    for _ in 0..MAX_TRIES {
        quarter = quarter.min(time(LONGEST / 4).unwrap_or(LIMIT));
        whole = whole.min(time(LONGEST).unwrap_or(LIMIT));
        if whole <= NOTICEABLE || whole <= quarter * GROWTH {
            return None;
        }
    }
    Some(whole.as_micros() / quarter.as_micros().max(1))
}
