//! `ecosystem list`.

use std::fmt;

use batch_core::model::EcosystemId;
use schemars::JsonSchema;
use serde::Serialize;

use super::{Context, ToolchainReport};
use crate::{cli::out::table, exit::Exit};

pub(super) async fn run(cx: &Context) -> anyhow::Result<Exit> {
    let mut ecosystems = vec![];
    for plugin in cx.env.registry.iter() {
        ecosystems.push(EcosystemReport {
            id: plugin.id.clone(),
            name: plugin.display_name.to_owned(),
            rotation_rank: plugin.rotation_rank,
            aliases: plugin.aliases.iter().map(|alias| (*alias).to_owned()).collect(),
            hosts: plugin
                .rate_limit
                .quotas()
                .iter()
                .map(|quota| format!("{}{}", quota.host, quota.path_prefix))
                .collect(),
            seeder: plugin.seeder.is_some(),
            builder: plugin.recipe_builder.is_some(),
            installer: plugin.installer.is_some(),
            toolchain: ToolchainReport::of(plugin, cx).await,
        });
    }
    cx.out.show(&EcosystemList { ecosystems })?;
    Ok(Exit::Ok)
}

/// What `ecosystem list --json` prints.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::cli) struct EcosystemList {
    /// In rotation order.
    ecosystems: Vec<EcosystemReport>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct EcosystemReport {
    id: EcosystemId,
    name: String,
    rotation_rank: u16,
    /// Other accepted names.
    aliases: Vec<String>,
    /// Hosts and paths that it may request.
    hosts: Vec<String>,
    /// Whether it can fill a queue.
    seeder: bool,
    /// Whether it can make recipes.
    builder: bool,
    /// Whether it can install natively.
    installer: bool,
    /// The tool of the ecosystem; absent when it needs none.
    #[serde(skip_serializing_if = "Option::is_none")]
    toolchain: Option<ToolchainReport>,
}

impl fmt::Display for EcosystemList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let row = |ecosystem: &EcosystemReport| {
            let builder =
                if ecosystem.builder { "builder" } else { "the builder is not available yet" };
            let tool = match &ecosystem.toolchain {
                None => "none needed".to_owned(),
                Some(tool) if tool.found => tool.program.clone(),
                Some(tool) => format!("{} (not usable here)", tool.program),
            };
            let aliases = ecosystem.aliases.join(" ");
            vec![ecosystem.id.to_string(), builder.to_owned(), tool, aliases]
        };
        let rows: Vec<Vec<String>> = self.ecosystems.iter().map(row).collect();
        write!(f, "{}", table(&["ECOSYSTEM", "RECIPES", "TOOL", "ALSO CALLED"], &rows))
    }
}
