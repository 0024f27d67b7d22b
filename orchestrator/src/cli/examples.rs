//! Examples of every command, which stand at the end of its help text.

use std::{collections::HashMap, fmt::Write as _};

use clap::CommandFactory as _;

use super::Cli;

/// The examples: after each command in brackets some command lines without the name of the program, and
/// what they do.
const EXAMPLES: &str = include_str!("examples.txt");

/// The name of each command, and its examples.
fn examples() -> impl Iterator<Item = (&'static str, Vec<&'static str>)> {
    EXAMPLES.split("\n[").skip(1).filter_map(|part| {
        let (name, lines) = part.split_once("]\n")?;
        Some((name, lines.lines().filter(|line| !line.is_empty()).collect()))
    })
}

/// The command line with the examples.
pub(super) fn command() -> clap::Command {
    with_examples(Cli::command(), "", &examples().collect())
}

fn with_examples(
    command: clap::Command,
    path: &str,
    examples: &HashMap<&str, Vec<&str>>,
) -> clap::Command {
    let names: Vec<String> =
        command.get_subcommands().map(|sub| sub.get_name().to_owned()).collect();
    let command = names.iter().fold(command, |command, name| {
        let path = format!("{path} {name}");
        command.mut_subcommand(name, |sub| with_examples(sub, path.trim_start(), examples))
    });
    let Some(examples) = examples.get(path) else { return command };
    let mut text = "Examples:".to_owned();
    for line in examples {
        // What follows a command is a comment of the shell, so that a line can be pasted as it is.
        let _ = write!(text, "\n  tsuku-batch {line}");
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

    #[test]
    fn every_command_has_examples() {
        let expected: BTreeSet<String> = callable(&command(), "").into_iter().collect();
        let names: Vec<&str> = examples().map(|(name, _)| name).collect();
        let found = names.iter().filter(|name| !name.is_empty()).map(|&name| name.to_owned());
        assert_eq!(found.collect::<BTreeSet<_>>(), expected);
        assert_eq!(names.len(), expected.len() + 1, "one is there twice");
        for (name, examples) in examples() {
            assert!((2..=3).contains(&examples.len()), "{name}: {examples:?}");
            assert!(
                examples.iter().all(|line| line.contains("  # ")),
                "{name} says not what it does"
            );
        }
    }

    #[test]
    fn every_example_is_a_command_line_of_its_command() {
        for (name, examples) in examples() {
            for line in examples {
                assert!(line.starts_with(name), "{line:?} is no example of {name}");
                let line = line.split(" # ").next().and_then(|it| it.split(" > ").next()).unwrap();
                let args =
                    std::iter::once("tsuku-batch".to_owned()).chain(shlex::split(line).unwrap());
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
            let line = |what: &str, is_it: &dyn Fn(&str) -> bool| {
                text.lines().position(is_it).unwrap_or_else(|| panic!("{path}: {what}: {text}"))
            };
            let shared = line("shared options", &|line| line == "Options of every command:");
            assert!(shared < line("examples", &|line| line == "Examples:"), "{path}");
            for arg in own.get_arguments().filter(|arg| !arg.is_hide_set()) {
                let Some(long) = arg.get_long() else { continue };
                let long = format!("--{long}");
                let defined = line(&long, &|line| {
                    line.trim_start().starts_with('-')
                        && line
                            .split([' ', ',', '[', '='])
                            .any(|word| word.trim_end_matches("...") == long)
                });
                assert_eq!(arg.is_global_set(), shared < defined, "{long} of {path}");
            }
        }
    }
}
