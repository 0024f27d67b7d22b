//! What a sandbox must refuse, tried from inside: nothing is believed that was not tried.

use std::{
    fs::File,
    io::{ErrorKind, Write as _},
    net::TcpListener,
    os::unix::net::UnixDatagram,
    process::ExitCode,
};

/// The hidden subcommand.
pub(crate) const SUBCOMMAND: &str = "sandbox-self-test";

/// What a contained program says.
pub(crate) const CONTAINED: &str = "contained";

/// Started inside with the path of a file outside. Says [`CONTAINED`], or what is open.
pub(crate) fn main(args: &[String]) -> ExitCode {
    let outside = args.first().map_or("/", String::as_str);
    let open = open_ways(outside);
    let said = if open.is_empty() { CONTAINED.to_owned() } else { open.join(", ") };
    let written = writeln!(std::io::stdout(), "{said}");
    if open.is_empty() && written.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn open_ways(outside: &str) -> Vec<&'static str> {
    let is_refused = |error: std::io::Error| error.kind() == ErrorKind::PermissionDenied;
    let tried = [
        ("IP sockets are open", TcpListener::bind("127.0.0.1:0").is_err_and(is_refused)),
        ("local sockets are open", UnixDatagram::unbound().is_err_and(is_refused)),
        ("files outside can be read", File::open(outside).is_err()),
        ("files outside can be written", File::options().append(true).open(outside).is_err()),
        ("the work folder cannot be written", File::create("self-test").is_ok()),
    ];
    tried.iter().filter(|(_, as_wanted)| !as_wanted).map(|(what, _)| *what).collect()
}
