//! Results for the following jobs of a workflow of GitHub Actions.

use std::{fs::OpenOptions, io::Write as _, path::PathBuf};

use anyhow::Context as _;

/// Where results for the following jobs are written.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct OutputArgs {
    /// Add results for the following jobs of a workflow to this file, as lines `name=value`
    #[arg(long, value_name = "FILE")]
    outputs: Option<PathBuf>,
}

impl OutputArgs {
    /// Whether there are following jobs.
    pub(in crate::cli) fn are_wanted(&self) -> bool {
        self.outputs.is_some()
    }

    /// Adds `results`, names with values. A value has one line, so that none can add another result.
    pub(in crate::cli) fn write(&self, results: &[(&str, &str)]) -> anyhow::Result<()> {
        let Some(path) = &self.outputs else { return Ok(()) };
        let mut text = String::new();
        for (name, value) in results {
            anyhow::ensure!(!value.contains(['\n', '\r']), "the result {name} has several lines");
            text.extend([name, "=", value, "\n"]);
        }
        let file = OpenOptions::new().append(true).create(true).open(path);
        file.and_then(|mut file| file.write_all(text.as_bytes()))
            .with_context(|| format!("cannot write results to {}", path.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::disallowed_methods, reason = "a file of the test")]
    fn results_are_added_and_a_value_of_two_lines_adds_none() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("outputs");
        let outputs = OutputArgs { outputs: Some(path.clone()) };
        outputs.write(&[("a", "1"), ("b", "{}")]).unwrap();
        assert!(outputs.write(&[("c", "x"), ("d", "y\nGITHUB_TOKEN=z")]).is_err());
        outputs.write(&[("e", "2")]).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "a=1\nb={}\ne=2\n");
        let none = OutputArgs { outputs: None };
        none.write(&[("a", "1")]).unwrap();
        assert!(outputs.are_wanted() && !none.are_wanted());
    }
}
