//! One run at a time, one change at a time, and nothing held by the dead.

use std::{
    env, fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    path::Path,
    process::{Child, Command, Stdio},
};

use batch_core::io::{
    FsState, HistoryFilter, Holder, QueueFile, StateErrorKind, StateReader as _, StateWriter as _,
};
use batch_sim::queue;

use crate::{ECO, mixed, put, queue_file, root, second, tree};

#[test]
fn a_second_run_is_told_who_is_first() {
    let (_dir, state) = root();
    let lock = state.lock(second(7)).unwrap();
    let error = state.lock(second(8)).unwrap_err();
    let StateErrorKind::Locked { holder: Some(holder) } = error.kind else { panic!("{error}") };
    assert_eq!(holder, Holder { pid: std::process::id(), since: second(7) });
    assert!(
        error.to_string().contains("since 1970-01-01 00:00:07 UTC); wait for its end"),
        "{error}"
    );
    // Who reads, or changes something small, is not kept waiting by a run.
    state.control().unwrap();
    drop(state.exclusive().unwrap());
    drop(lock);
    state.lock(second(9)).unwrap();
}

#[test]
fn two_changes_take_turns() {
    let (_dir, state) = root();
    let (n_threads, n_changes) = (4, 25);
    std::thread::scope(|scope| {
        for _ in 0..n_threads {
            scope.spawn(|| {
                for _ in 0..n_changes {
                    let _turn = state.exclusive().unwrap();
                    let mut control = state.control().unwrap();
                    control.budget.linux_minutes_used += 1;
                    state.put_control(&control).unwrap();
                }
            });
        }
    });
    assert_eq!(state.control().unwrap().budget.linux_minutes_used, n_threads * n_changes);
}

const ROOT_TO_USE: &str = "TSUKU_BATCH_TEST_ROOT_TO_USE";

/// `test` of these in a process of its own, with `root` to use.
fn process(test: &str, root: &Path) -> Child {
    Command::new(env::current_exe().unwrap())
        .args([test, "--exact", "--nocapture"])
        .env(ROOT_TO_USE, root)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Lines of `child` up to the `n`th that is `line`; `false` when there are fewer.
fn says(child: &mut Child, line: &str, n: usize) -> bool {
    let lines = BufReader::new(child.stdout.as_mut().unwrap()).lines();
    lines.map_while(Result::ok).filter(|said| said == line).nth(n - 1).is_some()
}

fn say(line: &str) {
    std::io::stdout().write_all(format!("\n{line}\n").as_bytes()).unwrap();
}

/// By itself it proves that a fresh root can be locked; `a_dead_run_holds_nothing` starts it as a
/// process of its own.
#[test]
fn a_holder() {
    let Some(path) = env::var_os(ROOT_TO_USE) else {
        root().1.lock(second(1)).unwrap();
        return;
    };
    let _lock = FsState::open(path).unwrap().lock(second(1)).unwrap();
    say("held");
    std::io::stdin().read_to_end(&mut vec![]).unwrap();
}

#[test]
fn a_dead_run_holds_nothing() {
    let (dir, state) = root();
    let mut holder = process("locks::a_holder", dir.path());
    assert!(says(&mut holder, "held", 1));
    let error = state.lock(second(2)).unwrap_err();
    assert!(error.to_string().contains(&format!("(process {}", holder.id())), "{error}");
    holder.kill().unwrap();
    holder.wait().unwrap();
    state.lock(second(3)).unwrap();
}

fn versions() -> [QueueFile; 2] {
    let names: Vec<_> = (0..500).map(|n| format!("package-{n}")).collect();
    let first = |n| queue(names[..n].iter().map(|name| (name.as_str(), 3, 0)));
    [queue_file(first(500)), queue_file(first(3))]
}

/// By itself it proves that a queue can be replaced; the test below kills it in the middle of that.
#[test]
fn a_writer() {
    let Some(path) = env::var_os(ROOT_TO_USE) else {
        let (_dir, state) = root();
        for version in versions() {
            state.put_queue(&version).unwrap();
            assert_eq!(state.queue(&ECO).unwrap(), Some(version));
        }
        return;
    };
    let state = FsState::open(path).unwrap();
    for version in versions().iter().cycle() {
        let _turn = state.exclusive().unwrap();
        state.put_queue(version).unwrap();
        say("written");
    }
}

#[test]
fn a_writer_killed_at_any_moment_leaves_the_old_content_or_the_new() {
    let (dir, state) = root();
    for n in 1..=20 {
        let mut writer = process("locks::a_writer", dir.path());
        assert!(says(&mut writer, "written", n), "it writes until it is killed");
        writer.kill().unwrap();
        writer.wait().unwrap();
        let found = state.queue(&ECO).unwrap().unwrap();
        assert!(versions().contains(&found), "{} entries", found.entries.len());
        state.lock(second(1)).unwrap();
        let names = fs::read_dir(state.layout().queues()).unwrap();
        assert_eq!(names.count(), 1, "its draft is cleared away");
    }
}

#[test]
fn what_a_dead_writer_left_is_cleared_away_and_nothing_else() {
    let (dir, state) = root();
    put(&state, &mixed()).unwrap();
    let before = tree(dir.path());
    for place in ["", "data/queues", "data/failures", "data/metrics", "recipes/a"] {
        fs::write(dir.path().join(place).join(".x.json.AbC.tsuku-batch-tmp"), "half").unwrap();
    }
    fs::write(dir.path().join(".mine.tmp"), "mine").unwrap();
    assert_eq!(
        state.failures(&HistoryFilter::default()).unwrap().quarantined,
        [],
        "no reader takes it for a record"
    );
    state.lock(second(1)).unwrap();
    fs::remove_file(dir.path().join(".mine.tmp")).unwrap();
    assert!(tree(dir.path()) == before);
}
