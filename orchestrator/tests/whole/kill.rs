//! Kills real sandboxed installations with kill -9: no file is truncated, no package is lost or
//! stuck, no recipe is incomplete, no process is left, and the next run starts.

use std::{
    collections::BTreeMap,
    io::{BufRead as _, BufReader},
    process::{Child, Stdio},
    sync::mpsc::RecvTimeoutError,
    time::{Duration, Instant},
};

use libtest_mimic::Trial;

use crate::{
    registry::{self, Package},
    root::{TestRoot, obstacle_to_npm},
    trial,
    waiting::{LIMIT, wait_for},
};

const PHASES: [&str; 4] = ["generate", "install", "verify", "persist"];
/// Runs killed in each phase.
const KILLS: usize = 15;

pub(crate) fn trials() -> Vec<Trial> {
    let name = "killed_anywhere_a_run_loses_nothing_and_leaves_nothing_behind";
    vec![trial(name, killed_anywhere, obstacle_to_npm().as_deref())]
}

fn killed_anywhere() {
    let names: Vec<String> = (0..40).map(|i| format!("tool-{i:02}")).collect();
    let packages = names.iter().map(|name| Package::tool(name, 150));
    let origin = registry::serve(packages, Duration::from_millis(40));
    // A killed run is retried at once, so that all packages can be finished at the end of the test.
    let root = TestRoot::new(&origin, "[backoff]\nfault_minutes = 0\n");
    let all: Vec<&str> = names.iter().map(String::as_str).collect();
    root.put_pending(&all);

    let mut kill_delays = kill_delays();
    let mut n_killed: BTreeMap<&str, usize> = BTreeMap::new();
    let mut n_runs = 0;
    while let Some(phase) =
        PHASES.into_iter().find(|phase| n_killed.get(phase).copied().unwrap_or(0) < KILLS)
    {
        n_runs += 1;
        assert!(n_runs < 20 * KILLS, "runs end before they can be killed in {phase}: {n_killed:?}");
        // When all packages are finished, their entries are reset, so that there is always
        // something to attempt.
        if root.queue().values().filter(|entry| entry["status"] == "pending").count() < 4 {
            check_state(&root, &names);
            std::fs::remove_dir_all(root.path("recipes")).unwrap();
        }
        let longest = if phase == "persist" { 12_000 } else { 150_000 };
        let delay = Duration::from_micros(kill_delays.u64(0..longest));
        if let Some(killed_in) = run_and_kill(&root, phase, delay) {
            *n_killed.entry(killed_in).or_default() += 1;
        }
        check_no_process(&root);
        check_state(&root, &names);
    }
    let total: usize = n_killed.values().sum();
    assert!(total >= 60, "{n_killed:?}");
    drain(&root, &names);
    report(&format!("killed {total} runs: {n_killed:?}"));
}

/// The random times of the kills. The seed is `TSUKU_BATCH_KILL_SEED`, otherwise a new one.
fn kill_delays() -> fastrand::Rng {
    let given = std::env::var("TSUKU_BATCH_KILL_SEED").ok();
    let seed = given.map_or_else(|| fastrand::u64(..), |text| text.parse().unwrap());
    report(&format!("TSUKU_BATCH_KILL_SEED={seed}"));
    fastrand::Rng::with_seed(seed)
}

#[expect(clippy::print_stdout, reason = "a figure that a person wants to see")]
fn report(figure: &str) {
    println!("{figure}");
}

/// Kills a run `delay` after it came to `phase`. Returns the phase at the kill; `None` if the run
/// ended before.
fn run_and_kill(root: &TestRoot, phase: &str, delay: Duration) -> Option<&'static str> {
    let mut run = root
        .command(&["-v", "run", "--ecosystem", "npm", "--batch-size", "3", "--jobs", "2"])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(run.stderr.take().unwrap()).lines();
    let (send, received) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for line in lines.map_while(Result::ok) {
            let said = PHASES.into_iter().find(|phase| line.contains(&format!("{phase} npm")));
            if let Some(said) = said {
                let _ = send.send(said);
            }
        }
    });
    let mut last = "";
    let mut due: Option<Instant> = None;
    loop {
        let wait = due.map_or(LIMIT, |due| due.saturating_duration_since(Instant::now()));
        match received.recv_timeout(wait) {
            Ok(said) => {
                last = said;
                if said == phase && due.is_none() {
                    due = Some(Instant::now() + delay);
                }
            }
            Err(RecvTimeoutError::Timeout) if due.is_some() => break,
            Err(RecvTimeoutError::Timeout) => panic!("a run said nothing for {LIMIT:?}"),
            // It has closed its output and is about to end.
            Err(RecvTimeoutError::Disconnected) => {
                run.wait().unwrap();
                return None;
            }
        }
    }
    // Without the standard library's `wait`: the state at the moment of the signal matters.
    let was_alive = ended(&mut run).is_none();
    run.kill().unwrap();
    run.wait().unwrap();
    was_alive.then(|| PHASES.into_iter().find(|phase| *phase == last).unwrap())
}

fn ended(run: &mut Child) -> Option<std::process::ExitStatus> {
    run.try_wait().unwrap()
}

/// Checks that every process whose command line or environment names the root ends soon.
fn check_no_process(root: &TestRoot) {
    let marker = root.dir.path().to_str().unwrap().to_owned();
    wait_for("the end of every process of a run", || processes_of(&marker).is_empty());
}

fn processes_of(marker: &str) -> Vec<String> {
    let mut found = vec![];
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        let pid = entry.file_name().to_string_lossy().into_owned();
        if !pid.bytes().all(|byte| byte.is_ascii_digit()) || pid == std::process::id().to_string() {
            continue;
        }
        let read = |file: &str| std::fs::read(entry.path().join(file)).unwrap_or_default();
        let about = [read("cmdline"), read("environ")].concat();
        let cwd = std::fs::read_link(entry.path().join("cwd")).unwrap_or_default();
        let about = format!("{} {}", String::from_utf8_lossy(&about), cwd.display());
        if about.contains(marker) {
            found.push(format!("{pid}: {}", about.replace('\0', " ")));
        }
    }
    found
}

/// Checks that every file is complete, and that every package exists exactly where it may be.
fn check_state(root: &TestRoot, names: &[String]) {
    let queue = root.queue();
    assert_eq!(queue.len(), names.len(), "a package is lost");
    for name in names {
        let status = queue[&format!("npm:{name}")]["status"].as_str().unwrap();
        assert!(["pending", "success"].contains(&status), "{name} is stuck: {status}");
    }
    for path in files(&root.path("data")).into_iter().chain([root.path("batch-control.json")]) {
        let text = std::fs::read_to_string(&path).unwrap();
        let is_lines = path.extension().is_some_and(|extension| extension == "jsonl");
        let documents: Vec<&str> = if is_lines { text.lines().collect() } else { vec![&text] };
        if path.extension().is_some_and(|extension| extension == "txt" || extension == "tmp") {
            continue;
        }
        for document in documents {
            let parsed = serde_json::from_str::<serde_json::Value>(document);
            assert!(parsed.is_ok(), "{}: {document}", path.display());
        }
    }
    for path in files(&root.path("recipes")) {
        let text = std::fs::read_to_string(&path).unwrap();
        let recipe: toml::Table = text.parse().unwrap();
        assert!(recipe["verify"]["command"].is_str(), "{}: {text}", path.display());
    }
}

fn files(dir: &std::path::Path) -> Vec<std::path::PathBuf> {
    let Ok(entries) = std::fs::read_dir(dir) else { return vec![] };
    let of = |path: std::path::PathBuf| if path.is_dir() { files(&path) } else { vec![path] };
    let paths = entries.flatten().map(|entry| entry.path());
    // A file that is being written has a temporary name, which nobody reads.
    paths
        .filter(|path| !path.file_name().unwrap().to_string_lossy().starts_with('.'))
        .flat_map(of)
        .collect()
}

/// Checks that nothing is stuck: undisturbed runs finish every package.
fn drain(root: &TestRoot, names: &[String]) {
    for _ in 0..names.len() {
        let left = root.queue().values().filter(|entry| entry["status"] != "success").count();
        if left == 0 {
            break;
        }
        let run =
            root.run(&["-q", "run", "--ecosystem", "npm", "--batch-size", "20", "--jobs", "2"]);
        // A run dates its decisions by the second in which it started, so an entry that another run
        // reset in the same second is due in the next one.
        let nothing_due = run.status.code() == Some(4);
        assert!(run.status.success() || nothing_due, "{run:?}");
        if nothing_due {
            std::thread::sleep(Duration::from_secs(1));
        }
    }
    let queue = root.queue();
    let left: Vec<&String> =
        queue.iter().filter(|(_, e)| e["status"] != "success").map(|(id, _)| id).collect();
    assert!(left.is_empty(), "never done: {left:?}");
    assert!(files(&root.path(".tsuku-batch/outbox")).is_empty());
    assert!(files(&root.path(".tsuku-batch/work")).is_empty());
}
