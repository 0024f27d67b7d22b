//! `run`: the pipeline's main job.

use std::{collections::BTreeSet, io::IsTerminal as _, sync::Arc};

use batch_core::{
    decide::{plan::Share, preflight::Choice},
    io::Outbox,
    model::{ActionShape, Control, Tier},
    plugin::Registry,
};
use tokio_util::sync::CancellationToken;

use super::{Context, names, plan};
use crate::{
    env::Root,
    exit::Exit,
    generator::BuiltinGenerator,
    machine::LocalMachine,
    net,
    progress::Progress,
    run::{self, Ports, Request, Rulebook},
    seeds,
    stage::preflight,
    validator::Validator,
};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    pub(super) selection: Selection,
    /// Show the plan and stop: no request, nothing written
    #[arg(long)]
    dry_run: bool,
    /// Packages installed and verified at once, over all ecosystems; each registry is asked about as
    /// many at a time
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u8).range(1..=32))]
    jobs: u8,
    /// Contain package code by this and nothing else: `both`, `bubblewrap` or `landlock`
    #[arg(long, value_name = "BACKEND")]
    sandbox: Option<batch_sandbox::Backend>,
}

/// What a run is for; `plan` takes the same words.
#[derive(Debug, clap::Args)]
pub(super) struct Selection {
    /// `auto` (whose slot it is, else who waits longest), `all`, or one ecosystem
    #[arg(long, short, value_name = "auto|all|ID", default_value = "auto")]
    ecosystem: String,
    /// Attempts per ecosystem, at most
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..=500))]
    batch_size: u16,
    /// Only this tier and more important ones: 1 curated, 2 popular, 3 all
    #[arg(long, value_name = "1|2|3", default_value_t = 3, value_parser = clap::value_parser!(u8).range(1..=3))]
    tier: u8,
}

impl Selection {
    pub(super) fn choice(&self, registry: &Registry) -> anyhow::Result<Choice> {
        Ok(match &*self.ecosystem {
            "auto" => Choice::Auto,
            "all" => Choice::All,
            word => Choice::One(names::ecosystem(registry, word)?.id.clone()),
        })
    }

    pub(super) fn share(&self) -> anyhow::Result<Share> {
        Ok(Share { size: self.batch_size.into(), tier: Tier::try_from(self.tier)? })
    }
}

pub(super) async fn run(args: &Args, cx: &Context) -> anyhow::Result<Exit> {
    if args.dry_run {
        return plan::show(&args.selection, cx).await;
    }
    let mut root = cx.open_root()?;
    root.settings.sandbox.backend = args.sandbox.or(root.settings.sandbox.backend);
    let request = Request {
        choice: args.selection.choice(&cx.env.registry)?,
        share: args.selection.share()?,
        jobs: args.jobs.into(),
    };
    // Before anything is recovered or asked: a switch that is misspelt stops nothing.
    root.control(&cx.env.registry)?;
    cancel_on_signal(cx.cancel.clone());
    let Root { layout, state, settings } = &root;
    let http = net::polite(&cx.env, settings, &layout.cache(), &Control::default())?;
    let local = LocalMachine::look_around(&cx.env, settings).await;
    let validator = local.validator(&cx.env, settings, http.clone(), layout.work())?;
    let registry = &cx.env.registry;
    let actions: Vec<ActionShape> = registry.recipe_actions().collect();
    let mut looked_at = BTreeSet::new();
    for plugin in registry.iter() {
        looked_at.extend(seeds::looked_at(plugin, settings)?);
    }
    let generator = BuiltinGenerator {
        http: http.clone(),
        known: preflight::recipes(&actions, &settings.bundled_recipes, state)?.known,
        actions,
        looked_at,
        cleaner: Arc::clone(&cx.env.cleaner),
    };
    let rulebook = Rulebook {
        registry: &cx.env.registry,
        backoff: settings.backoff_policy(),
        breaker: settings.breaker_policy(),
        bundled_recipes: &settings.bundled_recipes,
        workflow_run_url: cx.env.workflow_run_url.clone(),
    };
    let ports = Ports {
        clock: &*cx.env.clock,
        state: Arc::new(state.clone()),
        facts: Arc::new(Outbox::new(layout)),
        machine: &local.offers(&cx.env.registry),
        generator: &generator,
        validator: validator.as_ref().map(|validator| validator as &dyn Validator),
        traffic: &*http,
        progress: &Progress::new(std::io::stderr().is_terminal(), cx.quiet),
    };
    let summary = run::run(&ports, &rulebook, &request, &cx.cancel).await?;
    if !summary.batches.is_empty() {
        net::prune(&http);
    }
    cx.out.show(&summary)?;
    Ok(if summary.interrupted {
        Exit::Interrupted
    } else if summary.batches.is_empty() {
        Exit::Unavailable
    } else {
        Exit::Ok
    })
}

/// The first Ctrl-C or TERM ends the run in order; a second one is not waited for.
pub(super) fn cancel_on_signal(cancel: CancellationToken) {
    tokio::spawn(async move {
        let mut term =
            match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
                Ok(term) => term,
                Err(error) => {
                    tracing::warn!("TERM will end this run at once: {error}");
                    return;
                }
            };
        loop {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => (),
                _ = term.recv() => (),
            }
            if cancel.is_cancelled() {
                std::process::exit(i32::from(Exit::Interrupted as u8));
            }
            tracing::warn!("interrupted: ending in order; once more to stop at once");
            cancel.cancel();
        }
    });
}
