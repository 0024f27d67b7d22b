//! The recipes that the package manager carries inside its own program.
//!
//! They are in no folder of recipes, and nobody outside can read which packages they satisfy.
//! Therefore they count as existing when a recipe that names one of them is checked. When a recipe
//! is made, only the recipes of the root and those in its settings count.

use std::collections::BTreeMap;

use batch_core::model::KnownRecipes;

/// As of 2026-08: the recipes that other recipes of the package manager's registry name as
/// dependencies and that have no file there.
const NAMES: &[&str] = &[
    "bash",
    "ca-certificates",
    "gcc-libs",
    "go",
    "libyaml",
    "nodejs",
    "openssl",
    "perl",
    "python-standalone",
    "ruby",
    "rust",
    "zig",
    "zlib",
];

/// These recipes, by name only.
pub fn recipes() -> KnownRecipes {
    let mut known = KnownRecipes::default();
    for name in NAMES {
        if let Ok(name) = name.parse() {
            known.add_named(&name, &BTreeMap::new());
        }
    }
    known
}
