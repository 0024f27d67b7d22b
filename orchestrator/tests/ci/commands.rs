//! Which commands run code of packages, or of somebody who opens a pull request.
//!
//! Decided from the command, so that a new workflow is covered too. What is not known to be harmless is not.

/// The commands of the program that run no code of packages.
const HARMLESS: &[&str] = &[
    "archive",
    "breaker close",
    "breaker open",
    "breaker status",
    "dashboard build",
    "doctor",
    "ecosystem matrix",
    "ecosystem tools",
    "matrix",
    "merge",
    "pause",
    "preflight",
    "queue retry",
    "recipe check",
    "recipe matrix",
    "resume",
    "rollback",
    "sandbox check",
    "seed",
    "status",
];

/// Other commands that run nothing of packages: they copy, check, install what Debian or this checkout
/// has, and compile it.
const OTHERS: &[&str] = &[
    "$GITHUB_ACTION_PATH/.github/actions/setup/fetch",
    "$GITHUB_ACTION_PATH/fetch",
    "./tsuku-batch-$TARGET",
    "apparmor_parser",
    "apt-get",
    "brew install",
    "cargo build",
    "cargo install",
    "chmod",
    "cp",
    "gh",
    "go build",
    "install",
    "rustup",
    "shasum",
    "test",
];

/// The program.
const PROGRAM: &str = "tsuku-batch";

/// Whether `run`, the text of a step, starts the program.
pub(crate) fn starts_program(run: &str) -> bool {
    parts(run).iter().any(|words| words[0] == PROGRAM)
}

/// The first command of `run` that may run code of packages.
pub(crate) fn foreign(run: &str) -> Option<String> {
    parts(run).into_iter().find_map(|words| {
        let name = name(&words);
        let known = if words[0] == PROGRAM { HARMLESS } else { OTHERS };
        (!known.contains(&&*name)).then_some(name)
    })
}

/// Each simple command in `run`, without what stands before it.
fn parts(run: &str) -> Vec<Vec<String>> {
    let operators = ["&&", "||", ";", "|", "$(", "`", "\n", "&", "(", ")"];
    let mut text = run.replace("\\\n", " ");
    for operator in operators {
        text = text.replace(operator, "\0");
    }
    let words = |part: &str| -> Vec<String> {
        let words = part.split_whitespace().map(|word| word.replace(['"', '\''], ""));
        let is_before = |word: &String| {
            let is_assignment = word.split('=').next().is_some_and(|name| {
                word.contains('=') && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
            });
            is_assignment || ["sudo", "env", "exec", "time", "if", "then", "!"].contains(&&**word)
        };
        words.skip_while(is_before).collect()
    };
    text.split('\0').map(words).filter(|words| !words.is_empty()).collect()
}

/// The name of the command of `words`: program and subcommands, without options.
fn name(words: &[String]) -> String {
    let is_ours = words[0] == PROGRAM;
    let mut rest = words[1..].iter().filter(|word| !word.starts_with('-'));
    let sub = rest.next().cloned().unwrap_or_default();
    if !is_ours {
        let whole = format!("{} {sub}", words[0]);
        return if OTHERS.contains(&&*whole) { whole } else { words[0].clone() };
    }
    let whole = format!("{sub} {}", rest.next().map_or("", String::as_str));
    if HARMLESS.contains(&&*whole) { whole } else { sub }
}

#[test]
fn a_command_that_is_not_known_may_run_anything() {
    for (run, expected) in [
        ("tsuku-batch validate --environment x", Some("validate")),
        ("sudo FOO=1 tsuku-batch --root=x sweep", Some("sweep")),
        ("tsuku-batch recipe check --changed-since HEAD^1", None),
        ("tsuku-batch recipe test --changed-since HEAD^1", Some("recipe")),
        ("tsuku-batch -vv merge --push && tsuku-batch run", Some("run")),
        ("echo $(tsuku-batch try npm:x)", Some("echo")),
        ("tsuku-batch something-new", Some("something-new")),
        ("tsuku-batch \"$COMMAND\"", Some("$COMMAND")),
        ("cargo install --path orchestrator", None),
        ("cargo test", Some("cargo")),
        (".ci/run", Some(".ci/run")),
        ("sudo apt-get install -y bubblewrap", None),
        ("npm install", Some("npm")),
        ("chmod +x x\nbash x", Some("bash")),
    ] {
        assert_eq!(foreign(run).as_deref(), expected, "{run}");
    }
}
