//! Hostile programs that run inside of the sandbox.

use std::{
    io::IoSlice,
    mem::MaybeUninit,
    net::TcpStream,
    os::{
        fd::AsFd as _,
        unix::{
            fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _},
            net::{UnixDatagram, UnixStream},
        },
    },
    process::ExitCode,
    time::Duration,
};

use rustix::{
    net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg},
    process::{Pid, Resource, Rlimit},
    thread::UnshareFlags,
};

/// The first argument of such a process.
pub(crate) const MODE: &str = "--hostile";

/// Prints `done` if the attack succeeded.
pub(crate) fn main(args: &[String]) -> ExitCode {
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let worked = match args.as_slice() {
        ["memory", megabytes] => allocate(megabytes.parse().expect("a number")),
        ["sockets", pairs] => sockets(pairs.parse().expect("a number")),
        ["in-flight", files] => in_flight(files.parse().expect("a number")),
        ["set-id", how] => set_id(how),
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

/// Allocates memory, writes to it, and keeps it for some time.
fn allocate(megabytes: usize) -> bool {
    let mut held = Vec::new();
    for n in 0..megabytes {
        held.push(vec![u8::try_from(n % 255 + 1).unwrap_or(1); 1 << 20]);
    }
    pause(3);
    std::hint::black_box(&held).len() == megabytes
}

/// Keeps pairs of connected sockets open.
fn sockets(pairs: usize) -> bool {
    let held: Vec<_> = (0..pairs).filter_map(|_| UnixStream::pair().ok()).collect();
    pause(20);
    held.len() == pairs
}

/// Sends descriptors of deleted files to itself and closes them, without receiving any.
fn in_flight(files: usize) -> bool {
    let (socket, _other) = UnixStream::pair().expect("a pair");
    for _ in 0..files {
        let file = std::fs::File::create("sent").expect("a file");
        std::fs::remove_file("sent").expect("its end");
        let fds = [file.as_fd()];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut message = SendAncillaryBuffer::new(&mut space);
        assert!(message.push(SendAncillaryMessage::ScmRights(&fds)));
        let sent = sendmsg(&socket, &[IoSlice::new(b"x")], &mut message, SendFlags::empty());
        sent.expect("sent");
    }
    pause(20);
    true
}

/// Whether a file with a set-user-ID or set-group-ID bit exists afterwards.
fn set_id(how: &str) -> bool {
    let options = |mode| {
        let mut options = std::fs::OpenOptions::new();
        options.write(true).create(true).mode(mode).open("made").is_ok()
    };
    let tried = match how {
        "open-user" => options(0o4755),
        "open-group" => options(0o2755),
        "folder" => std::fs::DirBuilder::new().mode(0o2755).create("made").is_ok(),
        "node" => {
            let kind = rustix::fs::FileType::RegularFile;
            let mode = rustix::fs::Mode::from_raw_mode(0o4755);
            rustix::fs::mknodat(rustix::fs::CWD, "made", kind, mode, 0).is_ok()
        }
        "change-folder" => {
            std::fs::create_dir("made").expect("a folder");
            std::fs::set_permissions("made", std::fs::Permissions::from_mode(0o2755)).is_ok()
        }
        other => panic!("unknown way {other}"),
    };
    let mode = std::fs::metadata("made").map_or(0, |made| made.permissions().mode());
    tried && mode & 0o6000 != 0
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
