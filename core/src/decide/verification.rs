//! Decides whether the output of a command proves which version is installed, and which other
//! commands to try if the recipe's own command does not prove it.

use crate::model::{FailureKind, Verify};

/// The arguments by which commands are asked for their version, in the order in which they are
/// tried.
const VERSION_ARGUMENTS: [&str; 5] = ["--version", "version", "-V", "-v", "--help"];
/// The first ones of these ask for a version. Output of the other ones may contain numbers of all
/// kinds.
const ASK_FOR_VERSION: usize = 3;
/// From this one on, many programs take the argument for "verbose" and start their normal work.
const VERBOSE: usize = 3;
/// From this exit code on, the code is not the program's own: it was not started, or a signal ended
/// it.
const FIRST_FOREIGN_CODE: i32 = 126;
/// Words that programs print when they could not do what they were asked for. A version beside one
/// of them is part of an error message and not an answer.
const COMPLAINTS: &[&str] = &[
    "error",
    "exception",
    "traceback",
    "cannot",
    "can't",
    "could not",
    "not found",
    "no such",
    "fatal",
    "panic",
    "denied",
    "missing",
    "undefined",
    "unable",
];

/// The result of one command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandResult {
    /// `None` when it did not end in time.
    pub exit_code: Option<i32>,
    /// What it printed, unchanged. Decisions use this text.
    pub output: String,
    /// The same text, cleaned. Messages quote this text.
    pub shown: String,
}

/// Why a verification failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mismatch {
    /// The failure to record.
    pub kind: FailureKind,
    /// What was expected and what was found, in one line.
    pub reason: String,
}

/// The next step of a verification.
#[derive(Debug, Clone, PartialEq)]
pub enum Next {
    /// Run this command.
    Run(String),
    /// This verification holds.
    Proven(Verify),
    /// Nothing proves that the installation works.
    Failed(Mismatch),
}

/// What a recipe expects of an installed program.
#[derive(Debug, Clone, Copy)]
pub struct Expected<'a> {
    /// The recipe's own verification.
    pub verify: &'a Verify,
    /// The version that is installed, as its commands print it.
    pub version: &'a str,
    /// Whether the program can know its version. If its author sets the version by a flag of the
    /// build, another version in the output proves nothing.
    pub knows_version: bool,
}

impl Expected<'_> {
    /// The next step after `seen`, the results of the commands that this function asked for, in
    /// their order. The first one is the recipe's own command. Other commands are tried only if
    /// that is `<program> --version` and expects the version. The first command that prints the
    /// version is used; otherwise the first one except `-v` that succeeds and prints something;
    /// otherwise a help text; otherwise the first one that succeeds. The exit code that was seen
    /// becomes part of the verification.
    pub fn next(&self, seen: &[CommandResult]) -> Next {
        let Some((own, others)) = seen.split_first() else {
            return Next::Run(self.verify.command.clone());
        };
        let Err(mismatch) = self.evaluate(own) else { return Next::Proven(self.verify.clone()) };
        let Some(program) = self.program() else { return Next::Failed(mismatch) };
        if own.exit_code.is_some_and(|code| FIRST_FOREIGN_CODE <= code) {
            return Next::Failed(mismatch);
        }
        let last = others.last().unwrap_or(own);
        let way = |i: usize| format!("{program} {}", VERSION_ARGUMENTS[i]);
        if self.prints_version(last) {
            return Next::Proven(Verify {
                pattern: "{version}".to_owned(),
                ..of_seen(way(others.len()), last)
            });
        }
        if seen.len() < VERSION_ARGUMENTS.len() {
            return Next::Run(way(seen.len()));
        }
        self.without_version(seen, way, mismatch)
    }

    /// The decision when no command prints the version.
    fn without_version(
        &self,
        seen: &[CommandResult],
        way: impl Fn(usize) -> String,
        mismatch: Mismatch,
    ) -> Next {
        let succeeded = |seen: &CommandResult| seen.exit_code == Some(0);
        let states_another = |seen: &CommandResult| succeeded(seen) && has_version(&seen.output);
        let another = seen[..ASK_FOR_VERSION].iter().position(states_another);
        if let Some(i) = another.filter(|_| self.knows_version) {
            return Next::Failed(self.without("{version}", &way(i), &seen[i]));
        }
        let help = seen.len() - 1;
        let is_answer = |&(i, seen): &(usize, &CommandResult)| {
            succeeded(seen) && !seen.output.trim().is_empty() && i != VERBOSE
        };
        // A program that prints its usage has started, whatever its exit code. A program that
        // prints nothing may only have waited for input, which is empty here.
        let shows_usage = of_own_code(&seen[help]) && usage(&seen[help].output).is_some();
        let first = seen.iter().enumerate().find(is_answer).map(|(i, _)| i);
        let first = first.or(shows_usage.then_some(help));
        match first.or_else(|| seen.iter().position(succeeded)) {
            Some(i) => Next::Proven(Verify {
                pattern: usage(&seen[i].output).unwrap_or_default().to_owned(),
                mode: "output".to_owned(),
                reason: "no usual way to ask for its version makes it print the version".to_owned(),
                ..of_seen(way(i), &seen[i])
            }),
            None => Next::Failed(mismatch),
        }
    }

    /// The program that is verified, if the recipe's command only asks it for its version.
    fn program(&self) -> Option<&str> {
        let Verify { command, pattern, patterns, mode, exit_code, additional, .. } = self.verify;
        let is_plain = pattern == "{version}"
            && patterns.is_empty()
            && mode != "output"
            && exit_code.is_none()
            && additional.is_empty();
        command.strip_suffix(" --version").filter(|_| is_plain)
    }

    /// Whether `seen` is what the recipe expects of its own command.
    fn evaluate(&self, seen: &CommandResult) -> Result<(), Mismatch> {
        let Verify { command, pattern, patterns, exit_code, .. } = self.verify;
        let Some(code) = seen.exit_code else {
            let reason = format!("{command:?} did not end in time");
            return Err(Mismatch { kind: FailureKind::VerifyTimeout, reason });
        };
        if i64::from(code) != exit_code.unwrap_or(0) {
            let reason = format!("{command:?} failed with exit code {code}");
            return Err(Mismatch { kind: FailureKind::VerifyFailed, reason });
        }
        let version = self.bare_version();
        let mut wanted = patterns.iter().chain([pattern]);
        match wanted.find(|pattern| !has_pattern(&seen.output, pattern, version)) {
            Some(pattern) => Err(self.without(pattern, command, seen)),
            None => Ok(()),
        }
    }

    fn without(&self, pattern: &str, command: &str, seen: &CommandResult) -> Mismatch {
        let found: String = seen.shown.trim().chars().take(200).collect();
        let wanted = pattern.replace("{version}", self.bare_version());
        let reason = format!("pattern mismatch: {command:?} printed {found:?}, without {wanted:?}");
        Mismatch { kind: FailureKind::VerifyPatternMismatch, reason }
    }

    fn prints_version(&self, seen: &CommandResult) -> bool {
        let is_answer = || {
            let lower = seen.output.to_ascii_lowercase();
            seen.exit_code == Some(0) || !COMPLAINTS.iter().any(|word| lower.contains(word))
        };
        of_own_code(seen)
            && has_pattern(&seen.output, "{version}", self.bare_version())
            && is_answer()
    }

    /// The version without the `v` that some registries put in front.
    fn bare_version(&self) -> &str {
        self.version.trim_start_matches('v')
    }
}

/// A verification by the command and the exit code that was seen.
fn of_seen(command: String, seen: &CommandResult) -> Verify {
    let exit_code = seen.exit_code.filter(|code| *code != 0).map(i64::from);
    Verify { command, exit_code, ..Verify::default() }
}

fn of_own_code(seen: &CommandResult) -> bool {
    seen.exit_code.is_some_and(|code| code < FIRST_FOREIGN_CODE)
}

/// The word `usage` as it is written in `output`.
fn usage(output: &str) -> Option<&str> {
    let at = output.to_ascii_lowercase().find("usage")?;
    output.get(at..at + "usage".len())
}

/// Whether `output` contains `pattern`, where `{version}` means `version` and must not be a part of
/// another version.
fn has_pattern(output: &str, pattern: &str, version: &str) -> bool {
    let parts: Vec<&str> = pattern.split("{version}").collect();
    let text = parts.join(version);
    if text.is_empty() {
        return true;
    }
    // The positions of the versions within the text.
    let mut starts = vec![];
    let mut at = 0;
    for part in &parts[..parts.len() - 1] {
        at += part.len();
        starts.push(at);
        at += version.len();
    }
    let alone = |found: usize, start: usize| {
        let from = found + start;
        stands_alone(&output[..from], version, &output[from + version.len()..])
    };
    occurrences(output, &text).any(|found| starts.iter().all(|start| alone(found, *start)))
}

/// The positions of `text`, which is not empty, in `output`, including overlapping ones.
fn occurrences<'a>(output: &'a str, text: &'a str) -> impl Iterator<Item = usize> + 'a {
    let step = text.chars().next().map_or(1, char::len_utf8);
    let mut from = 0;
    std::iter::from_fn(move || {
        let at = from + output.get(from..)?.find(text)?;
        from = at + step;
        Some(at)
    })
}

/// Whether `version` between `before` and `after` is not a part of a longer version: no digit
/// beside it, and no dot that is followed or preceded by a digit. A version that ends in a letter
/// must not be followed by another letter.
fn stands_alone(before: &str, version: &str, after: &str) -> bool {
    let is_digit = |c: Option<char>| c.is_some_and(|c| c.is_ascii_digit());
    let is_letter = |c: Option<char>| c.is_some_and(char::is_alphabetic);
    let (mut left, mut right) = (before.chars().rev(), after.chars());
    let (near_left, near_right) = (left.next(), right.next());
    let goes_on_left = is_digit(near_left)
        || near_left == Some('.') && is_digit(left.next())
        || is_letter(near_left) && is_letter(version.chars().next());
    let goes_on_right = is_digit(near_right)
        || near_right == Some('.') && is_digit(right.next())
        || is_letter(near_right) && is_letter(version.chars().next_back());
    !goes_on_left && !goes_on_right
}

/// Whether `output` contains something that looks like a version: numbers with a dot between them.
fn has_version(output: &str) -> bool {
    let bytes = output.as_bytes();
    bytes.windows(3).any(|it| it[0].is_ascii_digit() && it[1] == b'.' && it[2].is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const VERSION: &str = "1.10.1";

    fn seen(exit_code: i32, output: &str) -> CommandResult {
        CommandResult {
            exit_code: Some(exit_code),
            output: output.to_owned(),
            shown: output.to_owned(),
        }
    }

    /// The commands that are run if `answers` are their results, and the final decision.
    fn verified(
        verify: &Verify,
        knows_version: bool,
        answers: &[(&str, CommandResult)],
    ) -> (Vec<String>, Result<Verify, FailureKind>) {
        let expected = Expected { verify, version: VERSION, knows_version };
        let (mut asked, mut done) = (vec![], vec![]);
        loop {
            match expected.next(&done) {
                Next::Run(command) => {
                    let answer = answers.iter().find(|(it, _)| *it == command);
                    done.push(answer.map_or_else(|| seen(1, ""), |(_, seen)| seen.clone()));
                    asked.push(command);
                }
                Next::Proven(verify) => return (asked, Ok(verify)),
                Next::Failed(mismatch) => return (asked, Err(mismatch.kind)),
            }
        }
    }

    fn of_version(answers: &[(&str, CommandResult)]) -> Result<Verify, FailureKind> {
        verified(&Verify::of_version("x"), true, answers).1
    }

    #[test]
    fn a_version_inside_another_version_does_not_count() {
        let is_there = |output: &str| has_pattern(output, "{version}", VERSION);
        for output in [
            "1.10.1",
            "x v1.10.1\n",
            "x-1.10.1.tar",
            "(1.10.1)",
            "x/1.10.1 linux",
            "é1.10.1é",
            "11.10.1 1.10.1",
            "ver.1.10.1",
            "1.10.1-rc.1",
            "x 1.10.1.",
        ] {
            assert!(is_there(output), "{output}");
        }
        for output in ["11.10.12", "11.10.1", "1.10.12", "1.1.10.1", "1.10.1.2", "1.10", ""] {
            assert!(!is_there(output), "{output}");
        }
        assert!(!has_pattern("verarg 10.1.0", "{version}", "0.1.0"));
        assert!(!has_pattern("x 1.0beta", "{version}", "1.0b"));
        assert!(has_pattern("x 1.0b", "{version}", "1.0b"));
        assert!(has_pattern("x 1.10.11, x 1.10.1, y", "x {version}, ", VERSION));
        assert!(!has_pattern("ax 1.10.11, y", "x {version}", VERSION));
        assert!(has_pattern("anything", "", VERSION));
    }

    #[test]
    fn the_recipes_own_verification_is_tried_first_and_kept_unchanged() {
        let verify = Verify::of_version("x");
        let (asked, found) = verified(&verify, true, &[("x --version", seen(0, "x 1.10.1"))]);
        assert_eq!((asked, found), (vec!["x --version".to_owned()], Ok(verify)));
    }

    #[test]
    fn other_ways_are_tried_in_a_fixed_order_and_the_first_that_prints_the_version_is_taken() {
        let answers = [
            ("x --version", seen(2, "unknown flag --version")),
            ("x -v", seen(0, "x v1.10.1")),
            ("x --help", seen(0, "x 1.10.1, usage: x")),
        ];
        let (asked, found) = verified(&Verify::of_version("x"), true, &answers);
        assert_eq!(asked, ["x --version", "x version", "x -V", "x -v"]);
        assert_eq!(found, Ok(Verify { command: "x -v".to_owned(), ..Verify::of_version("x") }));
    }

    #[test]
    fn without_a_version_the_first_success_is_taken_with_its_output() {
        let answers = [("x --version", seen(0, "dev")), ("x --help", seen(0, "Usage: x [FILE]"))];
        let found = of_version(&answers).unwrap();
        assert_eq!((&*found.command, &*found.pattern), ("x --version", ""));
        assert_eq!(found.mode, "output");
        assert!(!found.reason.is_empty());
        let answers = [("x --help", seen(0, "Usage: x [FILE]"))];
        let found = of_version(&answers).unwrap();
        assert_eq!((&*found.command, &*found.pattern), ("x --help", "Usage"));
    }

    #[test]
    fn the_observed_exit_code_is_recorded() {
        let usage = "usage: x [flags] [path ...]\n  -e\treport all errors";
        let found = of_version(&[("x --help", seen(2, usage))]).unwrap();
        let Verify { command, pattern, exit_code, mode, .. } = found;
        assert_eq!((&*command, &*pattern, exit_code), ("x --help", "usage", Some(2)));
        assert_eq!(mode, "output");
        // It may have read its input to the end.
        for output in ["", "parsing standard input"] {
            let answers = [("x -v", seen(0, output)), ("x --help", seen(2, usage))];
            let found = of_version(&answers).unwrap();
            assert_eq!((&*found.command, found.exit_code), ("x --help", Some(2)));
        }
        let found = of_version(&[("x -v", seen(0, ""))]).unwrap();
        assert_eq!((&*found.command, found.exit_code), ("x -v", None));
        let found = of_version(&[("x -V", seen(1, "x 1.10.1"))]).unwrap();
        assert_eq!((&*found.command, found.exit_code), ("x -V", Some(1)));
    }

    #[test]
    fn another_version_is_a_mismatch_unless_the_program_cannot_know_its_own() {
        let answers = [("x --version", seen(0, "x 11.10.12"))];
        assert_eq!(of_version(&answers), Err(FailureKind::VerifyPatternMismatch));
        let (_, found) = verified(&Verify::of_version("x"), false, &answers);
        assert_eq!(found.unwrap().command, "x --version");
        let right = [("x --version", seen(0, "x 2.0")), ("x version", seen(0, "1.10.1"))];
        assert_eq!(of_version(&right).unwrap().command, "x version");
        let help = [("x --help", seen(0, "usage: x --port 127.0.0.1"))];
        assert_eq!(of_version(&help).unwrap().command, "x --help");
    }

    #[test]
    fn a_failing_program_does_not_pass_because_of_its_output() {
        let traceback = "Traceback: /lib/x-1.10.1/x.py: ModuleNotFoundError";
        let all = |code, text: &str| {
            VERSION_ARGUMENTS.map(|way| format!("x {way}")).map(|it| (it, seen(code, text)))
        };
        for (code, text, kind) in [
            (1, traceback, FailureKind::VerifyFailed),
            (1, "Error: ENOSPC: no space left on device", FailureKind::VerifyFailed),
            (1, "", FailureKind::VerifyFailed),
            (127, "x: not found, usage: x 1.10.1", FailureKind::VerifyFailed),
            (139, "1.10.1", FailureKind::VerifyFailed),
        ] {
            let answers = all(code, text);
            let answers = answers.each_ref().map(|(it, seen)| (&**it, seen.clone()));
            assert_eq!(of_version(&answers), Err(kind), "{code} {text}");
        }
    }

    #[test]
    fn a_command_that_does_not_end_leads_to_the_next_one() {
        let never = CommandResult { exit_code: None, ..seen(0, "") };
        let answers = [("x --version", never.clone()), ("x version", seen(0, "1.10.1"))];
        assert_eq!(of_version(&answers).unwrap().command, "x version");
        let all = VERSION_ARGUMENTS.map(|way| format!("x {way}"));
        let answers = all.each_ref().map(|it| (&**it, never.clone()));
        assert_eq!(of_version(&answers), Err(FailureKind::VerifyTimeout));
    }

    #[test]
    fn a_recipe_with_its_own_expectation_must_meet_it() {
        let verify = Verify {
            command: "x --help".to_owned(),
            pattern: "commands".to_owned(),
            exit_code: Some(2),
            ..Verify::default()
        };
        let check = |code, output: &str| {
            let answer = [("x --help", seen(code, output))];
            verified(&verify, true, &answer).1.map(|found| found.command)
        };
        assert_eq!(check(2, "commands:"), Ok("x --help".to_owned()));
        assert_eq!(check(0, "commands:"), Err(FailureKind::VerifyFailed));
        assert_eq!(check(2, "nothing"), Err(FailureKind::VerifyPatternMismatch));
    }

    proptest! {
        #[test]
        fn any_output_is_judged_in_a_few_steps(
            outputs in proptest::collection::vec((any::<Option<i32>>(), any::<String>()), 5),
            pattern: String,
            version: String,
        ) {
            let verify = Verify { pattern, ..Verify::of_version("x") };
            for verify in [&verify, &Verify::of_version("x")] {
                let expected = Expected { verify, version: &version, knows_version: true };
                let all: Vec<CommandResult> = outputs
                    .iter()
                    .map(|(exit_code, output)| CommandResult { exit_code: *exit_code, ..seen(0, output) })
                    .collect();
                let is_end = |n: usize| !matches!(expected.next(&all[..n]), Next::Run(_));
                prop_assert!((1..=VERSION_ARGUMENTS.len()).any(is_end));
            }
        }
    }
}
