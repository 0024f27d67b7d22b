//! `ecosystem show`.

use std::fmt;

use batch_core::{
    io::Layout,
    model::{EcosystemId, Os},
    plugin::{EcosystemPlugin, Seeder},
};
use schemars::JsonSchema;
use serde::Serialize;

use super::{Context, ToolchainReport};
use crate::{
    cli::{
        names,
        out::table,
        quotas::{QuotaReport, Quotas},
    },
    env,
    exit::Exit,
};

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    /// Ecosystem, by its id or an alias
    ecosystem: String,
}

/// Names of many forms: some are valid in some registry, some are valid in none.
const SPELLINGS: &[&str] = &[
    "jq",
    "Foo_Bar",
    "foo.bar",
    "@scope/name",
    "App::Ack",
    "App-Ack",
    "python@3.13",
    "github.com/cli/cli/v2",
    "UPPER",
    "../x",
    "a b",
    "-rf",
    "a%2fb",
];

pub(super) async fn run(args: &Args, cx: &Context) -> anyhow::Result<Exit> {
    let plugin = names::ecosystem(&cx.env.registry, &args.ecosystem)?;
    let toolchain = ToolchainReport::of(plugin, cx).await;
    let settings = env::settings(&Layout::new(&cx.root))?;
    let quotas = Quotas::here(&cx.env.registry, &settings)?.of(plugin);
    cx.out.show(&EcosystemDetails::new(plugin, toolchain, quotas))?;
    Ok(Exit::Ok)
}

/// What `ecosystem show --json` prints.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::cli) struct EcosystemDetails {
    id: EcosystemId,
    name: String,
    rotation_rank: u16,
    /// Other accepted names.
    aliases: Vec<String>,
    /// The only system on which its packages are installed; absent when any system will do.
    #[serde(skip_serializing_if = "Option::is_none")]
    local_os: Option<&'static str>,
    /// Whether it can fill a queue.
    seeder: bool,
    /// The sources that its seeder reads.
    sources: Vec<String>,
    /// Whether it can make recipes.
    builder: bool,
    /// Whether it can install natively.
    installer: bool,
    /// The recipe steps that only its recipes use.
    recipe_actions: Vec<String>,
    /// The tool of the ecosystem; absent when it needs none.
    #[serde(skip_serializing_if = "Option::is_none")]
    toolchain: Option<ToolchainReport>,
    /// All hosts and paths that it may request.
    quotas: Vec<QuotaReport>,
    /// Examples of its rules for names.
    names: Vec<NameExample>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct NameExample {
    /// A name as a person may write it.
    written: String,
    /// The registry's own spelling; absent when the name is refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    read_as: Option<String>,
    /// Why it is refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    refused: Option<String>,
}

impl EcosystemDetails {
    fn new(
        plugin: &EcosystemPlugin,
        toolchain: Option<ToolchainReport>,
        quotas: Vec<QuotaReport>,
    ) -> Self {
        let texts = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect();
        let sources = plugin.seeder.map(Seeder::sources).unwrap_or_default();
        let example = |&written: &&str| {
            let (read_as, refused) = match plugin.names.normalise(written) {
                Ok(name) => (Some(name.to_string()), None),
                Err(error) => (None, Some(error.to_string())),
            };
            NameExample { written: written.to_owned(), read_as, refused }
        };
        Self {
            id: plugin.id.clone(),
            name: plugin.display_name.to_owned(),
            rotation_rank: plugin.rotation_rank,
            aliases: texts(plugin.aliases),
            local_os: plugin.local_os.map(Os::as_str),
            seeder: plugin.seeder.is_some(),
            sources: sources.iter().map(|source| source.url.to_owned()).collect(),
            builder: plugin.recipe_builder.is_some(),
            installer: plugin.installer.is_some(),
            recipe_actions: plugin.recipe_actions.iter().map(|it| it.name.to_owned()).collect(),
            toolchain,
            quotas,
            names: SPELLINGS.iter().map(example).collect(),
        }
    }
}

impl fmt::Display for EcosystemDetails {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let has = |is_there: bool| if is_there { "yes" } else { "not available yet" };
        let any = |text: String| if text.is_empty() { "none".to_owned() } else { text };
        let tool = match &self.toolchain {
            None => "none needed".to_owned(),
            Some(tool) if tool.found => format!("{}, found here", tool.program),
            Some(tool) => format!("{}, not usable here", tool.program),
        };
        writeln!(f, "{} ({}), place {} in the rotation", self.id, self.name, self.rotation_rank)?;
        writeln!(f, "also called  {}", any(self.aliases.join(" ")))?;
        writeln!(f, "seeder       {}", has(self.seeder))?;
        writeln!(f, "builder      {}", has(self.builder))?;
        writeln!(f, "installer    {}", has(self.installer))?;
        writeln!(f, "own steps    {}", any(self.recipe_actions.join(" ")))?;
        writeln!(f, "tool         {tool}")?;
        if let Some(os) = self.local_os {
            writeln!(f, "only on      {os}")?;
        }
        for source in &self.sources {
            writeln!(f, "source       {source}")?;
        }
        writeln!(f)?;
        let quota = |it: &QuotaReport| {
            let here = if it.here == it.declared { "the same" } else { &it.here.to_string() };
            let purpose = it.purpose.as_str().to_owned();
            vec![it.place.clone(), purpose, it.declared.to_string(), here.to_owned()]
        };
        let rows: Vec<Vec<String>> = self.quotas.iter().map(quota).collect();
        writeln!(f, "{}", table(&["MAY BE ASKED", "FOR", "AS DECLARED", "HERE"], &rows))?;
        let name = |it: &NameExample| {
            let refused = it.refused.as_ref().map(|why| format!("refused: {why}"));
            vec![it.written.clone(), it.read_as.clone().or(refused).unwrap_or_default()]
        };
        let rows: Vec<Vec<String>> = self.names.iter().map(name).collect();
        write!(f, "{}", table(&["INPUT", "READ AS"], &rows))
    }
}
