//! Hostile programs, run inside.

use std::{
    net::TcpStream,
    os::unix::net::{UnixDatagram, UnixStream},
    process::ExitCode,
    time::Duration,
};

use rustix::{
    process::{Pid, Resource, Rlimit},
    thread::UnshareFlags,
};

/// The command line's first word.
pub(crate) const MODE: &str = "--hostile";

/// Prints `done` where the attack worked.
pub(crate) fn main(args: &[String]) -> ExitCode {
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let worked = match args.as_slice() {
        ["memory", megabytes] => hog(megabytes.parse().expect("a number")),
        ["tcp", address] => TcpStream::connect(address).is_ok(),
        ["unix", path] => UnixStream::connect(path).is_ok(),
        ["datagram-pair"] => UnixDatagram::pair().is_ok(),
        ["stream-pair"] => UnixStream::pair().is_ok(),
        ["user-namespace"] => unshare(UnshareFlags::NEWUSER),
        ["mount-namespace"] => unshare(UnshareFlags::NEWNS),
        ["mount", dir] => rustix::mount::mount_bind("/usr", *dir).is_ok(),
        ["limit", pid] => limit(pid.parse().expect("a number")),
        other => panic!("unknown attack {other:?}"),
    };
    #[expect(clippy::print_stdout, reason = "what the trial reads")]
    if worked {
        println!("done");
    }
    ExitCode::SUCCESS
}

/// Takes memory, uses it, and holds it for a while.
fn hog(megabytes: usize) -> bool {
    let mut held = Vec::new();
    for n in 0..megabytes {
        held.push(vec![u8::try_from(n % 255 + 1).unwrap_or(1); 1 << 20]);
    }
    pause(3);
    std::hint::black_box(&held).len() == megabytes
}

fn pause(seconds: u64) {
    let (open, never) = std::sync::mpsc::channel::<()>();
    let _ = never.recv_timeout(Duration::from_secs(seconds));
    drop(open);
}

#[expect(deprecated, reason = "the only one without unsafe")]
fn unshare(flags: UnshareFlags) -> bool {
    rustix::thread::unshare(flags).is_ok()
}

fn limit(pid: i32) -> bool {
    let limit = Rlimit { current: Some(1 << 20), maximum: Some(1 << 20) };
    rustix::process::prlimit(Pid::from_raw(pid), Resource::Core, limit).is_ok()
}
