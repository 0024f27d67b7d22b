//! The steps that only the recipes of one ecosystem use.

use crate::model::Os;

/// The form of a step that only the recipes of one ecosystem use, for the strict reader.
#[derive(Debug, Clone, Copy)]
pub struct ActionShape {
    /// The name of the step in recipes.
    pub name: &'static str,
    /// Parameters that the step must have.
    pub required: &'static [&'static str],
    /// The parameter that names the package; `None` if there is none.
    pub package: Option<&'static str>,
    /// Recipes that are installed with this step. Naming them as dependencies is redundant.
    pub brings: &'static [&'static str],
    /// The source that the package manager asks for versions.
    pub versions: Versions,
    /// The only operating system on which the step does something; `None` when it works on all.
    pub only_on: Option<Os>,
    /// Whether a tool downloads something while the step installs, so that the bytes are not the ones
    /// whose digest the recipe states.
    pub needs_network: bool,
}

/// The source that the package manager asks for versions of what a step installs.
#[derive(Debug, Clone, Copy)]
pub enum Versions {
    /// None. `[version]` has to name a source.
    Untold,
    /// A source of this name. `[version]` has to name it.
    Named(&'static str),
    /// A source of this name, also without `[version]`.
    Inferred(&'static str),
    /// A source of this name. What is asked for follows from a parameter of the step.
    Derived {
        /// The name of the source.
        source: &'static str,
        /// The parameter of the step.
        from: &'static str,
        /// The key in `[version]` that can replace the derived value.
        key: &'static str,
        /// Computes what is asked for from the value of the parameter.
        derive: fn(&str) -> String,
    },
}

impl ActionShape {
    /// A step that must have the parameters `required`.
    pub const fn new(name: &'static str, required: &'static [&'static str]) -> Self {
        let versions = Versions::Untold;
        Self {
            name,
            required,
            package: None,
            brings: &[],
            versions,
            only_on: None,
            needs_network: false,
        }
    }

    /// A step that installs a package with all its commands, as
    /// [`PackageFacts::of_commands`](crate::model::PackageFacts::of_commands) makes it.
    pub const fn of_commands(name: &'static str) -> Self {
        Self::new(name, &["package", "executables"]).naming("package")
    }

    /// The same step, with the parameter that names the package, by which its recipe is found.
    #[must_use]
    pub const fn naming(self, package: &'static str) -> Self {
        Self { package: Some(package), ..self }
    }

    /// Adds the recipes that the package manager installs together with this step.
    #[must_use]
    pub const fn with_implied_dependencies(self, brings: &'static [&'static str]) -> Self {
        Self { brings, ..self }
    }

    /// Sets the source of versions.
    #[must_use]
    pub const fn versioned(self, versions: Versions) -> Self {
        Self { versions, ..self }
    }

    /// The same step, which installs over the network.
    #[must_use]
    pub const fn over_network(self) -> Self {
        Self { needs_network: true, ..self }
    }

    /// Restricts the step to `os`.
    #[must_use]
    pub const fn only_on(self, os: Os) -> Self {
        Self { only_on: Some(os), ..self }
    }
}

impl Versions {
    /// The name of the source.
    pub const fn source(self) -> Option<&'static str> {
        match self {
            Self::Untold => None,
            Self::Named(source) | Self::Inferred(source) | Self::Derived { source, .. } => {
                Some(source)
            }
        }
    }
}
