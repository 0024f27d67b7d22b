//! The variables of a job.

use std::{collections::BTreeMap, path::Path};

use crate::{CERTIFICATE_VARIABLES, Job, PROXY_VARIABLES};

/// The folders of programs in every system.
const SYSTEM_PATH: [&str; 6] =
    ["/usr/local/bin", "/usr/bin", "/bin", "/usr/local/sbin", "/usr/sbin", "/sbin"];

/// All variables of `job`: its own, without proxies and certificates if it has no network, and those
/// that the sandbox sets, which have priority.
pub(crate) fn variables(job: &Job, home: &Path, tmp: &Path) -> BTreeMap<String, String> {
    let dirs = job.path_dirs.iter().map(|dir| dir.to_string_lossy().into_owned());
    let path: Vec<String> = dirs.chain(SYSTEM_PATH.map(str::to_owned)).collect();
    let mut variables = job.env.clone();
    if job.network.is_none() {
        variables.retain(|name, _| {
            let name = name.as_str();
            !PROXY_VARIABLES.contains(&name) && !CERTIFICATE_VARIABLES.contains(&name)
        });
    }
    let text = |path: &Path| path.to_string_lossy().into_owned();
    variables.extend(
        [
            ("PATH", path.join(":")),
            ("HOME", text(home)),
            ("TMPDIR", text(tmp)),
            ("LANG", "C.UTF-8".to_owned()),
            ("CI", "1".to_owned()),
            ("NO_COLOR", "1".to_owned()),
            ("TERM", "dumb".to_owned()),
        ]
        .map(|(name, value)| (name.to_owned(), value)),
    );
    variables
}
