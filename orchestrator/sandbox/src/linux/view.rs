//! The files of the machine that a job sees.

use std::{
    collections::BTreeSet,
    net::Ipv4Addr,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use url::{Host, Url};

use super::kernel;
use crate::{
    CERTIFICATE_VARIABLES, Job, PROXY_VARIABLES, program::SYSTEM_DIRS, variables::variables,
};

/// The parts of `/etc` that programs read. Of `/etc/ssl` and `/etc/pki` only the public parts,
/// because a sandbox of root could read the private keys beside them.
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

/// Files that are needed to resolve names. The name server itself is set by [`Scratch::settings`].
const NETWORK_SETTINGS: [&str; 4] =
    ["/etc/host.conf", "/etc/gai.conf", "/etc/services", "/etc/protocols"];

/// The private folders of the job. They are on the same disk as its work folder, so that their
/// content counts against the limit of disk and not of memory.
#[derive(Debug, Clone)]
pub(super) struct Scratch {
    pub(super) home: PathBuf,
    pub(super) tmp: PathBuf,
    /// Replaces `/dev/shm`.
    pub(super) shm: PathBuf,
    /// Replaces settings of the machine, see [`Scratch::settings`].
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

    /// The names and texts of the settings in [`Scratch::etc`]: one user, who does not exist on the
    /// machine, and a name server on loopback, where the supervisor answers.
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

/// The paths of the machine that a job sees besides [`SYSTEM_DIRS`]. All of them exist.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct View {
    /// Sorted. None is below another one.
    pub(super) read_only: Vec<PathBuf>,
    pub(super) read_write: Vec<PathBuf>,
    /// Files that replace others: the file, and the path of the replaced one. Empty if the backend
    /// makes no mounts.
    pub(super) replaced: Vec<(PathBuf, PathBuf)>,
}

impl View {
    /// `mounts` says whether files can be replaced.
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

/// The paths that exist, and only the outer one of nested folders, which sorting puts first.
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

/// The files that the certificate variables name, and the targets of links in a folder of
/// certificates.
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

/// The direct target of a link, as an absolute path without `..`.
fn link_target(path: &Path) -> Option<PathBuf> {
    let target = path.parent()?.join(path.read_link().ok()?);
    let dir = target.parent()?.canonicalize().ok()?;
    Some(dir.join(target.file_name()?)).filter(|target| target.is_file())
}

/// All variables of the job. `namespaces` says whether the job has a network of its own.
pub(super) fn environment(
    job: &Job,
    scratch: &Scratch,
    namespaces: bool,
) -> std::collections::BTreeMap<String, String> {
    let mut env = variables(job, &scratch.home, &scratch.tmp);
    for (name, url) in &mut env {
        if namespaces && PROXY_VARIABLES.contains(&name.as_str()) {
            *url = inside(url);
        }
    }
    env
}

/// A proxy as the job reaches it: an address of the machine's network is replaced by one of the
/// job's own loopback interface, where the supervisor listens. A name stays, because it is resolved
/// in the same way.
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
