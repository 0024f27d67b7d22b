//! What an ecosystem crate implements, and how the program finds it.

mod asking;
mod contract;
mod counted_file;
mod listing;
mod page_request;
mod ranking;
mod registry;
mod source_error;
mod spelling;

pub use crate::model::{ActionShape, Missing, Page};
pub use asking::{Asked, ask, ask_bytes, ask_listed, ask_listed_text, ask_text, fetch_listed};
pub use contract::{
    FailureClassifier, Names, NativeInstaller, RateLimit, RecipeBuilder, RootProbe, Seeder, Shape,
    Source, Toolchain,
};
pub use counted_file::{CountedFile, RankedNames};
pub use listing::{Listing, Row};
pub use page_request::{Answer, PageRequest};
pub use ranking::Ranking;
pub use registry::{EcosystemPlugin, RESERVED_WORDS, Registry, RegistryError};
pub use source_error::{SourceError, SourceErrorKind, Withheld};
pub use spelling::{Spelling, is_windows_device};
