//! The choice of the generator and the validator: the flags, and the programs that they select.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, atomic::AtomicBool},
    time::Duration,
};

use batch_core::io::RetryPolicy;

use crate::{
    env::{Env, variables_called},
    generator::{BuiltinGenerator, Generator, TsukuGenerator, Turns},
    machine::{LocalMachine, Tester},
    settings::Settings,
    tsuku::{Found, Tsuku, Wanted, is_key_of_model},
    validator::{TsukuValidator, Validator},
};

/// The flags.
#[derive(Debug, Clone, Default, clap::Args)]
pub(super) struct ProgramArgs {
    /// The generator of recipes: the package manager's own program (`tsuku`) or this program (`builtin`);
    /// `auto` uses the former if it is found
    #[arg(long, value_enum, default_value_t)]
    generator: GeneratorChoice,
    /// The validator of recipes: the package manager's own program (`tsuku`) or the ecosystem's own tool
    /// (`native`); `auto` uses the former if it is found
    #[arg(long, value_enum, default_value_t)]
    validator: ValidatorChoice,
    /// The package manager's own program [default: the one in pipeline.toml, else on PATH]
    #[arg(long, value_name = "PATH")]
    tsuku: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
enum GeneratorChoice {
    #[default]
    Auto,
    Tsuku,
    Builtin,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
enum ValidatorChoice {
    #[default]
    Auto,
    Tsuku,
    Native,
}

/// The selected programs. `None` means the built-in generator and the native validator. An error means that
/// the program was requested explicitly and not found, and that nothing else is used instead.
#[derive(Debug)]
pub(super) struct Programs {
    generator: Option<Found>,
    validator: Option<Found>,
}

impl ProgramArgs {
    /// The flags of a command that needs neither.
    pub(super) fn none() -> Self {
        Self {
            generator: GeneratorChoice::Builtin,
            validator: ValidatorChoice::Native,
            tsuku: None,
        }
    }

    /// Searches the package manager's own program if one of the flags needs it. `root` is the folder that
    /// contains `recipes/`.
    pub(super) async fn find(
        &self,
        env: &Env,
        settings: &Settings,
        root: Option<&Path>,
    ) -> Programs {
        let (generator, validator) = (self.generator, self.validator);
        if (generator, validator) == (GeneratorChoice::Builtin, ValidatorChoice::Native) {
            return Programs::none();
        }
        let program = self.tsuku.clone().or_else(|| settings.tsuku.program.clone());
        let is_named = program.is_some();
        let found = Tsuku::find(wanted(program, env, settings, root)).await;
        if let Err(not_found) = &found {
            tracing::debug!("{not_found}");
        }
        // With `auto`, a program on PATH that does not print its version is ignored.
        let automatic = || (is_named || found.is_ok()).then(|| found.clone());
        Programs {
            generator: match generator {
                GeneratorChoice::Auto => automatic(),
                GeneratorChoice::Tsuku => Some(found.clone()),
                GeneratorChoice::Builtin => None,
            },
            validator: match validator {
                ValidatorChoice::Auto => automatic(),
                ValidatorChoice::Tsuku => Some(found.clone()),
                ValidatorChoice::Native => None,
            },
        }
    }
}

fn wanted(program: Option<PathBuf>, env: &Env, settings: &Settings, root: Option<&Path>) -> Wanted {
    let settings = &settings.tsuku;
    let (keys, names): (Vec<_>, Vec<_>) =
        settings.pass.iter().partition(|name| is_key_of_model(name));
    for key in keys {
        tracing::warn!("{key} is not passed on: recipes are made without a language model");
    }
    let mut passed_on = env.passed_on.clone();
    passed_on.extend(variables_called(names.into_iter().map(String::as_str)));
    Wanted {
        program,
        host: env.host.clone(),
        passed_on,
        variables: settings.variables.clone(),
        needs: settings.needs.clone(),
        // The program refuses a folder without recipes as its registry.
        registry: root
            .and_then(|root| root.canonicalize().ok())
            .filter(|root| root.join("recipes").is_dir()),
        limits: settings.limits(),
    }
}

impl Programs {
    /// The built-in generator and the native validator.
    pub(super) fn none() -> Self {
        Self { generator: None, validator: None }
    }

    /// Who tests recipes. This decides which ecosystems a machine can attempt.
    pub(super) fn tester(&self) -> Tester {
        if self.validator.is_some() { Tester::PackageManager } else { Tester::Ecosystem }
    }

    /// The generator. `builtin` reads the registries. Calls use folders in `work`.
    pub(super) fn generator(
        &self,
        builtin: BuiltinGenerator,
        (env, settings): (&Env, &Settings),
        work: PathBuf,
    ) -> Box<dyn Generator> {
        let Some(program) = self.generator.clone() else { return Box::new(builtin) };
        let pause = settings.tsuku.pause_milliseconds.map(|n| Duration::from_millis(n.get()));
        Box::new(TsukuGenerator {
            program,
            builtin,
            clock: Arc::clone(&env.clock),
            jitter: Mutex::new(env.jitter.clone()),
            retries: RetryPolicy::default(),
            work: real(work),
            turns: Turns::new(pause),
        })
    }

    /// The validator for `local`, which uses folders in `work`; `None` for the native one without a sandbox.
    pub(super) fn validator<'m>(
        &self,
        local: &'m LocalMachine,
        (env, settings): (&'m Env, &Settings),
        work: PathBuf,
    ) -> anyhow::Result<Option<Box<dyn Validator + 'm>>> {
        let work = real(work);
        let native = local.validator(env, settings, work.clone())?;
        let Some(program) = self.validator.clone() else {
            return Ok(native.map(|native| Box::new(native) as Box<dyn Validator + 'm>));
        };
        Ok(Some(Box::new(TsukuValidator {
            program,
            native,
            environment: local.environment(),
            cleaner: &env.cleaner,
            actions: env.registry.recipe_actions().collect(),
            work,
            has_no_container: AtomicBool::new(false),
        })))
    }
}

/// `folder`, which need not exist, as an absolute path without symbolic links. Outputs contain it in
/// this form, so that it can be replaced by a short name.
fn real(folder: PathBuf) -> PathBuf {
    let Ok(folder) = std::path::absolute(&folder) else { return folder };
    let of_ancestor = |ancestor: &Path| {
        let rest = folder.strip_prefix(ancestor).ok()?;
        Some(ancestor.canonicalize().ok()?.join(rest))
    };
    folder.ancestors().find_map(of_ancestor).unwrap_or_else(|| folder.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_does_not_exist_gets_its_real_path() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().canonicalize().unwrap();
        std::os::unix::fs::symlink(&path, path.join("link")).unwrap();
        assert_eq!(real(path.join("link/a/work")), path.join("a/work"));
        let here = std::env::current_dir().unwrap().canonicalize().unwrap();
        assert_eq!(real("./no-such/work".into()), here.join("no-such/work"));
    }
}
