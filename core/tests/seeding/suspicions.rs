//! Packages that want to be taken for others.

use batch_core::{
    decide::seeding::Merged,
    model::{Candidate, PassedOver, Popularity, SeedSkip, Status, Tier},
};

use crate::toy::{Run, downloads, id, lists, page, tool};

/// What becomes of `suspect` beside popular packages.
fn merged(suspect: Candidate) -> Merged {
    let popular = ["prettier", "ripgrep", "web-tools", "rnodel"].map(|name| tool(name, 1_000_000));
    let all = [popular.to_vec(), vec![suspect]].concat();
    Run::default().over(&["top"], &lists(vec![("top", "", page(all, None))])).merged
}

#[track_caller]
fn check(suspect: Candidate, evidence: Option<&str>) {
    let id = suspect.id.clone();
    let merged = merged(suspect);
    let status = &merged.queue[&id].status;
    match evidence {
        None => assert_eq!(*status, Status::Pending, "{id}"),
        Some(part) => {
            let Status::RequiresManual { reason } = status else { panic!("{id}: {status:?}") };
            assert!(reason.contains(part), "{id}: {reason}");
            assert_eq!(merged.suspicious[0].evidence, *reason);
        }
    }
}

fn hidden(name: &str, value: u64) -> Candidate {
    Candidate { has_repository: Some(false), ..tool(name, value) }
}

#[test]
fn one_typing_error_from_a_popular_name_with_few_users_and_no_repository_is_for_a_person() {
    for name in ["pretier", "prettierr", "prettiet", "pretteir", "ripgre", "rippgrep"] {
        check(hidden(name, 12), Some("typing error"));
    }
    let unknown = Candidate { popularity: None::<Popularity>, ..hidden("pretier", 0) };
    check(unknown, Some("it has no known users"));
    check(hidden("pretier", 12), Some("12 downloads against 1000000"));
}

#[test]
fn who_has_users_or_a_repository_or_another_name_is_no_imitation() {
    check(hidden("pretier", 500_000), None);
    check(hidden("prettier", 12), None);
    check(tool("pretier", 12), None);
    check(Candidate { has_repository: None, ..tool("pretier", 12) }, None);
    check(hidden("pretties-x", 12), None);
    check(hidden("quick", 12), None);
}

#[test]
fn what_a_reader_cannot_tell_apart_is_for_a_person() {
    for name in ["r1pgrep", "rlpgrep", "prettler", "webtools", "web.tools", "web-t00ls"] {
        check(tool(name, 900), Some("looks like that of"));
    }
    check(tool("model", 900), Some("looks like that of rnodel"));
}

#[test]
fn nothing_shadows_a_command_of_the_system() {
    for name in ["ls", "sudo", "python3", "env", "git"] {
        check(tool(name, 900_000), Some(&format!("command {name}")));
    }
    let commands = Some(vec!["fine".parse().unwrap(), "ls".parse().unwrap()]);
    check(Candidate { commands, ..tool("harmless", 9) }, Some("command ls"));
    let path =
        Candidate { commands: Some(vec!["x".parse().unwrap()]), ..tool("a.example/cmd/sudo", 9) };
    check(path, Some("command sudo"));
}

#[test]
fn a_person_has_looked_at_what_is_curated() {
    let (curated, all) = (
        [(id("ls"), Tier::REST), (id("pretier"), Tier::REST)].into(),
        vec![tool("prettier", 1_000_000), tool("ls", 5), hidden("pretier", 5)],
    );
    let run = Run { curated, ..Run::default() };
    let merged = run.over(&["top"], &lists(vec![("top", "", page(all, None))])).merged;
    assert!(merged.queue.values().all(|entry| entry.status == Status::Pending));
}

#[test]
fn a_name_in_other_characters_is_told_though_no_registry_has_it() {
    let passed_over = |name: &str| PassedOver {
        name: name.to_owned(),
        reason: SeedSkip::InvalidName,
        why: "it has characters that no name there has".to_owned(),
    };
    let mut first = page(vec![tool("ripgrep", 1_000_000)], None);
    first.passed_over = vec![passed_over("rіpgrеp"), passed_over("a b")];
    let merged = Run::default().over(&["top"], &lists(vec![("top", "", first)])).merged;
    assert_eq!(merged.skipped[&SeedSkip::Homoglyph], 1);
    assert_eq!(merged.skipped[&SeedSkip::InvalidName], 1);
    assert_eq!(merged.suspicious.len(), 1);
    assert_eq!(merged.suspicious[0].name, "rіpgrеp");
    assert_eq!(merged.queue.len(), 1);
    assert_eq!(merged.queue[&id("ripgrep")].popularity, Some(downloads(1_000_000)));
}
