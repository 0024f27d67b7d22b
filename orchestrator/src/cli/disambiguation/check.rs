//! `disambiguation check`.

use std::fmt;

use batch_core::{
    io::Http,
    model::{CommandName, CuratedSource, Executables, PackageFacts, PackageId},
    plugin::SourceError,
};
use schemars::JsonSchema;
use serde::Serialize;

use super::World;
use crate::{
    cli::{Context, Refusal, names, out::table, signal::cancel_on_signal, stops},
    exit::Exit,
    net,
};

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    /// Only the overrides of these tools
    #[arg(value_name = "TOOL")]
    tools: Vec<String>,
}

pub(super) async fn run(args: &Args, cx: &Context) -> anyhow::Result<Exit> {
    let world = World::read(cx)?;
    let routing = world.routing(cx)?;
    let (control, stops) = (world.root.control(&cx.env.registry)?, stops::now(cx, &world.root)?);
    let all: Vec<&CuratedSource> = routing.overrides.iter().collect();
    let known: Vec<String> = all.iter().map(|source| source.tool.to_string()).collect();
    if let Some(odd) = args.tools.iter().find(|tool| !known.contains(tool)) {
        let near = names::nearest(odd, &known);
        return Err(Refusal::not_found(format!("there is no override of {odd:?}{near}")));
    }
    cancel_on_signal(cx);
    let http = net::polite(&cx.env, &world.root.settings, &world.root.layout.cache(), &control)?;
    let (mut report, mut n_stopped) = (CheckReport { checked: vec![] }, 0);
    let is_wanted = |source: &&CuratedSource| {
        args.tools.is_empty() || args.tools.iter().any(|tool| source.tool.as_str() == *tool)
    };
    for source in all.into_iter().filter(is_wanted) {
        let id = &source.selected.ecosystem;
        let found = if let Some(stop) = stops.get(id) {
            n_stopped += 1;
            let why = stops::in_words(stop, id, (&control, cx.env.clock.now()));
            Found::undecided(format!("{id}: {why}"))
        } else {
            tokio::select! {
                found = ask(source, &*http, cx) => found,
                () = cx.stop.token().cancelled() => return Ok(Exit::Interrupted),
            }
        };
        let tool = source.tool.to_string();
        report.checked.push(Checked { tool, selected: source.selected.clone(), found });
    }
    let has_failed = report.checked.iter().any(|it| it.found.verdict == Verdict::Wrong);
    cx.out.show(&report)?;
    Ok(if has_failed {
        Exit::PackageFailed
    } else if 0 < n_stopped && n_stopped == report.checked.len() {
        Exit::Unavailable
    } else {
        Exit::Ok
    })
}

async fn ask(source: &CuratedSource, http: &dyn Http, cx: &Context) -> Found {
    let id = &source.selected;
    let builder = cx.env.registry.get(&id.ecosystem).and_then(|plugin| plugin.recipe_builder);
    let Some(builder) = builder else {
        return Found::undecided(format!("no plugin asks about packages of {}", id.ecosystem));
    };
    let answer = builder.inspect(http, &id.name).await;
    judged(source, answer)
}

/// What the answer of a registry means. An error decides nothing: a registry that does not answer has
/// not said that the package is gone.
fn judged(source: &CuratedSource, answer: Result<Option<PackageFacts>, SourceError>) -> Found {
    let tool = source.tool.as_str();
    let facts = match answer {
        Err(error) => return Found::undecided(error.to_string()),
        Ok(None) => return Found::wrong(format!("{} does not exist any more", source.selected)),
        Ok(Some(facts)) => facts,
    };
    let suggestion = (facts.id != source.selected).then(|| facts.id.clone());
    let found = match &facts.executables {
        Executables::Unknown(unknown) => {
            Found::undecided(format!("its commands are not known: {}", unknown.reason))
        }
        Executables::Known(commands) if commands.iter().any(|it| it.as_str() == tool) => {
            Found { verdict: Verdict::Right, why: String::new(), suggestion: None, notes: vec![] }
        }
        Executables::Known(commands) => {
            let names: Vec<&str> = commands.iter().map(CommandName::as_str).collect();
            let names = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
            Found::wrong(format!("it does not provide the command {tool}; its commands: {names}"))
        }
    };
    Found { suggestion, notes: facts.notes, ..found }
}

/// What `disambiguation check --json` prints.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "OverrideCheckReport")]
pub(crate) struct CheckReport {
    /// The overrides that were checked.
    checked: Vec<Checked>,
}

/// An override that was checked.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "CheckedOverride")]
struct Checked {
    /// The tool.
    tool: String,
    /// The package that it is taken from.
    selected: PackageId,
    /// What the registry says.
    found: Found,
}

/// What a registry says about an override.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "CheckedSource")]
struct Found {
    verdict: Verdict,
    /// Why.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    why: String,
    /// The package that the registry names instead. It is never used unless somebody selects it.
    #[serde(skip_serializing_if = "Option::is_none")]
    suggestion: Option<PackageId>,
    /// What a person should know about the package, for example that it is deprecated.
    notes: Vec<String>,
}

/// Whether an override is right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "OverrideVerdict")]
enum Verdict {
    /// The package exists and provides the tool.
    Right,
    /// It does not exist any more, or does not provide the tool.
    Wrong,
    /// The registry did not say. The override stays as it is.
    Undecided,
}

impl Found {
    fn wrong(why: String) -> Self {
        Self { verdict: Verdict::Wrong, why, suggestion: None, notes: vec![] }
    }

    fn undecided(why: String) -> Self {
        Self { verdict: Verdict::Undecided, why, suggestion: None, notes: vec![] }
    }
}

impl fmt::Display for CheckReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let row = |Checked { tool, selected, found }: &Checked| {
            let verdict = match found.verdict {
                Verdict::Right => "right",
                Verdict::Wrong => "wrong",
                Verdict::Undecided => "undecided",
            };
            let moved = found.suggestion.as_ref().map(|id| {
                format!("it may have moved: `tsuku-batch disambiguation add {tool} --select {id}`")
            });
            let why = (!found.why.is_empty()).then(|| found.why.clone());
            let whys: Vec<String> =
                why.into_iter().chain(moved).chain(found.notes.iter().cloned()).collect();
            vec![tool.clone(), selected.to_string(), verdict.to_owned(), whys.join("; ")]
        };
        let rows: Vec<_> = self.checked.iter().map(row).collect();
        write!(f, "{}", table(&["TOOL", "TAKEN FROM", "VERDICT", "WHY"], &rows))
    }
}

#[cfg(test)]
mod tests {
    use batch_core::model::SCHEMA_VERSION;

    use super::*;

    #[test]
    fn only_a_clear_answer_decides_and_a_move_is_only_suggested() {
        let source = CuratedSource {
            schema_version: SCHEMA_VERSION,
            tool: "roar".parse().unwrap(),
            selected: "zoo:lion".parse().unwrap(),
            recipe_name: None,
            alternatives: vec![],
            selection_reason: "curated".to_owned(),
            high_risk: false,
            reviewed_at: None,
            expires_at: None,
        };
        let facts = |id: &str, commands: &[&str]| {
            let commands: Vec<String> = commands.iter().map(|&it| it.to_owned()).collect();
            let id = id.parse().unwrap();
            PackageFacts::of_commands(id, "1".to_owned(), "zoo_install", &commands)
        };
        let verdict = |facts: Option<PackageFacts>| judged(&source, Ok(facts)).verdict;
        assert_eq!(verdict(Some(facts("zoo:lion", &["purr", "roar"]))), Verdict::Right);
        assert_eq!(verdict(Some(facts("zoo:lion", &["purr"]))), Verdict::Wrong);
        assert_eq!(verdict(None), Verdict::Wrong);
        assert_eq!(verdict(Some(facts("zoo:lion", &["-rf"]))), Verdict::Undecided);
        let moved = judged(&source, Ok(Some(facts("zoo:lion2", &["roar"]))));
        assert_eq!(moved.suggestion, Some("zoo:lion2".parse().unwrap()));
    }
}
