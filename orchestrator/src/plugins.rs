//! The ecosystems of this program: one line for each, and nothing else to do.
//!
//! A dependency that no code mentions is not linked. A missing line is a compile error
//! (`unused_crate_dependencies`). If the dependency is missing too, a test fails.

use batch_core::plugin::{Registry, RegistryError};
use eco_cargo as _;
use eco_cask as _;
use eco_cpan as _;
use eco_go as _;
use eco_homebrew as _;
use eco_npm as _;
use eco_pypi as _;
use eco_rubygems as _;

/// Every ecosystem of this program.
pub fn registry() -> Result<Registry, RegistryError> {
    Registry::linked()
}
