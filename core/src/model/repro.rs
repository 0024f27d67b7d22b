//! What is kept of a failed attempt so that it can be repeated.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::Generation;

/// A failed attempt: what was tested, and everything that was carried out for it. It is stored
/// beside its failure record, as JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Repro {
    /// Version of the format.
    pub schema_version: u32,
    /// The recipe that was tested, or the package whose commands were to be discovered. Absent when
    /// the attempt failed before its validation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<Generation>,
    /// Everything that was carried out until the failure, in this order. In texts, `$WORK` is the work
    /// folder, and secrets are removed.
    pub steps: Vec<RanStep>,
}

/// A step that was carried out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", tag = "kind", deny_unknown_fields)]
pub enum RanStep {
    /// A program was run.
    Program {
        /// The program and its arguments. No shell is involved unless the program is one.
        argv: Vec<String>,
        /// The variables besides those that the sandbox sets itself.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        variables: BTreeMap<String, String>,
        /// The folders before the usual ones on `PATH`.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        path: Vec<String>,
        /// Whether it ran in the sandbox.
        is_sandboxed: bool,
        /// Whether it had network.
        has_network: bool,
        /// Its exit code; absent when it was stopped or could not be started.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        exit_code: Option<i32>,
    },
    /// This program did something itself: a download, an extraction, a link.
    Own {
        /// What, in words.
        what: String,
    },
}
