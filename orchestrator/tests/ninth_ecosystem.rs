//! One more ecosystem, linked into this test only: how the registry of plugins takes it, and what it
//! refuses. The whole of a ninth one is in `tests/contributing`.

use std::{num::NonZeroU32, time::Duration};

use async_trait::async_trait;
use batch_core::{
    io::Http,
    model::{EcosystemId, Evidence, Finding, InvalidId, PackageName, Quota},
    plugin::{
        EcosystemPlugin, FailureClassifier, Names, Page, RateLimit, Registry, Seeder, Source,
        SourceError,
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

    async fn discover(
        &self,
        _: &dyn Http,
        _: &Source,
        _: Option<&str>,
        _: usize,
    ) -> Result<Page, SourceError> {
        Ok(Page::default())
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
fn it_takes_its_place_among_the_others() {
    let registry = plugins::registry().unwrap();
    let ids = ids(&registry);
    assert_eq!(ids[..2], ["homebrew", "cargo"]);
    assert_eq!(ids.last().unwrap(), "circus9");
    assert_eq!(registry.resolve("menagerie").unwrap().id, CIRCUS.id);
    assert!(registry.quotas().any(|quota| quota.host == "circus.example"));
}

#[test]
fn rank_decides_and_not_the_linker() {
    static EARLIER: EcosystemPlugin = plugin("aquarium", 998, &[]);
    assert_eq!(ids(&Registry::new([&CIRCUS, &EARLIER]).unwrap()), ["aquarium", "circus9"]);
}

#[test]
fn a_name_or_a_rank_taken_twice_is_no_registry() {
    static SAME_RANK: EcosystemPlugin = plugin("fair", 999, &[]);
    static SAME_NAME: EcosystemPlugin = plugin("farm", 1000, &["menagerie"]);
    let refusal = |other| Registry::new([&CIRCUS, other]).err().unwrap().to_string();
    assert_eq!(refusal(&SAME_RANK), "circus9 and fair have the same rotation rank");
    assert_eq!(refusal(&SAME_NAME), r#"two ecosystems are called "menagerie""#);
}
