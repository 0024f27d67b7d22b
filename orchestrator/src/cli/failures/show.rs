//! `failures show`.

use std::fmt;

use batch_core::{
    decide::{
        headline::{Headline, Owner, Remedy},
        shell_word::shell_word,
    },
    io::StateReader as _,
    model::FailureRecord,
};
use chrono::SubsecRound as _;
use schemars::JsonSchema;
use serde::Serialize;

use crate::{
    cli::{
        Context,
        damage::{self, Damage},
    },
    env::Root,
    exit::Exit,
    explained::of_stored,
};

pub(super) fn run(id: &str, root: &Root, cx: &Context) -> anyhow::Result<Exit> {
    let mut damage = Damage::default();
    let record = super::find(id, root, cx, &mut damage)?;
    let stored = record.output.as_ref().map(|output| root.state.output(&output.sha256));
    let output = match stored.transpose() {
        Ok(output) => output.flatten(),
        Err(error) if error.kind.is_about_the_file() => {
            damage.note(&error);
            None
        }
        Err(error) => return Err(error.into()),
    };
    let registry = &cx.env.registry;
    let (Headline { line: headline, owner }, Remedy { text: remediation, command }) =
        of_stored(&record, registry);
    let problems = damage.into_problems();
    let report = FailureReport { record, headline, owner, remediation, command, output, problems };
    cx.out.show(&report)?;
    Ok(Exit::Ok)
}

/// What `failures show --json` prints.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::cli) struct FailureReport {
    /// As stored.
    record: FailureRecord,
    /// What happened, to what, and whose fault it is; one line. It is not stored: it follows from
    /// the record by the rules of this version.
    headline: String,
    /// Whose fault it is.
    owner: Owner,
    /// What a person can do about it.
    remediation: String,
    /// A command for a POSIX shell that does it or shows more; absent where nobody needs to do
    /// anything.
    #[serde(skip_serializing_if = "Option::is_none")]
    command: Option<String>,
    /// The whole output of the failing program; absent when no program was run.
    #[serde(skip_serializing_if = "Option::is_none")]
    output: Option<String>,
    /// What could not be read, each with file, position, reason and remedy.
    problems: Vec<String>,
}

impl fmt::Display for FailureReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let record = &self.record;
        writeln!(f, "{}", record.id)?;
        writeln!(f, "  package      {}", record.package_id)?;
        writeln!(f, "  kind         {}/{}", record.category(), record.subcategory())?;
        writeln!(f, "  happened     {}", self.headline)?;
        writeln!(f, "  whose fault  {}", self.owner)?;
        writeln!(f, "  what to do   {}", self.remediation)?;
        if let Some(command) = &self.command {
            writeln!(f, "               {command}")?;
        }
        writeln!(f, "  run          {}", record.batch_id)?;
        writeln!(f, "  ended        {}", record.timestamp.trunc_subsecs(0))?;
        if let Some(environment) = &record.environment {
            writeln!(f, "  environment  {environment}")?;
        }
        if let Some(service) = &record.service {
            writeln!(f, "  service      {service}")?;
        }
        if let Some(from) = record.executables_from {
            writeln!(f, "  commands     from {from}")?;
        }
        for note in &record.notes {
            writeln!(f, "  note         {note}")?;
        }
        writeln!(f, "  repeat it    tsuku-batch repro {}", shell_word(&record.id))?;
        writeln!(f, "\n{}", record.message)?;
        if let Some(output) = &self.output {
            writeln!(f, "\nWhole output:\n{output}")?;
        }
        damage::write_problems(f, &self.problems)
    }
}
