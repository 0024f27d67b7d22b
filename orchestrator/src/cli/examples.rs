//! Examples of every command, which stand at the end of its help text.

use std::fmt::Write as _;

use clap::CommandFactory as _;

use super::Cli;

/// Examples of one command: each a command line without the name of the program, and what it does.
type Examples = &'static [(&'static str, &'static str)];

/// Every command that can be called, in the order of the help text.
const EXAMPLES: &[(&str, Examples)] = &[
    (
        "",
        &[
            ("init", "make the current folder a root"),
            ("run --ecosystem npm --batch-size 5", "make recipes of five packages"),
            ("status", "see whether the pipeline is healthy"),
        ],
    ),
    ("init", &[("init", "in the current folder"), ("init pipeline", "in another one")]),
    (
        "import",
        &[
            ("import ../old --dry-run", "show what would be imported"),
            ("import ../old --root pipeline", "into a root, which is created if it is not there"),
        ],
    ),
    (
        "run",
        &[
            ("run", "the ecosystem whose turn it is"),
            ("run --ecosystem npm --batch-size 5", "five packages of one ecosystem"),
            ("run --package npm:prettier", "one package, now"),
        ],
    ),
    (
        "preflight",
        &[
            ("preflight --ecosystem npm --artifacts stages", "plan for this machine"),
            ("preflight --matrix --artifacts stages", "plan for one machine per environment"),
        ],
    ),
    (
        "generate",
        &[
            ("generate --artifacts stages", "after preflight"),
            ("generate --artifacts stages --generator tsuku", "by the package manager's program"),
        ],
    ),
    (
        "validate",
        &[
            (
                "validate --artifacts stages --environment linux-debian-glibc-x86_64",
                "in one environment",
            ),
            (
                "validate --artifacts stages --environment linux-alpine-musl-x86_64 --jobs 4",
                "four recipes at the same time",
            ),
        ],
    ),
    (
        "merge",
        &[
            ("merge --artifacts stages --local", "write the run into the root"),
            ("merge --artifacts stages --push --forge github", "push it, recipes by pull request"),
            ("merge --push --resume", "push what is kept"),
        ],
    ),
    (
        "matrix",
        &[
            ("matrix --artifacts stages --rung 1", "the cheapest environments"),
            ("matrix --artifacts stages --rung 2 --json", "as a CI job reads it"),
        ],
    ),
    (
        "rollback",
        &[
            ("rollback npm-2026-11-21T14-13-27Z --dry-run", "show what would be taken back"),
            ("rollback npm-2026-11-21T14-13-27Z --forge github", "by a pull request"),
        ],
    ),
    ("pr list", &[("pr list --forge github", "all open ones"), ("pr list --json", "for programs")]),
    (
        "pr update",
        &[
            ("pr update --forge github", "bring all up to date"),
            ("pr update --remote origin", "those of a repository of this machine"),
        ],
    ),
    (
        "pr merge",
        &[
            ("pr merge 7 --reason \"all checks are green\" --forge github", "merge it now"),
            ("pr merge 7 --reason \"looked at by hand\"", "one of a repository of this machine"),
        ],
    ),
    (
        "sweep",
        &[
            ("sweep --oldest 20", "verify again what was verified longest ago"),
            ("sweep --lost 20 --keep", "try again where recipes had failed"),
            (
                "sweep --environment linux-alpine-musl-x86_64 --since 7d",
                "test in one more environment what was merged lately",
            ),
        ],
    ),
    (
        "seed",
        &[
            ("seed npm --limit 300", "look at 300 packages"),
            ("seed --all --resume", "continue all lists where they ended"),
            ("seed pypi --dry-run", "write nothing"),
        ],
    ),
    ("seed status", &[("seed status", "age and cost"), ("seed status --json", "for programs")]),
    (
        "plan",
        &[
            ("plan", "what a run would do now"),
            ("plan --ecosystem npm --batch-size 50", "a larger batch of one ecosystem"),
            ("plan --slots 12", "whose turn the next twelve hours are"),
        ],
    ),
    (
        "simulate",
        &[
            ("simulate --hours 720", "a month of runs"),
            ("simulate --hours 168 --outage npm=2d", "a week in which a registry is down"),
        ],
    ),
    (
        "status",
        &[
            ("status", "health, queues, breakers and last runs"),
            ("status --exit-code --quiet", "for a monitor"),
        ],
    ),
    (
        "pause",
        &[
            ("pause --for 2h --reason \"registry maintenance\"", "everything, for two hours"),
            ("pause --ecosystem npm --reason incident", "one ecosystem, until it is resumed"),
            ("pause --reason incident --push", "in the shared repository"),
        ],
    ),
    (
        "resume",
        &[("resume", "everything"), ("resume --ecosystem npm", "what was paused by its name")],
    ),
    (
        "breaker status",
        &[("breaker status", "all of them"), ("breaker status --json", "for programs")],
    ),
    (
        "breaker open",
        &[
            ("breaker open npm --for 2h --reason \"answers are wrong\"", "for two hours"),
            ("breaker open npm --reason maintenance", "until the usual pause is over"),
        ],
    ),
    (
        "breaker close",
        &[
            ("breaker close npm --reason \"the registry is back\"", "attempt packages again"),
            ("breaker close go --reason test --json", "and print the breaker as JSON"),
        ],
    ),
    (
        "try",
        &[
            ("try npm:prettier", "make, install and verify"),
            ("try cargo:ripgrep --generate-only", "only make the recipe; needs no tool"),
        ],
    ),
    (
        "queue add",
        &[
            ("queue add npm:prettier --tier 1", "one package"),
            ("queue add --file list.txt", "a list, one package in each line"),
        ],
    ),
    (
        "queue list",
        &[
            ("queue list --ecosystem npm --status failed", "what failed"),
            ("queue list --due --limit 5", "what is attempted next"),
            ("queue list --reason name_taken", "what waits for a person for this reason"),
        ],
    ),
    (
        "queue retry",
        &[
            ("queue retry npm:prettier", "without its waiting time"),
            ("queue retry npm:eslint npm:prettier --dry-run", "show what would change"),
        ],
    ),
    (
        "queue exclude",
        &[
            ("queue exclude npm:left-pad --reason \"no command\"", "for good"),
            ("queue exclude npm:left-pad --reason x --dry-run", "show what would change"),
        ],
    ),
    (
        "queue unblock",
        &[
            ("queue unblock npm:prettier --reason \"it is the tool\"", "after a look at it"),
            ("queue unblock homebrew:wget --reason retry", "although recipes are missing"),
        ],
    ),
    (
        "queue set-tier",
        &[
            ("queue set-tier 1 npm:prettier", "as soon as possible"),
            ("queue set-tier 3 npm:eslint npm:prettier", "later"),
        ],
    ),
    (
        "queue reconcile",
        &[
            ("queue reconcile --dry-run", "show what would change"),
            ("queue reconcile", "bring the queues up to date with the recipes"),
        ],
    ),
    (
        "disambiguation add",
        &[
            (
                "disambiguation add redis --select homebrew:redis --instead-of rubygems:redis --reason \"it is the server\"",
                "take a tool from one package",
            ),
            (
                "disambiguation add redis --select homebrew:redis --reason test --dry-run",
                "show what would change",
            ),
        ],
    ),
    (
        "disambiguation list",
        &[("disambiguation list", "all decisions"), ("disambiguation list --json", "for programs")],
    ),
    (
        "disambiguation lint",
        &[
            ("disambiguation lint", "without a request"),
            ("disambiguation lint --json", "for programs"),
        ],
    ),
    (
        "disambiguation check",
        &[
            ("disambiguation check", "ask the registries"),
            ("disambiguation check --json", "for programs"),
        ],
    ),
    ("blockers", &[("blockers", "the most wanted first"), ("blockers --json", "for programs")]),
    ("limits", &[("limits", "of all hosts"), ("limits --json", "for programs")]),
    (
        "recipe check",
        &[
            ("recipe check recipes/p/prettier.toml", "one file"),
            ("recipe check --fix recipes/p/prettier.toml", "remove redundant fields first"),
            (
                "recipe check --format github recipes/p/prettier.toml",
                "show the problems beside the lines of a pull request",
            ),
        ],
    ),
    (
        "recipe matrix",
        &[
            ("recipe matrix recipes/p/prettier.toml", "where it is tested"),
            ("recipe matrix recipes/p/prettier.toml --json", "as a CI job reads it"),
        ],
    ),
    (
        "recipe test",
        &[
            ("recipe test recipes/p/prettier.toml", "here"),
            (
                "recipe test recipes/p/prettier.toml --environment linux-alpine-musl-x86_64",
                "in another environment",
            ),
        ],
    ),
    (
        "ecosystem list",
        &[("ecosystem list", "all of them"), ("ecosystem list --json", "for programs")],
    ),
    (
        "ecosystem show",
        &[
            ("ecosystem show npm", "hosts, limits, name rules and tool"),
            ("ecosystem show crates.io", "by another name"),
        ],
    ),
    (
        "ecosystem tools",
        &[
            ("ecosystem tools npm cargo", "whether this machine has their tools"),
            ("ecosystem tools all", "of every ecosystem"),
        ],
    ),
    (
        "ecosystem check",
        &[
            ("ecosystem check npm", "against the contract of plugins"),
            ("ecosystem check --all", "all plugins"),
        ],
    ),
    (
        "ecosystem new",
        &[
            ("ecosystem new zoo --host zoo.example --dry-run", "show what would be created"),
            ("ecosystem new zoo --host zoo.example", "create the crate"),
        ],
    ),
    (
        "explain",
        &[
            ("explain npm:prettier", "a package"),
            ("explain npm-2026-11-21T14-13-27Z", "a run"),
            ("explain npm-2026-11-21T14-13-27Z-prettier", "a failure"),
        ],
    ),
    (
        "failures list",
        &[
            ("failures list --since 24h", "of the last day"),
            ("failures list --category api_error --ecosystem npm", "of one kind"),
            ("failures list --json", "all, one on each line"),
        ],
    ),
    (
        "failures top",
        &[
            ("failures top", "what keeps most packages from a recipe"),
            ("failures top --ecosystem npm --since 7d", "of one ecosystem in a week"),
        ],
    ),
    (
        "failures show",
        &[
            ("failures show npm:prettier", "the newest one of a package"),
            ("failures show npm-2026-11-21T14-13-27Z-prettier", "one of them"),
        ],
    ),
    (
        "reclassify",
        &[
            ("reclassify --diff", "which records today's rules would change"),
            ("reclassify --since 7d --write", "change them"),
        ],
    ),
    (
        "archive",
        &[
            ("archive --dry-run", "show what would be moved"),
            ("archive --older-than 90d", "move what is older"),
        ],
    ),
    (
        "repro",
        &[
            ("repro npm-2026-11-21T14-13-27Z-prettier", "show how it was done"),
            ("repro npm-2026-11-21T14-13-27Z-prettier --run", "do it again"),
        ],
    ),
    (
        "runs list",
        &[
            ("runs list --limit 5", "the newest"),
            ("runs list --ecosystem npm --failed", "those in which something failed"),
        ],
    ),
    (
        "runs show",
        &[
            ("runs show npm-2026-11-21T14-13-27Z", "what was attempted"),
            ("runs show npm-2026-11-21T14-13-27Z --output", "with whole outputs"),
        ],
    ),
    (
        "fold",
        &[
            ("fold --artifacts stages", "what the stages add to the state"),
            ("fold --artifacts stages --json", "as one delta"),
        ],
    ),
    (
        "dashboard build",
        &[
            ("dashboard build", "into site/"),
            ("dashboard build --json", "and print what was written"),
        ],
    ),
    (
        "dashboard serve",
        &[("dashboard serve", "until Ctrl-C"), ("dashboard serve --port 8080", "at a port")],
    ),
    (
        "sandbox check",
        &[
            ("sandbox check", "which backends work here"),
            ("sandbox check --json", "with each single test"),
        ],
    ),
    (
        "schema",
        &[("schema", "write them"), ("schema --check", "fail if one differs from its type")],
    ),
    (
        "completions",
        &[
            (
                "completions bash > ~/.local/share/bash-completion/completions/tsuku-batch",
                "for bash",
            ),
            ("completions zsh > ~/.zfunc/_tsuku-batch", "for zsh, if fpath has ~/.zfunc"),
            ("completions fish > ~/.config/fish/completions/tsuku-batch.fish", "for fish"),
        ],
    ),
];

/// The command line with the examples.
pub(super) fn command() -> clap::Command {
    with_examples(Cli::command(), "")
}

fn with_examples(command: clap::Command, path: &str) -> clap::Command {
    let names: Vec<String> =
        command.get_subcommands().map(|sub| sub.get_name().to_owned()).collect();
    let command = names.iter().fold(command, |command, name| {
        let path = format!("{path} {name}");
        command.mut_subcommand(name, |sub| with_examples(sub, path.trim_start()))
    });
    let Some((_, examples)) = EXAMPLES.iter().find(|(of, _)| *of == path) else { return command };
    let mut text = "Examples:".to_owned();
    for (line, what) in *examples {
        // What follows a command is a comment of the shell, so that a line can be pasted as it is.
        let _ = write!(text, "\n  tsuku-batch {line}  # {what}");
    }
    if let Some(more) = command.get_after_help() {
        let _ = write!(text, "\n\n{more}");
    }
    command.after_help(text)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// The names of all commands that can be called.
    fn callable(command: &clap::Command, path: &str) -> Vec<String> {
        let mut names = vec![];
        for sub in command.get_subcommands().filter(|sub| sub.get_name() != "help") {
            let path = format!("{path} {}", sub.get_name()).trim_start().to_owned();
            names.extend(callable(sub, &path));
            if !sub.is_subcommand_required_set() {
                names.push(path);
            }
        }
        names
    }

    /// The words of a command line, of which some are in double quotation marks.
    fn words(line: &str) -> Vec<String> {
        let parts = line.split('"').enumerate();
        let words = parts.flat_map(|(i, part)| match i % 2 {
            0 => part.split_whitespace().map(str::to_owned).collect(),
            _ => vec![part.to_owned()],
        });
        words.collect()
    }

    #[test]
    fn every_command_has_examples() {
        let expected: BTreeSet<String> = callable(&command(), "").into_iter().collect();
        let found: BTreeSet<String> = EXAMPLES
            .iter()
            .map(|(path, _)| (*path).to_owned())
            .filter(|path| !path.is_empty())
            .collect();
        assert_eq!(found, expected);
        assert_eq!(EXAMPLES.len(), expected.len() + 1, "one is there twice");
        assert!(EXAMPLES.iter().all(|(_, examples)| (2..=3).contains(&examples.len())));
    }

    #[test]
    fn every_example_is_a_command_line_of_its_command() {
        for (path, examples) in EXAMPLES {
            for (line, _) in *examples {
                assert!(line.starts_with(path), "{line:?} is no example of {path}");
                let line = line.split(" > ").next().unwrap();
                let args = std::iter::once("tsuku-batch".to_owned()).chain(words(line));
                if let Err(error) = command().try_get_matches_from(args) {
                    panic!("{line}: {error}");
                }
            }
        }
    }

    #[test]
    fn help_shows_examples_and_the_options_of_every_command_last() {
        let mut command = command();
        command.build();
        for path in callable(&command, "") {
            let own = path.split(' ').fold(&command, |it, name| it.find_subcommand(name).unwrap());
            let text = own.clone().render_long_help().to_string();
            let line = |is_it: &dyn Fn(&str) -> bool| {
                text.lines().position(is_it).unwrap_or_else(|| panic!("{path}: {text}"))
            };
            let shared = line(&|line| line == "Options of every command:");
            assert!(shared < line(&|line| line == "Examples:"), "{path}");
            for arg in own.get_arguments().filter(|arg| !arg.is_hide_set()) {
                let Some(long) = arg.get_long() else { continue };
                let long = format!("--{long}");
                let defined = line(&|line| {
                    line.trim_start().starts_with('-')
                        && line.split([' ', ',']).any(|word| word.trim_end_matches("...") == long)
                });
                assert_eq!(arg.is_global_set(), shared < defined, "{long} of {path}");
            }
        }
    }
}
