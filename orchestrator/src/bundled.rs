//! The recipes that the package manager carries in its own program.
//!
//! They are in no folder of recipes, and which packages they satisfy nobody outside can read. So to
//! judge a recipe that names one they count as there; to make one, only those count that a root has or
//! its settings name.

use std::collections::BTreeMap;

use batch_core::model::KnownRecipes;

/// As of 2026-08: those that recipes of its registry depend on and that lie in no file there.
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

/// Those recipes, by name only.
pub fn recipes() -> KnownRecipes {
    let mut known = KnownRecipes::default();
    for name in NAMES {
        if let Ok(name) = name.parse() {
            known.add_named(&name, &BTreeMap::new());
        }
    }
    known
}
