//! Command lines, as lists of arguments. No shell is used.

use std::path::Path;

use batch_core::{
    decide::tsuku::Subcommand,
    model::{Environment, Os, PackageId},
};

/// The platform of an installation, in the words of the program's options.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Target {
    os: &'static str,
    arch: &'static str,
    /// The family of the Linux distribution; `None` on other systems.
    family: Option<&'static str>,
}

impl Target {
    /// The platform of `environment`.
    pub fn of(environment: Environment) -> Self {
        use Environment as E;
        let (arch, family) = match environment {
            E::DebianX86 => ("amd64", Some("debian")),
            E::RhelX86 => ("amd64", Some("rhel")),
            E::ArchX86 => ("amd64", Some("arch")),
            E::SuseX86 => ("amd64", Some("suse")),
            E::AlpineX86 => ("amd64", Some("alpine")),
            E::DebianArm => ("arm64", Some("debian")),
            E::RhelArm => ("arm64", Some("rhel")),
            E::SuseArm => ("arm64", Some("suse")),
            E::AlpineArm => ("arm64", Some("alpine")),
            E::MacArm => ("arm64", None),
            E::MacX86 => ("amd64", None),
        };
        let os = match environment.cell().os() {
            Os::Linux => "linux",
            Os::Darwin => "darwin",
        };
        Self { os, arch, family }
    }

    /// Whether a machine with the platform `other` can run containers of this platform.
    pub fn has_machine_of(&self, other: Self) -> bool {
        (self.os, self.arch) == (other.os, other.arch)
    }

    /// The family of the Linux distribution.
    pub fn family(&self) -> Option<&'static str> {
        self.family
    }
}

/// Whether the program installs in a container that it starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Container {
    /// In a container of this family.
    Of(&'static str),
    /// Without a container, because the caller runs the program in a sandbox.
    None,
}

/// Writes a recipe of `package` to `output`. Most sources use the tool's name as the package and read only
/// the ecosystem from `--from`, so both arguments name the package.
pub fn create(program: &Path, package: &PackageId, output: &Path) -> Vec<String> {
    let from = package.to_string();
    let output = output.to_string_lossy();
    let args = [
        package.name.as_str(),
        "--from",
        &from,
        "--output",
        &output,
        "--yes",
        "--skip-sandbox",
        "--deterministic-only",
    ];
    argv(program, Subcommand::Create, &args)
}

/// Checks `recipe` with all rules.
pub fn validate(program: &Path, recipe: &Path) -> Vec<String> {
    argv(program, Subcommand::Validate, &["--strict", &recipe.to_string_lossy()])
}

/// Plans the installation of `recipe` on `target`.
pub fn eval(program: &Path, recipe: &Path, target: Target) -> Vec<String> {
    let recipe = recipe.to_string_lossy();
    let mut args =
        vec!["--recipe", &*recipe, "--install-deps", "--os", target.os, "--arch", target.arch];
    args.extend(target.family.into_iter().flat_map(|family| ["--linux-family", family]));
    argv(program, Subcommand::Eval, &args)
}

/// Installs and verifies `recipe`. A plan is never installed, because the program does not verify plans.
pub fn install(program: &Path, recipe: &Path, container: Container) -> Vec<String> {
    let recipe = recipe.to_string_lossy();
    let mut args = vec!["--recipe", &*recipe, "--json", "--yes", "--deterministic-only"];
    match container {
        Container::Of(family) => args.extend(["--sandbox", "--target-family", family]),
        Container::None => args.push("--no-shell-init"),
    }
    argv(program, Subcommand::Install, &args)
}

fn argv(program: &Path, subcommand: Subcommand, args: &[&str]) -> Vec<String> {
    let program = program.to_string_lossy();
    let words = [&*program, subcommand.as_str()].into_iter().chain(args.iter().copied());
    words.map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROGRAM: &str = "/opt/tsuku/bin/tsuku";

    #[track_caller]
    fn check(argv: &[String], expected: &str) {
        assert_eq!(argv.join(" "), format!("{PROGRAM} {expected}"));
    }

    #[test]
    fn a_package_is_named_twice_whatever_its_name() {
        let package: PackageId = "zoo:@cats/lion".parse().unwrap();
        let argv = create(Path::new(PROGRAM), &package, Path::new("/w/out/lion.toml"));
        check(
            &argv,
            "create @cats/lion --from zoo:@cats/lion --output /w/out/lion.toml --yes --skip-sandbox \
             --deterministic-only",
        );
    }

    #[test]
    fn a_path_with_blanks_is_one_argument() {
        let argv = validate(Path::new("/my programs/tsuku"), Path::new("/my recipes/$(x).toml"));
        assert_eq!(argv, ["/my programs/tsuku", "validate", "--strict", "/my recipes/$(x).toml"]);
    }

    #[test]
    fn every_environment_has_its_words() {
        let recipe = Path::new("/w/lion.toml");
        let words = |environment| {
            let argv = eval(Path::new(PROGRAM), recipe, Target::of(environment));
            argv[5..].join(" ")
        };
        let debian = "--os linux --arch amd64 --linux-family debian";
        assert_eq!(words(Environment::DebianX86), debian);
        assert_eq!(words(Environment::AlpineArm), "--os linux --arch arm64 --linux-family alpine");
        assert_eq!(words(Environment::MacArm), "--os darwin --arch arm64");
        for environment in Environment::ALL.iter().copied() {
            let Target { os, arch, family } = Target::of(environment);
            let text = environment.as_str();
            let arch = if arch == "amd64" { "x86_64" } else { arch };
            assert!(text.starts_with(os) && text.ends_with(arch), "{text}");
            assert!(family.is_none_or(|family| text.contains(family)), "{text}");
        }
        let debian = Target::of(Environment::DebianX86);
        assert!(debian.has_machine_of(Target::of(Environment::AlpineX86)));
        assert!(!debian.has_machine_of(Target::of(Environment::DebianArm)));
    }

    #[test]
    fn what_is_installed_is_always_a_recipe() {
        let recipe = Path::new("/w/lion.toml");
        let program = Path::new(PROGRAM);
        check(
            &install(program, recipe, Container::Of("alpine")),
            "install --recipe /w/lion.toml --json --yes --deterministic-only --sandbox \
             --target-family alpine",
        );
        check(
            &install(program, recipe, Container::None),
            "install --recipe /w/lion.toml --json --yes --deterministic-only --no-shell-init",
        );
        for container in [Container::Of("debian"), Container::None] {
            assert!(!install(program, recipe, container).iter().any(|arg| arg == "--plan"));
        }
    }
}
