//! Later major versions of a module: each is a separate module, and no link leads to it from the
//! path of an earlier one.

use batch_core::{
    decide::recipe::one_line,
    io::Http,
    plugin::{SourceError, SourceErrorKind},
};

use crate::{
    facts::Module,
    paths,
    registry::{is_withheld, list},
    versions::{Version, VersionKind},
};

/// Each attempt costs a request; with this many, the highest of some thousands of major versions is
/// found.
const MAX_REQUESTS: usize = 24;

/// The path and the newest release of the highest major version after that of `module`, whose
/// versions are `listed`; `None` if `module` has the highest one. For most modules one request
/// shows that there is no later one.
pub(crate) async fn later(
    http: &dyn Http,
    module: &str,
    listed: &[Version],
) -> Result<Option<(String, Version)>, SourceError> {
    let Some((base, own)) = paths::major(module) else { return Ok(None) };
    // Versions from the time before modules have major versions that their path does not name.
    let highest = listed.iter().map(Version::major).max().unwrap_or(own).max(own);
    let mut found = None;
    if own < highest {
        found = release(http, base, highest).await?;
    }
    // A binary search: first in growing steps, as long as such modules exist, then in shrinking
    // steps.
    let (mut last, mut step, mut is_growing) = (highest, 1, true);
    for _ in 0..MAX_REQUESTS {
        if step == 0 {
            break;
        }
        let next = last.saturating_add(step);
        if let Some(release) = release(http, base, next).await? {
            (found, last) = (Some(release), next);
            step = if is_growing { step * 2 } else { step / 2 };
        } else {
            (step, is_growing) = (step / 2, false);
        }
    }
    Ok(found)
}

/// The path and the newest release of the major version `major`.
async fn release(
    http: &dyn Http,
    base: &str,
    major: u64,
) -> Result<Option<(String, Version)>, SourceError> {
    let path = format!("{base}/v{major}");
    let listed = match list(http, &path).await {
        Err(error) if is_withheld(&error) => return Ok(None),
        listed => listed?,
    };
    let is_release = |it: &Version| it.kind() == VersionKind::Release && it.major() == major;
    let newest = listed.unwrap_or_default().into_iter().filter(is_release).max();
    Ok(newest.map(|version| (path, version)))
}

/// `error` about a file of `module`. If the proxy withholds the file, the path that the module
/// declares for itself is added if it differs.
pub(crate) fn declared(error: SourceError, module: &Module) -> SourceError {
    let declared = &module.go_mod.module;
    if declared.is_empty() || *declared == module.path {
        return error;
    }
    with_advice(error, format!("its go.mod declares its path as {}", one_line(declared)))
}

/// `error` about a `module` that the proxy withholds, with another place where it may be.
pub(crate) async fn advised(
    http: &dyn Http,
    module: &str,
    error: SourceError,
) -> Result<SourceError, SourceError> {
    let later = later(http, module, &[]).await?;
    let advice = match (later, paths::major(module)) {
        (Some((path, version)), _) => format!("{path} is served, now {}", version.as_str()),
        (None, Some((base, major))) => format!(
            "try the path that its go.mod declares, or that of a later major version, such as \
             {base}/v{}",
            major.saturating_add(1)
        ),
        (None, None) => "try the path that its go.mod declares".to_owned(),
    };
    Ok(with_advice(error, advice))
}

/// `error` with `advice`, if it is about a withheld module and has no advice yet.
fn with_advice(mut error: SourceError, advice: String) -> SourceError {
    if let SourceErrorKind::Withheld(withheld) = &mut error.kind
        && withheld.advice.is_empty()
    {
        withheld.advice = advice;
    }
    error
}
