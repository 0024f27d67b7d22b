//! Stored outputs, and references to them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A reference to an output under `data/outputs/`. Equal outputs are stored once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OutputRef {
    /// SHA-256 of the stored text, 64 hexadecimal digits.
    pub sha256: String,
    /// Size of the stored text.
    pub bytes: u64,
    /// Whether the middle of the output was left out.
    pub truncated: bool,
}

/// A stored output with its digest: a line of `data/archive/<month>/outputs.jsonl.zst`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OutputRecord {
    /// Version of this line's format.
    pub schema_version: u32,
    /// SHA-256 of `text`, 64 lower-case hexadecimal digits.
    pub sha256: String,
    /// The whole text.
    pub text: String,
}
