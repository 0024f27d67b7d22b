//! The JSON on the program's standard output. Lines with warnings can precede it.

use serde::{Deserialize, de::DeserializeOwned};

/// The most lines that are tried as the start of JSON. A hostile output can have any number of them.
const MAX_STARTS: usize = 32;

/// The output of `install --sandbox --json`, for success and failure.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct OfContainer {
    pub(super) passed: bool,
    #[serde(default)]
    pub(super) verified: bool,
    pub(super) install_exit_code: i32,
    pub(super) verify_exit_code: i32,
    /// The output of a failed installation.
    #[serde(default)]
    pub(super) install_output: Option<String>,
    /// The output of a failed verification.
    #[serde(default)]
    pub(super) verify_output: Option<String>,
    #[serde(default)]
    pub(super) error: Option<String>,
}

/// The output of `install --json` after a failure. After a success there is none.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct OfFailure {
    #[serde(rename = "status")]
    pub(super) _status: ErrorStatus,
    #[serde(default)]
    pub(super) category: String,
    #[serde(default)]
    pub(super) subcategory: String,
    #[serde(default)]
    pub(super) message: String,
    #[serde(default)]
    pub(super) missing_recipes: Option<Vec<String>>,
}

/// The one status that the program prints.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum ErrorStatus {
    Error,
}

/// The output of `eval`, without the steps of the plan, which are not used here.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct OfPlan {
    #[serde(rename = "format_version")]
    pub(super) _format_version: u32,
    #[serde(rename = "tool")]
    pub(super) _tool: String,
}

/// The first JSON object in `stdout` that starts a line and can be read as a `T`.
pub(super) fn find<T: DeserializeOwned>(stdout: &str) -> Option<T> {
    let begins_line =
        |at: &usize| stdout[..*at].rsplit('\n').next().is_none_or(|line| line.trim().is_empty());
    let starts = stdout.match_indices('{').map(|(at, _)| at).filter(begins_line);
    starts
        .take(MAX_STARTS)
        .find_map(|at| serde_json::Deserializer::from_str(&stdout[at..]).into_iter().next()?.ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    const FAILURE: &str = r#"{"status":"error","category":"missing_dep","message":"a \u0026 b","missing_recipes":[]}"#;

    #[test]
    fn json_is_found_behind_warnings_and_however_it_is_laid_out() {
        let found = |stdout: &str| find::<OfFailure>(stdout).map(|it| it.message);
        let expected = Some("a & b".to_owned());
        assert_eq!(found(FAILURE), expected);
        assert_eq!(found(&format!("Warning: 'x' shadows\n{FAILURE}\nbye\n")), expected);
        assert_eq!(found(&FAILURE.replace(',', ",\n  ")), expected);
        assert_eq!(found(&format!("{{not json\n  {FAILURE}")), expected);
        assert_eq!(found(&format!("{{\"plan\":1}}\n{FAILURE}")), expected);
    }

    #[test]
    fn what_is_no_such_json_is_not_found() {
        for stdout in ["", "{", "null", "[]", r#"{"status":"ok"}"#, "see {\"status\":\"error\"}"] {
            assert_eq!(find::<OfFailure>(stdout), None, "{stdout}");
        }
        assert_eq!(find::<OfFailure>(&"{\n".repeat(100_000)), None);
        let half = &FAILURE[..FAILURE.len() - 4];
        assert_eq!(find::<OfFailure>(half), None);
    }
}
