//! `dashboard build` and `dashboard serve`.

mod serve;

use std::{
    fmt,
    path::{Path, PathBuf},
};

use analytics::{Circumstances, SiteError, WARN_SITE};
use schemars::JsonSchema;
use serde::Serialize;

use super::{
    Context,
    damage::{self, Damage},
    signal::cancel_on_signal,
};
use crate::{env::Root, exit::Exit, machine};

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Write the pages
    Build {
        /// Folder for the pages [default: site/ under the root]
        #[arg(long, value_name = "DIR")]
        out: Option<PathBuf>,
        /// The commit of the state, for the manifest of the pages
        #[arg(long, value_name = "COMMIT", env = "GITHUB_SHA")]
        source_commit: Option<String>,
    },
    /// Write the pages and serve them on this machine until interrupted; whenever the state changes,
    /// write them again
    Serve {
        /// Port on 127.0.0.1; 0 chooses a free port
        #[arg(long, value_name = "PORT", default_value_t = 8080)]
        port: u16,
    },
}

pub(super) async fn run(command: &Command, cx: &Context) -> anyhow::Result<Exit> {
    let root = cx.open_root()?;
    match command {
        Command::Build { out, source_commit } => {
            let site = out.clone().unwrap_or_else(|| root.layout.site());
            cx.out.show(&build(&root, &site, source_commit.as_deref(), cx)?)?;
            Ok(Exit::Ok)
        }
        Command::Serve { port } => serve(&root, *port, cx).await,
    }
}

fn build(
    root: &Root,
    site: &Path,
    source_commit: Option<&str>,
    cx: &Context,
) -> anyhow::Result<BuildReport> {
    let holder = root.state.lock_holder();
    let is_under_way = holder.is_some_and(|holder| machine::is_alive(holder.pid));
    let circumstances = Circumstances {
        as_of: cx.env.clock.now(),
        registry: Some(&cx.env.registry),
        source_commit: source_commit.map(str::to_owned),
        is_under_way,
        dead_runs: if is_under_way { vec![] } else { root.state.journals()? },
        program: Some(cx.env.host.executable.clone()),
    };
    let written = analytics::write(site, &root.state, &circumstances);
    // Distinguishes errors of the state, which is read, from errors of the folder, which is
    // written.
    let (written, problems) = written.map_err(|error| match error {
        SiteError::State(error) => anyhow::Error::from(error),
        error @ (SiteError::Write(_) | _) => anyhow::Error::from(error)
            .context(format!("cannot write the pages to {}", site.display())),
    })?;
    let mut damage = Damage::default();
    for problem in &problems {
        damage.note(problem);
    }
    Ok(BuildReport {
        site: site.display().to_string(),
        written: written.n_written,
        unchanged: written.n_unchanged,
        removed: written.n_removed,
        bytes: written.n_bytes,
        is_large: WARN_SITE < written.n_bytes,
        problems: damage.into_problems(),
    })
}

async fn serve(root: &Root, port: u16, cx: &Context) -> anyhow::Result<Exit> {
    let site = root.layout.site();
    let mut watch = serve::Watch::new(&root.layout);
    build(root, &site, None, cx)?;
    let listener = serve::bind(port).await?;
    let url = format!("http://{}/", listener.local_addr()?);
    cx.out.show(&ServeReport { url })?;
    cancel_on_signal(cx);
    let cancel = cx.stop.token().clone();
    let server = serve::start(listener, site.clone(), cancel.clone());
    let clock = &*cx.env.clock;
    while cancel.run_until_cancelled(watch.changed(clock)).await.is_some() {
        // The state may be changing at this moment; the next look sees the rest.
        if let Err(error) = build(root, &site, None, cx) {
            tracing::warn!("the pages stay as they are: {error:#}");
        }
    }
    server.await??;
    Ok(Exit::Ok)
}

/// What `dashboard build --json` prints.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct BuildReport {
    /// The folder of the pages.
    site: String,
    /// Number of files that were written.
    written: u64,
    /// Number of files that were up to date.
    unchanged: u64,
    /// Number of files that were removed because their pages no longer exist.
    removed: u64,
    /// The size of all files together.
    bytes: u64,
    /// Whether hosts of pages may soon refuse so many bytes.
    is_large: bool,
    /// What cannot be read: file, place, reason and remedy.
    problems: Vec<String>,
}

impl fmt::Display for BuildReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { site, written, unchanged, removed, bytes, is_large, problems } = self;
        let megabytes = bytes.div_ceil(1 << 20);
        writeln!(
            f,
            "{site}/index.html: {written} written, {unchanged} unchanged, {removed} removed, {megabytes} MB"
        )?;
        if *is_large {
            let most = analytics::MAX_SITE >> 20;
            writeln!(
                f,
                "warning: the pages have {megabytes} MB; from {most} MB on they are not written. \
                 `tsuku-batch archive` moves old records out of the way"
            )?;
        }
        damage::write_problems(f, problems)
    }
}

/// What `dashboard serve --json` prints.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct ServeReport {
    /// The address to open in a browser.
    url: String,
}

impl fmt::Display for ServeReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} (Ctrl-C ends it)", self.url)
    }
}
