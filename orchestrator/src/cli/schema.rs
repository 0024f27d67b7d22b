//! `schema`: the JSON schemas of all files and outputs, generated from the types.

use std::{fmt, path::PathBuf};

use serde::Serialize;

use super::{Context, Refusal};
use crate::{exit::Exit, schema};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Folder of the schemas [default: data/schemas/ under the root]
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Change nothing; fail if a file differs from its type
    #[arg(long)]
    check: bool,
}

pub(super) fn run(args: &Args, cx: &Context) -> anyhow::Result<Exit> {
    let default = || batch_core::io::Layout::new(&cx.root).schemas();
    let dir = args.dir.clone().unwrap_or_else(default);
    let mut report = SchemaReport { written: vec![], unchanged: 0 };
    for (name, text) in schema::all(super::output_schemas()) {
        let path = dir.join(format!("{name}.schema.json"));
        if schema::is_written(&path, &text)? {
            report.unchanged += 1;
            continue;
        }
        if args.check {
            let remedy = "write it with `tsuku-batch schema`";
            let message = format!("{} differs from its type; {remedy}", path.display());
            return Err(Refusal { exit: Exit::State, message }.into());
        }
        schema::write(&path, &text)?;
        report.written.push(path.display().to_string());
    }
    cx.out.show(&report)?;
    Ok(Exit::Ok)
}

#[derive(Debug, Serialize)]
struct SchemaReport {
    written: Vec<String>,
    unchanged: usize,
}

impl fmt::Display for SchemaReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for path in &self.written {
            writeln!(f, "written  {path}")?;
        }
        writeln!(f, "{} unchanged", self.unchanged)
    }
}
