//! `run`: the main job of the pipeline.

use std::collections::BTreeSet;

use batch_core::{
    decide::{ladder::SkipFlags, plan::BatchLimit, preflight::Choice},
    io::StateReader as _,
    model::{EcosystemId, PackageId, Tier},
    plugin::Registry,
};

use super::{
    Context, Refusal, annotation, names, outputs::OutputArgs, plan, programs::ProgramArgs,
    session::Session, signal::drain_on_signal, stops, sweep::KeepArgs,
};
use crate::{
    env::Root,
    exit::Exit,
    merge::KeptSlots,
    run::{self, Request, Testers},
};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    pub(super) selection: Selection,
    /// Attempt only these packages, now: not the next ones of their queues. What stops an ecosystem
    /// stops them too
    #[arg(long, value_name = "PACKAGE ID", num_args = 1.., conflicts_with_all = ["ecosystem", "batch_size", "tier"])]
    package: Vec<String>,
    /// Show the plan and stop; make no request and write nothing
    #[arg(long)]
    dry_run: bool,
    /// Number of packages that are installed and verified at the same time, over all ecosystems
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u8).range(1..=32))]
    jobs: u8,
    /// Use only this sandbox backend: `both`, `bubblewrap` or `landlock`, or on macOS `seatbelt`
    #[arg(long, value_name = "BACKEND")]
    sandbox: Option<batch_sandbox::Backend>,
    #[command(flatten)]
    skip: SkipArgs,
    #[command(flatten)]
    keep: KeepArgs,
    #[command(flatten)]
    outputs: OutputArgs,
    #[command(flatten)]
    programs: ProgramArgs,
}

/// What to run. `plan` has the same options.
#[derive(Debug, clap::Args)]
pub(super) struct Selection {
    /// `auto` (the ecosystem of the current slot, or else the one that has waited longest), `all`,
    /// or one ecosystem
    #[arg(long, short, value_name = "auto|all|ID", default_value = "auto")]
    ecosystem: String,
    /// Maximal number of attempts for each ecosystem [default: 10, or as in `[selection]` of
    /// `pipeline.toml`]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=500))]
    batch_size: Option<u16>,
    /// Only packages of this tier and of more important tiers: 1 curated, 2 popular, 3 all [default: 3, or
    /// as in `[selection]` of `pipeline.toml`]
    #[arg(long, value_name = "1|2|3", value_parser = clap::value_parser!(u8).range(1..=3))]
    tier: Option<u8>,
}

/// Environments in which nothing is tested.
#[derive(Debug, Clone, Copy, clap::Args)]
pub(super) struct SkipArgs {
    /// Test nothing on macOS
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_value_t = false, default_missing_value = "true", action = clap::ArgAction::Set)]
    skip_macos: bool,
    /// Test nothing on Linux on arm64
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_value_t = false, default_missing_value = "true", action = clap::ArgAction::Set)]
    skip_arm64: bool,
    /// Test nothing on Linux with musl
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_value_t = false, default_missing_value = "true", action = clap::ArgAction::Set)]
    skip_musl: bool,
}

impl SkipArgs {
    pub(super) fn flags(self) -> SkipFlags {
        SkipFlags { macos: self.skip_macos, arm64: self.skip_arm64, musl: self.skip_musl }
    }
}

impl Selection {
    pub(super) fn choice(&self, registry: &Registry) -> anyhow::Result<Choice> {
        Ok(match &*self.ecosystem {
            "auto" => Choice::Auto,
            "all" => Choice::All,
            word => Choice::One(names::ecosystem(registry, word)?.id.clone()),
        })
    }

    pub(super) fn batch_limit(&self, root: &Root) -> anyhow::Result<BatchLimit> {
        let set = &root.settings.selection;
        let size = self.batch_size.map_or(set.batch_size.get_usize(), usize::from);
        let tier = self.tier.map_or_else(|| u8::try_from(set.tier.get()), Ok)?;
        Ok(BatchLimit { size, tier: Tier::try_from(tier)? })
    }
}

/// What a run is asked to attempt.
pub(super) struct Wanted {
    pub(super) choice: Choice,
    /// Only these packages; empty for any.
    pub(super) only: BTreeSet<PackageId>,
    pub(super) batch_limit: BatchLimit,
}

impl Wanted {
    /// What `selection` describes.
    pub(super) fn selected(selection: &Selection, cx: &Context) -> anyhow::Result<Self> {
        let choice = selection.choice(&cx.env.registry)?;
        Ok(Self {
            choice,
            only: BTreeSet::new(),
            batch_limit: selection.batch_limit(&cx.open_root()?)?,
        })
    }

    fn of(args: &Args, cx: &Context) -> anyhow::Result<Self> {
        if args.package.is_empty() {
            return Self::selected(&args.selection, cx);
        }
        let ids = args.package.iter().map(|word| names::package(&cx.env.registry, word));
        let only = ids.map(|id| Ok(id?.1)).collect::<anyhow::Result<BTreeSet<PackageId>>>()?;
        let root = cx.open_root()?;
        for id in &only {
            check_queued(id, &root)?;
        }
        let ecosystems: BTreeSet<EcosystemId> =
            only.iter().map(|id| id.ecosystem.clone()).collect();
        let batch_limit = BatchLimit { size: only.len(), tier: Tier::REST };
        Ok(Self { choice: Choice::Several(ecosystems.into_iter().collect()), only, batch_limit })
    }
}

/// A run attempts only packages that are queued.
fn check_queued(id: &PackageId, root: &Root) -> anyhow::Result<()> {
    let queue = root.state.queue(&id.ecosystem)?;
    if queue.as_ref().is_some_and(|queue| queue.entries.contains_key(id)) {
        return Ok(());
    }
    let known = queue.iter().flat_map(|queue| queue.entries.keys());
    let near = names::nearest(&id.to_string(), &known.map(ToString::to_string).collect::<Vec<_>>());
    let remedy = format!("`tsuku-batch queue add {id}` queues it");
    Err(Refusal::not_found(format!("{id} is not queued{near}; {remedy}")))
}

pub(super) async fn run(args: &Args, cx: &Context) -> anyhow::Result<Exit> {
    let wanted = Wanted::of(args, cx)?;
    if args.dry_run {
        return plan::show(&wanted, &args.programs, cx).await;
    }
    let mut root = cx.open_root()?;
    root.settings.sandbox.backend = args.sandbox.or(root.settings.sandbox.backend);
    // Before anything else, because a misspelt switch in the control file would stop nothing.
    let stops = stops::now(cx, &root)?;
    drain_on_signal(cx);
    let Wanted { choice, only, batch_limit } = wanted;
    let session = Session::new(cx, &root, &args.programs, Some(choice.clone()), stops).await?;
    let owned = session.parts()?;
    let (mut ports, mut config) = (session.ports(&owned), session.config());
    args.keep.apply(&mut ports, &mut config, &root);
    let request = Request {
        choice,
        only,
        batch_limit,
        testers: Testers::Here,
        skip: args.skip.flags(),
        jobs: args.jobs.into(),
    };
    let summary = run::run(&ports, &config, &request, &cx.stop).await?;
    if !summary.batches.is_empty() {
        session.prune();
    }
    if let Some(record) = &summary.empty_slot {
        KeptSlots::new(&root.layout).keep(record)?;
    }
    cx.out.show(&summary)?;
    args.outputs.write(&[("run_id", &summary.run_id)])?;
    cx.out.annotate(annotation::of_summary(&summary))?;
    Ok(args.keep.exit(&summary))
}
