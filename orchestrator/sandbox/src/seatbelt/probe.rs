//! Tests from inside what the sandbox must prevent.

use std::{collections::BTreeMap, net::TcpListener, path::Path, time::Duration};

use super::Seatbelt;
use crate::{Job, Limits, Part, Probe, Refusal, SandboxError, TemporaryDir};

/// What is tried: the name, and a command that must fail or, for the files, must have no effect. `$1` is a file outside, `$2` a port of a service
/// on loopback, `$3` a process outside.
const TRIALS: [(&str, &str); 5] = [
    ("read a file outside", "cat \"$1\""),
    ("write to a file outside", "echo x >> \"$1\""),
    ("make a file outside", "echo x > \"$1.new\""),
    ("connect to a service on loopback", "nc -z -w 2 127.0.0.1 \"$2\""),
    ("send a signal to a process outside", "kill -0 \"$3\""),
];

impl Seatbelt {
    /// The result of each trial. The error says why nothing is known.
    pub async fn probe(&self) -> Result<Vec<Probe>, SandboxError> {
        let place = |error: std::io::Error| refused(Part::Host, &error.to_string());
        let dir = TemporaryDir::new().map_err(place)?;
        let (work_dir, outside) = (dir.path().join("work"), dir.path().join("outside"));
        std::fs::create_dir(&work_dir).map_err(place)?;
        std::fs::File::create(&outside).map_err(place)?;
        let listener = TcpListener::bind("127.0.0.1:0").map_err(place)?;
        let port = listener.local_addr().map_err(place)?.port();
        let report = self.run(&job(&work_dir, &outside, port), std::future::pending()).await?;
        let lines: Vec<&str> = report.stdout.lines().collect();
        if !report.succeeded() || lines.len() != TRIALS.len() {
            let said = format!("{}{}", report.stdout, report.output);
            return Err(refused(Part::Backend, &format!("its test did not run: {}", said.trim())));
        }
        // A job may have a file of its own with the name of one outside.
        let is_unchanged = outside.metadata().is_ok_and(|file| file.len() == 0);
        let is_absent = !dir.path().join("outside.new").exists();
        let seen = [false, is_unchanged, is_absent, false, false];
        let held = |((line, seen), (name, _)): ((&&str, bool), &(&str, &str))| Probe {
            name: (*name).to_owned(),
            held: seen || *line == "held",
        };
        Ok(lines.iter().zip(seen).zip(&TRIALS).map(held).collect())
    }
}

fn job(work_dir: &Path, outside: &Path, port: u16) -> Job {
    let trial = |(_, command): &(&str, &str)| {
        format!("if ( {command} ) >/dev/null 2>&1; then echo open; else echo held; fi\n")
    };
    let script: String = TRIALS.iter().map(trial).collect();
    let outside = outside.to_string_lossy().into_owned();
    let (port, process) = (port.to_string(), std::process::id().to_string());
    let argv = ["/bin/sh", "-c", &script, "sh", &outside, &port, &process];
    Job {
        argv: argv.map(str::to_owned).to_vec(),
        env: BTreeMap::new(),
        work_dir: work_dir.to_owned(),
        writable: true,
        network: None,
        read_only: vec![],
        path_dirs: vec![],
        separate_stdout: true,
        limits: Limits { wall_time: Duration::from_secs(30), ..Limits::default() },
    }
}

fn refused(part: Part, message: &str) -> SandboxError {
    SandboxError::Refused(Refusal { part, message: message.to_owned() })
}
