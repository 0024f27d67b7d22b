//! The classifier: any text, in time that grows as the text does.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use super::{Bench, Outcome, fixture, guard};
use batch_core::{
    io::{Clock as _, SystemClock},
    model::{Confidence, Evidence, Finding, Stage},
    plugin::EcosystemPlugin,
};

/// As much output as is ever kept.
const LONGEST: usize = 64 << 10;
/// In time of the processor, for that much.
const LIMIT: Duration = Duration::from_secs(2);
/// In real time, which passes whatever the machine does.
const PATIENCE: Duration = Duration::from_secs(10);
/// What ends sooner than this is measured too badly to be compared.
const NOTICEABLE: Duration = Duration::from_millis(40);
/// A measurement is taken again, as often as this, before it counts.
const MOST_TRIES: usize = 8;
/// Four times the text may take this many times the time; sixteen would be quadratic.
const GROWTH: u32 = 9;
/// Of texts of the plugin's own, which are what its scans look for: of its classifier, and of all
/// else that it may have words in.
const MOST_PIECES: usize = 48;
const MOST_OTHER_PIECES: usize = 16;

/// What messages of any tool are made of.
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

const STAGES: [Stage; 4] = [Stage::Seed, Stage::Generate, Stage::Validate, Stage::Merge];

/// A program that a signal ended has no code, and others have any.
const EXIT_CODES: [Option<i32>; 5] = [Some(1), None, Some(i32::MIN), Some(0), Some(127)];

/// That the `nth` of several texts was printed: each by another tool, which ended otherwise.
fn evidence(plugin: &EcosystemPlugin, stage: Stage, nth: usize, text: &str) -> Evidence {
    let program = plugin.toolchain.as_ref().map_or("tool", |it| it.program);
    let tool = [program, ""][nth / EXIT_CODES.len() % 2].to_owned();
    Evidence { stage, tool, exit_code: EXIT_CODES[nth % EXIT_CODES.len()], text: text.to_owned() }
}

/// Own texts first: a scan is slow on what it looks for.
fn pieces(bench: &Bench) -> Vec<String> {
    let home = bench.subject.home.join("src");
    let (named, others): (Vec<_>, Vec<_>) = code_below(&home).into_iter().partition(|path| {
        let name = path.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
        name.contains("classif") || name == "lib.rs"
    });
    let generic = PIECES.iter().map(|&piece| piece.to_owned());
    [own(&named, MOST_PIECES), own(&others, MOST_OTHER_PIECES)]
        .into_iter()
        .flatten()
        .chain(generic)
        .collect()
}

/// Rust files of `dir`, its folders included.
fn code_below(dir: &Path) -> Vec<PathBuf> {
    let below = |path: PathBuf| if path.is_dir() { code_below(&path) } else { vec![path] };
    let mut files: Vec<PathBuf> =
        fixture::entries(dir).unwrap_or_default().into_iter().flat_map(below).collect();
    files.retain(|path| path.extension().is_some_and(|it| it == "rs"));
    files
}

/// At most so many of the texts that stand in `files`.
fn own(files: &[PathBuf], most: usize) -> Vec<String> {
    let texts = files.iter().filter_map(|path| fixture::text(path).ok());
    let mut own: Vec<String> = texts.flat_map(|text| literals(&text)).collect();
    own.sort();
    own.dedup();
    let step = own.len().div_ceil(most).max(1);
    own.into_iter().step_by(step).collect()
}

/// Texts in double quotes, roughly: what is missed or cut is only one text less to try.
fn literals(source: &str) -> Vec<String> {
    let production = source.split("#[cfg(test)]").next().unwrap_or_default();
    let texts = production.lines().flat_map(|line| line.split('"').skip(1).step_by(2));
    let is_piece = |text: &&str| (2..80).contains(&text.len()) && !text.contains("{}");
    texts.filter(is_piece).map(|text| text.replace("\\n", "\n")).collect()
}

pub(super) fn reads_any_text(bench: &Bench) -> Outcome {
    let plugin = bench.subject.plugin;
    let mut rng = fastrand::Rng::with_seed(9);
    let pieces = pieces(bench);
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
            let read = move || plugin.classifier.classify(&evidence);
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
                Ok((finding, _)) => problems.extend(finding.and_then(|it| odd(&it, &shown))),
            }
        }
        if 3 < problems.len() {
            break;
        }
    }
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

pub(super) fn takes_time_as_long_as_the_text(bench: &Bench) -> Outcome {
    let plugin = bench.subject.plugin;
    let clock = Arc::new(SystemClock::default());
    let mut problems = vec![];
    for piece in pieces(bench) {
        // In one line, as lines of their own, and as lines that go on.
        let repeated = [piece.clone(), format!("{piece}\n"), format!("{piece} x\n")];
        let problem = repeated.into_iter().find_map(|piece| too_slow(plugin, &clock, &piece));
        problems.extend(problem);
        // Others would take as long to say the same.
        if !problems.is_empty() {
            break;
        }
    }
    problems.into()
}

/// What is wrong with the time that texts of nothing but `piece` take.
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
            let _ = plugin.classifier.classify(&evidence);
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

/// How many times longer the whole takes than a quarter, if that is too much. Other work makes
/// measurements longer and never shorter, so the shortest of several count, and one pair that fits
/// is enough.
fn growth(
    time: &impl Fn(usize) -> Result<Duration, guard::Stuck>,
    mut whole: Duration,
) -> Option<u128> {
    let mut quarter = LIMIT;
    for _ in 0..MOST_TRIES {
        quarter = quarter.min(time(LONGEST / 4).unwrap_or(LIMIT));
        whole = whole.min(time(LONGEST).unwrap_or(LIMIT));
        if whole <= NOTICEABLE || whole <= quarter * GROWTH {
            return None;
        }
    }
    Some(whole.as_micros() / quarter.as_micros().max(1))
}
