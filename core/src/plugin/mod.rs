//! What an ecosystem crate implements, and how it is found.

mod contract;
mod ranked;
mod registry;
mod spelling;

pub use crate::model::ActionShape;
pub use contract::{
    FailureClassifier, Missing, Names, NativeInstaller, Page, RateLimit, RecipeBuilder, RootProbe,
    Seeder, Shape, Source, SourceError, SourceErrorKind, Toolchain,
};
pub use ranked::{Cut, Listed};
pub use registry::{EcosystemPlugin, Registry, RegistryError};
pub use spelling::{Spelling, is_windows_device};
