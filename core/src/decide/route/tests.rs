use chrono::TimeDelta;

use super::*;
use crate::{
    model::{
        CuratedSource, OperatorAction, OperatorChange, Redirection, SCHEMA_VERSION, SourceProbe,
        Tier,
    },
    records,
};

const NOW: DateTime<Utc> = DateTime::UNIX_EPOCH;
/// An ecosystem whose packages are reviewed.
const SHELF: EcosystemId = EcosystemId::from_static("shelf");

struct Known;

impl Plugins for Known {
    fn unsupported(&self, id: &PackageId) -> Option<String> {
        let is_known = ["shelf", "gems", "crates"].contains(&id.ecosystem.as_str());
        if !is_known {
            return Some(format!("no plugin builds packages of {}", id.ecosystem));
        }
        id.name.as_str().contains('/').then(|| "it names a tap".to_owned())
    }

    fn usual_name(&self, id: &PackageId) -> RecipeName {
        RecipeName::nearest(id.name.as_str())
    }

    fn is_reviewed(&self, ecosystem: &EcosystemId) -> bool {
        *ecosystem == SHELF
    }
}

/// Entries written "shelf:a gems:b!", where `!` says that it is done.
fn entries(text: &str) -> BTreeMap<EcosystemId, Queue> {
    let mut queues: BTreeMap<EcosystemId, Queue> = BTreeMap::new();
    for (word, seconds) in text.split_whitespace().zip(0..) {
        let id: PackageId = word.trim_end_matches('!').parse().unwrap();
        let mut entry = QueueEntry::new(id.clone(), Tier::REST, NOW + TimeDelta::seconds(seconds));
        if word.ends_with('!') {
            entry.status = Status::Success;
        }
        queues.entry(id.ecosystem.clone()).or_default().insert(id, entry);
    }
    queues
}

fn id(text: &str) -> PackageId {
    text.parse().unwrap()
}

/// An override of `tool` that selects the first of `ids` and redirects the others.
fn source(tool: &str, ids: &[&str]) -> CuratedSource {
    CuratedSource {
        schema_version: SCHEMA_VERSION,
        tool: tool.parse().unwrap(),
        selected: id(ids[0]),
        recipe_name: None,
        alternatives: ids[1..].iter().map(|it| id(it)).collect(),
        selection_reason: "curated".to_owned(),
        high_risk: false,
        reviewed_at: None,
        expires_at: None,
    }
}

#[derive(Default)]
struct World {
    queues: BTreeMap<EcosystemId, Queue>,
    sources: Vec<CuratedSource>,
    audits: Vec<SourceAudit>,
    recipes: NameRegistry,
    looked_at: BTreeSet<PackageId>,
    has_damage: bool,
}

impl World {
    fn of(text: &str) -> Self {
        Self { queues: entries(text), ..Self::default() }
    }

    fn entry(&mut self, text: &str) -> &mut QueueEntry {
        let id = id(text);
        self.queues.get_mut(&id.ecosystem).unwrap().get_mut(&id).unwrap()
    }

    /// Routes, twice, and returns the number of entries that changed.
    fn route(&mut self) -> usize {
        let n = self.route_once();
        assert_eq!(self.route_once(), 0, "repeatable");
        n
    }

    fn route_once(&mut self) -> usize {
        let overrides = Overrides::in_force(&self.sources, Some(&SHELF), NOW);
        let overrides = if self.has_damage { overrides.with_damage() } else { overrides };
        let queues: Queues<'_> = self.queues.iter().collect();
        let rules = Rules {
            overrides: &overrides,
            audits: &self.audits,
            recipes: &self.recipes,
            looked_at: &self.looked_at,
            plugins: &Known,
            now: NOW,
        };
        let changed = changed(&queues, &rules);
        let n = changed.len();
        for entry in changed {
            let queue = self.queues.entry(entry.id.ecosystem.clone()).or_default();
            queue.insert(entry.id.clone(), entry);
        }
        n
    }

    #[track_caller]
    fn check(&mut self, text: &str, expected: &str) {
        let entry = self.entry(text);
        let reason = entry.status.reason().map(|it| format!(" {it}")).unwrap_or_default();
        assert_eq!(format!("{}{reason}", entry.status.label().as_str()), expected, "{text}");
    }
}

#[test]
fn an_override_redirects_its_alternatives_and_the_package_with_the_name_of_the_tool() {
    let mut world = World::of("gems:redis shelf:redis crates:redis");
    world.entry("gems:redis").tier = Tier::POPULAR;
    world.entry("gems:redis").consecutive_failures = 4;
    world.sources = vec![source("redis", &["shelf:redis-server", "gems:redis"])];
    assert_eq!(world.route(), 4);
    for routed in ["gems:redis", "shelf:redis"] {
        world.check(routed, "excluded routed_to: shelf:redis-server: curated");
        assert_eq!(world.entry(routed).routed_to, Some(id("shelf:redis-server")));
    }
    assert_eq!(world.entry("gems:redis").consecutive_failures, 0, "those of another source");
    world.check("shelf:redis-server", "pending");
    let target = world.entry("shelf:redis-server");
    assert_eq!((target.tier, &target.routed_from), (Tier::POPULAR, &Some(id("gems:redis"))));
    // It is not named by the override, so nobody has said what it is.
    let why = "requires_manual command_taken: the name redis of crates:redis belongs to \
               shelf:redis-server, which a person selected";
    world.check("crates:redis", why);
}

#[test]
fn an_attempt_that_took_the_place_of_another_is_recorded_with_the_reason() {
    let mut world = World::of("gems:redis gems:other");
    world.sources = vec![source("redis", &["gems:redis-server", "gems:redis"])];
    world.route();
    let attempt = |id| records::attempt(id, records::succeeded("x"));
    let attempts = [attempt("gems:redis-server"), attempt("gems:other"), attempt("gems:gone")];
    let queue = &world.queues[&"gems".parse().unwrap()];
    let redirection = |reason: &str| Redirection {
        from: id("gems:redis"),
        to: id("gems:redis-server"),
        reason: reason.to_owned(),
    };
    assert_eq!(used(queue, &attempts, &world.sources), [redirection("curated")]);
    assert_eq!(used(queue, &attempts, &[]), [redirection("")]);
}

#[test]
fn an_entry_of_the_target_gets_the_better_tier_and_keeps_its_status() {
    let mut world = World::of("gems:tool shelf:tool");
    world.sources = vec![source("tool", &["shelf:tool", "gems:tool"])];
    world.entry("gems:tool").tier = Tier::CURATED;
    world.entry("shelf:tool").status = Status::Failed;
    world.route();
    let target = world.entry("shelf:tool");
    assert_eq!((target.tier, &target.status), (Tier::CURATED, &Status::Failed));
}

#[test]
fn a_source_that_no_plugin_builds_waits_for_a_person_and_costs_nothing() {
    let mut world = World::of("shelf:bat shelf:o/tap/x");
    world.queues.extend(entries("hub:o/r"));
    world.sources = vec![source("bat", &["hub:sharkdp/bat"])];
    world.route();
    let bat = "requires_manual unsupported_source: an override selects hub:sharkdp/bat: no plugin \
               builds packages of hub";
    world.check("shelf:bat", bat);
    world.check("shelf:o/tap/x", "requires_manual unsupported_source: it names a tap");
    world.check("hub:o/r", "requires_manual unsupported_source: no plugin builds packages of hub");
    assert!(!world.queues[&"hub".parse().unwrap()].contains_key(&id("hub:sharkdp/bat")));
    world.sources.clear();
    world.route();
    world.check("shelf:bat", "pending");
}

#[test]
fn an_entry_is_wanted_again_when_its_override_ends() {
    let mut world = World::of("gems:tool");
    let lasting = source("tool", &["shelf:tool", "gems:tool"]);
    let expires_at = Some(NOW + TimeDelta::hours(1));
    world.sources = vec![CuratedSource { expires_at, ..lasting.clone() }];
    world.route();
    world.check("gems:tool", "excluded routed_to: shelf:tool: curated");
    world.sources = vec![CuratedSource { expires_at: Some(NOW), ..lasting }];
    // One that cannot be read may be the one.
    world.has_damage = true;
    assert_eq!(world.route(), 0);
    world.has_damage = false;
    world.route();
    // The target stays queued, and is what the name means.
    let why = "requires_manual command_taken: the name tool of gems:tool belongs to shelf:tool, \
               whose registry reviews its packages";
    world.check("gems:tool", why);
    assert_eq!(world.entry("gems:tool").routed_to, None);
}

#[test]
fn overrides_may_form_a_chain_and_a_circle_redirects_nothing() {
    let mut world = World::of("gems:a");
    world.sources = vec![source("a", &["gems:b", "gems:a"]), source("b", &["gems:c", "gems:b"])];
    world.route();
    world.check("gems:a", "excluded routed_to: gems:c: curated");
    world.check("gems:c", "pending");
    let mut world = World::of("gems:a gems:b");
    world.sources = vec![source("a", &["gems:b", "gems:a"]), source("b", &["gems:a", "gems:b"])];
    world.route();
    world.check("gems:a", "pending");
    world.check("gems:b", "pending");
}

#[test]
fn what_has_a_recipe_and_what_an_operator_excluded_stays_as_it_is() {
    let mut world = World::of("gems:done! gems:out");
    let reason = "a game".to_owned();
    let excluded = world.entry("gems:out");
    excluded.status = Status::Excluded { reason };
    let (action, by, reason) = (OperatorAction::Excluded, None, None);
    excluded.operator_change = Some(OperatorChange { action, at: NOW, by, reason });
    world.sources = vec![
        source("done", &["shelf:done", "gems:done"]),
        source("out", &["shelf:out", "gems:out"]),
    ];
    assert_eq!(world.route(), 0);
    // What a rule excluded stays so too, but the tool is wanted.
    world.entry("gems:out").operator_change = None;
    world.route();
    world.check("gems:out", "excluded a game");
    world.check("shelf:out", "pending");
}

#[test]
fn a_name_belongs_to_what_a_person_or_a_reviewed_registry_says_it_is() {
    let mut world = World::of("crates:less gems:less shelf:less gems:serve shelf:serve gems:x!");
    world
        .queues
        .get_mut(&"crates".parse().unwrap())
        .unwrap()
        .extend(entries("crates:x").into_values().next().unwrap());
    world.looked_at.insert(id("gems:serve"));
    world.route();
    let less = |of: &str| {
        format!(
            "requires_manual command_taken: the name less of {of}:less belongs to shelf:less, whose \
             registry reviews its packages"
        )
    };
    world.check("crates:less", &less("crates"));
    world.check("gems:less", &less("gems"));
    world.check("shelf:less", "pending");
    world.check("gems:serve", "pending");
    world.check(
        "shelf:serve",
        "requires_manual command_taken: the name serve of shelf:serve belongs to gems:serve, which \
         a person has looked at",
    );
    world.check(
        "crates:x",
        "requires_manual command_taken: the name x of crates:x belongs to gems:x, whose recipe exists",
    );
    // When it is gone, the name is free.
    world.entry("shelf:less").status = Status::Excluded { reason: "library_only".to_owned() };
    world.route();
    world.check("crates:less", "pending");
    let second = "requires_manual command_taken: the name less of gems:less belongs to crates:less, \
                  which was queued before it";
    world.check("gems:less", second);
}

#[test]
fn numbers_of_different_registries_decide_nothing() {
    let mut world = World::of("gems:redis gems:alone");
    let probe = |source: &str, downloads| SourceProbe {
        source: id(source),
        downloads,
        version_count: 9,
        has_repository: true,
    };
    let audit = |tool: &str, probes: Vec<SourceProbe>| SourceAudit {
        schema_version: SCHEMA_VERSION,
        tool: tool.parse().unwrap(),
        selected: id(&format!("gems:{tool}")),
        alternatives: vec![],
        selection_reason: "10x_popularity_gap".to_owned(),
        high_risk: false,
        downloads_ratio: Some(61.7),
        probes,
        previous_source: None,
        decided_at: None,
        seeding_run: None,
    };
    world.audits = vec![
        audit("redis", vec![probe("gems:redis", 533_991_886), probe("shelf:redis", 368_510)]),
        audit("alone", vec![probe("gems:alone", 5), probe("crates:alone", 900)]),
    ];
    world.route();
    let why = "requires_manual command_taken: the name redis of gems:redis is also that of \
               shelf:redis, whose registry reviews its packages; their numbers, 533991886 and \
               368510, count different things and say nothing";
    world.check("gems:redis", why);
    world.check("gems:alone", "pending");
    // A person decides, and no rule holds it back again.
    let entry = world.entry("gems:redis");
    entry.status = Status::Pending;
    let (action, by, reason) = (OperatorAction::Unblocked, None, None);
    entry.operator_change = Some(OperatorChange { action, at: NOW, by, reason });
    assert_eq!(world.route(), 0);
}

#[test]
fn what_waits_for_a_person_for_another_reason_is_never_released() {
    let mut world = World::of("gems:a gems:b");
    let reason = "unsafe_name: it would hide ls".to_owned();
    world.entry("gems:a").status = Status::RequiresManual { reason };
    world.entry("gems:b").status = Status::Excluded { reason: "imported".to_owned() };
    assert_eq!(world.route(), 0);
}

#[test]
fn overrides_that_contradict_each_other_or_have_no_effect_are_named() {
    let mut world = World::of("gems:a! crates:needle! shelf:needle");
    world.entry("gems:a").recipe = Some("a".parse().unwrap());
    let ended = CuratedSource { expires_at: Some(NOW), ..source("old", &["shelf:old"]) };
    world.sources = vec![
        source("a", &["shelf:x", "gems:a"]),
        source("a", &["shelf:a", "gems:a", "shelf:a"]),
        source("b", &["hub:b", "gems:a"]),
        source("c", &["gems:d", "gems:c"]),
        source("d", &["gems:c", "gems:d"]),
        ended,
    ];
    let overrides = Overrides::in_force(&world.sources, Some(&SHELF), NOW);
    let queues: Queues<'_> = world.queues.iter().collect();
    let found = lint(&world.sources, (&overrides, Some(&SHELF)), &queues, &Known);
    let found: Vec<String> =
        found.iter().map(|it| format!("{}: {}", it.tool, it.problem)).collect();
    let expected = [
        "a: gems:a has the recipe a, which stays; remove it if it installs another program",
        "a: gems:a is also redirected by the override of b",
        "a: it redirects the package that it selects",
        "a: there are several lines about it; the last one counts",
        "b: gems:a has the recipe a, which stays; remove it if it installs another program",
        "b: hub:b cannot be built: no plugin builds packages of hub",
        "c: the overrides lead from gems:d back to it",
        "d: the overrides lead from gems:c back to it",
        "old: it ended on 1970-01-01 and has no effect",
    ];
    assert_eq!(found, expected);
    let doubtful = doubtful_recipes(&queues, &Known);
    assert_eq!(doubtful, [(&id("crates:needle"), &id("shelf:needle"))]);
}
