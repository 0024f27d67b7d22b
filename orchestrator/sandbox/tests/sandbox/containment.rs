//! Programs that try to reach things outside.

use std::{
    collections::BTreeSet,
    ffi::OsString,
    net::TcpListener,
    os::unix::{fs::PermissionsExt as _, net::UnixListener},
    path::Path,
};

use batch_sandbox::{
    Backend, Ended, Host, Job, Network, NetworkAccess, Preference, Sandbox, remove_tree,
};
use libtest_mimic::Completion;

use super::test_sandbox::{Check, TestSandbox, block_on, host};

/// Checks that run with every backend.
pub(crate) const CHECKS: &[(&str, Check)] = &[
    ("a job says how it ended", exit_codes),
    ("the environment is the sandbox's own", the_environment),
    ("nothing can be written outside", nothing_is_written_outside),
    ("a verify step cannot change what was installed", read_only_work),
    ("secrets and sockets of the machine are out of reach", secrets_and_sockets),
    ("network is had only where it is wanted", network),
    ("namespaces, mounts and traces are refused", privileges),
    ("other processes are out of reach", other_processes),
    ("no file can become set-user-ID", set_user_id),
    ("no file or folder is made set-user-ID", made_set_user_id),
    ("proxies reach steps with network only", proxies),
    ("certificates that variables name are readable", certificates),
    ("folders above can be listed where only what is shown exists", folders_above),
    ("names can be looked up where there is network", names),
];

fn attack(test_sandbox: &TestSandbox, args: &[&str]) -> bool {
    let report = test_sandbox.run(&test_sandbox.hostile(args));
    assert_eq!(report.ended, Ended::Exited, "{report:?}");
    report.output.trim() == "done"
}

fn said(test_sandbox: &TestSandbox, script: &str) -> String {
    let report = test_sandbox.run(&test_sandbox.shell(script));
    assert_eq!(report.ended, Ended::Exited, "{report:?}");
    report.output
}

fn exit_codes(test_sandbox: &TestSandbox) -> Completion {
    let code = |script: &str| test_sandbox.run(&test_sandbox.shell(script)).exit_code;
    assert_eq!(code("exit 0"), Some(0));
    assert_eq!(code("exit 7"), Some(7));
    assert_eq!(code("kill -9 $$"), Some(137));
    let missing = test_sandbox.run(&test_sandbox.job(&["no-such-program"]));
    assert_eq!(missing.exit_code, Some(127), "{missing:?}");
    assert!(missing.output.contains("no-such-program"), "{missing:?}");
    Completion::Completed
}

fn the_environment(test_sandbox: &TestSandbox) -> Completion {
    let mut job = test_sandbox.job(&["env"]);
    job.env.insert("GIVEN".to_owned(), "yes".to_owned());
    let report = test_sandbox.run(&job);
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

fn nothing_is_written_outside(test_sandbox: &TestSandbox) -> Completion {
    let outside = test_sandbox.outside().join("file");
    std::fs::File::create(&outside).expect("a file outside");
    let mode = std::fs::Permissions::from_mode(0o640);
    std::fs::set_permissions(&outside, mode).expect("its mode");
    let file = outside.display();
    let there = said(
        test_sandbox,
        &format!(
            "exec 2>&1; echo x >> {file}; echo x > {file}.new; chmod 777 {file}; touch -d @1 {file}
            echo x > /usr/x; echo x > /etc/x; echo x > /x; echo x > /dev/x
            echo x > inside && cat inside"
        ),
    );
    assert!(there.ends_with("x\n"), "{there}");
    let now = outside.metadata().expect("the file");
    assert_eq!(
        (now.len(), test_sandbox.outside().join("file.new").exists()),
        (0, false),
        "{there}"
    );
    for made in ["/usr/x", "/etc/x", "/x", "/dev/x"] {
        assert!(!Path::new(made).exists(), "{made}");
    }
    // Landlock has no right for changes of modes. For root the machine is mounted read-only; for
    // other users it is not.
    if test_sandbox.sandbox.backend() == Backend::Bubblewrap || rustix::process::geteuid().is_root()
    {
        assert_eq!(now.permissions().mode() & 0o777, 0o640, "{there}");
        let changed = now.modified().expect("a time");
        assert!(changed > std::time::UNIX_EPOCH + std::time::Duration::from_secs(2));
    }
    Completion::Completed
}

fn read_only_work(test_sandbox: &TestSandbox) -> Completion {
    said(test_sandbox, "echo installed > program; chmod 755 program");
    let mut job = test_sandbox.shell(
        "exec 2>&1; echo bad > program; rm program; echo bad > new; cat program
        echo a > \"$HOME/f\" && echo b > \"$TMPDIR/f\" && echo scratch",
    );
    job.writable = false;
    let report = test_sandbox.run(&job);
    assert!(report.output.ends_with("installed\nscratch\n"), "{}", report.output);
    assert!(!test_sandbox.work_dir().join("new").exists());
    Completion::Completed
}

fn secrets_and_sockets(test_sandbox: &TestSandbox) -> Completion {
    let secret = test_sandbox.outside().join("id_ed25519");
    write(&secret);
    let path = test_sandbox.outside().join("docker.sock");
    let _listener = UnixListener::bind(&path).expect("a socket");
    let seen = said(
        test_sandbox,
        &format!("cat {} 2>&1; ls {}", secret.display(), test_sandbox.outside().display()),
    );
    assert!(!seen.contains("id_ed25519\n"), "{seen}");
    assert!(seen.contains("No such file") || seen.contains("Permission denied"), "{seen}");
    let shadow = said(test_sandbox, "cat /etc/shadow /etc/ssl/private/* 2>/dev/null");
    assert_eq!(shadow, "");
    for network in [false, true] {
        let mut job = test_sandbox.hostile(&["unix", path.to_str().expect("UTF-8")]);
        job.network = network.then(NetworkAccess::default);
        assert_eq!(test_sandbox.run(&job).output, "", "network: {network}");
        let mut job = test_sandbox.hostile(&["datagram-pair"]);
        job.network = network.then(NetworkAccess::default);
        assert_eq!(test_sandbox.run(&job).output, "", "network: {network}");
    }
    assert!(attack(test_sandbox, &["stream-pair"]), "programs need a pair of streams");
    Completion::Completed
}

#[expect(clippy::disallowed_methods, reason = "a test lays out its files")]
fn write(path: &Path) {
    std::fs::write(path, "something\n").expect("a new file");
}

fn network(test_sandbox: &TestSandbox) -> Completion {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a listener");
    let address = listener.local_addr().expect("an address").to_string();
    for network in [false, true] {
        let mut job = test_sandbox.hostile(&["tcp", &address]);
        job.network = network.then(NetworkAccess::default);
        let report = test_sandbox.run(&job);
        assert_eq!(report.output, "", "network: {network}: {report:?}");
    }
    // The exception is a mirror on loopback that the job may use.
    let mut job = test_sandbox.hostile(&["tcp", &address]);
    let mut network_access = NetworkAccess::default();
    assert!(network_access.add(&format!("http://{address}")));
    job.network = Some(network_access);
    let report = test_sandbox.run(&job);
    assert_eq!(report.output.trim(), "done", "{report:?}");
    Completion::Completed
}

fn privileges(test_sandbox: &TestSandbox) -> Completion {
    assert!(!attack(test_sandbox, &["user-namespace"]));
    assert!(!attack(test_sandbox, &["mount-namespace"]));
    let work = test_sandbox.work_dir();
    assert!(!attack(test_sandbox, &["mount", work.to_str().expect("UTF-8")]));
    // The bounding set can be cleared by root and in a user namespace. Elsewhere, no program can
    // gain privileges anyway.
    let bounds =
        rustix::process::geteuid().is_root() || test_sandbox.sandbox.network() == Network::Filtered;
    let sets = if bounds { "Prm|Eff|Bnd|Amb" } else { "Prm|Eff|Amb" };
    let lines = format!("grep -E 'Cap({sets})|NoNewPrivs|Seccomp:' /proc/self/status");
    let status = said(test_sandbox, &lines);
    let values: BTreeSet<&str> =
        status.lines().filter_map(|line| line.split('\t').nth(1)).collect();
    assert_eq!(values, BTreeSet::from(["0000000000000000", "1", "2"]), "{status}");
    let ptrace = match std::env::consts::ARCH {
        "x86_64" => 101,
        _ => 117,
    };
    let traced = test_sandbox.run(&test_sandbox.job(&[
        "perl",
        "-e",
        &format!("exit(syscall({ptrace},0,0,0,0)+2)"),
    ]));
    if traced.exit_code == Some(127) {
        return Completion::ignored_with("perl is not here to try ptrace; the rest held");
    }
    assert_eq!(traced.exit_code, Some(1), "PTRACE_TRACEME worked: {traced:?}");
    Completion::Completed
}

fn other_processes(test_sandbox: &TestSandbox) -> Completion {
    let this = std::process::id();
    let seen =
        said(test_sandbox, &format!("kill -0 {this} 2>&1 && echo reached; kill -0 -1 && echo all"));
    assert!(!seen.contains("reached"), "{seen}");
    assert!(!attack(test_sandbox, &["limit", &this.to_string()]));
    let environment = said(test_sandbox, &format!("cat /proc/{this}/environ 2>/dev/null | wc -c"));
    assert_eq!(environment.trim(), "0");
    Completion::Completed
}

fn set_user_id(test_sandbox: &TestSandbox) -> Completion {
    let seen = said(
        test_sandbox,
        "exec 2>&1; touch f g; chmod 4755 f; chmod 2755 g; chmod 755 f && ls -l",
    );
    assert!(seen.matches("not permitted").count() == 2 && seen.contains("rwxr-xr-x"), "{seen}");
    Completion::Completed
}

fn made_set_user_id(test_sandbox: &TestSandbox) -> Completion {
    for how in ["open-user", "open-group", "folder", "node", "change-folder"] {
        let _ = remove_tree(&test_sandbox.work_dir().join("made"));
        let _ = std::fs::remove_file(test_sandbox.work_dir().join("made"));
        assert!(!attack(test_sandbox, &["set-id", how]), "{how}");
    }
    Completion::Completed
}

fn proxies(test_sandbox: &TestSandbox) -> Completion {
    let proxy = TcpListener::bind("127.0.0.1:0").expect("a listener");
    let address = proxy.local_addr().expect("an address").to_string();
    let url = format!("http://user:secret@{address}");
    let mut job = test_sandbox.job(&["env"]);
    for name in ["HTTPS_PROXY", "no_proxy", "SSL_CERT_FILE"] {
        job.env.insert(name.to_owned(), url.clone());
    }
    assert!(
        !test_sandbox.run(&job).output.contains("secret"),
        "a step without network knows the proxy"
    );
    let mut network_access = NetworkAccess::default();
    assert!(network_access.add(&url));
    job.network = Some(network_access.clone());
    assert!(test_sandbox.run(&job).output.contains("secret"));
    let job = Job { network: Some(network_access), ..test_sandbox.hostile(&["tcp", &address]) };
    assert_eq!(test_sandbox.run(&job).output.trim(), "done");
    Completion::Completed
}

fn certificates(test_sandbox: &TestSandbox) -> Completion {
    let bundle = test_sandbox.outside().join("real.pem");
    write(&bundle);
    let link = test_sandbox.outside().join("link.pem");
    let dir = test_sandbox.outside().join("certs");
    std::fs::create_dir(&dir).expect("a folder");
    std::os::unix::fs::symlink(&bundle, &link).expect("a link");
    std::os::unix::fs::symlink("../link.pem", dir.join("hash.0")).expect("a link in the folder");
    let read = |name: &str, path: &Path, script: &str| {
        let mut job = test_sandbox.shell(script);
        job.network = Some(NetworkAccess::default());
        job.env.insert(name.to_owned(), path.display().to_string());
        test_sandbox.run(&job).exit_code
    };
    assert_eq!(read("NODE_EXTRA_CA_CERTS", &link, "grep . \"$NODE_EXTRA_CA_CERTS\""), Some(0));
    assert_eq!(read("SSL_CERT_DIR", &dir, "grep . \"$SSL_CERT_DIR/hash.0\""), Some(0));
    assert_ne!(read("OTHER", &link, "grep . \"$OTHER\""), Some(0));
    Completion::Completed
}

fn folders_above(test_sandbox: &TestSandbox) -> Completion {
    if test_sandbox.sandbox.backend() == Backend::Landlock {
        return Completion::ignored_with("all that exists would be listed");
    }
    let listed =
        test_sandbox
            .run(&test_sandbox.shell(
                "d=$PWD; while ls \"$d\" && [ \"$d\" != / ]; do d=${d%/*}; d=${d:-/}; done",
            ));
    assert!(listed.succeeded() && listed.output.contains("proc"), "{listed:?}");
    Completion::Completed
}

fn names(test_sandbox: &TestSandbox) -> Completion {
    let mut job =
        test_sandbox.shell("cat /etc/resolv.conf /etc/hosts > copy; getent hosts localhost");
    job.network = Some(NetworkAccess::default());
    let report = test_sandbox.run(&job);
    assert!(report.succeeded(), "{report:?}");
    Completion::Completed
}

fn detect(host: &Host, prefer: Option<Backend>) -> Option<Backend> {
    let prefer = Preference { backend: prefer, limiter: None };
    block_on(Sandbox::detect(host, prefer)).map(|sandbox| sandbox.backend())
}

fn may_work(host: &Host, prefer: Option<Backend>) -> bool {
    block_on(Sandbox::may_work(host, Preference { backend: prefer, limiter: None }))
}

pub(crate) fn without_bwrap_the_kernels_own_means_are_chosen() {
    let host = Host { path: OsString::new(), ..host() };
    let check = block_on(Sandbox::check(&host));
    let [both, bubblewrap, landlock, _] = check.walls.as_slice() else { panic!("{check:?}") };
    for wall in [both, bubblewrap] {
        assert_eq!(wall.why_not.as_deref(), Some("bwrap is not on PATH"));
    }
    let expected = landlock.usable.then_some(Backend::Landlock);
    assert_eq!((check.chosen, detect(&host, None)), (expected, expected));
    assert_eq!(landlock.usable, landlock.landlock_abi.is_some_and(|abi| abi >= 6), "{landlock:?}");
    assert_eq!(may_work(&host, None), landlock.usable, "its only part is there");
    assert!(!may_work(&host, Some(Backend::Both)) && !may_work(&host, Some(Backend::Bubblewrap)));
}

pub(crate) fn a_preferred_backend_is_the_chosen_one_or_none() {
    let check = block_on(Sandbox::check(&host()));
    assert_eq!(detect(&host(), None), check.chosen);
    for backend in [Backend::Both, Backend::Bubblewrap, Backend::Landlock, Backend::Seatbelt] {
        let usable = check.walls.iter().any(|it| it.name == backend && it.usable);
        assert_eq!(detect(&host(), Some(backend)), usable.then_some(backend));
        assert!(may_work(&host(), Some(backend)) || !usable, "{backend:?} has its parts");
    }
}
