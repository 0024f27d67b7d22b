//! Commands that are meant to be started by cargo: `cargo-x` as `cargo x`.

use batch_core::model::CommandName;

/// Subcommands and aliases that cargo has itself: it never starts a program of such a name.
const BUILT_IN: &[&str] = &[
    "add",
    "b",
    "bench",
    "build",
    "c",
    "check",
    "clean",
    "config",
    "d",
    "doc",
    "fetch",
    "fix",
    "generate-lockfile",
    "help",
    "info",
    "init",
    "install",
    "locate-project",
    "login",
    "logout",
    "metadata",
    "new",
    "owner",
    "package",
    "pkgid",
    "publish",
    "r",
    "read-manifest",
    "remove",
    "report",
    "rm",
    "run",
    "rustc",
    "rustdoc",
    "search",
    "t",
    "test",
    "tree",
    "uninstall",
    "update",
    "vendor",
    "verify-project",
    "version",
    "yank",
];

/// `x` of `cargo-x`.
fn name(command: &str) -> Option<&str> {
    command.strip_prefix("cargo-").filter(|name| !name.is_empty())
}

/// Whether cargo has a subcommand of its own in the place of `command`.
pub(crate) fn is_shadowed(command: &str) -> bool {
    name(command).is_some_and(|name| BUILT_IN.contains(&name))
}

/// How `command` is to be started. Cargo hands a program that it starts the subcommand as first
/// argument, and most refuse to work without it.
pub(crate) fn invocation(command: &CommandName) -> String {
    match name(command.as_str()) {
        Some(name) if is_shadowed(command.as_str()) => format!("{command} {name}"),
        Some(name) => format!("cargo {name}"),
        None => command.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subcommand_is_told_its_name_as_cargo_would() {
        for (command, expected) in [
            ("rg", "rg"),
            ("cargo-hack", "cargo hack"),
            ("cargo-llvm-cov", "cargo llvm-cov"),
            ("cargo-add", "cargo-add add"),
            ("cargo-b", "cargo-b b"),
            ("cargo-", "cargo-"),
            ("cargo", "cargo"),
            ("mycargo-x", "mycargo-x"),
        ] {
            assert_eq!(invocation(&command.parse().unwrap()), expected);
        }
    }
}
