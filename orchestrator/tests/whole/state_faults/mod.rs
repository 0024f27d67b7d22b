//! Every kind of file of a root, damaged in every way, before every command: no command panics, hangs
//! or passes damage over in silence, and none loses or rewrites what it could not read.

mod damage;
mod sample;

use std::{
    collections::BTreeMap,
    io::{Read as _, Seek as _},
    os::unix::fs::FileTypeExt as _,
    path::Path,
    process::{Output, Stdio},
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use libtest_mimic::Trial;
use orchestrator::schema;
use serde_json::{Value, value::RawValue};

use self::{
    damage::{Damage, Expected},
    sample::{Command, Content, Cost, Piece},
};
use crate::{root::TestRoot, trial};

pub(crate) fn trials() -> Vec<Trial> {
    let name = "no_damage_to_any_file_of_a_root_is_passed_over_or_made_worse";
    vec![trial(name, matrix, None)]
}

/// One damage to one file.
struct Fault {
    piece: Piece,
    damage: Damage,
    /// Whether it is to the file as a whole. Then costly commands are tried too, and `status`, which
    /// is to go on whatever it meets.
    is_whole: bool,
}

fn matrix() {
    let pieces = sample::pieces();
    check_sample(&pieces);
    let faults = Mutex::new(faults(&pieces).into_iter());
    let next = || faults.lock().unwrap_or_else(PoisonError::into_inner).next();
    let problems = Mutex::new(vec![]);
    let counts = Mutex::new(BTreeMap::<String, usize>::new());
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some(fault) = next() {
                    let tried = tried(&pieces, &fault);
                    let mut counts = counts.lock().unwrap_or_else(PoisonError::into_inner);
                    for (command, found) in tried {
                        *counts.entry(command).or_default() += 1;
                        problems.lock().unwrap_or_else(PoisonError::into_inner).extend(found);
                    }
                }
            });
        }
    });
    let counts = counts.into_inner().unwrap();
    let total: usize = counts.values().sum();
    report(&counts, total);
    let problems = problems.into_inner().unwrap();
    assert!(problems.is_empty(), "{} of {total}:\n{}", problems.len(), problems.join("\n"));
    assert!(1_500 <= total, "{total} cases only");
}

#[expect(clippy::print_stdout, reason = "figures that a person wants to see")]
fn report(counts: &BTreeMap<String, usize>, total: usize) {
    println!("{total} cases of damage to the state, by command: {counts:?}");
}

fn faults(pieces: &[Piece]) -> Vec<Fault> {
    let schemas = schema::all([]);
    let mut all = vec![];
    for piece in pieces {
        let fault = |damage, is_whole| Fault { piece: piece.clone(), damage, is_whole };
        all.extend(damage::of_any(piece).into_iter().map(|damage| fault(damage, true)));
        if let Content::Document(name, _) | Content::Lines(name, _) = &piece.content {
            let schema = serde_json::from_str(&schemas[name]).unwrap();
            let schema =
                jsonschema::options().should_validate_formats(true).build(&schema).unwrap();
            let damages = damage::of_values(piece, &schema);
            all.extend(damages.into_iter().map(|damage| fault(damage, false)));
        }
    }
    all
}

/// The sample is as the schemas say, or what they refuse would prove nothing.
fn check_sample(pieces: &[Piece]) {
    let schemas = schema::all([]);
    for piece in pieces {
        let (name, documents) = match &piece.content {
            Content::Document(name, document) => (name, vec![document]),
            Content::Lines(name, documents) | Content::Packed(name, documents) => {
                (name, documents.iter().collect())
            }
            Content::Text(_) => continue,
        };
        let schema = serde_json::from_str(&schemas[name]).unwrap();
        let schema = jsonschema::options().should_validate_formats(true).build(&schema).unwrap();
        for document in documents {
            let errors: Vec<String> = schema
                .iter_errors(document)
                .map(|error| format!("{error} at {}", error.instance_path()))
                .collect();
            assert!(errors.is_empty(), "{}: {errors:?}", piece.label);
        }
    }
    let root = sample::root(pieces);
    for command in sample::commands().iter().filter(|command| !command.writes) {
        let said = said(&output(&root, command));
        assert!(!said.contains("problem:"), "{:?}: {said}", command.args);
    }
}

/// Every command that is tried, with what is wrong about how it took `fault`.
fn tried(pieces: &[Piece], fault: &Fault) -> Vec<(String, Option<String>)> {
    let label = &fault.piece.label;
    let meets = |command: &Command| command.meets.iter().any(|it| label.starts_with(it));
    let commands = sample::commands();
    let (writing, reading): (Vec<Command>, Vec<Command>) = commands
        .into_iter()
        .filter(|command| match command.cost {
            Cost::Small => meets(command) || fault.is_whole && command.args == ["status"],
            Cost::Large => meets(command) && fault.is_whole,
        })
        .partition(|command| command.writes);
    let mut tried = vec![];
    let root = damaged(pieces, fault);
    for command in &reading {
        tried.push((command.args.join(" "), try_one(&root, command, fault, meets(command))));
    }
    for command in &writing {
        let root = damaged(pieces, fault);
        tried.push((command.args.join(" "), try_one(&root, command, fault, meets(command))));
    }
    tried
}

fn damaged(pieces: &[Piece], fault: &Fault) -> TestRoot {
    let root = sample::root(pieces);
    fault.damage.apply(&root.path(&fault.piece.label));
    root
}

/// However busy the machine is, a command that takes this long hangs.
const HANG: Duration = Duration::from_secs(60);

/// What `command` prints. One that hangs is killed, so that it has no exit code.
fn output(root: &TestRoot, command: &Command) -> Output {
    let [out, error] = [tempfile::tempfile().unwrap(), tempfile::tempfile().unwrap()];
    let mut child = root
        .command(&command.args)
        // No tool of an ecosystem is found, so that nothing is attempted.
        .env("PATH", "/nowhere")
        .current_dir(root.dir.path())
        // The day after the records of the sample.
        .env("TSUKU_BATCH_NOW", "2026-01-04T00:00:00Z")
        .stdin(Stdio::null())
        .stdout(out.try_clone().unwrap())
        .stderr(error.try_clone().unwrap())
        .spawn()
        .unwrap();
    let started = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if HANG < started.elapsed() {
            child.kill().unwrap();
        }
        std::thread::sleep(Duration::from_millis(1));
    };
    let [stdout, stderr] = [out, error].map(|mut file| {
        let mut bytes = vec![];
        file.rewind().unwrap();
        file.read_to_end(&mut bytes).unwrap();
        bytes
    });
    Output { status, stdout, stderr }
}

fn said(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    text(&output.stdout) + &text(&output.stderr)
}

fn try_one(root: &TestRoot, command: &Command, fault: &Fault, meets: bool) -> Option<String> {
    let before = tree(root.dir.path());
    let output = output(root, command);
    let after = tree(root.dir.path());
    let said = said(&output);
    let label = &fault.piece.label;
    // Its name is one of its own; pages leave out the folder.
    let file = label.rsplit('/').next().unwrap();
    let wrong = if output.status.code().is_none() {
        "it hangs or was killed".to_owned()
    } else if said.contains("panicked") || output.status.code() == Some(101) {
        "it panics".to_owned()
    } else if meets && fault.damage.expected == Expected::Named && !said.contains(file) {
        "it does not name the file".to_owned()
    } else {
        lost(&before, &after, command)?
    };
    let said: String = said.chars().take(600).collect();
    Some(format!(
        "{label}: {}: {}: {wrong} (exit code {:?}): {said}",
        fault.damage.name,
        command.args.join(" "),
        output.status.code()
    ))
}

/// What lies at one place.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Node {
    /// Its bytes; of a very long one, only how many there are.
    File(Vec<u8>),
    Long(u64),
    Folder,
    Link(std::path::PathBuf),
    Other,
}

/// Everything below `root` but pages, by its name.
fn tree(root: &Path) -> BTreeMap<String, Node> {
    let mut nodes = BTreeMap::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
            let metadata = path.symlink_metadata().unwrap();
            let node = if metadata.is_symlink() {
                Node::Link(std::fs::read_link(&path).unwrap())
            } else if metadata.is_dir() {
                if name != "site" {
                    folders.push(path);
                }
                Node::Folder
            } else if metadata.file_type().is_fifo() {
                Node::Other
            } else if metadata.len() > 1 << 24 {
                Node::Long(metadata.len())
            } else {
                std::fs::read(&path).map_or(Node::Other, Node::File)
            };
            nodes.insert(name, node);
        }
    }
    nodes
}

/// What is gone or changed that should not be; `None` where nothing is.
fn lost(
    before: &BTreeMap<String, Node>,
    after: &BTreeMap<String, Node>,
    command: &Command,
) -> Option<String> {
    let is_lock = |name: &str| name.ends_with("lock");
    for (name, node) in before.iter().filter(|(name, _)| !is_lock(name)) {
        if after.get(name) == Some(node) {
            continue;
        }
        let is_kept = after.iter().any(|(at, it)| at.contains("/set-aside/") && it == node);
        if is_kept || command.writes && may_change(name, node, after) {
            continue;
        }
        return Some(format!("{name} is gone or changed: {:?}", after.get(name)));
    }
    if command.writes {
        return None;
    }
    let new = after.keys().find(|name| !before.contains_key(*name) && !is_lock(name))?;
    (!new.ends_with(".tsuku-batch")).then(|| format!("{new} is new"))
}

/// Whether `name`, which was `before`, may be changed so by a command that writes. A control file
/// keeps the keys of others, and a queue each entry, those that cannot be read byte by byte.
fn may_change(name: &str, before: &Node, after: &BTreeMap<String, Node>) -> bool {
    if name.starts_with(".tsuku-batch/outbox/") {
        if *before == Node::File(vec![]) {
            return true;
        }
        // Recorded.
        let batch = name.rsplit('/').next().unwrap();
        return after.contains_key(&format!("data/metrics/batch-runs-{batch}"));
    }
    if is_archived(name, before, after) || is_reclassified(name, before, after) {
        return true;
    }
    let Some(Node::File(bytes)) = after.get(name) else { return false };
    let text = String::from_utf8_lossy(bytes);
    match name {
        "batch-control.json" => text.contains("\"ours\""),
        "data/queues/priority-queue-npm.json" => {
            let Node::File(before) = before else { return false };
            let is_kept = |raw: &RawValue| {
                let id = serde_json::from_str::<Value>(raw.get()).map(|it| it["id"].to_string());
                text.contains(raw.get()) || id.is_ok_and(|id| id != "null" && text.contains(&id))
            };
            entries(before).is_some_and(|entries| entries.iter().all(|raw| is_kept(raw)))
        }
        _ => false,
    }
}

/// Whether everything that was in the file `name` of history is in an archive, or still in the file.
fn is_archived(name: &str, before: &Node, after: &BTreeMap<String, Node>) -> bool {
    let folders =
        ["data/failures/", "data/metrics/", "data/outputs/", "data/breaker", "data/archive/"];
    let Node::File(before) = before else { return false };
    if !folders.iter().any(|folder| name.starts_with(folder)) {
        return false;
    }
    let is_archive = |name: &str| name.strip_suffix(".zst").is_some();
    let texts = after.iter().filter(|(at, _)| is_archive(at) || *at == name);
    let text: String = texts
        .filter_map(|(at, node)| match node {
            Node::File(bytes) if is_archive(at) => Some(sample::unpacked(bytes)),
            Node::File(bytes) => Some(String::from_utf8_lossy(bytes).into_owned()),
            Node::Long(_) | Node::Folder | Node::Link(_) | Node::Other => None,
        })
        .collect();
    if name.starts_with("data/outputs/") {
        return text.contains(&Value::from(String::from_utf8_lossy(before)).to_string());
    }
    let before = if is_archive(name) {
        sample::unpacked(before)
    } else {
        String::from_utf8_lossy(before).into_owned()
    };
    !before.is_empty() && before.lines().all(|line| text.contains(line.trim()))
}

/// Whether the file `name` has the same failures as before, apart from what classification yields.
fn is_reclassified(name: &str, before: &Node, after: &BTreeMap<String, Node>) -> bool {
    let is_packed = name.strip_suffix(".zst").is_some();
    let records = |node: &Node| -> Option<Vec<Value>> {
        let Node::File(bytes) = node else { return None };
        let text = if is_packed {
            sample::unpacked(bytes)
        } else {
            String::from_utf8(bytes.clone()).ok()?
        };
        let record = |line: &str| {
            let mut record: Value = serde_json::from_str(line).ok()?;
            for field in ["category", "subcategory", "service", "confidence", "fingerprint"] {
                record.as_object_mut()?.remove(field);
            }
            Some(record)
        };
        text.lines().map(record).collect()
    };
    let before = records(before).filter(|records| !records.is_empty());
    name.contains("failures") && before.is_some() && before == after.get(name).and_then(records)
}

/// The entries of a queue file as they stand there; `None` where it has none.
fn entries(bytes: &[u8]) -> Option<Vec<Box<RawValue>>> {
    let fields: BTreeMap<String, Box<RawValue>> = serde_json::from_slice(bytes).ok()?;
    serde_json::from_str(fields.get("packages")?.get()).ok()
}
