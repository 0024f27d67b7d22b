//! `dashboard build` and `dashboard serve`.

use std::{
    fmt,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use analytics::SiteError;
use anyhow::Context as _;
use axum::http::{HeaderName, HeaderValue};
use schemars::JsonSchema;
use serde::Serialize;
use tower_http::{services::ServeDir, set_header::SetResponseHeaderLayer};

use super::{
    Context,
    damage::{self, Damage},
    signal::cancel_on_signal,
};
use crate::{env::Root, exit::Exit};

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Write the pages
    Build {
        /// Folder for the pages [default: site/ under the root]
        #[arg(long, value_name = "DIR")]
        out: Option<PathBuf>,
    },
    /// Write the pages and serve them on this machine until interrupted
    Serve {
        /// Port on 127.0.0.1; 0 chooses a free port
        #[arg(long, value_name = "PORT", default_value_t = 8080)]
        port: u16,
    },
}

pub(super) async fn run(command: &Command, cx: &Context) -> anyhow::Result<Exit> {
    let root = cx.open_root()?;
    match command {
        Command::Build { out } => {
            let site = out.clone().unwrap_or_else(|| root.layout.site());
            cx.out.show(&build(&root, &site, cx)?)?;
            Ok(Exit::Ok)
        }
        Command::Serve { port } => {
            let site = root.layout.site();
            build(&root, &site, cx)?;
            serve(site, *port, cx).await
        }
    }
}

fn build(root: &Root, site: &Path, cx: &Context) -> anyhow::Result<BuildReport> {
    let written = analytics::write(site, &root.state, Some(&cx.env.registry), cx.env.clock.now());
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
        problems: damage.into_problems(),
    })
}

async fn serve(site: PathBuf, port: u16, cx: &Context) -> anyhow::Result<Exit> {
    let header = |name: &'static str, value: &'static str| {
        let (name, value) = (HeaderName::from_static(name), HeaderValue::from_static(value));
        SetResponseHeaderLayer::overriding(name, value)
    };
    let router = axum::Router::new()
        .fallback_service(ServeDir::new(site))
        .layer(header("x-content-type-options", "nosniff"))
        .layer(header("content-security-policy", "frame-ancestors 'none'"))
        .layer(header("cache-control", "no-cache"));
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    let listener = tokio::net::TcpListener::bind(address).await;
    let listener = listener.with_context(|| format!("cannot listen on {address}; try --port 0"))?;
    let url = format!("http://{}/", listener.local_addr()?);
    cx.out.show(&ServeReport { url })?;
    cancel_on_signal(cx);
    let cancel = cx.stop.token().clone();
    axum::serve(listener, router).with_graceful_shutdown(cancel.cancelled_owned()).await?;
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
    /// What cannot be read: file, place, reason and remedy.
    problems: Vec<String>,
}

impl fmt::Display for BuildReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { site, written, unchanged, removed, problems } = self;
        writeln!(
            f,
            "{site}/index.html: {written} written, {unchanged} unchanged, {removed} removed"
        )?;
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
