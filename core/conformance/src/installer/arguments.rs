//! Words of a plan: what starts a shell, and what is a place of this machine.

use super::{CasePlan, of_plans, runs};
use crate::{Harness, Outcome};
use batch_core::model::{InstallPlan, InstallStep, WORK_DIR};

/// Read texts as commands.
const SHELLS: &str = "ash bash busybox cmd cmd.exe csh dash elvish eval fish ksh mksh nu powershell pwsh sh \
    tcsh toybox xonsh yash zsh";
/// Start the program that their arguments name.
const LAUNCHERS: &str = "chroot chrt command doas env exec flock ionice nice nohup parallel runuser script \
    setpriv setsid stdbuf strace su sudo taskset time timeout unshare watch xargs";
/// Read programs, which may stand among their arguments; without numbers of versions.
const INTERPRETERS: &str = "awk bun deno gawk guile julia lua luajit node nodejs osascript perl php pypy python \
    rscript ruby tclsh";
/// After each of these comes a program.
const CODE_WORDS: &[&str] = &["eval", "--command", "--eval", "--execute", "--print", "--run"];

/// Files and folders that every system has.
const EVERYWHERE: &[&str] = &["/dev/null", "/usr/bin/"];

pub(crate) fn run_no_shell(harness: &Harness) -> Outcome {
    of_plans(harness, |made| {
        let plans = [&made.plan, &made.mirrored];
        plans.into_iter().flat_map(runs).filter_map(|(argv, _, _)| shell_in(argv)).collect()
    })
}

/// What of `argv` is left to be interpreted, and what to do instead.
fn shell_in(argv: &[String]) -> Option<String> {
    let Some((program, arguments)) = argv.split_first() else {
        return Some("a step runs nothing: argv is empty".to_owned());
    };
    let name = program.rsplit('/').next().unwrap_or(program).to_ascii_lowercase();
    if has(SHELLS, &name) {
        return Some(format!(
            "it starts {name}, which reads texts of packages as commands; start the program \
             itself, one word of argv for each argument"
        ));
    }
    if has(LAUNCHERS, &name) {
        return Some(format!("it starts {name}, which starts another; start that program itself"));
    }
    if program.contains(char::is_whitespace) {
        return Some(format!("{program:?} is a line, not a program; split it into argv"));
    }
    let is_interpreter = {
        let plain = name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.');
        has(INTERPRETERS, plain)
    };
    let code = arguments.iter().enumerate().find(|(i, word)| {
        let next = arguments.get(i + 1);
        let is_line = next.is_some_and(|next| next.contains(char::is_whitespace));
        is_code_flag(word) && (is_interpreter || is_line)
    });
    code.map(|(_, flag)| format!("with {flag} it hands {name} text of ours to interpret"))
}

/// Whether `name` is one of `words`.
fn has(words: &str, name: &str) -> bool {
    words.split(' ').any(|word| word == name)
}

/// `-c`, `-lc`, `-E`, `--eval=…` and their like.
fn is_code_flag(word: &str) -> bool {
    if CODE_WORDS.contains(&word.split('=').next().unwrap_or(word)) {
        return true;
    }
    let cluster = word.strip_prefix('-').filter(|rest| (1..=3).contains(&rest.len()));
    cluster.is_some_and(|it| {
        it.chars().all(|c| c.is_ascii_alphabetic()) && it.ends_with(['c', 'e', 'E'])
    })
}

pub(crate) fn name_no_local_path(harness: &Harness) -> Outcome {
    of_plans(harness, |made: &CasePlan<'_>| {
        let texts = [&made.plan, &made.mirrored].into_iter().flat_map(texts);
        let odd = texts.filter(|text| names_local_path(text));
        odd.map(|text| format!("{text:?} is no place in the sandbox's work folder")).collect()
    })
}

/// Absolute, above the work folder, or somebody's home. Addresses have their own rule.
pub(super) fn names_local_path(text: &str) -> bool {
    const BETWEEN: [char; 10] = ['=', ':', ' ', '"', '\'', ',', ';', '@', '(', ')'];
    let text = without_addresses(text);
    text.contains("$HOME") || text.split(BETWEEN).any(is_local_path)
}

fn is_local_path(part: &str) -> bool {
    let path = match part.strip_prefix(WORK_DIR) {
        Some(below) => below.strip_prefix('/').unwrap_or(below),
        // `-I/path`.
        None if part.starts_with('-') => {
            part.trim_start_matches(|c: char| c == '-' || c.is_ascii_alphanumeric())
        }
        None => part,
    };
    let is_everywhere = EVERYWHERE.iter().any(|known| path.starts_with(known));
    let is_home = path == "~"
        || path.strip_prefix('~').is_some_and(|rest| {
            let user = rest.split_once('/').map(|(user, _)| user);
            user.is_some_and(|user| user.chars().all(|c| c.is_alphanumeric() || "_-".contains(c)))
        });
    path.starts_with('/') && !is_everywhere || is_home || path.split('/').any(|part| part == "..")
}

/// `text`, but for the addresses in it.
fn without_addresses(text: &str) -> String {
    let (mut rest, mut kept) = (text, String::new());
    while let Some(at) = rest.find("://") {
        let is_scheme = |c: char| c.is_ascii_alphanumeric() || "+.-".contains(c);
        kept.push_str(rest[..at].trim_end_matches(is_scheme));
        let end = rest[at..].find(['"', ' ', ',', '|', '\'']).map_or(rest.len(), |end| at + end);
        rest = &rest[end..];
    }
    kept + rest
}

/// Every path and word of a plan, addresses included.
pub(super) fn texts(plan: &InstallPlan) -> Vec<String> {
    let mut texts = plan.bin_dirs.clone();
    for step in &plan.steps {
        match step {
            InstallStep::Fetch { to, .. } => texts.push(to.clone()),
            InstallStep::Unpack { archive: of, to: into }
            | InstallStep::Link { at: into, to: of }
            | InstallStep::LinkEntries { of, into } => texts.extend([of.clone(), into.clone()]),
            InstallStep::Substitute { within, placeholders: values } => {
                texts.push(within.clone());
                texts.extend(values.values().cloned());
            }
            InstallStep::Export { folders } => texts.extend(folders.values().cloned()),
            InstallStep::Inspect { dir, .. } => texts.push(dir.clone()),
            InstallStep::Present { within, paths } => {
                texts.push(within.clone());
                texts.extend(paths.iter().cloned());
            }
            InstallStep::Run { argv, env, .. } => {
                texts.extend(argv.iter().cloned());
                texts.extend(env.values().cloned());
            }
        }
    }
    texts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interpreters_are_found_at_every_position_of_a_command() {
        let check = |argv: &[&str], is_shell: bool| {
            let words: Vec<String> = argv.iter().map(|&word| word.to_owned()).collect();
            assert_eq!(shell_in(&words).is_some(), is_shell, "{argv:?}");
        };
        for argv in [
            &[][..],
            &["sh", "run.sh"],
            &["/bin/sh", "-c", "x"],
            &["tcsh", "-c", "x"],
            &["timeout", "60", "bash", "-lc", "x"],
            &["nice", "sh", "run.sh"],
            &["/usr/bin/env", "npm"],
            &["npm install x"],
            &["node", "--eval", "x"],
            &["node", "--eval=x"],
            &["deno", "eval", "x"],
            &["perl", "-E", "x"],
            &["perl", "-ne", "x"],
            &["python3.12", "-c", "x"],
            &["tool", "-c", "a b"],
        ] {
            check(argv, true);
        }
        for argv in [
            &["npm", "install", "bash"][..],
            &["python3", "-m", "venv", "venv"],
            &["tool", "-c", "config.toml"],
            &["cargo", "install", "--root", "prefix", "sh"],
            &["/usr/bin/ditto", "-x", "-k", "a", "b"],
            &["perl", "Makefile.PL"],
        ] {
            check(argv, false);
        }
    }

    #[test]
    fn a_path_of_this_machine_is_found_at_every_position() {
        for text in [
            "/opt/include",
            "-I/opt/include",
            "-L/home/k/lib",
            "--log=/var/log/x",
            "@/etc/x",
            "a:/b",
            "-Wl,-rpath,/x",
            "../x",
            "--to=a/../../b",
            "{work_dir}/../x",
            "~",
            "~/x",
            "--log=~keeper/x",
            "$HOME/x",
            "https://a.example/x /etc/y",
            "/etc/y|https://a.example/x",
            "/usr/bin/../../etc",
        ] {
            assert!(names_local_path(text), "{text}");
        }
        for text in [
            "prefix/bin",
            "{work_dir}/cache",
            "/dev/null",
            "/usr/bin/ditto",
            "~> 1.2",
            "--version=~1.2",
            "@scope/name@1.0.0",
            "https://a.example/x/../y",
            r#"source.mirror.registry="sparse+http://127.0.0.1:1/a/""#,
            "-mod=mod -modcacherw",
            "golang.org/x/tools/cmd/stringer@v0.1.0",
            "--only-binary=:all:",
        ] {
            assert!(!names_local_path(text), "{text}");
        }
    }
}
