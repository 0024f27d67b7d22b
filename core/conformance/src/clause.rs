//! Quotations of the contract, so that the source of each rule can be found.

use std::fmt;

const CONTRACT: &str = include_str!("../../src/plugin/contract.rs");
const SOURCE_ERROR: &str = include_str!("../../src/plugin/source_error.rs");
const REGISTRY: &str = include_str!("../../src/plugin/registry.rs");
const QUOTA: &str = include_str!("../../src/model/quota.rs");
const INSTALL: &str = include_str!("../../src/model/install.rs");
const PACKAGE: &str = include_str!("../../src/model/package.rs");
const EXECUTABLES: &str = include_str!("../../src/model/executables.rs");
const README: &str = include_str!("../README.md");

/// A quotation of the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Clause {
    /// The file of the quotation, relative to the top of the checkout.
    pub file: &'static str,
    /// The item that the quoted comment describes.
    pub item: &'static str,
    /// One line of that file, or a part of a line.
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

    pub(super) const fn source_error(item: &'static str, text: &'static str) -> Self {
        Self::new(("core/src/plugin/source_error.rs", SOURCE_ERROR), item, text)
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

    pub(super) const fn executables(item: &'static str, text: &'static str) -> Self {
        Self::new(("core/src/model/executables.rs", EXECUTABLES), item, text)
    }

    pub(super) const fn readme(item: &'static str, text: &'static str) -> Self {
        Self::new(("core/conformance/README.md", README), item, text)
    }

    /// The line number of the quotation, counted from 1; `None` if the file no longer contains it.
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
