//! Which of the machine's files a job sees.

use std::{
    collections::BTreeSet,
    net::Ipv4Addr,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use url::{Host, Url};

use super::kernel;
use crate::{CERTIFICATE_VARIABLES, Job, PROXY_VARIABLES, program::SYSTEM_DIRS};

/// What programs read of `/etc`. Of `/etc/ssl` and `/etc/pki` the public parts only: the sandbox
/// of a root user could read the private keys beside them.
const SETTINGS: [&str; 19] = [
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",
    "/etc/alternatives",
    "/etc/debian_version",
    "/etc/localtime",
    "/etc/lsb-release",
    "/etc/mime.types",
    "/etc/os-release",
    "/etc/perl",
    "/etc/ssl/certs",
    "/etc/ssl/cert.pem",
    "/etc/ssl/openssl.cnf",
    "/etc/pki/tls/certs",
    "/etc/pki/tls/cert.pem",
    "/etc/pki/tls/openssl.cnf",
    "/etc/pki/ca-trust/extracted",
    "/etc/ca-certificates/extracted",
    "/etc/crypto-policies",
];

/// What helps to resolve names. Who is asked is one of [`Scratch::settings`].
const NETWORK_SETTINGS: [&str; 4] =
    ["/etc/host.conf", "/etc/gai.conf", "/etc/services", "/etc/protocols"];

/// The job's private folders, on the same disk as its work folder, so that what it writes counts
/// against its limit of disk and not of memory.
#[derive(Debug, Clone)]
pub(super) struct Scratch {
    pub(super) home: PathBuf,
    pub(super) tmp: PathBuf,
    /// Stands for `/dev/shm`.
    pub(super) shm: PathBuf,
    /// Settings that stand for the machine's own, see [`Scratch::settings`].
    pub(super) etc: PathBuf,
}

impl Scratch {
    pub(super) fn below(dir: &Path) -> Self {
        let [home, tmp, shm, etc] = ["home", "tmp", "shm", "etc"].map(|name| dir.join(name));
        Self { home, tmp, shm, etc }
    }

    pub(super) fn written(&self) -> [&PathBuf; 3] {
        [&self.home, &self.tmp, &self.shm]
    }

    /// Names and texts of the settings in [`Scratch::etc`]: one user, who is not the machine's, and a
    /// name server on loopback, where the supervisor answers.
    pub(super) fn settings(&self, user: u32) -> [(&'static str, String); 5] {
        let home = self.home.display();
        [
            ("passwd", format!("sandbox:x:{user}:{user}:sandbox:{home}:/bin/sh\n")),
            ("group", format!("sandbox:x:{user}:\n")),
            ("hosts", "127.0.0.1 localhost\n".to_owned()),
            ("nsswitch.conf", "passwd: files\ngroup: files\nhosts: files dns\n".to_owned()),
            ("resolv.conf", "nameserver 127.0.0.1\noptions timeout:10 attempts:2\n".to_owned()),
        ]
    }
}

/// Paths of the machine that a job sees beside [`SYSTEM_DIRS`]; all exist.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct View {
    /// Sorted, none below another.
    pub(super) read_only: Vec<PathBuf>,
    pub(super) read_write: Vec<PathBuf>,
    /// Files that are shown in place of others: the file, and where it is shown. None where the
    /// backend makes no mounts.
    pub(super) replaced: Vec<(PathBuf, PathBuf)>,
}

impl View {
    /// `mounts` says whether files can be shown in place of others.
    pub(super) fn of(job: &Job, scratch: &Scratch, mounts: bool) -> Self {
        let mut shown: BTreeSet<PathBuf> = SETTINGS.iter().map(PathBuf::from).collect();
        if job.network.is_some() {
            shown.extend(NETWORK_SETTINGS.iter().map(PathBuf::from));
            shown.extend(certificates(job));
            if !mounts {
                let own = ["/etc/resolv.conf", "/etc/hosts", "/etc/nsswitch.conf"];
                shown.extend(own.iter().map(PathBuf::from));
            }
        }
        shown.extend(job.read_only.iter().cloned());
        let mut read_write: Vec<_> = scratch.written().into_iter().cloned().collect();
        if job.writable {
            read_write.push(job.work_dir.clone());
        } else {
            shown.insert(job.work_dir.clone());
        }
        let names = scratch.settings(0).map(|(name, _)| name);
        let names =
            names.into_iter().filter(|name| job.network.is_some() || *name != "resolv.conf");
        let replaced = names.map(|name| (scratch.etc.join(name), Path::new("/etc").join(name)));
        let replaced = replaced.filter(|_| mounts).collect();
        Self { read_only: outermost(shown), read_write, replaced }
    }
}

/// Only what exists, and of nested folders the outer one; sorting puts it first.
fn outermost(paths: BTreeSet<PathBuf>) -> Vec<PathBuf> {
    let mut kept: Vec<PathBuf> = Vec::new();
    for path in paths.into_iter().filter(|path| path.is_absolute() && path.exists()) {
        let is_inside = |outer: &Path| path.starts_with(outer);
        let shown = kept.iter().any(|outer| is_inside(outer))
            || SYSTEM_DIRS.iter().any(|outer| is_inside(Path::new(outer)));
        if !shown {
            kept.push(path);
        }
    }
    kept
}

/// What the certificate variables name, and what links in a folder of certificates lead to.
fn certificates(job: &Job) -> BTreeSet<PathBuf> {
    let mut paths = BTreeSet::new();
    for value in CERTIFICATE_VARIABLES.iter().filter_map(|name| job.env.get(*name)) {
        for path in value.split(':').map(PathBuf::from).filter(|path| path.is_absolute()) {
            if path.is_dir() {
                let entries = kernel::names(&path).into_iter().map(|name| path.join(name));
                paths.extend(entries.filter_map(|entry| link_target(&entry)));
            }
            paths.extend(link_target(&path));
            paths.insert(path);
        }
    }
    paths
}

/// What a link leads to, one step, as an absolute path without `..`.
fn link_target(path: &Path) -> Option<PathBuf> {
    let target = path.parent()?.join(path.read_link().ok()?);
    let dir = target.parent()?.canonicalize().ok()?;
    Some(dir.join(target.file_name()?)).filter(|target| target.is_file())
}

/// The job's whole environment. `namespaces` says whether the job has a network of its own.
pub(super) fn environment(
    job: &Job,
    scratch: &Scratch,
    namespaces: bool,
) -> std::collections::BTreeMap<String, String> {
    let system = ["/usr/local/bin", "/usr/bin", "/bin", "/usr/local/sbin", "/usr/sbin", "/sbin"];
    let dirs = job.path_dirs.iter().map(|dir| dir.to_string_lossy().into_owned());
    let path: Vec<String> = dirs.chain(system.iter().map(|&dir| dir.to_owned())).collect();
    let mut env = job.env.clone();
    if job.network.is_none() {
        env.retain(|name, _| {
            let name = name.as_str();
            !PROXY_VARIABLES.contains(&name) && !CERTIFICATE_VARIABLES.contains(&name)
        });
    }
    for (name, url) in &mut env {
        if namespaces && PROXY_VARIABLES.contains(&name.as_str()) {
            *url = inside(url);
        }
    }
    let text = |path: &Path| path.to_string_lossy().into_owned();
    env.extend(
        [
            ("PATH", path.join(":")),
            ("HOME", text(&scratch.home)),
            ("TMPDIR", text(&scratch.tmp)),
            ("LANG", "C.UTF-8".to_owned()),
            ("CI", "1".to_owned()),
            ("NO_COLOR", "1".to_owned()),
            ("TERM", "dumb".to_owned()),
        ]
        .map(|(name, value)| (name.to_owned(), value)),
    );
    env
}

/// A proxy as the job reaches it: an address of the machine's network is one of the job's own
/// loopback interface, where the supervisor listens. A name stays, since it is resolved there too.
fn inside(url: &str) -> String {
    let moved = || {
        let mut parsed = Url::parse(url).ok()?;
        let is_address = matches!(parsed.host()?, Host::Ipv4(_) | Host::Ipv6(_));
        is_address.then_some(())?;
        parsed.set_ip_host(Ipv4Addr::LOCALHOST.into()).ok()?;
        Some(parsed.to_string())
    };
    moved().unwrap_or_else(|| url.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_by_address_is_reached_on_loopback() {
        for (url, expected) in [
            ("http://u:p@10.0.0.9:3128", "http://u:p@127.0.0.1:3128/"),
            ("http://[fd00::1]:8080/", "http://127.0.0.1:8080/"),
            ("http://proxy.example:3128", "http://proxy.example:3128"),
            ("localhost,.example", "localhost,.example"),
        ] {
            assert_eq!(inside(url), expected);
        }
    }

    #[test]
    fn a_folder_inside_a_shown_one_is_not_shown_twice() {
        let paths = ["/proc", "/proc/self", "/usr/bin", "/nothing/here", "relative"];
        let paths = paths.iter().map(PathBuf::from).collect();
        assert_eq!(outermost(paths), [PathBuf::from("/proc")]);
    }
}
