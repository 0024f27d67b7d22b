//! An additional ecosystem that is linked only into this test: how the registry of plugins accepts
//! it, and what it refuses. `tests/contributing` tests a complete ninth ecosystem.

use std::{num::NonZeroU32, time::Duration};

use async_trait::async_trait;
use batch_core::{
    model::{EcosystemId, Evidence, Finding, InvalidId, PackageName, Purpose, Quota},
    plugin::{
        EcosystemPlugin, FailureClassifier, Listing, Names, PageRequest, RateLimit, Registry,
        Seeder, Source, SourceError,
    },
    register_ecosystem,
};
use orchestrator::plugins;

struct Circus;

const fn plugin(id: &'static str, rotation_rank: u16, aliases: &'static [&str]) -> EcosystemPlugin {
    EcosystemPlugin {
        id: EcosystemId::from_static(id),
        rotation_rank,
        aliases,
        display_name: "Circus",
        toolchain: None,
        local_os: None,
        seeder: Some(&Circus),
        rate_limit: &Circus,
        classifier: &Circus,
        recipe_builder: None,
        installer: None,
        recipe_actions: &[],
        names: &Circus,
    }
}
register_ecosystem!(plugin("circus9", 999, &["menagerie"]));

#[async_trait]
impl Seeder for Circus {
    fn sources(&self) -> &'static [Source] {
        &[]
    }

    async fn read<'a>(&self, _: PageRequest<'a>) -> Result<Listing<'a>, SourceError> {
        Ok(Listing::whole([]))
    }
}

impl RateLimit for Circus {
    fn quotas(&self) -> &'static [Quota] {
        const {
            &[Quota {
                host: "circus.example",
                path_prefix: "/",
                period: Duration::from_secs(1),
                burst: NonZeroU32::MIN,
                concurrency: NonZeroU32::MIN,
                max_per_run: None,
                retry_floor: Duration::from_secs(60),
                purpose: Purpose::Building,
            }]
        }
    }
}

impl FailureClassifier for Circus {
    fn classify(&self, _: &Evidence) -> Option<Finding> {
        None
    }
}

impl Names for Circus {
    fn normalise(&self, spelling: &str) -> Result<PackageName, InvalidId> {
        spelling.parse()
    }
}

static CIRCUS: EcosystemPlugin = plugin("circus9", 999, &["menagerie"]);

fn ids(registry: &Registry) -> Vec<String> {
    registry.iter().map(|plugin| plugin.id.to_string()).collect()
}

#[test]
fn it_is_inserted_by_its_rank() {
    let registry = plugins::registry().unwrap();
    let ids = ids(&registry);
    assert_eq!(ids[..2], ["homebrew", "cargo"]);
    assert_eq!(ids.last().unwrap(), "circus9");
    assert_eq!(registry.resolve("menagerie").unwrap().id, CIRCUS.id);
    assert!(registry.quotas().any(|quota| quota.host == "circus.example"));
}

#[test]
fn the_rank_decides_the_order_and_not_the_linker() {
    static EARLIER: EcosystemPlugin = plugin("aquarium", 998, &[]);
    assert_eq!(ids(&Registry::new([&CIRCUS, &EARLIER]).unwrap()), ["aquarium", "circus9"]);
}

#[test]
fn duplicate_names_and_ranks_are_refused() {
    static SAME_RANK: EcosystemPlugin = plugin("fair", 999, &[]);
    static SAME_NAME: EcosystemPlugin = plugin("farm", 1000, &["menagerie"]);
    let refusal = |other| Registry::new([&CIRCUS, other]).err().unwrap().to_string();
    assert_eq!(refusal(&SAME_RANK), "circus9 and fair have the same rotation rank");
    assert_eq!(refusal(&SAME_NAME), r#"two ecosystems are called "menagerie""#);
}
