//! Programs that want what is outside.

use std::{
    collections::BTreeSet,
    ffi::OsString,
    net::TcpListener,
    os::unix::{fs::PermissionsExt as _, net::UnixListener},
    path::Path,
};

use batch_sandbox::{Backend, Ended, Host, Job, Network, Preference, Reach, Sandbox, remove_tree};
use libtest_mimic::Completion;

use super::lab::{Check, Lab, block_on, host};

/// Tried with every backend.
pub(crate) const CHECKS: &[(&str, Check)] = &[
    ("a job says how it ended", exit_codes),
    ("the environment is the sandbox's own", the_environment),
    ("nothing can be written outside", nothing_is_written_outside),
    ("a verify step cannot change what was installed", read_only_work),
    ("secrets and sockets of the machine are out of reach", secrets_and_sockets),
    ("network is had only where it is wanted", network),
    ("namespaces, mounts and traces are refused", privileges),
    ("other processes are out of reach", other_processes),
    ("no file becomes set-user-ID", set_user_id),
    ("no file or folder is made set-user-ID", made_set_user_id),
    ("proxies reach steps with network only", proxies),
    ("certificates that variables name are readable", certificates),
    ("folders above can be listed where only what is shown exists", folders_above),
    ("names can be looked up where there is network", names),
];

fn attack(lab: &Lab, args: &[&str]) -> bool {
    let report = lab.run(&lab.hostile(args));
    assert_eq!(report.ended, Ended::Exited, "{report:?}");
    report.output.trim() == "done"
}

fn said(lab: &Lab, script: &str) -> String {
    let report = lab.run(&lab.shell(script));
    assert_eq!(report.ended, Ended::Exited, "{report:?}");
    report.output
}

fn exit_codes(lab: &Lab) -> Completion {
    let code = |script: &str| lab.run(&lab.shell(script)).exit_code;
    assert_eq!(code("exit 0"), Some(0));
    assert_eq!(code("exit 7"), Some(7));
    assert_eq!(code("kill -9 $$"), Some(137));
    let missing = lab.run(&lab.job(&["no-such-program"]));
    assert_eq!(missing.exit_code, Some(127), "{missing:?}");
    assert!(missing.output.contains("no-such-program"), "{missing:?}");
    Completion::Completed
}

fn the_environment(lab: &Lab) -> Completion {
    let mut job = lab.job(&["env"]);
    job.env.insert("GIVEN".to_owned(), "yes".to_owned());
    let report = lab.run(&job);
    let names: BTreeSet<&str> =
        report.output.lines().filter_map(|line| Some(line.split_once('=')?.0)).collect();
    let mut expected =
        BTreeSet::from(["CI", "GIVEN", "HOME", "LANG", "NO_COLOR", "PATH", "TERM", "TMPDIR"]);
    if names.contains("PWD") {
        expected.insert("PWD");
    }
    assert_eq!(names, expected);
    Completion::Completed
}

fn nothing_is_written_outside(lab: &Lab) -> Completion {
    let outside = lab.outside().join("file");
    std::fs::File::create(&outside).expect("a file outside");
    let mode = std::fs::Permissions::from_mode(0o640);
    std::fs::set_permissions(&outside, mode).expect("its mode");
    let file = outside.display();
    let there = said(
        lab,
        &format!(
            "exec 2>&1; echo x >> {file}; echo x > {file}.new; chmod 777 {file}; touch -d @1 {file}
            echo x > /usr/x; echo x > /etc/x; echo x > /x; echo x > /dev/x
            echo x > inside && cat inside"
        ),
    );
    assert!(there.ends_with("x\n"), "{there}");
    let now = outside.metadata().expect("the file");
    assert_eq!((now.len(), lab.outside().join("file.new").exists()), (0, false), "{there}");
    for made in ["/usr/x", "/etc/x", "/x", "/dev/x"] {
        assert!(!Path::new(made).exists(), "{made}");
    }
    // Landlock knows no right to change modes; root gets a read-only machine, others do not.
    if lab.sandbox.backend() == Backend::Bubblewrap || rustix::process::geteuid().is_root() {
        assert_eq!(now.permissions().mode() & 0o777, 0o640, "{there}");
        let changed = now.modified().expect("a time");
        assert!(changed > std::time::UNIX_EPOCH + std::time::Duration::from_secs(2));
    }
    Completion::Completed
}

fn read_only_work(lab: &Lab) -> Completion {
    said(lab, "echo installed > program; chmod 755 program");
    let mut job = lab.shell(
        "exec 2>&1; echo bad > program; rm program; echo bad > new; cat program
        echo a > \"$HOME/f\" && echo b > \"$TMPDIR/f\" && echo scratch",
    );
    job.writable = false;
    let report = lab.run(&job);
    assert!(report.output.ends_with("installed\nscratch\n"), "{}", report.output);
    assert!(!lab.work_dir().join("new").exists());
    Completion::Completed
}

fn secrets_and_sockets(lab: &Lab) -> Completion {
    let secret = lab.outside().join("id_ed25519");
    write(&secret);
    let path = lab.outside().join("docker.sock");
    let _listener = UnixListener::bind(&path).expect("a socket");
    let seen = said(lab, &format!("cat {} 2>&1; ls {}", secret.display(), lab.outside().display()));
    assert!(!seen.contains("id_ed25519\n"), "{seen}");
    assert!(seen.contains("No such file") || seen.contains("Permission denied"), "{seen}");
    let shadow = said(lab, "cat /etc/shadow /etc/ssl/private/* 2>/dev/null");
    assert_eq!(shadow, "");
    for network in [false, true] {
        let mut job = lab.hostile(&["unix", path.to_str().expect("UTF-8")]);
        job.network = network.then(Reach::default);
        assert_eq!(lab.run(&job).output, "", "network: {network}");
        let mut job = lab.hostile(&["datagram-pair"]);
        job.network = network.then(Reach::default);
        assert_eq!(lab.run(&job).output, "", "network: {network}");
    }
    assert!(attack(lab, &["stream-pair"]), "programs need a pair of streams");
    Completion::Completed
}

#[expect(clippy::disallowed_methods, reason = "a test lays out its files")]
fn write(path: &Path) {
    std::fs::write(path, "something\n").expect("a new file");
}

fn network(lab: &Lab) -> Completion {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a listener");
    let address = listener.local_addr().expect("an address").to_string();
    for network in [false, true] {
        let mut job = lab.hostile(&["tcp", &address]);
        job.network = network.then(Reach::default);
        let report = lab.run(&job);
        assert_eq!(report.output, "", "network: {network}: {report:?}");
    }
    // A mirror on loopback that the job was given is the exception.
    let mut job = lab.hostile(&["tcp", &address]);
    let mut reach = Reach::default();
    assert!(reach.add(&format!("http://{address}")));
    job.network = Some(reach);
    let report = lab.run(&job);
    assert_eq!(report.output.trim(), "done", "{report:?}");
    Completion::Completed
}

fn privileges(lab: &Lab) -> Completion {
    assert!(!attack(lab, &["user-namespace"]));
    assert!(!attack(lab, &["mount-namespace"]));
    let work = lab.work_dir();
    assert!(!attack(lab, &["mount", work.to_str().expect("UTF-8")]));
    // The set that bounds later privileges can be emptied by root, and in a namespace of users. Where
    // it cannot, no program gains privileges all the same.
    let bounds = rustix::process::geteuid().is_root() || lab.sandbox.network() == Network::Filtered;
    let sets = if bounds { "Prm|Eff|Bnd|Amb" } else { "Prm|Eff|Amb" };
    let lines = format!("grep -E 'Cap({sets})|NoNewPrivs|Seccomp:' /proc/self/status");
    let status = said(lab, &lines);
    let values: BTreeSet<&str> =
        status.lines().filter_map(|line| line.split('\t').nth(1)).collect();
    assert_eq!(values, BTreeSet::from(["0000000000000000", "1", "2"]), "{status}");
    let ptrace = match std::env::consts::ARCH {
        "x86_64" => 101,
        _ => 117,
    };
    let traced = lab.run(&lab.job(&["perl", "-e", &format!("exit(syscall({ptrace},0,0,0,0)+2)")]));
    if traced.exit_code == Some(127) {
        return Completion::ignored_with("perl is not here to try ptrace; the rest held");
    }
    assert_eq!(traced.exit_code, Some(1), "PTRACE_TRACEME worked: {traced:?}");
    Completion::Completed
}

fn other_processes(lab: &Lab) -> Completion {
    let this = std::process::id();
    let seen = said(lab, &format!("kill -0 {this} 2>&1 && echo reached; kill -0 -1 && echo all"));
    assert!(!seen.contains("reached"), "{seen}");
    assert!(!attack(lab, &["limit", &this.to_string()]));
    let environment = said(lab, &format!("cat /proc/{this}/environ 2>/dev/null | wc -c"));
    assert_eq!(environment.trim(), "0");
    Completion::Completed
}

fn set_user_id(lab: &Lab) -> Completion {
    let seen = said(lab, "exec 2>&1; touch f g; chmod 4755 f; chmod 2755 g; chmod 755 f && ls -l");
    assert!(seen.matches("not permitted").count() == 2 && seen.contains("rwxr-xr-x"), "{seen}");
    Completion::Completed
}

fn made_set_user_id(lab: &Lab) -> Completion {
    for how in ["open-user", "open-group", "folder", "node", "change-folder"] {
        let _ = remove_tree(&lab.work_dir().join("made"));
        let _ = std::fs::remove_file(lab.work_dir().join("made"));
        assert!(!attack(lab, &["set-id", how]), "{how}");
    }
    Completion::Completed
}

fn proxies(lab: &Lab) -> Completion {
    let proxy = TcpListener::bind("127.0.0.1:0").expect("a listener");
    let address = proxy.local_addr().expect("an address").to_string();
    let url = format!("http://user:secret@{address}");
    let mut job = lab.job(&["env"]);
    for name in ["HTTPS_PROXY", "no_proxy", "SSL_CERT_FILE"] {
        job.env.insert(name.to_owned(), url.clone());
    }
    assert!(!lab.run(&job).output.contains("secret"), "a step without network knows the proxy");
    let mut reach = Reach::default();
    assert!(reach.add(&url));
    job.network = Some(reach.clone());
    assert!(lab.run(&job).output.contains("secret"));
    let job = Job { network: Some(reach), ..lab.hostile(&["tcp", &address]) };
    assert_eq!(lab.run(&job).output.trim(), "done");
    Completion::Completed
}

fn certificates(lab: &Lab) -> Completion {
    let bundle = lab.outside().join("real.pem");
    write(&bundle);
    let link = lab.outside().join("link.pem");
    let dir = lab.outside().join("certs");
    std::fs::create_dir(&dir).expect("a folder");
    std::os::unix::fs::symlink(&bundle, &link).expect("a link");
    std::os::unix::fs::symlink("../link.pem", dir.join("hash.0")).expect("a link in the folder");
    let read = |name: &str, path: &Path, script: &str| {
        let mut job = lab.shell(script);
        job.network = Some(Reach::default());
        job.env.insert(name.to_owned(), path.display().to_string());
        lab.run(&job).exit_code
    };
    assert_eq!(read("NODE_EXTRA_CA_CERTS", &link, "grep . \"$NODE_EXTRA_CA_CERTS\""), Some(0));
    assert_eq!(read("SSL_CERT_DIR", &dir, "grep . \"$SSL_CERT_DIR/hash.0\""), Some(0));
    assert_ne!(read("OTHER", &link, "grep . \"$OTHER\""), Some(0));
    Completion::Completed
}

fn folders_above(lab: &Lab) -> Completion {
    if lab.sandbox.backend() == Backend::Landlock {
        return Completion::ignored_with("all that exists would be listed");
    }
    let listed = lab.run(
        &lab.shell("d=$PWD; while ls \"$d\" && [ \"$d\" != / ]; do d=${d%/*}; d=${d:-/}; done"),
    );
    assert!(listed.succeeded() && listed.output.contains("proc"), "{listed:?}");
    Completion::Completed
}

fn names(lab: &Lab) -> Completion {
    let mut job = lab.shell("cat /etc/resolv.conf /etc/hosts > copy; getent hosts localhost");
    job.network = Some(Reach::default());
    let report = lab.run(&job);
    assert!(report.succeeded(), "{report:?}");
    Completion::Completed
}

fn detect(path: OsString, prefer: Option<Backend>) -> batch_sandbox::Detected {
    let prefer = Preference { backend: prefer, limiter: None };
    block_on(Sandbox::detect(&Host { path, ..host() }, prefer))
}

pub(crate) fn without_bwrap_the_kernels_own_means_are_chosen() {
    let detected = detect(OsString::new(), None);
    let check = detected.check;
    let [both, bubblewrap, landlock, _] = check.walls.as_slice() else { panic!("{check:?}") };
    for wall in [both, bubblewrap] {
        assert_eq!(wall.why_not.as_deref(), Some("bwrap is not on PATH"));
    }
    let expected = landlock.usable.then_some(Backend::Landlock);
    assert_eq!((check.chosen, detected.sandbox.map(|it| it.backend())), (expected, expected));
    assert_eq!(landlock.usable, landlock.landlock_abi.is_some_and(|abi| abi >= 6), "{landlock:?}");
}

pub(crate) fn a_preferred_backend_is_the_chosen_one_or_none() {
    for backend in [Backend::Both, Backend::Bubblewrap, Backend::Landlock, Backend::Seatbelt] {
        let detected = detect(host().path, Some(backend));
        let usable = detected.check.walls.iter().any(|it| it.name == backend && it.usable);
        assert_eq!(detected.check.chosen, usable.then_some(backend));
    }
}
