//! The rules for names of modules and packages: import paths as `golang.org/x/mod/module` checks
//! them. Case is kept; the builder encodes it for the proxy.

use batch_core::{
    model::{InvalidId, PackageName},
    plugin::{Names, Spelling, is_windows_device},
};

use crate::Go;

const SPELLING: Spelling = Spelling {
    what: "import path",
    longest: 255,
    punctuation: "-._~/",
    begins: ("it does not begin with a domain", |c| c.is_ascii_lowercase() || c.is_ascii_digit()),
    ends: ("it ends with a slash or a dot", |c| !"/.".contains(c)),
};

impl Names for Go {
    fn normalise(&self, spelling: &str) -> Result<PackageName, InvalidId> {
        let path = SPELLING.read(spelling)?;
        let refuse = |why| Err(SPELLING.refuse(spelling, why));
        let elements: Vec<&str> = spelling.split('/').collect();
        if !is_domain(elements[0]) {
            return refuse("it does not begin with a domain");
        }
        if !elements.iter().all(|element| is_element(element)) {
            return refuse("one of its elements is not possible as a folder name on every system");
        }
        if elements.last().is_some_and(|last| is_bad_major(last)) {
            return refuse("it ends with a major version that no module has");
        }
        let has_version = |element: &&str| {
            element.rsplit_once(".v").is_some_and(|(_, version)| is_number(version))
        };
        if elements[0] == "gopkg.in" && !elements.iter().any(has_version) {
            return refuse("a path at gopkg.in names its version");
        }
        Ok(path)
    }

    fn web_page(&self, name: &PackageName) -> Option<String> {
        Some(format!("https://pkg.go.dev/{name}"))
    }
}

fn is_domain(element: &str) -> bool {
    let may_stand = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-.".contains(c);
    element.contains('.') && element.chars().all(may_stand)
}

fn is_element(element: &str) -> bool {
    let stem = element.split('.').next().unwrap_or_default();
    // Short names of Windows, such as PROGRA~1.
    let is_short_name = stem.rsplit_once('~').is_some_and(|(_, tail)| is_digits(tail));
    !element.is_empty()
        && !element.starts_with('.')
        && !element.ends_with('.')
        && !is_windows_device(stem)
        && !is_short_name
}

/// Whether the element is `v0`, `v1` or one like `v02`: such versions have no element in a path.
fn is_bad_major(element: &str) -> bool {
    let digits = element.strip_prefix('v').filter(|digits| is_digits(digits));
    digits.is_some_and(|digits| digits == "1" || digits.starts_with('0'))
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_number(text: &str) -> bool {
    is_digits(text) && (text == "0" || !text.starts_with('0'))
}

#[cfg(test)]
mod tests {
    use batch_conformance::tables::{all_spell, none_spell};

    use super::*;

    #[test]
    fn names_are_spelled_as_the_registry_does() {
        let cases = [
            ("github.com/cli/cli/v2", "github.com/cli/cli/v2"),
            ("golang.org/x/tools/cmd/goimports", "golang.org/x/tools/cmd/goimports"),
            ("github.com/Azure/azure-sdk-for-go", "github.com/Azure/azure-sdk-for-go"),
            ("gopkg.in/yaml.v3", "gopkg.in/yaml.v3"),
            ("gopkg.in/x.v1/cmd/y", "gopkg.in/x.v1/cmd/y"),
            ("k8s.io/kubectl", "k8s.io/kubectl"),
            ("mvdan.cc/sh/v3/cmd/shfmt", "mvdan.cc/sh/v3/cmd/shfmt"),
            ("go.uber.org/mock/mockgen", "go.uber.org/mock/mockgen"),
            ("github.com/a/b_c", "github.com/a/b_c"),
            ("git.sr.ht/~x/y", "git.sr.ht/~x/y"),
            ("github.com/a/b.c", "github.com/a/b.c"),
            ("x.y/v10", "x.y/v10"),
            ("github.com/a/v1x", "github.com/a/v1x"),
        ];
        all_spell(&Go, &cases);
    }

    #[test]
    fn names_that_the_registry_cannot_hold_are_refused() {
        let none = [
            "fmt",
            "net/http",
            "GitHub.com/a/b",
            "-x.com/a",
            "https://github.com/a/b",
            "github.com/a/b@v1.0.0",
            "github.com/a/b@latest",
            "github.com//b",
            "github.com/a/",
            "github.com/.a/b",
            "github.com/a./b",
            "github.com/a/../b",
            "github.com/a/con",
            "github.com/a/NUL.txt",
            "github.com/a/b~1",
            "github.com/a/v1",
            "github.com/a/v0",
            "github.com/a/v02",
            "gopkg.in/yaml",
            "github.com/a+b/c",
            &format!("x.y/{}", "a".repeat(300)),
        ];
        none_spell(&Go, &none);
    }
}
