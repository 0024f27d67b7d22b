//! The arguments of the program.

use std::path::{Path, PathBuf};

/// The relevant parts of a command line.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Call {
    /// The subcommand, or `--version`.
    pub(crate) command: String,
    /// The package, or the file of a recipe.
    pub(crate) package: String,
    /// The value of `--from`.
    pub(crate) from: String,
    /// The value of `--output`.
    pub(crate) output: Option<PathBuf>,
    /// Whether a container is requested.
    pub(crate) sandbox: bool,
}

impl Call {
    /// The call with the arguments `args`, the program's name left out.
    pub(crate) fn of(args: &[String]) -> Self {
        let command = args.first().cloned().unwrap_or_default();
        let option = |name: &str| {
            let at = args.iter().position(|arg| arg == name)?;
            args.get(at + 1).cloned()
        };
        let positional = args.iter().skip(1).find(|arg| !arg.starts_with('-')).cloned();
        let stem = |path: String| {
            let stem = Path::new(&path).file_stem().map(|stem| stem.to_string_lossy().into_owned());
            stem.unwrap_or_default()
        };
        let package = match &*command {
            "create" => positional.unwrap_or_default(),
            _ => option("--recipe").or(positional).map(stem).unwrap_or_default(),
        };
        Self {
            package,
            from: option("--from").unwrap_or_default(),
            output: option("--output").map(PathBuf::from),
            sandbox: args.iter().any(|arg| arg == "--sandbox"),
            command,
        }
    }

    /// Under which names the script may answer, the most exact first.
    pub(crate) fn commands(&self) -> Vec<&str> {
        let contained = (self.sandbox && self.command == "install").then_some("install --sandbox");
        contained.into_iter().chain([self.command.as_str()]).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(line: &str) -> Call {
        let args: Vec<String> = line.split(' ').map(str::to_owned).collect();
        Call::of(&args)
    }

    #[test]
    fn a_call_is_about_a_package_or_a_recipe() {
        let create = of("create @a/b --from npm:@a/b --output /w/o.toml --yes");
        assert_eq!((&*create.package, &*create.from), ("@a/b", "npm:@a/b"));
        assert_eq!(create.output, Some(PathBuf::from("/w/o.toml")));
        let install = of("install --recipe /w/a-b.toml --json --sandbox --target-family debian");
        assert_eq!(install.package, "a-b");
        assert_eq!(install.commands(), ["install --sandbox", "install"]);
        assert_eq!(of("validate --strict /w/a-b.toml").package, "a-b");
        assert_eq!(of("--version").commands(), ["--version"]);
    }
}
