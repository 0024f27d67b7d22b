//! Import paths: which part of a path may be a module, how the proxy encodes it, and the name of
//! the program that the go command builds from it.

/// How many modules are tried for one path; each costs a request, and real paths have fewer
/// elements.
const MAX_MODULES: usize = 8;
/// Hosts on which a module path has at least an owner and a repository.
const FORGES: &[&str] = &["github.com", "gitlab.com", "bitbucket.org", "codeberg.org"];

/// `path` in the encoding of the proxy, which is safe for file systems that ignore case.
pub(crate) fn escaped(path: &str) -> String {
    let spell = |c: char| {
        let mark = c.is_ascii_uppercase().then_some('!');
        mark.into_iter().chain([c.to_ascii_lowercase()])
    };
    path.chars().flat_map(spell).collect()
}

/// The modules that may contain the package `path`, the longest first, in the order of the go
/// command.
pub(crate) fn modules(path: &str) -> Vec<&str> {
    let ends = path.match_indices('/').map(|(at, _)| at).chain([path.len()]);
    let shortest = if forge(path).is_some() { 3 } else { 1 };
    let prefixes: Vec<&str> = ends.skip(shortest - 1).map(|end| &path[..end]).collect();
    prefixes.into_iter().rev().take(MAX_MODULES).collect()
}

/// The repository's web page, if the path itself names the repository.
pub(crate) fn repository(path: &str) -> Option<String> {
    forge(path)?;
    let elements: Vec<&str> = path.split('/').take(3).collect();
    (elements.len() == 3).then(|| format!("https://{}", elements.join("/")))
}

fn forge(path: &str) -> Option<&'static str> {
    let host = path.split('/').next();
    FORGES.iter().copied().find(|forge| host == Some(*forge))
}

/// The name that `go install` gives to the program of the package `path` (`exeFromImportPath` of
/// the go command): the last element, or the one before a major version.
pub(crate) fn command(path: &str) -> &str {
    let (before, last) = path.rsplit_once('/').unwrap_or(("", path));
    if before.is_empty() || !is_major(last) {
        return last;
    }
    before.rsplit('/').next().unwrap_or(before)
}

/// `v2` and above.
fn is_major(element: &str) -> bool {
    let digits = element.strip_prefix('v').unwrap_or_default();
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_number && !digits.starts_with('0') && digits != "1"
}

/// `module` without its major version, and that version: 1 if the path names none. `None` if other
/// major versions of this module are not written as `/vN`.
pub(crate) fn major(module: &str) -> Option<(&str, u64)> {
    if module.starts_with("gopkg.in/") {
        return None;
    }
    match module.rsplit_once('/') {
        Some((base, last)) if is_major(last) => Some((base, last[1..].parse().ok()?)),
        Some(_) | None => Some((module, 1)),
    }
}

/// The module whose versions the package manager requests if a recipe for `package` names none:
/// owner and repository on github.com; elsewhere the part before `/cmd/`, otherwise the whole path.
pub(crate) fn inferred_module(package: &str) -> &str {
    if package.starts_with("github.com/") {
        let end = package.match_indices('/').nth(2).map_or(package.len(), |(at, _)| at);
        return &package[..end];
    }
    package.split_once("/cmd/").map_or(package, |(module, _)| module)
}

/// The package in folder `dir` of `module`.
pub(crate) fn package(module: &str, dir: &str) -> String {
    if dir.is_empty() { module.to_owned() } else { format!("{module}/{dir}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn capitals_are_spelled_as_the_proxy_does() {
        assert_eq!(escaped("github.com/BurntSushi/toml"), "github.com/!burnt!sushi/toml");
        assert_eq!(escaped("v1.0.0-RC1"), "v1.0.0-!r!c1");
        assert_eq!(escaped("golang.org/x/tools"), "golang.org/x/tools");
    }

    #[test]
    fn the_longest_module_is_asked_for_first() {
        let check = |path, expected: &[&str]| assert_eq!(modules(path), expected, "{path}");
        check("github.com/a/b", &["github.com/a/b"]);
        check(
            "github.com/a/b/cmd/c",
            &["github.com/a/b/cmd/c", "github.com/a/b/cmd", "github.com/a/b"],
        );
        check("x.org/t/c", &["x.org/t/c", "x.org/t", "x.org"]);
        check("github.com/a", &[]);
        assert_eq!(modules(&format!("x.org{}", "/a".repeat(50))).len(), MAX_MODULES);
    }

    #[test]
    fn a_program_has_the_name_of_its_folder_unless_that_is_a_major_version() {
        for (path, name) in [
            ("golang.org/x/tools/cmd/goimports", "goimports"),
            ("github.com/mikefarah/yq/v4", "yq"),
            ("mvdan.cc/sh/v3/cmd/shfmt", "shfmt"),
            ("github.com/a/b/v1x", "v1x"),
            ("github.com/a/v1", "v1"),
            ("gopkg.in/x.v1", "x.v1"),
            ("rsc.io/2fa", "2fa"),
            ("v2", "v2"),
        ] {
            assert_eq!(command(path), name, "{path}");
        }
    }

    #[test]
    fn only_known_forges_have_a_page_for_a_repository() {
        assert_eq!(repository("github.com/a/b/v2/c").unwrap(), "https://github.com/a/b");
        assert_eq!(repository("golang.org/x/tools"), None);
        assert_eq!(repository("github.com/a"), None);
        assert_eq!(repository("github.company.example/a/b"), None);
    }
}
