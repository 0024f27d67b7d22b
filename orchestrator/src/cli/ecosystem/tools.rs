//! `ecosystem tools`: checks that this machine has what a job needs.

use std::fmt;

use batch_core::model::EcosystemId;
use schemars::JsonSchema;
use serde::Serialize;

use super::{Context, ToolchainReport};
use crate::{
    cli::{annotation::Annotation, names},
    exit::Exit,
};

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    /// Ecosystems, by id or alias, or `all`; one word may hold several of them with blanks in between
    #[arg(value_name = "ID", required = true)]
    ecosystems: Vec<String>,
}

pub(super) async fn run(args: &Args, cx: &Context) -> anyhow::Result<Exit> {
    let mut report = ToolsReport { ecosystems: vec![] };
    for plugin in names::ecosystems(&cx.env.registry, &args.ecosystems)? {
        let tool = ToolchainReport::of(plugin, cx).await;
        report.ecosystems.push(NeededTool { ecosystem: plugin.id.clone(), tool });
    }
    cx.out.show(&report)?;
    let annotations = report.missing().map(|(ecosystem, program)| {
        Annotation::error(&format!("{program} is missing"), &missing(ecosystem, program))
    });
    cx.out.annotate(annotations)?;
    let is_complete = report.missing().next().is_none();
    Ok(if is_complete { Exit::Ok } else { Exit::Unavailable })
}

fn missing(ecosystem: &EcosystemId, program: &str) -> String {
    format!(
        "{program}, the tool of {ecosystem}, is not on this machine or cannot be used in a sandbox; install it, \
         and see with `tsuku-batch -vv ecosystem show {ecosystem}` why it cannot be used"
    )
}

/// What `ecosystem tools --json` prints.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::cli) struct ToolsReport {
    /// Those that were asked for, in rotation order.
    ecosystems: Vec<NeededTool>,
}

/// What an ecosystem needs.
#[derive(Debug, Serialize, JsonSchema)]
struct NeededTool {
    ecosystem: EcosystemId,
    /// Its tool; absent when it needs none.
    #[serde(skip_serializing_if = "Option::is_none")]
    tool: Option<ToolchainReport>,
}

impl ToolsReport {
    /// The ecosystems whose tools are missing, with the names of the programs.
    fn missing(&self) -> impl Iterator<Item = (&EcosystemId, &str)> {
        self.ecosystems.iter().filter_map(|NeededTool { ecosystem, tool }| {
            let tool = tool.as_ref().filter(|tool| !tool.found)?;
            Some((ecosystem, &*tool.program))
        })
    }
}

impl fmt::Display for ToolsReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for NeededTool { ecosystem, tool } in &self.ecosystems {
            match tool {
                None => writeln!(f, "ok    {ecosystem} needs no tool")?,
                Some(tool) if tool.found => writeln!(f, "ok    {ecosystem}: {}", tool.program)?,
                Some(tool) => writeln!(f, "fail  {}", missing(ecosystem, &tool.program))?,
            }
        }
        Ok(())
    }
}
