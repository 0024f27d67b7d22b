//! What a real run leaves behind of processes, and what it takes of memory.

use std::{
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use fake_tsuku::{Answer, SCRIPT_VARIABLE, Script};
use libtest_mimic::Trial;

use super::bench::recipe;
use crate::{
    registry::{self, Package},
    root::TestRoot,
    trial,
    waiting::wait_for,
};

const HOUR_MS: u64 = 60 * 60 * 1000;
const MAX_MEMORY_BYTES: u64 = 100 << 20;

pub(super) fn trials() -> Vec<Trial> {
    let all: [(&str, fn()); 4] = [
        ("nothing outlives a deadline", nothing_outlives_a_deadline),
        ("nothing outlives Ctrl-C", nothing_outlives_an_interruption),
        ("nothing outlives a second Ctrl-C", nothing_outlives_a_second_interruption),
        ("a flood of output takes no memory", a_flood_takes_no_memory),
    ];
    all.map(|(name, test)| trial(format!("tsuku processes: {name}"), test, None)).into()
}

/// A root with the tool `tool`, whose recipe is made by this test program as the fake that gives
/// `answer`.
fn root(answer: Answer, create_seconds: u64) -> TestRoot {
    let origin = registry::serve([Package::tool("tool", 0)], Duration::ZERO);
    let root = TestRoot::new(&origin, "");
    let script = root.path("script.json");
    let answers = [("create".to_owned(), answer)].into();
    let text = serde_json::to_string(&Script::from([("tool".to_owned(), answers)])).unwrap();
    std::fs::write(&script, text).unwrap();
    let settings = std::fs::read_to_string(root.path("pipeline.toml")).unwrap();
    let own = format!(
        "{settings}\n[tsuku]\nprogram = \"{}\"\ncreate_seconds = {create_seconds}\nvariables = {{ \
         {SCRIPT_VARIABLE} = \"{}\" }}\n",
        std::env::current_exe().unwrap().display(),
        script.display(),
    );
    std::fs::write(root.path("pipeline.toml"), own).unwrap();
    root
}

fn start(root: &TestRoot) -> Child {
    let args = ["try", "npm:tool", "--generate-only", "--generator", "tsuku", "--json"];
    root.command(&args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// Processes that can still be told by the script in their environment, the fake's children among them.
fn left(root: &TestRoot) -> Vec<u32> {
    let mark = root.path("script.json").display().to_string();
    let entries = std::fs::read_dir("/proc").unwrap().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let is_marked = |pid: &u32| {
        let environment = std::fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        String::from_utf8_lossy(&environment).contains(&mark)
    };
    pids.filter(is_marked).collect()
}

fn interrupt(child: &Child) {
    let status = Command::new("kill").arg("-INT").arg(child.id().to_string()).status().unwrap();
    assert!(status.success());
}

/// A program that does not end, with a child that does not either.
fn stubborn() -> Answer {
    Answer { after_ms: HOUR_MS, ignored_signals: u32::MAX, child_ms: HOUR_MS, ..Answer::default() }
}

fn nothing_outlives_a_deadline() {
    let root = root(stubborn(), 1);
    let output = start(&root).wait_with_output().unwrap();
    let stdout = String::from_utf8(output.stdout).unwrap();
    assert!(stdout.contains("build_timeout"), "{stdout}");
    // The call has ended, so all of it has.
    assert_eq!(left(&root), Vec::<u32>::new());
}

fn nothing_outlives_an_interruption() {
    let root = root(stubborn(), 3600);
    let child = start(&root);
    // The program and its child.
    wait_for("both have started", || left(&root).len() == 2);
    interrupt(&child);
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{output:?}");
    wait_for("all have ended", || left(&root).is_empty());
}

fn nothing_outlives_a_second_interruption() {
    let root = root(stubborn(), 3600);
    let child = start(&root);
    wait_for("both have started", || left(&root).len() == 2);
    interrupt(&child);
    interrupt(&child);
    assert_eq!(child.wait_with_output().unwrap().status.code(), Some(130));
    wait_for("all have ended", || left(&root).is_empty());
}

/// The most memory that the process `pid` ever held, in bytes.
fn peak(pid: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes * 1024)
}

/// The children of the process `pid` that are the program itself.
fn supervisors(pid: u32) -> Vec<u32> {
    let children = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"));
    let children: Vec<u32> =
        children.unwrap_or_default().split_whitespace().map(|pid| pid.parse().unwrap()).collect();
    let own = |pid: &u32| {
        let exe = std::fs::read_link(format!("/proc/{pid}/exe"));
        exe.is_ok_and(|exe| exe == Path::new(crate::root::program()))
    };
    children.into_iter().filter(own).collect()
}

fn a_flood_takes_no_memory() {
    let bytes = 100 << 20;
    let answer = Answer {
        flood_bytes: bytes,
        flood_stderr_bytes: bytes,
        file: Some(recipe("tool", "tool", &["tool"])),
        ..Answer::default()
    };
    let root = root(answer, 3600);
    let mut child = start(&root);
    let (mut most, mut most_of_supervisor) = (0, 0);
    while child.try_wait().unwrap().is_none() {
        most = most.max(peak(child.id()).unwrap_or(0));
        let of_supervisors = supervisors(child.id()).into_iter().filter_map(peak);
        most_of_supervisor = most_of_supervisor.max(of_supervisors.max().unwrap_or(0));
        std::thread::sleep(Duration::from_millis(2));
    }
    let stdout = String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap();
    assert!(stdout.contains("printed too much"), "{stdout}");
    assert!(most > 0 && most < MAX_MEMORY_BYTES, "{most} bytes");
    assert!(most_of_supervisor < MAX_MEMORY_BYTES, "{most_of_supervisor} bytes");
}
