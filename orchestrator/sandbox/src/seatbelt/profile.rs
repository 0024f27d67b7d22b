//! The profile and the command line of `sandbox-exec`. Everything here is pure.
//!
//! A profile is a list of rules, of which the last one that fits decides. Everything is refused that no
//! rule allows.

use std::{collections::BTreeSet, path::Path};

use crate::{CERTIFICATE_VARIABLES, Job};

/// Folders and files of the system that every job can read and start programs from.
const SYSTEM: [&str; 9] = [
    "/Library/Apple",
    "/Library/Developer/CommandLineTools",
    "/System",
    "/bin",
    "/private/var/db/dyld",
    "/private/var/db/timezone",
    "/private/var/select",
    "/sbin",
    "/usr",
];

/// Links of the system that lead to folders of `/private`.
const LINKS: [&str; 3] = ["/etc", "/tmp", "/var"];

/// Files that a step with network reads.
const NETWORK_FILES: [&str; 4] =
    ["/private/etc/hosts", "/private/etc/resolv.conf", "/private/etc/services", "/private/etc/ssl"];

/// Services of the system that a step with network asks: for the settings of the network, and for
/// certificates.
const NETWORK_SERVICES: [&str; 4] = [
    "com.apple.SecurityServer",
    "com.apple.SystemConfiguration.configd",
    "com.apple.trustd",
    "com.apple.trustd.agent",
];

/// The folders of one job, as real paths.
#[derive(Debug, Clone, Copy)]
pub(super) struct Folders<'a> {
    pub(super) home: &'a Path,
    pub(super) tmp: &'a Path,
}

/// The profile for `job`. The error says why there can be none.
pub(super) fn profile(job: &Job, folders: Folders<'_>) -> Result<String, String> {
    let work_dir = text(&job.work_dir)?;
    let mut read: BTreeSet<&str> = SYSTEM.into();
    for path in &job.read_only {
        read.insert(text(path)?);
    }
    let mut written = vec![text(folders.home)?, text(folders.tmp)?];
    if job.writable {
        written.push(work_dir);
    } else {
        read.insert(work_dir);
    }
    if job.network.is_some() {
        read.extend(NETWORK_FILES);
        let files = CERTIFICATE_VARIABLES.iter().filter_map(|name| job.env.get(*name));
        for file in files.flat_map(|value| value.split(':')).filter(|file| file.starts_with('/')) {
            read.insert(text(Path::new(file))?);
        }
    }
    let above: BTreeSet<&str> =
        read.iter().chain(&written).flat_map(|path| parents(path)).chain(LINKS).collect();
    let mut rules = vec![
        "(version 1)".to_owned(),
        "(deny default)".to_owned(),
        "(allow process-fork)".to_owned(),
        "(allow process-info* (target self))".to_owned(),
        "(allow signal (target same-sandbox))".to_owned(),
        "(allow sysctl-read)".to_owned(),
        services(&["com.apple.system.opendirectoryd.libinfo"]),
        format!("(allow file-read-metadata {})", literals(above.iter().copied())),
        "(allow file-read* (literal \"/\"))".to_owned(),
        format!(
            "(allow file-read* file-write-data {})",
            literals(["/dev/null", "/dev/zero", "/dev/dtracehelper"])
        ),
        format!("(allow file-read* {})", literals(["/dev/random", "/dev/urandom"])),
        format!("(allow file-read* file-map-executable process-exec {})", below(read)),
        format!("(allow file* process-exec {})", below(written)),
    ];
    if let Some(network) = &job.network {
        let ports = network.ports_unjudged();
        let ports: Vec<String> =
            ports.iter().map(|port| format!("(remote tcp \"*:{port}\")")).collect();
        rules.extend([
            "(allow system-socket)".to_owned(),
            format!("(allow network-outbound {})", ports.join(" ")),
            "(allow network-outbound (literal \"/private/var/run/mDNSResponder\"))".to_owned(),
            services(&NETWORK_SERVICES),
        ]);
    }
    rules.push("(deny file-write-setugid)".to_owned());
    Ok(rules.join("\n") + "\n")
}

/// The command line that runs `job` under `profile`. The shell in between sets the limits of core files and
/// of single files, which have no flags.
pub(super) fn argv(program: &Path, profile: &str, job: &Job) -> Vec<String> {
    const BLOCK: u64 = 512;
    let blocks = job.limits.disk_bytes / BLOCK;
    let script = format!("ulimit -c 0 && ulimit -f {blocks} && exec \"$@\"");
    let program = program.to_string_lossy().into_owned();
    let start = [&*program, "-p", profile, "/bin/sh", "-c", &script, "sh"].map(str::to_owned);
    start.into_iter().chain(job.argv.iter().cloned()).collect()
}

fn services(names: &[&str]) -> String {
    let names: Vec<String> = names.iter().map(|name| format!("(global-name \"{name}\")")).collect();
    format!("(allow mach-lookup {})", names.join(" "))
}

fn literals<'a>(paths: impl IntoIterator<Item = &'a str>) -> String {
    filters("literal", paths)
}

fn below<'a>(paths: impl IntoIterator<Item = &'a str>) -> String {
    filters("subpath", paths)
}

fn filters<'a>(kind: &str, paths: impl IntoIterator<Item = &'a str>) -> String {
    let escaped = |path: &str| path.replace('\\', "\\\\").replace('"', "\\\"");
    let filters = paths.into_iter().map(|path| format!("({kind} \"{}\")", escaped(path)));
    filters.collect::<Vec<_>>().join(" ")
}

/// The folders above `path`, without the root.
fn parents(path: &str) -> impl Iterator<Item = &str> {
    path.match_indices('/').skip(1).map(|(at, _)| &path[..at])
}

/// An absolute path as a text of the profile.
fn text(path: &Path) -> Result<&str, String> {
    let is_plain = |text: &&str| text.starts_with('/') && !text.contains(char::is_control);
    let text = path.to_str().filter(is_plain);
    text.ok_or_else(|| format!("no profile can name the path {}", path.display()))
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::{Limits, NetworkAccess};

    fn job() -> Job {
        Job {
            argv: ["npm", "install", "a b"].map(str::to_owned).to_vec(),
            env: [("SSL_CERT_FILE".to_owned(), "/opt/own.pem".to_owned())].into(),
            work_dir: PathBuf::from("/private/w/job"),
            writable: true,
            network: None,
            read_only: vec![PathBuf::from("/opt/tool")],
            path_dirs: vec![],
            separate_stdout: false,
            limits: Limits::default(),
        }
    }

    fn rules(job: &Job) -> Vec<String> {
        let (home, tmp) = (Path::new("/private/w/s/home"), Path::new("/private/w/s/tmp"));
        let text = profile(job, Folders { home, tmp }).unwrap();
        text.lines().map(str::to_owned).collect()
    }

    /// The only rule that begins with `start`.
    #[track_caller]
    fn rule(rules: &[String], start: &str) -> String {
        let found: Vec<&String> = rules.iter().filter(|rule| rule.starts_with(start)).collect();
        assert_eq!(found.len(), 1, "{start}: {found:?}");
        found[0].clone()
    }

    #[test]
    fn everything_is_refused_first_and_set_user_id_files_last() {
        let rules = rules(&job());
        assert_eq!(rules[..2], ["(version 1)", "(deny default)"]);
        assert_eq!(rules.last().unwrap(), "(deny file-write-setugid)");
        assert!(!rules.iter().any(|rule| rule.contains("(allow default)")));
    }

    #[test]
    fn a_job_writes_in_its_own_folders_only() {
        let job = job();
        let own = "(subpath \"/private/w/s/home\") (subpath \"/private/w/s/tmp\")";
        let written = rule(&rules(&job), "(allow file* ");
        assert_eq!(
            written,
            format!("(allow file* process-exec {own} (subpath \"/private/w/job\"))")
        );
        let read_only = rules(&Job { writable: false, ..job });
        assert_eq!(rule(&read_only, "(allow file* "), format!("(allow file* process-exec {own})"));
        let read = rule(&read_only, "(allow file-read* file-map-executable");
        for shown in ["/private/w/job", "/opt/tool", "/usr", "/System"] {
            assert!(read.contains(&format!("(subpath \"{shown}\")")), "{read}");
        }
        for hidden in ["/Users", "\"/\"", "/private/etc", "/private/var\"", "/opt\""] {
            assert!(!read.contains(hidden), "{read}");
        }
        let names = rule(&read_only, "(allow file-read-metadata");
        for above in ["/opt", "/private", "/private/w", "/etc"] {
            assert!(names.contains(&format!("(literal \"{above}\")")), "{names}");
        }
    }

    #[test]
    fn only_a_step_with_network_has_one() {
        let without = rules(&job());
        assert!(!without.iter().any(|rule| rule.contains("network") || rule.contains("socket")));
        assert!(!without.iter().any(|rule| rule.contains("own.pem")), "{without:#?}");
        let mut network = NetworkAccess::default();
        assert!(network.add("http://127.0.0.1:4873"));
        let with = rules(&Job { network: Some(network), ..job() });
        let reached = with.iter().find(|rule| rule.contains("remote")).unwrap();
        assert_eq!(
            reached,
            "(allow network-outbound (remote tcp \"*:443\") (remote tcp \"*:4873\"))"
        );
        let read = rule(&with, "(allow file-read* file-map-executable");
        assert!(read.contains("(subpath \"/opt/own.pem\")"), "{read}");
        assert!(!with.iter().any(|rule| rule.contains("network-inbound")));
    }

    #[test]
    fn a_path_cannot_add_a_rule() {
        let odd = PathBuf::from("/a\") (allow default) (\"\\");
        let rules = rules(&Job { read_only: vec![odd], ..job() });
        let read = rule(&rules, "(allow file-read* file-map-executable");
        assert!(read.contains(r#"(subpath "/a\") (allow default) (\"\\")"#), "{read}");
        let (home, tmp) = (Path::new("/h"), Path::new("/t"));
        for path in ["/a\nb", "relative"] {
            let job = Job { read_only: vec![PathBuf::from(path)], ..job() };
            assert!(profile(&job, Folders { home, tmp }).is_err(), "{path}");
        }
    }

    #[test]
    fn the_program_is_started_with_its_own_arguments() {
        let argv = argv(Path::new("/usr/bin/sandbox-exec"), "(version 1)", &job());
        assert_eq!(argv[..5], ["/usr/bin/sandbox-exec", "-p", "(version 1)", "/bin/sh", "-c"]);
        assert_eq!(argv[5], "ulimit -c 0 && ulimit -f 8388608 && exec \"$@\"");
        assert_eq!(argv[6..], ["sh", "npm", "install", "a b"]);
    }
}
