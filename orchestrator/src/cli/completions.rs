//! `completions`: scripts with which a shell completes commands, options and their words.

use clap_complete::{Shell, generate};

use super::{examples, out};
use crate::exit::Exit;

/// For which shell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum OfShell {
    Bash,
    Zsh,
    Fish,
}

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Shell that reads the script
    #[arg(value_name = "SHELL")]
    shell: OfShell,
}

pub(super) fn run(args: &Args) -> anyhow::Result<Exit> {
    let shell = match args.shell {
        OfShell::Bash => Shell::Bash,
        OfShell::Zsh => Shell::Zsh,
        OfShell::Fish => Shell::Fish,
    };
    let mut script = vec![];
    generate(shell, &mut examples::command(), "tsuku-batch", &mut script);
    // The script for bash spells the hyphen of this program's name in two ways, so that nothing fits
    // behind the first word: <https://github.com/clap-rs/clap/issues/6421>
    let script = String::from_utf8(script)?.replace("tsuku__subcmd__batch", "tsuku__batch");
    out::own_text(&script)?;
    Ok(Exit::Ok)
}
