//! `[verify]`.

use super::{
    document::{Location, Table},
    problems::Problems,
};
use crate::model::Verify;

const FIELDS: &[&str] = &[
    "command",
    "pattern",
    "patterns",
    "mode",
    "version_format",
    "reason",
    "exit_code",
    "additional",
];
/// Parts that turn a check into something else, each surrounded by blanks.
const DANGEROUS: &[&str] = &[
    " rm ", " eval ", " exec ", "> /", "| sh", "| bash", "curl |", "wget |", "||", "&&", "$(", "`",
];

/// Reads and checks `[verify]`. A tool must have one. For a library (`kind`) it is optional, and
/// only its form is checked.
pub(super) fn read(root: &Table<'_>, kind: &str, problems: &mut Problems<'_>) -> Option<Verify> {
    let is_tool = kind != "library";
    if root.get("verify").is_none() {
        if is_tool {
            let what = "is required: the recipe of a tool must verify the tool";
            let fix = "write [verify] with a command that prints the version, and its pattern";
            problems.add(&root.at.absent("verify"), what).fix(fix);
        }
        return None;
    }
    let table = root.table("verify", problems)?;
    table.only(FIELDS, problems);
    let verify = Verify {
        command: table.text("command", problems),
        pattern: table.text("pattern", problems),
        patterns: table.texts("patterns", problems),
        mode: table.text("mode", problems),
        version_format: table.text("version_format", problems),
        reason: table.text("reason", problems),
        exit_code: table.number("exit_code", problems),
        additional: read_additional(&table, is_tool, problems),
    };
    if !["", "version", "output"].contains(&&*verify.mode) {
        let fix = "write version or output";
        problems.add(&table.place("mode"), "must be version or output").fix(fix);
    }
    if !["", "semver", "calver", "raw", "custom"].contains(&&*verify.version_format) {
        let words = "one of semver calver raw custom";
        problems
            .add_own_rule(&table.place("version_format"), format!("must be {words}"))
            .fix(format!("write {words}"));
    }
    if verify.exit_code.is_some_and(|code| !(0..=255).contains(&code)) {
        let what = "must be a number from 0 to 255";
        let fix = "write the exit code of the command";
        problems.add_own_rule(&table.place("exit_code"), what).fix(fix);
    }
    check_command(&verify.command, &table.place("command"), problems);
    if is_tool {
        check_tool(&table, &verify, problems);
    }
    Some(verify)
}

fn check_tool(table: &Table<'_>, verify: &Verify, problems: &mut Problems<'_>) {
    if verify.command.trim().is_empty() {
        let fix = "write a command that prints the version";
        problems.add(&table.place("command"), "is required").fix(fix);
    }
    let patterns = table.place("patterns");
    let has_patterns = table.get("patterns").is_some();
    if has_patterns && !verify.pattern.is_empty() {
        problems.add(&patterns, "cannot stand beside pattern").fix("keep one of the two");
    }
    if has_patterns && (verify.patterns.is_empty() || verify.patterns.iter().any(String::is_empty))
    {
        let fix = "write what the command prints";
        problems.add_own_rule(&patterns, "would fit any output").fix(fix);
    }
    if verify.mode == "output" {
        if verify.reason.trim().is_empty() {
            let what = "is required if the version is not checked";
            problems.add(&table.place("reason"), what).fix("say why the version is not checked");
        }
        return;
    }
    let mut texts = verify.patterns.iter().chain([&verify.pattern]).filter(|it| !it.is_empty());
    let is_version = |text: &String| text.contains("{version}");
    if texts.clone().next().is_some() && !texts.any(is_version) {
        let key = if verify.pattern.is_empty() { "patterns" } else { "pattern" };
        let what = "must contain {version}, unless the mode is output";
        problems.add(&table.place(key), what).fix("write {version} where the version stands");
    }
}

fn check_command(command: &str, at: &Location, problems: &mut Problems<'_>) {
    let padded = format!(" {} ", command.replace(['\t', ';'], " "));
    if let Some(sign) = DANGEROUS.iter().find(|sign| padded.contains(*sign)) {
        let fix = "write one plain command";
        problems.add(at, format!("has {} in it", sign.trim())).fix(fix);
    }
}

fn read_additional(
    table: &Table<'_>,
    is_tool: bool,
    problems: &mut Problems<'_>,
) -> Vec<toml::Value> {
    let Some(field) = table.get("additional") else { return vec![] };
    if !is_tool {
        problems.add(&field.at, "is not for libraries").fix("remove it");
    }
    let mut checks = vec![];
    for item in field.items(problems) {
        let Some(check) = item.table(problems) else { continue };
        check.only(&["command", "pattern"], problems);
        for key in ["command", "pattern"] {
            if check.text(key, problems).trim().is_empty() {
                problems.add(&check.place(key), "is required").fix(format!("write {key} = …"));
            }
        }
        check_command(&check.text("command", problems), &check.place("command"), problems);
        checks.push(toml::Value::Table(check.plain(&[], problems).into_iter().collect()));
    }
    checks
}
