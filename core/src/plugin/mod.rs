//! What an ecosystem crate implements, and how it is found.

mod contract;
mod counted_file;
mod listing;
mod ranking;
mod registry;
mod spelling;

pub use crate::model::{ActionShape, Missing, Page};
pub use contract::{
    FailureClassifier, Names, NativeInstaller, RateLimit, RecipeBuilder, RootProbe, Seeder, Shape,
    Source, SourceError, SourceErrorKind, Toolchain, Withheld,
};
pub use counted_file::{CountedFile, RankedNames};
pub use listing::{ask, fetch_listed};
pub use ranking::{Cut, Ranking};
pub use registry::{EcosystemPlugin, RESERVED_WORDS, Registry, RegistryError};
pub use spelling::{Spelling, is_windows_device};
