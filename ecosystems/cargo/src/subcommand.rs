//! Commands that cargo starts as subcommands: `cargo-x` is started as `cargo x`.

use batch_core::model::CommandName;

/// Cargo's own subcommands and aliases. Cargo never starts a program with such a name.
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

/// Whether one of cargo's own subcommands hides `command`.
pub(crate) fn is_shadowed(command: &str) -> bool {
    name(command).is_some_and(|name| BUILT_IN.contains(&name))
}

/// How `command` must be started. Cargo passes the name of the subcommand as the first argument to
/// a program, and most such programs fail without it.
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
    fn a_subcommand_gets_its_name_as_an_argument() {
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
