//! The steps that recipes of every ecosystem use.

use crate::model::{ActionShape, Versions};

/// The versions of a GitHub repository are its releases.
const OF_REPOSITORY: Versions = Versions::Derived {
    source: "github_releases",
    from: "repo",
    key: "github_repo",
    derive: str::to_owned,
};

const GENERIC: &[ActionShape] = &[
    ActionShape::new("apk_install", &["packages"]),
    ActionShape::new("apt_install", &["packages"]),
    ActionShape::new("brew_cask", &["packages"]),
    ActionShape::new("brew_install", &["packages"]),
    ActionShape::new("chmod", &["files"]),
    ActionShape::new("cmake_build", &["source_dir"]),
    ActionShape::new("configure_make", &["source_dir"]),
    ActionShape::new("dnf_install", &["packages"]),
    ActionShape::new("download", &["url"]),
    ActionShape::new("download_archive", &["url"]),
    ActionShape::new("download_file", &["url", "checksum"]),
    ActionShape::new("extract", &["archive", "format"]),
    ActionShape::new("fossil_archive", &[]).versioned(Versions::Inferred("fossil")),
    ActionShape::new("github_archive", &["repo", "asset_pattern"]).versioned(OF_REPOSITORY),
    ActionShape::new("github_file", &["repo", "asset_pattern"]).versioned(OF_REPOSITORY),
    ActionShape::new("install_binaries", &[]),
    ActionShape::new("install_completions", &["target"]),
    ActionShape::new("install_libraries", &[]),
    ActionShape::new("install_program_files", &["files"]),
    ActionShape::new("install_shell_init", &["target"]),
    ActionShape::new("link_dependencies", &[]),
    ActionShape::new("manual", &["text"]),
    ActionShape::new("meson_build", &[]),
    ActionShape::new("nix_install", &["package", "executables"])
        .versioned(Versions::Named("nixpkgs")),
    ActionShape::new("pacman_install", &["packages"]),
    ActionShape::new("patches", &[]),
    ActionShape::new("require_command", &["command"]),
    ActionShape::new("run_command", &["command"]),
    ActionShape::new("set_env", &["vars"]),
    ActionShape::new("set_rpath", &["rpath"]),
    ActionShape::new("setup_build_env", &[]),
    ActionShape::new("zypper_install", &["packages"]),
];

/// Whether recipes of every ecosystem may have the step `name`.
pub fn is_generic_step(name: &str) -> bool {
    GENERIC.iter().any(|shape| shape.name == name)
}

/// The actions that a recipe may have, including those of single ecosystems.
#[derive(Clone, Copy)]
pub(super) struct Actions<'a> {
    own: &'a [ActionShape],
}

impl<'a> Actions<'a> {
    pub(super) fn new(own: &'a [ActionShape]) -> Self {
        Self { own }
    }

    fn all(self) -> impl Iterator<Item = &'a ActionShape> {
        GENERIC.iter().chain(self.own)
    }

    pub(super) fn find(self, name: &str) -> Option<&'a ActionShape> {
        self.all().find(|shape| shape.name == name)
    }

    /// The action whose name is most similar to `name`, if one is similar enough.
    pub(super) fn nearest(self, name: &str) -> Option<&'static str> {
        let distance = |shape: &ActionShape| (strsim::osa_distance(name, shape.name), shape.name);
        let (distance, nearest) = self.all().map(distance).min()?;
        (distance <= 3 && distance < nearest.len()).then_some(nearest)
    }

    /// Whether an action has its versions from `source`.
    pub(super) fn has_source(self, source: &str) -> bool {
        self.all().any(|shape| shape.versions.source() == Some(source))
    }
}
