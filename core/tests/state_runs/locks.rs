//! One run at a time, one change at a time, and no locks of dead processes.

use std::{
    env, fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    path::Path,
    process::{Child, Command, Stdio},
    sync::Arc,
};

use batch_core::io::{
    FsState, HistoryFilter, Holder, QueueFile, StateErrorKind, StateReader as _, StateWriter as _,
};
use batch_sim::queue;

use crate::{ECO, mixed, put, queue_file, root, second, tree};

#[test]
fn a_second_run_is_refused_with_the_owner_of_the_lock() {
    let (_dir, state) = root();
    let lock = state.lock(second(7)).unwrap();
    let error = state.lock(second(8)).unwrap_err();
    let StateErrorKind::Locked { holder: Some(holder) } = error.kind else { panic!("{error}") };
    assert_eq!(holder, Holder { pid: std::process::id(), since: second(7) });
    assert!(
        error.to_string().contains("since 1970-01-01 00:00:07 UTC); wait until it ends"),
        "{error}"
    );
    // Reading and small changes do not wait for a run.
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

/// Starts the test `test` of this module as a separate process with `root`.
fn process(test: &str, root: &Path) -> Child {
    Command::new(env::current_exe().unwrap())
        .args([test, "--exact", "--nocapture"])
        .env(ROOT_TO_USE, root)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Waits for the `n`th line of `child` that equals `line`; `false` if there are fewer.
fn says(child: &mut Child, line: &str, n: usize) -> bool {
    let lines = BufReader::new(child.stdout.as_mut().unwrap()).lines();
    lines.map_while(Result::ok).filter(|said| said == line).nth(n - 1).is_some()
}

fn say(line: &str) {
    std::io::stdout().write_all(format!("\n{line}\n").as_bytes()).unwrap();
}

/// Alone, it tests that a fresh root can be locked; `a_killed_run_holds_no_lock` starts it as a
/// separate process.
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
fn a_killed_run_holds_no_lock() {
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

/// Alone, it tests that a queue can be replaced; the test below kills it during that.
#[test]
fn a_writer() {
    let Some(path) = env::var_os(ROOT_TO_USE) else {
        let (_dir, state) = root();
        for version in versions() {
            state.put_queue(&version).unwrap();
            assert_eq!(state.queue(&ECO).unwrap(), Some(Arc::new(version)));
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
fn temporary_files_of_a_killed_writer_are_removed() {
    let (dir, state) = root();
    put(&state, &mixed()).unwrap();
    let before = tree(dir.path());
    let before_seeding = dir.path().join("data/seeding");
    fs::create_dir(&before_seeding).unwrap();
    let places = ["", "data/queues", "data/failures", "data/metrics", "data/seeding"];
    for place in places.into_iter().chain(["data/outputs", "recipes", ".tsuku-batch"]) {
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
    assert_eq!(fs::read_dir(before_seeding).unwrap().count(), 0);
    let machine = fs::read_dir(state.layout().machine()).unwrap();
    let names = machine.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    assert!(names.into_iter().all(|name| !name.ends_with("-tmp")));
}

/// There may be very many outputs and recipes: a run does not look through all of them at its start,
/// so their drafts lie where it does look.
#[test]
fn outputs_and_recipes_are_written_by_way_of_the_folder_above_and_are_not_listed() {
    let (dir, state) = root();
    put(&state, &mixed()).unwrap();
    let inside = dir.path().join("recipes/a/.x.toml.AbC.tsuku-batch-tmp");
    fs::write(&inside, "not looked at").unwrap();
    state.lock(second(1)).unwrap();
    assert!(inside.exists());
    // Where nothing can be made in the folder above, nothing can be written below it.
    let outputs = state.layout().outputs();
    fs::remove_dir_all(&outputs).unwrap();
    fs::write(&outputs, "a file in place of the folder").unwrap();
    state.put_output("text", false).unwrap_err();
}
