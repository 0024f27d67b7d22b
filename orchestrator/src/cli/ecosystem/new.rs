//! `ecosystem new`: creates a crate that compiles and is linked.

use std::{fmt, path::PathBuf};

use batch_core::model::EcosystemId;
use schemars::JsonSchema;
use serde::Serialize;
use tokio::signal::unix::{SignalKind, signal};

use super::Context;
use crate::{
    cli::Refusal,
    exit::Exit,
    scaffold::{AddedLine, Changes, Checkout, NewEcosystem, ScaffoldError},
};

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    /// Id of the ecosystem: lower-case letters and digits, beginning with a letter
    id: String,
    /// Host of the registry [default: ID.example, which does not exist]
    #[arg(long)]
    host: Option<String>,
    /// Checkout of the project [default: the root]
    #[arg(long = "in", value_name = "DIR")]
    checkout: Option<PathBuf>,
    /// Show what would be created, and create nothing
    #[arg(long)]
    dry_run: bool,
}

pub(super) async fn run(args: &Args, cx: &Context) -> anyhow::Result<Exit> {
    let dir = args.checkout.as_ref().unwrap_or(&cx.root);
    let registry = &cx.env.registry;
    let new = NewEcosystem::new(&args.id, args.host.as_deref(), registry).map_err(refused)?;
    let checkout = Checkout::open(dir, registry).map_err(refused)?;
    let changes = checkout.changes(&new).map_err(refused)?;
    let was_interrupted = if args.dry_run { false } else { write(&changes).await? };
    cx.out.show(&NewReport::new(new, &changes, args.dry_run))?;
    Ok(if was_interrupted { Exit::Interrupted } else { Exit::Ok })
}

/// Writes the files, and returns whether an interruption was requested meanwhile. An interruption
/// is not obeyed, because writing takes only a moment and half a crate would be worse.
async fn write(changes: &Changes) -> anyhow::Result<bool> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    changes.write().map_err(refused)?;
    Ok(tokio::select! {
        biased;
        _ = interrupt.recv() => true,
        _ = terminate.recv() => true,
        () = tokio::task::yield_now() => false,
    })
}

fn refused(error: ScaffoldError) -> anyhow::Error {
    match error {
        ScaffoldError::NotCheckout { .. } => Refusal::not_found(error.to_string()),
        ScaffoldError::Io { .. } => {
            let message = format!("{:#}", anyhow::Error::new(error));
            Refusal { exit: Exit::State, message }.into()
        }
        ScaffoldError::Id(_)
        | ScaffoldError::Unfit { .. }
        | ScaffoldError::Taken { .. }
        | ScaffoldError::Host { .. }
        | ScaffoldError::Exists { .. }
        | ScaffoldError::OtherProgram { .. } => Refusal::usage(error.to_string()),
    }
}

/// What `ecosystem new --json` prints.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::cli) struct NewReport {
    ecosystem: EcosystemId,
    /// The host of its registry.
    host: String,
    rotation_rank: u16,
    /// Whether nothing was created.
    dry_run: bool,
    /// New files, relative to the top of the checkout.
    files: Vec<String>,
    /// Lines that were added to existing files.
    lines: Vec<LineReport>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct LineReport {
    /// Path relative to the top of the checkout.
    file: String,
    /// Line number, counted from 1.
    number: usize,
    line: String,
}

impl NewReport {
    fn new(new: NewEcosystem, changes: &Changes, dry_run: bool) -> Self {
        let file = |path: &str| changes.folder.join(path).display().to_string();
        let line = |it: &AddedLine| LineReport {
            file: it.file.to_owned(),
            number: it.number,
            line: it.line.clone(),
        };
        Self {
            ecosystem: new.id,
            host: new.host,
            rotation_rank: new.rotation_rank,
            dry_run,
            files: changes.files.iter().map(|(path, _)| file(path)).collect(),
            lines: changes.lines.iter().map(line).collect(),
        }
    }
}

impl fmt::Display for NewReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { ecosystem, host, rotation_rank, dry_run, files, lines } = self;
        for file in files {
            writeln!(f, "file  {file}")?;
        }
        for LineReport { file, number, line } in lines {
            writeln!(f, "line  {file}:{number}: {line}")?;
        }
        if *dry_run {
            return writeln!(f, "Nothing was created (--dry-run).");
        }
        writeln!(
            f,
            "{ecosystem} sends its requests to {host} and has place {rotation_rank} in the rotation."
        )?;
        writeln!(
            f,
            "Next: run `cargo run -- ecosystem check {ecosystem}`, and follow CONTRIBUTING.md"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checkout_that_cannot_be_written_is_named_with_the_code_of_storage() {
        let source = std::io::Error::from(std::io::ErrorKind::PermissionDenied);
        let error = refused(ScaffoldError::Io { path: "/checkout/orchestrator".into(), source });
        let refusal: &Refusal = error.downcast_ref().unwrap();
        assert_eq!(refusal.exit, Exit::State);
        let said = &refusal.message;
        assert!(said.contains("/checkout/orchestrator; the checkout must be writable"), "{said}");
        assert!(said.contains("permission denied"), "{said}");
    }
}
