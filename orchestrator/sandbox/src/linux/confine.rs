//! The steps from the supervisor to the job's program, in one hidden subcommand.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    os::{fd::AsFd as _, unix::net::UnixStream},
    path::PathBuf,
    process::{ExitCode, Stdio},
};

use rustix::{
    process::{Gid, Uid},
    thread::{
        CapabilitySet, CapabilitySets, clear_ambient_capability_set,
        remove_capability_from_bounding_set, set_capabilities, set_no_new_privs, set_thread_groups,
        set_thread_res_gid, set_thread_res_uid,
    },
};
use serde::{Deserialize, Serialize};

use super::{
    landlock, listeners,
    namespaces::{self, Plan},
    rlimits::{self, Bounds},
    seccomp,
    view::View,
};
use crate::process;

/// The hidden subcommand.
pub(crate) const SUBCOMMAND: &str = "sandbox-confine";
/// Outside: sets the limits, then becomes or starts what isolates the job.
pub(super) const ENTER: &str = "enter";
/// The first process of the built-in namespaces.
pub(super) const INIT: &str = "init";
/// Inside: gives up rights, then becomes the job's program.
pub(super) const APPLY: &str = "apply";
/// Prints the kernel's version of Landlock.
pub(crate) const ABI: &str = "landlock-abi";
/// Its exit code says whether this program may create namespaces.
pub(crate) const NAMESPACES: &str = "namespaces";

/// The exit code of a failed step. The supervisor relies on the missing [`Confinement::ready`].
const REFUSED: u8 = 125;

/// The job's program does not exist, as in shells. This is not a fault of the sandbox.
const NOT_FOUND: u8 = 127;

/// The input of [`ENTER`].
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Entry {
    pub(super) bounds: Bounds,
    pub(super) next: Next,
}

/// What [`ENTER`] does after it has set the limits.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Next {
    /// It becomes `bwrap`, whose first process gets the filter too.
    Bubblewrap { argv: Vec<String>, allowed: seccomp::Allowed },
    /// It creates namespaces.
    Namespaces(Plan),
    /// It becomes [`APPLY`].
    Nothing,
}

/// The input of [`APPLY`] on its standard input. The job must not see it.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Confinement {
    /// The line to write when only the start of the job's program is left.
    pub(super) ready: String,
    /// Ports to open for the supervisor, if they are not open outside.
    pub(super) ports: Option<Vec<u16>>,
    /// The user to become.
    pub(super) user: Option<u32>,
    /// The limit of processes of that user, if the user has no others.
    pub(super) processes: Option<u32>,
    pub(super) allowed: seccomp::Allowed,
    pub(super) landlock: Option<LandlockRules>,
    pub(super) work_dir: PathBuf,
    /// The program to become.
    pub(super) argv: Vec<String>,
}

/// The access that Landlock allows.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct LandlockRules {
    pub(super) view: View,
    /// TCP ports that may be connected to. `None` means all, because the network is filtered
    /// elsewhere.
    pub(super) ports: Option<Vec<u16>>,
}

/// Carries out the step that `args` name. It returns only if the step fails, or after the job has
/// ended.
pub(crate) fn main(args: &[String]) -> ExitCode {
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let (message, code) = match args.as_slice() {
        [ENTER, entry] => match enter(entry) {
            Ok(code) => return ExitCode::from(code),
            Err(error) => (error, REFUSED),
        },
        [INIT, allowed] => match namespaces::init(allowed) {
            Ok(code) => return code,
            Err(error) => (error, REFUSED),
        },
        [APPLY] => apply(),
        [ABI] => return print(landlock::abi().map(|abi| abi.to_string())),
        [NAMESPACES] => return print(namespaces::separate().map(|()| String::new())),
        _ => ("this subcommand is the sandbox's own".to_owned(), REFUSED),
    };
    say(&message);
    ExitCode::from(code)
}

fn say(line: &str) {
    // If writing fails, nobody can be told.
    let _ = writeln!(std::io::stderr(), "{line}");
}

fn print(found: Result<String, String>) -> ExitCode {
    match found {
        Ok(line) => {
            let _ = writeln!(std::io::stdout(), "{line}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            say(&error);
            ExitCode::FAILURE
        }
    }
}

fn enter(entry: &str) -> Result<u8, String> {
    let entry: Entry =
        serde_json::from_str(entry).map_err(|error| format!("cannot read the entry: {error}"))?;
    rlimits::apply_limits(&entry.bounds)?;
    match entry.next {
        Next::Bubblewrap { argv, allowed } => {
            // Both stay open when `bwrap` starts, which reads them.
            let filters = seccomp::files(allowed)?;
            let with_filters = seccomp::arguments(&filters);
            let [program, rest @ ..] = argv.as_slice() else {
                return Err("no program is given".to_owned());
            };
            let argv: Vec<String> =
                [program.clone()].into_iter().chain(with_filters).chain(rest.to_vec()).collect();
            Err(cannot_become(&argv, &process::become_program(&argv, Stdio::inherit(), None)))
        }
        Next::Namespaces(plan) => namespaces::make(&plan),
        Next::Nothing => Err(format!(
            "cannot start this program: {}",
            process::become_self(&[SUBCOMMAND, APPLY])
        )),
    }
}

fn apply() -> (String, u8) {
    let control = std::io::stdin().as_fd().try_clone_to_owned().map(UnixStream::from);
    let confined =
        control.map_err(|error| format!("no control socket: {error}")).and_then(|mut control| {
            let confinement = confinement(&mut control)?;
            if let Some(ports) = &confinement.ports {
                listeners::open_and_send(&control, ports)
                    .map_err(|error| format!("cannot listen for the supervisor: {error}"))?;
            }
            drop_privileges(&confinement)?;
            say(&confinement.ready);
            wait_for_supervisor(&mut control)?;
            Ok(confinement)
        });
    match confined {
        Err(error) => (error, REFUSED),
        Ok(confinement) => {
            let dir = Some(confinement.work_dir.as_path());
            let error = process::become_program(&confinement.argv, Stdio::null(), dir);
            (cannot_become(&confinement.argv, &error), NOT_FOUND)
        }
    }
}

fn confinement(control: &mut UnixStream) -> Result<Confinement, String> {
    let mut confinement = Vec::new();
    // Nothing follows the line before its answer, so buffering loses no data.
    BufReader::new(control)
        .read_until(b'\n', &mut confinement)
        .and_then(|_| Ok(serde_json::from_slice(&confinement)?))
        .map_err(|error| format!("cannot read the confinement: {error}"))
}

/// A supervisor that has died could not end the job, so the job must not start.
fn wait_for_supervisor(control: &mut UnixStream) -> Result<(), String> {
    let mut answer = [0];
    control
        .write_all(&[listeners::READY])
        .and_then(|()| control.read_exact(&mut answer))
        .map_err(|error| format!("the supervisor does not answer: {error}"))?;
    if answer == [listeners::GO] {
        Ok(())
    } else {
        Err("the supervisor cancelled the job".to_owned())
    }
}

fn drop_privileges(confinement: &Confinement) -> Result<(), String> {
    let failed = |what: &str, error: rustix::io::Errno| format!("cannot {what}: {error}");
    empty_bounding_set();
    if let Some(user) = confinement.user {
        become_user(user).map_err(|error| failed("become the job's user", error))?;
    }
    if let Some(processes) = confinement.processes {
        rlimits::limit_processes(processes).map_err(|error| failed("limit processes", error))?;
    }
    drop_capabilities().map_err(|error| failed("drop capabilities", error))?;
    set_no_new_privs(true).map_err(|error| failed("renounce new privileges", error))?;
    if let Some(ruled) = &confinement.landlock {
        let lists_all = confinement.allowed.hides_files;
        landlock::restrict(&ruled.view, ruled.ports.as_deref(), lists_all)?;
    }
    seccomp::restrict(confinement.allowed)
}

/// Changes the user of this thread, which is the only one.
fn become_user(user: u32) -> rustix::io::Result<()> {
    let (uid, gid) = (Uid::from_raw(user), Gid::from_raw(user));
    set_thread_groups(&[])?;
    set_thread_res_gid(gid, gid, gid)?;
    set_thread_res_uid(uid, uid, uid)
}

fn empty_bounding_set() {
    for capability in CapabilitySet::all().iter() {
        // A process without the right to change the set has no capability to give up, and a kernel
        // may not know every capability of the list.
        let _ = remove_capability_from_bounding_set(capability);
    }
}

pub(super) fn drop_capabilities() -> rustix::io::Result<()> {
    empty_bounding_set();
    clear_ambient_capability_set()?;
    let none = CapabilitySet::empty();
    set_capabilities(None, CapabilitySets { effective: none, permitted: none, inheritable: none })
}

fn cannot_become(argv: &[String], error: &std::io::Error) -> String {
    format!("cannot start {}: {error}", argv.first().map_or("nothing", String::as_str))
}
