//! `ecosystem matrix`: the ecosystems as the matrix of a job.

use std::fmt;

use batch_core::model::EcosystemId;
use schemars::JsonSchema;
use serde::Serialize;

use super::Context;
use crate::{
    cli::{names, outputs::OutputArgs},
    exit::Exit,
};

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    /// Ecosystems, by id or alias, or `all`; one word may hold several of them with blanks in between
    #[arg(value_name = "ID", required = true)]
    ecosystems: Vec<String>,
    #[command(flatten)]
    outputs: OutputArgs,
}

pub(super) fn run(args: &Args, cx: &Context) -> anyhow::Result<Exit> {
    let chosen = names::ecosystems(&cx.env.registry, &args.ecosystems)?;
    let job = |id: &EcosystemId| EcosystemJob { ecosystem: id.clone() };
    let include = chosen.iter().map(|plugin| job(&plugin.id)).collect();
    let matrix = EcosystemMatrix { include };
    cx.out.show(&matrix)?;
    args.outputs.write(&[("matrix", &serde_json::to_string(&matrix)?)])?;
    Ok(Exit::Ok)
}

/// What `ecosystem matrix --json` prints: the matrix of a job of GitHub Actions.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::cli) struct EcosystemMatrix {
    /// One job for each ecosystem, in rotation order.
    include: Vec<EcosystemJob>,
}

/// The job of an ecosystem.
#[derive(Debug, Serialize, JsonSchema)]
struct EcosystemJob {
    ecosystem: EcosystemId,
}

impl fmt::Display for EcosystemMatrix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.include.iter().try_for_each(|EcosystemJob { ecosystem }| writeln!(f, "{ecosystem}"))
    }
}
