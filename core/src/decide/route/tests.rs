use chrono::TimeDelta;

use super::*;
use crate::{
    model::{
        CuratedSource, FailureKind, OperatorAction, OperatorChange, PackageFacts, Popularity,
        Redirection, SCHEMA_VERSION, SourceProbe, Tier,
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

    fn popular(&self, ecosystem: &EcosystemId) -> Option<Threshold> {
        let of_gems = Threshold { value: 10_000, unit: "downloads", period_days: Some(90) };
        (ecosystem.as_str() == "gems").then_some(of_gems)
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

    fn with_rules<T>(&self, decide: impl FnOnce(&Queues<'_>, &Rules<'_>) -> T) -> T {
        let overrides = Overrides::in_force(&self.sources, Some(&SHELF), NOW);
        let overrides = if self.has_damage { overrides.with_damage() } else { overrides };
        let rules = Rules {
            overrides: &overrides,
            audits: &self.audits,
            recipes: &self.recipes,
            looked_at: &self.looked_at,
            plugins: &Known,
            now: NOW,
        };
        decide(&self.queues.iter().collect(), &rules)
    }

    /// Routes, twice, and returns the number of entries that changed.
    fn route(&mut self) -> usize {
        let n = self.route_once();
        assert_eq!(self.route_once(), 0, "repeatable");
        n
    }

    fn route_once(&mut self) -> usize {
        let changed = self.with_rules(changed);
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
    let why = "requires_manual name_taken: the name tool of gems:tool belongs to shelf:tool, \
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
    excluded.operator_change = changed_by_operator(OperatorAction::Excluded);
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
            "requires_manual name_taken: the name less of {of}:less belongs to shelf:less, whose \
             registry reviews its packages"
        )
    };
    world.check("crates:less", &less("crates"));
    world.check("gems:less", &less("gems"));
    world.check("shelf:less", "pending");
    world.check("gems:serve", "pending");
    world.check(
        "shelf:serve",
        "requires_manual name_taken: the name serve of shelf:serve belongs to gems:serve, which \
         a person has looked at",
    );
    world.check(
        "crates:x",
        "requires_manual name_taken: the name x of crates:x belongs to gems:x, whose recipe exists",
    );
    // When it is gone, the name is free.
    world.entry("shelf:less").status = Status::Excluded { reason: "library_only".to_owned() };
    world.route();
    world.check("crates:less", "pending");
    let second = "requires_manual name_taken: the name less of gems:less belongs to crates:less, \
                  which was queued before it";
    world.check("gems:less", second);
}

fn probe(source: &str, downloads: u64, has_repository: bool) -> SourceProbe {
    SourceProbe { source: id(source), downloads, version_count: 9, has_repository }
}

/// An audit that selected the gem with the name of `tool`.
fn audit(tool: &str, probes: Vec<SourceProbe>) -> SourceAudit {
    SourceAudit {
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
    }
}

fn unblocked() -> Option<OperatorChange> {
    changed_by_operator(OperatorAction::Unblocked)
}

fn changed_by_operator(action: OperatorAction) -> Option<OperatorChange> {
    Some(OperatorChange { action, at: NOW, by: None, reason: None, released: false })
}

#[test]
fn numbers_of_different_registries_decide_nothing() {
    let mut world = World::of("gems:redis gems:alone");
    world.audits = vec![
        audit(
            "redis",
            vec![probe("gems:redis", 533_991_886, true), probe("shelf:redis", 368_510, true)],
        ),
        audit("alone", vec![probe("gems:alone", 5, true), probe("crates:alone", 900, true)]),
    ];
    world.route();
    let why = "requires_manual name_taken: the name redis of gems:redis is also that of \
               shelf:redis, whose registry reviews its packages; their numbers, 533991886 and \
               368510, count different things and say nothing";
    world.check("gems:redis", why);
    world.check("gems:alone", "pending");
    // A person decides, and no rule holds it back again.
    let entry = world.entry("gems:redis");
    entry.status = Status::Pending;
    entry.operator_change = unblocked();
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

/// A world in which `prettier` and `ripgrep` are popular, with these entries.
fn beside_popular(text: &str) -> World {
    let mut world = World::of(&format!("gems:prettier shelf:ripgrep {text}"));
    for popular in ["gems:prettier", "shelf:ripgrep"] {
        world.entry(popular).tier = Tier::POPULAR;
    }
    world.entry("gems:prettier").popularity = popularity(1_000_000);
    world
}

fn popularity(value: u64) -> Option<Popularity> {
    let (unit, source) = ("downloads".to_owned(), "a list".to_owned());
    let as_of = NOW.date_naive();
    Some(Popularity { value, unit, period_days: Some(90), source, as_of })
}

#[test]
fn a_name_that_looks_like_a_popular_one_waits_for_a_person_wherever_it_comes_from() {
    let mut world =
        beside_popular("gems:prett1er crates:r1p-grep gems:pretty gems:ls shelf:r1pgrep");
    world.route();
    let looks = |other: &str| {
        format!("requires_manual imitation: its name looks like that of {other}, which is popular")
    };
    world.check("gems:prett1er", &looks("prettier"));
    // The names of all recipes are one name space, whatever their registries are.
    world.check("crates:r1p-grep", &looks("ripgrep"));
    world.check("gems:pretty", "pending");
    // Nothing is known about its commands.
    world.check("gems:ls", "pending");
    world.check("shelf:r1pgrep", "pending");
    // The one that is imitated is gone. Nobody has looked at the imitation for that reason.
    world.entry("gems:prettier").tier = Tier::REST;
    assert_eq!(world.route(), 0);
    // An imitation claims no name.
    let mut world = beside_popular("crates:prett1er gems:prett1er");
    assert_eq!(world.route(), 2);
    world.check("gems:prett1er", &looks("prettier"));
    world.check("crates:prett1er", &looks("prettier"));
}

#[test]
fn a_name_that_looks_like_that_of_a_recipe_waits_for_a_person() {
    let mut world = World::of("crates:g1t-lfs crates:git-lfs");
    world.recipes.add_generated(&"git-lfs".parse().unwrap(), &facts("shelf:git-lfs", &["git-lfs"]));
    world.route();
    let looks = "requires_manual imitation: its name looks like that of git-lfs, which is popular";
    world.check("crates:g1t-lfs", looks);
    let taken = "requires_manual name_taken: the name git-lfs of crates:git-lfs is that of a recipe \
                 that exists";
    world.check("crates:git-lfs", taken);
}

#[test]
fn a_near_name_alone_is_no_reason_and_numbers_are_compared_in_like_units() {
    let text = "gems:pretier gems:prettierr gems:prettie gems:pprettier gems:pretter";
    let mut world = beside_popular(text);
    // With its users nobody takes it for the other, whatever is known about its repository.
    world.entry("gems:pprettier").popularity = popularity(500_000);
    // Installations say nothing about downloads; the number is then compared with the threshold.
    let mut other_unit = popularity(90).unwrap();
    other_unit.unit = "installs".to_owned();
    world.entry("gems:pretter").popularity = Some(other_unit);
    world.entry("gems:prettie").popularity = popularity(3);
    let without = |name: &str| vec![probe(&format!("gems:{name}"), 3, false)];
    world.audits = ["prettie", "pprettier", "pretter"].map(|it| audit(it, without(it))).to_vec();
    world.audits.push(audit("prettierr", vec![probe("gems:prettierr", 3, true)]));
    world.route();
    let near = "requires_manual imitation: its name differs by one typing error from prettier, it \
                has 3 downloads against 1000000, and names no repository";
    world.check("gems:prettie", near);
    for name in ["gems:pretier", "gems:prettierr", "gems:pprettier", "gems:pretter"] {
        world.check(name, "pending");
    }
}

#[test]
fn what_a_person_has_looked_at_is_no_imitation() {
    let mut world = beside_popular("gems:prett1er gems:prettler gems:pretti3r gems:prettier-");
    world.looked_at.insert(id("gems:prett1er"));
    world.entry("gems:prettler").operator_change = unblocked();
    world.sources = vec![source("pretti3r", &["gems:prettier-"])];
    assert_eq!(world.route(), 1);
    let taken = "requires_manual command_taken: the name pretti3r of gems:pretti3r belongs to \
                 gems:prettier-, which a person selected";
    world.check("gems:pretti3r", taken);
}

fn facts(package: &str, commands: &[&str]) -> PackageFacts {
    let commands: Vec<String> = commands.iter().map(|&it| it.to_owned()).collect();
    let facts = PackageFacts::of_commands(id(package), "1".to_owned(), "install", &commands);
    PackageFacts { homepage: Some("https://a.example".to_owned()), ..facts }
}

#[test]
fn a_command_belongs_to_the_selected_package_and_to_what_a_reviewed_registry_calls_so() {
    let mut world = World::of("shelf:fd gems:finder shelf:tools gems:listed gems:free gems:server");
    world.sources = vec![source("redis", &["gems:server"])];
    world.looked_at.insert(id("gems:listed"));
    world.entry("gems:free").operator_change = unblocked();
    let reserved = world.with_rules(reserved);
    let check = |package: &str, command: &str| {
        reserved.check(&facts(package, &[command])).map_err(|taken| taken.reason)
    };
    let taken = |reason: &str| Err(reason.to_owned());
    let of_shelf = "command_taken: fd of gems:finder belongs to shelf:fd, whose registry reviews its \
                    packages";
    assert_eq!(check("gems:finder", "fd"), taken(of_shelf));
    assert_eq!(check("gems:finder", "find-it"), Ok(()));
    for trusted in ["shelf:fd", "shelf:tools", "gems:listed", "gems:free"] {
        assert_eq!(check(trusted, "fd"), Ok(()), "{trusted}");
    }
    assert_eq!(check("gems:server", "redis"), Ok(()));
    assert_eq!(check("gems:free", "redis"), Ok(()), "no rule holds it back again");
    for other in ["gems:listed", "shelf:tools", "crates:new"] {
        let reason = format!(
            "command_taken: redis of {other} belongs to gems:server, which a person selected"
        );
        assert_eq!(check(other, "redis"), Err(reason));
    }
}

#[test]
fn a_near_name_is_an_imitation_once_its_registry_says_that_it_has_no_repository() {
    let mut world = beside_popular("gems:pretier gems:prettierr");
    world.entry("gems:prettierr").popularity = popularity(500_000);
    world.route();
    let reserved = world.with_rules(reserved);
    let check = |package: &str, homepage: Option<&str>| {
        let facts = facts(package, &["x"]);
        let facts = PackageFacts { homepage: homepage.map(str::to_owned), ..facts };
        reserved.check(&facts).map_err(|taken| (taken.kind, taken.reason))
    };
    let evidence = "imitation: its name differs by one typing error from prettier, it has no known \
                    users, and names no repository";
    let refused = Err((FailureKind::UnsafeName, evidence.to_owned()));
    assert_eq!(check("gems:pretier", None), refused);
    assert_eq!(check("gems:pretier", Some("https://a.example")), Ok(()));
    assert_eq!(check("gems:prettierr", None), Ok(()));
    assert_eq!(check("gems:unrelated", None), Ok(()));
}

#[test]
fn a_recipe_has_the_name_that_a_person_gave_to_it() {
    let mut world = World::of("gems:got-vcs gems:got gems:vcs");
    let named = CuratedSource {
        recipe_name: Some("vcs".parse().unwrap()),
        ..source("got", &["gems:got-vcs"])
    };
    world.sources = vec![named];
    world.route();
    for name in ["got", "vcs"] {
        let taken = format!(
            "requires_manual command_taken: the name {name} of gems:{name} belongs to gems:got-vcs, \
             which a person selected"
        );
        world.check(&format!("gems:{name}"), &taken);
    }
    world.check("gems:got-vcs", "pending");
}
