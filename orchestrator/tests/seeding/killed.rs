//! Kills real seedings with kill -9: nothing that was read is read again, and the queue becomes the
//! same as without a kill.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    path::Path,
    process::{Command, Stdio},
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{Router, extract::State, http::Uri};
use serde_json::{Value, json};

const KILLS: usize = 30;
const N_PAGES: usize = 8;
const N_EACH: usize = 50;

pub(crate) type Asked = Arc<Mutex<BTreeMap<String, usize>>>;

/// An npm registry with a search in which every fifth package is a library.
pub(crate) fn serve() -> (String, Asked) {
    let listener = std::net::TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
    listener.set_nonblocking(true).unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    let asked = Asked::default();
    let state = Arc::clone(&asked);
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let router = Router::new().fallback(answer).with_state(state);
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            axum::serve(listener, router).await.unwrap();
        });
    });
    (origin, asked)
}

async fn answer(State(asked): State<Asked>, uri: Uri) -> (axum::http::StatusCode, String) {
    tokio::time::sleep(Duration::from_millis(3)).await;
    *asked.lock().unwrap().entry(uri.to_string()).or_default() += 1;
    let ok = |value: Value| (axum::http::StatusCode::OK, value.to_string());
    if uri.path() == "/-/v1/search" {
        let from = uri.query().unwrap().split('&').find_map(|pair| pair.strip_prefix("from="));
        let from: usize = from.unwrap_or("0").parse().unwrap();
        let hit = |i: usize| json!({ "package": { "name": format!("tool-{i:03}") }, "downloads": { "weekly": 1000 - i } });
        let hits: Vec<Value> = (from..(from + N_EACH).min(N_PAGES * N_EACH)).map(hit).collect();
        let time = "2026-11-20T10:00:00.000Z";
        return ok(json!({ "objects": hits, "total": N_PAGES * N_EACH, "time": time }));
    }
    let name = uri.path().trim_start_matches('/').split('/').next().unwrap().to_owned();
    if !name.starts_with("tool-") {
        return (axum::http::StatusCode::NOT_FOUND, json!({ "error": "Not found" }).to_string());
    }
    let is_library = name.ends_with('0') || name.ends_with('5');
    let mut manifest = json!({
        "name": name, "version": "1.0.0", "description": "A package of the tests.",
        "dist": { "tarball": "https://registry.npmjs.org/x.tgz", "integrity": "" },
    });
    if !is_library {
        manifest["bin"] = json!("cli.js");
    }
    ok(manifest)
}

pub(crate) fn program(root: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tsuku-batch"));
    command.arg("--root").arg(root).args(args);
    command.stdout(Stdio::null()).stderr(Stdio::null());
    command
}

pub(crate) fn root(origin: &str) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    assert!(program(dir.path(), &["init"]).status().unwrap().success());
    let settings = format!(
        "[origins]\n\"https://registry.npmjs.org\" = \"{origin}\"\n[limits]\n\
         \"registry.npmjs.org/\" = {{ period_ms = 8, burst = 2, concurrency = 4 }}\n\
         \"registry.npmjs.org/-/v1/search\" = {{ period_ms = 8, burst = 2, concurrency = 4, max_per_run = 100 }}\n"
    );
    std::fs::write(dir.path().join("pipeline.toml"), settings).unwrap();
    dir
}

/// The queue without fields that depend on the time of the test.
pub(crate) fn queue(root: &Path) -> Value {
    let path = root.join("data/queues/priority-queue-npm.json");
    let mut queue: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    queue["updated_at"] = Value::Null;
    for entry in queue["packages"].as_array_mut().unwrap() {
        entry["added_at"] = Value::Null;
    }
    queue
}

/// The random times of the kills. The seed is `TSUKU_BATCH_KILL_SEED`, otherwise a new one; a
/// failing test prints it.
fn kill_delays() -> fastrand::Rng {
    let given = std::env::var("TSUKU_BATCH_KILL_SEED").ok();
    let seed = given.map_or_else(|| fastrand::u64(..), |text| text.parse().unwrap());
    println!("TSUKU_BATCH_KILL_SEED={seed}");
    fastrand::Rng::with_seed(seed)
}

#[test]
fn killed_at_thirty_points_a_seeding_leads_to_the_queue_of_an_undisturbed_one() {
    let (origin, _) = serve();
    let undisturbed = root(&origin);
    let status = program(undisturbed.path(), &["seed", "npm"]).status().unwrap();
    assert!(matches!(status.code(), Some(0 | 3)), "{status}");

    let (origin, asked) = serve();
    let disturbed = root(&origin);
    let (mut kill_delays, mut n_killed) = (kill_delays(), 0);
    for _ in 0..KILLS {
        let mut child = program(disturbed.path(), &["seed", "npm", "--resume"]).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(kill_delays.u64(30..150)));
        if child.try_wait().unwrap().is_some() {
            break;
        }
        child.kill().unwrap();
        child.wait().unwrap();
        n_killed += 1;
    }
    assert_eq!(n_killed, KILLS, "it ended before it could be killed often enough");
    let status = program(disturbed.path(), &["seed", "npm", "--resume"]).status().unwrap();
    assert!(matches!(status.code(), Some(0 | 3)), "{status}");

    assert_eq!(queue(disturbed.path()), queue(undisturbed.path()));
    let asked = asked.lock().unwrap();
    let pages = asked.iter().filter(|(url, _)| url.starts_with("/-/v1/search"));
    // A kill costs at most the page that was on its way.
    let n_repeated: usize = pages.map(|(_, n)| n - 1).sum();
    assert!(n_repeated <= n_killed, "{n_repeated} pages asked again, killed {n_killed} times");
}
