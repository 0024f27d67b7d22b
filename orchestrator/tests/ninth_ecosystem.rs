//! A ninth ecosystem: what a plugin must say, and what follows from it with no further line.

use std::{num::NonZeroU32, time::Duration};

use async_trait::async_trait;
use batch_core::{
    io::Http,
    model::{EcosystemId, Evidence, Finding, InvalidId, PackageName, Quota, Threshold},
    plugin::{
        EcosystemPlugin, FailureClassifier, Names, Page, RateLimit, Registry, Seeder, Source,
        SourceError,
    },
    register_ecosystem,
};
use orchestrator::plugins;

struct Zoo;

const fn zoo(id: &'static str, rotation_rank: u16, aliases: &'static [&str]) -> EcosystemPlugin {
    EcosystemPlugin {
        id: EcosystemId::from_static(id),
        rotation_rank,
        aliases,
        display_name: "Zoo",
        toolchain: None,
        local_os: None,
        seeder: Some(&Zoo),
        rate_limit: &Zoo,
        classifier: &Zoo,
        recipe_builder: None,
        installer: None,
        recipe_actions: &[],
        names: &Zoo,
    }
}
register_ecosystem!(zoo("zoo", 8, &["menagerie"]));

#[async_trait]
impl Seeder for Zoo {
    fn sources(&self) -> &'static [Source] {
        &[]
    }

    fn popular(&self) -> Option<Threshold> {
        None
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

impl RateLimit for Zoo {
    fn quotas(&self) -> &'static [Quota] {
        const {
            &[Quota {
                host: "zoo.example",
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

impl FailureClassifier for Zoo {
    fn classify(&self, _: &Evidence) -> Option<Finding> {
        None
    }
}

impl Names for Zoo {
    fn normalise(&self, spelling: &str) -> Result<PackageName, InvalidId> {
        spelling.parse()
    }
}

static ZOO: EcosystemPlugin = zoo("zoo", 8, &["menagerie"]);

fn ids(registry: &Registry) -> Vec<String> {
    registry.iter().map(|plugin| plugin.id.to_string()).collect()
}

#[test]
fn it_takes_its_place_among_the_others() {
    let registry = plugins::registry().unwrap();
    let eight = ["homebrew", "cargo", "npm", "pypi", "rubygems", "go", "cpan", "cask"];
    assert_eq!(ids(&registry), eight.into_iter().chain(["zoo"]).collect::<Vec<_>>());
    assert_eq!(registry.resolve("menagerie").unwrap().id, ZOO.id);
    assert!(registry.quotas().any(|quota| quota.host == "zoo.example"));
}

#[test]
fn rank_decides_and_not_the_linker() {
    static EARLIER: EcosystemPlugin = zoo("aquarium", 7, &[]);
    assert_eq!(ids(&Registry::new([&ZOO, &EARLIER]).unwrap()), ["aquarium", "zoo"]);
}

#[test]
fn a_name_or_a_rank_taken_twice_is_no_registry() {
    static SAME_RANK: EcosystemPlugin = zoo("circus", 8, &[]);
    static SAME_NAME: EcosystemPlugin = zoo("farm", 9, &["menagerie"]);
    let refusal = |other| Registry::new([&ZOO, other]).err().unwrap().to_string();
    assert_eq!(refusal(&SAME_RANK), "zoo and circus have the same rotation rank");
    assert_eq!(refusal(&SAME_NAME), r#"two ecosystems are called "menagerie""#);
}
