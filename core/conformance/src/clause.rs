//! What the contract says, by its own words: a rule that quotes it can be looked up.

use std::fmt;

const CONTRACT: &str = include_str!("../../src/plugin/contract.rs");
const REGISTRY: &str = include_str!("../../src/plugin/registry.rs");
const QUOTA: &str = include_str!("../../src/model/quota.rs");
const INSTALL: &str = include_str!("../../src/model/install.rs");
const PACKAGE: &str = include_str!("../../src/model/package.rs");
const README: &str = include_str!("../README.md");

/// Words of the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Clause {
    /// Where they stand, from the top of the checkout.
    pub file: &'static str,
    /// Whose words they are.
    pub item: &'static str,
    /// One line of that file, or part of it.
    pub text: &'static str,
    source: &'static str,
}

impl Clause {
    const fn new(
        (file, source): (&'static str, &'static str),
        item: &'static str,
        text: &'static str,
    ) -> Self {
        Self { file, item, text, source }
    }

    pub(super) const fn contract(item: &'static str, text: &'static str) -> Self {
        Self::new(("core/src/plugin/contract.rs", CONTRACT), item, text)
    }

    pub(super) const fn registry(item: &'static str, text: &'static str) -> Self {
        Self::new(("core/src/plugin/registry.rs", REGISTRY), item, text)
    }

    pub(super) const fn quota(item: &'static str, text: &'static str) -> Self {
        Self::new(("core/src/model/quota.rs", QUOTA), item, text)
    }

    pub(super) const fn install(item: &'static str, text: &'static str) -> Self {
        Self::new(("core/src/model/install.rs", INSTALL), item, text)
    }

    pub(super) const fn package(item: &'static str, text: &'static str) -> Self {
        Self::new(("core/src/model/package.rs", PACKAGE), item, text)
    }

    pub(super) const fn readme(item: &'static str, text: &'static str) -> Self {
        Self::new(("core/conformance/README.md", README), item, text)
    }

    /// Counted from 1; `None` when the file does not say so any more.
    pub fn line(&self) -> Option<usize> {
        let line = self.source.lines().position(|line| line.contains(self.text));
        line.map(|line| line + 1)
    }
}

impl fmt::Display for Clause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line = self.line().map(|line| format!(":{line}")).unwrap_or_default();
        write!(f, "{}{line}: {} - {}", self.file, self.item, self.text)
    }
}
